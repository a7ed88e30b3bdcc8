//! Which AAnF has the anchor key of an A-KID: by its realm and its routing indicator (TS 33.535 6.7).

use std::fmt;
use std::sync::Arc;

use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest};
use kaskade_flow::Durable;
use kaskade_keys::{AKid, HomeRealm, RoutingIndicator};

use crate::sbi::service::{Caller, NotDone};
use crate::services::naanf_akma::NaanfAkma;

use std::future::Future;
use std::pin::Pin;

/// What an AAnF gives, on its way.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<Option<Durable<AkmaAfKeyData>>, NotDone>> + Send + 'a>>;

/// An AAnF, in this process or elsewhere.
pub trait Anchor: Send + Sync + 'static {
    /// Naanf_AKMA_ApplicationKey_Get (TS 29.535 5.2.2.3).
    fn application_key<'a>(&'a self, caller: &'a Caller, request: AkmaAfKeyRequest) -> Asking<'a>;
}

impl<A: NaanfAkma> Anchor for A {
    fn application_key<'a>(&'a self, caller: &'a Caller, request: AkmaAfKeyRequest) -> Asking<'a> {
        Box::pin(self.retrieve_applicationkey(caller, request))
    }
}

/// One AAnF, and for whom it is.
#[derive(Clone)]
pub struct AanfEntry {
    /// As logs call it.
    pub name: Box<str>,
    /// The home network.
    pub realm: HomeRealm,
    /// The routing indicators that lead to it; none: all that lead to no other of this home network.
    pub routing_indicators: Vec<RoutingIndicator>,
    /// How it is asked.
    pub anchor: Arc<dyn Anchor>,
}

impl fmt::Debug for AanfEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AanfEntry")
            .field("name", &self.name)
            .field("realm", &self.realm)
            .field("routing_indicators", &self.routing_indicators)
            .finish_non_exhaustive()
    }
}

/// The AAnFs that are asked.
#[derive(Clone, Debug, Default)]
pub struct Aanfs(Vec<AanfEntry>);

/// Two AAnFs for the same subscribers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} and {1} are both for routing indicator {2} of {3}: give each its own")]
pub struct SameSubscribers(pub Box<str>, pub Box<str>, pub String, pub HomeRealm);

impl Aanfs {
    /// These.
    ///
    /// # Errors
    /// [`SameSubscribers`].
    pub fn new(entries: Vec<AanfEntry>) -> Result<Self, SameSubscribers> {
        for (at, entry) in entries.iter().enumerate() {
            for other in entries.iter().take(at).filter(|other| other.realm == entry.realm) {
                let shared = entry.routing_indicators.iter();
                let mut shared = shared.filter(|indicator| other.routing_indicators.contains(indicator));
                let which = match shared.next() {
                    Some(indicator) => indicator.to_string(),
                    None if entry.routing_indicators.is_empty() && other.routing_indicators.is_empty() => {
                        "any".to_owned()
                    }
                    None => continue,
                };
                return Err(SameSubscribers(
                    other.name.clone(),
                    entry.name.clone(),
                    which,
                    entry.realm,
                ));
            }
        }
        Ok(Self(entries))
    }

    /// The one that has the anchor key of this A-KID, if any has.
    pub(super) fn of(&self, a_kid: &AKid) -> Option<&AanfEntry> {
        let of_realm = || self.0.iter().filter(|entry| entry.realm == a_kid.realm());
        let indicator = a_kid.routing_indicator();
        let named = of_realm().find(|entry| entry.routing_indicators.contains(&indicator));
        named.or_else(|| of_realm().find(|entry| entry.routing_indicators.is_empty()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use kaskade_keys::akma::ATid;

    use super::*;

    struct Nobody;

    impl Anchor for Nobody {
        fn application_key<'a>(&'a self, _: &'a Caller, _: AkmaAfKeyRequest) -> Asking<'a> {
            Box::pin(std::future::ready(Ok(None)))
        }
    }

    fn realm(plmn: &str) -> HomeRealm {
        HomeRealm::new(plmn.parse().expect("a PLMN"), None)
    }

    fn entry(name: &str, plmn: &str, indicators: &[&str]) -> AanfEntry {
        AanfEntry {
            name: name.into(),
            realm: realm(plmn),
            routing_indicators: indicators.iter().map(|text| text.parse().expect("digits")).collect(),
            anchor: Arc::new(Nobody),
        }
    }

    fn leads(aanfs: &Aanfs, indicator: &str, plmn: &str) -> Option<String> {
        let indicator = indicator.parse().expect("digits");
        let a_kid = AKid::new(indicator, &ATid::from_octets(&[7; 32]), realm(plmn));
        aanfs.of(&a_kid).map(|entry| entry.name.to_string())
    }

    #[test]
    fn realm_and_routing_indicator_lead_to_one() {
        let aanfs = Aanfs::new(vec![
            entry("rest", "001-01", &[]),
            entry("some", "001-01", &["17", "0017"]),
            entry("partner", "310-410", &["0"]),
        ]);
        let aanfs = aanfs.expect("each has its own");
        for (indicator, plmn, name) in [
            ("17", "001-01", Some("some")),
            ("0017", "001-01", Some("some")),
            ("0", "001-01", Some("rest")),
            ("1", "001-01", Some("rest")),
            ("0", "310-410", Some("partner")),
            ("1", "310-410", None),
            ("0", "999-70", None),
        ] {
            assert_eq!(leads(&aanfs, indicator, plmn).as_deref(), name, "{indicator} {plmn}");
        }
    }

    #[test]
    fn no_two_are_for_the_same_subscribers() {
        for (other, which) in [(&["17"][..], "17"), (&["1", "17"], "17")] {
            let refused = Aanfs::new(vec![entry("a", "001-01", &["17"]), entry("b", "001-01", other)]).err();
            assert_eq!(refused.map(|refused| refused.2).as_deref(), Some(which));
        }
        let refused = Aanfs::new(vec![entry("a", "001-01", &[]), entry("b", "001-01", &[])]).err();
        assert_eq!(refused.map(|refused| refused.2).as_deref(), Some("any"));
        assert!(Aanfs::new(vec![entry("a", "001-01", &["1"]), entry("b", "310-410", &["1"])]).is_ok());
    }
}
