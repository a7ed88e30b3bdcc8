//! Many subscriptions at once.

use super::{MilenageVector, OperatorConstants};
use crate::block_cipher::{Aes128, Keyed};
#[cfg(x86_back_ends)]
use crate::simd::aes::ni::{GROUP, Group};
use crate::types::{Amf, K, Opc, Rand, Sqn};

/// What one vector of a batch is made from.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// K of the subscription.
    pub k: &'a K,
    /// OPc of the subscription.
    pub opc: &'a Opc,
    /// The constants of its operator.
    pub constants: &'a OperatorConstants,
    /// The challenge.
    pub rand: Rand,
    /// The sequence number.
    pub sqn: Sqn,
    /// The authentication management field.
    pub amf: Amf,
}

/// There are not as many places for vectors as requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("batch of vectors: {requests} requests, but {places} places for vectors")]
pub struct LengthsDiffer {
    /// Requests given.
    pub requests: usize,
    /// Places given.
    pub places: usize,
}

impl LengthsDiffer {
    /// Checks that there are as many places as requests.
    ///
    /// # Errors
    ///
    /// When there are not.
    pub const fn check(requests: usize, places: usize) -> Result<(), Self> {
        if requests == places {
            Ok(())
        } else {
            Err(Self { requests, places })
        }
    }
}

/// Makes the vector of each request, in the same place of `vectors`.
///
/// The requests may be of any subscriptions; each has its own key schedule, made here. The vectors are those of
/// [`Milenage::vector`](super::Milenage::vector).
///
/// # Errors
///
/// When the two slices are not of the same length; then nothing is done.
pub fn vectors(requests: &[Request<'_>], vectors: &mut [Option<MilenageVector>]) -> Result<(), LengthsDiffer> {
    LengthsDiffer::check(requests.len(), vectors.len())?;
    #[cfg(x86_back_ends)]
    let (requests, vectors) = in_groups(requests, vectors);
    for (request, place) in requests.iter().zip(vectors) {
        let vector = Aes128::within(
            request.k.secret_octets(),
            #[inline(always)]
            |cipher| request.vector(&cipher),
        );
        *place = Some(vector);
    }
    Ok(())
}

impl Request<'_> {
    #[inline(always)]
    fn vector(&self, cipher: &impl Keyed) -> MilenageVector {
        MilenageVector::new(cipher, self.opc, self.constants, &self.rand, self.sqn, self.amf)
    }
}

/// Makes vectors in groups whose key schedules are computed side by side, and gives back what fills no group.
#[cfg(x86_back_ends)]
fn in_groups<'r, 'v>(
    requests: &'r [Request<'r>],
    vectors: &'v mut [Option<MilenageVector>],
) -> (&'r [Request<'r>], &'v mut [Option<MilenageVector>]) {
    let Some(mut group) = Group::new() else {
        return (requests, vectors);
    };
    let (groups, requests) = requests.as_chunks::<GROUP>();
    let (places, vectors) = vectors.as_chunks_mut::<GROUP>();
    for (requests, places) in groups.iter().zip(places) {
        let ciphers = group.expand(requests.each_ref().map(|request| request.k.secret_octets()));
        for ((request, cipher), place) in requests.iter().zip(ciphers).zip(places) {
            *place = Some(request.vector(cipher));
        }
    }
    (requests, vectors)
}
