//! What must survive: subscribers, K sealed at rest, and sequence numbers that never repeat.
//!
//! | Room | What |
//! |---|---|
//! | [`model`] | a subscriber: SUPI, secrets, AMF, methods, SQN record |
//! | [`SubscriberSecrets`] | K with OP, OPc, TOP or TOPc, and the algorithm set that they are for |
//! | [`SubscriberStore`] | add, find, list, remove; credentials and SQN for the AuC; resynchronisation |
//! | [`Records`] | durable things of any kind, in units, with an outbox |
//! | [`MasterKey`], `seal` | AES-256-GCM under a data key under the master key |
//! | [`Locked`] | keys on pages that are neither swapped nor dumped |
//! | [`private`] | files and folders that nobody else may look into |
//! | [`audit`] | the chained log without which nothing is given out |
//! | [`feed`] | sealed records in a chain, for lawful interception |
//! | [`row`] | the octets of a row |
//! | [`engine`], [`embedded`], [`postgres`] | the promises of an engine; redb; PostgreSQL |
//! | [`copy`] | a store goes to another engine |
//!
//! The suite that every engine must pass is `kaskade-testkit`.
//!
//! A default subscriber's SQN rides on the clock and costs no write; others reserve ranges, and one thread makes what
//! waits durable in one commit. Nothing leaves before what it depends on is durable (`docs/adr/0002-sqn-time-based.md`,
//! `docs/adr/0003-embedded-store.md`). Calls on subscribers block at most for a commit; what may wait elsewhere, such as
//! [`Records`] and [`Custody`], gives futures that are anybody's: no runtime of the caller's is needed.
//!
//! ```
//! use kaskade_crypto::{Amf, K, Opc};
//! use kaskade_keys::Supi;
//! use kaskade_store::{
//!     AuthMethods, MasterKey, OpOrOpc, SqnRecord, SqnScheme, StoreOptions, Subscriber, SubscriberSecrets, SubscriberStore,
//!     Subscription,
//! };
//!
//! let folder = tempfile::tempdir().expect("a folder");
//! let key = MasterKey::create(&folder.path().join("master.key")).expect("a master key");
//! let path = folder.path().join("subscribers.redb");
//! let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a store");
//! let supi: Supi = "imsi-001010000000001".parse().expect("a SUPI");
//! let opc = OpOrOpc::Opc(Opc::from_octets(&[0xcd; 16]));
//! let subscriber = Subscriber {
//!     supi: supi.clone(),
//!     secrets: SubscriberSecrets::milenage(K::from_octets(&[0x46; 16]), opc),
//!     amf: Amf::SEPARATION,
//!     methods: AuthMethods::FIVE_G_AKA,
//!     subscription: Subscription::default(),
//!     sqn: SqnRecord::blank(SqnScheme::TimeBased),
//! };
//! store.add(&subscriber).expect("a new subscriber");
//! let network = "5G:mnc001.mcc001.3gppnetwork.org";
//! let first = store.next_sqn(&supi, network).expect("a number");
//! assert!(store.next_sqn(&supi, network).expect("another number") != first);
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]

#[cfg(test)]
extern crate self as kaskade_store;

mod arenas;
pub mod audit;
mod audit_head;
mod backend;
mod card;
mod chain;
mod challenge;
pub mod clock;
mod commit;
mod compare;
mod convert;
pub mod copy;
pub mod custody;
pub mod embedded;
pub mod engine;
mod error;
mod failure;
pub mod feed;
mod figures;
mod hold;
mod issuer;
mod key;
mod leb128;
pub mod locked;
mod master_key;
/// The testkit's engine, compiled with these types: what sees this crate's insides cannot use the testkit, which has others.
#[cfg(test)]
#[path = "../../kaskade-testkit/src/memory.rs"]
pub mod memory;
mod meta;
pub mod model;
mod nodes;
mod numbers;
mod numbers_row;
pub mod postgres;
pub mod private;
mod provision;
mod queue;
pub mod records;
pub mod row;
pub mod rows;
#[cfg(test)]
mod schedule;
mod seal;
mod secrets;
mod skip_ahead;
mod sqn_row;
mod status;
mod store;
#[cfg(test)]
mod success_lock;
#[cfg(test)]
mod swept_at_once;
mod sync;
mod unlock;

pub use arenas::bound_arenas;
pub use challenge::{AUTS_LIFETIME, AUTS_LIFETIME_AMONG_NODES, NotFollowed};
pub use convert::Conversion;
pub use custody::{Card, CardName, Custody, Now, SealedCard};
pub use error::{EngineError, MasterKeyError, Partly, RowError, StoreError};
pub use failure::WritingStopped;
pub use figures::StoreFigures;
pub use kaskade_aka::sqn::{NodeIndex, SqnPolicy, SqnRecord, SqnScheme};
pub use locked::Locked;
pub use master_key::MasterKey;
pub use model::{AlgorithmProfile, AuthMethods, BestSubscription, Credentials, EpsProfile, Subscriber, Subscription};
pub use nodes::{NodeState, ONLOOKER};
pub use records::{OnRecord, Records};
pub use secrets::{Algorithm, Layout, OpOrOpc, SubscriberSecrets, TopOrTopc};
pub use skip_ahead::{SKIPPED_SEQ, SKIPPED_TIME, Skipped, skip_ahead, skip_ahead_on};
pub use status::{StoreState, StoreStatus, status_of};
pub use store::{CustodyOf, Resynchronised, StoreOptions, SubscriberStore};
pub use unlock::{
    KeptOfLog, is_blank, keep_audit_head, keep_audit_head_on, kept_audit_head, kept_of_audit_log, kept_of_audit_log_on,
};

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
