//! An entry of the audit log as JSON.

use kaskade::administration::or_null;
use kaskade::hex_field;
use kaskade_codec::sbi::Timestamp;
use kaskade_flow::event::{Action, Entry, Event, Gap, PeerId};
use kaskade_net::sbi::peer::Requester;
use kaskade_store::audit::PeerNames;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An entry.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum EntryView {
    /// Something that happened.
    Event(Box<EventView>),
    /// From when until when entries may be missing.
    Gap(GapView),
}

/// Something that happened. What an entry does not have is left out.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct EventView {
    /// Its number, counted from 1 over the whole log.
    pub(crate) entry: u64,
    /// When, in UTC (RFC 3339).
    pub(crate) at: String,
    /// released, changed, refused or noted.
    pub(crate) outcome: String,
    /// What was done or asked for.
    pub(crate) action: String,
    /// The name or address of who asked; `null` where it is not known, or many.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "or_null")]
    pub(crate) peer: Option<Option<String>>,
    /// `name`: a certificate or group calls itself so. `user`: the system calls a user so. `address`: the log had it from the
    /// connection. `many`: counted together. `unknown`: not introduced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) peer_kind: Option<String>,
    /// The number of who asked: 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) peer_id: Option<String>,
    /// Whom it is about: the SUPI, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    /// The pseudonym of that subscriber in this log: 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pseudonym: Option<String>,
    /// The key that it is about, as 3GPP calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// Its fingerprint: 8 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// How often.
    pub(crate) count: u32,
    /// With `log-accepted`: up to which entry the log that was lost was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) known_up_to: Option<u64>,
    /// What it belongs to: 16 hexadecimal digits, since jq and JavaScript round numbers above 2^53.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) correlation: Option<String>,
    /// The commit of the store that it came with: serial, and place in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<(u64, u64)>,
}

/// A gap.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct GapView {
    /// Its number, counted from 1 over the whole log.
    pub(crate) entry: u64,
    /// Why there is one.
    pub(crate) gap: String,
    /// From when on entries may be missing.
    pub(crate) from: String,
    /// Until when.
    pub(crate) until: String,
    /// How many are missing, where that is known.
    pub(crate) lost: Option<u64>,
    /// For at most how many milliseconds.
    pub(crate) at_most_ms: u64,
    /// From when on refusals were not counted.
    pub(crate) refusals_from: Option<String>,
}

impl EntryView {
    /// Of an entry; `None` of one that only introduces a peer.
    pub(crate) fn of(number: u64, entry: &Entry, names: &PeerNames) -> Option<Self> {
        match entry {
            Entry::Event(event) => Some(Self::Event(Box::new(EventView::of(number, event, names)))),
            Entry::Gap(gap) => Some(Self::Gap(GapView::of(number, gap))),
            Entry::Name(_) => None,
        }
    }
}

impl GapView {
    fn of(number: u64, gap: &Gap) -> Self {
        Self {
            entry: number,
            gap: gap.reason.name().to_owned(),
            from: Timestamp::from(gap.from).to_string(),
            until: Timestamp::from(gap.until).to_string(),
            lost: gap.lost,
            at_most_ms: gap.at_most_ms,
            refusals_from: gap.refusals.map(|from| Timestamp::from(from).to_string()),
        }
    }
}

impl EventView {
    fn of(number: u64, event: &Event, names: &PeerNames) -> Self {
        let (peer, subject) = (event.peer(), event.subject());
        let name = names.name(peer).filter(|_| peer != PeerId::MANY);
        let kind = match name {
            _ if peer == PeerId::MANY => "many",
            Some(name) => proved(peer, name).unwrap_or("name"),
            None => "unknown",
        };
        let (is_somebody, has_subject) = (peer != PeerId::NOBODY, !subject.masked().is_empty());
        let (key, fingerprint) = event.key_name().unzip();
        let reason = event.reason().name();
        let is_accepted = event.action() == Action::LogAccepted;
        Self {
            entry: number,
            at: Timestamp::from(event.at()).to_string(),
            outcome: event.outcome().name().to_owned(),
            action: event.action().name().to_owned(),
            peer: is_somebody.then(|| name.map(str::to_owned)),
            peer_kind: is_somebody.then(|| kind.to_owned()),
            peer_id: is_somebody.then(|| peer.to_string()),
            subject: has_subject.then(|| subject.masked().to_owned()),
            pseudonym: has_subject.then(|| hex(&subject.pseudonym())),
            key: key.map(|name| name.to_string()),
            fingerprint: fingerprint.map(|octets| hex(&octets)),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            count: event.count(),
            known_up_to: is_accepted.then(|| event.correlation()),
            correlation: (!is_accepted && event.correlation() != 0).then(|| format!("{:016x}", event.correlation())),
            commit: event.commit().map(|(serial, index)| (serial, index.into())),
        }
    }
}

fn hex(octets: &[u8]) -> String {
    hex_field::text(octets).to_string()
}

/// What is proved of the name of a number: `address` of who has it, `user` of this machine. A name that only looks like one is neither.
pub(crate) fn proved(peer: PeerId, name: &str) -> Option<&'static str> {
    let (kind, one) = called(name)?;
    (number(&one) == peer).then_some(kind)
}

/// The numbers that whoever is called so may have.
pub(crate) fn numbers(name: &str) -> Vec<PeerId> {
    let given = (name.len() == 16)
        .then(|| hex_field::octets::<8>("peer", name).ok())
        .flatten();
    let given = given.map(|octets| PeerId::from_octets(*octets));
    let one = called(name).map(|(_, one)| number(&one));
    [PeerId::of(name)].into_iter().chain(given).chain(one).collect()
}

/// The address or user with this name.
fn called(name: &str) -> Option<(&'static str, Requester)> {
    let (kind, one) = match name.strip_prefix("uid:") {
        Some(uid) => ("user", Requester::user(uid.parse().ok()?)),
        None => {
            let address = name.strip_suffix("/64").unwrap_or(name).parse().ok()?;
            ("address", Requester::address(address))
        }
    };
    (one.to_string() == name).then_some((kind, one))
}

fn number(requester: &Requester) -> PeerId {
    PeerId::from_octets(requester.id().short())
}

#[cfg(test)]
mod tests {
    use kaskade_flow::UnixMillis;
    use kaskade_flow::event::Outcome;

    use super::*;
    use crate::command::audit::named;

    #[test]
    fn no_name_looks_like_an_address_and_no_number_is_rounded() {
        let peer = PeerId::of("a certificate");
        let event = Event::new(Outcome::Released, Action::KeyReleased, UnixMillis::new(5)).by(peer);
        let json = |event: &Event, names: &PeerNames| {
            let view = EntryView::of(1, &Entry::Event(*event), names).unwrap();
            let text = serde_json::to_string(&view).unwrap();
            let again: EntryView = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&again).unwrap(), text);
            serde_json::to_value(&view).unwrap()
        };
        let one = json(&event.correlated(u64::MAX - 1), &named(peer, "127.0.0.1"));
        assert_eq!(one["correlation"], "fffffffffffffffe");
        assert_eq!((&one["peer"], &one["peer_kind"]), (&"127.0.0.1".into(), &"name".into()));
        let root = Requester::user(0);
        for (peer, kind) in [(number(&root), "user"), (peer, "name")] {
            let one = json(&event.by(peer), &named(peer, "uid:0"));
            assert_eq!((&one["peer"], &one["peer_kind"]), (&"uid:0".into(), &kind.into()));
        }
        let many = json(&event.by(PeerId::MANY), &named(peer, "many peers"));
        assert_eq!(
            (many.get("peer"), &many["peer_kind"]),
            (Some(&serde_json::Value::Null), &"many".into())
        );
        let accepted = Event::new(Outcome::Noted, Action::LogAccepted, UnixMillis::new(5));
        for known in [0, 7] {
            let accepted = json(&accepted.correlated(known), &PeerNames::default());
            assert_eq!(accepted["known_up_to"], known);
            assert!(accepted.get("correlation").is_none(), "{accepted}");
        }
    }
}
