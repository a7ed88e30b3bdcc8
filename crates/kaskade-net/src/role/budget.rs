//! How much a requester may ask for, as the services say it: [`kaskade_flow::budget`] counts, and says why.
//!
//! | Bucket | Refusal |
//! |---|---|
//! | of the node | [`Refusal::NodeBudgetSpent`]: 503 `NF_CONGESTION` |
//! | any other | [`Refusal::BudgetSpent`]: 429 `NF_CONGESTION_RISK` |

use std::hash::RandomState;

pub use kaskade_flow::budget::{BUCKETS_OCTETS, Bucket, BudgetOptions, NotARate, OverBudget, Rate};

use kaskade_flow::Refusal;

/// The budgets of one role.
pub(super) type Budgets = kaskade_flow::budget::Budgets<RandomState>;

/// Why it is refused where this bucket is empty.
pub const fn refusal(bucket: Bucket) -> Refusal {
    match bucket {
        Bucket::Node => Refusal::NodeBudgetSpent,
        _ => Refusal::BudgetSpent,
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
}
