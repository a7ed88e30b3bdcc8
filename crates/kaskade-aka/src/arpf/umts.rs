//! Vectors of UMTS AKA.

use crate::arpf::operation::{Method, Operation, Separation, Service, sealed};
use crate::auc::Quintet;
use crate::visit::KeyVisitor;

/// A quintet for UTRAN, IMS or GBA (TS 33.102 6.3.2, TS 33.203, TS 33.220).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UmtsAv;

impl sealed::Sealed for UmtsAv {}

impl Service for UmtsAv {
    const METHOD: Method = Method::UmtsAka;
}

impl Operation for UmtsAv {
    type Vector = Quintet;

    const SEPARATION: Separation = Separation::Clear;

    #[inline]
    fn bind(&self, quintet: Quintet, _: &mut impl KeyVisitor) -> Quintet {
        quintet
    }
}
