//! AKMA at the anchor function: K_AKMA of each subscriber, who has application keys below it, and how they hear that these are over
//! (TS 33.535).
//!
//! ```text
//! register ── the newest K_AKMA wins: its A-KID resolves, the one before does not ── AkmaContext (sealed)
//! get ─────── Functions::admit ── State::get ── AfHolder (a record) + event ── store ── K_AF
//! remove ──── K_AKMA goes; keys that were given live on until they expire
//! disable ─── K_AKMA goes, and who has keys below is told
//! ```
//!
//! | Part | What |
//! |---|---|
//! | [`AkmaContext`] | K_AKMA and A-KID of a subscriber, as a sealed record |
//! | [`AfHolder`] | the durable note that an application function has K_AF, until when, and where it wants to hear of the end |
//! | [`State`] | both as they were read; an operation makes a unit of it that happens only if they are still so |
//! | [`Functions`] | which application functions there are, who asks in their name, whose keys they may have |
//!
//! All that happens to the keys of one subscriber is in one order: each unit writes the context, and expects it as it was read. Whoever
//! gets a conflict reads again.

mod context;
mod error;
mod functions;
mod holder;
mod state;

pub use context::AkmaContext;
pub use error::{AkmaError, FunctionsError, NotAdmitted};
pub use functions::{Admitted, Functions, Identity, ProtocolRule, Rule, SubscriberRule};
pub use holder::{AfHolder, AfHolderId, Disablement, TO_FUNCTIONS};
pub use state::{Got, HolderLimits, Holding, Party, Registered, Registration, ReleasedAf, State};
