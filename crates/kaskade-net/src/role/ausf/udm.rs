//! What an AUSF asks the UDM, in this process or over N13 (TS 29.503 5.4).

use hyper::StatusCode;
use kaskade_aka::arpf::AvPrime;
use kaskade_aka::fivegs::udm::HeAv5g;
use kaskade_codec::sbi::nudm_ueau::{
    AuthEvent, AuthenticationInfoRequest, AuthenticationVector, Av5gHeAka, AvEapAkaPrime,
};
use kaskade_codec::sbi::values::PrimeHalf;
use kaskade_codec::sbi::{ResourceId, SupiOrSuci};
use kaskade_faults::fault;
use kaskade_flow::Durable;
use kaskade_flow::refusal::{Cause, Refusal};
use kaskade_keys::{RoutingIndicator, Supi};

use crate::role::udm::OwnUdm;
use crate::sbi::service::{Caller, Elsewhere, NotDone};
use crate::services::nudm_ueau::{Link, NudmUeau};

/// The way to the UDM.
pub type UdmLink = Link<OwnUdm>;

/// A vector, whose it is, and the routing indicator of a user who has AKMA.
#[allow(clippy::large_enum_variant, reason = "it lives for one step")]
pub(super) enum Vector {
    FiveGAka(HeAv5g, Supi, Option<RoutingIndicator>),
    EapAkaPrime(AvPrime, Supi, Option<RoutingIndicator>),
}

/// What to tell the SEAF (TS 29.509 6.1.7.3): what concerns user, SUCI and network is passed on; a UDM that failed is an AV
/// generation problem; no UDM is a problem upstream.
pub(super) fn refusal(error: &NotDone) -> Refusal {
    let (why, status) = match error.seen() {
        None => (error.why(), error.why().verdict().sbi.answer().map(|sbi| sbi.status())),
        Some(Elsewhere::Refused(heard)) => (error.why(), Some(heard.status.as_u16())),
        Some(_) => return error.why(),
    };
    match status {
        _ if is_passed_on(why) => why,
        Some(503 | 504) => Refusal::PeerSilent,
        _ => Refusal::NoVector,
    }
}

/// Whether a refusal of the UDM is the AUSF's too, by the causes that the tables of both have.
fn is_passed_on(why: Refusal) -> bool {
    let cause = why.verdict().sbi.answer().and_then(|sbi| sbi.cause());
    matches!(
        cause,
        Some(
            Cause::UserNotFound
                | Cause::ServingNetworkNotAuthorized
                | Cause::AuthenticationRejected
                | Cause::InvalidHnPublicKeyIdentifier
                | Cause::InvalidSchemeOutput
                | Cause::UnsupportedProtectionScheme
                | Cause::NfCongestionRisk
                | Cause::NfCongestion
        )
    )
}

/// Whether it is a failure of the UDM, or of something in its place: what a UDM says of a user is none.
pub(super) fn is_failure(error: &NotDone) -> bool {
    match error.seen() {
        None => false,
        Some(Elsewhere::Refused(_)) => matches!(refusal(error), Refusal::NoVector | Refusal::PeerSilent),
        Some(_) => true,
    }
}

/// A vector for a user.
pub(super) async fn vector(
    udm: &UdmLink,
    caller: &Caller,
    supi_or_suci: SupiOrSuci,
    request: AuthenticationInfoRequest,
) -> Result<Durable<Vector>, NotDone> {
    // The UDM of this process answers for who was asked for.
    let asked = match udm.is_elsewhere() {
        true => in_clear(&supi_or_suci),
        false => None,
    };
    let result = udm.generate_auth_data(caller, supi_or_suci, request).await?;
    result.try_map(|result| {
        let supi = whose(result.supi, asked)?;
        Ok(match result.vector {
            AuthenticationVector::FiveGHeAka(Av5gHeAka {
                rand,
                xres_star,
                autn,
                k_ausf,
            }) => {
                let he_av = HeAv5g {
                    rand,
                    autn,
                    xres_star,
                    k_ausf,
                };
                Vector::FiveGAka(he_av, supi, result.akma)
            }
            AuthenticationVector::EapAkaPrime(AvEapAkaPrime {
                rand,
                xres,
                autn,
                ck_prime,
                ik_prime,
            }) => {
                let av = AvPrime {
                    rand,
                    autn,
                    xres,
                    ck_ik_prime: PrimeHalf::joined(&ck_prime, &ik_prime),
                };
                Vector::EapAkaPrime(av, supi, result.akma)
            }
        })
    })
}

/// Tells the UDM what came of an authentication; gives where to take that back.
pub(super) async fn report(
    udm: &UdmLink,
    caller: &Caller,
    supi: Supi,
    event: AuthEvent,
) -> Result<ResourceId, NotDone> {
    let created = udm.confirm_auth(caller, supi, event).await?;
    created
        .id
        .ok_or_else(|| NotDone::nonsense("no Location, or none that can be kept"))
}

/// Takes a report back.
pub(super) async fn take_back(
    udm: &UdmLink,
    caller: &Caller,
    supi: Supi,
    id: ResourceId,
    removal: AuthEvent,
) -> Result<(), NotDone> {
    let done = udm.delete_auth(caller, supi, id, removal).await;
    match done {
        // It is gone: the UDM keeps a bounded number. Nothing is left to do.
        Err(error) if is_gone(&error) => Ok(()),
        // What a UDM says of users, networks and SUCIs is no answer to this.
        Err(error) if is_no_answer(&error) => Err(NotDone::nonsense("a report is not taken back")),
        done => done,
    }
}

fn is_gone(error: &NotDone) -> bool {
    match error.seen() {
        Some(Elsewhere::Refused(heard)) => heard.status == StatusCode::NOT_FOUND,
        Some(_) => false,
        None => error.why() == Refusal::DataNotFound,
    }
}

/// Whether a UDM elsewhere refuses to take a report back for a reason that can only be one against a vector.
fn is_no_answer(error: &NotDone) -> bool {
    let why = error.why();
    let is_busy = matches!(
        why,
        Refusal::BudgetSpent | Refusal::NodeBudgetSpent | Refusal::Overloaded
    );
    let is_said = matches!(error.seen(), Some(Elsewhere::Refused(_)));
    is_said && is_passed_on(why) && !is_busy && !fault!("any-refusal-of-a-removal-passed-on")
}

/// Who is asked for, as far as anybody can see it.
fn in_clear(asked: &SupiOrSuci) -> Option<Supi> {
    match asked {
        SupiOrSuci::Supi(supi) => Some(supi.clone()),
        SupiOrSuci::Suci(suci) => suci.null_supi(),
    }
}

/// Whose vector it is: who was asked for in clear is who the answer must be of.
fn whose(answered: Option<Supi>, asked: Option<Supi>) -> Result<Supi, NotDone> {
    match (answered, asked) {
        (Some(answered), Some(asked)) if answered != asked && !fault!("supi-not-compared") => {
            Err(NotDone::nonsense("a vector of somebody else"))
        }
        (Some(supi), _) | (None, Some(supi)) => Ok(supi),
        (None, None) => Err(NotDone::nonsense("no SUPI for a SUCI")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_udm_cannot_answer_for_somebody_else() {
        let asked = |text: &str| in_clear(&SupiOrSuci::parse(text).expect("an identity"));
        let supi = |text: &str| text.parse::<Supi>().expect("a SUPI");
        let (alice, bob) = ("imsi-001010000000001", "imsi-001010000000002");
        let null = "suci-0-001-01-0000-0-0-0000000001";
        for asked_for in [alice, null] {
            assert_eq!(whose(Some(supi(alice)), asked(asked_for)).expect("hers"), supi(alice));
            assert_eq!(whose(None, asked(asked_for)).expect("hers"), supi(alice));
            let refused = whose(Some(supi(bob)), asked(asked_for)).expect_err("his");
            assert!(matches!(refused.seen(), Some(Elsewhere::Nonsense(_))), "{asked_for}");
        }
        // Whom a SUCI conceals, only the UDM can say.
        let concealed = format!("suci-0-001-01-0000-1-1-{}", "0a".repeat(45));
        assert_eq!(whose(Some(supi(bob)), asked(&concealed)).expect("his"), supi(bob));
        assert!(whose(None, asked(&concealed)).is_err());
    }
}
