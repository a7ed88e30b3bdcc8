//! Where the rows of a subscriber stand: beside each other, so that whoever reads one has the other's page.
//!
//! ```text
//! table `subscriber`   SUPI ‖ 0 → what it is: see `row`; linked by its GPSI
//!                      SUPI ‖ 1 → its sequence numbers: see `sqn_row`
//! ```

use core::ops::Deref;

use kaskade_keys::{Gpsi, Supi};

use crate::engine::{Batch, Change, Expect, Link, Table, Value};
use crate::error::RowError;
use crate::key::SubscriberKey;
use crate::model::Subscription;

/// The rows of subscribers.
pub const SUBSCRIBER: Table = Table::new(16, "subscriber");
/// How many rows each of them has.
pub(crate) const ROWS: u64 = 2;
/// The index by GPSI.
pub(crate) const BY_GPSI: u8 = 0;

/// Which row of a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its secrets and what it may do.
    Credentials = 0,
    /// Its sequence numbers.
    Numbers = 1,
}

/// The key of one row. No heap for an IMSI.
pub(crate) enum PartKey {
    Imsi([u8; 10]),
    Nai(Box<[u8]>),
}

impl PartKey {
    #[inline]
    pub(crate) fn new(key: &SubscriberKey, part: Part) -> Self {
        match key {
            SubscriberKey::Imsi([a, b, c, d, e, f, g, h, i]) => {
                Self::Imsi([*a, *b, *c, *d, *e, *f, *g, *h, *i, part as u8])
            }
            SubscriberKey::Nai(octets) => Self::Nai([&octets[..], &[part as u8]].concat().into()),
        }
    }

    /// Whose row it is, and which.
    pub(crate) fn read(octets: &[u8]) -> Result<(SubscriberKey, Part), RowError> {
        let (part, supi) = octets.split_last().ok_or(RowError::Length)?;
        let part = match part {
            0 => Part::Credentials,
            1 => Part::Numbers,
            _ => return Err(RowError::Field("part of a subscriber")),
        };
        let supi: Supi = SubscriberKey::supi(supi)?;
        Ok((SubscriberKey::from(&supi), part))
    }
}

impl Deref for PartKey {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Imsi(octets) => octets,
            Self::Nai(octets) => octets,
        }
    }
}

/// Puts what a subscriber is.
pub(crate) fn put_credentials(unit: &mut Batch, key: &SubscriberKey, row: &[u8], subscription: &Subscription) {
    let link = |gpsi: &Gpsi| Link {
        index: BY_GPSI,
        octets: gpsi.as_str().as_bytes().into(),
    };
    unit.push(Change {
        table: SUBSCRIBER,
        key: PartKey::new(key, Part::Credentials).to_vec().into(),
        expect: Expect::Any,
        value: Some(Value {
            octets: row.into(),
            expires: 0,
            links: subscription.gpsi.iter().map(link).collect(),
        }),
    });
}

/// Puts its sequence numbers over those that are expected.
pub(crate) fn put_numbers(unit: &mut Batch, key: &SubscriberKey, numbers: &[u8], expect: Expect) {
    unit.push(Change {
        table: SUBSCRIBER,
        key: PartKey::new(key, Part::Numbers).to_vec().into(),
        expect,
        value: Some(Value {
            octets: numbers.into(),
            ..Value::default()
        }),
    });
}

/// Removes all of it, if its sequence numbers are those that are expected.
pub(crate) fn remove(unit: &mut Batch, key: &SubscriberKey, expect: Expect) {
    unit.remove(SUBSCRIBER, &PartKey::new(key, Part::Credentials));
    unit.push(Change {
        table: SUBSCRIBER,
        key: PartKey::new(key, Part::Numbers).to_vec().into(),
        expect,
        value: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_a_subscriber_stand_beside_each_other() {
        let texts = [
            "imsi-00101",
            "imsi-001010000000001",
            "imsi-00102",
            "nai-a@b",
            "nai-a@bc",
            "nai-aa@b",
        ];
        let mut last = Vec::new();
        for text in texts {
            let key = SubscriberKey::from(&text.parse::<Supi>().expect("a SUPI"));
            for part in [Part::Credentials, Part::Numbers] {
                let octets = PartKey::new(&key, part);
                assert!(last.as_slice() < &*octets, "{text}");
                last = octets.to_vec();
                let (read, of) = PartKey::read(&octets).expect("a key");
                assert!(read == key && of == part);
            }
        }
        assert!(PartKey::read(&[]).is_err());
        assert!(PartKey::read(&[1, 0x11, 0, 0, 0, 0, 0, 0, 0, 9]).is_err());
    }
}
