//! What the home network protects towards the UE: steering of roaming and UE parameters update.

use alloc::vec::Vec;

use super::ParseError;
use crate::derivation::{Encoding, hex, hex_array, kdf_parameters, text_parameters};

/// SoR header: the first octet of the steering of roaming container (TS 24.501 9.11.3.51). One octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SorHeader(pub u8);

/// The protected octets of an update: what stands behind the counter in the container. At most 65535 octets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Protected(Vec<u8>);

impl Protected {
    fn new(field: &'static str, octets: &[u8]) -> Result<Self, ParseError> {
        if octets.len() > usize::from(u16::MAX) {
            return Err(ParseError::Length {
                field,
                unit: "octets",
                expected: "at most 65535",
                actual: octets.len(),
            });
        }
        Ok(Self(octets.into()))
    }
}

/// The steering list or secured packet of SoR; may be empty, and is then left out (TS 33.501 A.17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SorList(Protected);

impl SorList {
    /// Takes the octets behind CounterSoR.
    ///
    /// # Errors
    /// [`ParseError::Length`] above 65535 octets.
    pub fn from_octets(octets: &[u8]) -> Result<Self, ParseError> {
        Protected::new("SoR list", octets).map(Self)
    }
}

/// UPU data: the list of the UE parameters update, from octet 23 of its container on (TS 33.501 A.19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpuData(Protected);

impl UpuData {
    /// Takes the octets behind CounterUPU.
    ///
    /// # Errors
    /// [`ParseError::Length`] above 65535 octets.
    pub fn from_octets(octets: &[u8]) -> Result<Self, ParseError> {
        Protected::new("UPU data", octets).map(Self)
    }
}

/// The one octet 0x01 with which the UE acknowledges SoR and UPU (TS 33.501 A.18, A.20).
#[derive(Clone, Copy, Debug)]
pub struct Acknowledgement;

kdf_parameters! {
    SorHeader: Encoding::Octets(1), |this| &[this.0];
    SorList: Encoding::Optional, |this| &this.0.0;
    UpuData: Encoding::Variable, |this| &this.0.0;
    Acknowledgement: Encoding::Octets(1), |_this| &[0x01];
}

text_parameters! {
    SorHeader: "1 octet in hexadecimal", "0e", |text| hex_array("SoR header", "1", text).map(|[octet]| Self(octet));
    SorList: "octets in hexadecimal, or nothing", "09f1070400", |text| Self::from_octets(&hex("SoR list", text)?);
    UpuData: "octets in hexadecimal", "0100050102030405", |text| Self::from_octets(&hex("UPU data", text)?);
}
