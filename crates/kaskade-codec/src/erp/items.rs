//! The items of a packet: types, lengths, values.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::{ErpError, Items, KeyNameNai};

pub(super) const KEY_NAME_NAI: u8 = 1;
const R_RK_LIFETIME: u8 = 2;
const R_MSK_LIFETIME: u8 = 3;
const DOMAIN_NAME: u8 = 4;
const CRYPTOSUITES: u8 = 5;
pub(super) const AUTHORIZATION: u8 = 6;

/// One item, where it begins, and what is behind it.
struct Item<'a> {
    kind: u8,
    at: usize,
    value: &'a [u8],
    rest: &'a [u8],
}

/// The first item of `octets`, which begin at `at`.
fn first(octets: &[u8], at: usize) -> Result<Option<Item<'_>>, ErpError> {
    let Some((kind, rest)) = octets.split_first() else {
        return Ok(None);
    };
    let whole = ErpError::Item { at };
    let (length, rest) = match *kind {
        R_RK_LIFETIME | R_MSK_LIFETIME => (4, rest),
        _ => {
            let (length, rest) = rest.split_first().ok_or(whole)?;
            (usize::from(*length), rest)
        }
    };
    let (value, rest) = rest.split_at_checked(length).ok_or(whole)?;
    Ok(Some(Item {
        kind: *kind,
        at,
        value,
        rest,
    }))
}

/// Puts a value where none was yet.
fn once<T>(place: &mut Option<T>, item: &Item<'_>, value: Option<T>) -> Result<(), ErpError> {
    let Item { kind, at, .. } = *item;
    if place.is_some() {
        return Err(ErpError::Twice { kind, at });
    }
    *place = Some(value.ok_or(ErpError::Form { kind, at })?);
    Ok(())
}

/// Reads all items; they begin at octet `at` of the packet.
pub(super) fn read(octets: &[u8], at: usize) -> Result<Items, ErpError> {
    let mut items = Items::default();
    let (mut rest, mut at) = (octets, at);
    while let Some(item) = first(rest, at)? {
        let text = || core::str::from_utf8(item.value).ok();
        let seconds = || item.value.try_into().ok().map(u32::from_be_bytes);
        match item.kind {
            KEY_NAME_NAI => once(
                &mut items.key_name_nai,
                &item,
                text().and_then(|text| text.parse().ok()),
            )?,
            R_RK_LIFETIME => once(&mut items.r_rk_lifetime, &item, seconds())?,
            R_MSK_LIFETIME => once(&mut items.r_msk_lifetime, &item, seconds())?,
            DOMAIN_NAME => once(&mut items.domain, &item, text().and_then(|text| text.parse().ok()))?,
            CRYPTOSUITES => {
                let some = (!item.value.is_empty()).then(|| item.value.to_vec());
                once(&mut items.cryptosuites, &item, some)?;
            }
            AUTHORIZATION => {
                let some = (!item.value.is_empty()).then(|| item.value.to_vec());
                once(&mut items.authorization, &item, some)?;
            }
            _ => {}
        }
        let taken = rest.len().saturating_sub(item.rest.len());
        at = at.saturating_add(taken);
        rest = item.rest;
    }
    Ok(items)
}

/// Where the value of the first item of a type is among `octets`, from their beginning on.
pub(super) fn place_of(kind: u8, octets: &[u8]) -> Option<core::ops::Range<usize>> {
    let mut rest = octets;
    while let Ok(Some(item)) = first(rest, 0) {
        if item.kind == kind {
            let end = octets.len().checked_sub(item.rest.len())?;
            return Some(end.checked_sub(item.value.len())?..end);
        }
        rest = item.rest;
    }
    None
}

/// Writes all items, by their types.
pub(super) fn write(items: &Items, to: &mut Vec<u8>) {
    let mut put = |kind: u8, value: &[u8]| {
        let value = value.get(..value.len().min(255)).unwrap_or_default();
        to.extend([kind, u8::try_from(value.len()).unwrap_or(u8::MAX)]);
        to.extend(value);
    };
    if let Some(name) = &items.key_name_nai {
        put(KEY_NAME_NAI, KeyNameNai::text(name).as_bytes());
    }
    if let Some(domain) = &items.domain {
        put(DOMAIN_NAME, domain.to_string().as_bytes());
    }
    if let Some(cryptosuites) = &items.cryptosuites {
        put(CRYPTOSUITES, cryptosuites);
    }
    if let Some(authorization) = &items.authorization {
        put(AUTHORIZATION, authorization);
    }
    for (kind, seconds) in [
        (R_RK_LIFETIME, items.r_rk_lifetime),
        (R_MSK_LIFETIME, items.r_msk_lifetime),
    ] {
        if let Some(seconds) = seconds {
            to.push(kind);
            to.extend(seconds.to_be_bytes());
        }
    }
}
