//! Lines of the log that a peer can cause at will: limited by kind, and counted when they are left out.
//!
//! Whoever sends a million wrong requests must not fill the disk with a million lines, and the operator must still learn how
//! many there were. [`log_limit!`](crate::log_limit!) writes the first [`BURST`] lines of a kind in a period of [`PERIOD`]; the
//! first line of a later period carries `left_out`, and [`report`] says it when no such line comes.
//!
//! ```
//! use kaskade_net::log_limit;
//!
//! let peer = "192.0.2.7";
//! // The level, the fields as `tracing` takes them, and the text: a kind of its own at each place in the source.
//! log_limit!(warn, "refused: too many connections", %peer);
//! log_limit!(info, "the node is full");
//! ```

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Lines of one kind that are written in each period.
pub const BURST: u64 = 10;

/// After this long the count begins again.
pub const PERIOD: Duration = Duration::from_secs(10);

/// Kinds that have ever left something out.
static KINDS: Mutex<Vec<&'static LineLimit>> = Mutex::new(Vec::new());

/// The limit of one kind of line.
#[derive(Debug)]
pub struct LineLimit {
    text: &'static str,
    /// Of the current period.
    state: Mutex<State>,
    /// Left out and not yet said.
    left_out: AtomicU64,
    /// Of all time, written or not.
    seen: AtomicU64,
    known: AtomicBool,
}

#[derive(Debug)]
struct State {
    begun: Option<Instant>,
    written: u64,
}

impl LineLimit {
    /// For the kind of line with this text.
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            state: Mutex::new(State {
                begun: None,
                written: 0,
            }),
            left_out: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            known: AtomicBool::new(false),
        }
    }

    /// Whether a line may be written now. `Some(Some(n))` when `n` were left out before it.
    pub fn admit(&'static self) -> Option<Option<u64>> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&'static self, now: Instant) -> Option<Option<u64>> {
        self.seen.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let over = state
            .begun
            .is_none_or(|begun| now.saturating_duration_since(begun) >= PERIOD);
        if over {
            state.begun = Some(now);
            state.written = 0;
        }
        if state.written < BURST {
            state.written += 1;
            let before = self.left_out.swap(0, Ordering::Relaxed);
            return Some((before > 0).then_some(before));
        }
        drop(state);
        self.left_out.fetch_add(1, Ordering::Relaxed);
        if !self.known.swap(true, Ordering::Relaxed) {
            let mut kinds = KINDS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            kinds.push(self);
        }
        None
    }

    /// How many lines of this kind there would have been.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}

/// Says what was left out and not said yet, one line for each kind. A node does that once in each period, and at its end.
pub fn report() {
    let kinds = KINDS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    for kind in kinds {
        let left_out = kind.left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            tracing::warn!(left_out, line = kind.text, "repeated lines were left out");
        }
    }
}

/// Writes a line of the log, unless there were too many of this kind: see [`log_limit`](mod@crate::log_limit).
#[macro_export]
macro_rules! log_limit {
    ($level:ident, $text:literal $(, $($fields:tt)+)?) => {{
        static LIMIT: $crate::log_limit::LineLimit = $crate::log_limit::LineLimit::new($text);
        if let Some(left_out) = LIMIT.admit() {
            ::tracing::$level!($($($fields)+,)? left_out, $text);
        }
    }};
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_kind_of_line_is_limited_and_counted() {
        static KIND: LineLimit = LineLimit::new("a kind");
        static OTHER: LineLimit = LineLimit::new("another kind");
        let begin = Instant::now();
        for _ in 0..BURST {
            assert_eq!(KIND.admit_at(begin), Some(None));
        }
        for _ in 0..1000 {
            assert_eq!(KIND.admit_at(begin + PERIOD / 2), None);
        }
        assert_eq!(OTHER.admit_at(begin), Some(None), "another kind has a limit of its own");
        assert_eq!(KIND.admit_at(begin + PERIOD), Some(Some(1000)));
        assert_eq!(KIND.admit_at(begin + PERIOD), Some(None));
        assert_eq!(KIND.seen(), BURST + 1002);
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_left_out_is_said() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            for peer in 0..500 {
                log_limit!(warn, "somebody knocks", peer, door = %"front");
            }
            report();
            report();
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let knocks = text.matches("somebody knocks peer=").count();
        assert_eq!(knocks as u64, BURST, "{text}");
        assert!(text.contains("peer=0 door=front"), "{text}");
        let said = text
            .lines()
            .filter(|line| line.contains("left_out=490") && line.contains("somebody knocks"));
        assert_eq!(said.count(), 1, "{text}");
    }
}
