//! The NAS form of a SUCI: value part of the 5GS mobile identity (TS 24.501 9.11.3.4).

use alloc::vec::Vec;

use super::suci::{bcd, unbcd};
use super::{HnKeyId, ParseError, Plmn, ProtectionScheme, RoutingIndicator, SchemeOutput, Suci, SuciHome};

/// Type of identity "SUCI", the low 3 bits of the first octet.
const TYPE_SUCI: u8 = 0b001;

impl Suci {
    /// The octets of the 5GS mobile identity, without IEI and length.
    ///
    /// IMSI: `0x01 ‖ PLMN (3) ‖ routing indicator (2) ‖ scheme (1) ‖ key identifier (1) ‖ output`; other SUPI types:
    /// `SUPI format and type (1) ‖ NAI text`.
    pub fn nas_octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        octets.push(self.home.supi_type() << 4 | TYPE_SUCI);
        match &self.home {
            SuciHome::Imsi(plmn) => {
                octets.extend(plmn.nas_octets());
                octets.extend(self.routing_indicator.nas_octets());
                octets.push(self.output.scheme().id());
                octets.push(self.hn_key_id.0);
                match &self.output {
                    SchemeOutput::Null(msin) => octets.extend(bcd(msin)),
                    SchemeOutput::ProfileA(output)
                    | SchemeOutput::ProfileB(output)
                    | SchemeOutput::Other(_, output) => octets.extend(output),
                }
            }
            _ => octets.extend(self.nai().into_bytes()),
        }
        octets
    }

    /// Reads the octets of the 5GS mobile identity, without IEI and length.
    ///
    /// # Errors
    /// [`ParseError`] when the identity is not a SUCI or a field is wrong.
    pub fn from_nas_octets(octets: &[u8]) -> Result<Self, ParseError> {
        const FIELD: &str = "5GS mobile identity";
        let short = || ParseError::Length {
            field: FIELD,
            unit: "octets",
            expected: "at least 9 for an IMSI-type SUCI",
            actual: octets.len(),
        };
        let (&first, rest) = octets.split_first().ok_or_else(short)?;
        if first & 0b1000_1111 != TYPE_SUCI {
            return Err(ParseError::Form {
                field: FIELD,
                expected: "type of identity SUCI",
            });
        }
        if first >> 4 != 0 {
            let text = core::str::from_utf8(rest).map_err(|_| ParseError::Form {
                field: FIELD,
                expected: "an NAI in ASCII",
            })?;
            let suci = Self::from_nai(text)?;
            if suci.home.supi_type() != first >> 4 {
                return Err(ParseError::Form {
                    field: FIELD,
                    expected: "the SUPI format that the NAI names",
                });
            }
            return Ok(suci);
        }
        let (&[p0, p1, p2, r0, r1, scheme, key_id], output) = rest.split_first_chunk().ok_or_else(short)?;
        let plmn = Plmn::from_nas_octets([p0, p1, p2])?;
        let routing_indicator = RoutingIndicator::from_nas_octets([r0, r1])?;
        let scheme = ProtectionScheme::from_id(scheme)?;
        let output = match scheme {
            ProtectionScheme::Null => SchemeOutput::Null(unbcd(output)?),
            scheme => SchemeOutput::concealed(scheme, output.into())?,
        };
        Self::new(SuciHome::Imsi(plmn), routing_indicator, HnKeyId(key_id), output)
    }
}
