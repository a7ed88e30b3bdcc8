//! What can be asked of an AuC, and by which method.

use core::fmt;

use kaskade_crypto::Amf;

use crate::auc::Quintet;
use crate::visit::KeyVisitor;

/// How a subscriber may authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Method {
    /// 5G AKA (TS 33.501 6.1.3.2).
    FiveGAka,
    /// EAP-AKA' (RFC 9048), in 5GS (TS 33.501 6.1.3.1) and over non-3GPP access to EPC (TS 33.402 6.2).
    EapAkaPrime,
    /// EPS AKA (TS 33.401 6.1.1).
    EpsAka,
    /// EAP-AKA (RFC 4187).
    EapAka,
    /// UMTS AKA (TS 33.102 6.3), of UTRAN, IMS and GBA.
    UmtsAka,
    /// GSM AKA (TS 43.020), by triplets.
    GsmAka,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FiveGAka => "5G AKA",
            Self::EapAkaPrime => "EAP-AKA'",
            Self::EpsAka => "EPS AKA",
            Self::EapAka => "EAP-AKA",
            Self::UmtsAka => "UMTS AKA",
            Self::GsmAka => "GSM AKA",
        })
    }
}

/// The AMF separation bit of a vector (TS 33.102 Annex H).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separation {
    /// 1: for EPS and 5GS, whose MEs refuse another (TS 33.401 6.1.1, TS 33.501 6.1.3.2.0).
    Set,
    /// 0: for networks that see CK and IK themselves.
    Clear,
}

impl Separation {
    /// The AMF of a subscription with this bit.
    pub(crate) fn of(self, amf: Amf) -> Amf {
        let [high, low] = *amf.octets();
        Amf::from_octets(match self {
            Self::Set => [high | 0x80, low],
            Self::Clear => [high & 0x7f, low],
        })
    }
}

/// Something that is asked of an AuC.
pub trait Service: sealed::Sealed {
    /// The method by which the subscriber must be allowed to authenticate.
    const METHOD: Method;
}

/// A service that takes an SQN and makes a vector out of a quintet.
pub trait Operation: Service {
    /// What it makes.
    type Vector;

    /// The AMF separation bit of its vectors.
    const SEPARATION: Separation;

    /// Makes it, with someone who sees the keys that are derived here.
    fn bind(&self, quintet: Quintet, visitor: &mut impl KeyVisitor) -> Self::Vector;
}

pub(crate) mod sealed {
    /// What an AuC offers is decided here.
    pub trait Sealed {}
}
