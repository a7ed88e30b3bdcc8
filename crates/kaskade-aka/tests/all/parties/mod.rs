//! A subscription and the parties around it, for the tests of this crate.
#![allow(dead_code, reason = "each test takes what it needs")]

use kaskade_aka::auc::Credentials;
use kaskade_aka::fivegs::ue::Ue;
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_crypto::{Amf, K, Opc, Rand, Sqn};
use kaskade_keys::derivation::Row;
use kaskade_keys::{ServingNetworkName, Supi, tree};

/// Credentials out of octets.
pub(crate) fn credentials(k: &[u8; 16], opc: &[u8; 16], amf: [u8; 2]) -> Credentials {
    Credentials {
        amf: Amf::from_octets(amf),
        ..Credentials::new(K::from_octets(k), Opc::from_octets(opc))
    }
}

/// A fixed subscription.
pub(crate) fn subscription() -> Credentials {
    credentials(&[0x46; 16], &[0xcd; 16], [0x80, 0])
}

/// The card of a subscription.
pub(crate) fn usim(credentials: &Credentials, options: UsimOptions) -> Usim {
    Usim::new(&credentials.keys, options)
}

/// A device with the card of a subscription.
pub(crate) fn ue(credentials: &Credentials) -> Ue {
    Ue::new(usim(credentials, UsimOptions::default()), supi())
}

/// The subscriber.
pub(crate) fn supi() -> Supi {
    "imsi-001010000000001".parse().expect("a SUPI")
}

/// The serving network.
pub(crate) fn home() -> ServingNetworkName {
    "5G:mnc001.mcc001.3gppnetwork.org".parse().expect("a name")
}

/// Another serving network.
pub(crate) fn elsewhere() -> ServingNetworkName {
    "5G:mnc070.mcc901.3gppnetwork.org".parse().expect("a name")
}

/// A RAND.
pub(crate) fn rand(octet: u8) -> Rand {
    Rand::from_octets([octet; 16])
}

/// SEQ ‖ IND with 5 bits of IND.
pub(crate) fn sqn(seq: u64, ind: u64) -> Sqn {
    Sqn::new(seq << 5 | ind).expect("48 bits")
}

/// The keys of one 5G AKA run: what the stages show, and what a whole cascade holds.
const CASCADE: [&str; 21] = [
    "RES", "CK", "IK", "AK", "CK||IK", "RES*", "XRES*", "HRES*", "HXRES*", "K_AUSF", "K_SEAF", "K_AMF", "K_NASenc",
    "K_NASint", "K_N3IWF", "NH", "K_gNB", "K_RRCenc", "K_RRCint", "K_UPenc", "K_UPint",
];

/// The usual derivation of each key of a 5G AKA run.
pub(crate) fn cascade_rows() -> impl Iterator<Item = &'static Row> {
    CASCADE.into_iter().map(|key| tree::parent(key).expect("a row"))
}
