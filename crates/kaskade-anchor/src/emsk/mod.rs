//! The EMSK as a root: held in custody, and below it keys for usages, services, slices and domains (RFC 5295).
//!
//! ```text
//! authentication ── Root ── Anchor ── Anchors: one for each subscriber, bounded, expiring
//!                              ▲
//! request ── Registry::admit ──┘── key (guarded) + Holder (a record) + event ── store ── key
//! re-authentication, deregistration, lost in a restart ── retire ── holders are removed and told
//! ```
//!
//! | Part | What |
//! |---|---|
//! | [`Root`] | the EMSK and its name; it gives keys below it and nothing else. A UE uses it as it is |
//! | [`Registry`] | which usages there are, who may ask for their keys, how long those live |
//! | [`Anchor`] | the life of one EMSK as a machine: asked, retired, over |
//! | [`Anchors`] | the EMSKs that a process holds |
//! | [`Holder`] | the durable note that somebody has a key, and where it wants to hear of its end |
//! | [`SealedRoot`] | the EMSK as a sealed record, where the configuration wants one |
//!
//! # Project profiles
//!
//! | Profile | Version | What it fixes |
//! |---|---|---|
//! | usage data | 1 | how S-NSSAI and application string are the optional data of a service key or slice key: [`kaskade_keys::id::UsageData`] |
//! | 5G-AKA-EMSK | 1 | MSK and EMSK after 5G AKA, made of K_AUSF: [`kaskade_keys::emsk::of_5g_aka`] |
//! | life of usage keys | 1 | it counts from the birth of the EMSK: whoever asks twice has the same key with the same end |

mod anchor;
mod anchors;
mod error;
mod holder;
mod output;
mod registry;
mod root;
mod sealed;

pub use anchor::{Admission, Anchor, AnchorAsk, AnchorInput, Asked, GivenUp, Held, Life, Limits, Noted};
pub use anchors::{Anchors, Begun, Subscriber};
pub use error::{AnchorError, NotAdmitted, RegistryError};
pub use holder::{Callback, Holder, HolderId, Retired, Retirement, TO_HOLDERS, Why, retire, retire_left};
pub use output::{AnchorOutput, Released, ReleasedDomain};
pub use registry::{Admitted, AdmittedDomain, Ask, Caller, DataRule, Domain, Grant, Registry, Usage, Wanted, Who};
pub use root::{KeyOf, Method, Root, UsageKey};
pub use sealed::{Custody, Origin, SealedRoot};
