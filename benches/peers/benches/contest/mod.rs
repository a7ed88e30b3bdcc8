//! Times several pieces of work in turns, and compares them round by round.

use std::time::{Duration, Instant};

/// Rounds of one contest.
const ROUNDS: usize = 151;

/// What each contestant should take within a round: long for the clock, short for other programs to disturb.
const SLICE: Duration = Duration::from_micros(100);

/// Work that can be repeated: the argument says how often.
pub(crate) type Work<'a> = Box<dyn FnMut(u32) + 'a>;

/// One of Kaskade's back ends.
pub(crate) struct Ours<'a> {
    pub(crate) name: &'static str,
    pub(crate) work: Work<'a>,
}

/// Somebody else's.
pub(crate) struct Peer<'a> {
    pub(crate) name: &'static str,
    pub(crate) work: Work<'a>,
    /// How many times the peer's speed is asked of the first of ours.
    pub(crate) at_least: Option<f64>,
}

/// How much is done per repetition.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) messages: usize,
    pub(crate) octets: usize,
}

/// The bounds so far.
#[derive(Default)]
pub(crate) struct Bounds {
    held: usize,
    missed: Vec<String>,
}

/// What one contestant took in each round, for one repetition.
struct Times {
    nanoseconds: Vec<f64>,
    cycles: Vec<f64>,
}

impl Bounds {
    /// Runs everybody in turns and prints a line for each. Speeds are compared round by round: a machine that slows down
    /// slows all. A ratio is the peer's time by ours.
    pub(crate) fn contest(&mut self, title: &str, size: Size, ours: Vec<Ours<'_>>, peers: Vec<Peer<'_>>) {
        let (mut names, mut works, mut asked) = (Vec::new(), Vec::new(), Vec::new());
        let our_number = ours.len();
        for Ours { name, work } in ours {
            names.push(name);
            works.push(work);
        }
        for Peer { name, work, at_least } in peers {
            names.push(name);
            works.push(work);
            asked.push(at_least);
        }
        let times = rounds(&mut works);

        let per_message = count(size.messages);
        let per_octet = count(size.messages * size.octets);
        println!(
            "\n{title}, {} octets, {}",
            size.octets,
            match size.messages {
                1 => "one message".to_owned(),
                messages => format!("{messages} messages at once"),
            }
        );
        for (name, times) in names.iter().zip(&times).take(our_number) {
            let nanoseconds = median(times.nanoseconds.clone()) / per_message;
            println!(
                "  {name:<34} {nanoseconds:>9.1} ns {:>9.3} M/s {:>8.2} cycles/octet",
                1e3 / nanoseconds,
                median(times.cycles.clone()) / per_octet,
            );
        }
        for ((name, theirs), at_least) in names.iter().zip(&times).skip(our_number).zip(asked) {
            let ratios: Vec<_> = times[..our_number].iter().map(|ours| ratio(ours, theirs)).collect();
            let shown: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:>7.3}")).collect();
            let verdict = match (at_least, ratios.first()) {
                (Some(at_least), Some(ratio)) if *ratio >= at_least => {
                    self.held += 1;
                    format!("at least {at_least:.2}: ok")
                }
                (Some(at_least), Some(ratio)) => {
                    self.missed.push(format!(
                        "{title}, {} × {} octets, {name}: {ratio:.3}",
                        size.messages, size.octets
                    ));
                    format!("at least {at_least:.2}: MISSED")
                }
                _ => String::new(),
            };
            let nanoseconds = median(theirs.nanoseconds.clone()) / per_message;
            println!(
                "  {name:<34} {nanoseconds:>9.1} ns   ratios {} {verdict}",
                shown.join(" ")
            );
        }
    }

    /// Prints which bounds were missed.
    pub(crate) fn finish(self) {
        println!("\n{} bounds held, {} missed", self.held, self.missed.len());
        self.missed.iter().for_each(|missed| println!("missed: {missed}"));
    }
}

fn rounds(works: &mut [Work<'_>]) -> Vec<Times> {
    let repetitions: Vec<_> = works.iter_mut().map(repetitions_in_a_slice).collect();
    let mut times: Vec<_> = works
        .iter()
        .map(|_| Times {
            nanoseconds: Vec::new(),
            cycles: Vec::new(),
        })
        .collect();
    for round in 0..ROUNDS {
        // Whoever comes after another finds its caches and clock rate, so each comes after each.
        for turn in 0..works.len() {
            let at = if round % 2 == 0 {
                round + turn
            } else {
                round + works.len() - turn
            } % works.len();
            let (start, cycles) = (Instant::now(), cycles());
            works[at](repetitions[at]);
            let (cycles, took) = (self::cycles() - cycles, start.elapsed());
            let repetitions = f64::from(repetitions[at]);
            times[at].nanoseconds.push(took.as_secs_f64() * 1e9 / repetitions);
            times[at].cycles.push(cycles as f64 / repetitions);
        }
    }
    times
}

fn repetitions_in_a_slice(work: &mut Work<'_>) -> u32 {
    let mut repetitions = 1;
    loop {
        let start = Instant::now();
        work(repetitions);
        if start.elapsed() >= SLICE || repetitions > 1 << 20 {
            return repetitions;
        }
        repetitions *= 2;
    }
}

/// The processor's time stamp: cycles of its nominal clock.
fn cycles() -> u64 {
    // SAFETY: every processor of x86-64 has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The median over the rounds of the peer's time by ours.
fn ratio(ours: &Times, theirs: &Times) -> f64 {
    let rounds = ours.nanoseconds.iter().zip(&theirs.nanoseconds);
    median(rounds.map(|(ours, theirs)| theirs / ours).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("a small batch"))
}
