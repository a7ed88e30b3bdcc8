//! EAP-AKA' in 5GS: packets of the UE go through the machine of the server, and what that asks for is done to its end, whatever
//! becomes of the request (TS 33.501 6.1.3.1, TS 29.509 5.2.2.2.3).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kaskade_aka::arpf::AvPrime;
use kaskade_aka::eap_aka::NetworkName;
use kaskade_aka::eap_aka::server::{
    Authenticated, Begin, Names, Server, ServerAsk, ServerInput, ServerOutput, Vector, VectorRequest,
};
use kaskade_aka::visit::{KeyVisitor, VisitKeys};
use kaskade_anchor::anchor_key::AnchorKey;
use kaskade_anchor::emsk::Root;
use kaskade_codec::sbi::nausf_auth::{EapSession, SessionKey};
use kaskade_codec::sbi::nudm_ueau::AuthenticationInfoRequest;
use kaskade_codec::sbi::values::EapPayload;
use kaskade_codec::sbi::{AuthType, ResynchronizationInfo, SupiOrSuci};
use kaskade_crypto::KeyMaterial as _;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Outcome as Came, Reason};
use kaskade_flow::expiring::{Full, Missing};
use kaskade_flow::{Cover, Durable, Guarded, Machine, Moment, NoRandomness, Refusal, Step};
use kaskade_keys::derivation::Holder;
use kaskade_keys::eap::{Emsk, Msk};
use kaskade_keys::fivegs::{KAusf, KSeaf};
use kaskade_keys::{RoutingIndicator, ServingNetworkName, Supi};

use super::akma::HomeSaid;
use super::contexts::{EapPending, InWork, Success};
use super::runs::{Release, ms};
use super::{Ausf, AusfError, Challenge, ContextId, correlation, udm};
use crate::log_limit;
use crate::random::{SystemEntropy, random_octets};
use crate::sbi::service::Caller;
use crate::time::moment;

/// What is answered to a packet of the UE.
#[derive(Debug)]
pub enum EapOutcome {
    /// The next request, or success with SUPI and key, whose release is on record.
    Told(Durable<EapSession>),
    /// The packet was of no use, or there was none: the last request again.
    Again(Vec<u8>),
    /// EAP-Failure.
    Failed([u8; 4]),
}

/// K_AUSF and K_SEAF, for who compares keys.
struct Keys<'a>(&'a Msk, &'a KAusf, &'a KSeaf);

impl VisitKeys for Keys<'_> {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(self.0);
        visitor.key(self.1);
        visitor.key(self.2);
    }
}

/// What came out of a machine.
enum Out {
    Request,
    Success,
    Again,
    Failure([u8; 4], Refusal),
}

impl Ausf {
    /// Begins EAP with the vector that the UDM has chosen.
    pub(super) fn begin_eap(
        &self,
        caller: &Caller,
        (serving_network_name, home): (ServingNetworkName, Option<HomeSaid>),
        vector: Guarded<(AvPrime, Supi, Option<RoutingIndicator>)>,
        cover: Cover,
        asked: Option<Moment>,
    ) -> Result<(ContextId, Durable<Challenge>), AusfError> {
        let (requester, now) = (caller.requester(), moment());
        let [identifier] = random_octets()?;
        let begin = Begin {
            policy: self.eap.clone(),
            network: NetworkName::Serving(serving_network_name),
            identifier,
        };
        let (mut correlated, mut whose, mut naming) = (0, None, None);
        let step = vector.into_step(|(av, supi, akma)| {
            naming = self.naming(&supi, home, &serving_network_name, akma);
            correlated = correlation(&av.rand);
            whose = Some(supi.clone());
            Server::begin_5gs(begin, supi, av, now, &mut SystemEntropy).unwrap_or_else(Step::end)
        });
        let (Some(supi), Some(run), Some(out)) = (whose, step.next, step.out) else {
            // Nothing else keeps a run from its first request.
            return Err(NoRandomness.into());
        };
        let event = self
            .audit
            .event(Came::Released, Action::ChallengeGiven, requester, &supi)
            .correlated(correlated);
        let pending = EapPending {
            run,
            supi,
            serving_network_name,
            cover: cover.clone(),
            correlation: correlated,
            begun: asked,
            naming,
        };
        let inserted = self.contexts.insert_eap(requester.id(), pending, random_octets()?, now);
        let id = inserted.map_err(|Full| {
            log_limit!(warn, "refused: others have all contexts", %requester);
            AusfError::NoRoom
        })?;
        let first = out.map(|out| match out {
            ServerOutput::Request(packet) => Challenge::Eap(packet),
            // A run that goes on has a request.
            _ => Challenge::Eap(Box::default()),
        });
        let released = self.audit.covered(cover, event, first);
        let first = released.inspect_err(|_| self.contexts.withdraw_eap(requester.id(), id, now))?;
        self.counters.challenges.fetch_add(1, Ordering::Relaxed);
        Ok((id, first))
    }

    /// Takes a packet of the UE, and reports the result to the UDM where there is one (TS 29.509 5.2.2.2.3).
    ///
    /// A packet that the run cannot use changes nothing: the last request is told again. A report that does not arrive is logged;
    /// the authentication stands. A request that is cancelled is worked on to its end all the same.
    ///
    /// # Errors
    /// As [`Ausf::confirm`].
    pub async fn eap_session(
        self: &Arc<Self>,
        caller: &Caller,
        id: ContextId,
        packet: Option<Vec<u8>>,
    ) -> Result<EapOutcome, AusfError> {
        let outcome = self.take_packet(caller, id, packet).await;
        outcome.inspect_err(|error| self.refused(caller.requester(), None, Action::KeyReleased, error))
    }

    async fn take_packet(
        self: &Arc<Self>,
        caller: &Caller,
        id: ContextId,
        packet: Option<Vec<u8>>,
    ) -> Result<EapOutcome, AusfError> {
        let place = self.place().await?;
        let now = moment();
        let (pending, work) = self.contexts.begin_eap(caller.requester().id(), id, now)?;
        let Some(packet) = packet else {
            let again = pending.run.last_request().unwrap_or_default();
            let until = pending.run.deadline();
            work.end(Some((pending, until)), now);
            return Ok(EapOutcome::Again(again));
        };
        // It goes to its end whatever becomes of the request.
        let finish = self
            .clone()
            .finish_eap(caller.clone().until(None), pending, work, packet);
        match (&self.reports, place) {
            (Some(reports), Some(place)) => reports.deliver(place, finish).await.ok_or(AusfError::Stopped)?,
            _ => finish.await,
        }
    }

    /// Removes a run of EAP, and the result in the UDM when there is one (TS 29.509 5.2.2.2.3).
    ///
    /// # Errors
    /// As [`Ausf::delete`].
    pub async fn delete_eap(self: &Arc<Self>, caller: &Caller, id: ContextId) -> Result<(), AusfError> {
        let withdrawn = self.withdraw_run(caller, id);
        let removed = self.remove(caller, id, withdrawn, AuthType::EapAkaPrime).await;
        removed.inspect_err(|error| self.refused(caller.requester(), None, Action::ResultRemoved, error))
    }

    fn withdraw_run(&self, caller: &Caller, id: ContextId) -> Result<(), Missing> {
        let now = moment();
        let (_, work) = self.contexts.begin_eap(caller.requester().id(), id, now)?;
        work.end(None, now);
        Ok(())
    }

    /// Does what a run asks for, until it asks for nothing; then its place is free, and its outcome told.
    async fn finish_eap(
        self: Arc<Self>,
        caller: Caller,
        pending: EapPending,
        work: InWork<EapPending>,
        packet: Vec<u8>,
    ) -> Result<EapOutcome, AusfError> {
        let EapPending {
            run,
            supi,
            serving_network_name,
            cover,
            correlation,
            begun,
            naming,
        } = pending;
        let mut release = Release {
            caller,
            cover,
            correlation,
            begun,
            naming,
        };
        let mut reported = None;
        let mut step = run.handle(moment(), &mut SystemEntropy, Some(ServerInput::Packet(packet)));
        while let Some(ask) = step.ask.take()
            && let Some(run) = step.next.take()
        {
            step = match ask {
                ServerAsk::Vector(request) => {
                    self.another_vector(&mut release, run, request, serving_network_name)
                        .await
                }
                ServerAsk::Confirm(supi) => {
                    let (caller, method) = (&release.caller, AuthType::EapAkaPrime);
                    if !fault!("eap-success-not-reported") {
                        reported = self.report(caller, &supi, serving_network_name, method, true).await;
                    }
                    run.handle(moment(), &mut SystemEntropy, Some(ServerInput::Confirmed(Ok(()))))
                }
                // In 5GS the identity travels outside of EAP, and nothing is kept for a fast re-authentication.
                ServerAsk::User(_) | ServerAsk::Keep(_) => {
                    let refused = ServerInput::Refused(Refusal::UserNotFound);
                    run.handle(moment(), &mut SystemEntropy, Some(refused))
                }
            };
        }
        let again = step.next.as_ref().and_then(Server::last_request);
        let Release {
            caller,
            cover,
            correlation,
            begun,
            naming,
        } = release;
        let (requester, id) = (caller.requester(), work.id());
        let event = |outcome, action| {
            self.audit
                .event(outcome, action, requester, &supi)
                .correlated(correlation)
        };
        let (mut emsk, mut anchor_key, mut leaves_k_ausf) = (None, None, false);
        let (mut came, mut on_record) = (Out::Again, event(Came::Released, Action::ChallengeGiven));
        let out = step.out.map(|out| {
            out.map(|out| match out {
                ServerOutput::Request(packet) => {
                    came = Out::Request;
                    Some(EapSession::Ongoing {
                        packet: EapPayload(packet.into()),
                        href: String::new(),
                    })
                }
                ServerOutput::Success(authenticated) => {
                    came = Out::Success;
                    let released = event(Came::Released, Action::KeyReleased).because(Reason::Success);
                    if let Some(k_ausf) = &authenticated.k_ausf {
                        leaves_k_ausf = true;
                        anchor_key = naming.map(|naming| AnchorKey::of(k_ausf, &supi, naming));
                    }
                    let (session, released, root) = self.success(*authenticated, &serving_network_name, released);
                    (on_record, emsk) = (released, root);
                    Some(session)
                }
                ServerOutput::Failure { packet, why } => {
                    came = Out::Failure(packet, why);
                    None
                }
                ServerOutput::Discard(_) => None,
            })
        });
        if let Out::Failure(_, why) = came {
            self.report(&caller, &supi, serving_network_name, AuthType::EapAkaPrime, false)
                .await;
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            self.audit.refused(requester, Some(&supi), Action::KeyReleased, why);
            log_limit!(info, "authentication failed", supi = %supi.masked(), %serving_network_name, ms = ms(begun), %requester, why = why.name());
        }
        let now = moment();
        let next = step.next.map(|run| {
            let until = run.deadline();
            let pending = EapPending {
                run,
                supi: supi.clone(),
                serving_network_name,
                cover: cover.clone(),
                correlation,
                begun,
                naming,
            };
            (pending, until)
        });
        // What its requester has forgotten meanwhile is neither kept nor told.
        if !work.end(next, now) {
            return Err(AusfError::UnknownContext);
        }
        let out = out.and_then(|out| out.either(|out| out.ok_or(())).ok());
        match (came, out) {
            (Out::Failure(packet, _), _) => Ok(EapOutcome::Failed(packet)),
            (Out::Again, _) | (_, None) => Ok(EapOutcome::Again(again.unwrap_or_default())),
            (Out::Request, Some(out)) => Ok(EapOutcome::Told(self.audit.covered(cover, on_record, out)?)),
            (Out::Success, Some(out)) => {
                let success = Success {
                    supi: supi.clone(),
                    serving_network_name,
                    event: reported,
                    emsk: emsk.as_ref().map(Root::name),
                    until: None,
                };
                self.contexts.keep(requester.id(), id, success, now);
                let told = self.audit.covered(cover, on_record, out)?;
                // From here on it is the answer.
                self.counters.successes.fetch_add(1, Ordering::Relaxed);
                if let (Some(usage_keys), Some(emsk)) = (&self.usage_keys, emsk) {
                    usage_keys.born(requester, &supi, emsk);
                }
                // Non-seamless WLAN offload leaves the K_AUSF of before as it is.
                if leaves_k_ausf {
                    let served = (&supi, &serving_network_name);
                    self.anchor(requester, served, anchor_key, correlation).await;
                }
                tracing::info!(supi = %supi.masked(), %serving_network_name, ms = ms(begun), %requester, "authentication succeeded");
                Ok(EapOutcome::Told(told))
            }
        }
    }

    /// A vector after the card's AUTS, for the same user and by the same method.
    async fn another_vector(
        &self,
        release: &mut Release,
        run: Server,
        request: VectorRequest,
        serving_network_name: ServingNetworkName,
    ) -> Step<Server> {
        let resynchronization_info = request
            .resynchronisation
            .map(|(rand, auts)| ResynchronizationInfo { rand, auts });
        let info = AuthenticationInfoRequest {
            serving_network_name,
            ausf_instance_id: self.options.nf_instance_id,
            resynchronization_info,
        };
        let asked = SupiOrSuci::Supi(request.supi);
        let given = udm::vector(&self.udm, &release.caller, asked, info).await;
        let refused = |run: Server, why| run.handle(moment(), &mut SystemEntropy, Some(ServerInput::Refused(why)));
        let vector = match given {
            Ok(vector) => vector,
            Err(error) => {
                if udm::is_failure(&error) {
                    log_limit!(warn, "no vector from the UDM", %error);
                }
                return refused(run, udm::refusal(&error));
            }
        };
        let (vector, cover) = vector.into_guarded();
        let vector = vector.either(|vector| match vector {
            udm::Vector::EapAkaPrime(av, ..) => Ok(av),
            udm::Vector::FiveGAka(..) => Err(()),
        });
        match vector {
            Ok(vector) => {
                release.cover = cover;
                vector.into_step(|av| {
                    let vector = ServerInput::Vector(Vector::AkaPrime(av), Names::default());
                    run.handle(moment(), &mut SystemEntropy, Some(vector))
                })
            }
            // The subscriber's methods have changed meanwhile.
            Err(_) => refused(run, Refusal::NoVector),
        }
    }

    /// What a success tells the network, what of it is on record, and the EMSK, where 5GS has one of it.
    fn success(
        &self,
        authenticated: Authenticated,
        serving_network_name: &ServingNetworkName,
        event: Event,
    ) -> (EapSession, Event, Option<Root>) {
        let Authenticated {
            packet,
            supi,
            msk,
            emsk,
            k_ausf,
            session_id,
            ..
        } = authenticated;
        if let (Some(tap), Some(_)) = (&self.options.tap, &k_ausf) {
            tap.seen(Holder::Ausf, &supi, Emsk::NAME, emsk.fingerprint());
        }
        // Whoever has no K_AUSF of it has no other key of it either: non-seamless WLAN offload ends with the MSK.
        let root = k_ausf.as_ref().map(|_| Root::of_eap(emsk, session_id));
        let (key, event) = match &k_ausf {
            Some(k_ausf) => {
                let k_seaf = k_ausf.k_seaf(serving_network_name);
                self.show(&supi, Holder::Ausf, &Keys(&msk, k_ausf, &k_seaf));
                let event = self.audit.with_key(event, &k_seaf);
                (SessionKey::KSeaf(k_seaf), event)
            }
            // Non-seamless WLAN offload: nothing of 5GS is made of it (TS 33.501 Annex S).
            None => {
                let event = self.audit.with_key(event, &msk);
                (SessionKey::Msk(msk), event)
            }
        };
        let session = EapSession::Success {
            packet: EapPayload(packet.to_vec()),
            supi,
            key,
        };
        (session, event, root)
    }
}
