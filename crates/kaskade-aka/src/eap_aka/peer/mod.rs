//! The peer of EAP-AKA, EAP-AKA' and EAP-AKA' with forward secrecy: a device with a card, from a request to keys.
//!
//! ```text
//! Waiting ⇄ identity rounds, negotiations, AUTS
//!    ├─► Asking: the card is asked ─┬─► Answered ── EAP-Success ─► over, with keys
//!    └─► a fast re-authentication ──┘       └─ protected notifications
//! anything wrong ─► Ending: told to the server ── EAP-Failure ─► over
//! ```
//!
//! Every stage is owned by its variant and consumed by the next input. The card is the driver's: it is asked for ([`PeerAsk`]). Names
//! and keys of an earlier run come in and go out as [`PeerMemory`].

mod answered;
mod challenge;
mod common;
mod policy;
mod reauthentication;
mod waiting;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use kaskade_codec::eap::{AkaMethod, NotificationCode};
use kaskade_crypto::{Autn, Ck, Ik, Rand, Res};
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Guarded, Machine, Moment, Step};
use kaskade_keys::Supi;
use kaskade_keys::eap::{Emsk, Msk};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{EapIdentity, Imsi, SessionId};

use super::keys::{MessageKeys, Root};
use crate::usim::{UsimAnswer, UsimError};
use answered::Answered;
use challenge::Asking;
use common::{Common, Ending};
pub use policy::PeerPolicy;
use waiting::Waiting;

/// One run of a peer.
#[derive(Debug)]
pub struct Peer(State);

/// The stages.
#[derive(Debug)]
enum State {
    Waiting(Box<Waiting>),
    Asking(Box<Asking>),
    Answered(Box<Answered>),
    Ending(Box<Ending>),
}

/// Who the peer is.
#[derive(Clone, Debug)]
pub enum PeerName {
    /// Outside of 5GS: an IMSI, and the realm of its home network.
    Imsi(Imsi, String),
    /// In 5GS: the SUPI, and the SUCI in NAI form that answers a request for an identity.
    FiveGs(Supi, EapIdentity),
}

/// What a peer keeps from run to run. Holds keys; wiped on drop.
#[derive(Debug, Default)]
pub struct PeerMemory {
    /// The pseudonym: a whole identity.
    pub pseudonym: Option<EapIdentity>,
    /// What a fast re-authentication starts from.
    pub reauthentication: Option<PeerReauthentication>,
}

/// What a fast re-authentication starts from, on the peer's side.
#[derive(Debug)]
pub struct PeerReauthentication {
    /// The identity; serves once.
    pub name: EapIdentity,
    method: AkaMethod,
    /// The highest number that was accepted since the full authentication.
    counter: u16,
    messages: MessageKeys,
    root: Root,
    forward_secrecy: bool,
}

/// What a driver tells a peer.
#[derive(Debug)]
pub enum PeerInput {
    /// An EAP packet of the server.
    Packet(Vec<u8>),
    /// What the card says to [`PeerAsk::Card`].
    Card(Result<CardAnswer, UsimError>),
}

/// RES, CK and IK.
#[derive(Clone, Debug)]
pub struct CardAnswer {
    /// RES.
    pub res: Res,
    /// CK.
    pub ck: Ck,
    /// IK.
    pub ik: Ik,
}

impl From<UsimAnswer> for CardAnswer {
    fn from(answer: UsimAnswer) -> Self {
        let UsimAnswer { res, ck, ik, .. } = answer;
        Self { res, ck, ik }
    }
}

/// What a peer asks its driver for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAsk {
    /// Ask the card; then [`PeerInput::Card`].
    Card {
        /// RAND.
        rand: Rand,
        /// AUTN.
        autn: Autn,
    },
}

/// What a peer tells: the server, and whoever started it.
pub enum PeerOutput {
    /// A response.
    Response(Box<[u8]>),
    /// Nothing: the packet is not used, the run goes on.
    Discard(Refusal),
    /// The run has succeeded.
    Success(Box<PeerSuccess>),
    /// The run has failed.
    Failure(Box<PeerFailure>),
}

/// Without the octets of a response: they may name the user.
impl fmt::Debug for PeerOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(response) => write!(f, "Response({} octets)", response.len()),
            Self::Discard(why) => write!(f, "Discard({why:?})"),
            Self::Success(success) => success.fmt(f),
            Self::Failure(failure) => failure.fmt(f),
        }
    }
}

/// What an authentication gives a peer.
#[derive(Debug)]
pub struct PeerSuccess {
    /// By which method.
    pub method: AkaMethod,
    /// For the access.
    pub msk: Msk,
    /// For what derives from it; has no way out.
    pub emsk: Emsk,
    /// K_AUSF: in 5GS, where the network name is one that has it.
    pub k_ausf: Option<KAusf>,
    /// Session-Id.
    pub session_id: SessionId,
    /// Peer-Id: the identity that the keys are bound to.
    pub peer_id: EapIdentity,
    /// Whether an ephemeral secret is in the keys, or was in those that this fast re-authentication started from.
    pub forward_secrecy: bool,
    /// Whether it was a fast re-authentication.
    pub reauthentication: bool,
    /// For the next run.
    pub memory: PeerMemory,
}

/// How a run failed.
#[derive(Debug)]
pub struct PeerFailure {
    /// Why, as far as the peer knows.
    pub why: Refusal,
    /// What the server notified of.
    pub notification: Option<NotificationCode>,
    /// For the next run: the pseudonym is as before; an identity that was used is gone.
    pub memory: PeerMemory,
}

impl Peer {
    /// Waits for the first request.
    pub fn begin(policy: Arc<PeerPolicy>, name: PeerName, memory: PeerMemory, now: Moment) -> Self {
        let common = Common::new(policy, name, memory, now);
        Self(State::Waiting(Box::new(Waiting { common })))
    }

    fn to(state: State) -> Step<Self> {
        Step::to(Self(state))
    }
}

impl Machine for Peer {
    type Input = PeerInput;
    type Ask = PeerAsk;
    type Output = PeerOutput;

    fn deadline(&self) -> Option<Moment> {
        match &self.0 {
            State::Waiting(stage) => stage.common.until,
            State::Asking(stage) => stage.common.until,
            State::Answered(stage) => stage.common.until,
            State::Ending(stage) => stage.common.until,
        }
    }

    fn handle(self, _: Moment, entropy: &mut dyn Entropy, input: Option<PeerInput>) -> Step<Self> {
        match (self.0, input) {
            (State::Waiting(stage), Some(PeerInput::Packet(packet))) => stage.packet(&packet, entropy),
            (State::Asking(stage), Some(PeerInput::Card(answer))) => stage.card(answer, entropy),
            (State::Answered(stage), Some(PeerInput::Packet(packet))) => stage.packet(&packet, entropy),
            (State::Ending(stage), Some(PeerInput::Packet(packet))) => stage.packet(&packet),
            (state, Some(_)) => Self::to(state).telling(Guarded::new(PeerOutput::Discard(Refusal::InWork))),
            (State::Waiting(stage), None) => stage.common.failed(Refusal::PeerSilent),
            (State::Asking(stage), None) => stage.common.failed(Refusal::PeerSilent),
            (State::Answered(stage), None) => stage.common.failed(Refusal::PeerSilent),
            (State::Ending(stage), None) => {
                let Ending { common, why } = *stage;
                common.failed(why)
            }
        }
    }
}
