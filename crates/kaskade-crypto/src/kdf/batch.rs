//! Derivations from many keys at once: up to sixteen HMACs side by side.
//!
//! Where the processor has AVX-512 (F and BW), every SHA-256 compression is one of all lanes together. Where it has not,
//! the lanes take turns, for about the time of one derivation after the other. Where [`fewest`] says so, take
//! [`HmacKey`](super::HmacKey) for each instead.
//!
//! ```
//! use kaskade_crypto::kdf::batch::HmacKeys;
//! use kaskade_crypto::kdf::{Fc, HmacKey};
//!
//! let (ck, ik) = ([[1; 16], [2; 16]], [[3; 16], [4; 16]]);
//! let names = ["5G:mnc001.mcc001.3gppnetwork.org", "5G:NSWO"];
//! let keys = HmacKeys::from_two(ck.iter().zip(&ik).map(|(ck, ik)| (&ck[..], &ik[..])));
//! let outputs = keys.derive(Fc::new(0x6a), names, |name, s| {
//!     s.push(name.as_bytes()).push(&[0; 6]);
//! });
//! let second = HmacKey::from_two(&ck[1], &ik[1]).kdf(Fc::new(0x6a)).parameter(b"5G:NSWO").parameter(&[0; 6]).finish();
//! assert_eq!(outputs.of_lanes(), [outputs.of_lanes()[0].clone(), second]);
//! ```

use zeroize::optimization_barrier;

use super::sha256::{BLOCK, LENGTH_AT, compress, initial_state};
use super::{Fc, KdfOutput, outer_hash, put_key};
use crate::cipher::{BackEnd, BackEndNotAvailable};
#[cfg(x86_back_ends)]
use crate::simd::sha256::avx512 as sha256_lanes;
use crate::wipe::{Wiped, wipe};

/// The most keys that go side by side.
pub const LANES: usize = 16;

/// From how many keys on the sixteen lanes take less time than one key after the other on the SHA instructions; `None`
/// on a processor without AVX-512 F and BW, where they never do.
#[inline]
pub fn fewest() -> Option<usize> {
    #[cfg(x86_back_ends)]
    return sha256_lanes::States::are_available().then_some(8);
    #[cfg(not(x86_back_ends))]
    None
}

/// How many octets can wait for the last two compressions: 0x80 and the length come behind them.
const MOST_PENDING: usize = BLOCK + LENGTH_AT - 1;

/// Up to sixteen HMAC-SHA-256 keys with their pads absorbed, wiped on drop: [`HmacKey`](super::HmacKey) for many.
#[derive(Clone)]
pub struct HmacKeys {
    inner: States,
    outer: States,
    used: usize,
}

impl HmacKeys {
    /// Takes the key `a` ‖ `b` (CK ‖ IK) of each lane; more than 64 octets are hashed first. Of more than sixteen keys
    /// the first sixteen are taken.
    #[inline]
    pub fn from_two<'k>(keys: impl IntoIterator<Item = (&'k [u8], &'k [u8])>) -> Self {
        Self::new(States::initial(), keys)
    }

    /// [`HmacKeys::from_two`] with a back end of the caller's choice, for tests and measurements.
    ///
    /// # Errors
    ///
    /// When the processor has not the instructions of the back end. There is none on AVX2.
    pub fn with_back_end<'k>(
        back_end: BackEnd,
        keys: impl IntoIterator<Item = (&'k [u8], &'k [u8])>,
    ) -> Result<Self, BackEndNotAvailable> {
        let initial = match back_end {
            BackEnd::Portable => States::in_turns(),
            BackEnd::Avx2 => return Err(BackEndNotAvailable(back_end)),
            BackEnd::Avx512 => States::side_by_side().ok_or(BackEndNotAvailable(back_end))?,
        };
        Ok(Self::new(initial, keys))
    }

    /// Works in the place where the keys will be: what is moved leaves a copy behind.
    #[inline(always)]
    fn new<'k>(initial: States, keys: impl IntoIterator<Item = (&'k [u8], &'k [u8])>) -> Self {
        let mut blocks = Blocks::new();
        let mut made = Self {
            inner: initial.clone(),
            outer: initial,
            used: 0,
        };
        for ([block], (a, b)) in blocks.0.iter_mut().zip(keys) {
            put_key(block, a, b);
            made.used += 1;
        }
        made.inner.absorb_pads(&mut made.outer, &blocks, made.used);
        made
    }

    /// How many keys there are.
    #[inline]
    pub fn used(&self) -> usize {
        self.used
    }

    /// One derivation from each key: S starts with `fc`, and `parameters` adds to it what it makes of the lane's input.
    ///
    /// Gives as many outputs as there are keys and inputs. S may have another length in each lane: one of at most 119
    /// octets stays with the others, the head of a longer one is compressed alone.
    #[inline]
    pub fn derive<I>(
        &self,
        fc: Fc,
        inputs: impl IntoIterator<Item = I>,
        mut parameters: impl FnMut(I, &mut LaneInput<'_>),
    ) -> KdfOutputs {
        let mut pending = Blocks::new();
        let mut inner = self.inner.clone();
        let (mut used, mut two_blocks, mut too_long) = (0, 0_u16, 0_u16);
        for (blocks, input) in pending.0.iter_mut().take(self.used).zip(inputs) {
            let mut s = LaneInput {
                blocks,
                filled: 0,
                compressed: BLOCK as u64,
                states: &mut inner,
                lane: used,
                too_long: false,
            };
            s.absorb(fc.octets());
            parameters(input, &mut s);
            two_blocks |= u16::from(s.pad()) << used;
            too_long |= u16::from(s.too_long) << used;
            used += 1;
        }
        inner.compress::<0, 2>(&pending, u16::MAX, used);
        if two_blocks != 0 {
            inner.compress::<1, 2>(&pending, two_blocks, used);
        }
        for lane in (0..used).filter(|lane| too_long >> lane & 1 != 0) {
            // As KdfInput::finish does.
            inner.change_lane(lane, |state| *state = state.map(|word| !word));
        }
        let mut outputs = KdfOutputs {
            of_lanes: [const { KdfOutput([0; 32]) }; LANES],
            used,
        };
        self.outer.outer(&inner, &mut outputs);
        outputs
    }
}

impl zeroize::ZeroizeOnDrop for HmacKeys {}

impl core::fmt::Debug for HmacKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HmacKeys(…)")
    }
}

/// What [`HmacKeys::derive`] gives: the 32 octets of each lane, wiped on drop.
#[derive(Clone)]
pub struct KdfOutputs {
    of_lanes: [KdfOutput; LANES],
    used: usize,
}

impl KdfOutputs {
    /// One output for each key, in order.
    #[inline]
    pub fn of_lanes(&self) -> &[KdfOutput] {
        self.of_lanes.get(..self.used).unwrap_or_default()
    }
}

impl core::fmt::Debug for KdfOutputs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("KdfOutputs(…)")
    }
}

/// `N` blocks of each lane, zero at first and wiped on drop.
#[repr(align(64))]
struct Blocks<const N: usize>([[[u8; BLOCK]; N]; LANES]);

impl<const N: usize> Blocks<N> {
    #[inline(always)]
    const fn new() -> Self {
        Self([[[0; BLOCK]; N]; LANES])
    }

    /// One block of each lane.
    #[inline(always)]
    fn each<const INDEX: usize>(&self) -> [&[u8; BLOCK]; LANES] {
        self.0.each_ref().map(|blocks| &blocks[INDEX])
    }
}

impl<const N: usize> Drop for Blocks<N> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0 = [[[0; BLOCK]; N]; LANES];
        optimization_barrier(self);
    }
}

/// The hash states of all lanes.
#[derive(Clone)]
enum States {
    #[cfg(x86_back_ends)]
    SideBySide(sha256_lanes::States),
    InTurns(Wiped<[u32; 8], LANES>),
}

impl States {
    /// Before the first block, with the fastest back end that the processor has instructions for.
    #[inline(always)]
    fn initial() -> Self {
        Self::side_by_side().unwrap_or_else(Self::in_turns)
    }

    #[inline(always)]
    fn side_by_side() -> Option<Self> {
        #[cfg(x86_back_ends)]
        return sha256_lanes::States::initial().map(Self::SideBySide);
        #[cfg(not(x86_back_ends))]
        None
    }

    #[inline(always)]
    fn in_turns() -> Self {
        Self::InTurns(Wiped([initial_state(); LANES]))
    }

    /// Compresses each key with the inner pad, and with the outer.
    #[inline(always)]
    fn absorb_pads(&mut self, outer: &mut Self, keys: &Blocks<1>, used: usize) {
        #[cfg(x86_back_ends)]
        if let (Self::SideBySide(inner), Self::SideBySide(outer)) = (&mut *self, &mut *outer) {
            return inner.absorb_pads(outer, keys.each::<0>());
        }
        for (states, pad) in [(self, 0x36), (outer, 0x5c)] {
            let mut padded = Blocks::new();
            for ([place], [key]) in padded.0.iter_mut().zip(&keys.0).take(used) {
                *place = key.map(|octet| octet ^ pad);
            }
            states.compress::<0, 1>(&padded, u16::MAX, used);
        }
    }

    /// Compresses block `INDEX` of each lane that is used and has its bit set in `active`.
    #[inline(always)]
    fn compress<const INDEX: usize, const N: usize>(&mut self, blocks: &Blocks<N>, active: u16, used: usize) {
        match self {
            #[cfg(x86_back_ends)]
            Self::SideBySide(states) => states.compress(blocks.each::<INDEX>(), active),
            Self::InTurns(Wiped(states)) => {
                for (lane, (state, block)) in states.iter_mut().zip(blocks.each::<INDEX>()).enumerate().take(used) {
                    if active >> lane & 1 != 0 {
                        compress(state, block);
                    }
                }
            }
        }
    }

    /// The outer hash of each lane: `self` are the states after the outer pad.
    #[inline(always)]
    fn outer(&self, inner: &Self, outputs: &mut KdfOutputs) {
        match (self, inner) {
            #[cfg(x86_back_ends)]
            (Self::SideBySide(outer), Self::SideBySide(inner)) => {
                outer.outer(inner, outputs.of_lanes.each_mut().map(|KdfOutput(octets)| octets));
            }
            _ => {
                for (lane, output) in outputs.of_lanes.iter_mut().enumerate().take(outputs.used) {
                    let states = Wiped([self.lane(lane), inner.lane(lane)]);
                    *output = outer_hash(&states.0[0], &states.0[1]);
                }
            }
        }
    }

    /// The state of one lane.
    fn lane(&self, lane: usize) -> [u32; 8] {
        match self {
            #[cfg(x86_back_ends)]
            Self::SideBySide(states) => states.lane(lane),
            Self::InTurns(Wiped(states)) => states.get(lane).copied().unwrap_or_default(),
        }
    }

    /// Changes the state of one lane.
    #[cold]
    fn change_lane(&mut self, lane: usize, change: impl FnOnce(&mut [u32; 8])) {
        let mut state = self.lane(lane);
        change(&mut state);
        match self {
            #[cfg(x86_back_ends)]
            Self::SideBySide(states) => states.set_lane(lane, &state),
            Self::InTurns(Wiped(states)) => {
                if let Some(place) = states.get_mut(lane) {
                    *place = state;
                }
            }
        }
        wipe(&mut state);
    }
}

/// The S of one lane in the making: each parameter's octets, then their length. [`KdfInput`](super::KdfInput) for many.
pub struct LaneInput<'a> {
    blocks: &'a mut [[u8; BLOCK]; 2],
    /// Octets waiting in `blocks`; at most [`MOST_PENDING`].
    filled: usize,
    /// Octets compressed so far.
    compressed: u64,
    states: &'a mut States,
    lane: usize,
    too_long: bool,
}

impl LaneInput<'_> {
    /// Adds Pi ‖ Li. `octets` may be empty; at most 65535. With more the derivation fails closed, as that of
    /// [`KdfInput::finish`](super::KdfInput::finish) does.
    #[inline(always)]
    pub fn push(&mut self, octets: &[u8]) -> &mut Self {
        self.absorb(octets);
        match u16::try_from(octets.len()) {
            Ok(length) => self.absorb(&length.to_be_bytes()),
            Err(_) => self.too_long = true,
        }
        self
    }

    #[inline(always)]
    fn absorb(&mut self, octets: &[u8]) {
        let place = self.blocks.as_flattened_mut().get_mut(self.filled..MOST_PENDING);
        match place.and_then(|place| place.get_mut(..octets.len())) {
            Some(place) => {
                place.copy_from_slice(octets);
                self.filled += octets.len();
            }
            None => self.absorb_head(octets),
        }
    }

    /// Adds octets of which not all can wait: whole blocks are compressed.
    #[cold]
    fn absorb_head(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while !rest.is_empty() {
            let free = self
                .blocks
                .as_flattened_mut()
                .get_mut(self.filled..)
                .unwrap_or_default();
            let (now, later) = rest.split_at(rest.len().min(free.len()));
            for (place, octet) in free.iter_mut().zip(now) {
                *place = *octet;
            }
            self.filled += now.len();
            rest = later;
            while self.filled >= BLOCK {
                let [first, second] = &mut *self.blocks;
                self.states.change_lane(self.lane, |state| compress(state, first));
                *first = *second;
                *second = [0; BLOCK];
                self.filled -= BLOCK;
                self.compressed += BLOCK as u64;
            }
        }
    }

    /// Pads the message; says whether it takes both blocks.
    #[inline(always)]
    fn pad(&mut self) -> bool {
        let bits = (self.compressed + self.filled as u64) * 8;
        if let Some(place) = self.blocks.as_flattened_mut().get_mut(self.filled) {
            *place = 0x80;
        }
        let two = self.filled >= LENGTH_AT;
        let last = &mut self.blocks[usize::from(two)];
        last[LENGTH_AT..].copy_from_slice(&bits.to_be_bytes());
        two
    }
}

impl core::fmt::Debug for LaneInput<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("LaneInput(…)")
    }
}
