//! Lawful interception of a node: what its principal asks for over a socket of its own. No part of administration: it is in no list of
//! operations and in no document of them, and nobody has it by a role there.
//!
//! | Room | What |
//! |---|---|
//! | [`profile`] | targets, records of the feed and the status as JSON: profile AKMA-LI-P1 |
//! | [`desk`] | what is answered, and to whom |
//! | [`ask`] | how the commands ask |

pub(crate) mod ask;
mod desk;
pub(crate) mod profile;

pub(crate) use desk::Desk;
