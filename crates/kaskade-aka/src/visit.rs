//! Seeing the keys of a run: everything that holds keys shows them to a [`KeyVisitor`], which takes what it may.
//!
//! A visitor gets each key with its type, hence with its name, and the rows of [`kaskade_keys::tree`] have the same names:
//! a picture of the cascade needs no list of keys of its own. K, OP and OPc are not [`ShownKey`]s, so no visitor sees them.
//!
//! ```
//! use kaskade_aka::auc::{self, Credentials};
//! use kaskade_aka::visit::{Fingerprints, VisitKeys};
//! use kaskade_crypto::{K, Opc, Rand, Sqn};
//!
//! let credentials = Credentials::new(K::from_octets(&[1; 16]), Opc::from_octets(&[2; 16]));
//! let quintet = auc::quintet(&credentials, &Rand::from_octets([3; 16]), Sqn::from_octets([0, 0, 0, 0, 0, 32]));
//! let mut seen = Fingerprints::default();
//! quintet.visit_keys(&mut seen);
//! assert!(seen.of("CK").is_some() && seen.of("K").is_none());
//! ```

use alloc::vec::Vec;

use kaskade_crypto::{Ck, Ik, KeyMaterial, Res};
use kaskade_keys::derivation::Fingerprint;
use kaskade_keys::fivegs::{HxresStar, ResStar, XresStar};
use kaskade_keys::umts::CkIk;
use zeroize::Zeroize;

pub use kaskade_crypto::ShownKey;

/// Someone who is shown keys.
pub trait KeyVisitor {
    /// Sees one key. A run may show the same key twice.
    fn key<T: ShownKey>(&mut self, key: &T);

    /// Sees CK, IK and both of them together.
    fn ck_ik(&mut self, ck: &Ck, ik: &Ik) {
        self.key(ck);
        self.key(ik);
        self.key(&CkIk::from_parts(ck, ik));
    }
}

/// Something that holds keys.
pub trait VisitKeys {
    /// Shows every key to `visitor`, parents before children.
    fn visit_keys(&self, visitor: &mut impl KeyVisitor);
}

/// Nobody looks.
impl KeyVisitor for () {
    #[inline(always)]
    fn key<T: ShownKey>(&mut self, _: &T) {}

    #[inline(always)]
    fn ck_ik(&mut self, _: &Ck, _: &Ik) {}
}

/// The fingerprints of the keys seen, in the order seen; nothing secret.
#[derive(Clone, Debug, Default)]
pub struct Fingerprints(Vec<(&'static str, Fingerprint)>);

impl Fingerprints {
    /// The fingerprint of the key that was seen last under this name.
    pub fn of(&self, name: &str) -> Option<Fingerprint> {
        let named = |(key, fingerprint): &(_, _)| (*key == name).then_some(*fingerprint);
        self.0.iter().rev().find_map(named)
    }

    /// Name and fingerprint of each key.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Fingerprint)> + '_ {
        self.0.iter().copied()
    }
}

impl KeyVisitor for Fingerprints {
    fn key<T: ShownKey>(&mut self, key: &T) {
        self.0.push((T::NAME, Fingerprint::of(key)));
    }
}

/// The keys seen with their octets, for the person who asked for them at this terminal. Wiped on drop.
///
/// `Debug` prints names only.
pub struct RevealedKeys(Vec<RevealedKey>);

/// One key with its octets. `Debug` prints its name and fingerprint only.
pub struct RevealedKey {
    name: &'static str,
    fingerprint: Fingerprint,
    octets: Vec<u8>,
}

impl RevealedKeys {
    /// Starts to take the octets of keys out of the cascade, to show them to the person at this terminal.
    pub fn to_operator() -> Self {
        Self(Vec::new())
    }

    /// The key that was seen last under this name.
    pub fn of(&self, name: &str) -> Option<&RevealedKey> {
        self.0.iter().rev().find(|key| key.name == name)
    }

    /// Each key, in the order seen.
    pub fn iter(&self) -> impl Iterator<Item = &RevealedKey> {
        self.0.iter()
    }
}

impl KeyVisitor for RevealedKeys {
    fn key<T: ShownKey>(&mut self, key: &T) {
        self.0.push(RevealedKey {
            name: T::NAME,
            fingerprint: Fingerprint::of(key),
            octets: key.expose_to_operator().into(),
        });
    }
}

impl RevealedKey {
    /// The name as 3GPP writes it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The octets, most significant first: to the person who asked for them at this terminal.
    pub fn expose_to_operator(&self) -> &[u8] {
        &self.octets
    }
}

impl Drop for RevealedKey {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl core::fmt::Debug for RevealedKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}({}, …)", self.name, self.fingerprint)
    }
}

impl core::fmt::Debug for RevealedKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// Values that a row makes and that are no key types, under the name of their row.
macro_rules! seen_as {
    ($( $(#[$meta:meta])* $View:ident($Value:ty) = $name:expr, |$value:ident| $octets:expr; )*) => {$(
        $(#[$meta])*
        pub(crate) struct $View<'k>(pub(crate) &'k $Value);

        impl KeyMaterial for $View<'_> {
            const NAME: &'static str = $name;

            fn fingerprint(&self) -> Fingerprint {
                Fingerprint::of_octets($name, self.expose_to_operator())
            }
        }

        impl ShownKey for $View<'_> {
            fn expose_to_operator(&self) -> &[u8] {
                let $value = self.0;
                $octets
            }
        }
    )*};
}

seen_as! {
    /// RES or XRES.
    XresAsRes(Res) = "RES", |res| res.octets();
    /// RES* as the XRES* that the network must have: both are seen under one name and can be compared.
    AsXresStar(ResStar) = XresStar::NAME, |res_star| res_star.expose_to_operator();
    /// XRES* as the RES* that the UE must answer.
    AsResStar(XresStar) = ResStar::NAME, |xres_star| xres_star.expose_to_operator();
    /// HXRES*.
    AsHxresStar(HxresStar) = "HXRES*", |hxres_star| hxres_star.octets();
    /// HXRES* as the HRES* that was found equal to it, or must be.
    AsHresStar(HxresStar) = "HRES*", |hxres_star| hxres_star.octets();
}
