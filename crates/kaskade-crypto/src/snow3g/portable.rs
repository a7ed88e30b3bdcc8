//! SNOW 3G for any processor, in constant time (TS 35.216 3 and 4).
//!
//! A word takes three steps round the FSM: R1, S1, R2, S2, R3, R1. So three steps are computed together, and S2 of three
//! words, the greater part of the work, costs little more than that of one.

use super::Stages;
use super::sboxes::{mul_div_alpha, s1, s2};
use crate::wipe::Wiped;

/// The generator: LFSR and FSM. Wiped on drop.
pub(super) struct Generator {
    /// The LFSR; the current s0 is at `at`, its followers come after it, around the end.
    stages: Wiped<u32, 16>,
    at: usize,
    /// R1, what it will be in the next step, and R2.
    registers: Wiped<u32, 3>,
}

impl Generator {
    /// Initialises the generator: its next word is z1 (TS 35.216 4.1, 4.2).
    pub(super) fn new(stages: &Stages) -> Self {
        let mut generator = Self {
            stages: stages.clone(),
            at: 0,
            registers: Wiped([0, stages.0[5], 0]),
        };
        // The last of 33 steps is the one without feedback and without output.
        for number in 0..11 {
            for (step, registers) in generator.clock_fsm().0.iter().enumerate() {
                let f = generator.f(registers);
                generator.clock_lfsr(if 3 * number + step < 32 { f } else { 0 });
            }
        }
        generator
    }

    /// The next three words of the keystream.
    pub(super) fn three_words(&mut self) -> Wiped<u32, 3> {
        let registers = self.clock_fsm();
        Wiped(core::array::from_fn(|step| {
            let word = self.f(&registers.0[step]) ^ self.stage(0);
            self.clock_lfsr(0);
            word
        }))
    }

    /// Adds the keystream to a message, octet by octet.
    pub(super) fn apply(&mut self, message: &mut [u8]) {
        for octets in message.chunks_mut(12) {
            let words = self.three_words();
            for (octets, word) in octets.chunks_mut(4).zip(words.0) {
                for (octet, mask) in octets.iter_mut().zip(word.to_be_bytes()) {
                    *octet ^= mask;
                }
            }
        }
    }

    fn stage(&self, number: usize) -> u32 {
        self.stages.0[(self.at + number) % 16]
    }

    /// Three steps of the FSM, which the LFSR must follow; gives R1 and R2 in each (TS 35.216 3.4.6).
    fn clock_fsm(&mut self) -> Wiped<[u32; 2], 3> {
        let [r1, next_r1, r2] = self.registers.0;
        let [second_r2, third_r2] = s1([r1, next_r1]);
        let [a, b, c, _] = s2([r2, second_r2, third_r2, 0]);
        let third_r1 = second_r2.wrapping_add(a ^ self.stage(6));
        let [fourth_r2, _] = s1([third_r1, 0]);
        self.registers.0 = [
            third_r2.wrapping_add(b ^ self.stage(7)),
            fourth_r2.wrapping_add(c ^ self.stage(8)),
            fourth_r2,
        ];
        Wiped([[r1, r2], [next_r1, second_r2], [third_r1, third_r2]])
    }

    /// F (TS 35.216 3.4.6).
    fn f(&self, [r1, r2]: &[u32; 2]) -> u32 {
        self.stage(15).wrapping_add(*r1) ^ r2
    }

    /// One step of the LFSR, with F to add while it initialises and 0 later (TS 35.216 3.4.4, 3.4.5).
    fn clock_lfsr(&mut self, f: u32) {
        let (s0, s11) = (self.stage(0), self.stage(11));
        let (mul, div) = mul_div_alpha(s0 >> 24, s11 & 0xff);
        self.stages.0[self.at] = s0 << 8 ^ mul ^ self.stage(2) ^ s11 >> 8 ^ div ^ f;
        self.at = (self.at + 1) % 16;
    }
}
