//! What every cipher and code costs: each algorithm, both back ends, two lengths, alone and in a batch of sixteen.
//!
//! Cycles are those of the time stamp counter, whose rate the kernel reports; a core that boosts or throttles runs at
//! another. Bounds are in the other benchmarks, and other people's libraries in `benches/peers`.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a benchmark fails by panicking, prints what it saw, and casts its own constants"
)]
#![allow(clippy::print_stdout, reason = "the table is the purpose of this program")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use kaskade_crypto::aes::{Nea2, Nia2};
use kaskade_crypto::cipher::{BackEnd, Bearer, CipherJob, Direction, Key128, Key256, Mac32, MacJob, MessageInput};
use kaskade_crypto::nxa256::{
    CipherJob256, Iv256, MacJob256, Nca4, Nca5, Nca6, Nea4, Nea5, Nea6, Nia4, Nia5, Nia6, TagLength,
};
use kaskade_crypto::snow3g::{Nea1, Nia1};
use kaskade_crypto::zuc::{Nea3, Nia3};

/// Messages of a batch.
const BATCH: usize = 16;
/// Rounds whose median counts.
const ROUNDS: usize = 51;

const INPUT: MessageInput = MessageInput {
    count: 0x0102_0304,
    bearer: Bearer::new(5).expect("5 bits"),
    direction: Direction::Downlink,
};

struct Table {
    cycles_per_nanosecond: Option<f64>,
}

impl Table {
    fn new() -> Self {
        println!(
            "{:<10} {:<12} {:>6} {:>6} {:>12} {:>13} {:>14}",
            "algorithm", "back end", "octets", "batch", "ns a message", "cycles/octet", "messages/s"
        );
        Self {
            cycles_per_nanosecond: time_stamp_rate(),
        }
    }

    fn line(&self, name: &str, back_end: BackEnd, octets: usize, batch: usize, work: impl FnMut()) {
        let back_end = back_end.name();
        let nanoseconds = median_nanoseconds(work) / batch as f64;
        let cycles = self.cycles_per_nanosecond.map_or_else(
            || "unknown".to_owned(),
            |rate| format!("{:.2}", nanoseconds * rate / octets as f64),
        );
        println!(
            "{name:<10} {back_end:<12} {octets:>6} {batch:>6} {nanoseconds:>12.1} {cycles:>13} {:>14.0}",
            1e9 / nanoseconds
        );
    }
}

/// The time stamp counter's rate as Linux reports it: half of its `bogomips`, in MHz.
fn time_stamp_rate() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("bogomips"))?;
    let rate: f64 = line.rsplit(':').next()?.trim().parse().ok()?;
    Some(rate / 2000.0)
}

fn median_nanoseconds(mut work: impl FnMut()) -> f64 {
    let mut calls = 1_u32;
    let mut time = |calls: u32| {
        let start = Instant::now();
        (0..calls).for_each(|_| work());
        start.elapsed()
    };
    while time(calls) < Duration::from_micros(200) && calls < 1 << 20 {
        calls *= 2;
    }
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| time(calls).as_secs_f64() * 1e9 / f64::from(calls))
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn back_ends<T, E>(keyed: impl Fn(BackEnd) -> Result<T, E>) -> impl Iterator<Item = (BackEnd, T)> {
    BackEnd::ALL
        .into_iter()
        .rev()
        .filter_map(move |back_end| Some((back_end, keyed(back_end).ok()?)))
}

macro_rules! of_128_bits {
    ($table:ident, $octets:ident: $($Nea:ident, $Nia:ident;)*) => {$(
        for (back_end, cipher) in back_ends(|back_end| $Nea::with_back_end(&Key128::from_octets(&[7; 16]), back_end)) {
            let mut messages = vec![vec![0x55; $octets]; BATCH];
            $table.line(stringify!($Nea), back_end, $octets, 1, || cipher.apply(black_box(&INPUT), &mut messages[0]));
            let mut jobs: Vec<_> = messages
                .iter_mut()
                .map(|message| CipherJob { cipher: &cipher, input: INPUT, message })
                .collect();
            $table.line(stringify!($Nea), back_end, $octets, BATCH, || $Nea::apply_batch(black_box(&mut jobs)));
        }
        for (back_end, code) in back_ends(|back_end| $Nia::with_back_end(&Key128::from_octets(&[7; 16]), back_end)) {
            let message = vec![0x55; $octets];
            $table.line(stringify!($Nia), back_end, $octets, 1, || {
                black_box(code.mac(black_box(&INPUT), &message));
            });
            let mut jobs: Vec<_> = (0..BATCH)
                .map(|_| MacJob { algorithm: &code, input: INPUT, message: &message, mac: Mac32::from_octets([0; 4]) })
                .collect();
            $table.line(stringify!($Nia), back_end, $octets, BATCH, || $Nia::mac_batch(black_box(&mut jobs)));
        }
    )*};
}

macro_rules! of_256_bits {
    ($table:ident, $octets:ident: $($Nea:ident, $Nia:ident, $Nca:ident;)*) => {$(
        let iv = Iv256::from_octets([0, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 0]).expect("a valid IV");
        for (back_end, cipher) in back_ends(|back_end| $Nea::with_back_end(&Key256::from_octets(&[7; 32]), back_end)) {
            let mut messages = vec![vec![0x55; $octets]; BATCH];
            $table.line(stringify!($Nea), back_end, $octets, 1, || cipher.apply(black_box(&iv), &mut messages[0]));
            let mut jobs: Vec<_> = messages
                .iter_mut()
                .map(|message| CipherJob256 { cipher: &cipher, iv, message })
                .collect();
            $table.line(stringify!($Nea), back_end, $octets, BATCH, || $Nea::apply_batch(black_box(&mut jobs)));
        }
        for (back_end, code) in back_ends(|back_end| $Nia::with_back_end(&Key256::from_octets(&[7; 32]), back_end)) {
            let message = vec![0x55; $octets];
            $table.line(stringify!($Nia), back_end, $octets, 1, || {
                black_box(code.mac(black_box(&iv), &message, TagLength::BITS_32));
            });
            let mut jobs: Vec<_> = (0..BATCH)
                .map(|_| MacJob256 { algorithm: &code, iv, message: &message, length: TagLength::BITS_32, tag: None })
                .collect();
            $table.line(stringify!($Nia), back_end, $octets, BATCH, || $Nia::mac_batch(black_box(&mut jobs)));
        }
        for (back_end, both) in back_ends(|back_end| $Nca::with_back_end(&Key256::from_octets(&[7; 32]), back_end)) {
            let mut message = vec![0x55; $octets];
            $table.line(stringify!($Nca), back_end, $octets, 1, || {
                black_box(both.seal(black_box(&iv), &[1; 4], &mut message, TagLength::BITS_32));
            });
        }
    )*};
}

fn main() {
    let table = Table::new();
    for octets in [64, 1500] {
        of_128_bits!(table, octets: Nea1, Nia1; Nea2, Nia2; Nea3, Nia3;);
        of_256_bits!(table, octets: Nea4, Nia4, Nca4; Nea5, Nia5, Nca5; Nea6, Nia6, Nca6;);
    }
}
