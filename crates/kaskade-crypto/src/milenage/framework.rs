//! The MILENAGE framework itself (TS 35.206 4.1), run inside one back end of AES.
//!
//! A block is a number here whose first octet is the lowest, which costs nothing on the usual processors.

use super::constants::{Constants, OperatorConstants, Standard};
use crate::block_cipher::{BlockCipher, Keyed, Work};
use crate::types::{Amf, Opc, Rand, Sqn};
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
pub(super) fn outputs<const WANTED: u8, const N: usize>(
    cipher: &impl Keyed,
    opc: &Opc,
    constants: &OperatorConstants,
    rand: &Rand,
    in1: u128,
) -> Wiped<[u8; 16], N> {
    const { assert!(WANTED.count_ones() as usize == N) };
    let mut outputs = Wiped([[0; 16]; N]);
    let Wiped(places) = &mut outputs;
    let (opc, rand) = (opc.secret_octets(), rand.octets());
    if constants.are_standard() {
        cipher.run(Outputs::<_, WANTED, N> {
            opc,
            constants: &Standard,
            rand,
            in1,
            places,
        });
    } else {
        cipher.run(Outputs::<_, WANTED, N> {
            opc,
            constants,
            rand,
            in1,
            places,
        });
    }
    outputs
}

/// E_K(x) ⊕ x: how OP becomes OPc.
pub(super) fn encrypt_and_add(cipher: &impl Keyed, x: &[u8; 16]) -> Wiped<[u8; 16], 1> {
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

impl<C: Constants, const WANTED: u8, const N: usize> Work for Outputs<'_, C, WANTED, N> {
    #[inline(always)]
    fn run(self, cipher: &impl BlockCipher) {
        let opc = number(self.opc);
        let temp = cipher.encrypt_and_add(number(self.rand) ^ opc, 0);
        let inputs = [
            temp ^ self.constants.rotate_and_add::<0>(self.in1 ^ opc),
            self.constants.rotate_and_add::<1>(temp ^ opc),
            self.constants.rotate_and_add::<2>(temp ^ opc),
            self.constants.rotate_and_add::<3>(temp ^ opc),
            self.constants.rotate_and_add::<4>(temp ^ opc),
        ];
        let wanted = inputs.iter().enumerate().filter(|(index, _)| WANTED & 1 << index != 0);
        for (place, (_, input)) in self.places.iter_mut().zip(wanted) {
            *place = cipher.encrypt_and_add(*input, opc).to_le_bytes();
        }
    }
}

struct EncryptAndAdd<'a> {
    x: &'a [u8; 16],
    place: &'a mut [u8; 16],
}

impl Work for EncryptAndAdd<'_> {
    #[inline(always)]
    fn run(self, cipher: &impl BlockCipher) {
        let x = number(self.x);
        *self.place = cipher.encrypt_and_add(x, x).to_le_bytes();
    }
}

#[inline(always)]
fn number(octets: &[u8; 16]) -> u128 {
    u128::from_le_bytes(*octets)
}
