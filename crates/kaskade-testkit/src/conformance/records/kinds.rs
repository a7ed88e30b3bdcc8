//! Kinds that no program has.

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::UnixMillis;
use kaskade_flow::record::{Index, Kind, Protection, Record, RecordKey, RowError};
use kaskade_keys::Supi;
use kaskade_keys::fivegs::KAusf;
use kaskade_store::engine::Link;
use kaskade_store::rows::SUBSCRIBER;

/// The octets of a key.
pub(super) fn octets(key: &impl RecordKey) -> Vec<u8> {
    key.to_octets()
}

/// Sealed, and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    key: KAusf,
    nonce: Vec<u8>,
    until: Option<UnixMillis>,
}

impl Session {
    pub(super) fn of(number: u8) -> Self {
        Self {
            key: KAusf::from_octets(&[number; 32]),
            nonce: vec![number; 20],
            until: None,
        }
    }

    pub(super) fn until(number: u8, until: UnixMillis) -> Self {
        let until = Some(until);
        Self {
            until,
            ..Self::of(number)
        }
    }
}

impl Record for Session {
    const KIND: Kind = Kind::new(910, "session of a test", 2, Protection::Sealed).reads_from(1);
    type Key = (Supi, u32);

    fn encode(&self, clear: &mut Vec<u8>, secret: &mut SecretWriter) {
        clear.extend(self.until.map_or(0, UnixMillis::get).to_be_bytes());
        secret.key(&self.key);
        secret.octets(&self.nonce);
    }

    fn decode(version: u8, clear: &[u8], mut secret: SecretReader<'_>) -> Result<Self, RowError> {
        if version == 1 {
            let [number] = clear else { return Err(RowError::Length) };
            return Ok(Self::of(*number));
        }
        let until = clear.try_into().map_err(|_| RowError::Length)?;
        let until = Some(u64::from_be_bytes(until)).filter(|until| *until != 0);
        let (key, nonce) = (secret.key()?, secret.octets()?.to_vec());
        secret.end()?;
        Ok(Self {
            key,
            nonce,
            until: until.map(UnixMillis::new),
        })
    }

    fn expires(&self) -> Option<UnixMillis> {
        self.until
    }
}

/// The first version of [`Session`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Older(pub(super) u8);

impl Record for Older {
    const KIND: Kind = Kind::new(910, "session of a test", 1, Protection::Sealed);
    type Key = (Supi, u32);

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        clear.push(self.0);
    }

    fn decode(_: u8, clear: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
        clear.first().copied().map(Self).ok_or(RowError::Length)
    }
}

/// The next version of [`Session`], which has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Newer;

impl Record for Newer {
    const KIND: Kind = Kind::new(910, "session of a test", 3, Protection::Sealed);
    type Key = (Supi, u32);

    fn encode(&self, _: &mut Vec<u8>, _: &mut SecretWriter) {}

    fn decode(_: u8, _: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
        Ok(Self)
    }

    fn expires(&self) -> Option<UnixMillis> {
        Some(UnixMillis::new(1_700_000_001_000))
    }
}

/// In clear with a code, and found by two other keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Badge {
    serial: String,
    colour: String,
}

impl Badge {
    pub(super) fn new(serial: &str, colour: &str) -> Self {
        Self {
            serial: serial.into(),
            colour: colour.into(),
        }
    }
}

impl Record for Badge {
    const KIND: Kind = Kind::new(911, "badge of a test", 1, Protection::Coded);
    type Key = Supi;

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        (self.serial.clone(), self.colour.clone()).put(false, clear);
    }

    fn decode(_: u8, clear: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
        let (serial, colour) = <(String, String)>::from_octets(clear)?;
        Ok(Self { serial, colour })
    }

    fn indexes(&self, _: &Supi, put: &mut dyn FnMut(Index<'_>)) {
        put(Index::unique(0, self.serial.as_bytes()));
        put(Index::shared(1, self.colour.as_bytes()));
    }
}

/// Protects itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note(pub(super) String);

impl Record for Note {
    const KIND: Kind = Kind::new(912, "note of a test", 1, Protection::Own);
    type Key = String;

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        clear.extend(self.0.as_bytes());
    }

    fn decode(_: u8, clear: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
        let text = core::str::from_utf8(clear).map_err(|_| RowError::Field("text"))?;
        Ok(Self(text.into()))
    }
}

/// Has a secret, and is not sealed.
#[derive(Debug)]
pub(super) struct Careless;

impl Record for Careless {
    const KIND: Kind = Kind::new(913, "careless one of a test", 1, Protection::Coded);
    type Key = u16;

    fn encode(&self, _: &mut Vec<u8>, secret: &mut SecretWriter) {
        secret.key(&KAusf::from_octets(&[1; 32]));
    }

    fn decode(_: u8, _: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
        Ok(Self)
    }
}

/// Ends, and says nothing.
#[derive(Debug)]
pub(super) struct Fleeting(pub(super) UnixMillis);

impl Record for Fleeting {
    const KIND: Kind = Kind::new(914, "fleeting one of a test", 1, Protection::Coded);
    type Key = u16;

    fn encode(&self, _: &mut Vec<u8>, _: &mut SecretWriter) {}

    fn decode(_: u8, _: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
        Ok(Self(UnixMillis::new(0)))
    }

    fn expires(&self) -> Option<UnixMillis> {
        Some(self.0)
    }
}

/// Ends, and is found by another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    serial: String,
    until: UnixMillis,
}

impl Pass {
    pub(super) fn new(serial: &str, until: UnixMillis) -> Self {
        let serial = serial.into();
        Self { serial, until }
    }

    pub(super) fn link(serial: &str) -> Link {
        Link {
            index: 0,
            octets: serial.as_bytes().into(),
        }
    }
}

impl Record for Pass {
    const KIND: Kind = Kind::new(915, "pass of a test", 1, Protection::Coded);
    type Key = Supi;

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        (self.serial.clone(), self.until.get()).put(false, clear);
    }

    fn decode(_: u8, clear: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
        let (serial, until) = <(String, u64)>::from_octets(clear)?;
        let until = UnixMillis::new(until);
        Ok(Self { serial, until })
    }

    fn expires(&self) -> Option<UnixMillis> {
        Some(self.until)
    }

    fn indexes(&self, _: &Supi, put: &mut dyn FnMut(Index<'_>)) {
        put(Index::unique(0, self.serial.as_bytes()));
    }
}

/// Kinds that say nothing, and that nobody declares.
macro_rules! undeclared {
    ($($(#[$doc:meta])* $name:ident: $key:ty = $kind:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name;

        impl Record for $name {
            const KIND: Kind = $kind;
            type Key = $key;

            fn encode(&self, _: &mut Vec<u8>, _: &mut SecretWriter) {}

            fn decode(_: u8, _: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
                Ok(Self)
            }
        }
    )*};
}

undeclared! {
    /// Of a number that nobody has.
    Stranger: u16 = Kind::new(916, "stranger of a test", 1, Protection::Coded);
    /// Says that it is one of the store's own.
    Thief: Supi = Kind::new(SUBSCRIBER.number(), SUBSCRIBER.name(), 1, Protection::Own);
    /// [`Session`] without its seal.
    Bare: (Supi, u32) = Kind::new(910, "session of a test", 2, Protection::Own).reads_from(1);
}
