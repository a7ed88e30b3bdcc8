//! AKMA-LI-P1: targets, records of the feed and the status as JSON.
//!
//! Names of events and of their members, and the tags, are those of TS 33.128 V19.3.0, 7.9.1. The form is the project's own: it is
//! neither ASN.1 nor a delivery by X1 or X2 of ETSI TS 103 221.

use std::fmt;

use kaskade_anchor::interception::{AfKeyInfo, FeedRecord, Iri, Notice, Said, Target};
use kaskade_codec::sbi::Timestamp;
use kaskade_flow::UnixMillis;
use kaskade_net::role::li::LiStatus;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

/// Its name and version.
pub(crate) const PROFILE: &str = "AKMA-LI-P1";

/// A target that is to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTargetBody {
    pub(crate) xid: String,
    pub(crate) target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<String>,
}

/// A target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TargetView {
    pub(crate) xid: String,
    pub(crate) target: String,
    pub(crate) begin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<String>,
    pub(crate) added: String,
    /// `waiting`, `active` or `ended`.
    pub(crate) state: String,
}

impl TargetView {
    pub(crate) fn of(target: &Target, now: UnixMillis) -> Self {
        let state = match target.is_active(now) {
            true => "active",
            false if target.begin > now => "waiting",
            false => "ended",
        };
        Self {
            xid: target.xid.to_string(),
            target: target.who.text(),
            begin: time(target.begin),
            end: target.end.map(time),
            added: time(target.added),
            state: state.to_owned(),
        }
    }
}

/// All targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Targets {
    pub(crate) targets: Vec<TargetView>,
}

/// What interception does, and whether it can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusView {
    /// Which feed, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) feed: Option<String>,
    /// Its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) records: Option<u64>,
    /// The chain behind them, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<String>,
    /// Events of targets that wait in the store.
    pub(crate) waiting: u64,
    /// The most events that had no room, and that the feed does not say yet.
    pub(crate) lost: u64,
    /// Why the feed takes nothing or not all, or a warrant does not begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trouble: Option<String>,
}

impl From<LiStatus> for StatusView {
    fn from(status: LiStatus) -> Self {
        let hex = |octets: &[u8]| Hex(octets).to_string();
        Self {
            feed: status.head.map(|head| hex(&head.feed)),
            records: status.head.map(|head| head.records),
            hash: status.head.map(|head| hex(&head.hash)),
            waiting: status.waiting,
            lost: status.lost,
            trouble: status.trouble,
        }
    }
}

/// When something is, as text.
pub(crate) fn time(at: UnixMillis) -> String {
    Timestamp::from(at).to_string()
}

/// When that is; `None` of what is no time after 1970.
pub(crate) fn read_time(text: &str) -> Option<UnixMillis> {
    let at: Timestamp = text.parse().ok()?;
    u64::try_from(at.unix_millis()).ok().map(UnixMillis::new)
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A record of the feed, with its number.
pub(crate) struct Numbered<'r>(pub(crate) u64, pub(crate) &'r FeedRecord);

impl Serialize for Numbered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(number, FeedRecord { at, said, .. }) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("profile", PROFILE)?;
        map.serialize_entry("number", number)?;
        map.serialize_entry("time", &time(*at))?;
        match said {
            Said::Event { xid, supi, gpsi, iri } => {
                map.serialize_entry("xid", &xid.to_string())?;
                map.serialize_entry("supi", &supi.sbi())?;
                if let Some(gpsi) = gpsi {
                    map.serialize_entry("gpsi", gpsi.as_str())?;
                }
                map.serialize_entry("tag", &iri.tag())?;
                map.serialize_entry("event", iri.name())?;
                map.serialize_entry("content", &Content(iri, &supi.sbi()))?;
            }
            Said::Notice(notice) => put_notice(notice, *at, &mut map)?,
        }
        map.end()
    }
}

struct Content<'r>(&'r Iri, &'r str);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(iri, supi) = self;
        let mut map = serializer.serialize_map(None)?;
        if let Iri::ApplicationKeyGet { kind, .. } = iri {
            map.serialize_entry("type", kind.name())?;
        }
        map.serialize_entry("aKID", &iri.a_kid().encode())?;
        match iri {
            Iri::AnchorKeyRegister { k_akma, .. } => {
                map.serialize_entry("sUPI", supi)?;
                map.serialize_entry("kAKMA", &Hex(k_akma.expose_to_interception()))?;
            }
            Iri::ApplicationKeyGet { key, .. } => map.serialize_entry("keyInfo", &KeyInfo(key))?,
            Iri::StartWithEstablished { k_akma, af_keys, .. } => {
                map.serialize_entry("kAKMA", &Hex(k_akma.expose_to_interception()))?;
                let keys: Vec<_> = af_keys.iter().map(KeyInfo).collect();
                map.serialize_entry("aFKeyList", &keys)?;
            }
            Iri::ContextRemoval { nf, .. } => map.serialize_entry("nFID", nf)?,
        }
        map.end()
    }
}

struct KeyInfo<'r>(&'r AfKeyInfo);

impl Serialize for KeyInfo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let AfKeyInfo { af_id, k_af, expires } = self.0;
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("aFID", &af_id.to_string())?;
        map.serialize_entry("kAF", &Hex(k_af.expose_to_interception()))?;
        map.serialize_entry("kAFExpTime", &time(*expires))?;
        map.end()
    }
}

fn put_notice<M: SerializeMap>(notice: &Notice, at: UnixMillis, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("notice", notice_name(notice))?;
    match notice {
        Notice::TargetAdded(target, by) | Notice::TargetRemoved(target, by) => {
            map.serialize_entry("by", &format!("uid:{by}"))?;
            map.serialize_entry("warrant", &TargetView::of(target, at))
        }
        Notice::Lost(count, from, until) => {
            map.serialize_entry("count", count)?;
            map.serialize_entry("from", &time(*from))?;
            map.serialize_entry("until", &time(*until))
        }
        Notice::FeedLost(records) | Notice::StoreBehind(records) => map.serialize_entry("knownRecords", records),
    }
}

/// What a notice is called.
const fn notice_name(notice: &Notice) -> &'static str {
    match notice {
        Notice::TargetAdded(..) => "targetAdded",
        Notice::TargetRemoved(..) => "targetRemoved",
        Notice::Lost(..) => "eventsLost",
        Notice::FeedLost(_) => "feedLost",
        Notice::StoreBehind(_) => "storeBehind",
    }
}

#[cfg(test)]
mod tests {
    use kaskade_anchor::interception::{KeyGetType, Xid};
    use kaskade_keys::akma::{KAf, KAkma};

    use super::*;

    #[test]
    fn records_have_the_names_and_tags_of_the_specification() {
        let a_kid = kaskade_keys::AKid::new(
            "0".parse().unwrap(),
            &kaskade_keys::akma::ATid::from_octets(&[1; 32]),
            kaskade_keys::HomeRealm::new("001-01".parse().unwrap(), None),
        );
        let key = AfKeyInfo {
            af_id: "af.example.com0100000002".parse().unwrap(),
            k_af: KAf::from_octets(&[0xaf; 32]),
            expires: UnixMillis::new(1_800_000_000_000),
        };
        let k_akma = KAkma::from_octets(&[0xa0; 32]);
        let all = [
            (
                92,
                "AAnFAnchorKeyRegister",
                Iri::AnchorKeyRegister {
                    a_kid: a_kid.clone(),
                    k_akma: k_akma.clone(),
                },
            ),
            (
                93,
                "AAnFKAKMAApplicationKeyGet",
                Iri::ApplicationKeyGet {
                    kind: KeyGetType::External,
                    a_kid: a_kid.clone(),
                    key: key.clone(),
                },
            ),
            (
                94,
                "AAnFStartOfInterceptWithEstablishedAKMAKeyMaterial",
                Iri::StartWithEstablished {
                    a_kid: a_kid.clone(),
                    k_akma,
                    af_keys: vec![key],
                },
            ),
            (
                95,
                "AAnFAKMAContextRemovalRecord",
                Iri::ContextRemoval {
                    a_kid: a_kid.clone(),
                    nf: "ausf".into(),
                },
            ),
        ];
        let (k_akma, k_af) = ("a0".repeat(32), "af".repeat(32));
        let key_info = serde_json::json!({
            "aFID": "af.example.com0100000002", "kAF": k_af, "kAFExpTime": "2027-01-15T08:00:00.000Z"
        });
        let a_kid = a_kid.encode();
        let contents = [
            serde_json::json!({ "aKID": a_kid, "sUPI": "imsi-001010000000001", "kAKMA": k_akma }),
            serde_json::json!({ "type": "external", "aKID": a_kid, "keyInfo": key_info }),
            serde_json::json!({ "aKID": a_kid, "kAKMA": k_akma, "aFKeyList": [key_info] }),
            serde_json::json!({ "aKID": a_kid, "nFID": "ausf" }),
        ];
        for ((tag, event, iri), content) in all.into_iter().zip(contents) {
            let record = FeedRecord {
                row: (1, 0),
                at: UnixMillis::new(1_000),
                said: Said::Event {
                    xid: Xid([0x11; 16]),
                    supi: "imsi-001010000000001".parse().unwrap(),
                    gpsi: Some("msisdn-491701234567".parse().unwrap()),
                    iri,
                },
            };
            let expected = serde_json::json!({
                "profile": "AKMA-LI-P1", "number": 7, "time": "1970-01-01T00:00:01.000Z",
                "xid": "11111111-1111-1111-1111-111111111111", "supi": "imsi-001010000000001",
                "gpsi": "msisdn-491701234567", "tag": tag, "event": event, "content": content,
            });
            assert_eq!(serde_json::to_value(Numbered(7, &record)).unwrap(), expected);
        }
    }
}
