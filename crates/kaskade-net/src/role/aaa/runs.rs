//! A packet of a peer: which run it belongs to, and what the machine of that makes of it.

use std::sync::Arc;

use kaskade_aka::eap_aka::NetworkName;
use kaskade_aka::eap_aka::server::{Begin, Server, ServerInput};
use kaskade_codec::eap::{Body, Packet, identity_request};
use kaskade_faults::fault;
use kaskade_flow::event::Action;
use kaskade_flow::{Machine, Moment, Refusal};
use kaskade_keys::Supi;

use super::Aaa;
use super::counted::Counted;
use super::erp::is_of_erp;
use super::kept::Ground;
use super::turn::{Turn, Wants};
use crate::radius::{Asked, EapAsk, EapServer, EapTold};
use crate::random::{SystemEntropy, random_octets};
use crate::sbi::peer::Requester;
use crate::time::moment;

/// A run that waits for its peer.
pub struct Run {
    pub(super) stage: Stage,
    pub(super) about: About,
}

/// How far it is.
pub(super) enum Stage {
    /// EAP-Request/Identity was sent, with this identifier.
    Identity(u8),
    /// The method has begun.
    Method(Server),
}

/// What is known of a run beside its machine.
pub(super) struct About {
    pub(super) network: Arc<NetworkName>,
    /// That of the identity that came first.
    pub(super) realm: Option<Box<str>>,
    pub(super) begun: Moment,
    pub(super) supi: Option<Supi>,
    pub(super) ground: Option<Ground>,
    /// Whether its card was asked.
    pub(super) was_challenged: bool,
    /// Why the UDM has refused, which has that on record.
    pub(super) refused_by_udm: Option<Refusal>,
    /// It has failed, which is on record.
    pub(super) has_failed: bool,
    /// It has begun, and did not end yet.
    pub(super) counted: Option<Counted>,
}

impl EapServer for Aaa {
    type Run = Run;

    const RUN_HEAP: usize = 1024;

    fn asked(run: &Run) -> Option<Vec<u8>> {
        match &run.stage {
            Stage::Identity(identifier) => Some(identity_request(*identifier)),
            Stage::Method(server) => server.last_request(),
        }
    }

    async fn handle(&self, ask: EapAsk<'_>, run: Option<Run>) -> EapTold<Run> {
        let (requester, wants) = (ask.requester, Wants::from(&ask));
        let is_for_erp = matches!(
            &run,
            None | Some(Run {
                stage: Stage::Identity(_),
                ..
            })
        ) && is_of_erp(ask.packet);
        if let Some(erp) = self.erp.as_ref().filter(|_| is_for_erp) {
            return self.initiated(erp, &ask, run);
        }
        match run {
            None if ask.packet.is_empty() => self.ask_identity(requester),
            None => match identity(ask.packet) {
                Some((identifier, identity)) => {
                    let about = self.about(requester);
                    self.begin(requester, wants, about, identifier, identity).await
                }
                None => self.not_used(requester, None),
            },
            Some(Run {
                stage: Stage::Identity(asked),
                about,
            }) => match identity(ask.packet) {
                Some((identifier, identity)) if identifier == asked => {
                    self.begin(requester, wants, about, identifier, identity).await
                }
                _ => {
                    let stage = Stage::Identity(asked);
                    self.not_used(requester, Some(Run { stage, about }))
                }
            },
            Some(Run {
                stage: Stage::Method(server),
                about,
            }) => {
                if server.deadline().is_some_and(|until| until <= moment()) && !fault!("aaa-run-without-end") {
                    return self.turn(requester, wants, about).over();
                }
                let packet = ServerInput::Packet(ask.packet.to_vec());
                let step = server.handle(moment(), &mut SystemEntropy, Some(packet));
                self.turn(requester, wants, about).drive(step).await
            }
        }
    }

    fn refused(&self, who: &Requester, why: Refusal) {
        self.audit.refused(who, None, Action::KeyReleased, why);
    }
}

/// Octets of an NAI (RFC 7542 2.2).
const MOST_OF_IDENTITY: usize = 253;

/// Identifier and identity of an EAP-Response/Identity.
fn identity(packet: &[u8]) -> Option<(u8, &[u8])> {
    match Packet::parse(packet).ok()? {
        Packet::Response(message) => match message.body {
            Body::Identity(identity) => Some((message.identifier, identity)),
            _ => None,
        },
        _ => None,
    }
}

impl Aaa {
    fn about(&self, requester: &Requester) -> About {
        About {
            network: self.networks.with(|networks| networks.get(requester)),
            realm: None,
            begun: moment(),
            supi: None,
            ground: None,
            was_challenged: false,
            refused_by_udm: None,
            has_failed: false,
            counted: None,
        }
    }

    fn turn<'t>(&'t self, requester: &'t Requester, wants: Wants, about: About) -> Turn<'t> {
        Turn {
            aaa: self,
            requester,
            about,
            wants,
            admitted: None,
        }
    }

    /// The gateway does not know who is there: the peer is asked (RFC 3579 2.1).
    fn ask_identity(&self, requester: &Requester) -> EapTold<Run> {
        let Ok([identifier]) = random_octets() else {
            return self.refuse(requester, None, Refusal::NoRandomness);
        };
        let stage = Stage::Identity(identifier);
        let about = self.about(requester);
        EapTold::Request {
            run: Run { stage, about },
            packet: Asked::Plain(identity_request(identifier)),
        }
    }

    /// The method begins with the identity that came.
    async fn begin(
        &self,
        requester: &Requester,
        wants: Wants,
        mut about: About,
        identifier: u8,
        identity: &[u8],
    ) -> EapTold<Run> {
        about.realm = realm(identity);
        if !self.serves(about.realm.as_deref()) {
            return self.refuse(requester, None, Refusal::RealmNotServed);
        }
        about.counted = Some(Counted::begun(&self.counters));
        let begin = Begin {
            policy: self.policy.clone(),
            network: NetworkName::clone(&about.network),
            identifier,
        };
        let step = Server::begin(begin, identity, moment());
        self.turn(requester, wants, about).drive(step).await
    }

    /// The packet is of no use, and nothing changes.
    pub(super) fn not_used(&self, requester: &Requester, run: Option<Run>) -> EapTold<Run> {
        self.refuse(requester, run, Refusal::EapPacketInvalid)
    }

    /// Refuses a packet, and puts that on record.
    pub(super) fn refuse(&self, requester: &Requester, run: Option<Run>, why: Refusal) -> EapTold<Run> {
        self.refused(requester, why);
        EapTold::Refused { run, why: why.into() }
    }
}

/// The realm of an identity as it was sent; none of what is too long to be one, which is not kept.
fn realm(identity: &[u8]) -> Option<Box<str>> {
    if identity.len() > MOST_OF_IDENTITY && !fault!("realm-of-any-length") {
        return None;
    }
    let (_, realm) = core::str::from_utf8(identity).ok()?.rsplit_once('@')?;
    (!realm.is_empty()).then(|| realm.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_identity_is_no_longer_than_one() {
        let with = |len: usize| [b"6@".as_slice(), &vec![b'x'; len]].concat();
        assert_eq!(realm(&with(251)).unwrap().len(), 251);
        assert_eq!(realm(&with(252)), None);
        assert_eq!(realm(&with(4000)), None);
    }
}
