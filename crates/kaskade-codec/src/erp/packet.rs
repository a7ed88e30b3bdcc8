//! Packets: what they are about, and what their tag covers.

use alloc::vec::Vec;

use kaskade_keys::id::{Cryptosuite, ErpSequence, Fqdn};

use super::{CRYPTOSUITES, ErpError, KeyNameNai, items};

/// Octets before the items of a Re-auth: code, identifier, length, type, flags, SEQ.
const BEFORE_ITEMS: usize = 8;
/// Octets before the items of a Re-auth-Start: code, identifier, length, type, reserved.
const BEFORE_START_ITEMS: usize = 6;
const START: u8 = 1;
const RE_AUTH: u8 = 2;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// To the server, or from the authenticator to the peer.
    Initiate = 5,
    /// From the server to the peer.
    Finish = 6,
}

impl Code {
    const fn of(octet: u8) -> Result<Self, ErpError> {
        match octet {
            5 => Ok(Self::Initiate),
            6 => Ok(Self::Finish),
            other => Err(ErpError::Code(other)),
        }
    }
}

/// The flags of a Re-auth: one octet (RFC 6696 5.3.2, 5.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// R, 0x80: of a Finish, that it failed.
    pub failed: bool,
    /// B, 0x40: bootstrapping.
    pub bootstrapping: bool,
    /// L, 0x20: lifetimes are wanted, in a Finish present.
    pub lifetimes: bool,
}

impl Flags {
    const fn of(octet: u8) -> Self {
        Self {
            failed: octet & 0x80 != 0,
            bootstrapping: octet & 0x40 != 0,
            lifetimes: octet & 0x20 != 0,
        }
    }

    fn octet(self) -> u8 {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        bit(self.failed, 0x80) | bit(self.bootstrapping, 0x40) | bit(self.lifetimes, 0x20)
    }
}

/// The items of a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// keyName-NAI; every Re-auth has one.
    pub key_name_nai: Option<KeyNameNai>,
    /// Lifetime of the rRK in seconds.
    pub r_rk_lifetime: Option<u32>,
    /// Lifetime of the rMSK in seconds.
    pub r_msk_lifetime: Option<u32>,
    /// Domain name of a local ER server.
    pub domain: Option<Fqdn>,
    /// Numbers of the cryptosuites that the server takes, at least one.
    pub cryptosuites: Option<Vec<u8>>,
    /// Authorization indication: 1 to 255 octets.
    pub authorization: Option<Vec<u8>>,
}

/// EAP-Initiate/Re-auth-Start: an authenticator says that it speaks ERP (RFC 6696 5.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReAuthStart {
    /// Of the packet. One octet.
    pub identifier: u8,
    /// The domain of the local ER server, if there is one.
    pub domain: Option<Fqdn>,
}

impl ReAuthStart {
    /// Reads one. What is behind its length is left alone.
    ///
    /// # Errors
    /// [`ErpError`].
    pub fn read(octets: &[u8]) -> Result<Self, ErpError> {
        let packet = whole(octets, BEFORE_START_ITEMS)?;
        let (head, items) = packet.split_at_checked(BEFORE_START_ITEMS).unwrap_or_default();
        let &[code, identifier, _, _, kind, _] = head else {
            return Err(ErpError::Type(0));
        };
        if Code::of(code)? != Code::Initiate {
            return Err(ErpError::Code(code));
        }
        if kind != START {
            return Err(ErpError::Type(kind));
        }
        let items = items::read(items, BEFORE_START_ITEMS)?;
        Ok(Self {
            identifier,
            domain: items.domain,
        })
    }

    /// Its octets.
    pub fn emit(&self) -> Vec<u8> {
        let mut packet = Vec::from([Code::Initiate as u8, self.identifier, 0, 0, START, 0]);
        let items = Items {
            domain: self.domain.clone(),
            ..Items::default()
        };
        items::write(&items, &mut packet);
        let length = packet.len();
        put_length(&mut packet, length);
        packet
    }
}

/// EAP-Initiate/Re-auth or EAP-Finish/Re-auth (RFC 6696 5.3.2, 5.3.3), without its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReAuth {
    /// Which of both.
    pub code: Code,
    /// A Finish has that of its Initiate. One octet.
    pub identifier: u8,
    /// The flags.
    pub flags: Flags,
    /// SEQ. 2 octets.
    pub seq: ErpSequence,
    /// Which key, and at whose server.
    pub key_name_nai: KeyNameNai,
    /// The other items; its own keyName-NAI counts for nothing when it is written.
    pub items: Items,
}

/// One way to read a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<'p> {
    /// What it says, to be believed when the tag is right.
    pub re_auth: ReAuth,
    /// How it is protected; `None`: not at all.
    pub protection: Option<Protection<'p>>,
}

/// The tag of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection<'p> {
    /// By which cryptosuite.
    pub suite: Cryptosuite,
    /// What it covers: from the code to the cryptosuite.
    pub covered: &'p [u8],
    /// 8, 16 or 32 octets.
    pub tag: &'p [u8],
}

impl Reading<'_> {
    /// What the authorization indication covers: the packet up to the cryptosuite, with the indication's own value as zeros. `None`
    /// where there is no indication, or no tag.
    pub fn covered_by_authorization(&self) -> Option<Vec<u8>> {
        let mut covered = self.protection?.covered.to_vec();
        let place = authorization_in(&covered)?;
        covered.get_mut(place)?.fill(0);
        Some(covered)
    }
}

/// Where the value of the authorization indication is in a packet up to the cryptosuite.
fn authorization_in(covered: &[u8]) -> Option<core::ops::Range<usize>> {
    let end = covered.len().checked_sub(1)?;
    let place = items::place_of(items::AUTHORIZATION, covered.get(BEFORE_ITEMS..end)?)?;
    Some(place.start.checked_add(BEFORE_ITEMS)?..place.end.checked_add(BEFORE_ITEMS)?)
}

impl ReAuth {
    /// Reads a packet in every way that its form allows, at least one. What is behind its length is left alone.
    ///
    /// # Errors
    /// [`ErpError`] when there is none; of several ways it is the one with the mandatory cryptosuite that is told of.
    pub fn read(octets: &[u8]) -> Result<Vec<Reading<'_>>, ErpError> {
        let packet = whole(octets, BEFORE_ITEMS)?;
        let (head, rest) = packet.split_at_checked(BEFORE_ITEMS).unwrap_or_default();
        let &[code, identifier, _, _, kind, flags, high, low] = head else {
            return Err(ErpError::Type(0));
        };
        let code = Code::of(code)?;
        if kind != RE_AUTH {
            return Err(ErpError::Type(kind));
        }
        let flags = Flags::of(flags);
        let of_items = |octets: &[u8]| -> Result<ReAuth, ErpError> {
            let mut items = items::read(octets, BEFORE_ITEMS)?;
            let key_name_nai = items.key_name_nai.take().ok_or(ErpError::NoKeyName)?;
            Ok(Self {
                code,
                identifier,
                flags,
                seq: ErpSequence::new(u16::from_be_bytes([high, low])),
                key_name_nai,
                items,
            })
        };
        let (mut readings, mut why) = (Vec::new(), None);
        for suite in CRYPTOSUITES {
            let Some((covered, tag)) = packet
                .len()
                .checked_sub(suite.tag_octets())
                .and_then(|end| packet.split_at_checked(end))
            else {
                continue;
            };
            let Some((&last, before)) = covered.split_last() else {
                continue;
            };
            let Some(octets) = before.get(BEFORE_ITEMS..).filter(|_| last == suite as u8) else {
                continue;
            };
            match of_items(octets) {
                Ok(re_auth) => readings.push(Reading {
                    re_auth,
                    protection: Some(Protection { suite, covered, tag }),
                }),
                Err(error) => why = why.or(Some(error)),
            }
        }
        if code == Code::Finish
            && flags.failed
            && let Ok(re_auth) = of_items(rest)
        {
            readings.push(Reading {
                re_auth,
                protection: None,
            });
        }
        match readings.is_empty() {
            true => Err(why.unwrap_or(ErpError::NoCryptosuite)),
            false => Ok(readings),
        }
    }

    /// Reads what stands before a part that cannot be read: up to the keyName-NAI, without other items. It is never to be believed; it
    /// says to whom a failure is to be told.
    ///
    /// # Errors
    /// [`ErpError`] where there is no keyName-NAI.
    pub fn read_head(octets: &[u8]) -> Result<Self, ErpError> {
        let packet = whole(octets, BEFORE_ITEMS)?;
        let (head, rest) = packet.split_at_checked(BEFORE_ITEMS).unwrap_or_default();
        let &[code, identifier, _, _, RE_AUTH, flags, high, low] = head else {
            return Err(ErpError::Type(head.get(4).copied().unwrap_or_default()));
        };
        let place = items::place_of(items::KEY_NAME_NAI, rest).ok_or(ErpError::NoKeyName)?;
        let text = rest.get(place).and_then(|text| core::str::from_utf8(text).ok());
        let key_name_nai = text.and_then(|text| text.parse().ok()).ok_or(ErpError::NoKeyName)?;
        Ok(Self {
            code: Code::of(code)?,
            identifier,
            flags: Flags::of(flags),
            seq: ErpSequence::new(u16::from_be_bytes([high, low])),
            key_name_nai,
            items: Items::default(),
        })
    }

    /// The octets, with the tag that `tag` makes of what it covers: 32 octets, of which the first ones are taken.
    pub fn protect(&self, suite: Cryptosuite, tag: impl FnOnce(&[u8]) -> [u8; 32]) -> Vec<u8> {
        let mut packet = self.up_to_items(&self.items);
        packet.push(suite as u8);
        append_tag(&mut packet, suite, tag);
        packet
    }

    /// As [`ReAuth::protect`], with an authorization indication as long as the tag, made by `authorization` of what it covers.
    pub fn protect_authorized(
        &self,
        suite: Cryptosuite,
        authorization: impl FnOnce(&[u8]) -> [u8; 32],
        tag: impl FnOnce(&[u8]) -> [u8; 32],
    ) -> Vec<u8> {
        let items = Items {
            authorization: Some(Vec::from([0; 32].get(..suite.tag_octets()).unwrap_or_default())),
            ..self.items.clone()
        };
        let mut packet = self.up_to_items(&items);
        packet.push(suite as u8);
        let length = packet.len().saturating_add(suite.tag_octets());
        put_length(&mut packet, length);
        let indication = authorization(&packet);
        if let Some(place) = authorization_in(&packet).and_then(|place| packet.get_mut(place)) {
            for (to, from) in place.iter_mut().zip(indication) {
                *to = from;
            }
        }
        append_tag(&mut packet, suite, tag);
        packet
    }

    /// The octets of a failure that cannot be protected: without cryptosuite and tag.
    pub fn unprotected(&self) -> Vec<u8> {
        let mut packet = self.up_to_items(&self.items);
        let length = packet.len();
        put_length(&mut packet, length);
        packet
    }

    fn up_to_items(&self, items: &Items) -> Vec<u8> {
        let [high, low] = self.seq.value().to_be_bytes();
        let mut packet = Vec::with_capacity(320);
        packet.extend([
            self.code as u8,
            self.identifier,
            0,
            0,
            RE_AUTH,
            self.flags.octet(),
            high,
            low,
        ]);
        let items = Items {
            key_name_nai: Some(self.key_name_nai.clone()),
            ..items.clone()
        };
        items::write(&items, &mut packet);
        packet
    }
}

fn append_tag(packet: &mut Vec<u8>, suite: Cryptosuite, tag: impl FnOnce(&[u8]) -> [u8; 32]) {
    let length = packet.len().saturating_add(suite.tag_octets());
    put_length(packet, length);
    let tag = tag(packet);
    packet.extend(tag.iter().take(suite.tag_octets()));
}

fn put_length(packet: &mut [u8], length: usize) {
    if let (Some(place), Ok(length)) = (packet.get_mut(2..4), u16::try_from(length)) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

/// The packet as long as its length says, and at least `least` octets.
fn whole(octets: &[u8], least: usize) -> Result<&[u8], ErpError> {
    let has = octets.len();
    let &[code, _, high, low, ..] = octets else {
        return Err(ErpError::Short { has, least });
    };
    Code::of(code)?;
    let says = usize::from(u16::from_be_bytes([high, low]));
    if says < least {
        return Err(ErpError::Short { has: says, least });
    }
    octets.get(..says).ok_or(ErpError::Length { says, has })
}
