//! Who has an application key: a record that outlives the process, and what they are told when it is to be used no more.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use kaskade_crypto::kdf::sha256;
use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::record::{Kind, Protection, Record, RowError, part, put_part, put_text, text};
use kaskade_flow::unit::{Lane, Outgoing};
use kaskade_keys::id::AfId;
use kaskade_keys::{AKid, Supi};

use crate::emsk::Callback;

/// What tells apart the holders of one subscriber: A-TID and home realm, AF_ID, and who asked. 16 octets, the first ones of SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AfHolderId([u8; 16]);

impl AfHolderId {
    /// Of the key of an application function, for whoever asks in its name.
    pub fn of(a_kid: &AKid, af_id: &AfId, consumer: &str) -> Self {
        let mut octets = Vec::from(*b"kaskade AF holder 1");
        let realm = a_kid.realm().to_string();
        let a_tid: &[u8] = match fault!("af-key-of-any-anchor") {
            true => &[],
            false => a_kid.a_tid().expose_in_a_kid(),
        };
        for part in [a_tid, realm.as_bytes(), af_id.octets(), consumer.as_bytes()] {
            octets.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            octets.extend(part);
        }
        let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = sha256(&[&octets]);
        Self(id)
    }

    /// Its octets, as the key of the record has them behind the SUPI.
    pub const fn octets(self) -> [u8; 16] {
        self.0
    }

    /// Out of the key of a record.
    pub const fn from_octets(octets: [u8; 16]) -> Self {
        Self(octets)
    }
}

/// An application function has K_AF. Found by SUPI and [`AfHolderId`].
///
/// ```text
/// expires 8, 0 when revoked ‖ kept until 8, 0 for never ‖ (length 2 ‖ octets) of A-KID (37 or 48), AF_ID, consumer, callback
/// ```
///
/// Of a current K_AKMA it is kept beyond the end of the key: the same key is not given a second life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfHolder {
    /// Below which K_AKMA.
    pub a_kid: AKid,
    /// Which application function, by which protocol.
    pub af_id: AfId,
    /// Who asked in its name: itself, or the NEF.
    pub consumer: String,
    /// Until when the key lives; 0: it was revoked, and its function gets none again below this K_AKMA.
    pub expires: UnixMillis,
    /// Until when this is kept; `None`: as long as K_AKMA.
    pub kept_until: Option<UnixMillis>,
    /// Where to tell that it is over, if somewhere.
    pub callback: Option<Callback>,
}

impl AfHolder {
    /// Whether an operator has ended it.
    pub const fn is_revoked(&self) -> bool {
        self.expires.get() == 0
    }

    pub(super) fn revoked(&self) -> Self {
        Self {
            expires: UnixMillis::new(0),
            callback: None,
            ..self.clone()
        }
    }
}

impl Record for AfHolder {
    const KIND: Kind = Kind::new(57, "holder of an application key", 1, Protection::Coded);
    type Key = (Supi, [u8; 16]);

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        clear.extend(self.expires.get().to_be_bytes());
        clear.extend(self.kept_until.map_or(0, UnixMillis::get).to_be_bytes());
        put_part(&self.a_kid.octets(), clear);
        put_text(&self.af_id.to_string(), clear);
        put_text(&self.consumer, clear);
        put_text(self.callback.as_ref().map_or("", Callback::as_str), clear);
    }

    fn decode(_: u8, clear: &[u8], secret: SecretReader<'_>) -> Result<Self, RowError> {
        secret.end()?;
        let (expires, rest) = clear.split_first_chunk().ok_or(RowError::Length)?;
        let (kept, mut rest) = rest.split_first_chunk().ok_or(RowError::Length)?;
        let a_kid = AKid::from_octets(part(&mut rest)?).map_err(|_| RowError::Field("A-KID"))?;
        let af_id = text(&mut rest)?.parse().map_err(|_| RowError::Field("AF_ID"))?;
        let consumer = text(&mut rest)?;
        let callback = match text(&mut rest)? {
            "" => None,
            text => Some(text.parse().map_err(|_| RowError::Field("callback"))?),
        };
        if !rest.is_empty() {
            return Err(RowError::Length);
        }
        if consumer.is_empty() {
            return Err(RowError::Field("consumer"));
        }
        Ok(Self {
            a_kid,
            af_id,
            consumer: consumer.into(),
            expires: UnixMillis::new(u64::from_be_bytes(*expires)),
            kept_until: match u64::from_be_bytes(*kept) {
                0 => None,
                until => Some(UnixMillis::new(until)),
            },
            callback,
        })
    }

    fn expires(&self) -> Option<UnixMillis> {
        self.kept_until
    }
}

/// Where messages to application functions wait: those to one of them about one subscriber are delivered in their order.
pub const TO_FUNCTIONS: Lane = Lane {
    number: 56,
    name: "holders of application keys",
    version: 1,
    capacity: 1_000_000,
};

/// What a holder is told: keys below this A-KID are to be used no more (TS 29.535 5.1.5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disablement {
    /// Who had what, and where it is to be told.
    pub holder: AfHolder,
}

impl Disablement {
    /// The message to a holder who wants to hear, while the key would live.
    pub(super) fn of(supi: &Supi, holder: &AfHolder, at: UnixMillis) -> Option<Outgoing> {
        if holder.callback.is_none() || holder.expires <= at || fault!("functions-not-told") {
            return None;
        }
        let (mut clear, mut body) = (Vec::new(), SecretWriter::new());
        holder.encode(&mut clear, &mut body);
        body.octets(&clear);
        let order = (supi.clone(), holder.consumer.clone());
        Some(Outgoing::new(TO_FUNCTIONS, &order, body).until(holder.expires))
    }

    /// Reads the body of a message of [`TO_FUNCTIONS`].
    ///
    /// # Errors
    /// [`RowError`] when it is none.
    pub fn read(mut body: SecretReader<'_>) -> Result<Self, RowError> {
        let clear = body.octets()?;
        Ok(Self {
            holder: AfHolder::decode(AfHolder::KIND.version, &clear, body)?,
        })
    }
}
