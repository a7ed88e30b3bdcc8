//! How a run ends: the driver confirms, the peer is notified, and there are keys or a failure (RFC 4187 6).

use alloc::boxed::Box;

use kaskade_codec::eap::write::{self, Protection};
use kaskade_codec::eap::{EapError, Hidden, NotificationAnswer, NotificationCode, Response, Sealing, success};
use kaskade_faults::fault;
use kaskade_flow::refusal::{Eap, Refusal};
use kaskade_flow::{Entropy, Guarded, Step};
use kaskade_keys::Supi;
use kaskade_keys::id::{EapCounter, SessionId};

use super::common::{Came, Common, User, discard, requesting, told, unreadable};
use super::{Authenticated, Reauthentication, Server, ServerAsk, ServerOutput, State};
use crate::eap_aka::keys::{Exported, MessageKeys};

/// The peer has proved who it is, and the keys are there.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) user: User,
    pub(super) messages: MessageKeys,
    pub(super) exported: Exported,
    pub(super) session_id: SessionId,
    pub(super) forward_secrecy: bool,
    /// Of a fast re-authentication.
    pub(super) counter: Option<EapCounter>,
    pub(super) keep: Option<Box<Reauthentication>>,
    /// Whether both sides want a protected notification of success.
    pub(super) protected_result: bool,
}

/// The driver was asked whether the user may.
#[derive(Debug)]
pub(super) struct Confirming {
    pub(super) common: Common,
    outcome: Outcome,
}

/// The peer was told of its success by a protected notification.
#[derive(Debug)]
pub(super) struct Succeeding {
    pub(super) common: Common,
    outcome: Outcome,
    pub(super) request: Box<[u8]>,
}

/// The peer was told of a failure by a notification, and answers before it ends.
#[derive(Debug)]
pub(super) struct Notifying {
    pub(super) common: Common,
    pub(super) why: Refusal,
    pub(super) request: Box<[u8]>,
}

impl Confirming {
    pub(super) fn supi(&self) -> &Supi {
        &self.outcome.user.supi
    }

    pub(super) fn confirmed(self: Box<Self>, result: Result<(), Refusal>, entropy: &mut dyn Entropy) -> Step<Server> {
        let Self { mut common, outcome } = *self;
        match result {
            Ok(()) if outcome.protected_result => {
                common.next_identifier();
                match outcome.notification(&common, NotificationCode::SUCCESS, entropy) {
                    Ok(request) => {
                        let stage = Succeeding {
                            common,
                            outcome,
                            request: request.clone(),
                        };
                        requesting(State::Succeeding(Box::new(stage)), request)
                    }
                    Err(why) => common.fail(why),
                }
            }
            Ok(()) => outcome.succeed(&common),
            Err(why) => {
                let code = match told(why) {
                    Eap::Notify(notification) => notification.code(true),
                    _ => return common.fail(why),
                };
                common.next_identifier();
                match outcome.notification(&common, NotificationCode(code), entropy) {
                    Ok(request) => {
                        let stage = Notifying {
                            common,
                            why,
                            request: request.clone(),
                        };
                        requesting(State::Notifying(stage), request)
                    }
                    Err(_) => common.fail(why),
                }
            }
        }
    }
}

impl Outcome {
    /// Asks the driver.
    pub(super) fn confirm(self, common: Common) -> Step<Server> {
        let ask = ServerAsk::Confirm(self.user.supi.clone());
        let outcome = self;
        Server::to(State::Confirming(Box::new(Confirming { common, outcome }))).asking(ask)
    }

    /// A notification after the challenge: with AT_MAC, and in a fast re-authentication with its number.
    fn notification(
        &self,
        common: &Common,
        code: NotificationCode,
        entropy: &mut dyn Entropy,
    ) -> Result<Box<[u8]>, Refusal> {
        let hidden = Hidden {
            counter: self.counter,
            ..Hidden::default()
        };
        let sealing = match self.counter {
            Some(_) => Some(Sealing {
                k_encr: &self.messages.k_encr,
                iv: entropy.octets().map_err(|_| Refusal::NoRandomness)?,
            }),
            None => None,
        };
        let protection = Protection {
            key: &self.messages.k_aut,
            hidden: sealing.map(|sealing| (&hidden, sealing)),
        };
        write::protected_notification(common.method, common.identifier, code, &protection)
            .map(Into::into)
            .map_err(|_: EapError| Refusal::Internal)
    }

    /// EAP-Success, and the keys.
    fn succeed(self, common: &Common) -> Step<Server> {
        let Self {
            user,
            exported,
            session_id,
            forward_secrecy,
            counter,
            keep,
            ..
        } = self;
        let has_k_ausf = counter.is_none()
            && common.network.has_k_ausf()
            && common.method == kaskade_codec::eap::AkaMethod::AkaPrime;
        let authenticated = Authenticated {
            packet: success(common.identifier),
            supi: user.supi,
            method: common.method,
            k_ausf: has_k_ausf.then(|| exported.emsk.k_ausf()),
            msk: exported.msk,
            emsk: exported.emsk,
            session_id,
            peer_id: user.peer_id,
            forward_secrecy,
            reauthentication: counter.is_some(),
        };
        let step = Step::end().telling(Guarded::new(ServerOutput::Success(Box::new(authenticated))));
        match keep {
            Some(keep) => step.asking(ServerAsk::Keep(keep)),
            None => step,
        }
    }
}

impl Succeeding {
    pub(super) fn supi(&self) -> &Supi {
        &self.outcome.user.supi
    }

    /// Whatever stands in the answer: the peer has the notification (RFC 4187 6.2).
    pub(super) fn packet(mut self: Box<Self>, packet: &[u8]) -> Step<Server> {
        match self.common.came(packet) {
            Came::Aka(aka) => match aka.response() {
                Ok(Response::Notification(_)) => {
                    let Self { common, outcome, .. } = *self;
                    outcome.succeed(&common)
                }
                // Neither is protected: whoever forges one undoes nothing.
                Ok(Response::ClientError(_) | Response::AuthenticationReject)
                    if fault!("eap-forged-error-undoes-success") =>
                {
                    self.common.fail(Refusal::UeRefused)
                }
                _ => discard(State::Succeeding(self), Refusal::EapPacketInvalid),
            },
            Came::Nak(_) => discard(State::Succeeding(self), Refusal::EapPacketInvalid),
            Came::Discard(why) => discard(State::Succeeding(self), why),
        }
    }
}

impl Notifying {
    /// The peer has seen why; whatever it says, it ends (RFC 4187 6.3).
    pub(super) fn packet(mut self, packet: &[u8]) -> Step<Server> {
        let why = self.why;
        match self.common.came(packet) {
            Came::Aka(aka) => match aka.response().map_err(unreadable) {
                Ok(Response::Notification(NotificationAnswer::Bare | NotificationAnswer::Protected(_)))
                | Ok(Response::ClientError(_) | Response::AuthenticationReject) => self.common.fail(why),
                _ => discard(State::Notifying(self), Refusal::EapPacketInvalid),
            },
            Came::Nak(_) => self.common.fail(why),
            Came::Discard(why) => discard(State::Notifying(self), why),
        }
    }
}
