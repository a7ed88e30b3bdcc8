//! The row: one declaration per derivation, and everything that follows from it.
//!
//! Two macros declare rows. `rows!` is for what the KDF of TS 33.220 makes, `function_rows!` for everything else
//! (concatenations, cuts, PRF'). Each turns a declaration into the typed method on the parent, the [`Row`] that graph,
//! documentation and `explain` read, and a `transcript` function that shows what enters. [`Transcript::derive`] computes
//! from the same row for a caller who goes by names and texts instead of types.
//!
//! ```text
//! /// K_gNB for 3GPP access.                                     documentation, required
//! row_k_gnb: KAmf.k_gnb(uplink_nas_count: NasCount) -> KGnb {    module: Parent.method(inputs) -> Child
//!     fc: 0x6E,                                                  `function: f, "words",` in function_rows!
//!     s: [
//!         "uplink NAS COUNT": NasCount = &uplink_nas_count,      name: type = value, in the order of S
//!         "access type distinguisher" fixed: AccessType = &AccessType::ThreeGpp,
//!     ],                                                         `fixed`: of the row; `key`: another key
//!     keep: all,                                                 or low_128, high_128, … (not in function_rows!)
//!     clause: "TS 33.501 A.9",
//!     derived_by: [Amf, Me],
//!     held_by: [Gnb, Me],
//!     life: ACCESS_STRATUM,                                      when it is renewed and deleted
//!     named: "K_NG-RAN*",                                        optional: the derivation's own name for the child
//!     doubt: "the FC is from memory",                            optional: what no source settles
//! }
//! ```
//!
//! A parameter's type implements `KdfParameter` (by `kdf_parameters!`), and `TextParameter` when people give it as
//! text (by `text_parameters!`), `KeyParameter` when it is a key. Keys are declared by `keys!`, which shows them to the
//! person at the terminal, and those that never leave by `closed_keys!`.

mod holder;
mod inputs;
pub(crate) mod life;
mod macros;
mod named_key;
mod parameter;
mod prepared;
mod transcript;

use core::fmt;

use kaskade_crypto::kdf::{Fc, KdfInput, KdfOutput};

pub use kaskade_crypto::Fingerprint;

pub use holder::{Holder, HolderGroup};
pub(crate) use macros::{
    by_function, by_kdf, closed_keys, function_rows, gather, given, join, joined, kdf_parameters, kept, keys,
    octets_of, or_default, parent, row, rows, text_parameters,
};
pub use named_key::NamedKey;
pub use parameter::{Encoding, Given, KdfParameter, Octets, ParameterSpec, TextForm};
pub(crate) use parameter::{KdfSink, KeyParameter, TextParameter, hex, hex_array, number};
pub use prepared::{Parent, Prepared};
pub use transcript::Transcript;

/// One derivation of the key hierarchy. The rows there are stand in this crate; nobody else makes one.
#[derive(Debug)]
#[non_exhaustive]
pub struct Row {
    /// Name of the derived key (`K_SEAF`).
    pub child: &'static str,
    /// The derivation's own name for it, where that differs: K_NG-RAN* makes the next K_gNB.
    pub named: &'static str,
    /// Length of the derived key in octets; the most, where the algorithm set decides it.
    pub child_octets: u16,
    /// The least of that.
    pub child_least_octets: u16,
    /// Name of the key it is derived from (`K_AUSF`).
    pub parent: &'static str,
    /// Length of the parent in octets; the most, where the algorithm set decides it.
    pub parent_octets: u16,
    /// Name of the Rust method on the parent.
    pub method: &'static str,
    /// What the key is, in a sentence or two.
    pub about: &'static str,
    /// The function.
    pub rule: Rule,
    /// What enters besides the parent, in order.
    pub parameters: &'static [ParameterSpec],
    /// Which bits of the output are the key.
    pub kept: Kept,
    /// Who computes it, on both sides.
    pub derived_by: &'static [Holder],
    /// Who keeps it or uses it.
    pub held_by: &'static [Holder],
    /// When it is renewed and deleted.
    pub life: Life,
    /// Where the derivation is specified.
    pub clause: &'static str,
    /// What no source at hand settles; empty when there is no doubt.
    pub doubt: &'static str,
}

/// When a key is renewed, and when it is thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// What makes a new one.
    pub renewed: &'static str,
    /// What ends it.
    pub deleted: &'static str,
}

/// Who says that a derivation is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A specification of 3GPP.
    ThreeGpp,
    /// An RFC.
    Ietf,
    /// This project alone, where no specification fixes it.
    ProjectProfile,
}

impl Source {
    /// As people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThreeGpp => "3GPP",
            Self::Ietf => "IETF",
            Self::ProjectProfile => "project profile, not 3GPP",
        }
    }
}

impl Row {
    /// Who says so, as the clause begins.
    pub fn source(&self) -> Source {
        if self.clause.starts_with("TS ") {
            Source::ThreeGpp
        } else if self.clause.starts_with("RFC ") {
            Source::Ietf
        } else {
            Source::ProjectProfile
        }
    }

    /// The inputs that whoever derives gives as text.
    pub fn texts(&self) -> impl Iterator<Item = (&'static ParameterSpec, TextForm)> {
        self.parameters.iter().filter_map(|spec| match spec.given {
            Given::Text(form) => Some((spec, form)),
            _ => None,
        })
    }

    /// The keys that enter besides the parent, each with its alternatives.
    pub fn keys(&self) -> impl Iterator<Item = &'static [&'static str]> {
        self.parameters.iter().filter_map(|spec| match spec.given {
            Given::Key(names) => Some(names),
            _ => None,
        })
    }

    /// What enters, from octets that `given` finds for each input that the row itself does not fix.
    ///
    /// # Errors
    /// The first error of `given`.
    pub fn transcript<E>(
        &'static self,
        mut given: impl FnMut(&'static ParameterSpec) -> Result<Octets, E>,
    ) -> Result<Transcript, E> {
        let mut transcript = Transcript::new(self);
        for spec in self.parameters {
            let octets = match spec.fixed() {
                Some(octets) => octets,
                None => core::mem::take(&mut *given(spec)?),
            };
            transcript.parameters.push(octets);
        }
        Ok(transcript)
    }
}

/// Which function makes the key.
#[derive(Clone, Copy)]
pub enum Rule {
    /// HMAC-SHA-256 over S, with its FC (TS 33.220 Annex B).
    Kdf(Fc),
    /// A function of the subscriber's authentication algorithm set, such as f3.
    AlgorithmSet(&'static str),
    /// Another function, in a few words.
    Function(&'static str, Compute),
}

/// A function that is no KDF of TS 33.220: the parent's octets and the inputs' octets make the child's.
///
/// It computes inside this crate alone: by it somebody would get the octets of keys that leave nobody, such as the EMSK.
#[derive(Clone, Copy)]
pub struct Compute(pub(crate) ComputeOctets);

/// The lengths are those of the row's types, so that it cannot fail; what it gives for other lengths is unspecified.
pub(crate) type ComputeOctets = fn(parent: &[u8], inputs: &[&[u8]], child: &mut [u8]);

/// The child's octets out of the parent's, from octet `FROM` on: a [`ComputeOctets`].
pub(crate) fn cut<const FROM: usize>(parent: &[u8], _inputs: &[&[u8]], child: &mut [u8]) {
    if let Some(part) = parent.get(FROM..).and_then(|rest| rest.get(..child.len())) {
        child.copy_from_slice(part);
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Kdf(a), Self::Kdf(b)) => a == b,
            (Self::AlgorithmSet(a), Self::AlgorithmSet(b)) | (Self::Function(a, _), Self::Function(b, _)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Rule {}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kdf(fc) => write!(f, "FC {fc}"),
            Self::AlgorithmSet(function) | Self::Function(function, _) => f.write_str(function),
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({self})")
    }
}

/// Which bits of a 256-bit output are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of them.
    All,
    /// The 128 least significant bits.
    Low128,
    /// The 128 most significant bits.
    High128,
    /// The 64 most significant bits.
    High64,
    /// What the function gives.
    AsGiven,
}

impl Kept {
    /// As people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all 256 bits",
            Self::Low128 => "the 128 least significant bits",
            Self::High128 => "the 128 most significant bits",
            Self::High64 => "the 64 most significant bits",
            Self::AsGiven => "all that the function gives",
        }
    }

    fn cut(self, output: &KdfOutput) -> &[u8] {
        match self {
            Self::All | Self::AsGiven => output.all(),
            Self::Low128 => output.low_128(),
            Self::High128 => output.high_128(),
            Self::High64 => output.high_64(),
        }
    }
}

impl KdfSink for &mut KdfInput<'_> {
    #[inline(always)]
    fn feed<P: KdfParameter>(self, parameter: &P) -> Self {
        parameter.with_octets(|octets| {
            if P::ENCODING.leaves_out(octets) {
                return self;
            }
            self.push(octets)
        })
    }
}
