//! The home network's key pairs: lists, makes, takes in, removes; effective at once where a node runs.

use kaskade::administration::NewHnKey;
use kaskade::{hex_field, hn_key_file};
use kaskade_crypto::ecies::{HnPublicKey, Profile};
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Event};
use kaskade_keys::derivation::Fingerprint;
use p256::elliptic_curve::sec1::ToSec1Point;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Nothing, Operation};
use super::text::{KeyId, Text};
use super::{Admin, NotDone, Principal, Role};
use crate::exit::{self, Done};
use crate::hn_keys::HnKeys;

/// A key pair, by its public key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct HnKeyView {
    /// Home network public key identifier (TS 23.003 2.2B).
    pub(crate) id: u8,
    /// Profile of TS 33.501 C.3.4: A or B.
    pub(crate) profile: Text<Profile>,
    /// Its curve.
    pub(crate) curve: String,
    /// The public key as it stands on the card: 32 octets, or 33 compressed.
    pub(crate) public_key: String,
    /// 04 ‖ x ‖ y of a P-256 key: some tools want it so.
    pub(crate) uncompressed: Option<String>,
}

impl HnKeyView {
    fn of(id: u8, key: &HnPublicKey) -> Self {
        let profile = key.profile();
        Self {
            id,
            curve: curve(profile).to_owned(),
            profile: Text(profile),
            public_key: hex_field::text(key.octets()).to_string(),
            uncompressed: uncompressed(key).map(|point| hex_field::text(&point).to_string()),
        }
    }

    /// The public key.
    pub(crate) fn key(&self) -> anyhow::Result<HnPublicKey> {
        let len = self.public_key.len() / 2;
        let octets = hex_field::octets_between("public key", &self.public_key, len, len)?;
        Ok(HnPublicKey::from_octets(self.profile.0, &octets)?)
    }
}

/// The curve of a profile.
pub(crate) const fn curve(profile: Profile) -> &'static str {
    match profile {
        Profile::A => "X25519",
        Profile::B => "P-256",
    }
}

fn uncompressed(key: &HnPublicKey) -> Option<Vec<u8>> {
    match key.profile() {
        Profile::A => None,
        Profile::B => {
            let key = p256::PublicKey::from_sec1_bytes(key.octets()).ok()?;
            Some(key.to_sec1_point(false).as_bytes().to_vec())
        }
    }
}

/// All key pairs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct HnKeyList {
    /// In the order of their identifiers.
    pub(crate) keys: Vec<HnKeyView>,
}

/// Lists them.
pub(crate) struct List;

impl Operation for List {
    const NAME: &'static str = "listHnKeys";
    const TITLE: &'static str = "Lists the home network's key pairs by their public keys.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/hn-keys";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = &[];
    const ACTION: Action = Action::Shown;
    type Of = ();
    type Query = Nothing;
    type Body = Nothing;
    type Answer = HnKeyList;

    fn run(admin: &Admin, _: &Principal, (): (), _: Nothing, _: Nothing) -> Result<HnKeyList, NotDone> {
        let keys = admin.hn_keys()?;
        let views = keys.iter().map(|(id, key)| HnKeyView::of(id, key.public_key()));
        Ok(HnKeyList { keys: views.collect() })
    }
}

/// Adds a key pair.
pub(crate) struct Add;

impl Operation for Add {
    const NAME: &'static str = "addHnKey";
    const TITLE: &'static str = "Makes a key pair, or takes one in; SUCIs of it are opened at once.";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/hn-keys";
    const ROLE: Role = Role::Operator;
    const STATUS: u16 = 201;
    const REFUSALS: &'static [Refusal] = &[Refusal::AlreadyExists, Refusal::DataNotFound];
    const ACTION: Action = Action::HnKeyCreated;
    type Of = ();
    type Query = Nothing;
    type Body = NewHnKey;
    type Answer = HnKeyView;

    fn run(admin: &Admin, by: &Principal, (): (), _: Nothing, new: NewHnKey) -> Result<HnKeyView, NotDone> {
        admin.has_udm()?;
        if new.id == Some(0) {
            return Err(NotDone::of(
                Refusal::IeIncorrect,
                "/id",
                "expected a number from 1 to 255",
            ));
        }
        let profile = new.profile.map(|Text(profile)| profile);
        let given = match &new.file {
            None => None,
            Some(digits) => {
                let wrong = |error: String| NotDone::of(Refusal::IeIncorrect, "/file", error);
                let file = hex_field::octets_between("file", digits.expose(), 1, MOST)
                    .map_err(|error| wrong(error.to_string()))?;
                let key = hn_key_file::private_key(&file, profile);
                Some(key.map_err(|error| wrong(error.to_string()))?)
            }
        };
        if given.is_none() && profile.is_none() {
            return Err(NotDone::of(
                Refusal::IeMissing,
                "/profile",
                "is required where a key pair is made",
            ));
        }
        let _one_by_one = admin.changing();
        let mut keys = admin.hn_keys()?;
        let id = match new.id {
            Some(id) => id,
            None => keys
                .free_id()
                .map_err(|error| NotDone::because(Refusal::AlreadyExists, error.to_string()))?,
        };
        if let Some(why) = keys.why_not(id) {
            return Err(NotDone::of(Refusal::AlreadyExists, "/id", why));
        }
        let key = match (given, profile) {
            (Some(key), _) => key,
            (None, Some(profile)) => {
                HnKeys::make(profile).map_err(|error| NotDone::because(Refusal::NoRandomness, format!("{error:#}")))?
            }
            (None, None) => return Err(Refusal::Internal.into()),
        };
        let public = key.public_key().clone();
        if let Some(other) = keys.same_as(&public) {
            let why = format!("this key pair is here already, with identifier {other}");
            return Err(NotDone::of(Refusal::AlreadyExists, "/file", why));
        }
        let event = admin.event_of_key(by, Action::HnKeyCreated, id, &public)?;
        admin.note(event)?;
        keys.add(id, key).map_err(|error| admin.key_stays(event, error))?;
        admin.renew_hn_keys(keys);
        Ok(HnKeyView::of(id, &public))
    }
}

/// The most octets of a file with a private key.
const MOST: usize = 8192;

/// Removes a key pair.
pub(crate) struct Remove;

impl Operation for Remove {
    const NAME: &'static str = "removeHnKey";
    const TITLE: &'static str =
        "Removes a key pair for good; SUCIs of it are refused at once, and its identifier is not given again.";
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/hn-keys/{hnKeyId}";
    const ROLE: Role = Role::Operator;
    const STATUS: u16 = 204;
    const REFUSALS: &'static [Refusal] = &[Refusal::DataNotFound];
    const ACTION: Action = Action::HnKeyRemoved;
    type Of = KeyId;
    type Query = Nothing;
    type Body = Nothing;
    type Answer = Nothing;

    fn run(admin: &Admin, by: &Principal, KeyId(id): KeyId, _: Nothing, _: Nothing) -> Result<Nothing, NotDone> {
        let _one_by_one = admin.changing();
        let mut keys = admin.hn_keys()?;
        let key = keys.key(id);
        let key = key.map_err(|error| NotDone::because(Refusal::DataNotFound, error.to_string()))?;
        let public = key.public_key().clone();
        let event = admin.event_of_key(by, Action::HnKeyRemoved, id, &public)?;
        // First that it is to go, then that it is gone: the log never says that of a key that still opens SUCIs.
        admin.note(event.map(Event::announced))?;
        keys.remove(id).map_err(|error| admin.key_stays(event, error))?;
        admin.renew_hn_keys(keys);
        let said = format!("{Done}: all but that the key is gone");
        admin.note(event).map_err(|error| error.but_done(&said))?;
        Ok(Nothing {})
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: anyhow::Error) -> NotDone {
    let why = exit::why(&error);
    NotDone {
        is_error: why.is_none(),
        ..NotDone::because(why.unwrap_or(Refusal::StoreFailed), format!("{error:#}"))
    }
}

impl Admin {
    /// The key pairs that are there now.
    fn hn_keys(&self) -> Result<HnKeys, NotDone> {
        kaskade_store::locked::scrubbed(|| HnKeys::of(self.hn_key_folder())).map_err(failed)
    }

    /// What the log is told of a key pair: its identifier and the fingerprint of its public key.
    fn event_of_key(
        &self,
        by: &Principal,
        action: Action,
        id: u8,
        key: &HnPublicKey,
    ) -> Result<Option<Event>, NotDone> {
        let event = self.change(by, action)?.filter(|_| !fault!("admin-keys-not-on-record"));
        let name = format!("hn-key-{id}");
        Ok(event.map(|event| event.key(&name, Fingerprint::of_octets("hn-key", key.octets()))))
    }

    /// A key pair is what it was, though the log has that it was to change: it has that, too.
    fn key_stays(&self, event: Option<Event>, error: anyhow::Error) -> NotDone {
        let failed = failed(error);
        let refused = event.map(|event| event.not_done(failed.why()));
        if !fault!("admin-key-that-stays-not-on-record")
            && let Err(full) = self.note(refused)
        {
            tracing::error!("the audit log does not have that a home network key stays as it was: {full}");
        }
        failed
    }

    /// From now on SUCIs are opened with these.
    fn renew_hn_keys(&self, keys: HnKeys) {
        if let Some(udm) = self
            .running()
            .filter(|_| !fault!("admin-keys-at-the-next-start"))
            .and_then(|running| running.udm.as_ref())
        {
            let (ring, _) = keys.into_ring();
            udm.hn_keys().replace(ring);
        }
    }
}
