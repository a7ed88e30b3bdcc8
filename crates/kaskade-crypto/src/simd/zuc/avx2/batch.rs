//! Batches of up to eight messages, each in a lane of its own.
//!
//! A lane whose message has ended goes on unused. Once few are left, they are finished one at a time, which is then
//! faster than all lanes together.

use core::arch::x86_64::{
    _mm256_loadu_si256, _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_storeu_si256, _mm256_xor_si256,
};

use super::lanes::{Lanes, STRIDE};
use super::single::{Keystream, sum_from};
use super::windows::Windows;
use crate::simd::features::Avx2;
use crate::simd::rows::avx2::{self, Row, transpose};
use crate::wipe::Wiped;
use crate::zuc::integrity::{BLOCK, WORDS, last_block};
use crate::zuc::lane::{CipherLane, IntegrityLane};

/// Messages side by side.
pub(crate) const LANES: usize = avx2::LANES;

/// With so many messages or fewer, one at a time is as fast.
pub(crate) const FEW: usize = 2;

/// Adds the keystream of each lane to its message.
pub(crate) fn cipher(features: Avx2, lanes: &mut [CipherLane<'_, 16>; LANES]) {
    // SAFETY: `features` proves that the processor has the instructions.
    unsafe { cipher_lanes(features, Lanes::zuc128(keys_and_ivs(lanes)), lanes) }
}

/// Adds the keystream of each lane to its message.
pub(crate) fn cipher_256(features: Avx2, lanes: &mut [CipherLane<'_, 32>; LANES]) {
    // SAFETY: `features` proves that the processor has the instructions.
    unsafe { cipher_lanes(features, Lanes::zuc256(keys_and_ivs(lanes)), lanes) }
}

fn keys_and_ivs<'a, const KEY: usize>(
    lanes: &'a [CipherLane<'_, KEY>; LANES],
) -> impl Iterator<Item = (&'a [u8; KEY], [u8; 16])> {
    lanes.iter().map(|lane| (lane.key, lane.iv))
}

/// The sum of 128-EIA3 over whole octets in each lane.
pub(crate) fn integrity(features: Avx2, lanes: &[IntegrityLane<'_>; LANES]) -> [u32; LANES] {
    // SAFETY: `features` proves that the processor has the instructions.
    unsafe { integrity_lanes(features, lanes) }
}

#[target_feature(enable = "avx2,aes,pclmulqdq")]
fn cipher_lanes<const KEY: usize>(features: Avx2, mut lanes: Lanes, jobs: &mut [CipherLane<'_, KEY>; LANES]) {
    let mut words = Wiped([Row::default(); STRIDE]);
    let words = &mut words.0;
    let mut done = 0;
    loop {
        let left = |job: &CipherLane<'_, KEY>| job.message.len().saturating_sub(done);
        let longest = jobs.iter().map(left).max().unwrap_or(0);
        if longest == 0 {
            return;
        }
        if jobs.iter().filter(|job| left(job) > 0).count() <= FEW && longest > BLOCK {
            break;
        }
        lanes.advance::<false>(&mut words[..longest.div_ceil(4).min(STRIDE)]);
        transpose(words);
        for (i, job) in jobs.iter_mut().enumerate() {
            if let Some(rest) = job.message.get_mut(done..) {
                add(rest, [&words[i], &words[LANES + i]]);
            }
        }
        done += BLOCK;
    }
    for (i, job) in jobs.iter_mut().enumerate() {
        if let Some(rest @ [_, ..]) = job.message.get_mut(done..) {
            let (cells, memory) = lanes.lane(i);
            Keystream::resume(features, cells, memory).add_to(rest);
        }
    }
}

/// Adds up to [`BLOCK`] octets of keystream to the first octets of the message.
#[inline]
#[target_feature(enable = "avx2")]
fn add(message: &mut [u8], keystream: [&Row; 2]) {
    if let Some(block) = message.first_chunk_mut() {
        add_block(block, keystream);
    } else {
        let mut block = Wiped([0; BLOCK]);
        let block = &mut block.0;
        block[..message.len()].copy_from_slice(message);
        add_block(block, keystream);
        message.copy_from_slice(&block[..message.len()]);
    }
}

/// Adds the words with their most significant octets first.
#[inline]
#[target_feature(enable = "avx2")]
fn add_block(block: &mut [u8; BLOCK], keystream: [&Row; 2]) {
    #[rustfmt::skip]
    let octets_exchanged = _mm256_setr_epi8(
        3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,
        3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,
    );
    for (octets, words) in block.as_chunks_mut::<{ 4 * LANES }>().0.iter_mut().zip(keystream) {
        let key = _mm256_shuffle_epi8(words.load(), octets_exchanged);
        // SAFETY: 32 octets are there to read.
        let text = unsafe { _mm256_loadu_si256(octets.as_ptr().cast()) };
        // SAFETY: there is room for 32 octets.
        unsafe { _mm256_storeu_si256(octets.as_mut_ptr().cast(), _mm256_xor_si256(text, key)) }
    }
}

#[target_feature(enable = "avx2,aes,pclmulqdq")]
fn integrity_lanes(features: Avx2, jobs: &[IntegrityLane<'_>; LANES]) -> [u32; LANES] {
    let mut lanes = Lanes::zuc128(jobs.iter().map(|job| (job.key, job.iv)));
    let mut sums = [0; LANES];
    let mut windows = [const { Windows::new() }; LANES];
    let mut rows = Wiped([Row::default(); STRIDE]);
    let rows = &mut rows.0;
    // Of each lane the two words that reach over from the block before, and those of the block.
    let mut words = Wiped([[0; WORDS]; LANES]);
    let words = &mut words.0;
    lanes.advance::<false>(&mut rows[..2]);
    for (i, words) in words.iter_mut().enumerate() {
        [words[STRIDE], words[STRIDE + 1]] = [rows[0].0[i], rows[1].0[i]];
    }
    let mut done = 0;
    loop {
        // What follows the last whole block, be it nothing, is a block too.
        let left = |job: &IntegrityLane<'_>| job.message.get(done..).map(<[u8]>::len);
        let Some(longest) = jobs.iter().filter_map(left).max() else {
            return sums;
        };
        for words in &mut *words {
            words.copy_within(STRIDE.., 0);
        }
        if jobs.iter().filter_map(left).count() <= FEW && longest > BLOCK {
            break;
        }
        lanes.advance::<false>(&mut rows[..longest.div_ceil(4).min(STRIDE)]);
        transpose(rows);
        for (i, job) in jobs.iter().enumerate() {
            let Some(rest) = job.message.get(done..) else { continue };
            let (words, windows) = (&mut words[i], &mut windows[i]);
            words[2..2 + LANES].copy_from_slice(&rows[i].0);
            words[2 + LANES..].copy_from_slice(&rows[LANES + i].0);
            if let Some(block) = rest.first_chunk() {
                windows.add(block, words);
            } else {
                let (last, bits) = last_block(rest, 8 * rest.len());
                windows.add(&last, words);
                sums[i] = windows.sum() ^ words[bits.div_ceil(32) + 1];
            }
        }
        done += BLOCK;
    }
    for (i, job) in jobs.iter().enumerate() {
        if let Some(rest) = job.message.get(done..) {
            let (cells, memory) = lanes.lane(i);
            let mut keystream = Keystream::resume(features, cells, memory);
            sums[i] = sum_from(&mut keystream, &words[i][..2], &mut windows[i], rest, 8 * rest.len());
        }
    }
    sums
}
