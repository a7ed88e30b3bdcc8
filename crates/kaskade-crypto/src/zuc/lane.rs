//! What goes into one lane of a batch.

use super::{Nea3, Nia3, cipher_iv, integrity_iv};
use crate::cipher::{CipherJob, MacJob};

/// A message to cipher in place, by ZUC-128 with a key of 16 octets or ZUC-256 with one of 32.
pub(crate) struct CipherLane<'a, const KEY: usize> {
    pub(crate) key: &'a [u8; KEY],
    pub(crate) iv: [u8; 16],
    pub(crate) message: &'a mut [u8],
}

/// A message to take the sum of 128-EIA3 over.
pub(crate) struct IntegrityLane<'a> {
    pub(crate) key: &'a [u8; 16],
    pub(crate) iv: [u8; 16],
    pub(crate) message: &'a [u8],
}

impl<const KEY: usize> CipherLane<'_, KEY> {
    /// A lane that does nothing.
    #[inline]
    pub(crate) fn unused() -> Self {
        Self {
            key: &[0; KEY],
            iv: [0; 16],
            message: &mut [],
        }
    }
}

impl<'a> CipherLane<'a, 16> {
    #[inline]
    pub(super) fn of(job: Option<&'a mut CipherJob<'_, Nea3>>) -> Self {
        job.map_or_else(Self::unused, |job| Self {
            key: job.cipher.key.secret_octets(),
            iv: cipher_iv(&job.input),
            message: &mut *job.message,
        })
    }
}

impl<'a> IntegrityLane<'a> {
    #[inline]
    pub(super) fn of(job: Option<&MacJob<'a, Nia3>>) -> Self {
        job.map_or(
            Self {
                key: &[0; 16],
                iv: [0; 16],
                message: &[],
            },
            |job| Self {
                key: job.algorithm.key.secret_octets(),
                iv: integrity_iv(&job.input),
                message: job.message,
            },
        )
    }
}
