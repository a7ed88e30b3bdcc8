//! Times two pieces of work in turns and prints a table.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Rounds of one row.
const ROUNDS: usize = 301;

/// What one piece of work should take within a round: long for the clock, short for other programs to disturb.
const SLICE: Duration = Duration::from_micros(200);

/// The table of figures and bounds.
pub(crate) struct Table {
    missed: usize,
}

impl Table {
    /// Prints the heading.
    pub(crate) fn new() -> Self {
        println!(
            "{:<42} {:>10}  {:<38} {:>10} {:>7} {:>7}",
            "figure", "ns", "bound", "ns", "ratio", "at most"
        );
        Self { missed: 0 }
    }

    /// Measures `work` against `bound`, each of which does `per_call` things per call.
    pub(crate) fn row<W, B>(
        &mut self,
        figure: &str,
        against: &str,
        at_most: f64,
        per_call: usize,
        mut work: impl FnMut() -> W,
        mut bound: impl FnMut() -> B,
    ) {
        let (work_calls, bound_calls) = (calls_in_a_slice(&mut work), calls_in_a_slice(&mut bound));
        let (mut works, mut bounds, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // Whoever comes second may find the caches or the clock rate changed, so they take turns at it.
            let (of_work, of_bound) = if round % 2 == 0 {
                let of_work = nanoseconds(work_calls, &mut work);
                (of_work, nanoseconds(bound_calls, &mut bound))
            } else {
                let of_bound = nanoseconds(bound_calls, &mut bound);
                (nanoseconds(work_calls, &mut work), of_bound)
            };
            works.push(of_work);
            bounds.push(of_bound);
            ratios.push(of_work / of_bound);
        }
        let scale = f64::from(u32::try_from(per_call).expect("a small batch"));
        let ratio = median(ratios);
        let ok = ratio <= at_most;
        self.missed += usize::from(!ok);
        println!(
            "{figure:<42} {:>10.1}  {against:<38} {:>10.1} {ratio:>7.3} {at_most:>7.2} {}",
            median(works) / scale,
            median(bounds) / scale,
            if ok { "ok" } else { "MISSED" }
        );
    }

    /// Says how many bounds were missed.
    pub(crate) fn finish(self) {
        match self.missed {
            0 => println!("every bound holds"),
            missed => println!("{missed} bounds missed"),
        }
    }
}

/// Nanoseconds of one call.
fn nanoseconds<T>(calls: u32, work: &mut impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(work());
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

/// How many calls take about as long as [`SLICE`].
fn calls_in_a_slice<T>(work: &mut impl FnMut() -> T) -> u32 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(work());
        }
        if start.elapsed() >= SLICE || calls > 1 << 20 {
            return calls;
        }
        calls *= 2;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
