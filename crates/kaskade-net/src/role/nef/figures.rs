//! What the NEF has done since the start.

use crate::count::Counter;

/// What the NEF has done since the start.
#[derive(Debug, Default)]
pub struct NefCounters {
    /// Keys that were given with the GPSI of the user.
    pub given_with_gpsi: Counter,
    /// Keys that were given without.
    pub given: Counter,
    /// Requests with an A-KID of which nobody has a key.
    pub unknown: Counter,
    /// Requests for keys that were refused here.
    pub refused: Counter,
    /// Access tokens that were given.
    pub tokens: Counter,
    /// Requests for access tokens that were refused.
    pub tokens_refused: Counter,
    /// Application functions that were told of the end of keys.
    pub told: Counter,
    /// Those that could not be told, and are told later.
    pub not_told: Counter,
    /// Messages to them that were given up: it was refused, or they may not be told there any more.
    pub given_up: Counter,
}
