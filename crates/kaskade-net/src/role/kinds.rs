//! Every kind of record that roles write.

use kaskade_anchor::akma::{AfHolder, AkmaContext};
use kaskade_anchor::anchor_key::Anchored;
use kaskade_anchor::emsk::{Holder, SealedRoot};
use kaskade_anchor::interception::{FeedRow, TargetRow, WaitingRow};
use kaskade_flow::record::{Kind, Record};

use super::nef::Notice;
use super::udm::ServingAmf;

/// All kinds of records that roles write: what a copy of a store takes along.
pub const KINDS: &[Kind] = &[
    Holder::KIND,
    SealedRoot::KIND,
    AkmaContext::KIND,
    AfHolder::KIND,
    Notice::KIND,
    Anchored::KIND,
    ServingAmf::KIND,
    WaitingRow::KIND,
    TargetRow::KIND,
    FeedRow::KIND,
];
