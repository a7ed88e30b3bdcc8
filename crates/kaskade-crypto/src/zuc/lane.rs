//! What goes into one lane of a batch.

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

impl IntegrityLane<'_> {
    /// A lane that does nothing.
    #[inline]
    pub(super) fn unused() -> Self {
        Self {
            key: &[0; 16],
            iv: [0; 16],
            message: &[],
        }
    }
}
