//! What a subscriber is allowed, as a value that vectors are asked of.

use core::marker::PhantomData;

use kaskade_crypto::{Amf, Auts, Rand, Sqn};
use kaskade_faults::fault;

use crate::arpf::operation::{Method, Operation, Separation, Service};
use crate::auc::{self, AucError, Credentials, Quintet};
use crate::visit::{KeyVisitor, VisitKeys};

/// The subscription does not allow the method of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscription does not allow {0}")]
pub struct NotAllowed(pub Method);

/// The subscriber may be authenticated by this operation.
#[derive(Debug)]
#[must_use = "it is there to ask for a vector"]
pub struct Permit<O>(PhantomData<fn() -> O>);

/// Asks whether the subscription allows an operation, before an SQN is spent on it.
///
/// # Errors
/// [`NotAllowed`] with the method that it would take.
pub fn permit<O: Service>(is_allowed: impl FnOnce(Method) -> bool) -> Result<Permit<O>, NotAllowed> {
    match is_allowed(O::METHOD) {
        true => Ok(Permit(PhantomData)),
        false => Err(NotAllowed(O::METHOD)),
    }
}

impl<O: Operation> Permit<O> {
    /// The vector for one RAND and one SQN. `visitor` sees the keys, CK and IK too, before those that stay here are wiped.
    ///
    /// `sqn` must never have been used for this subscription, and be durable as used. Allocates nothing.
    #[inline]
    pub fn vector(
        &self,
        operation: &O,
        credentials: &Credentials,
        rand: &Rand,
        sqn: Sqn,
        visitor: &mut impl KeyVisitor,
    ) -> O::Vector {
        let amf = self.amf(credentials.amf);
        let quintet = auc::quintet_with_amf(&credentials.keys, amf, rand, sqn);
        self.of_quintet(operation, quintet, visitor)
    }

    /// The AMF that the quintet must be made with, of that of the subscription: for whoever asks the keeper of K for it.
    #[inline]
    pub fn amf(&self, of_subscription: Amf) -> Amf {
        let separation = match O::SEPARATION {
            Separation::Set if fault!("separation-bit-dropped") => Separation::Clear,
            Separation::Clear if fault!("separation-bit-not-cleared") => Separation::Set,
            separation => separation,
        };
        separation.of(of_subscription)
    }

    /// [`Permit::vector`] of a quintet that the keeper of K has made with [`Permit::amf`].
    #[inline]
    pub fn of_quintet(&self, operation: &O, quintet: Quintet, visitor: &mut impl KeyVisitor) -> O::Vector {
        quintet.visit_keys(visitor);
        operation.bind(quintet, visitor)
    }

    /// SQN_MS out of an AUTS that answers a challenge of this operation (TS 33.102 6.3.5).
    ///
    /// # Errors
    /// [`AucError::WrongMacS`]: the AUTS is not of this subscription, or not for this RAND. Nothing follows from it.
    pub fn verify_auts(&self, credentials: &Credentials, rand: &Rand, auts: &Auts) -> Result<Sqn, AucError> {
        auc::verify_auts(credentials, rand, auts)
    }
}
