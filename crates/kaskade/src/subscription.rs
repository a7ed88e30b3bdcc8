//! What people say of a subscription: its methods and services, as text of a file or a command line.
//!
//! | Field | Text |
//! |---|---|
//! | `methods` | names with commas or blanks between them, the preferred one first; `none` for no method at all |
//! | `akma` | `yes` or `no` |
//! | `best` | `yes`, `no` or `separated-umts` |
//! | `gpsi`, `routing_indicator`, `eps_profile` | as their types read them |

use std::fmt;
use std::str::FromStr;

use kaskade_aka::arpf::Method;
use kaskade_keys::{Gpsi, Supi};
use kaskade_store::{Algorithm, AuthMethods, BestSubscription, EpsProfile};

const METHODS: [(&str, Method); 6] = [
    ("5g-aka", Method::FiveGAka),
    ("eap-aka-prime", Method::EapAkaPrime),
    ("eps-aka", Method::EpsAka),
    ("eap-aka", Method::EapAka),
    ("umts-aka", Method::UmtsAka),
    ("gsm-aka", Method::GsmAka),
];
const NO_METHOD: &str = "none";
const METHODS_EXPECTED: &str =
    "5g-aka, eap-aka-prime, eps-aka, eap-aka, umts-aka, gsm-aka, the preferred one first, or none alone";
const SEPARATED_UMTS: &str = "separated-umts";

/// Why a text says nothing of a subscription. It has a name of ours at most, and nothing that was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// A word that is no method.
    #[error("word {} is no method: expected {METHODS_EXPECTED}", at + 1)]
    UnknownMethod {
        /// Which word, counted from 0.
        at: usize,
    },
    /// A method a second time.
    #[error("{} is there twice: each stands where it is preferred", name_of(*.0))]
    Twice(Method),
    /// No word at all.
    #[error("no method: expected {METHODS_EXPECTED}")]
    NoWord,
    /// A method that this card has nothing for.
    #[error("{} needs a USIM, and {algorithm} is of GSM-only cards", name_of(*method))]
    NeedsUsim {
        /// The first such method.
        method: Method,
        /// The card's algorithm.
        algorithm: &'static str,
    },
    /// Neither yes nor no.
    #[error("expected yes or no")]
    YesOrNo,
    /// No way in which BEST keys are made.
    #[error("expected yes, no or {SEPARATED_UMTS}")]
    Best,
    /// No name of a profile.
    #[error(
        "expected a name of 1 to {} printable ASCII characters without blanks",
        EpsProfile::MAX
    )]
    Profile,
    /// Neither a SUPI nor a GPSI.
    #[error("expected a SUPI (imsi-<digits>, nai-<user@realm>) or a GPSI (msisdn-<digits>, extid-<user@domain>): {0}")]
    Who(String),
}

/// The name of a method in files and options.
pub fn name_of(method: Method) -> &'static str {
    let named = METHODS.into_iter().find(|(_, known)| *known == method);
    named.map_or("?", |(name, _)| name)
}

/// Reads a list of methods, in upper or lower case.
///
/// # Errors
/// [`SubscriptionError`]: an unknown word, a method twice, or nothing at all.
pub fn methods(text: &str) -> Result<AuthMethods, SubscriptionError> {
    let words = text.split([',', ' ', '\t']).filter(|word| !word.is_empty());
    let mut list = AuthMethods::NONE;
    let mut count = 0;
    for (at, word) in words.enumerate() {
        count = at + 1;
        let known = METHODS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        match known {
            Some((_, method)) if list.contains(method) => return Err(SubscriptionError::Twice(method)),
            Some((_, method)) => list = list.and(method),
            None if at == 0 && text.trim().eq_ignore_ascii_case(NO_METHOD) => return Ok(AuthMethods::NONE),
            None => return Err(SubscriptionError::UnknownMethod { at }),
        }
    }
    match count {
        0 => Err(SubscriptionError::NoWord),
        _ => Ok(list),
    }
}

/// A list as [`methods`] reads it, with this between two names.
pub fn methods_text(list: AuthMethods, between: &str) -> String {
    let names: Vec<_> = list.iter().map(name_of).collect();
    match names.as_slice() {
        [] => NO_METHOD.into(),
        names => names.join(between),
    }
}

/// The methods of a card of this algorithm: those that were said, or the default.
///
/// # Errors
/// [`SubscriptionError::NeedsUsim`]: a GSM-only card has nothing but GSM AKA.
pub fn methods_of_card(said: Option<AuthMethods>, algorithm: &Algorithm) -> Result<AuthMethods, SubscriptionError> {
    match (said, algorithm) {
        (Some(list), Algorithm::Gsm(gsm)) => match list.iter().find(|method| *method != Method::GsmAka) {
            Some(method) => Err(SubscriptionError::NeedsUsim {
                method,
                algorithm: gsm.name(),
            }),
            None => Ok(list),
        },
        (Some(list), Algorithm::Umts(_)) => Ok(list),
        (None, Algorithm::Umts(_)) => Ok(AuthMethods::default()),
        (None, Algorithm::Gsm(_)) => Ok(AuthMethods::NONE),
    }
}

/// Reads `yes` or `no`.
///
/// # Errors
/// [`SubscriptionError::YesOrNo`].
pub fn yes_or_no(text: &str) -> Result<bool, SubscriptionError> {
    match text.trim() {
        text if text.eq_ignore_ascii_case("yes") => Ok(true),
        text if text.eq_ignore_ascii_case("no") => Ok(false),
        _ => Err(SubscriptionError::YesOrNo),
    }
}

/// `yes` or `no`.
pub fn yes_or_no_text(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// Reads whether and how BEST keys are made.
///
/// # Errors
/// [`SubscriptionError::Best`].
pub fn best(text: &str) -> Result<Option<BestSubscription>, SubscriptionError> {
    let text = text.trim();
    if text.eq_ignore_ascii_case(SEPARATED_UMTS) {
        return Ok(Some(BestSubscription { separated_umts: true }));
    }
    let yes = yes_or_no(text).map_err(|_| SubscriptionError::Best)?;
    Ok(yes.then(BestSubscription::default))
}

/// What [`best`] reads.
pub fn best_text(best: Option<BestSubscription>) -> &'static str {
    match best {
        Some(BestSubscription { separated_umts: true }) => SEPARATED_UMTS,
        other => yes_or_no_text(other.is_some()),
    }
}

/// Reads the name of a profile of EPS subscription data.
///
/// # Errors
/// [`SubscriptionError::Profile`].
pub fn eps_profile(text: &str) -> Result<EpsProfile, SubscriptionError> {
    EpsProfile::new(text).ok_or(SubscriptionError::Profile)
}

/// A subscriber by its own identity, or by the one that others call. `Debug` masks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// SUPI.
    Supi(Supi),
    /// GPSI.
    Gpsi(Gpsi),
}

impl FromStr for Who {
    type Err = SubscriptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let who = |error: &dyn fmt::Display| SubscriptionError::Who(error.to_string());
        match text.split_once('-') {
            Some(("msisdn" | "extid", _)) => text.parse().map(Self::Gpsi).map_err(|error| who(&error)),
            _ => text.parse().map(Self::Supi).map_err(|error| who(&error)),
        }
    }
}

/// As it was given.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supi(supi) => f.write_str(&supi.sbi()),
            Self::Gpsi(gpsi) => f.write_str(gpsi.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaskade_aka::auc::GsmAlgorithm;

    #[test]
    fn lists_of_methods_are_read_as_they_are_written() {
        let list = AuthMethods::EAP_AKA_PRIME.and(Method::FiveGAka);
        for text in [
            "eap-aka-prime,5g-aka",
            " EAP-AKA-prime  5G-AKA ",
            "eap-aka-prime, 5g-aka",
        ] {
            assert_eq!(methods(text), Ok(list), "{text}");
        }
        let all: AuthMethods = METHODS.into_iter().map(|(_, method)| method).collect();
        for list in [list, all, AuthMethods::NONE] {
            for between in [",", " "] {
                assert_eq!(methods(&methods_text(list, between)), Ok(list));
            }
        }
        assert_eq!(methods("5g-aka,eap"), Err(SubscriptionError::UnknownMethod { at: 1 }));
        assert_eq!(methods("none,5g-aka"), Err(SubscriptionError::UnknownMethod { at: 0 }));
        assert_eq!(
            methods("5g-aka 5G-AKA"),
            Err(SubscriptionError::Twice(Method::FiveGAka))
        );
        assert_eq!(methods(" , "), Err(SubscriptionError::NoWord));
    }

    #[test]
    fn a_gsm_only_card_has_no_method_of_a_usim() {
        let gsm = Algorithm::Gsm(GsmAlgorithm::Comp128v1);
        let list = AuthMethods::NONE.and(Method::GsmAka);
        assert_eq!(methods_of_card(None, &gsm), Ok(AuthMethods::NONE));
        assert_eq!(methods_of_card(Some(list), &gsm), Ok(list));
        let refused = methods_of_card(Some(list.and(Method::EpsAka)), &gsm).expect_err("no USIM");
        assert_eq!(
            refused.to_string(),
            format!(
                "eps-aka needs a USIM, and {} is of GSM-only cards",
                GsmAlgorithm::Comp128v1.name()
            )
        );
    }

    #[test]
    fn services_are_read_as_they_are_written() {
        for said in [None, Some(false), Some(true)] {
            let said = said.map(|separated_umts| BestSubscription { separated_umts });
            assert_eq!(best(best_text(said)), Ok(said));
        }
        assert_eq!(best("true"), Err(SubscriptionError::Best));
        assert_eq!(yes_or_no(" Yes "), Ok(true));
        assert_eq!(yes_or_no("1"), Err(SubscriptionError::YesOrNo));
        assert!(eps_profile("two words").is_err() && eps_profile("").is_err() && eps_profile("gold").is_ok());
        assert!(matches!("msisdn-4917012345".parse(), Ok(Who::Gpsi(_))));
        assert!(matches!("imsi-00101".parse(), Ok(Who::Supi(_))));
        let wrong = "4917012345".parse::<Who>().expect_err("no kind").to_string();
        assert!(wrong.contains("msisdn-") && !wrong.contains("4917012345"), "{wrong}");
    }
}
