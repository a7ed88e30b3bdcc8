//! The key of a subscriber's rows: a SUPI in few octets, in the SUPI's own order.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use kaskade_keys::{Nai, Supi};

use super::RowError;

const IMSI: u8 = 1;
const NETWORK_SPECIFIC: u8 = 2;
const GLOBAL_CABLE: u8 = 3;
const GLOBAL_LINE: u8 = 4;

/// The key of a subscriber: kind, then an IMSI as nibbles (digit + 1, 0 after the last) or an NAI as text. Sorts as [`Supi`] does.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubscriberKey {
    /// Of an IMSI.
    Imsi([u8; 9]),
    /// Of any other SUPI.
    Nai(Box<[u8]>),
}

impl SubscriberKey {
    /// The octets.
    #[inline]
    pub fn octets(&self) -> &[u8] {
        match self {
            Self::Imsi(octets) => octets,
            Self::Nai(octets) => octets,
        }
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`RowError`] when this is not the key of a SUPI.
    pub fn supi(octets: &[u8]) -> Result<Supi, RowError> {
        let (kind, rest) = octets.split_first().ok_or(RowError::Length)?;
        let damaged = RowError::Field("SUPI");
        if *kind == IMSI {
            let nibbles = rest.iter().flat_map(|octet| [octet >> 4, octet & 15]);
            let digits: String = nibbles
                .take_while(|n| *n != 0)
                .map(|n| char::from(b'0' + (n - 1) % 10))
                .collect();
            let supi = digits.parse().map(Supi::Imsi).map_err(|_| damaged)?;
            return if Self::from(&supi).octets() == octets {
                Ok(supi)
            } else {
                Err(damaged)
            };
        }
        let nai: Nai = core::str::from_utf8(rest)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(damaged)?;
        match *kind {
            NETWORK_SPECIFIC => Ok(Supi::NetworkSpecific(nai)),
            GLOBAL_CABLE => Ok(Supi::GlobalCable(nai)),
            GLOBAL_LINE => Ok(Supi::GlobalLine(nai)),
            _ => Err(damaged),
        }
    }
}

impl From<&Supi> for SubscriberKey {
    #[inline]
    fn from(supi: &Supi) -> Self {
        let (kind, nai) = match supi {
            Supi::Imsi(imsi) => {
                let nibbles = imsi.digits().iter().fold((0_u64, 60_u32), |(packed, shift), digit| {
                    (packed | u64::from((*digit & 15) + 1) << shift, shift.saturating_sub(4))
                });
                let [a, b, c, d, e, f, g, h] = nibbles.0.to_be_bytes();
                return Self::Imsi([IMSI, a, b, c, d, e, f, g, h]);
            }
            Supi::NetworkSpecific(nai) => (NETWORK_SPECIFIC, nai),
            Supi::GlobalCable(nai) => (GLOBAL_CABLE, nai),
            Supi::GlobalLine(nai) => (GLOBAL_LINE, nai),
        };
        let mut octets = Vec::with_capacity(1 + nai.as_str().len());
        octets.push(kind);
        octets.extend_from_slice(nai.as_str().as_bytes());
        Self::Nai(octets.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_and_reads_back_as_the_supi() {
        let texts = [
            "imsi-00101",
            "imsi-001010000000001",
            "imsi-001010000000002",
            "imsi-0010100000001",
            "imsi-00102",
            "imsi-999999999999999",
            "nai-a@b",
            "nai-aa@b",
            "gci-x@y",
            "gli-x@y",
        ];
        let mut last: Option<SubscriberKey> = None;
        for text in texts {
            let supi: Supi = text.parse().expect("a SUPI");
            let key = SubscriberKey::from(&supi);
            assert_eq!(SubscriberKey::supi(key.octets()), Ok(supi));
            assert!(last.as_ref().is_none_or(|last| last.octets() < key.octets()), "{text}");
            last = Some(key);
        }
    }

    #[test]
    fn refuses_what_it_did_not_write() {
        for octets in [
            &[][..],
            &[9, 1, 2],
            &[1],
            &[1, 0x11, 0, 0, 0, 0, 0, 0, 0],
            &[2, 0xff, b'@'],
        ] {
            assert!(SubscriberKey::supi(octets).is_err(), "{octets:?}");
        }
    }
}
