//! Work of several blocks, and whatever cipher does it.

/// A keyed block cipher of 16 octets. Blocks are numbers whose first octet is the lowest.
pub(crate) trait BlockCipher {
    /// Encrypts one block and adds a mask to what comes out.
    fn encrypt_and_add(&self, block: u128, mask: u128) -> u128;
}

/// A key schedule, of whichever back end.
pub(crate) trait Keyed {
    /// Runs work of several blocks: one choice of back end and one call for all of them.
    fn run(&self, work: impl Work);
}

/// Work of several blocks, which is compiled once for each back end, with the instructions of that back end.
pub(crate) trait Work {
    /// Does it. Implementations are `inline(always)`.
    fn run(self, cipher: &impl BlockCipher);
}
