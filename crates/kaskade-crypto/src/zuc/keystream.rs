//! The keystream generator of ZUC on any processor: ZUC-128 (TS 35.222), and ZUC-256 as TS 35.246 has it.

use super::sbox::substitute;
use super::words::Words;
use crate::wipe::Wiped;

/// The constants between key and IV of ZUC-128, of 15 bits each (TS 35.222 3.5).
pub(crate) const D_128: [u32; 16] = [
    0x44d7, 0x26bc, 0x626b, 0x135e, 0x5789, 0x35e2, 0x7135, 0x09af, 0x4d78, 0x2f13, 0x6bc4, 0x1af1, 0x5e26, 0x3c4d,
    0x789a, 0x47ac,
];

/// The constants after the first octet of a cell of ZUC-256, of 7 bits each (TS 35.246).
const D_256: [u8; 16] = [
    0x64, 0x43, 0x7b, 0x2a, 0x11, 0x05, 0x51, 0x42, 0x1a, 0x31, 0x18, 0x66, 0x14, 0x2e, 0x01, 0x5c,
];

/// Rounds without output after ZUC-128 is loaded.
pub(crate) const ROUNDS_128: usize = 32;

/// Rounds without output after ZUC-256 is loaded.
pub(crate) const ROUNDS_256: usize = 48;

/// The cells of the shift register of ZUC-128 at first. They are of 31 bits and never 0.
#[inline]
pub(crate) fn load_128(key: &[u8; 16], iv: &[u8; 16]) -> [u32; 16] {
    core::array::from_fn(|i| u32::from(key[i]) << 23 | D_128[i] << 8 | u32::from(iv[i]))
}

/// The cells of the shift register of ZUC-256 at first. They are of 31 bits and never 0.
#[inline]
pub(crate) fn load_256(key: &[u8; 32], iv: &[u8; 16]) -> [u32; 16] {
    core::array::from_fn(|i| {
        let [x, y] = match i {
            0..=6 => [key[16 + i], key[24 + i]],
            7..=14 => [iv[i - 7], iv[i + 1]],
            _ => [key[23], key[31]],
        };
        u32::from(key[i]) << 23 | u32::from(D_256[i]) << 16 | u32::from(x) << 8 | u32::from(y)
    })
}

/// Steps that are done on a copy of the register that is long enough not to be shifted.
const STRIDE: usize = 16;

/// A keystream under way: constant time. Wiped on drop.
#[derive(Clone)]
pub(crate) struct Keystream {
    /// The shift register (TS 35.222 3.2), s0 first.
    cells: Wiped<u32, 16>,
    /// R1 and R2 of the nonlinear function (TS 35.222 3.4).
    memory: Wiped<u32, 2>,
}

impl Keystream {
    /// ZUC-128 (TS 35.222 3.6).
    pub(crate) fn zuc128(key: &[u8; 16], iv: &[u8; 16]) -> Self {
        Self::new(load_128(key, iv), ROUNDS_128)
    }

    /// ZUC-256 with an IV of 128 bits and 48 rounds before the first word (TS 35.246).
    pub(crate) fn zuc256(key: &[u8; 32], iv: &[u8; 16]) -> Self {
        Self::new(load_256(key, iv), ROUNDS_256)
    }

    fn new(cells: [u32; 16], rounds: usize) -> Self {
        let mut this = Self {
            cells: Wiped(cells),
            memory: Wiped([0; 2]),
        };
        for _ in 0..rounds / STRIDE {
            this.run::<STRIDE>(|step| step.word >> 1, |_, _| {});
        }
        this.run::<1>(|_| 0, |_, _| {});
        this
    }

    /// The next word.
    fn next_word(&mut self) -> u32 {
        let mut next = 0;
        self.run::<1>(|_| 0, |_, word| next = word);
        next
    }

    /// Adds the next words, most significant octet first, to `octets`. What a last word has beyond them is lost.
    pub(crate) fn add_to(&mut self, octets: &mut [u8]) {
        let add = |octets: &mut [u8; 4], word: u32| *octets = (u32::from_be_bytes(*octets) ^ word).to_be_bytes();
        let (words, rest) = octets.as_chunks_mut::<4>();
        let (strides, words) = words.as_chunks_mut::<STRIDE>();
        for stride in strides {
            self.run::<STRIDE>(|_| 0, |i, word| add(&mut stride[i], word));
        }
        for octets in words {
            add(octets, self.next_word());
        }
        if !rest.is_empty() {
            for (octet, key) in rest.iter_mut().zip(self.next_word().to_be_bytes()) {
                *octet ^= key;
            }
        }
    }

    /// `STEPS` steps, at most [`STRIDE`]: each feeds back to the register what `feedback` says, and gives a word.
    #[inline(always)]
    fn run<const STEPS: usize>(&mut self, feedback: impl Fn(Step) -> u32, mut output: impl FnMut(usize, u32)) {
        let mut cells = Wiped([0; 16 + STRIDE]);
        let cells = &mut cells.0;
        cells[..16].copy_from_slice(&self.cells.0);
        for i in 0..STEPS {
            let Some(window) = cells[i..].first_chunk() else { break };
            let step = self.step(window);
            output(i, step.word ^ step.mask);
            cells[16 + i] = next_cell(window, feedback(step));
        }
        self.cells.0.copy_from_slice(&cells[STEPS..STEPS + 16]);
    }

    /// The nonlinear function (TS 35.222 3.4).
    #[inline(always)]
    fn step(&mut self, s: &[u32; 16]) -> Step {
        let [x0, x1, x2, x3] = reorganise(s);
        let [r1, r2] = self.memory.0;
        let (w1, w2) = (r1.wrapping_add(x1), r2 ^ x2);
        let u = l1(w1 << 16 | w2 >> 16);
        let v = l2(w2 << 16 | w1 >> 16);
        let both = substitute(u64::from(u) << 32 | u64::from(v)).to_be_bytes();
        let [a, b, c, d, e, f, g, h] = both;
        self.memory.0 = [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])];
        Step {
            word: (x0 ^ r1).wrapping_add(r2),
            mask: x3,
        }
    }
}

impl Words for Keystream {
    fn fill(&mut self, words: &mut [u32]) {
        let (strides, rest) = words.as_chunks_mut::<STRIDE>();
        for stride in strides {
            self.run::<STRIDE>(|_| 0, |i, word| stride[i] = word);
        }
        for word in rest {
            *word = self.next_word();
        }
    }
}

/// What one step computes beside its change of state.
#[derive(Clone, Copy)]
struct Step {
    /// W, the output of the nonlinear function.
    word: u32,
    /// X3, which makes W a word of the keystream.
    mask: u32,
}

#[inline(always)]
const fn l1(x: u32) -> u32 {
    x ^ x.rotate_left(2) ^ x.rotate_left(10) ^ x.rotate_left(18) ^ x.rotate_left(24)
}

#[inline(always)]
const fn l2(x: u32) -> u32 {
    x ^ x.rotate_left(8) ^ x.rotate_left(14) ^ x.rotate_left(22) ^ x.rotate_left(30)
}

/// The bit reorganisation (TS 35.222 3.3): X0 to X3.
#[inline(always)]
pub(crate) const fn reorganise(s: &[u32; 16]) -> [u32; 4] {
    [
        (s[15] & 0x7fff_8000) << 1 | s[14] & 0xffff,
        s[11] << 16 | s[9] >> 15,
        s[7] << 16 | s[5] >> 15,
        s[2] << 16 | s[0] >> 15,
    ]
}

/// The cell after these sixteen (TS 35.222 3.2): a sum modulo 2^31 - 1 that is written as 1 to 2^31 - 1.
///
/// The sum is below 2^54 and not 0, as no cell is 0. Its bits above the 31st count as much as those 31 places lower;
/// adding them there keeps it from being 0, and after two times it fits.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "31 bits are left")]
pub(crate) fn next_cell(s: &[u32; 16], feedback: u32) -> u32 {
    const MODULUS: u64 = 0x7fff_ffff;
    let cell = |i: usize| u64::from(s[i]);
    let mut sum = (cell(15) << 15) + (cell(13) << 17) + (cell(10) << 21) + (cell(4) << 20) + (cell(0) << 8) + cell(0);
    sum += u64::from(feedback);
    sum = (sum & MODULUS) + (sum >> 31);
    sum = (sum & MODULUS) + (sum >> 31);
    sum as u32
}
