//! How a card begins, and what it must not forget.

use alloc::vec;
use alloc::vec::Vec;

use kaskade_aka::algorithm::AlgorithmKeys;
use kaskade_aka::sqn::Seq;
use kaskade_aka::usim::{Usim, UsimOptions, UsimStateError};
use kaskade_crypto::Sqn;
use kaskade_keys::Supi;

/// What a card has accepted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History<'a> {
    /// Nothing: all of SEQ_MS is 0 (TS 33.102 Annex C.2.2).
    New,
    /// The array SEQ_MS(0..a−1), as [`CardState::seq_ms`] has it.
    Kept(&'a [Seq]),
    /// Everything up to this SQN, with whatever IND: a home network whose SQN lies below must resynchronise.
    UpTo(Sqn),
}

/// A card with these secrets and this history.
///
/// # Errors
/// [`UsimStateError`] when a kept array does not fit the layout of `options`.
pub fn usim(keys: &AlgorithmKeys, options: UsimOptions, history: History<'_>) -> Result<Usim, UsimStateError> {
    match history {
        History::New => Ok(Usim::new(keys, options)),
        History::Kept(seq_ms) => Usim::restore(keys, options, seq_ms),
        History::UpTo(sqn_ms) => {
            let (seq, ind) = options.layout.split(sqn_ms);
            // One less for every other IND, so that SQN_MS is this very number.
            let mut seq_ms = vec![Seq(seq.0.saturating_sub(1)); options.layout.array_size()];
            if let Some(entry) = seq_ms.get_mut(usize::from(ind.0)) {
                *entry = seq;
            }
            Usim::restore(keys, options, &seq_ms)
        }
    }
}

/// What a card must not forget when it loses power: a card that goes back accepts a challenge twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardState {
    /// Whose card it is.
    pub supi: Supi,
    /// SEQ_MS(0..a−1), the highest SEQ accepted for each IND.
    pub seq_ms: Vec<Seq>,
}
