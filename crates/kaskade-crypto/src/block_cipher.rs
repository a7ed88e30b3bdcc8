//! AES-128 with a key schedule that is wiped without the cost of octet-wise stores.

use core::mem::ManuallyDrop;

use aes::cipher::{BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, KeyInit, consts::U16};
use aes::{Aes128Enc, Block};
use zeroize::optimization_barrier;

/// The encryption key schedule of AES-128, wiped on drop.
#[derive(Clone)]
pub(crate) struct Aes128(
    /// Never dropped: the cipher's own drop overwrites, octet by octet, the place of its largest software schedule,
    /// which takes longer than the five blocks of MILENAGE. The drop below overwrites the schedule that is in use.
    ManuallyDrop<Aes128Enc>,
);

impl Aes128 {
    /// Computes the key schedule.
    #[inline(always)]
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self(ManuallyDrop::new(Aes128Enc::new(key.into())))
    }

    /// Runs work of several blocks inside the back end that fits the processor: one choice and one call for all of them.
    #[inline(always)]
    pub(crate) fn run(&self, work: impl BlockCipherEncClosure<BlockSize = U16>) {
        self.0.encrypt_with_backend(work);
    }
}

/// Encrypts one block by a back end.
#[inline(always)]
pub(crate) fn encrypt<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, block: [u8; 16]) -> [u8; 16] {
    let mut block = Block::from(block);
    backend.encrypt_block_inplace(&mut block);
    block.into()
}

impl Drop for Aes128 {
    #[inline(always)]
    fn drop(&mut self) {
        // The schedule of the zero key, by the same back end, covers every octet of the old one.
        self.0 = ManuallyDrop::new(Aes128Enc::new(&[0; 16].into()));
        optimization_barrier(self);
    }
}

impl zeroize::ZeroizeOnDrop for Aes128 {}
