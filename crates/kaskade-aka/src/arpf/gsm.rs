//! Triplets: no SQN, no AMF, and no proof of who asks.

use kaskade_crypto::Rand;
use kaskade_crypto::gsm::{SresFunction, Triplet};

use crate::algorithm::GsmKeys;
use crate::arpf::operation::{Method, Service, sealed};
use crate::arpf::permit::Permit;
use crate::auc::{self, Credentials};

/// A triplet for a 2G network (TS 33.102 6.8.1.2, TS 43.020).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GsmTriplet;

impl sealed::Sealed for GsmTriplet {}

impl Service for GsmTriplet {
    const METHOD: Method = Method::GsmAka;
}

impl Permit<GsmTriplet> {
    /// The triplet of a USIM that roams in a 2G network: c2 and c3 of its vector. A GSM-only card with MILENAGE may have
    /// [`SresFunction::Truncated`] (TS 55.205); a USIM has not.
    pub fn of_usim(&self, credentials: &Credentials, rand: &Rand, sres: SresFunction) -> Triplet {
        auc::triplet(credentials, rand, sres)
    }

    /// The triplet of a GSM-only card with COMP128.
    pub fn of_sim(&self, keys: &GsmKeys, rand: &Rand) -> Triplet {
        keys.triplet(rand)
    }
}
