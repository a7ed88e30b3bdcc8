//! One attach: an emulated USIM, ME and SEAF against an AUSF, with both ends' keys side by side.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kaskade::load::supi_or_suci;
use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_aka::fivegs::keys::{FiveGsKeys, Selection};
use kaskade_aka::fivegs::seaf::AwaitingResponse;
use kaskade_aka::fivegs::ue::UeReject;
use kaskade_aka::visit::{KeyVisitor, VisitKeys};
use kaskade_doctor::side::Side;
use kaskade_flow::Refusal;
use kaskade_flow::refusal::Cause;
use kaskade_keys::fivegs::XresStar;
use kaskade_keys::{Abba, ServingNetworkName};
use kaskade_net::random::SystemEntropy;
use kaskade_net::role::seaf::{AusfClient, AusfClientError};
use kaskade_ue::card::CardState;
use kaskade_ue::{Answer, Challenge, Device, Identity};

use crate::exit;

/// Everything that an attach needs besides the UE.
pub(crate) struct Attach {
    pub(crate) ausf: AusfClient,
    pub(crate) identity: Identity,
    pub(crate) serving_network_name: ServingNetworkName,
    pub(crate) abba: Abba,
    pub(crate) selection: Selection,
    /// Keep the octets of the keys, to show them.
    pub(crate) reveal: bool,
}

/// An attach that succeeded.
pub(crate) struct Attached {
    /// The device, with the keys that it holds now.
    pub(crate) device: Device,
    /// What USIM and ME derived.
    pub(crate) ue: Side,
    /// What SEAF and AMF received or derived, and the gNB after them.
    pub(crate) serving: Side,
    /// The home network needed an AUTS.
    pub(crate) resynchronised: bool,
    /// From the first request to K_SEAF.
    pub(crate) elapsed: Duration,
}

impl Attach {
    /// Runs 5G AKA once (TS 33.501 6.1.3.2), with a resynchronisation if the USIM asks for it.
    ///
    /// `keep` is called with the card's state when it has accepted a challenge, before RES* leaves.
    pub(crate) async fn run(&self, device: Device, mut keep: impl FnMut(&CardState) -> Result<()>) -> Result<Attached> {
        let begin = Instant::now();
        let ue_supi = device.supi().clone();
        let identity = supi_or_suci(device.name(&self.identity, &mut SystemEntropy)?);
        let name = self.serving_network_name;
        let refused = || format!("the AUSF gave no challenge for {}", ue_supi.masked());
        let first = self.ausf.authenticate(identity.clone(), name).await;
        let mut from_ausf = first.map_err(explained).with_context(refused)?;
        let mut waiting = device.start(name);
        let mut resynchronised = false;
        let mut ue = Side::new(self.reveal);
        let (accepted, awaiting, confirmation) = loop {
            let awaiting = AwaitingResponse::new(from_ausf.se_av);
            let challenge = Challenge {
                rand: *awaiting.rand(),
                autn: *awaiting.autn(),
                abba: self.abba.clone(),
            };
            match waiting.challenge(challenge, &mut ue) {
                Answer::Accepted(accepted) => break (accepted, awaiting, from_ausf.confirmation),
                Answer::Failure(again, UeReject::SynchronisationFailure(auts)) if !resynchronised => {
                    resynchronised = true;
                    waiting = again;
                    let resynchronisation = awaiting.synchronisation_failure(auts);
                    let answer = self.ausf.resynchronise(identity.clone(), name, resynchronisation);
                    from_ausf = answer
                        .await
                        .map_err(explained)
                        .context("the home network refused the AUTS")?;
                }
                Answer::Failure(_, reject) | Answer::NotGenuine(_, reject) => {
                    // The run is over either way; the reason that the UE gives is what counts.
                    let _ = self.ausf.delete(&from_ausf.confirmation).await;
                    return Err(rejected(reject));
                }
            }
        };
        keep(&accepted.card_state())?;
        let (waiting, res_star) = accepted.kept();
        let mut serving = Side::new(self.reveal);
        let (rand, autn) = (*awaiting.rand(), *awaiting.autn());
        // What the AUSF must have sent if its XRES* is this RES*.
        let expected = XresStar::from_octets(res_star.expose_to_operator()).hxres_star(&rand);
        SeAv5g {
            rand,
            autn,
            hxres_star: expected,
        }
        .visit_keys(&mut ue);
        let home = awaiting.response(res_star)?;
        home.visit_keys(&mut serving);
        let decision = self.ausf.confirm(&confirmation, Some(home.res_star())).await;
        let Some((supi, k_seaf)) = decision.map_err(explained).context("the AUSF did not confirm")? else {
            return Err(exit::refused(
                Refusal::AuthenticationRejected,
                "the home network answered AUTHENTICATION_FAILURE: XRES* is not the RES* of this USIM",
            ));
        };
        let elapsed = begin.elapsed();
        if supi != ue_supi {
            bail!(
                "the home network authenticated {}, but this UE is {}",
                supi.masked(),
                ue_supi.masked()
            );
        }
        serving.key(&k_seaf);
        let anchored = home.accepted(supi, k_seaf, self.abba.clone());
        anchored.visit_keys(&mut serving);
        FiveGsKeys::derive(&anchored.k_amf, &self.selection).visit_keys(&mut serving);
        let device = waiting.security_mode(self.selection);
        device.visit_keys(&mut ue);
        Ok(Attached {
            device,
            ue,
            serving,
            resynchronised,
            elapsed,
        })
    }
}

/// What to do about a UE's refusal.
fn rejected(reject: UeReject) -> anyhow::Error {
    let hint = match reject {
        UeReject::MacFailure => {
            "K, OP or OPc, or the algorithm of this USIM are not those of the home network (is OP given as OPc?)"
        }
        UeReject::SynchronisationFailure(_) => {
            "the home network's SQN is still out of range after a resynchronisation: does it keep what an AUTS tells it?"
        }
        _ => "set the AMF of the subscriber to 8000 in the home network",
    };
    let text = format!("{reject} (5GMM cause {}): {hint}", reject.five_gmm_cause());
    exit::refused(Refusal::NetworkNotAuthentic, text)
}

/// Adds what to do to what the AUSF said.
pub(crate) fn explained(error: AusfClientError) -> anyhow::Error {
    let hint = match error.cause() {
        Some(Cause::UserNotFound) => "the home network has no such subscriber",
        Some(Cause::ServingNetworkNotAuthorized) => {
            "the home network does not list this serving network: see its policy"
        }
        Some(Cause::InvalidHnPublicKeyIdentifier) => "the home network has no key pair of this identifier and profile",
        Some(Cause::InvalidSchemeOutput) => "the SUCI does not open: is the home network public key the right one?",
        Some(Cause::UnsupportedProtectionScheme) => "the home network does not support this protection scheme",
        Some(Cause::AuthenticationRejected) => {
            "the subscription does not allow it, the AUTS is not of this subscriber, or no SQN is left for its card (the home \
             network's log tells which)"
        }
        Some(Cause::NfCongestionRisk) => {
            "a budget of the home network is used up: its log says which setting of [budget] bounds it (of one subscriber: \
             budget.card_of_requester and budget.card). Wait, or raise that setting there"
        }
        Some(Cause::NfCongestion) => {
            "the home network has too much to do (budget.node), or cannot reach its store or write its audit log: its log and /ready \
             say which"
        }
        Some(Cause::ContextNotFound) => "the authentication context has expired or was used",
        Some(Cause::InvalidApi) => "is this the AUSF's address? Whoever answers there does not serve nausf-auth",
        _ => match error.refusal() {
            Refusal::MethodUnknown => {
                "this subscriber's first method is EAP-AKA': use `kaskade ue eap --ausf`, or put 5g-aka first in its methods"
            }
            Refusal::TokenMissing => {
                "the AUSF wants an access token of scope nausf-auth that it takes: give one with --token FILE (its audit log says \
                 what is wrong with this one)"
            }
            Refusal::PeerNotAuthorized => {
                "the AUSF does not let this peer do it: see [policy.access] there, and the scope of the token"
            }
            Refusal::PeerUnreachable => {
                "is the AUSF running there? `kaskade up` runs one at http://127.0.0.1:7777, and --ausf names another"
            }
            _ => return error.into(),
        },
    };
    anyhow::Error::new(error).context(hint)
}
