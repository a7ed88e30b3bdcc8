//! How the identities of this crate, and what an authentication vector brings, enter derivations.

use zeroize::Zeroizing;

use super::{Encoding, TextParameter, hex, hex_array, kdf_parameters, number, text_parameters};

kdf_parameters! {
    crate::ServingNetworkName: Encoding::Text, |this| this.kdf_octets();
    crate::Supi: Encoding::Text, |this| this.kdf_octets();
    crate::Abba: Encoding::Variable, |this| this.octets();
    crate::NasCount: Encoding::Octets(4), |this| &this.kdf_octets();
    crate::UplinkCount: Encoding::Octets(4), |this| &this.kdf_octets();
    crate::AccessType: Encoding::Octets(1), |this| &[*this as u8];
    crate::CipheringAlgorithm: Encoding::Octets(1), |this| &[this.identity()];
    crate::IntegrityAlgorithm: Encoding::Octets(1), |this| &[this.identity()];
    crate::id::TypeDistinguisher: Encoding::Octets(1), |this| &[*this as u8];
    kaskade_crypto::Rand: Encoding::Octets(16), |this| this.octets();
    kaskade_crypto::Res: Encoding::SecretVariable, |this| this.octets();
    crate::umts::SqnXorAk: Encoding::Octets(6), |this| this.octets();
}

text_parameters! {
    crate::ServingNetworkName: "a serving network name, or MCC-MNC", "5G:mnc001.mcc001.3gppnetwork.org", |text| {
        match text.parse::<crate::Plmn>() {
            Ok(plmn) => Ok(Self::new(plmn, None)),
            Err(_) => text.parse(),
        }
    };
    crate::Supi: "a SUPI with its prefix", "imsi-001010000000001", |text| text.parse();
    crate::Abba: "2 to 255 octets in hexadecimal", "0000", |text| Self::from_octets(&hex("ABBA", text)?);
    crate::NasCount: "0 to 16777215, or 0x and hexadecimal", "0", |text| {
        let value = number("NAS COUNT", "0 to 16777215", 0x00FF_FFFF, text)?;
        Self::new(u32::try_from(value).unwrap_or(u32::MAX))
    };
    crate::UplinkCount: "0 to 16777215, or handover for 2^32 - 1", "0", |text| match text {
        "handover" => Ok(Self::AfterHandover),
        _ => <crate::NasCount as TextParameter>::from_text(text).map(Self::Nas),
    };
    crate::CipheringAlgorithm: "0 to 3, or a name such as NEA2", "NEA2", |text| text.parse();
    crate::IntegrityAlgorithm: "0 to 3, or a name such as NIA2", "NIA2", |text| text.parse();
    kaskade_crypto::Rand: "16 octets in hexadecimal", "23553cbe9637a89d218ae64dae47bf35", |text| {
        hex_array("RAND", "16", text).map(Self::from_octets)
    };
    kaskade_crypto::Res: "4 to 16 octets in hexadecimal", "a54211d5e3ba50bf", |text| {
        let octets = Zeroizing::new(hex("RES", text)?);
        Self::from_slice(&octets).ok_or(crate::ParseError::Length {
            field: "RES",
            unit: "octets",
            expected: "4 to 16",
            actual: octets.len(),
        })
    };
    crate::umts::SqnXorAk: "6 octets in hexadecimal, the first of AUTN", "55f328b43577", |text| {
        hex_array("SQN xor AK", "6", text).map(Self::from_octets)
    };
}
