//! Sequence numbers: SQN = SEQ ‖ IND (TS 33.102 6.3.2 and Annex C).
//!
//! Pure policy: no clock is read and nothing is written here. [`SqnRecord`] is what must be durable, [`SqnIssuer`] decides
//! what may be issued and says when a record must become durable first; `docs/adr/0002-sqn-time-based.md` shows why
//! nothing is issued twice.
//!
//! | Part | What |
//! |---|---|
//! | [`SqnLayout`], [`Seq`], [`Ind`] | how SQN is split |
//! | [`SqnScheme`], [`SqnRecord`], [`SqnPolicy`] | the durable state and the parameters |
//! | [`SqnIssuer`] | the next SEQ, reservations, resynchronisation |
//! | [`GlobalCounter`], [`ClockView`] | GLC, monotone over clock steps and restarts |
//! | [`NodeIndex`], [`IndPlaces`] | which IND values a node owns |
//! | [`Spent`] | SEQ of earlier epochs |

mod clock;
mod error;
mod ind;
mod issuer;
mod layout;
mod record;
mod resync;
mod spent;
#[cfg(test)]
mod tests;

pub use clock::{ClockState, ClockTooFarAhead, ClockView, Clocks, Glc, GlobalCounter};
pub use error::SqnError;
pub use ind::{IndPlaces, NodeIndex};
pub use issuer::{Next, SqnIssuer};
pub use layout::{Ind, Seq, SqnLayout};
pub use record::{Back, Generator, Moment, Reuse, SqnParts, SqnPolicy, SqnRecord, SqnScheme};
pub use resync::{Moved, Proof, Resynchronisation};
pub use spent::Spent;
