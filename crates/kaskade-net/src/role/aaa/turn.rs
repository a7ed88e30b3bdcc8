//! What a machine asks for and tells in one turn: users, vectors, confirmation, what is kept; then the answer, released.

use kaskade_aka::eap_aka::identity::Claim;
use kaskade_aka::eap_aka::server::{
    Authenticated, Names, Server, ServerAsk, ServerInput, Telling, UserFound, Vector, VectorRequest,
};
use kaskade_codec::eap::AkaMethod;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Outcome as Came, Reason};
use kaskade_flow::refusal::{Radius, Told};
use kaskade_flow::{Guarded, Machine, NoRandomness, Refusal, Step};
use kaskade_keys::Supi;
use kaskade_keys::id::EapIdentity;

use super::Aaa;
use super::kept::{Ground, Kept};
use super::runs::{About, Run, Stage};
use crate::log_limit;
use crate::radius::{Asked, EapAsk, EapTold, Granted, Key};
use crate::random::SystemEntropy;
use crate::role::audit::correlation;
use crate::role::udm::{Admitted, UdmError};
use crate::sbi::peer::Requester;
use crate::time::{moment, unix_millis};

/// A packet in work.
pub(super) struct Turn<'t> {
    pub(super) aaa: &'t Aaa,
    pub(super) requester: &'t Requester,
    pub(super) about: About,
    /// What the gateway has asked for beside the key.
    pub(super) wants: Wants,
    /// The vector is paid for.
    pub(super) admitted: Option<Admitted>,
}

/// What a gateway asks for beside a key.
#[derive(Clone, Copy)]
pub(super) struct Wants {
    pub(super) cui: bool,
    pub(super) eap_key_name: bool,
}

impl From<&EapAsk<'_>> for Wants {
    fn from(ask: &EapAsk<'_>) -> Self {
        Self {
            cui: ask.wants_cui || fault!("cui-made-unasked"),
            eap_key_name: ask.wants_eap_key_name,
        }
    }
}

impl Turn<'_> {
    /// Does what the machine asks for, until it asks for nothing; then its output is told.
    pub(super) async fn drive(mut self, mut step: Step<Server>) -> EapTold<Run> {
        let mut kept = None;
        while let Some(ask) = step.ask.take() {
            let Some(server) = step.next.take() else {
                if let ServerAsk::Keep(entry) = ask {
                    kept = Some(entry);
                }
                break;
            };
            let now = moment();
            let answered = match ask {
                ServerAsk::User(claim) => self.user(&claim).map(ServerInput::User),
                ServerAsk::Confirm(supi) => match self.confirm(&supi) {
                    Err(why) if is_for_another(why) => Err(why),
                    may => Ok(ServerInput::Confirmed(may)),
                },
                ServerAsk::Vector(request) => match self.vector(&request).await {
                    Ok((vector, names)) => {
                        let taken = |vector| ServerInput::Vector(vector, names);
                        step =
                            vector.into_step(|vector| server.handle(moment(), &mut SystemEntropy, Some(taken(vector))));
                        continue;
                    }
                    Err(why) => Err(why),
                },
                // There is nothing that could be kept before the end.
                ServerAsk::Keep(_) => Err(Refusal::Internal),
            };
            let input = match answered {
                Ok(input) => input,
                // Another server may do better: this one says nothing (RFC 3579 2.6.3).
                Err(why) if is_for_another(why) && !fault!("aaa-tells-what-others-may-do-better") => {
                    self.failed(why);
                    return EapTold::Refused {
                        run: None,
                        why: why.into(),
                    };
                }
                Err(why) => ServerInput::Refused(why),
            };
            step = server.handle(now, &mut SystemEntropy, Some(input));
        }
        let Some(out) = step.out else {
            self.failed(Refusal::Internal);
            return EapTold::Refused {
                run: None,
                why: Refusal::Internal.into(),
            };
        };
        match (out.sorted(), step.next) {
            (Telling::Plain(request), Some(server)) => {
                if let Some(why) = server.refused() {
                    self.failed(why);
                }
                self.asks(server, Asked::Plain(request.into()))
            }
            (Telling::Challenge(request), Some(server)) => self.challenges(server, request),
            (Telling::Discard(why), Some(server)) => {
                let stage = Stage::Method(server);
                let run = Run {
                    stage,
                    about: self.about,
                };
                self.aaa.refuse(self.requester, Some(run), why)
            }
            (Telling::Success(authenticated), None) => {
                let kept = kept.zip(self.about.ground.clone());
                self.lets_in(authenticated, kept.map(|(entry, ground)| Kept { entry, ground }))
            }
            (Telling::Failure { packet, why }, _) => {
                self.failed(why);
                EapTold::Failure {
                    packet: packet.to_vec(),
                    why,
                }
            }
            (Telling::Plain(_) | Telling::Challenge(_) | Telling::Discard(_), None)
            | (Telling::Success(_), Some(_)) => {
                self.failed(Refusal::Internal);
                EapTold::Refused {
                    run: None,
                    why: Refusal::Internal.into(),
                }
            }
        }
    }

    /// The time of the run is over.
    pub(super) fn over(mut self) -> EapTold<Run> {
        let why = Refusal::ContextNotFound;
        self.failed(why);
        EapTold::Refused {
            run: None,
            why: why.into(),
        }
    }

    /// Who a claim is.
    fn user(&mut self, claim: &Claim) -> Result<UserFound, Refusal> {
        match claim {
            Claim::Permanent(supi) => self.known(supi.clone()),
            Claim::Pseudonym(name) => match self.aaa.options.names.pseudonyms.open(name, unix_millis()) {
                Some(supi) => self.known(supi),
                None => Ok(UserFound::Unknown),
            },
            Claim::Concealed(suci) => {
                let network = &self.about.network;
                let opened = self.aaa.udm.eap_deconceal(self.requester, network, suci);
                let (supi, admitted) = opened.map_err(|error| error.refusal())?;
                self.admitted = Some(admitted);
                self.known(supi)
            }
            Claim::Reauthentication(name) => self.known_by(name),
        }
    }

    fn known(&mut self, supi: Supi) -> Result<UserFound, Refusal> {
        Ok(match self.aaa.udm.knows(&supi).map_err(|error| error.refusal())? {
            true => {
                self.about.supi = Some(supi.clone());
                UserFound::Subscriber(supi)
            }
            false => UserFound::Unknown,
        })
    }

    /// Who was given a name for a fast re-authentication, which is spent from here on.
    fn known_by(&mut self, name: &EapIdentity) -> Result<UserFound, Refusal> {
        let Some(Kept { entry, ground }) = self.aaa.kept.take(name, moment()) else {
            return Ok(UserFound::Unknown);
        };
        self.about.supi = Some(entry.supi.clone());
        self.about.ground = Some(ground);
        let next = self
            .name(&entry.supi, entry.method)
            .map_err(|_| Refusal::NoRandomness)?;
        Ok(UserFound::Reauthentication(entry, next))
    }

    /// A name for a fast re-authentication after this run.
    fn name(&self, supi: &Supi, method: AkaMethod) -> Result<Option<EapIdentity>, NoRandomness> {
        let own = self.aaa.options.realms.first().map(String::as_str);
        self.aaa.kept.name(supi, method, self.about.realm.as_deref().or(own))
    }

    /// A vector, and the names for the time after this run.
    async fn vector(&mut self, request: &VectorRequest) -> Result<(Guarded<Vector>, Names), Refusal> {
        let aaa = self.aaa;
        let VectorRequest { supi, method, .. } = request;
        // Before the vector: if it is the same afterwards, the vector is of this card.
        let card = aaa.udm.eap_may(supi, *method).map_err(|error| error.refusal())?;
        let vector = aaa.udm.eap_vector(self.requester, request, self.admitted.take()).await;
        let vector = vector.map_err(|error| self.refused_by_udm(&error))?;
        let names = Names {
            pseudonym: self.pseudonym(supi, *method).map_err(|_| Refusal::NoRandomness)?,
            reauthentication: self.name(supi, *method).map_err(|_| Refusal::NoRandomness)?,
        };
        let (vector, cover) = vector.into_guarded();
        let mut correlated = 0;
        let vector = vector.map(|vector| {
            correlated = correlation(match &vector {
                Vector::AkaPrime(vector) => &vector.rand,
                Vector::Aka(quintet) => &quintet.rand,
            });
            vector
        });
        self.about.was_challenged = true;
        self.about.ground = Some(Ground {
            card,
            method: *method,
            cover,
            correlation: correlated,
            until: moment().after(aaa.kept.limits.lifetime),
        });
        Ok((vector, names))
    }

    fn pseudonym(&self, supi: &Supi, method: AkaMethod) -> Result<Option<EapIdentity>, NoRandomness> {
        let options = &self.aaa.options;
        let Some(lifetime) = options.pseudonyms else {
            return Ok(None);
        };
        let until = unix_millis().after(lifetime);
        options.names.pseudonyms.make(method, supi, until, &mut SystemEntropy)
    }

    fn refused_by_udm(&mut self, error: &UdmError) -> Refusal {
        let why = error.refusal();
        self.about.refused_by_udm = Some(why);
        why
    }

    fn may(&self, supi: &Supi) -> Result<(), Refusal> {
        let ground = self.about.ground.as_ref().ok_or(Refusal::Internal)?;
        self.aaa.may(supi, ground)
    }

    /// Whether a user who has proved who it is may come in: still there, not suspended, and with the same card.
    fn confirm(&mut self, supi: &Supi) -> Result<(), Refusal> {
        self.may(supi)?;
        // A fast re-authentication asks no card, and says nothing about its numbers.
        match self.about.was_challenged {
            true => {
                let succeeded = self.aaa.udm.eap_succeeded(self.requester, supi);
                succeeded.map_err(|error| error.refusal())
            }
            false => Ok(()),
        }
    }

    /// The peer is asked what gives nothing out, or what is released already.
    fn asks(self, server: Server, packet: Asked) -> EapTold<Run> {
        let stage = Stage::Method(server);
        let run = Run {
            stage,
            about: self.about,
        };
        EapTold::Request { run, packet }
    }

    /// The peer is given a challenge.
    fn challenges(mut self, server: Server, request: Guarded<Box<[u8]>>) -> EapTold<Run> {
        let (Some(ground), Some(supi)) = (&self.about.ground, &self.about.supi) else {
            self.failed(Refusal::Internal);
            return EapTold::Refused {
                run: None,
                why: Refusal::Internal.into(),
            };
        };
        let audit = &self.aaa.audit;
        let event = audit
            .event(Came::Released, Action::ChallengeGiven, self.requester, supi)
            .correlated(ground.correlation);
        match audit.covered(ground.cover.clone(), event, request.map(Vec::from)) {
            Ok(packet) => self.asks(server, Asked::Released(packet)),
            Err(full) => {
                let why = full.refusal();
                self.failed(why);
                EapTold::Refused {
                    run: None,
                    why: why.into(),
                }
            }
        }
    }

    /// The peer comes in, and its gateway gets the key.
    fn lets_in(mut self, authenticated: Guarded<Box<Authenticated>>, kept: Option<Kept>) -> EapTold<Run> {
        let (Some(ground), Some(supi)) = (self.about.ground.clone(), self.about.supi.clone()) else {
            self.failed(Refusal::Internal);
            return EapTold::Refused {
                run: None,
                why: Refusal::Internal.into(),
            };
        };
        // A protected notification of success lies between what was confirmed and this.
        if let Err(why) = self.may(&supi) {
            self.failed(why);
            return EapTold::Refused {
                run: None,
                why: why.into(),
            };
        }
        let Aaa {
            audit,
            options,
            kept: table,
            ..
        } = self.aaa;
        let mut event = audit
            .event(Came::Released, Action::KeyReleased, self.requester, &supi)
            .because(Reason::Success)
            .correlated(ground.correlation);
        let mut born = None;
        let (mut how, wants) = ((AkaMethod::AkaPrime, false, false), self.wants);
        let granted = authenticated.map(|authenticated| {
            let Authenticated {
                packet,
                method,
                msk,
                emsk,
                session_id,
                reauthentication,
                forward_secrecy,
                ..
            } = *authenticated;
            how = (method, reauthentication, forward_secrecy);
            event = audit.with_key(event, &msk);
            let eap_key_name = wants.eap_key_name.then(|| session_id.octets().to_vec());
            born = Some((emsk, session_id));
            Granted {
                packet: packet.to_vec(),
                key: Some(Key::Msk(msk)),
                cui: wants.cui.then(|| options.names.cui(&supi)),
                eap_key_name,
                session: options.session,
            }
        });
        let released = match audit.covered(ground.cover.clone(), event, granted) {
            Ok(released) => released,
            Err(full) => {
                let why = full.refusal();
                self.failed(why);
                return EapTold::Refused {
                    run: None,
                    why: why.into(),
                };
            }
        };
        // From here on it is the answer.
        let (method, fast, forward_secrecy) = how;
        if let Some(kept) = kept {
            table.keep(kept, moment());
        }
        if let Some((emsk, session)) = born {
            self.aaa.keep_emsk(self.requester, (emsk, session), &supi, &ground);
        }
        if let Some(counted) = self.about.counted.take() {
            counted.succeeded(method, fast, forward_secrecy);
        }
        let About { network, begun, .. } = &self.about;
        let (network, requester) = (network.as_str(), self.requester);
        let ms = moment().since(*begun).as_millis();
        tracing::info!(supi = %supi.masked(), %network, %method, fast, ms, %requester, "authentication succeeded");
        EapTold::Success(released)
    }

    /// Counts a run that has failed, and says it, once.
    fn failed(&mut self, why: Refusal) {
        if std::mem::replace(&mut self.about.has_failed, true) {
            return;
        }
        if let Some(counted) = self.about.counted.take() {
            counted.failed();
        }
        let audit = &self.aaa.audit;
        let About {
            supi,
            network,
            begun,
            refused_by_udm,
            ..
        } = &self.about;
        if *refused_by_udm != Some(why) {
            audit.refused(self.requester, supi.as_ref(), Action::KeyReleased, why);
        }
        let supi = supi.as_ref().map(Supi::masked);
        let (network, requester, ms) = (network.as_str(), self.requester, moment().since(*begun).as_millis());
        log_limit!(info, "authentication failed", supi, %network, ms, %requester, %why);
    }
}

impl Aaa {
    /// Whether a user may come in now: still there, not suspended, with the method and the card of the vector.
    pub(super) fn may(&self, supi: &Supi, ground: &Ground) -> Result<(), Refusal> {
        let card = self.udm.eap_may(supi, ground.method);
        match card.map_err(|error| error.refusal())? != ground.card && !fault!("another-card-let-in") {
            true => Err(Refusal::CardReplaced),
            false => Ok(()),
        }
    }
}

/// Whether another server may do better, so that this one says nothing.
pub(super) fn is_for_another(why: Refusal) -> bool {
    why.verdict().radius == Told::Answer(Radius::Discard)
}
