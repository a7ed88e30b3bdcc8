//! The key of a subscriber's rows: [`kaskade_flow::record`] has it, as the keys of all records begin with it.

pub(crate) use kaskade_flow::record::SubscriberKey;
