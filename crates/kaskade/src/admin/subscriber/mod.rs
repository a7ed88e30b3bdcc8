//! Subscribers: what can be asked of them and done to them.

mod alter;
mod import;
mod look;
mod put;
mod view;

pub(crate) use alter::{AllowReuse, Change, Remove};
pub(crate) use import::{BrokenOff, Together, Written};
pub(crate) use kaskade::administration::batches::{Batches, ImportEvent, ImportQuery, Kind as Lines, Part};
pub(crate) use kaskade::administration::{AddQuery, Changes, ListQuery, NewSubscriber, ShowQuery};
#[cfg(test)]
pub(crate) use look::Page;
pub(crate) use look::{List, Show};
pub(crate) use put::Add;
pub(crate) use view::SubscriberView;
