//! Who holds a key below an EMSK: a record that outlives the process, and what they are told when the EMSK ends.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use kaskade_crypto::kdf::sha256;
use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::event::{Action, Event, Fields, Outcome, Subject};
use kaskade_flow::record::{Expect, Index, Kind, Protection, Record, RowError, put_text, text};
use kaskade_flow::unit::{Lane, Outgoing, Unit};
use kaskade_keys::id::{Fqdn, RootKeyName, Snssai, UsageApplication, UsageLabel};
use kaskade_keys::{ParseError, Supi};

use super::{KeyOf, SealedRoot};

/// Where holders want to hear of the end of their key: a URI of 1 to 1024 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback(String);

impl Callback {
    /// The most octets that it may have.
    pub const MOST: usize = 1024;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Stands for scheme, host and port as they are written, in lower case: what is told at one of these is told in its order.
    fn root(&self) -> [u8; 8] {
        let text = self.0.as_str();
        let begin = text.find("://").map_or(0, |at| at + 3);
        let rest = text.get(begin..).unwrap_or_default();
        let end = rest.find(['/', '?', '#']).map_or(text.len(), |at| begin + at);
        let root = text.get(..end).unwrap_or(text).to_ascii_lowercase();
        let [a, b, c, d, e, f, g, h, ..] = sha256(&[b"kaskade callback root 1", root.as_bytes()]);
        [a, b, c, d, e, f, g, h]
    }
}

impl core::str::FromStr for Callback {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const FIELD: &str = "callback";
        if text.is_empty() || text.len() > Self::MOST {
            return Err(ParseError::Length {
                field: FIELD,
                unit: "octets",
                expected: "1 to 1024",
                actual: text.len(),
            });
        }
        match text.bytes().position(|c| !c.is_ascii_graphic()) {
            Some(position) => Err(ParseError::Character {
                field: FIELD,
                expected: "a visible ASCII character",
                position,
            }),
            None => Ok(Self(text.into())),
        }
    }
}

/// What tells apart the holders of one subscriber: EMSK, principal, domain, label and data. 16 octets, the first ones of SHA-256.
///
/// The EMSK is a part of it: whoever has a key below the next one is not forgotten when the one before is retired late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HolderId([u8; 16]);

impl HolderId {
    /// Of the key of a usage.
    pub fn of_usage(emsk: RootKeyName, principal: &str, of: &KeyOf) -> Self {
        let domain = of.domain.as_ref().map_or("", Fqdn::as_str);
        Self::of(
            1,
            emsk,
            &[
                principal.as_bytes(),
                domain.as_bytes(),
                of.label.as_str().as_bytes(),
                of.data.octets(),
            ],
        )
    }

    /// Of the key of a domain.
    pub fn of_domain(emsk: RootKeyName, principal: &str, domain: &Fqdn) -> Self {
        Self::of(2, emsk, &[principal.as_bytes(), domain.as_str().as_bytes()])
    }

    fn of(kind: u8, emsk: RootKeyName, parts: &[&[u8]]) -> Self {
        let mut octets = Vec::from(*b"kaskade holder 1");
        octets.push(kind);
        if !fault!("holder-of-any-emsk") {
            octets.extend(emsk.octets());
        }
        for part in parts {
            octets.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            octets.extend(*part);
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

/// Somebody holds a key below an EMSK. Found by SUPI and [`HolderId`], by EMSKname (index 0), and by principal (index 1).
///
/// ```text
/// EMSKname 8 ‖ name of the key 8 or zeros ‖ expires 8 ‖ (length 2 ‖ text) of principal, label, domain, callback, slice, application
/// ```
///
/// Version 1 ends with the callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Of which EMSK.
    pub emsk_name: RootKeyName,
    /// USRKname or DSUSRKname; `None` of a DSRK, which has no name of its own.
    pub key_name: Option<RootKeyName>,
    /// Who.
    pub principal: String,
    /// For which usage; `None` of a DSRK.
    pub label: Option<UsageLabel>,
    /// In which domain.
    pub domain: Option<Fqdn>,
    /// For which slice, of a usage of slices.
    pub slice: Option<Snssai>,
    /// For which application, of a usage of services or slices.
    pub application: Option<UsageApplication>,
    /// Until when.
    pub expires: UnixMillis,
    /// Where to tell of the end, if somewhere.
    pub callback: Option<Callback>,
}

/// A text that may be missing.
fn some<T: core::str::FromStr>(text: &str, field: &'static str) -> Result<Option<T>, RowError> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| RowError::Field(field)),
    }
}

impl Record for Holder {
    const KIND: Kind = Kind::new(50, "holder below an EMSK", 2, Protection::Coded).reads_from(1);
    type Key = (Supi, [u8; 16]);

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        clear.extend(self.emsk_name.octets());
        clear.extend(self.key_name.map_or([0; 8], |name| *name.octets()));
        clear.extend(self.expires.get().to_be_bytes());
        put_text(&self.principal, clear);
        put_text(self.label.as_ref().map_or("", UsageLabel::as_str), clear);
        put_text(self.domain.as_ref().map_or("", Fqdn::as_str), clear);
        put_text(self.callback.as_ref().map_or("", Callback::as_str), clear);
        put_text(&self.slice.as_ref().map_or_else(String::new, Snssai::to_string), clear);
        put_text(self.application.as_ref().map_or("", UsageApplication::as_str), clear);
    }

    fn decode(version: u8, clear: &[u8], secret: SecretReader<'_>) -> Result<Self, RowError> {
        secret.end()?;
        let (fixed, mut rest) = clear.split_at_checked(24).ok_or(RowError::Length)?;
        let mut fields = Fields::new(fixed);
        let emsk_name = RootKeyName::from_octets(fields.take());
        let key_name: [u8; 8] = fields.take();
        let expires = UnixMillis::new(u64::from_be_bytes(fields.take()));
        let principal = text(&mut rest)?;
        let label = some(text(&mut rest)?, "label")?;
        let domain = some(text(&mut rest)?, "domain")?;
        let callback = some(text(&mut rest)?, "callback")?;
        let (slice, application) = match version {
            1 => (None, None),
            _ => (some(text(&mut rest)?, "slice")?, some(text(&mut rest)?, "application")?),
        };
        if !rest.is_empty() {
            return Err(RowError::Length);
        }
        let key_name = (key_name != [0; 8]).then(|| RootKeyName::from_octets(key_name));
        if principal.is_empty() || label.is_none() && domain.is_none() {
            return Err(RowError::Field("holder"));
        }
        Ok(Self {
            emsk_name,
            key_name,
            principal: principal.into(),
            label,
            domain,
            slice,
            application,
            expires,
            callback,
        })
    }

    fn expires(&self) -> Option<UnixMillis> {
        Some(self.expires)
    }

    fn indexes(&self, _: &Self::Key, put: &mut dyn FnMut(Index<'_>)) {
        put(Index::shared(0, self.emsk_name.octets()));
        put(Index::shared(1, self.principal.as_bytes()));
    }
}

/// Why an EMSK ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Why {
    /// The user was authenticated again.
    Reauthenticated = 1,
    /// The user deregistered, or the subscription ended.
    Deregistered = 2,
    /// The process that held it ended.
    Lost = 3,
    /// Whoever runs the network says so.
    Administered = 4,
    /// There was no room for it any more.
    NoRoom = 5,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Reauthenticated,
        Self::Deregistered,
        Self::Lost,
        Self::Administered,
        Self::NoRoom,
    ];

    /// As people and messages say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reauthenticated => "reauthenticated",
            Self::Deregistered => "deregistered",
            Self::Lost => "lost",
            Self::Administered => "administered",
            Self::NoRoom => "no-room",
        }
    }
}

/// Where messages to holders wait: those to one holder of one subscriber at one callback root are delivered in their order.
pub const TO_HOLDERS: Lane = Lane {
    number: 50,
    name: "holders below an EMSK",
    version: 2,
    capacity: 1_000_000,
};

/// What a holder is told: the key of this name is to be used no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// Of whom.
    pub supi: Supi,
    /// Why.
    pub why: Why,
    /// Who had what, and where it is to be told.
    pub holder: Holder,
}

impl Retirement {
    /// The body of its message.
    fn body(&self) -> SecretWriter {
        let (mut clear, mut body) = (Vec::new(), SecretWriter::new());
        self.holder.encode(&mut clear, &mut body);
        body.octets(&[self.why as u8]);
        body.octets(self.supi.sbi().as_bytes());
        body.octets(&clear);
        body
    }

    /// Reads the body of a message of [`TO_HOLDERS`].
    ///
    /// # Errors
    /// [`RowError`] when it is none.
    pub fn read(mut body: SecretReader<'_>) -> Result<Self, RowError> {
        let why = match body.octets()?.as_slice() {
            [number] => Why::ALL.into_iter().find(|why| *why as u8 == *number),
            _ => None,
        };
        let supi = body.octets()?;
        let supi = core::str::from_utf8(&supi).ok().and_then(|supi| supi.parse().ok());
        let clear = body.octets()?;
        Ok(Self {
            supi: supi.ok_or(RowError::Field("SUPI"))?,
            why: why.ok_or(RowError::Field("reason"))?,
            holder: Holder::decode(Holder::KIND.version, &clear, body)?,
        })
    }
}

/// An EMSK that ends, and how.
#[derive(Clone, Debug)]
pub struct Retired<'a> {
    /// Whose.
    pub supi: &'a Supi,
    /// EMSKname.
    pub name: RootKeyName,
    /// Where it is in a record, too, what that must still be: else nothing happens.
    pub sealed: Option<Expect>,
    /// Why it ends.
    pub why: Why,
    /// When.
    pub at: UnixMillis,
    /// Whom the audit log is told that it is about.
    pub about: Subject,
}

/// An EMSK ends, and everything below it: its record and those of its holders are removed, and those are told whose keys have not
/// expired and who want to hear of it. So it is for one that nobody has any more: the holders then come from the store.
///
/// Empty where nobody holds anything. The event's count is that of the holders, its correlation the EMSKname.
pub fn retire(retired: &Retired<'_>, holders: impl IntoIterator<Item = (HolderId, Holder)>) -> Unit {
    let holders = holders.into_iter();
    retire_left(retired, holders.map(|(id, holder)| (id, holder, Expect::Any)))
}

/// The same of records that were read a while ago, each with what it must still be: where one was removed or written meanwhile, the
/// unit does not happen.
pub fn retire_left(retired: &Retired<'_>, holders: impl IntoIterator<Item = (HolderId, Holder, Expect)>) -> Unit {
    let Retired { supi, why, at, .. } = *retired;
    let mut unit = Unit::new();
    if let Some(expect) = retired.sealed {
        unit.remove::<SealedRoot>(&(supi.clone(), *retired.name.octets()), expect);
    }
    let mut count = 0_u32;
    for (id, holder, expect) in holders {
        count = count.saturating_add(1);
        unit.remove::<Holder>(&(supi.clone(), id.octets()), expect);
        let Some(callback) = &holder.callback else { continue };
        if holder.expires <= at || fault!("holders-not-told") {
            continue;
        }
        let order = (supi.clone(), holder.principal.clone(), callback.root());
        let until = holder.expires;
        let retirement = Retirement {
            supi: supi.clone(),
            why,
            holder,
        };
        unit.send(Outgoing::new(TO_HOLDERS, &order, retirement.body()).until(until));
    }
    if count > 0 || retired.sealed.is_some() {
        unit.event(
            Event::new(Outcome::Changed, Action::EmskRetired, at)
                .about(retired.about)
                .correlated(u64::from_be_bytes(*retired.name.octets()))
                .times(count),
        );
    }
    unit
}
