//! Batches of up to sixteen messages, each in a lane of its own.
//!
//! A lane whose message has ended goes on unused. Once few are left, they are finished one at a time, which is then
//! faster than all lanes together.

use core::arch::x86_64::{
    __m512i, _mm512_alignr_epi32, _mm512_mask_blend_epi8, _mm512_mask_storeu_epi8, _mm512_maskz_loadu_epi8,
    _mm512_set1_epi8, _mm512_set4_epi32, _mm512_shuffle_epi8, _mm512_xor_si512,
};

use super::lanes::Lanes;
use super::single::{Keystream, sum_from};
use super::windows::Windows;
use crate::simd::features::Avx512;
use crate::simd::rows::avx512::{self, Row, transpose};
use crate::wipe::Wiped;
use crate::zuc::integrity::BLOCK;
use crate::zuc::lane::{CipherLane, IntegrityLane};

/// Messages side by side.
pub(crate) const LANES: usize = avx512::LANES;

/// With so many messages or fewer, one at a time is as fast.
pub(crate) const FEW: usize = 2;

/// Adds the keystream of each lane to its message.
pub(crate) fn cipher(features: Avx512, lanes: &mut [CipherLane<'_, 16>; LANES]) {
    // SAFETY: `features` proves that the processor has the instructions.
    unsafe { cipher_lanes(features, Lanes::zuc128(keys_and_ivs(lanes)), lanes) }
}

/// Adds the keystream of each lane to its message.
pub(crate) fn cipher_256(features: Avx512, lanes: &mut [CipherLane<'_, 32>; LANES]) {
    // SAFETY: `features` proves that the processor has the instructions.
    unsafe { cipher_lanes(features, Lanes::zuc256(keys_and_ivs(lanes)), lanes) }
}

fn keys_and_ivs<'a, const KEY: usize>(
    lanes: &'a [CipherLane<'_, KEY>; LANES],
) -> impl Iterator<Item = (&'a [u8; KEY], [u8; 16])> {
    lanes.iter().map(|lane| (lane.key, lane.iv))
}

/// The sum of 128-EIA3 over whole octets in each lane.
pub(crate) fn integrity(features: Avx512, lanes: &[IntegrityLane<'_>; LANES]) -> [u32; LANES] {
    // SAFETY: `features` proves that the processor has the instructions.
    unsafe { integrity_lanes(features, lanes) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512ifma,gfni,vpclmulqdq")]
fn cipher_lanes<const KEY: usize>(features: Avx512, mut lanes: Lanes, jobs: &mut [CipherLane<'_, KEY>; LANES]) {
    let mut words = Wiped([Row::default(); LANES]);
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
        lanes.advance::<false>(&mut words.0[..longest.div_ceil(4).min(LANES)]);
        transpose(&mut words.0);
        for (job, words) in jobs.iter_mut().zip(&words.0) {
            if let Some(rest) = job.message.get_mut(done..) {
                add(rest, octets_of(words.load()));
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
#[target_feature(enable = "avx512f,avx512bw")]
fn add(message: &mut [u8], keystream: __m512i) {
    let octets = match message.len() {
        length @ 0..BLOCK => (1 << length) - 1,
        _ => u64::MAX,
    };
    // SAFETY: `octets` names no octet beyond the message: only those are read.
    let text = unsafe { _mm512_maskz_loadu_epi8(octets, message.as_ptr().cast()) };
    // SAFETY: as above: only those are written.
    unsafe { _mm512_mask_storeu_epi8(message.as_mut_ptr().cast(), octets, _mm512_xor_si512(text, keystream)) }
}

/// The next block of a message of whole octets. If there is less, then a bit that is 1 stands for the window after the
/// message, and zeros follow.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn block_of(message: &[u8]) -> __m512i {
    let (octets, after) = match message.len() {
        length @ 0..BLOCK => ((1 << length) - 1, 1 << length),
        _ => (u64::MAX, 0),
    };
    // SAFETY: `octets` names no octet beyond the message: only those are read.
    let block = unsafe { _mm512_maskz_loadu_epi8(octets, message.as_ptr().cast()) };
    _mm512_mask_blend_epi8(after, block, _mm512_set1_epi8(0x80_u8.cast_signed()))
}

/// The words with their most significant octets first.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn octets_of(words: __m512i) -> __m512i {
    _mm512_shuffle_epi8(
        words,
        _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203),
    )
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512ifma,gfni,vpclmulqdq")]
fn integrity_lanes(features: Avx512, jobs: &[IntegrityLane<'_>; LANES]) -> [u32; LANES] {
    let mut lanes = Lanes::zuc128(jobs.iter().map(|job| (job.key, job.iv)));
    let mut sums = [0; LANES];
    let mut windows = Wiped([Windows::default(); LANES]);
    let windows = &mut windows.0;
    // The words of the block that is next, and those after them.
    let mut rows = Wiped([[Row::default(); LANES]; 2]);
    let [words, next] = &mut rows.0;
    let (mut words, mut next) = (words, next);
    let mut done = 0;
    // A message takes two words more than it has; what is done is done with them.
    let more = |job: &IntegrityLane<'_>, done: usize| match job.message.len().saturating_sub(done) {
        0 if done > 0 => 0,
        left => left.div_ceil(4) + 2,
    };
    let most = |done: usize| jobs.iter().map(|job| more(job, done)).max().unwrap_or(0);
    lanes.advance::<false>(&mut words[..most(0).min(LANES)]);
    transpose(words);
    while most(done) > 0 {
        if jobs.iter().filter(|job| more(job, done) > 0).count() <= FEW && most(done) > LANES {
            for (i, job) in jobs.iter().enumerate() {
                if more(job, done) > 0 {
                    let rest = &job.message[done..];
                    let (cells, memory) = lanes.lane(i);
                    let mut keystream = Keystream::resume(features, cells, memory);
                    sums[i] = sum_from(&mut keystream, &words[i].0, &mut windows[i], rest, 8 * rest.len());
                }
            }
            return sums;
        }
        lanes.advance::<false>(&mut next[..most(done).saturating_sub(LANES).min(LANES)]);
        transpose(next);
        for (i, job) in jobs.iter().enumerate() {
            if more(job, done) == 0 {
                continue;
            }
            let rest = &job.message[done..];
            let (words, next) = (&words[i], &next[i]);
            windows[i].add(
                block_of(rest),
                words.load(),
                _mm512_alignr_epi32::<2>(next.load(), words.load()),
            );
            let word = |at: usize| if at < LANES { words.0[at] } else { next.0[at - LANES] };
            match rest.len() {
                // The window after the message begins with a word that is beyond the block.
                BLOCK => sums[i] = windows[i].sum() ^ word(LANES) ^ word(LANES + 1),
                length @ 0..BLOCK => sums[i] = windows[i].sum() ^ word(length.div_ceil(4) + 1),
                _ => {}
            }
        }
        core::mem::swap(&mut words, &mut next);
        done += BLOCK;
    }
    sums
}
