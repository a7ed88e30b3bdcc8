//! The stored form of keys: octets that sort as the keys do.
//!
//! | Part | Octets |
//! |---|---|
//! | [`Supi`] | those of [`SubscriberKey`]; an NAI is ended by 0 where something follows |
//! | number | most significant octet first |
//! | `[u8; N]` | as they are |
//! | `Vec<u8>`, `String` | as they are at the end of a key; else 0 becomes 0 255, and 0 0 is the end |

use alloc::string::String;
use alloc::vec::Vec;

use kaskade_keys::Supi;

use super::{RowError, SubscriberKey};

/// The first octet of an IMSI's key, whose length is fixed.
const IMSI: u8 = 1;
const IMSI_LEN: usize = 9;

/// A part of a key, or all of it.
pub trait RecordKey: Sized + Send + Sync + 'static {
    /// Appends its octets. With `more` something follows, and it must tell where it ends.
    fn put(&self, more: bool, octets: &mut Vec<u8>);

    /// Reads it, and leaves what follows; `None` when that is not what [`RecordKey::put`] gives.
    fn take(more: bool, octets: &mut &[u8]) -> Option<Self>;

    /// The octets of a whole key.
    fn to_octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(32);
        self.put(false, &mut octets);
        octets
    }

    /// Reads a whole key.
    ///
    /// # Errors
    /// [`RowError::Field`] when it is none.
    fn from_octets(mut octets: &[u8]) -> Result<Self, RowError> {
        let key = Self::take(false, &mut octets);
        key.filter(|_| octets.is_empty()).ok_or(RowError::Field("key"))
    }
}

/// A key that begins with a SUPI and goes on: a subscriber's records lie side by side.
pub trait OfSubscriber: RecordKey {
    /// What the keys of this subscriber begin with.
    fn of(supi: &Supi) -> Vec<u8>;
}

impl RecordKey for Supi {
    fn put(&self, more: bool, octets: &mut Vec<u8>) {
        let key = SubscriberKey::from(self);
        octets.extend_from_slice(key.octets());
        if more && matches!(key, SubscriberKey::Nai(_)) {
            octets.push(0);
        }
    }

    fn take(more: bool, octets: &mut &[u8]) -> Option<Self> {
        let (key, rest) = match (octets.first()?, more) {
            (&IMSI, _) => octets.split_at_checked(IMSI_LEN)?,
            (_, true) => {
                let end = octets.iter().position(|octet| *octet == 0)?;
                (octets.get(..end)?, octets.get(end + 1..)?)
            }
            (_, false) => (*octets, &[][..]),
        };
        *octets = rest;
        SubscriberKey::supi(key).ok()
    }
}

impl<B: RecordKey> OfSubscriber for (Supi, B) {
    fn of(supi: &Supi) -> Vec<u8> {
        begins(supi)
    }
}

impl<B: RecordKey, C: RecordKey> OfSubscriber for (Supi, B, C) {
    fn of(supi: &Supi) -> Vec<u8> {
        begins(supi)
    }
}

fn begins(supi: &Supi) -> Vec<u8> {
    let mut octets = Vec::with_capacity(IMSI_LEN);
    supi.put(true, &mut octets);
    octets
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl RecordKey for $number {
            fn put(&self, _: bool, octets: &mut Vec<u8>) {
                octets.extend_from_slice(&self.to_be_bytes());
            }

            fn take(_: bool, octets: &mut &[u8]) -> Option<Self> {
                let (number, rest) = octets.split_first_chunk()?;
                *octets = rest;
                Some(Self::from_be_bytes(*number))
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64);

impl<const N: usize> RecordKey for [u8; N] {
    fn put(&self, _: bool, octets: &mut Vec<u8>) {
        octets.extend_from_slice(self);
    }

    fn take(_: bool, octets: &mut &[u8]) -> Option<Self> {
        let (array, rest) = octets.split_first_chunk()?;
        *octets = rest;
        Some(*array)
    }
}

impl RecordKey for Vec<u8> {
    fn put(&self, more: bool, octets: &mut Vec<u8>) {
        match more {
            true => put_delimited(self, octets),
            false => octets.extend_from_slice(self),
        }
    }

    fn take(more: bool, octets: &mut &[u8]) -> Option<Self> {
        match more {
            true => take_delimited(octets),
            false => Some(core::mem::take(octets).to_vec()),
        }
    }
}

impl RecordKey for String {
    fn put(&self, more: bool, octets: &mut Vec<u8>) {
        match more {
            true => put_delimited(self.as_bytes(), octets),
            false => octets.extend_from_slice(self.as_bytes()),
        }
    }

    fn take(more: bool, octets: &mut &[u8]) -> Option<Self> {
        Self::from_utf8(Vec::take(more, octets)?).ok()
    }
}

impl<A: RecordKey, B: RecordKey> RecordKey for (A, B) {
    fn put(&self, more: bool, octets: &mut Vec<u8>) {
        self.0.put(true, octets);
        self.1.put(more, octets);
    }

    fn take(more: bool, octets: &mut &[u8]) -> Option<Self> {
        Some((A::take(true, octets)?, B::take(more, octets)?))
    }
}

impl<A: RecordKey, B: RecordKey, C: RecordKey> RecordKey for (A, B, C) {
    fn put(&self, more: bool, octets: &mut Vec<u8>) {
        self.0.put(true, octets);
        self.1.put(true, octets);
        self.2.put(more, octets);
    }

    fn take(more: bool, octets: &mut &[u8]) -> Option<Self> {
        Some((A::take(true, octets)?, B::take(true, octets)?, C::take(more, octets)?))
    }
}

/// Appends octets of any length so that their end is seen, and they sort as they are.
pub(super) fn put_delimited(of: &[u8], octets: &mut Vec<u8>) {
    for octet in of {
        octets.push(*octet);
        if *octet == 0 {
            octets.push(0xff);
        }
    }
    octets.extend_from_slice(&[0, 0]);
}

fn take_delimited(octets: &mut &[u8]) -> Option<Vec<u8>> {
    let mut of = Vec::new();
    loop {
        let (octet, rest) = octets.split_first()?;
        *octets = rest;
        if *octet != 0 {
            of.push(*octet);
            continue;
        }
        let (after, rest) = octets.split_first()?;
        *octets = rest;
        match *after {
            0 => return Some(of),
            0xff => of.push(0),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn supi() -> impl Strategy<Value = Supi> {
        prop_oneof!["imsi-00101[0-9]{0,10}", "(nai|gci|gli)-[a-z]{1,4}@[a-z]{1,4}",]
            .prop_filter_map("a SUPI", |text| text.parse().ok())
    }

    type Long = (Supi, Vec<u8>, u32);

    proptest! {
        #[test]
        fn keys_read_back_and_sort_as_they_are(
            supis in (supi(), supi()),
            parts in (prop::collection::vec(0..3_u8, 0..5), prop::collection::vec(0..3_u8, 0..5)),
            numbers in (any::<u32>(), any::<u32>()),
            texts in ("[a-c\0]{0,3}", "[a-c\0]{0,3}"),
        ) {
            let (one, other): (Long, Long) = ((supis.0.clone(), parts.0, numbers.0), (supis.1.clone(), parts.1, numbers.1));
            prop_assert_eq!(Long::from_octets(&one.to_octets()), Ok(one.clone()));
            prop_assert_eq!(one.cmp(&other), one.to_octets().cmp(&other.to_octets()));
            prop_assert_eq!(supis.0.cmp(&supis.1), supis.0.to_octets().cmp(&supis.1.to_octets()));
            prop_assert_eq!(Supi::from_octets(&supis.0.to_octets()), Ok(supis.0.clone()));
            let texts: ((String, u8), (String, u8)) = ((texts.0, 1), (texts.1, 2));
            prop_assert_eq!(texts.0.cmp(&texts.1), texts.0.to_octets().cmp(&texts.1.to_octets()));
            prop_assert_eq!(<(String, u8)>::from_octets(&texts.0.to_octets()), Ok(texts.0.clone()));
            // Those of one subscriber, and of nobody else.
            let mine = one.to_octets().starts_with(&Long::of(&supis.1));
            prop_assert_eq!(mine, supis.0 == supis.1);
        }

        #[test]
        fn garbage_is_no_key(octets: Vec<u8>) {
            if let Ok(key) = Long::from_octets(&octets) {
                prop_assert_eq!(key.to_octets(), octets.clone());
            }
            if let Ok(key) = Supi::from_octets(&octets) {
                prop_assert_eq!(key.to_octets(), octets);
            }
        }
    }
}
