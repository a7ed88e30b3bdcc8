//! AES-128: the fastest back end of the processor, and a key schedule that is wiped.

pub(crate) mod work;

use core::mem::ManuallyDrop;

use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16,
};
use aes::{Aes128Enc, Block};
use ctr::cipher::{InnerIvInit, StreamCipher};
use zeroize::optimization_barrier;

use crate::cipher::engine::Engine;
use crate::cipher::{BackEnd, BackEndNotAvailable};
#[cfg(x86_back_ends)]
use crate::simd::aes::ni::AesNi;

pub(crate) use work::{BlockCipher, Keyed, Work};

/// The encryption key schedule of AES-128, wiped on drop.
#[derive(Clone)]
pub(crate) enum Aes128 {
    #[cfg(x86_back_ends)]
    Instructions(AesNi),
    Portable(Portable),
}

impl Aes128 {
    /// Computes the key schedule.
    #[inline(always)]
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        #[cfg(x86_back_ends)]
        if let Some(cipher) = AesNi::aes_128(key) {
            return Self::Instructions(cipher);
        }
        Self::Portable(Portable::new(key))
    }

    /// Computes the key schedule within the value that `make` makes of it: [`new`](Self::new) has it copied there.
    #[inline(always)]
    pub(crate) fn within<T>(key: &[u8; 16], make: impl FnOnce(Self) -> T) -> T {
        #[cfg(x86_back_ends)]
        return AesNi::aes_128_within(
            key,
            #[inline(always)]
            |cipher| match cipher {
                Some(cipher) => make(Self::Instructions(cipher)),
                None => make(Self::Portable(Portable::new(key))),
            },
        );
        #[cfg(not(x86_back_ends))]
        make(Self::Portable(Portable::new(key)))
    }

    /// Computes the key schedule for one back end, and gives the engine that goes with it.
    pub(crate) fn with_back_end(key: &[u8; 16], back_end: BackEnd) -> Result<(Self, Engine), BackEndNotAvailable> {
        let (cipher, engine) = match back_end {
            BackEnd::Portable => (Self::Portable(Portable::new(key)), Engine::Portable),
            // AES alone needs no AVX2.
            BackEnd::Avx2 => (Self::new(key), Engine::of(back_end).unwrap_or(Engine::Portable)),
            BackEnd::Avx512 => (Self::new(key), Engine::of(back_end)?),
        };
        if cipher.back_end(engine) == back_end {
            Ok((cipher, engine))
        } else {
            Err(BackEndNotAvailable(back_end))
        }
    }

    /// Which back end this key schedule and an engine are.
    pub(crate) fn back_end(&self, engine: Engine) -> BackEnd {
        match (self, engine.back_end()) {
            #[cfg(x86_back_ends)]
            (Self::Instructions(_), BackEnd::Avx512) => BackEnd::Avx512,
            #[cfg(x86_back_ends)]
            (Self::Instructions(_), _) => BackEnd::Avx2,
            (Self::Portable(_), _) => BackEnd::Portable,
        }
    }
}

impl Keyed for Aes128 {
    #[inline(always)]
    fn run(&self, work: impl Work) {
        match self {
            #[cfg(x86_back_ends)]
            Self::Instructions(cipher) => cipher.run(work),
            Self::Portable(cipher) => cipher.run(work),
        }
    }
}

impl zeroize::ZeroizeOnDrop for Aes128 {}

/// The `aes` crate, which has its own choice: instructions of other processors, or constant-time software.
#[derive(Clone)]
pub(crate) struct Portable(
    /// Never dropped: the cipher's own drop overwrites octet by octet, which takes longer than MILENAGE. The drop below
    /// overwrites by words.
    ManuallyDrop<Aes128Enc>,
);

impl Portable {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self(ManuallyDrop::new(Aes128Enc::new(key.into())))
    }

    /// Adds the keystream of counter mode, whose counter is the low 64 bits.
    pub(crate) fn apply_ctr(&self, first_counter_block: &[u8; 16], message: &mut [u8]) {
        let core = ctr::CtrCore::inner_iv_init(&*self.0, first_counter_block.into());
        Ctr64::from_core(core).apply_keystream(message);
    }
}

/// Counter mode over a key schedule that is kept elsewhere.
type Ctr64<'k> = ctr::Ctr64BE<&'k Aes128Enc>;

impl Keyed for Portable {
    #[inline(always)]
    fn run(&self, work: impl Work) {
        self.0.encrypt_with_backend(Adapter(work));
    }
}

impl Drop for Portable {
    fn drop(&mut self) {
        // The schedule of the zero key, by the same back end, covers every octet of the old one.
        self.0 = ManuallyDrop::new(Aes128Enc::new(&[0; 16].into()));
        optimization_barrier(self);
    }
}

struct Adapter<T>(T);

impl<T> BlockSizeUser for Adapter<T> {
    type BlockSize = U16;
}

impl<W: Work> BlockCipherEncClosure for Adapter<W> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        self.0.run(&Backend(backend));
    }
}

struct Backend<'b, B>(&'b B);

impl<B: BlockCipherEncBackend<BlockSize = U16>> BlockCipher for Backend<'_, B> {
    #[inline(always)]
    fn encrypt_and_add(&self, block: u128, mask: u128) -> u128 {
        let mut block = Block::from(block.to_le_bytes());
        self.0.encrypt_block_inplace(&mut block);
        u128::from_le_bytes(block.into()) ^ mask
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Chain<'a>(&'a mut [u128; 3]);

    impl Work for Chain<'_> {
        #[inline(always)]
        fn run(self, cipher: &impl BlockCipher) {
            let mut block = 0;
            for place in self.0 {
                block = cipher.encrypt_and_add(block, *place);
                *place = block;
            }
        }
    }

    fn chain(cipher: &impl Keyed, mut blocks: [u128; 3]) -> [u128; 3] {
        cipher.run(Chain(&mut blocks));
        blocks
    }

    fn other(key: &[u8; 16], blocks: [u128; 3]) -> [u128; 3] {
        let cipher = Aes128Enc::new(key.into());
        let mut last = 0_u128;
        blocks.map(|block| {
            let mut octets = Block::from(last.to_le_bytes());
            cipher.encrypt_block(&mut octets);
            last = u128::from_le_bytes(octets.into()) ^ block;
            last
        })
    }

    proptest! {
        #[test]
        fn the_back_ends_agree(keys: [[u8; 16]; 8], blocks: [u128; 3]) {
            for key in &keys {
                prop_assert_eq!(chain(&Aes128::new(key), blocks), other(key, blocks));
                prop_assert_eq!(chain(&Portable::new(key), blocks), other(key, blocks));
            }
            #[cfg(x86_back_ends)]
            if let Some(mut group) = crate::simd::aes::ni::Group::new() {
                for keys in [keys, [keys[3]; 8]] {
                    for (cipher, key) in group.expand(keys.each_ref()).iter().zip(&keys) {
                        prop_assert_eq!(chain(cipher, blocks), other(key, blocks));
                    }
                }
            }
        }
    }

    /// FIPS 197 Appendix C.1.
    #[test]
    fn the_known_answer_of_aes_128() {
        let key = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100_u128.to_le_bytes();
        let plain = 0xffee_ddcc_bbaa_9988_7766_5544_3322_1100_u128;
        let expected = 0x5ac5_b470_80b7_cdd8_3004_7b6a_d8e0_c469_u128;
        // The first link of the chain encrypts zero, the second what the mask makes of it.
        let zero_encrypted = chain(&Portable::new(&key), [0; 3])[0];
        for blocks in [
            chain(&Aes128::new(&key), [zero_encrypted ^ plain, 0, 0]),
            chain(&Portable::new(&key), [zero_encrypted ^ plain, 0, 0]),
        ] {
            assert_eq!(blocks[1], expected);
        }
    }

    #[test]
    fn the_instructions_are_taken_where_there_are_some() {
        #[cfg(x86_back_ends)]
        assert_eq!(
            matches!(Aes128::new(&[0; 16]), Aes128::Instructions(_)),
            crate::simd::features::AesInstructions::detect().is_some()
        );
    }
}
