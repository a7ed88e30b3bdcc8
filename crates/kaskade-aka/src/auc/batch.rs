//! Many vectors at once.

use kaskade_crypto::milenage;
use kaskade_crypto::{Rand, Sqn};

use super::{Credentials, LengthsDiffer, Quintet, quintet};
use crate::algorithm::AlgorithmKeys;

/// How many key schedules [`milenage::vectors`] computes side by side.
const TOGETHER: usize = 8;

/// What one vector of a batch is made from.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The subscription.
    pub credentials: &'a Credentials,
    /// The challenge.
    pub rand: Rand,
    /// The sequence number.
    pub sqn: Sqn,
}

/// Makes the vector of each request, in the same place of `quintets`: those of [`quintet`](super::quintet).
///
/// The subscriptions may be the same or others. Each SQN must never have been used for its subscription, and be durable
/// as used. Allocates nothing.
///
/// # Errors
///
/// When the two slices are not of the same length; then nothing is done.
pub fn quintets(requests: &[Request<'_>], quintets: &mut [Option<Quintet>]) -> Result<(), LengthsDiffer> {
    LengthsDiffer::check(requests.len(), quintets.len())?;
    for (requests, places) in requests.chunks(TOGETHER).zip(quintets.chunks_mut(TOGETHER)) {
        if let Ok(requests) = requests.try_into()
            && let Some(of_milenage) = all_of_milenage(requests)
        {
            let mut vectors = [const { None }; TOGETHER];
            milenage::vectors(&of_milenage, &mut vectors)?;
            for ((request, vector), place) in requests.iter().zip(&mut vectors).zip(places) {
                *place = vector.take().map(|vector| Quintet::new(&request.rand, vector));
            }
        } else {
            for (request, place) in requests.iter().zip(places) {
                *place = Some(quintet(request.credentials, &request.rand, request.sqn));
            }
        }
    }
    Ok(())
}

/// The requests as MILENAGE takes them; `None` when one is of another algorithm set.
#[inline]
fn all_of_milenage<'a>(requests: &[Request<'a>; TOGETHER]) -> Option<[milenage::Request<'a>; TOGETHER]> {
    let [first, ..] = requests;
    let mut all = [first.of_milenage()?; TOGETHER];
    for (place, request) in all.iter_mut().zip(requests) {
        *place = request.of_milenage()?;
    }
    Some(all)
}

impl<'a> Request<'a> {
    #[inline]
    fn of_milenage(&self) -> Option<milenage::Request<'a>> {
        let Credentials { keys, amf } = self.credentials;
        let AlgorithmKeys::Milenage { k, opc, constants } = keys else {
            return None;
        };
        Some(milenage::Request {
            k,
            opc,
            constants,
            rand: self.rand,
            sqn: self.sqn,
            amf: *amf,
        })
    }
}
