//! Sequence numbers: SQN = SEQ ‖ IND (TS 33.102 6.3.2 and Annex C).

mod layout;

pub use layout::{Ind, Seq, SqnLayout};
