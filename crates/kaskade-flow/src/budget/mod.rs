//! How much may be asked for: rates with a burst, and the buckets that keep them.
//!
//! | Part | What |
//! |---|---|
//! | [`Rate`] | how many in a period, how many at once, and one bucket of that |
//! | `Budgets` (with `std`: they are behind locks) | the buckets that a request for a vector passes |

#[cfg(any(test, feature = "std"))]
mod admission;
mod rate;

#[cfg(any(test, feature = "std"))]
pub use admission::{AutsAge, BUCKETS_OCTETS, Bucket, BudgetOptions, Budgets, FRESH, OverBudget};
pub use rate::{NotARate, Rate};
