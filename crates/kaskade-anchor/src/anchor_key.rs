//! AKMA at the AUSF: that a subscriber has an anchor key, and what the AAnF is to be told of it (TS 33.535 6.1, TS 29.535 5.2.2).
//!
//! ```text
//! authenticated ──────────── record, event, message ─┐
//!                                                    ├─ one unit ── durable ── delivered to the AAnF, as often as it takes
//! deregistered, removed, … ─ no record, message ─────┘
//! ```
//!
//! Messages about one subscriber have one order key, and a newer one takes the place of those that were not delivered: an AAnF that comes
//! back is told what is true by then, and never an older key after a newer one.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::str::FromStr;

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::event::{Fields, PeerId};
use kaskade_flow::record::{Expect, Kind, Protection, Record, RowError};
use kaskade_flow::unit::{Lane, Outgoing, Unit};
use kaskade_keys::akma::KAkma;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::{AKid, HomeRealm, Plmn, RoutingIndicator, Supi};

/// Where messages to the AAnF wait: one of each subscriber at most, beside one that is being delivered.
pub const TO_AANF: Lane = Lane {
    number: 70,
    name: "anchor keys to the AAnF",
    version: 1,
    capacity: 10_000_000,
};

/// What the A-KID of a subscriber has beside A-TID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The subscriber's routing indicator.
    pub routing_indicator: RoutingIndicator,
    /// Its home network.
    pub realm: HomeRealm,
}

/// K_AKMA, and the A-KID that names it.
#[derive(Debug)]
pub struct AnchorKey {
    /// K_AKMA.
    pub k_akma: KAkma,
    /// A-KID.
    pub a_kid: AKid,
}

impl AnchorKey {
    /// Derives both, after an authentication that has succeeded (TS 33.535 A.2, A.3).
    pub fn of(k_ausf: &KAusf, supi: &Supi, naming: Naming) -> Self {
        Self {
            k_akma: k_ausf.k_akma(supi),
            a_kid: AKid::new(naming.routing_indicator, &k_ausf.a_tid(supi), naming.realm),
        }
    }
}

/// A subscriber has an anchor key: the AAnF has it, or will be told. The key itself is not in it.
///
/// ```text
/// since 8 ‖ who asked for the authentication 8 ‖ routing indicator, 1 to 4 digits; version 1: nothing
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// Since when.
    pub since: UnixMillis,
    /// Who asked for the authentication: whose deregistration ends it.
    pub by: PeerId,
    /// Which routing indicator led to the AAnF, as far as that was kept.
    pub indicator: Option<RoutingIndicator>,
}

impl Record for Anchored {
    const KIND: Kind = Kind::new(70, "anchor key at the AAnF", 2, Protection::Coded).reads_from(1);
    type Key = Supi;

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        clear.extend(self.since.get().to_be_bytes());
        clear.extend(self.by.octets());
        clear.extend(
            self.indicator
                .iter()
                .flat_map(|indicator| indicator.to_string().into_bytes()),
        );
    }

    fn decode(_: u8, clear: &[u8], secret: SecretReader<'_>) -> Result<Self, RowError> {
        secret.end()?;
        let (fixed, indicator) = clear.split_at_checked(16).ok_or(RowError::Length)?;
        let mut fields = Fields::new(fixed);
        Ok(Self {
            since: UnixMillis::new(u64::from_be_bytes(fields.take())),
            by: PeerId::from_octets(fields.take()),
            indicator: optional(indicator)?,
        })
    }
}

/// What the AAnF is to be told.
#[derive(Debug)]
pub enum ToAanf {
    /// Naanf_AKMA_AnchorKey_Register, and which network serves the subscriber, for an AAnF that is told more than the service carries.
    Register(Supi, AnchorKey, Option<Plmn>),
    /// Naanf_AKMA_ContextRemove, at the AAnF to which this routing indicator leads, as far as that was kept.
    Remove(Supi, Option<RoutingIndicator>),
}

fn parsed<T: FromStr>(octets: &[u8], field: &'static str) -> Result<T, RowError> {
    let text = core::str::from_utf8(octets).ok();
    text.and_then(|text| text.parse().ok()).ok_or(RowError::Field(field))
}

/// A routing indicator, or nothing.
fn optional(octets: &[u8]) -> Result<Option<RoutingIndicator>, RowError> {
    match octets {
        [] => Ok(None),
        octets => parsed(octets, "routing indicator").map(Some),
    }
}

const REGISTER: u8 = 1;
/// Without a routing indicator, as it was written before.
const REMOVE: u8 = 2;
const REMOVE_AT: u8 = 3;

impl ToAanf {
    /// About whom.
    pub const fn supi(&self) -> &Supi {
        let (Self::Register(supi, ..) | Self::Remove(supi, _)) = self;
        supi
    }

    /// The body of its message.
    fn body(&self) -> SecretWriter {
        let mut body = SecretWriter::new();
        match self {
            Self::Register(supi, AnchorKey { k_akma, a_kid }, serving) => {
                body.octets(&[REGISTER]);
                body.octets(supi.sbi().as_bytes());
                body.octets(serving.as_ref().map(Plmn::to_string).unwrap_or_default().as_bytes());
                body.octets(a_kid.to_string().as_bytes());
                body.key(k_akma);
            }
            Self::Remove(supi, indicator) => {
                body.octets(&[REMOVE_AT]);
                body.octets(supi.sbi().as_bytes());
                let indicator = indicator.as_ref().map(RoutingIndicator::to_string);
                body.octets(indicator.unwrap_or_default().as_bytes());
            }
        }
        body
    }

    /// Reads the body of a message of [`TO_AANF`].
    ///
    /// # Errors
    /// [`RowError`] when it is none.
    pub fn read(mut body: SecretReader<'_>) -> Result<Self, RowError> {
        let kind = body.octets()?;
        let supi = parsed(&body.octets()?, "SUPI")?;
        let message = match kind.as_slice() {
            [REGISTER] => {
                let serving = body.octets()?;
                let serving = match serving.as_slice() {
                    [] => None,
                    serving => Some(parsed(serving, "serving network")?),
                };
                let a_kid = parsed(&body.octets()?, "A-KID")?;
                let k_akma = body.key()?;
                Self::Register(supi, AnchorKey { k_akma, a_kid }, serving)
            }
            [REMOVE] => Self::Remove(supi, None),
            [REMOVE_AT] => Self::Remove(supi, optional(&body.octets()?)?),
            _ => return Err(RowError::Field("kind")),
        };
        body.end()?;
        Ok(message)
    }

    fn outgoing(&self) -> Outgoing {
        let outgoing = Outgoing::new(TO_AANF, self.supi(), self.body());
        match fault!("anchor-keys-pile-up") {
            true => outgoing,
            false => outgoing.superseding(),
        }
    }
}

/// A subscriber, who is served there, has this anchor key from now on, and the AAnF is told: the record and the message.
pub fn register(unit: &mut Unit, supi: &Supi, key: AnchorKey, serving: Option<Plmn>, anchored: &Anchored) {
    unit.put(supi, anchored, Expect::Any);
    unit.send(ToAanf::Register(supi.clone(), key, serving).outgoing());
}

/// The anchor key of a subscriber, which is this one, ends, where its record is still so, and the AAnF is told.
pub fn remove(unit: &mut Unit, supi: &Supi, anchored: &Anchored, expect: Expect) {
    unit.remove::<Anchored>(supi, expect);
    if !fault!("anchor-key-left-at-the-aanf") {
        unit.send(ToAanf::Remove(supi.clone(), anchored.indicator).outgoing());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supi() -> Supi {
        "imsi-001010000000001".parse().unwrap()
    }

    fn key(octet: u8) -> AnchorKey {
        let naming = Naming {
            routing_indicator: "12".parse().unwrap(),
            realm: HomeRealm::new("001-01".parse().unwrap(), None),
        };
        AnchorKey::of(&KAusf::from_octets(&[octet; 32]), &supi(), naming)
    }

    /// Key, record and message of a unit.
    fn sent(unit: Unit) -> (usize, Vec<Outgoing>) {
        let parts = unit.into_parts().unwrap();
        (parts.changes.len(), parts.messages)
    }

    #[test]
    fn a_key_is_named_by_what_the_ue_derives_too() {
        let k_ausf = KAusf::from_octets(&[7; 32]);
        let AnchorKey { k_akma, a_kid } = key(7);
        assert_eq!(k_akma, k_ausf.k_akma(&supi()));
        assert_eq!(a_kid.a_tid(), &k_ausf.a_tid(&supi()));
        assert_eq!(a_kid.realm().to_string(), "5gc.mnc001.mcc001.3gppnetwork.org");
        assert_ne!(key(8).a_kid, a_kid);
    }

    #[test]
    fn a_record_reads_back_and_garbage_does_not() {
        let anchored = Anchored {
            since: UnixMillis::new(1_700_000_000_123),
            by: PeerId::of("amf"),
            indicator: Some("0012".parse().unwrap()),
        };
        let (mut clear, mut secret) = (Vec::new(), SecretWriter::new());
        anchored.encode(&mut clear, &mut secret);
        assert!(secret.is_empty() && clear.len() == 20);
        let nothing = || kaskade_crypto::seal::OpenedSecrets::default();
        assert_eq!(Anchored::decode(2, &clear, nothing().reader()), Ok(anchored));
        let before = Anchored {
            indicator: None,
            ..anchored
        };
        assert_eq!(Anchored::decode(1, &clear[..16], nothing().reader()), Ok(before));
        for wrong in [&clear[..15], &[], &[0; 17], &[b'1'; 21]] {
            assert!(Anchored::decode(2, wrong, nothing().reader()).is_err());
        }
    }

    #[test]
    fn whatever_is_newer_takes_the_place_of_what_waits() {
        let anchored = Anchored {
            since: UnixMillis::new(1),
            by: PeerId::NOBODY,
            indicator: Some("12".parse().unwrap()),
        };
        let mut unit = Unit::new();
        register(&mut unit, &supi(), key(1), None, &anchored);
        let (changes, registered) = sent(unit);
        let mut unit = Unit::new();
        remove(&mut unit, &supi(), &anchored, Expect::Any);
        let (removed, removes) = sent(unit);
        assert_eq!((changes, removed), (1, 1));
        for message in registered.iter().chain(&removes) {
            assert!(message.supersedes && message.until.is_none());
            assert_eq!(message.order, registered[0].order, "one order for both");
        }
        assert_eq!((registered.len(), removes.len()), (1, 1));
    }
}
