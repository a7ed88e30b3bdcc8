//! Events of an AAnF, as TS 33.128 7.9.1 names them: tags of the CHOICE of xIRI events, and their fields.

use alloc::string::String;
use alloc::vec::Vec;

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::UnixMillis;
use kaskade_flow::record::{RowError, part, put_part, put_text, text};
use kaskade_keys::AKid;
use kaskade_keys::akma::{KAf, KAkma};
use kaskade_keys::id::AfId;

/// For whom an application key was given (`KeyGetType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyGetType {
    /// An application function of the operator's domain.
    Internal = 1,
    /// An application function outside, by way of an NEF.
    External = 2,
}

impl KeyGetType {
    /// As TS 33.128 calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }
}

/// An application key (`AFKeyInfo`): `aFID` 1, `kAF` 2, `kAFExpTime` 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfKeyInfo {
    /// Which application function, by which protocol.
    pub af_id: AfId,
    /// The key.
    pub k_af: KAf,
    /// Until when it lives.
    pub expires: UnixMillis,
}

/// One event of an AAnF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Iri {
    /// K_AKMA was registered.
    AnchorKeyRegister {
        /// `aKID` 1.
        a_kid: AKid,
        /// `kAKMA` 3; `sUPI` 2 is that of the record.
        k_akma: KAkma,
    },
    /// An application key was given.
    ApplicationKeyGet {
        /// `type` 1.
        kind: KeyGetType,
        /// `aKID` 2.
        a_kid: AKid,
        /// `keyInfo` 3.
        key: AfKeyInfo,
    },
    /// What there was already when interception began.
    StartWithEstablished {
        /// `aKID` 1.
        a_kid: AKid,
        /// `kAKMA` 2.
        k_akma: KAkma,
        /// `aFKeyList` 3.
        af_keys: Vec<AfKeyInfo>,
    },
    /// K_AKMA was removed.
    ContextRemoval {
        /// `aKID` 1.
        a_kid: AKid,
        /// `nFID` 2: who wanted it removed, as the AAnF knows it.
        nf: String,
    },
}

impl Iri {
    /// Its tag in the CHOICE.
    pub const fn tag(&self) -> u8 {
        match self {
            Self::AnchorKeyRegister { .. } => 92,
            Self::ApplicationKeyGet { .. } => 93,
            Self::StartWithEstablished { .. } => 94,
            Self::ContextRemoval { .. } => 95,
        }
    }

    /// Its name there.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AnchorKeyRegister { .. } => "AAnFAnchorKeyRegister",
            Self::ApplicationKeyGet { .. } => "AAnFKAKMAApplicationKeyGet",
            Self::StartWithEstablished { .. } => "AAnFStartOfInterceptWithEstablishedAKMAKeyMaterial",
            Self::ContextRemoval { .. } => "AAnFAKMAContextRemovalRecord",
        }
    }

    /// The A-KID that it is about.
    pub const fn a_kid(&self) -> &AKid {
        match self {
            Self::AnchorKeyRegister { a_kid, .. }
            | Self::ApplicationKeyGet { a_kid, .. }
            | Self::StartWithEstablished { a_kid, .. }
            | Self::ContextRemoval { a_kid, .. } => a_kid,
        }
    }

    /// Writes it: to be sealed.
    pub(super) fn put(&self, says: &mut SecretWriter) {
        let mut head = Vec::from([self.tag()]);
        put_part(&self.a_kid().octets(), &mut head);
        match self {
            Self::AnchorKeyRegister { k_akma, .. } => {
                says.octets(&head);
                says.key(k_akma);
            }
            Self::ApplicationKeyGet { kind, key, .. } => {
                head.push(*kind as u8);
                put_key(key, &mut head);
                says.octets(&head);
                says.key(&key.k_af);
            }
            Self::StartWithEstablished { k_akma, af_keys, .. } => {
                af_keys.iter().for_each(|key| put_key(key, &mut head));
                says.octets(&head);
                says.key(k_akma);
                af_keys.iter().for_each(|key| says.key(&key.k_af));
            }
            Self::ContextRemoval { nf, .. } => {
                put_text(nf, &mut head);
                says.octets(&head);
            }
        }
    }

    /// Reads it.
    pub(super) fn take(from: &mut SecretReader<'_>) -> Result<Self, RowError> {
        let head = from.octets()?;
        let (tag, mut head) = head.split_first().ok_or(RowError::Length)?;
        let a_kid = AKid::from_octets(part(&mut head)?).map_err(|_| RowError::Field("A-KID"))?;
        let iri = match tag {
            92 => Self::AnchorKeyRegister {
                a_kid,
                k_akma: from.key()?,
            },
            93 => {
                let (kind, rest) = head.split_first().ok_or(RowError::Length)?;
                head = rest;
                let kind = match kind {
                    1 => KeyGetType::Internal,
                    2 => KeyGetType::External,
                    _ => return Err(RowError::Field("type")),
                };
                let (af_id, expires) = take_key(&mut head)?;
                let k_af = from.key()?;
                let key = AfKeyInfo { af_id, k_af, expires };
                Self::ApplicationKeyGet { kind, a_kid, key }
            }
            94 => {
                let k_akma = from.key()?;
                let mut af_keys = Vec::new();
                while !head.is_empty() {
                    let (af_id, expires) = take_key(&mut head)?;
                    let k_af = from.key()?;
                    af_keys.push(AfKeyInfo { af_id, k_af, expires });
                }
                Self::StartWithEstablished { a_kid, k_akma, af_keys }
            }
            95 => Self::ContextRemoval {
                a_kid,
                nf: text(&mut head)?.into(),
            },
            _ => return Err(RowError::Field("tag")),
        };
        match head.is_empty() {
            true => Ok(iri),
            false => Err(RowError::Length),
        }
    }
}

fn put_key(key: &AfKeyInfo, head: &mut Vec<u8>) {
    put_text(&alloc::format!("{}", key.af_id), head);
    head.extend(key.expires.get().to_be_bytes());
}

fn take_key(head: &mut &[u8]) -> Result<(AfId, UnixMillis), RowError> {
    let af_id = text(head)?.parse().map_err(|_| RowError::Field("AF_ID"))?;
    let (expires, rest) = head.split_first_chunk().ok_or(RowError::Length)?;
    *head = rest;
    Ok((af_id, UnixMillis::new(u64::from_be_bytes(*expires))))
}
