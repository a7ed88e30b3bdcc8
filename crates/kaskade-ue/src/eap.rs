//! A device that is authenticated by EAP: packets of the server in, responses and keys out (RFC 9048, RFC 4187, TS 33.501 6.1.3.1).
//!
//! ```text
//! EapDevice ── begin ──► Eap ── packet ──► EapTold: keep the card's state, then ── kept ──► EapOutcome
//!                         ▲──────────────────────── goes on ──────────────────────────────────┘
//! ```
//!
//! What a card has accepted must be kept before its response leaves, or it accepts the challenge again after a loss of power.

use alloc::boxed::Box;
use alloc::sync::Arc;

use kaskade_aka::eap_aka::NetworkName;
use kaskade_aka::eap_aka::peer::{
    Peer, PeerAsk, PeerFailure, PeerInput, PeerMemory, PeerName, PeerOutput, PeerPolicy, PeerSuccess,
};
use kaskade_aka::usim::Usim;
use kaskade_aka::visit::{KeyVisitor, VisitKeys as _};
use kaskade_anchor::emsk::{KeyOf, Root};
use kaskade_flow::entropy::Entropy;
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Guarded, Machine, Moment};
use kaskade_keys::Supi;
use kaskade_keys::derivation::Prepared;
use kaskade_keys::umts::{CkIk, SqnXorAk};

use crate::akma::{Akma, Home, NoAkma, Stored};
use crate::card::CardState;
use crate::usage::NamedKey;

/// A USIM in a device that speaks EAP, with what it keeps from run to run.
#[derive(Debug)]
pub struct EapDevice {
    usim: Usim,
    supi: Supi,
    policy: Arc<PeerPolicy>,
    name: PeerName,
    memory: PeerMemory,
    root: Option<Root>,
    home: Option<Home>,
    stored: Option<Stored>,
}

/// A run of a device.
#[derive(Debug)]
#[must_use = "the device is in it"]
pub struct Eap {
    device: EapDevice,
    peer: Option<Peer>,
}

/// What a device says to a packet, once its card's state is kept.
#[must_use = "it is told when the card's state is kept"]
pub struct EapTold<'r> {
    device: &'r EapDevice,
    asked: bool,
    out: Option<Guarded<PeerOutput>>,
}

/// What comes of a packet.
#[derive(Debug)]
pub enum EapOutcome {
    /// A response, 4 octets or more.
    Response(Box<[u8]>),
    /// Nothing: the packet is not used, the run goes on.
    Discard(Refusal),
    /// The run has succeeded.
    Success(Box<PeerSuccess>),
    /// The run has failed.
    Failure(Box<PeerFailure>),
}

impl EapDevice {
    /// Puts a card into a device that remembers nothing.
    pub fn new(usim: Usim, supi: Supi, policy: PeerPolicy, name: PeerName) -> Self {
        Self {
            usim,
            supi,
            policy: Arc::new(policy),
            name,
            memory: PeerMemory::default(),
            root: None,
            home: None,
            stored: None,
        }
    }

    /// The card says how its home network is named. It counts from the next K_AUSF on, whose A-KID leads there.
    #[must_use]
    pub fn with_home(self, home: Home) -> Self {
        Self {
            home: Some(home),
            ..self
        }
    }

    /// Whose it is.
    pub const fn supi(&self) -> &Supi {
        &self.supi
    }

    /// What it remembers of its last run: a pseudonym, and what a fast re-authentication starts from.
    pub const fn memory(&self) -> &PeerMemory {
        &self.memory
    }

    /// The key of a usage below the EMSK of its latest run, with its name; `None` before a run has succeeded.
    pub fn usage_key(&mut self, of: &KeyOf) -> Option<NamedKey> {
        self.root.as_mut().map(|root| NamedKey::below(root, of))
    }

    /// K_AKMA and its name, of the latest run in 5GS that succeeded.
    ///
    /// # Errors
    /// [`NoAkma`] before there was one, or where the card did not name its home network then.
    pub fn akma(&self) -> Result<Akma, NoAkma> {
        Stored::akma(self.stored.as_ref(), &self.supi)
    }

    /// Forgets its names: the next run begins with the permanent identity.
    pub fn forget(&mut self) {
        self.memory = PeerMemory::default();
    }

    /// What the card must not forget.
    pub fn card_state(&self) -> CardState {
        CardState {
            supi: self.supi.clone(),
            seq_ms: self.usim.seq_ms().into(),
        }
    }

    /// Takes the card out.
    pub fn into_usim(self) -> Usim {
        self.usim
    }

    /// Waits for the first request.
    pub fn begin(mut self, now: Moment) -> Eap {
        let memory = core::mem::take(&mut self.memory);
        let peer = Peer::begin(self.policy.clone(), self.name.clone(), memory, now);
        Eap {
            device: self,
            peer: Some(peer),
        }
    }
}

impl Eap {
    /// Takes a packet of the server, 4 octets or more.
    pub fn packet(&mut self, packet: &[u8], now: Moment, entropy: &mut dyn Entropy) -> EapTold<'_> {
        self.packet_visited(packet, now, entropy, &mut ())
    }

    /// The same, and `visitor` sees what the card gave, and in 5GS CK' ‖ IK'.
    pub fn packet_visited(
        &mut self,
        packet: &[u8],
        now: Moment,
        entropy: &mut dyn Entropy,
        visitor: &mut impl KeyVisitor,
    ) -> EapTold<'_> {
        let (mut asked, mut out) = (false, None);
        if let Some(peer) = self.peer.take() {
            let mut step = peer.handle(now, entropy, Some(PeerInput::Packet(packet.into())));
            while let Some(PeerAsk::Card { rand, autn }) = step.ask.take()
                && let Some(peer) = step.next.take()
            {
                asked = true;
                let answer = self.device.usim.authenticate(&rand, &autn);
                if let Ok(answer) = &answer {
                    answer.visit_keys(visitor);
                    if let Some(NetworkName::Serving(name)) = self.device.policy.network() {
                        let ck_ik = Prepared::<CkIk>::from_ck_ik(&answer.ck, &answer.ik);
                        visitor.key(&ck_ik.ck_ik_prime(name, &SqnXorAk::from(&autn)));
                    }
                }
                step = peer.handle(now, entropy, Some(PeerInput::Card(answer.map(Into::into))));
            }
            self.peer = step.next;
            out = step.out;
        }
        EapTold {
            device: &self.device,
            asked,
            out,
        }
    }

    /// The device as it was before, whose keys are in use meanwhile.
    pub const fn device(&self) -> &EapDevice {
        &self.device
    }

    /// Until when it waits for a packet; `None` where it is over, or waits without end.
    pub fn deadline(&self) -> Option<Moment> {
        self.peer.as_ref().and_then(Machine::deadline)
    }

    /// The run has failed: the device, with what it is to remember. It keeps EMSK and K_AUSF of the run before.
    pub fn end(self, memory: PeerMemory) -> EapDevice {
        EapDevice { memory, ..self.device }
    }

    /// The run has succeeded: the device, with what it is to remember, the EMSK, and in 5GS K_AUSF; those of the run before end. The MSK is for
    /// whoever takes it out of the success.
    pub fn succeed(self, success: &mut PeerSuccess) -> EapDevice {
        // Non-seamless WLAN offload ends with the MSK, at both ends.
        let in_5gs = matches!(self.device.policy.network(), Some(NetworkName::Serving(_)));
        let root = match in_5gs && success.k_ausf.is_none() {
            true => self.device.root,
            false => Some(Root::of_eap(success.emsk.clone(), success.session_id)),
        };
        let home = self.device.home;
        let stored = success.k_ausf.clone().map(|k_ausf| Stored { k_ausf, home });
        EapDevice {
            memory: core::mem::take(&mut success.memory),
            root,
            stored: stored.or(self.device.stored),
            ..self.device
        }
    }
}

impl EapTold<'_> {
    /// What must be durable before [`EapTold::kept`]: there is something where the card was asked.
    pub fn card_state(&self) -> Option<CardState> {
        self.asked.then(|| self.device.card_state())
    }

    /// The card's state is kept.
    pub fn kept(self) -> EapOutcome {
        match self.out.map(Guarded::kept_by_card) {
            Some(PeerOutput::Response(response)) => EapOutcome::Response(response),
            Some(PeerOutput::Success(success)) => EapOutcome::Success(success),
            Some(PeerOutput::Failure(failure)) => EapOutcome::Failure(failure),
            Some(PeerOutput::Discard(why)) => EapOutcome::Discard(why),
            // After the end there is nothing to say.
            None => EapOutcome::Discard(Refusal::ContextNotFound),
        }
    }
}
