//! The USIM: is this challenge from my home network, and is it fresh? (TS 33.102 6.3.3, Annex C.2)
//!
//! ```text
//! AK = f5(RAND), SQN = AUTN[0..5] ⊕ AK, XMAC = f1(SQN ‖ RAND ‖ AMF)
//! XMAC ≠ MAC-A                                  → MAC failure, nothing else is looked at
//! SEQ − SEQ_MS > Δ, or SEQ_MS − SEQ ≥ L,
//! or SEQ ≤ SEQ_MS(IND)                          → synchronisation failure with AUTS of SQN_MS
//! otherwise                                     → SEQ_MS(IND) := SEQ; RES, CK, IK
//! ```
//!
//! SEQ_MS(0..a−1) is the array of the highest SEQ accepted for each IND; SQN_MS is the highest SEQ anywhere in the array
//! with its IND, and SEQ_MS without an index is its SEQ.

use alloc::vec;
use alloc::vec::Vec;

use kaskade_crypto::algorithm_set::AlgorithmSet;
use kaskade_crypto::gsm::{SresFunction, Triplet};
use kaskade_crypto::{Ak, Autn, Auts, Ck, Ik, Rand, Res, Sqn};

use crate::algorithm::{AlgorithmKeys, Functions};
use crate::sqn::{Ind, Seq, SqnLayout};
use crate::visit::{KeyVisitor, VisitKeys, XresAsRes};
use kaskade_faults::fault;

/// How a card was made, besides its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsimOptions {
    /// How SQN is split, and with it the size of the array.
    pub layout: SqnLayout,
    /// Δ: by how much SEQ may exceed SEQ_MS. 2^28 in all profiles of TS 33.102 Annex C.3; `None` for no limit (C.2.1).
    pub delta: Option<u64>,
    /// L: by how much SEQ may lie below SEQ_MS; optional (TS 33.102 Annex C.2.2).
    pub l_limit: Option<u64>,
}

impl UsimOptions {
    /// Δ of TS 33.102 Annex C.3: 2^28.
    pub const DELTA: u64 = 1 << 28;
}

/// 5 bits of IND, Δ = 2^28, no limit L.
impl Default for UsimOptions {
    fn default() -> Self {
        Self {
            layout: SqnLayout::ANNEX_C3,
            delta: Some(Self::DELTA),
            l_limit: None,
        }
    }
}

/// One USIM with its array of sequence numbers.
#[derive(Debug)]
pub struct Usim {
    functions: Functions,
    options: UsimOptions,
    seq_ms: Vec<Seq>,
}

/// What an accepted challenge gives (TS 33.102 6.3.3).
///
/// A card gives RES, CK and IK; the other two are for the person who looks at an emulated one.
#[derive(Clone, Debug)]
pub struct UsimAnswer {
    /// RES, f2.
    pub res: Res,
    /// CK, f3.
    pub ck: Ck,
    /// IK, f4.
    pub ik: Ik,
    /// AK, f5.
    pub ak: Ak,
    /// The SQN that was accepted.
    pub sqn: Sqn,
}

/// Why a USIM refuses a challenge. Its array is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsimError {
    /// MAC-A is not the one that this K gives: the challenge is not from the home network, or was changed.
    #[error("USIM: the MAC-A of AUTN is wrong")]
    MacFailure,
    /// The challenge is authentic, but its SQN is not in the correct range: here is AUTS.
    #[error("USIM: the SQN of AUTN is not in the correct range")]
    SynchronisationFailure(Auts),
}

/// Why an array of sequence numbers was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsimStateError {
    /// Not as many entries as IND has values.
    #[error("USIM state: {actual} sequence numbers, expected {expected}")]
    Entries {
        /// The size of the array.
        expected: usize,
        /// What was given.
        actual: usize,
    },
    /// An entry has too many bits.
    #[error("USIM state: the sequence number of IND {ind} is {actual}, but at most {max}")]
    Seq {
        /// The index of the entry.
        ind: usize,
        /// The largest SEQ of the layout.
        max: u64,
        /// What was given.
        actual: u64,
    },
}

impl Usim {
    /// A new card: all of SEQ_MS is 0, so that the first SEQ accepted is 1 or more (TS 33.102 Annex C.2.2).
    pub fn new(keys: &AlgorithmKeys, options: UsimOptions) -> Self {
        Self {
            functions: keys.functions(),
            seq_ms: vec![Seq(0); options.layout.array_size()],
            options,
        }
    }

    /// A card that was used before: `seq_ms` as [`Usim::seq_ms`] gave it.
    ///
    /// # Errors
    /// [`UsimStateError`] when the number of entries or one of them does not fit the layout.
    pub fn restore(keys: &AlgorithmKeys, options: UsimOptions, seq_ms: &[Seq]) -> Result<Self, UsimStateError> {
        let (expected, max) = (options.layout.array_size(), options.layout.max_seq());
        if seq_ms.len() != expected {
            return Err(UsimStateError::Entries {
                expected,
                actual: seq_ms.len(),
            });
        }
        if let Some((ind, seq)) = seq_ms.iter().enumerate().find(|(_, seq)| **seq > max) {
            return Err(UsimStateError::Seq {
                ind,
                max: max.0,
                actual: seq.0,
            });
        }
        Ok(Self {
            functions: keys.functions(),
            seq_ms: seq_ms.into(),
            options,
        })
    }

    /// How the card was made.
    pub fn options(&self) -> &UsimOptions {
        &self.options
    }

    /// SEQ_MS(0..a−1): what must survive when the card loses power.
    pub fn seq_ms(&self) -> &[Seq] {
        &self.seq_ms
    }

    /// SQN_MS: the highest SEQ accepted, with its IND (TS 33.102 6.3.3, Annex C.2.2).
    pub fn sqn_ms(&self) -> Sqn {
        let inds = (0..=u8::MAX).map(Ind);
        // The first of equal entries: an AUTS then does not depend on the order of acceptance.
        let (seq, ind) =
            self.seq_ms.iter().zip(inds).fold(
                (Seq(0), Ind(0)),
                |highest, (&seq, ind)| {
                    if seq > highest.0 { (seq, ind) } else { highest }
                },
            );
        self.options
            .layout
            .join(seq, ind)
            .expect("the entries fit the layout since restore() or split()")
    }

    /// Answers a challenge (TS 33.102 6.3.3). MAC-A is compared first and in constant time.
    ///
    /// On success SEQ_MS(IND) has the new SEQ.
    ///
    /// # Errors
    /// [`UsimError`]; nothing has changed then.
    pub fn authenticate(&mut self, rand: &Rand, autn: &Autn) -> Result<UsimAnswer, UsimError> {
        let (res, ck, ik, ak) = self.functions.f2345(rand);
        let sqn = Sqn::from_xor_ak(autn.sqn_xor_ak(), &ak);
        if self.functions.f1(rand, sqn, autn.amf()) != autn.mac_a() && !fault!("mac-a-not-compared") {
            return Err(UsimError::MacFailure);
        }
        let (seq, ind) = self.options.layout.split(sqn);
        let (highest, _) = self.options.layout.split(self.sqn_ms());
        match self.seq_ms.get_mut(usize::from(ind.0)) {
            Some(seq_ms) if self.options.in_range(seq, highest) && (seq > *seq_ms || fault!("replay-accepted")) => {
                *seq_ms = seq;
            }
            _ => {
                let auts = self.functions.auts(rand, self.sqn_ms());
                return Err(UsimError::SynchronisationFailure(auts));
            }
        }
        Ok(UsimAnswer { res, ck, ik, ak, sqn })
    }

    /// Answers a challenge of a 2G network, which has no AUTN: SRES and Kc (TS 33.102 6.8.1.2, TS 31.102 7.1.2).
    ///
    /// Says nothing of whether the challenge is authentic or fresh, and changes nothing.
    pub fn authenticate_gsm(&self, rand: &Rand) -> Triplet {
        let (res, ck, ik, _) = self.functions.f2345(rand);
        Triplet::from_vector(rand, &res, &ck, &ik, SresFunction::Folded)
    }
}

impl UsimOptions {
    /// Whether a SEQ is neither too far above the highest nor too far below it (TS 33.102 Annex C.2.1, C.2.2).
    fn in_range(&self, seq: Seq, highest: Seq) -> bool {
        if seq > highest {
            self.delta.is_none_or(|delta| seq.0 - highest.0 <= delta)
        } else {
            self.l_limit.is_none_or(|l| highest.0 - seq.0 < l)
        }
    }
}

/// RES, CK, IK, CK ‖ IK and AK.
impl VisitKeys for UsimAnswer {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&XresAsRes(&self.res));
        visitor.ck_ik(&self.ck, &self.ik);
        visitor.key(&self.ak);
    }
}
