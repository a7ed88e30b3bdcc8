//! Derivations from up to sixteen parents at once, out of the same rows as those from one.
//!
//! ```
//! use kaskade_crypto::{Ck, Ik};
//! use kaskade_keys::ServingNetworkName;
//! use kaskade_keys::derivation::Prepared;
//! use kaskade_keys::lanes::PreparedLanes;
//! use kaskade_keys::umts::{CkIk, SqnXorAk};
//!
//! let (ck, ik) = ([1, 2].map(|n| Ck::from_octets(&[n; 16])), [3, 4].map(|n| Ik::from_octets(&[n; 16])));
//! let sqn_xor_ak = SqnXorAk::from(&kaskade_crypto::Autn::from_octets([5; 16]));
//! let both = PreparedLanes::<CkIk>::from_ck_ik(ck.iter().zip(&ik));
//! let k_ausf = both.k_ausf([(&ServingNetworkName::NSWO, sqn_xor_ak); 2]);
//! let second = Prepared::<CkIk>::from_ck_ik(&ck[1], &ik[1]).k_ausf(&ServingNetworkName::NSWO, &sqn_xor_ak);
//! assert_eq!(k_ausf.of_lanes().nth(1), Some(second));
//! ```

use core::fmt;
use core::marker::PhantomData;

use kaskade_crypto::kdf::batch::{HmacKeys, KdfOutputs, LaneInput};
use kaskade_crypto::kdf::{Fc, KdfOutput};
use kaskade_crypto::{Ck, Ik, KeyMaterial, Rand, Res};

use crate::ServingNetworkName;
use crate::derivation::{KdfParameter, KdfSink};
use crate::fivegs::{KAusf, XresStar, row_k_ausf, row_xres_star};
use crate::umts::{CkIk, SqnXorAk};

pub use kaskade_crypto::kdf::batch::{LANES, fewest};

impl KdfSink for &mut LaneInput<'_> {
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

/// Up to sixteen keys with their HMAC pads absorbed: [`Prepared`](crate::derivation::Prepared) for many.
///
/// With fewer than [`fewest`] keys take [`Prepared`](crate::derivation::Prepared) for each: it takes less time.
pub struct PreparedLanes<P> {
    keys: HmacKeys,
    parent: PhantomData<fn(&P)>,
}

impl<P> PreparedLanes<P> {
    #[inline(always)]
    fn derive<I, C>(
        &self,
        fc: Fc,
        inputs: impl IntoIterator<Item = I>,
        feed: impl Fn(I, &mut LaneInput<'_>),
        child_of: fn(&KdfOutput) -> C,
    ) -> Derived<C> {
        Derived {
            outputs: self.keys.derive(fc, inputs, feed),
            child_of,
        }
    }
}

impl PreparedLanes<CkIk> {
    /// Absorbs CK ‖ IK of each lane. Of more than sixteen the first sixteen are taken.
    #[inline]
    pub fn from_ck_ik<'k>(pairs: impl IntoIterator<Item = (&'k Ck, &'k Ik)>) -> Self {
        let pairs = pairs.into_iter();
        Self {
            keys: HmacKeys::from_two(
                pairs.map(|(ck, ik)| (&ck.expose_to_derivation()[..], &ik.expose_to_derivation()[..])),
            ),
            parent: PhantomData,
        }
    }

    /// K_AUSF of each lane (TS 33.501 A.2).
    #[inline]
    pub fn k_ausf<'a>(&self, inputs: impl IntoIterator<Item = (&'a ServingNetworkName, SqnXorAk)>) -> Derived<KAusf> {
        let feed = |(serving_network_name, sqn_xor_ak): (&_, _), s: &mut LaneInput<'_>| {
            row_k_ausf::feed(s, serving_network_name, &sqn_xor_ak);
        };
        self.derive(row_k_ausf::FC, inputs, feed, row_k_ausf::child_of)
    }

    /// XRES* of each lane (TS 33.501 A.4).
    #[inline]
    pub fn xres_star<'a>(
        &self,
        inputs: impl IntoIterator<Item = (&'a ServingNetworkName, &'a Rand, &'a Res)>,
    ) -> Derived<XresStar> {
        let feed = |(serving_network_name, rand, xres): (&_, &_, &_), s: &mut LaneInput<'_>| {
            row_xres_star::feed(s, serving_network_name, rand, xres);
        };
        self.derive(row_xres_star::FC, inputs, feed, row_xres_star::child_of)
    }
}

impl<P: KeyMaterial> fmt::Debug for PreparedLanes<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreparedLanes({})", P::NAME)
    }
}

/// The same key of each lane; what it is cut from is wiped on drop.
pub struct Derived<C> {
    outputs: KdfOutputs,
    child_of: fn(&KdfOutput) -> C,
}

impl<C> Derived<C> {
    /// The keys, lane by lane: as many as there were parents and inputs.
    #[inline]
    pub fn of_lanes(&self) -> impl Iterator<Item = C> {
        self.outputs.of_lanes().iter().map(self.child_of)
    }
}

impl<C: KeyMaterial> fmt::Debug for Derived<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Derived({})", C::NAME)
    }
}
