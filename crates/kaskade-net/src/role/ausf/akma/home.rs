//! In which home network a subscriber is, as the realm of its A-KID has it (TS 33.535 6.1, TS 23.003 28.7.3).

use std::fmt;
use std::str::FromStr;

use kaskade_codec::sbi::SupiOrSuci;
use kaskade_keys::id::{Nid, SuciHome};
use kaskade_keys::{HomeRealm, ParseError, Plmn, ServingNetworkName, Supi};

/// A home network: a PLMN, or a stand-alone non-public network with its NID. `001-01`, `001-01:000007ED9D5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HomeNetwork {
    /// The codes that an IMSI begins with.
    pub plmn: Plmn,
    /// The NID of a stand-alone non-public network.
    pub nid: Option<Nid>,
}

/// Not the codes of a home network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}: expected MCC-MNC, or MCC-MNC:NID of a stand-alone non-public network, such as 001-01 or 001-01:000007ED9D5"
)]
pub struct NotAHomeNetwork(ParseError);

impl HomeNetwork {
    fn realm(self) -> HomeRealm {
        HomeRealm::new(self.plmn, self.nid)
    }
}

impl From<Plmn> for HomeNetwork {
    fn from(plmn: Plmn) -> Self {
        Self { plmn, nid: None }
    }
}

impl FromStr for HomeNetwork {
    type Err = NotAHomeNetwork;

    fn from_str(text: &str) -> Result<Self, NotAHomeNetwork> {
        let (plmn, nid) = match text.split_once(':') {
            Some((plmn, nid)) => (plmn, Some(nid)),
            None => (text, None),
        };
        Ok(Self {
            plmn: plmn.parse().map_err(NotAHomeNetwork)?,
            nid: nid.map(str::parse).transpose().map_err(NotAHomeNetwork)?,
        })
    }
}

impl fmt::Display for HomeNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nid {
            None => self.plmn.fmt(f),
            Some(nid) => write!(f, "{}:{nid}", self.plmn),
        }
    }
}

/// What a SUCI says of the home network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::role::ausf) enum HomeSaid {
    /// Its codes.
    Plmn(Plmn),
    /// All of it.
    Realm(HomeRealm),
}

/// The home network that a SUCI names.
pub(in crate::role::ausf) fn home_of(asked: &SupiOrSuci) -> Option<HomeSaid> {
    match asked {
        SupiOrSuci::Suci(suci) => match &suci.home {
            SuciHome::Imsi(plmn) => Some(HomeSaid::Plmn(*plmn)),
            SuciHome::NetworkSpecific(realm) | SuciHome::GlobalLine(realm) | SuciHome::GlobalCable(realm) => {
                realm.parse().ok().map(HomeSaid::Realm)
            }
        },
        SupiOrSuci::Supi(_) => None,
    }
}

/// Whether an IMSI begins with the codes of a network.
fn begins_with(imsi: &[u8], plmn: Plmn) -> bool {
    let rest = imsi.strip_prefix(plmn.mcc().as_bytes());
    rest.is_some_and(|rest| rest.starts_with(plmn.mnc().as_bytes()))
}

/// The realm of a subscriber's A-KID, as far as somebody says in which home network it is.
pub(super) fn realm(
    supi: &Supi,
    home: Option<HomeSaid>,
    serving: &ServingNetworkName,
    home_networks: &[HomeNetwork],
) -> Option<HomeRealm> {
    let imsi = match supi {
        Supi::Imsi(imsi) => imsi.digits(),
        Supi::NetworkSpecific(nai) | Supi::GlobalLine(nai) | Supi::GlobalCable(nai) => {
            // Its own realm may be that of a network; another one does not say it.
            let own = || nai.realm().parse().ok();
            return match (home_networks, home) {
                ([one], _) => Some(one.realm()),
                ([], Some(HomeSaid::Realm(realm))) => Some(realm),
                ([], _) => own(),
                (all, _) => own().filter(|own| all.iter().any(|one| one.realm() == *own)),
            };
        }
    };
    if !home_networks.is_empty() {
        let of = home_networks.iter().filter(|one| begins_with(imsi, one.plmn));
        return of.max_by_key(|one| one.plmn.mnc().len()).map(|one| one.realm());
    }
    let is_home = |plmn: &Plmn| begins_with(imsi, *plmn);
    let said = match home {
        Some(HomeSaid::Plmn(plmn)) => Some(plmn).filter(is_home),
        _ => None,
    };
    let plmn = said.or_else(|| networks_of(serving).into_iter().flatten().find(is_home))?;
    // Neither IMSI nor SUCI says the NID: at home the serving network does.
    let nid = nid_of(serving).filter(|_| serving.is_of(plmn));
    Some(HomeRealm::new(plmn, nid))
}

/// The networks that a serving network name may be of: 5G:mnc001.mcc001.3gppnetwork.org, with an MNC of two digits or of three.
pub(super) fn networks_of(serving: &ServingNetworkName) -> [Option<Plmn>; 2] {
    let codes = || {
        let mut labels = serving.as_str().strip_prefix("5G:mnc")?.splitn(3, '.');
        Some((labels.next()?, labels.next()?.strip_prefix("mcc")?))
    };
    let Some((mnc, mcc)) = codes() else { return [None; 2] };
    let two = mnc.strip_prefix('0').and_then(|mnc| Plmn::new(mcc, mnc).ok());
    [two, Plmn::new(mcc, mnc).ok()]
}

/// The NID of a serving network name.
fn nid_of(serving: &ServingNetworkName) -> Option<Nid> {
    let (_, nid) = serving.as_str().strip_prefix("5G:")?.split_once(':')?;
    nid.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plmn(text: &str) -> Plmn {
        text.parse().unwrap()
    }

    #[test]
    fn the_realm_is_that_of_the_home_network_and_of_nothing_else() {
        let serving = |text: &str| ServingNetworkName::new(plmn(text), None);
        let of = |imsi: &str, home: Option<&str>, at: &str, listed: &[&str]| {
            let listed: Vec<_> = listed.iter().map(|text| text.parse().unwrap()).collect();
            let supi = format!("imsi-{imsi}").parse().unwrap();
            let home = home.map(|home| HomeSaid::Plmn(plmn(home)));
            let realm = realm(&supi, home, &serving(at), &listed);
            realm.map(|realm| realm.to_string())
        };
        let realm = |mnc: &str, mcc: &str| Some(format!("5gc.mnc{mnc}.mcc{mcc}.3gppnetwork.org"));
        let (two, three) = ("001010000000001", "310410000000001");
        // At home the serving network says how many digits are the MNC.
        assert_eq!(of(two, None, "001-01", &[]), realm("001", "001"));
        assert_eq!(of(three, None, "310-410", &[]), realm("410", "310"));
        // Abroad it is another's.
        assert_eq!(of(two, None, "310-410", &[]), None);
        assert_eq!(of(two, Some("001-01"), "310-410", &[]), realm("001", "001"));
        assert_eq!(of(two, Some("001-010"), "310-410", &[]), realm("010", "001"));
        // Whoever is no subscriber of it does not name it.
        assert_eq!(of(two, Some("001-02"), "310-410", &[]), None);
        // What is configured counts alone; the longer one is meant where both begin the IMSI.
        assert_eq!(of(two, Some("001-010"), "001-01", &["001-01"]), realm("001", "001"));
        assert_eq!(of(two, None, "001-01", &["001-01", "001-010"]), realm("010", "001"));
        assert_eq!(of(two, Some("001-01"), "001-01", &["310-410"]), None);
        let nai: Supi = "nai-user@example.org".parse().unwrap();
        assert_eq!(super::realm(&nai, None, &serving("001-01"), &[]), None);
        assert!(super::realm(&nai, None, &serving("001-01"), &[plmn("001-01").into()]).is_some());
    }

    #[test]
    fn a_stand_alone_network_has_its_nid_in_the_realm() {
        const NID: &str = "000007ED9D5";
        let snpn = "5gc.nid000007ed9d5.mnc001.mcc001.3gppnetwork.org";
        let public = "5gc.mnc001.mcc001.3gppnetwork.org";
        let imsi: Supi = "imsi-001010000000001".parse().unwrap();
        let at =
            |text: &str, nid: Option<&str>| ServingNetworkName::new(plmn(text), nid.map(|nid| nid.parse().unwrap()));
        let of = |supi: &Supi, home: Option<HomeSaid>, serving: &ServingNetworkName, listed: &[&str]| {
            let listed: Vec<HomeNetwork> = listed.iter().map(|text| text.parse().unwrap()).collect();
            realm(supi, home, serving, &listed).map(|realm| realm.to_string())
        };
        let (own, other) = (at("001-01", Some(NID)), at("310-410", Some(NID)));
        let by_suci = Some(HomeSaid::Plmn(plmn("001-01")));
        // As the configuration says, wherever the subscriber is.
        let listed = format!("001-01:{}", NID.to_lowercase());
        for serving in [own, other, at("001-01", None)] {
            assert_eq!(of(&imsi, by_suci, &serving, &[&listed]).as_deref(), Some(snpn));
            assert_eq!(of(&imsi, by_suci, &serving, &["001-01"]).as_deref(), Some(public));
        }
        // Otherwise the NID is that of the serving network, where that is the home.
        for home in [None, by_suci] {
            assert_eq!(of(&imsi, home, &own, &[]).as_deref(), Some(snpn));
        }
        assert_eq!(of(&imsi, by_suci, &other, &[]).as_deref(), Some(public));
        // A name with the realm of the network says all of it.
        let nai: Supi = format!("nai-user@{snpn}").parse().unwrap();
        assert_eq!(of(&nai, None, &other, &[]).as_deref(), Some(snpn));
        assert_eq!(of(&nai, None, &other, &["310-410", &listed]).as_deref(), Some(snpn));
        assert_eq!(of(&nai, None, &other, &["310-410", "001-01"]), None);
        let said = Some(HomeSaid::Realm(snpn.parse().unwrap()));
        let nai: Supi = "nai-user@example.org".parse().unwrap();
        assert_eq!(of(&nai, said, &other, &[]).as_deref(), Some(snpn));
    }

    #[test]
    fn a_home_network_is_read_as_it_is_written() {
        for text in ["001-01", "310-410", "001-01:000007ED9D5"] {
            assert_eq!(text.parse::<HomeNetwork>().unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "001",
            "001-01:",
            "001-01:7ED9D5",
            "001-01:000007ED9DX",
            "001-01:000007ED9D5:1",
        ] {
            let error = wrong.parse::<HomeNetwork>().unwrap_err().to_string();
            assert!(error.contains("MCC-MNC:NID"), "{error}");
        }
    }
}
