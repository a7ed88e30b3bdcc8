//! The server of EAP-AKA, EAP-AKA' and EAP-AKA' with forward secrecy: from an identity to keys.
//!
//! ```text
//! begin ─► Identifying ⇄ a round with the peer        LookingUp: ask the driver who that is
//!             └─► Fetching: ask for a vector ─► Challenged ─┬─ wrong ─► Notifying ─► over
//!                          ▲── AUTS ───────────────────────┤
//!          Reauthenticating ── counter too small ──► Fetching
//!                          └─ right ─┬─► Confirming: the driver says whether the user may
//!                                    └─► Succeeding: protected notification ─► over, with keys
//! ```
//!
//! Every stage is owned by its variant and consumed by the next input. The server knows no table: who a name stands for, and the keys
//! of an earlier authentication, are asked for ([`ServerAsk`]) and come back as [`ServerInput`].

mod challenge;
mod common;
mod identifying;
mod reauthentication;
mod result;
mod telling;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use kaskade_codec::eap::AkaMethod;
use kaskade_crypto::ecdh::Group;
use kaskade_crypto::{Auts, Rand};
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Machine, Moment, Step};
use kaskade_keys::Supi;
use kaskade_keys::eap::{Emsk, Msk};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{EapIdentity, SessionId};

use super::checkcode::Checkcode;
use super::identity::Claim;
use super::keys::{MessageKeys, Root};
use super::network::NetworkName;
use super::policy::ServerPolicy;
use crate::arpf::AvPrime;
use crate::auc::Quintet;
use challenge::Challenged;
use common::{Common, User};
use identifying::{Identifying, LookingUp};
use reauthentication::Reauthenticating;
use result::{Confirming, Notifying, Succeeding};
pub use telling::Telling;

/// One run of a server.
#[derive(Debug)]
pub struct Server(State);

/// The stages.
#[derive(Debug)]
enum State {
    Identifying(Identifying),
    LookingUp(LookingUp),
    Fetching(Box<Fetching>),
    Challenged(Box<Challenged>),
    Reauthenticating(Box<Reauthenticating>),
    Confirming(Box<Confirming>),
    Succeeding(Box<Succeeding>),
    Notifying(Notifying),
}

/// Waits for a vector.
#[derive(Debug)]
struct Fetching {
    common: Common,
    user: User,
    checkcode: Checkcode,
    /// The challenge that the card found out of range, if this is for another.
    before: Option<Before>,
}

/// What stays when a challenge is replaced by one with another SQN.
#[derive(Clone, Copy, Debug)]
struct Before {
    /// Whether the peer has asked for KDF 1, which then stands in front of what the policy offers.
    kdf_asked: bool,
    /// The group that it has asked for, which then stands in front.
    group_asked: Option<Group>,
}

/// What a driver tells a server.
pub enum ServerInput {
    /// An EAP packet of the peer.
    Packet(Vec<u8>),
    /// Who the claim of [`ServerAsk::User`] is.
    User(UserFound),
    /// The vector of [`ServerAsk::Vector`], and the names for the time after this run.
    Vector(Vector, Names),
    /// Whether the user of [`ServerAsk::Confirm`] may, and if not, why.
    Confirmed(Result<(), Refusal>),
    /// What was asked for cannot be had, and why.
    Refused(Refusal),
}

/// Without the octets of a packet: they may name the user.
impl fmt::Debug for ServerInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(packet) => write!(f, "Packet({} octets)", packet.len()),
            Self::User(found) => found.fmt(f),
            Self::Vector(..) => f.write_str("Vector(…)"),
            Self::Confirmed(result) => write!(f, "Confirmed({result:?})"),
            Self::Refused(why) => write!(f, "Refused({why:?})"),
        }
    }
}

/// What a server asks its driver for.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerAsk {
    /// Who is this? Then [`ServerInput::User`] or [`ServerInput::Refused`].
    User(Claim),
    /// A vector; then [`ServerInput::Vector`] or [`ServerInput::Refused`].
    Vector(VectorRequest),
    /// The user is authenticated: report that, and say whether access is given. Then [`ServerInput::Confirmed`].
    Confirm(Supi),
    /// Keep this until it is used, before what comes with it is told. Nothing follows.
    Keep(Box<Reauthentication>),
}

/// A vector that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorRequest {
    /// Of whom.
    pub supi: Supi,
    /// By which method: an AV' of EAP-AKA', or a quintet of EAP-AKA.
    pub method: AkaMethod,
    /// What CK' and IK' are bound to; no matter for EAP-AKA.
    pub network: NetworkName,
    /// RAND and AUTS of the card that found the last one out of range: SQN is moved first (TS 33.102 6.3.5).
    pub resynchronisation: Option<(Rand, Auts)>,
}

/// A vector of one of the methods.
#[derive(Clone, Debug)]
pub enum Vector {
    /// For EAP-AKA'.
    AkaPrime(AvPrime),
    /// For EAP-AKA.
    Aka(Quintet),
}

/// Who a claim is.
#[derive(Debug)]
pub enum UserFound {
    /// This subscriber.
    Subscriber(Supi),
    /// This subscriber, authenticated before. The driver has taken the entry out: an identity of a fast re-authentication serves
    /// once. With the identity for the time after this one, if there is to be another.
    Reauthentication(Box<Reauthentication>, Option<EapIdentity>),
    /// Nobody: the name is too old, spent, or not of this home network. The peer is asked for another.
    Unknown,
}

/// Names that the peer may use next time; the driver draws them, no two users ever have one. None are given in 5GS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The user name of a pseudonym, without realm.
    pub pseudonym: Option<EapIdentity>,
    /// An identity of a fast re-authentication, with realm.
    pub reauthentication: Option<EapIdentity>,
}

/// What a fast re-authentication starts from. Holds keys; wiped on drop.
#[derive(Debug)]
pub struct Reauthentication {
    /// The identity by which the peer asks for it; serves once.
    pub name: EapIdentity,
    /// Whose it is.
    pub supi: Supi,
    /// How many there were since the full authentication.
    pub done: u16,
    /// By which method: the next name must be one of that.
    pub method: AkaMethod,
    network: NetworkName,
    messages: MessageKeys,
    root: Root,
    forward_secrecy: bool,
}

/// Of one name, of one user, as often used: keys are not compared.
impl PartialEq for Reauthentication {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.supi, self.done) == (&other.name, &other.supi, other.done)
    }
}

impl Eq for Reauthentication {}

/// What a peer is told, and what comes with it.
#[derive(Debug)]
pub enum ServerOutput {
    /// A request.
    Request(Box<[u8]>),
    /// Nothing: the packet is not used, the run goes on. How the driver's protocol tells that is in the table of refusals.
    Discard(Refusal),
    /// EAP-Success, and the keys.
    Success(Box<Authenticated>),
    /// EAP-Failure, and why.
    Failure {
        /// The packet.
        packet: [u8; 4],
        /// Why, for the log and for the driver's protocol.
        why: Refusal,
    },
}

/// What an authentication gives a server.
#[derive(Debug)]
pub struct Authenticated {
    /// EAP-Success.
    pub packet: [u8; 4],
    /// Who.
    pub supi: Supi,
    /// By which method.
    pub method: AkaMethod,
    /// For the authenticator.
    pub msk: Msk,
    /// For this server and what derives from it; has no way out.
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
}

/// How a run begins.
#[derive(Clone, Debug)]
pub struct Begin {
    /// What the server does.
    pub policy: Arc<ServerPolicy>,
    /// Where the peer is.
    pub network: NetworkName,
    /// The identifier of the last packet; the first request has the next.
    pub identifier: u8,
}

impl Server {
    /// Begins with what the peer answered to an EAP-Request/Identity: nothing, or an identity, which need not be one.
    pub fn begin(begin: Begin, identity: &[u8], now: Moment) -> Step<Self> {
        Identifying::begin(Common::new(begin, now), identity)
    }

    /// Begins in 5GS: the AUSF knows the SUPI, and the UDM has given a vector (TS 33.501 6.1.3.1). `None` where that cannot be: a
    /// policy of another profile, or a network name that is no serving network's.
    pub fn begin_5gs(
        begin: Begin,
        supi: Supi,
        vector: AvPrime,
        now: Moment,
        entropy: &mut dyn Entropy,
    ) -> Option<Step<Self>> {
        use super::policy::Profile;
        if begin.policy.profile != Profile::FiveGs || !begin.network.binds_supi() {
            return None;
        }
        let user = User {
            peer_id: EapIdentity::from(&supi),
            supi,
        };
        let fetching = Fetching {
            common: Common::new(begin, now),
            user,
            checkcode: Checkcode::NO_ROUND,
            before: None,
        };
        Some(fetching.challenge(Vector::AkaPrime(vector), Names::default(), entropy))
    }

    /// Who is to be authenticated, as far as that is known.
    pub fn supi(&self) -> Option<&Supi> {
        match &self.0 {
            State::Identifying(_) | State::LookingUp(_) | State::Notifying(_) => None,
            State::Fetching(stage) => Some(&stage.user.supi),
            State::Challenged(stage) => Some(&stage.user.supi),
            State::Reauthenticating(stage) => Some(stage.supi()),
            State::Confirming(stage) => Some(stage.supi()),
            State::Succeeding(stage) => Some(stage.supi()),
        }
    }

    /// The request that the peer has not answered, for a lower layer that has lost it; none while the driver is asked.
    pub fn last_request(&self) -> Option<Vec<u8>> {
        match &self.0 {
            State::Identifying(stage) => Some(stage.request.to_vec()),
            State::Challenged(stage) => stage.write().ok(),
            State::Reauthenticating(stage) => Some(stage.request.to_vec()),
            State::Succeeding(stage) => Some(stage.request.to_vec()),
            State::Notifying(stage) => Some(stage.request.to_vec()),
            State::LookingUp(_) | State::Fetching(_) | State::Confirming(_) => None,
        }
    }

    /// Why the run ends, once the peer has been notified of it.
    pub fn refused(&self) -> Option<Refusal> {
        match &self.0 {
            State::Notifying(stage) => Some(stage.why),
            _ => None,
        }
    }

    fn to(state: State) -> Step<Self> {
        Step::to(Self(state))
    }
}

impl Machine for Server {
    type Input = ServerInput;
    type Ask = ServerAsk;
    type Output = ServerOutput;

    fn deadline(&self) -> Option<Moment> {
        match &self.0 {
            State::Identifying(stage) => stage.common.until,
            State::LookingUp(stage) => stage.common.until,
            State::Fetching(stage) => stage.common.until,
            State::Challenged(stage) => stage.common.until,
            State::Reauthenticating(stage) => stage.common.until,
            State::Confirming(stage) => stage.common.until,
            State::Succeeding(stage) => stage.common.until,
            State::Notifying(stage) => stage.common.until,
        }
    }

    fn handle(self, _: Moment, entropy: &mut dyn Entropy, input: Option<ServerInput>) -> Step<Self> {
        let Some(input) = input else {
            // Out of time.
            return Step::end();
        };
        match (self.0, input) {
            (State::Identifying(stage), ServerInput::Packet(packet)) => stage.packet(&packet),
            (State::LookingUp(stage), ServerInput::User(found)) => stage.found(found, entropy),
            (State::LookingUp(stage), ServerInput::Refused(why)) => stage.common.refuse(why),
            (State::Fetching(stage), ServerInput::Vector(vector, names)) => stage.challenge(vector, names, entropy),
            (State::Fetching(stage), ServerInput::Refused(why)) => stage.common.refuse(why),
            (State::Challenged(stage), ServerInput::Packet(packet)) => stage.packet(&packet, entropy),
            (State::Reauthenticating(stage), ServerInput::Packet(packet)) => stage.packet(&packet),
            (State::Confirming(stage), ServerInput::Confirmed(result)) => stage.confirmed(result, entropy),
            (State::Confirming(stage), ServerInput::Refused(why)) => stage.confirmed(Err(why), entropy),
            (State::Succeeding(stage), ServerInput::Packet(packet)) => stage.packet(&packet),
            (State::Notifying(stage), ServerInput::Packet(packet)) => stage.packet(&packet),
            // A packet while the driver is asked, or an answer to what nobody asked: nothing changes.
            (state, _) => Self::to(state).telling(kaskade_flow::Guarded::new(ServerOutput::Discard(Refusal::InWork))),
        }
    }
}
