//! Whoever runs EAP behind the gateways.

use std::time::Duration;

use kaskade_codec::radius::Gateway;
use kaskade_flow::Durable;
use kaskade_flow::refusal::{Refusal, Refused};
use kaskade_keys::eap::Msk;
use kaskade_keys::emsk::RMsk;

use crate::sbi::peer::Requester;

/// Runs EAP: makes of each packet of a peer what it is told next.
///
/// It is called once for each packet, never twice for a copy of one, and never for two packets of one run at once. A run between two
/// packets lies with the [`RadiusServer`](super::RadiusServer), which drops it when its time is over or others need the room. What it tells is
/// `Durable`: whatever it rests on is durable, and its release on record.
pub trait EapServer: Send + Sync + 'static {
    /// A run that waits for its peer. It should be small: as many as [`RadiusOptions::pending`](super::RadiusOptions::pending) wait at once.
    type Run: Send + 'static;

    /// Octets that a run has on the heap at most, beside itself.
    const RUN_HEAP: usize;

    /// The EAP request that this run waits for an answer to, once more: it is not kept beside the run.
    fn asked(run: &Self::Run) -> Option<Vec<u8>>;

    /// Takes a packet for a run, or the first packet of another one.
    fn handle(&self, ask: EapAsk<'_>, run: Option<Self::Run>) -> impl Future<Output = EapTold<Self::Run>> + Send;

    /// Hears of what was refused before it came here, for the audit log; of what it refuses itself it knows.
    fn refused(&self, _who: &Requester, _why: Refusal) {}
}

/// A packet of a peer, and the way that it came.
#[derive(Clone, Debug)]
pub struct EapAsk<'a> {
    /// The EAP packet, as it is. Empty: the gateway wants to be told what to ask first (RFC 3579 2.1).
    pub packet: &'a [u8],
    /// Who the peer is, as the gateway says; nothing where it does not know.
    pub user_name: &'a [u8],
    /// Who sent it: an access gateway, or a proxy on its behalf.
    pub requester: &'a Requester,
    /// What the access gateway says about itself.
    pub gateway: Gateway<'a>,
    /// Where the peer calls: MAC address and SSID of the access point.
    pub called_station_id: Option<&'a [u8]>,
    /// From where: its MAC address.
    pub calling_station_id: Option<&'a [u8]>,
    /// Octets of the largest frame that reaches the peer, where the gateway knows it; 802.1X takes 4 of them for itself (RFC 3579 2.4).
    pub mtu: Option<u32>,
    /// Whether the gateway will be told [`Granted::cui`].
    pub wants_cui: bool,
    /// Whether it will be told [`Granted::eap_key_name`].
    pub wants_eap_key_name: bool,
}

/// What becomes of a packet.
pub enum EapTold<R> {
    /// The peer is asked something, and the run waits for its answer.
    Request {
        /// The run.
        run: R,
        /// The EAP request.
        packet: Asked,
    },
    /// The peer may come in.
    Success(Durable<Granted>),
    /// The peer may not come in, and its method has said so.
    Failure {
        /// EAP-Failure.
        packet: Vec<u8>,
        /// Why.
        why: Refusal,
    },
    /// The packet is not taken; what the gateway is told follows from the reason.
    Refused {
        /// The run, where it goes on as if the packet had not come.
        run: Option<R>,
        /// Why.
        why: Refused,
    },
}

/// An EAP request.
pub enum Asked {
    /// It gives nothing out: who are you, or what came of it.
    Plain(Vec<u8>),
    /// It gives something out, such as a challenge, and its release is on record.
    Released(Durable<Vec<u8>>),
}

/// What a gateway is told when a peer may come in.
pub struct Granted {
    /// EAP-Success.
    pub packet: Vec<u8>,
    /// What peer and gateway now share; `None` from a method that makes no key.
    pub key: Option<Key>,
    /// An opaque name of the user, 1 to 253 octets, that stays the same: told where it was asked for (RFC 4372).
    pub cui: Option<Vec<u8>>,
    /// The Session-Id of EAP, 1 to 253 octets: told where it was asked for (RFC 5247 1.4).
    pub eap_key_name: Option<Vec<u8>>,
    /// After this long the gateway asks again. Whole seconds count.
    pub session: Option<Duration>,
}

/// A key for a gateway.
pub enum Key {
    /// Of an EAP method.
    Msk(Msk),
    /// Of a re-authentication by ERP (RFC 6696).
    RMsk(RMsk),
}
