//! SNOW 3G for any processor, in constant time (TS 35.216 3 and 4).

use super::Stages;
use super::sboxes::{mul_div_alpha, s1_s2};
use crate::wipe::Wiped;

/// The generator: LFSR and FSM. Wiped on drop.
pub(super) struct Generator {
    /// The LFSR; the current s0 is at `at`, its followers come after it, around the end.
    stages: Wiped<u32, 16>,
    at: usize,
    /// R1, R2, R3.
    registers: Wiped<u32, 3>,
}

impl Generator {
    /// Initialises the generator: its next word is z1 (TS 35.216 4.1, 4.2).
    pub(super) fn new(stages: &Stages) -> Self {
        let mut generator = Self {
            stages: stages.clone(),
            at: 0,
            registers: Wiped([0; 3]),
        };
        for _ in 0..32 {
            let f = generator.clock_fsm();
            generator.clock_lfsr(f);
        }
        generator.next_word();
        generator
    }

    /// The next word of the keystream.
    pub(super) fn next_word(&mut self) -> u32 {
        let word = self.clock_fsm() ^ self.stage(0);
        self.clock_lfsr(0);
        word
    }

    /// Adds the keystream to a message, octet by octet.
    pub(super) fn apply(&mut self, message: &mut [u8]) {
        for octets in message.chunks_mut(4) {
            for (octet, mask) in octets.iter_mut().zip(self.next_word().to_be_bytes()) {
                *octet ^= mask;
            }
        }
    }

    fn stage(&self, number: usize) -> u32 {
        self.stages.0[(self.at + number) % 16]
    }

    /// One step of the FSM; gives F (TS 35.216 3.4.6).
    fn clock_fsm(&mut self) -> u32 {
        let [r1, r2, r3] = self.registers.0;
        let (s1, s2) = s1_s2(r1, r2);
        self.registers.0 = [r2.wrapping_add(r3 ^ self.stage(5)), s1, s2];
        self.stage(15).wrapping_add(r1) ^ r2
    }

    /// One step of the LFSR, with F to add while it initialises and 0 later (TS 35.216 3.4.4, 3.4.5).
    fn clock_lfsr(&mut self, f: u32) {
        let (s0, s11) = (self.stage(0), self.stage(11));
        let (mul, div) = mul_div_alpha(s0 >> 24, s11 & 0xff);
        self.stages.0[self.at] = s0 << 8 ^ mul ^ self.stage(2) ^ s11 >> 8 ^ div ^ f;
        self.at = (self.at + 1) % 16;
    }
}
