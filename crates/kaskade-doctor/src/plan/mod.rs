//! Ways through the hierarchy: which derivations lead from what is given to a key, what they still need, and the keys that
//! follow by them.

mod candidate;
mod choice;
mod derived;
mod error;
mod refusal;

pub use candidate::Plan;
pub use choice::{is_ambiguous, usual};
pub use derived::{Derived, Step, everything, waiting};
pub use error::PlanError;
