//! The home network's key pairs: lists, makes, takes in, removes; effective at once where a node runs.

use kaskade::administration::NewHnKey;
use kaskade::{hex_field, hn_key_file};
use kaskade_crypto::ecies::{HnPublicKey, Profile};
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::event::Action;
use p256::elliptic_curve::sec1::ToSec1Point;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Nothing, Operation};
use super::text::{KeyId, Text};
use super::{Admin, NotDone, Principal, Role};
use crate::exit;
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
    const REFUSALS: &'static [Refusal] = &[Refusal::AlreadyExists];
    const ACTION: Action = Action::HnKeyCreated;
    type Of = ();
    type Query = Nothing;
    type Body = NewHnKey;
    type Answer = HnKeyView;

    fn run(admin: &Admin, by: &Principal, (): (), _: Nothing, new: NewHnKey) -> Result<HnKeyView, NotDone> {
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
        admin.note_hn_key(by, Action::HnKeyCreated, id)?;
        let made = match (given, profile) {
            (Some(key), _) => keys.add(id, key),
            (None, Some(profile)) => keys.generate(id, profile),
            (None, None) => return Err(Refusal::Internal.into()),
        };
        let view = HnKeyView::of(id, made.map_err(failed)?.public_key());
        admin.renew_hn_keys(keys);
        Ok(view)
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
        keys.key(id)
            .map_err(|error| NotDone::because(Refusal::DataNotFound, error.to_string()))?;
        admin.note_hn_key(by, Action::HnKeyRemoved, id)?;
        keys.remove(id).map_err(failed)?;
        admin.renew_hn_keys(keys);
        Ok(Nothing {})
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: anyhow::Error) -> NotDone {
    NotDone::because(exit::why(&error).unwrap_or(Refusal::StoreFailed), format!("{error:#}"))
}

impl Admin {
    /// The key pairs that are there now.
    fn hn_keys(&self) -> Result<HnKeys, NotDone> {
        kaskade_store::locked::scrubbed(|| HnKeys::of(self.hn_key_folder())).map_err(failed)
    }

    /// Puts on record what happens to a key pair, before it does.
    fn note_hn_key(&self, by: &Principal, action: Action, id: u8) -> Result<(), NotDone> {
        let event = self.change(by, action)?.filter(|_| !fault!("admin-keys-not-on-record"));
        self.note(event.map(|event| event.correlated(id.into())))
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
