//! Many subscriptions at once.

use super::{Milenage, MilenageVector, OperatorConstants};
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
#[error("MILENAGE batch: {requests} requests, but {places} places for vectors")]
pub struct LengthsDiffer {
    /// Requests given.
    pub requests: usize,
    /// Places given.
    pub places: usize,
}

/// Makes the vector of each request, in the same place of `vectors`.
///
/// The requests may be of any subscriptions; each has its own key schedule, made here. The vectors are those of
/// [`Milenage::vector`].
///
/// # Errors
///
/// When the two slices are not of the same length; then nothing is done.
pub fn vectors(requests: &[Request<'_>], vectors: &mut [Option<MilenageVector>]) -> Result<(), LengthsDiffer> {
    if requests.len() != vectors.len() {
        return Err(LengthsDiffer { requests: requests.len(), places: vectors.len() });
    }
    for (request, place) in requests.iter().zip(vectors) {
        let milenage = Milenage::with_constants(request.k, request.opc, request.constants);
        *place = Some(milenage.vector(&request.rand, request.sqn, request.amf));
    }
    Ok(())
}
