//! One attach: an emulated USIM, ME and SEAF against an AUSF, with both ends' keys side by side.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_aka::fivegs::keys::{FiveGsKeys, Selection};
use kaskade_aka::fivegs::seaf::AwaitingResponse;
use kaskade_aka::fivegs::ue::{Ue, UeReject};
use kaskade_aka::usim::Usim;
use kaskade_aka::visit::{KeyVisitor, VisitKeys};
use kaskade_crypto::ecies::{self, EphemeralSecret, HnPublicKey, Profile};
use kaskade_doctor::side::Side;
use kaskade_keys::fivegs::XresStar;
use kaskade_keys::{
    Abba, HnKeyId, Plmn, ProtectionScheme, RoutingIndicator, SchemeOutput, ServingNetworkName, Suci, Supi,
};
use kaskade_net::random::random_octets;
use kaskade_net::role::seaf::{AusfClient, AusfClientError, Challenge};
use kaskade_net::sbi::model::SupiOrSuci;

/// How the UE names itself.
#[derive(Clone)]
pub(crate) enum Identity {
    /// By its SUPI, as an AMF does that knows it already.
    Supi,
    /// By a SUCI of the null scheme.
    Null {
        home: Option<Plmn>,
        routing_indicator: RoutingIndicator,
    },
    /// By a SUCI, made anew for each attach.
    Concealed {
        home: Option<Plmn>,
        routing_indicator: RoutingIndicator,
        hn_key_id: HnKeyId,
        hn_public_key: HnPublicKey,
    },
}

impl Identity {
    /// What the scheme is called.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Supi => "SUPI",
            Self::Null { .. } => "SUCI, null scheme",
            Self::Concealed { hn_public_key, .. } => match hn_public_key.profile() {
                Profile::A => "SUCI, profile A",
                Profile::B => "SUCI, profile B",
            },
        }
    }

    fn of(&self, supi: &Supi) -> Result<SupiOrSuci> {
        Ok(match self {
            Self::Supi => supi.clone().into(),
            Self::Null {
                home,
                routing_indicator,
            } => Suci::null(supi, *home, *routing_indicator)?.into(),
            Self::Concealed {
                home,
                routing_indicator,
                hn_key_id,
                hn_public_key,
            } => {
                let (suci_home, _) = Suci::parts(supi, *home)?;
                let input = Suci::scheme_input(supi, *home)?;
                let output = conceal(hn_public_key, &input)?;
                let scheme = match hn_public_key.profile() {
                    Profile::A => ProtectionScheme::ProfileA,
                    Profile::B => ProtectionScheme::ProfileB,
                };
                let output = SchemeOutput::concealed(scheme, output)?;
                Suci::new(suci_home, *routing_indicator, *hn_key_id, output)?.into()
            }
        })
    }
}

/// Draws ephemeral keys until one is in range: for P-256 all but one in 2^32 are.
fn conceal(hn_public_key: &HnPublicKey, input: &[u8]) -> Result<Vec<u8>> {
    for _ in 0..8 {
        let ephemeral = EphemeralSecret::from_octets(&random_octets()?);
        match ecies::conceal(hn_public_key, ephemeral, input) {
            Ok(output) => return Ok(output),
            Err(ecies::EciesError::PrivateKeyOutOfRange) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("no usable ephemeral key after 8 draws: the random numbers of this machine are broken");
}

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
    /// `keep` is called with the USIM when it has accepted a challenge, before RES* leaves.
    pub(crate) async fn run(&self, ue: &mut Ue, mut keep: impl FnMut(&Usim) -> Result<()>) -> Result<Attached> {
        let begin = Instant::now();
        let identity = self.identity.of(ue.supi())?;
        let refused = || format!("the AUSF gave no challenge for {}", ue.supi().masked());
        let first = self
            .ausf
            .authenticate(identity.clone(), self.serving_network_name)
            .await;
        let mut challenge = first.map_err(explained).with_context(refused)?;
        let mut resynchronised = false;
        loop {
            let Challenge { se_av, confirmation } = challenge;
            let awaiting = AwaitingResponse::new(se_av);
            let mut ue_side = Side::new(self.reveal);
            let (rand, autn) = (*awaiting.rand(), *awaiting.autn());
            let name = &self.serving_network_name;
            let answer = match ue.challenge_visited(&rand, &autn, name, &self.abba, &mut ue_side) {
                Ok(answer) => answer,
                Err(UeReject::SynchronisationFailure(auts)) if !resynchronised => {
                    resynchronised = true;
                    let resynchronisation = awaiting.synchronisation_failure(auts);
                    let again = self
                        .ausf
                        .resynchronise(identity.clone(), *name, resynchronisation)
                        .await;
                    challenge = again.map_err(explained).context("the home network refused the AUTS")?;
                    continue;
                }
                Err(reject) => {
                    // The run is over either way; the reason that the UE gives is what counts.
                    let _ = self.ausf.delete(&confirmation).await;
                    bail!("{}", rejected(reject));
                }
            };
            keep(ue.usim())?;
            // What the AUSF must have sent if its XRES* is this RES*.
            let expected = XresStar::from_octets(answer.res_star.expose_to_operator()).hxres_star(&rand);
            SeAv5g {
                rand,
                autn,
                hxres_star: expected,
            }
            .visit_keys(&mut ue_side);
            let mut serving = Side::new(self.reveal);
            let home = awaiting.response(answer.res_star.clone())?;
            home.visit_keys(&mut serving);
            let decision = self.ausf.confirm(&confirmation, Some(home.res_star())).await;
            let Some((supi, k_seaf)) = decision.map_err(explained).context("the AUSF did not confirm")? else {
                bail!("the home network answered AUTHENTICATION_FAILURE: XRES* is not the RES* of this USIM");
            };
            let elapsed = begin.elapsed();
            if supi != *ue.supi() {
                bail!(
                    "the home network authenticated {}, but this UE is {}",
                    supi.masked(),
                    ue.supi().masked()
                );
            }
            serving.key(&k_seaf);
            let anchored = home.accepted(supi, k_seaf, self.abba.clone());
            anchored.visit_keys(&mut serving);
            FiveGsKeys::derive(&anchored.k_amf, &self.selection).visit_keys(&mut serving);
            FiveGsKeys::derive(&answer.k_amf, &self.selection).visit_keys(&mut ue_side);
            return Ok(Attached {
                ue: ue_side,
                serving,
                resynchronised,
                elapsed,
            });
        }
    }
}

/// What to do about a UE's refusal.
fn rejected(reject: UeReject) -> String {
    let hint = match reject {
        UeReject::MacFailure => {
            "K, OP or OPc, or the algorithm of this USIM are not those of the home network (is OP given as OPc?)"
        }
        UeReject::SynchronisationFailure(_) => {
            "the home network's SQN is still out of range after a resynchronisation: does it keep what an AUTS tells it?"
        }
        _ => "set the AMF of the subscriber to 8000 in the home network",
    };
    format!("{reject} (5GMM cause {}): {hint}", reject.five_gmm_cause())
}

/// Adds what to do to what the AUSF said.
fn explained(error: AusfClientError) -> anyhow::Error {
    let hint = match error.cause().map(kaskade_net::sbi::problem::Cause::name) {
        Some("USER_NOT_FOUND") => "the home network has no such subscriber",
        Some("SERVING_NETWORK_NOT_AUTHORIZED") => "the home network does not list this serving network: see its policy",
        Some("INVALID_HN_PUBLIC_KEY_IDENTIFIER") => "the home network has no key pair of this identifier and profile",
        Some("INVALID_SCHEME_OUTPUT") => "the SUCI does not open: is the home network public key the right one?",
        Some("UNSUPPORTED_PROTECTION_SCHEME") => "the home network does not support this protection scheme",
        Some("AUTHENTICATION_REJECTED") => "the subscription does not allow it, or the AUTS is not of this subscriber",
        Some("NF_CONGESTION_RISK") => {
            "a budget of the home network is used up: its log says which setting of [budget] bounds it (of one subscriber: \
             budget.card_of_requester and budget.card). Wait, or raise that setting there"
        }
        Some("NF_CONGESTION") => "the home network has too much to do (budget.node): wait, or raise that setting there",
        Some("CONTEXT_NOT_FOUND") => "the authentication context has expired or was used",
        _ => return error.into(),
    };
    anyhow::Error::new(error).context(hint)
}
