//! The MSK on its way to the access gateway: `MS-MPPE-Send-Key` and `MS-MPPE-Recv-Key` (RFC 2548 2.4.2, 2.4.3).
//!
//! ```text
//! Vendor-Specific: 311 (4) ‖ 16 or 17 (1) ‖ length (1) ‖ salt (2) ‖ hidden ( length of key (1) ‖ key ‖ zeros up to 16 )
//! ```
//!
//! `MS-MPPE-Recv-Key` has octets 0 to 31 of the MSK, `MS-MPPE-Send-Key` octets 32 to 63: they are named from the gateway's side.

use kaskade_crypto::radius::{AUTHENTICATOR, SharedSecret};
use kaskade_faults::fault;
use kaskade_keys::eap::Msk;
use zeroize::Zeroizing;

use super::error::{NoRoom, RadiusError};
use super::writer::Writer;
use super::{AttributeType, Packet};

/// Microsoft's number at IANA.
const VENDOR: u32 = 311;
const SEND_KEY: u8 = 16;
const RECV_KEY: u8 = 17;
/// Half an MSK.
const KEY: usize = 32;
/// A length, a key, and zeros.
const HIDDEN: usize = 48;
/// Type, length and salt in front of that.
const FRONT: usize = 4;

/// The salts of the keys in one packet: the top bit of each is set, and no two are equal (RFC 2548 2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salts {
    recv: [u8; 2],
    send: [u8; 2],
}

impl Salts {
    /// Out of random octets.
    pub fn from_random(octets: [u8; 2]) -> Self {
        let salt = u16::from_be_bytes(octets) | 0x8000;
        let other = match fault!("mppe-salt-repeated") {
            true => salt,
            false => salt ^ 1,
        };
        Self {
            recv: salt.to_be_bytes(),
            send: other.to_be_bytes(),
        }
    }
}

/// Appends both halves of what was exposed to the authenticator, hidden.
pub(super) fn write(
    writer: &mut Writer,
    exposed: &[u8; 2 * KEY],
    secret: &SharedSecret,
    request_authenticator: &[u8; AUTHENTICATOR],
    salts: Salts,
) -> Result<(), NoRoom> {
    let (halves, _) = exposed.as_chunks::<KEY>();
    for ((kind, salt), key) in [(RECV_KEY, salts.recv), (SEND_KEY, salts.send)].into_iter().zip(halves) {
        let mut hidden = Zeroizing::new([0; HIDDEN]);
        if let Some((length, rest)) = hidden.split_first_mut() {
            *length = 32;
            rest.iter_mut().zip(key).for_each(|(place, octet)| *place = *octet);
        }
        secret.hide(request_authenticator, salt, &mut hidden[..]);
        let front = [kind, 52, salt[0], salt[1]];
        const { assert!(FRONT + HIDDEN == 52) };
        let parts: [&[u8]; 3] = [&VENDOR.to_be_bytes(), &front, &hidden[..]];
        writer.parts(AttributeType::VendorSpecific, &parts)?;
    }
    Ok(())
}

/// The MSK in an answer, if both halves of it are there.
pub(super) fn read(
    packet: &Packet<'_>,
    secret: &SharedSecret,
    request_authenticator: &[u8; AUTHENTICATOR],
) -> Result<Option<Msk>, RadiusError> {
    let mut msk = Zeroizing::new([0; 2 * KEY]);
    let (mut seen, (halves, _)) = ([false; 2], msk.as_chunks_mut::<KEY>());
    let mut salts: [Option<[u8; 2]>; 2] = [None; 2];
    for attribute in packet.all(AttributeType::VendorSpecific) {
        let broken = RadiusError::Vendor {
            vendor: VENDOR,
            position: attribute.position,
        };
        let Some((vendor, mut rest)) = attribute.value.split_first_chunk::<4>() else {
            continue;
        };
        if u32::from_be_bytes(*vendor) != VENDOR {
            continue;
        }
        while let [kind, length, ..] = *rest {
            let (own, behind) = rest.split_at_checked(usize::from(length)).ok_or(broken)?;
            let value = own.get(2..).ok_or(broken)?;
            rest = behind;
            let half = match kind {
                RECV_KEY => 0,
                SEND_KEY => 1,
                _ => continue,
            };
            let (salt, hidden) = value.split_first_chunk::<2>().ok_or(broken)?;
            let mut clear = Zeroizing::new(<[u8; HIDDEN]>::try_from(hidden).map_err(|_| broken)?);
            secret.reveal(request_authenticator, *salt, &mut clear[..]);
            let [length, key @ ..] = &*clear;
            let key = key.first_chunk::<KEY>().filter(|_| *length == 32).ok_or(broken)?;
            let repeated = salts.contains(&Some(*salt)) || seen.get(half).is_none_or(|seen| *seen);
            if salt[0] & 0x80 == 0 || repeated {
                return Err(broken);
            }
            if let (Some(place), Some(seen), Some(of)) = (halves.get_mut(half), seen.get_mut(half), salts.get_mut(half))
            {
                (*place, *seen, *of) = (*key, true, Some(*salt));
            }
        }
        if !rest.is_empty() {
            return Err(broken);
        }
    }
    Ok((seen == [true; 2]).then(|| Msk::from_octets(&msk)))
}
