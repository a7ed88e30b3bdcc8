//! Which outputs of a server need a release, and which give nothing out.

use alloc::boxed::Box;

use kaskade_codec::eap::{Body, Packet, Subtype};
use kaskade_flow::Guarded;
use kaskade_flow::refusal::Refusal;
use kaskade_flow::release::Sort;

use super::{Authenticated, ServerOutput};

/// A [`ServerOutput`] by what its telling needs.
#[derive(Debug)]
pub enum Telling {
    /// A request that gives nothing out: who are you, or what came of it.
    Plain(Box<[u8]>),
    /// A challenge, of a full authentication or of a fast one.
    Challenge(Guarded<Box<[u8]>>),
    /// EAP-Success, and the keys.
    Success(Guarded<Box<Authenticated>>),
    /// Nothing: the packet is not used, the run goes on.
    Discard(Refusal),
    /// EAP-Failure, and why.
    Failure {
        /// The packet.
        packet: [u8; 4],
        /// Why.
        why: Refusal,
    },
}

impl Sort for ServerOutput {
    type Sorted = Telling;

    fn sort(self) -> Telling {
        match self {
            Self::Request(request) if gives_nothing_out(&request) => Telling::Plain(request),
            Self::Request(request) => Telling::Challenge(Guarded::new(request)),
            Self::Success(authenticated) => Telling::Success(Guarded::new(authenticated)),
            Self::Discard(why) => Telling::Discard(why),
            Self::Failure { packet, why } => Telling::Failure { packet, why },
        }
    }
}

/// Whether a request holds nothing that was made for the user.
fn gives_nothing_out(request: &[u8]) -> bool {
    let Ok(Packet::Request(message)) = Packet::parse(request) else {
        return false;
    };
    match message.body {
        Body::Aka(aka) => matches!(aka.subtype(), Some(Subtype::Identity | Subtype::Notification)),
        _ => false,
    }
}
