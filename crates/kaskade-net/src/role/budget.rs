//! How much a requester may ask for, as the services say it: [`kaskade_flow::budget`] counts, and says why.
//!
//! | Bucket | Refusal |
//! |---|---|
//! | of the node | 503 `NF_CONGESTION` |
//! | any other | 429 `NF_CONGESTION_RISK` |

use std::hash::RandomState;
use std::time::Duration;

pub use kaskade_flow::budget::{BUCKETS_OCTETS, Bucket, BudgetOptions, NotARate, OverBudget, Rate};

use crate::sbi::problem::{Cause, Problem};

/// The budgets of one role.
pub(super) type Budgets = kaskade_flow::budget::Budgets<RandomState>;

/// What the peer is told where this bucket is empty.
pub const fn cause(bucket: Bucket) -> Cause {
    match bucket {
        Bucket::Node => Cause::NfCongestion,
        _ => Cause::NfCongestionRisk,
    }
}

/// The setting that bounds a bucket.
pub const fn setting(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Requester => "budget.requester",
        Bucket::ServingNetwork => "budget.serving_network",
        Bucket::Node => "budget.node",
        Bucket::Suci => "budget.suci",
        Bucket::CardOfRequester => "budget.card_of_requester",
        Bucket::Card => "budget.card",
    }
}

impl From<OverBudget> for Problem {
    fn from(over: OverBudget) -> Self {
        Problem::from(cause(over.bucket)).with_retry_after(whole_seconds(over.retry_after))
    }
}

/// For `Retry-After`: whole seconds, one at least.
pub(super) fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_nanos().div_ceil(1_000_000_000).max(1);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_named_as_its_rate() {
        for bucket in [
            Bucket::Requester,
            Bucket::ServingNetwork,
            Bucket::Node,
            Bucket::Suci,
            Bucket::CardOfRequester,
            Bucket::Card,
        ] {
            assert_eq!(setting(bucket), format!("budget.{}", bucket.name()));
        }
    }

    #[test]
    fn who_is_told_to_wait_waits_long_enough() {
        let problem = |bucket, nanoseconds| {
            let problem = Problem::from(OverBudget {
                bucket,
                retry_after: Duration::from_nanos(nanoseconds),
            });
            (problem.status.as_u16(), problem.retry_after)
        };
        assert_eq!(problem(Bucket::Node, 0), (503, Some(1)));
        assert_eq!(problem(Bucket::Card, 1_000_000_001), (429, Some(2)));
    }
}
