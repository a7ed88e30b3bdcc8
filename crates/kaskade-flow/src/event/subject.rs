//! Who and whom: short names that show no subscriber.

use core::fmt;

use kaskade_crypto::kdf::sha256;
use kaskade_keys::Supi;

use super::{EventError, code};

/// A peer in an entry: 8 octets that stand for its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId([u8; 8]);

impl PeerId {
    /// No peer: the program itself, or whoever runs it.
    pub const NOBODY: Self = Self([0; 8]);
    /// Many peers, counted together.
    pub const MANY: Self = Self([0xff; 8]);

    /// Of a name, or of an address: the first 8 octets of SHA-256.
    pub fn of(name: &str) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = sha256(&[b"kaskade peer 1", name.as_bytes()]);
        Self([a, b, c, d, e, f, g, h])
    }

    /// Its octets.
    #[inline]
    pub const fn octets(self) -> [u8; 8] {
        self.0
    }

    /// Out of its octets.
    #[inline]
    pub const fn from_octets(octets: [u8; 8]) -> Self {
        Self(octets)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}

/// A subscriber in an entry: a keyed pseudonym of 8 octets, and the masked SUPI, of which 24 octets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    pseudonym: [u8; 8],
    masked: [u8; 24],
}

impl Subject {
    /// Nobody.
    pub const NOBODY: Self = Self {
        pseudonym: [0; 8],
        masked: [0; 24],
    };

    /// Of a SUPI, whose pseudonym the audit log gives. The text is that of [`Supi::masked`]; a longer one ends with `~`.
    #[inline]
    pub fn new(pseudonym: [u8; 8], supi: &Supi) -> Self {
        let mut text = Text::default();
        text.push(supi.sbi_prefix().as_bytes());
        match supi {
            Supi::Imsi(imsi) => {
                let digits = imsi.digits();
                let last = digits.len().saturating_sub(2).max(5);
                let stars = digits.get(5..last).map_or(0, <[u8]>::len);
                text.push(digits.get(..5).unwrap_or(&[]));
                text.push(b"**********".get(..stars).unwrap_or(b"**********"));
                text.push(digits.get(last..).unwrap_or(&[]));
            }
            Supi::NetworkSpecific(nai) | Supi::GlobalCable(nai) | Supi::GlobalLine(nai) => {
                text.push(b"***@");
                text.push(nai.realm().as_bytes());
            }
        }
        Self {
            pseudonym,
            masked: text.octets(),
        }
    }

    /// The pseudonym: the same for the same SUPI in one log, and says nothing without the master key.
    #[inline]
    pub const fn pseudonym(&self) -> [u8; 8] {
        self.pseudonym
    }

    /// The masked SUPI; empty of nobody.
    pub fn masked(&self) -> &str {
        code::shown(&self.masked)
    }

    #[inline]
    pub(super) const fn octets(&self) -> &[u8; 24] {
        &self.masked
    }

    pub(super) fn from_octets(pseudonym: [u8; 8], masked: [u8; 24]) -> Result<Self, EventError> {
        Ok(Self {
            pseudonym,
            masked: code::checked(masked, "subject")?,
        })
    }
}

#[derive(Default)]
struct Text {
    octets: [u8; 24],
    len: usize,
}

impl Text {
    #[inline]
    fn push(&mut self, octets: &[u8]) {
        // Digits, prefixes and NAIs are visible ASCII.
        let rest = self.octets.get_mut(self.len.min(24)..).unwrap_or_default();
        let fitting = octets.len().min(rest.len());
        if let (Some(to), Some(from)) = (rest.get_mut(..fitting), octets.get(..fitting)) {
            to.copy_from_slice(from);
        }
        self.len += octets.len();
    }

    #[inline]
    fn octets(mut self) -> [u8; 24] {
        if self.len > 24
            && let Some(last) = self.octets.last_mut()
        {
            *last = b'~';
        }
        self.octets
    }
}
