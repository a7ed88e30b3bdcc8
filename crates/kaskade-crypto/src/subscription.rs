//! One subscription: its algorithm set, the secrets that go with it, and how they are laid out when they are sealed.
//!
//! It stands here and not in the store, so that the octets of K, OP, OPc, TOP and TOPc never leave this crate but sealed
//! ([`seal`](crate::seal)).

mod algorithm;
mod layout;
mod secrets;

pub use algorithm::{AlgorithmKeys, AlgorithmProfile, Functions, GsmAlgorithm, GsmKeys};
pub(crate) use layout::SecretBuffer;
pub use layout::{Layout, LayoutError};
pub use secrets::{Algorithm, OpOrOpc, SubscriberSecrets, TopOrTopc};
