//! The secrets of a subscriber: they live where their octets are visible, in [`kaskade_crypto::subscription`].

pub use kaskade_crypto::subscription::{Algorithm, Layout, OpOrOpc, SubscriberSecrets, TopOrTopc};
