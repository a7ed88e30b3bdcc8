//! Vectors of EAP-AKA' and EAP-AKA.

use kaskade_crypto::{Autn, Rand, Res};
use kaskade_keys::ServingNetworkName;
use kaskade_keys::derivation::Prepared;
use kaskade_keys::eap::CkIkPrime;
use kaskade_keys::id::AccessNetworkIdentity;
use kaskade_keys::umts::{CkIk, SqnXorAk};

use crate::arpf::operation::{Method, Operation, Separation, Service, sealed};
use crate::auc::Quintet;
use crate::visit::{KeyVisitor, VisitKeys};

/// A transformed authentication vector AV' for EAP-AKA' with a network that is authorised already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EapAkaPrimeAv<'a> {
    /// In 5GS, for an AUSF (TS 33.501 6.1.3.1, A.3).
    ServingNetwork(&'a ServingNetworkName),
    /// Over a non-3GPP access to EPC, for a 3GPP AAA server (TS 33.402 6.2, A.2).
    AccessNetwork(&'a AccessNetworkIdentity),
}

/// AV': RAND, AUTN, XRES, CK' ‖ IK'. CK and IK stay behind.
#[derive(Clone, Debug)]
pub struct AvPrime {
    /// RAND.
    pub rand: Rand,
    /// AUTN.
    pub autn: Autn,
    /// XRES, 4 to 16 octets.
    pub xres: Res,
    /// CK' ‖ IK', bound to the network.
    pub ck_ik_prime: CkIkPrime,
}

/// A quintet for EAP-AKA (RFC 4187), whose keys come from CK and IK as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EapAkaAv;

/// A quintet for an EAP server outside the home that makes CK' and IK' itself, in a laboratory. TS 33.402 6.2 has the home make them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EapAkaPrimeQuintet;

impl sealed::Sealed for EapAkaPrimeAv<'_> {}
impl sealed::Sealed for EapAkaAv {}
impl sealed::Sealed for EapAkaPrimeQuintet {}

impl Service for EapAkaPrimeAv<'_> {
    const METHOD: Method = Method::EapAkaPrime;
}

impl Service for EapAkaAv {
    const METHOD: Method = Method::EapAka;
}

impl Service for EapAkaPrimeQuintet {
    const METHOD: Method = Method::EapAkaPrime;
}

impl Operation for EapAkaPrimeAv<'_> {
    type Vector = AvPrime;

    const SEPARATION: Separation = Separation::Set;

    #[inline]
    fn bind(&self, quintet: Quintet, visitor: &mut impl KeyVisitor) -> AvPrime {
        let Quintet {
            rand,
            xres,
            ck,
            ik,
            autn,
            ..
        } = quintet;
        let ck_ik = Prepared::<CkIk>::from_ck_ik(&ck, &ik);
        let sqn_xor_ak = SqnXorAk::from(&autn);
        let vector = AvPrime {
            rand,
            autn,
            xres,
            ck_ik_prime: match self {
                Self::ServingNetwork(name) => ck_ik.ck_ik_prime(name, &sqn_xor_ak),
                Self::AccessNetwork(identity) => ck_ik.ck_ik_prime_access(identity, &sqn_xor_ak),
            },
        };
        vector.visit_keys(visitor);
        vector
    }
}

impl Operation for EapAkaAv {
    type Vector = Quintet;

    // A peer looks at the bit in EAP-AKA' only, and CK and IK leave here as they are.
    const SEPARATION: Separation = Separation::Clear;

    #[inline]
    fn bind(&self, quintet: Quintet, _: &mut impl KeyVisitor) -> Quintet {
        quintet
    }
}

impl Operation for EapAkaPrimeQuintet {
    type Vector = Quintet;

    // A peer takes no challenge of EAP-AKA' without it (TS 33.402 6.2).
    const SEPARATION: Separation = Separation::Set;

    #[inline]
    fn bind(&self, quintet: Quintet, _: &mut impl KeyVisitor) -> Quintet {
        quintet
    }
}

/// CK' ‖ IK'.
impl VisitKeys for AvPrime {
    #[inline]
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.ck_ik_prime);
    }
}
