//! The row: one declaration per derivation, and everything that follows from it.
//!
//! `rows!` turns a declaration into the typed method on the parent (on the key itself and on [`Prepared`], which
//! shares the HMAC pads between several derivations), the [`Row`] that the tree, the documentation and `explain` read,
//! and a `transcript` function that shows the octets of S for given inputs.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use kaskade_crypto::KeyMaterial;
use kaskade_crypto::kdf::{Fc, HmacKey, KdfInput, KdfOutput, sha256};

/// One derivation of the key hierarchy.
#[derive(Debug)]
pub struct Row {
    /// Name of the derived key (`K_SEAF`).
    pub child: &'static str,
    /// Name of the key it is derived from (`K_AUSF`).
    pub parent: &'static str,
    /// Name of the Rust method on the parent.
    pub method: &'static str,
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
    /// Where the derivation is specified.
    pub clause: &'static str,
}

/// Which function makes the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// HMAC-SHA-256 over S, with its FC (TS 33.220 Annex B).
    Kdf(Fc),
    /// SHA-256 over the plain concatenation, without FC and lengths.
    Sha256,
    /// A function of the subscriber's authentication algorithm set, such as f3.
    AlgorithmSet(&'static str),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kdf(fc) => write!(f, "FC {fc}"),
            Self::Sha256 => f.write_str("SHA-256"),
            Self::AlgorithmSet(function) => f.write_str(function),
        }
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
    /// What the algorithm set gives.
    AsGiven,
}

/// Name and encoding of one input of a derivation.
#[derive(Clone, Copy, Debug)]
pub struct ParameterSpec {
    /// As the specification names it.
    pub name: &'static str,
    /// How it becomes octets.
    pub encoding: Encoding,
}

/// How an input becomes octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 text, of its actual length.
    Text,
    /// This many octets, integers most significant first.
    Octets(u16),
    /// Octets of their actual length.
    Variable,
    /// This many octets of a key.
    Secret(u16),
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("UTF-8 text"),
            Self::Octets(1) => f.write_str("1 octet"),
            Self::Octets(n) => write!(f, "{n} octets"),
            Self::Variable => f.write_str("octets"),
            Self::Secret(n) => write!(f, "{n} secret octets"),
        }
    }
}

/// Who derives or holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// USIM: the application on the card.
    Usim,
    /// ME: the device around the card.
    Me,
    /// ARPF, in the UDM.
    Arpf,
    /// AUSF.
    Ausf,
    /// SEAF, in the AMF.
    Seaf,
    /// AMF.
    Amf,
    /// gNB.
    Gnb,
    /// N3IWF.
    N3iwf,
}

impl Holder {
    /// The name as 3GPP writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usim => "USIM",
            Self::Me => "ME",
            Self::Arpf => "ARPF",
            Self::Ausf => "AUSF",
            Self::Seaf => "SEAF",
            Self::Amf => "AMF",
            Self::Gnb => "gNB",
            Self::N3iwf => "N3IWF",
        }
    }

    /// Whether it is on the device's side.
    pub const fn is_ue(self) -> bool {
        matches!(self, Self::Usim | Self::Me)
    }
}

/// Something that enters a derivation: knows its own encoding.
pub trait KdfParameter {
    /// The encoding, for documentation and explanation.
    const ENCODING: Encoding;

    /// Gives the octets to `with`.
    fn with_octets<R>(&self, with: impl FnOnce(&[u8]) -> R) -> R;
}

/// Where the parameters of S go: into the hash, or into a transcript.
pub trait KdfSink: Sized {
    /// Takes Pi; Li follows from it.
    #[must_use]
    fn feed<P: KdfParameter>(self, parameter: &P) -> Self;
}

impl KdfSink for &mut KdfInput<'_> {
    #[inline(always)]
    fn feed<P: KdfParameter>(self, parameter: &P) -> Self {
        parameter.with_octets(|octets| self.push(octets))
    }
}

/// A key with its HMAC pads absorbed: derive several keys from it for the price of one preparation.
///
/// ```
/// use kaskade_keys::derivation::Prepared;
/// use kaskade_keys::{CipheringAlgorithm, IntegrityAlgorithm, fivegs::KAmf};
///
/// let k_amf = KAmf::from_octets(&[7; 32]);
/// let prepared = Prepared::new(&k_amf);
/// let k_nas_enc = prepared.k_nas_enc(CipheringAlgorithm::Nea2);
/// let k_nas_int = prepared.k_nas_int(IntegrityAlgorithm::Nia2);
/// assert_eq!(k_nas_enc, k_amf.k_nas_enc(CipheringAlgorithm::Nea2));
/// # let _ = k_nas_int;
/// ```
pub struct Prepared<P> {
    hmac: HmacKey,
    parent: PhantomData<fn(&P)>,
}

impl<P: KeyMaterial> Prepared<P> {
    /// Absorbs the pads: 2 SHA-256 compressions.
    #[inline]
    pub fn new(parent: &P) -> Self {
        Self {
            hmac: HmacKey::new(parent.derivation_octets()),
            parent: PhantomData,
        }
    }
}

impl<P> Prepared<P> {
    #[inline]
    pub(crate) fn from_hmac(hmac: HmacKey) -> Self {
        Self {
            hmac,
            parent: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) fn derive(&self, fc: Fc, parameters: impl FnOnce(&mut KdfInput<'_>)) -> KdfOutput {
        self.hmac.derive(fc, parameters)
    }
}

impl<P: KeyMaterial> fmt::Debug for Prepared<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({})", P::NAME)
    }
}

/// The octets of S for given inputs, part by part; the parent key is not in it.
///
/// Inputs that are keys themselves ([`Encoding::Secret`]) are in it: treat it as a secret then.
pub struct Transcript {
    /// The derivation.
    pub row: &'static Row,
    /// Octets of each parameter, in order.
    pub parameters: Vec<Vec<u8>>,
}

impl Transcript {
    /// Starts with no parameter.
    pub fn new(row: &'static Row) -> Self {
        Self {
            row,
            parameters: Vec::new(),
        }
    }

    /// The whole S: FC ‖ P0 ‖ L0 ‖ … (TS 33.220 B.2). Under [`Rule::Sha256`] the bare concatenation.
    pub fn s(&self) -> Vec<u8> {
        let mut s = Vec::new();
        if let Rule::Kdf(fc) = self.row.rule {
            s.extend(fc.octets());
        }
        for parameter in &self.parameters {
            s.extend(parameter);
            if let (Rule::Kdf(_), Ok(length)) = (self.row.rule, u16::try_from(parameter.len())) {
                s.extend(length.to_be_bytes());
            }
        }
        s
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        for parameter in &mut self.parameters {
            zeroize::Zeroize::zeroize(parameter);
        }
    }
}

impl KdfSink for Transcript {
    fn feed<P: KdfParameter>(mut self, parameter: &P) -> Self {
        parameter.with_octets(|octets| self.parameters.push(octets.into()));
        self
    }
}

/// A short public name of a secret value: 4 octets of SHA-256 over a label, the key's name and its octets.
///
/// A project profile, version 1, not a 3GPP function. Two holders compare fingerprints to learn whether they have the
/// same key; 32 bits tell nothing useful about a key of 128 bits or more.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 4]);

impl Fingerprint {
    /// Of a key.
    pub fn of<T: KeyMaterial>(key: &T) -> Self {
        let digest = sha256(&[
            b"kaskade fingerprint 1",
            T::NAME.as_bytes(),
            &[0],
            key.derivation_octets(),
        ]);
        let [a, b, c, d, ..] = digest;
        Self([a, b, c, d])
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// [`Kept`] under the names of the methods of [`kaskade_crypto::kdf::KdfOutput`], for `rows!`.
#[allow(non_upper_case_globals, reason = "the macro maps a method name to its documentation")]
pub(crate) mod kept {
    use super::Kept;

    pub(crate) const all: Kept = Kept::All;
    pub(crate) const low_128: Kept = Kept::Low128;
    #[allow(dead_code, reason = "no row of the 5G branch keeps the most significant half")]
    pub(crate) const high_128: Kept = Kept::High128;
}

/// Declares derivations with the KDF of TS 33.220.
///
/// `row: Parent.method(arguments) -> Child { … }`: makes the module `row` with `ROW`, `feed` and `transcript`, the method on
/// `Parent` and on `Prepared<Parent>`, and the list `ROWS` of the invocation.
macro_rules! rows {
    ($(
        $(#[$meta:meta])*
        $row:ident: $Parent:ident.$method:ident($($arg:ident: $Arg:ty),* $(,)?) -> $Child:ident {
            fc: $fc:literal,
            s: [$($name:literal: $Param:ty = $value:expr),* $(,)?],
            keep: $keep:ident,
            clause: $clause:literal,
            derived_by: [$($by:ident),* $(,)?],
            held_by: [$($held:ident),* $(,)?] $(,)?
        }
    )*) => {
        $(
            #[doc = concat!("The row of ", stringify!($Parent), " → ", stringify!($Child), " (", $clause, ").")]
            pub mod $row {
                use super::*;

                /// The derivation.
                pub static ROW: $crate::derivation::Row = $crate::derivation::Row {
                    child: <$Child as ::kaskade_crypto::KeyMaterial>::NAME,
                    parent: <$Parent as ::kaskade_crypto::KeyMaterial>::NAME,
                    method: stringify!($method),
                    rule: $crate::derivation::Rule::Kdf(::kaskade_crypto::kdf::Fc::new($fc)),
                    parameters: &[$(
                        $crate::derivation::ParameterSpec {
                            name: $name,
                            encoding: <$Param as $crate::derivation::KdfParameter>::ENCODING,
                        }
                    ),*],
                    kept: $crate::derivation::kept::$keep,
                    derived_by: &[$($crate::derivation::Holder::$by),*],
                    held_by: &[$($crate::derivation::Holder::$held),*],
                    clause: $clause,
                };

                #[inline(always)]
                pub(super) fn feed<Sink: $crate::derivation::KdfSink>(sink: Sink $(, $arg: $Arg)*) -> Sink {
                    sink$(.feed::<$Param>($value))*
                }

                /// The octets of S for these inputs.
                pub fn transcript($($arg: $Arg),*) -> $crate::derivation::Transcript {
                    feed($crate::derivation::Transcript::new(&ROW) $(, $arg)*)
                }
            }

            impl $crate::derivation::Prepared<$Parent> {
                $(#[$meta])*
                #[doc = concat!("\n\nFC ", stringify!($fc), $("; ", $name,)* ". Keeps ", stringify!($keep), ". ", $clause, ".")]
                #[inline]
                pub fn $method(&self $(, $arg: $Arg)*) -> $Child {
                    const FC: ::kaskade_crypto::kdf::Fc = ::kaskade_crypto::kdf::Fc::new($fc);
                    let output = self.derive(FC, |s| {
                        $row::feed(s $(, $arg)*);
                    });
                    $Child::from_octets(output.$keep())
                }
            }

            impl $Parent {
                $(#[$meta])*
                #[doc = concat!("\n\nFC ", stringify!($fc), $("; ", $name,)* ". Keeps ", stringify!($keep), ". ", $clause, ".")]
                #[inline]
                pub fn $method(&self $(, $arg: $Arg)*) -> $Child {
                    $crate::derivation::Prepared::<$Parent>::new(self).$method($($arg),*)
                }
            }
        )*

        /// The derivations of this module.
        pub static ROWS: &[&$crate::derivation::Row] = &[$(&$row::ROW),*];
    };
}

pub(crate) use rows;

macro_rules! kdf_parameters {
    ($( $Type:ty: $encoding:expr, |$this:ident| $octets:expr; )*) => {$(
        impl $crate::derivation::KdfParameter for $Type {
            const ENCODING: $crate::derivation::Encoding = $encoding;

            #[inline(always)]
            fn with_octets<R>(&self, with: impl FnOnce(&[u8]) -> R) -> R {
                let $this = self;
                with($octets)
            }
        }
    )*};
}

kdf_parameters! {
    crate::ServingNetworkName: Encoding::Text, |this| this.kdf_octets();
    crate::Supi: Encoding::Text, |this| this.kdf_octets();
    crate::Abba: Encoding::Variable, |this| this.octets();
    crate::NasCount: Encoding::Octets(4), |this| &this.kdf_octets();
    crate::AccessType: Encoding::Octets(1), |this| &[*this as u8];
    crate::CipheringAlgorithm: Encoding::Octets(1), |this| &[this.identity()];
    crate::IntegrityAlgorithm: Encoding::Octets(1), |this| &[this.identity()];
    crate::id::TypeDistinguisher: Encoding::Octets(1), |this| &[*this as u8];
    kaskade_crypto::Rand: Encoding::Octets(16), |this| this.octets();
    kaskade_crypto::Res: Encoding::Variable, |this| this.octets();
    crate::umts::SqnXorAk: Encoding::Octets(6), |this| this.octets();
    crate::fivegs::SyncInput<'_>: Encoding::Secret(32), |this| this.octets();
}
