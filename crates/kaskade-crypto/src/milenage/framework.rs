//! The MILENAGE framework itself (TS 35.206 4.1), run inside one back end of AES.
//!
//! A block is a number here whose first octet is the lowest, which costs nothing on the usual processors.

use aes::cipher::{BlockCipherEncBackend, BlockCipherEncClosure, BlockSizeUser, consts::U16};

use super::constants::Constants;
use crate::block_cipher::{Aes128, encrypt};
use crate::types::{Amf, Rand, Sqn};
use crate::wipe::Wiped;

/// OUT1, of f1 and f1*.
pub(super) const OUT1: u8 = 1 << 0;
/// OUT2, of f2 and f5.
pub(super) const OUT2: u8 = 1 << 1;
/// OUT3, of f3.
pub(super) const OUT3: u8 = 1 << 2;
/// OUT4, of f4.
pub(super) const OUT4: u8 = 1 << 3;
/// OUT5, of f5*.
pub(super) const OUT5: u8 = 1 << 4;

/// IN1 where OUT1 is not asked for.
pub(super) const NO_IN1: u128 = 0;

/// IN1 = SQN ‖ AMF ‖ SQN ‖ AMF.
#[inline(always)]
pub(super) fn in1(sqn: Sqn, amf: Amf) -> u128 {
    let half = u128::from((sqn.value() << 16 | u64::from(u16::from_be_bytes(*amf.octets()))).swap_bytes());
    half << 64 | half
}

/// TEMP, and from it the `N` outputs whose bits are set in `WANTED`, in order.
#[inline(always)]
pub(super) fn outputs<C: Constants, const WANTED: u8, const N: usize>(
    cipher: &Aes128,
    opc: &[u8; 16],
    constants: &C,
    rand: &Rand,
    in1: u128,
) -> Wiped<[u8; 16], N> {
    const { assert!(WANTED.count_ones() as usize == N) };
    let mut outputs = Wiped([[0; 16]; N]);
    let Wiped(places) = &mut outputs;
    cipher.run(Outputs::<C, WANTED, N> { opc, constants, rand: rand.octets(), in1, places });
    outputs
}

/// E_K(x) ⊕ x: how OP becomes OPc.
pub(super) fn encrypt_and_add(cipher: &Aes128, x: &[u8; 16]) -> Wiped<[u8; 16], 1> {
    let mut outputs = Wiped([[0; 16]]);
    let Wiped([place]) = &mut outputs;
    cipher.run(EncryptAndAdd { x, place });
    outputs
}

struct Outputs<'a, C, const WANTED: u8, const N: usize> {
    opc: &'a [u8; 16],
    constants: &'a C,
    rand: &'a [u8; 16],
    in1: u128,
    places: &'a mut [[u8; 16]; N],
}

impl<C, const WANTED: u8, const N: usize> BlockSizeUser for Outputs<'_, C, WANTED, N> {
    type BlockSize = U16;
}

impl<C: Constants, const WANTED: u8, const N: usize> BlockCipherEncClosure for Outputs<'_, C, WANTED, N> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let opc = number(self.opc);
        let temp = number(&encrypt(backend, (number(self.rand) ^ opc).to_le_bytes()));
        let inputs = [
            temp ^ self.constants.rotate_and_add::<0>(self.in1 ^ opc),
            self.constants.rotate_and_add::<1>(temp ^ opc),
            self.constants.rotate_and_add::<2>(temp ^ opc),
            self.constants.rotate_and_add::<3>(temp ^ opc),
            self.constants.rotate_and_add::<4>(temp ^ opc),
        ];
        let wanted = inputs.iter().enumerate().filter(|(index, _)| WANTED & 1 << index != 0);
        for (place, (_, input)) in self.places.iter_mut().zip(wanted) {
            *place = (number(&encrypt(backend, input.to_le_bytes())) ^ opc).to_le_bytes();
        }
    }
}

struct EncryptAndAdd<'a> {
    x: &'a [u8; 16],
    place: &'a mut [u8; 16],
}

impl BlockSizeUser for EncryptAndAdd<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for EncryptAndAdd<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        *self.place = (number(&encrypt(backend, *self.x)) ^ number(self.x)).to_le_bytes();
    }
}

#[inline(always)]
fn number(octets: &[u8; 16]) -> u128 {
    u128::from_le_bytes(*octets)
}
