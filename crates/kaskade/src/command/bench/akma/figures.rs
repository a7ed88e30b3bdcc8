//! The figures of a measurement, each beside what is asked for and what it cannot be better than.

use std::time::Duration;

use serde_json::{Value, json};

/// What is asked for on one core, per second: keys again, keys first, registrations.
const ASKED: [f64; 3] = [30_000.0, 8_000.0, 10_000.0];
/// Octets of a context on disk at most.
const ASKED_OCTETS: f64 = 400.0;
/// The start of a node takes less: seconds.
const ASKED_START: f64 = 1.0;

/// Over the rows.
pub(super) const HEADING: &str =
    "   contexts what          requests  per CPU-s      asked      per s    us CPU  bound us  times it";

/// What one kind of request took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) requests: u64,
    pub(super) wall: Duration,
    /// Of the server's process.
    pub(super) cpu: Option<Duration>,
}

/// Microseconds of CPU that a request takes of a server with ready answers, and the derivation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) key: f64,
    pub(super) registration: f64,
    pub(super) derivation: f64,
}

/// All of one measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) contexts: u64,
    pub(super) again: Measured,
    pub(super) first: Measured,
    pub(super) registration: Measured,
    /// What filling the store took.
    pub(super) load_seconds: f64,
    /// What the contexts take on disk, in octets.
    pub(super) disk: u64,
    pub(super) start: Duration,
    pub(super) first_key: Duration,
    pub(super) hundredth_key: Duration,
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
impl Measured {
    fn per_second(&self) -> f64 {
        self.requests as f64 / self.wall.as_secs_f64()
    }

    /// `None` where the CPU time is not known, or less than one of its steps.
    pub(super) fn cpu_microseconds(&self) -> Option<f64> {
        let cpu = self.cpu.filter(|cpu| !cpu.is_zero())?;
        Some(cpu.as_secs_f64() * 1e6 / self.requests as f64)
    }
}

/// A row: what, its figures, the parts of its bound, what is asked for.
struct Row {
    name: &'static str,
    key: &'static str,
    measured: Measured,
    ready: f64,
    derivation: f64,
    asked: f64,
}

impl Row {
    fn bound(&self) -> f64 {
        self.ready + self.derivation
    }

    fn line(&self, contexts: u64) -> String {
        let cpu = self.measured.cpu_microseconds().unwrap_or(f64::NAN);
        format!(
            "{contexts:>11} {:<12} {:>9} {:>10.0} {:>10.0} {:>10.0} {cpu:>9.1} {:>9.1} {:>9.2}",
            self.name,
            self.measured.requests,
            1e6 / cpu,
            self.asked,
            self.measured.per_second(),
            self.bound(),
            cpu / self.bound(),
        )
    }

    fn document(&self) -> Value {
        let cpu = self.measured.cpu_microseconds();
        json!({
            "requests": self.measured.requests,
            "per_second": self.measured.per_second(),
            "per_server_cpu_second": cpu.map(|cpu| 1e6 / cpu),
            "server_cpu_microseconds": cpu,
            "bound": {
                "microseconds": self.bound(),
                "ready_answer": self.ready,
                "derivation": self.derivation,
            },
            "times_the_bound": cpu.map(|cpu| cpu / self.bound()),
            "asked_per_server_cpu_second": self.asked,
            "met": cpu.map(|cpu| 1e6 / cpu >= self.asked),
        })
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
impl Figures {
    fn rows(&self, bound: &Bound) -> [Row; 3] {
        let [again, first, registration] = ASKED;
        let key = |name, key, measured, asked| Row {
            name,
            key,
            measured,
            ready: bound.key,
            derivation: bound.derivation,
            asked,
        };
        [
            key("K_AF again", "k_af_again", self.again, again),
            key("K_AF first", "k_af_first", self.first, first),
            Row {
                name: "registration",
                key: "registration",
                measured: self.registration,
                ready: bound.registration,
                derivation: 0.0,
                asked: registration,
            },
        ]
    }

    fn octets(&self) -> f64 {
        self.disk as f64 / self.contexts as f64
    }

    pub(super) fn lines(&self, bound: &Bound) -> Vec<String> {
        let mut lines: Vec<String> = self.rows(bound).iter().map(|row| row.line(self.contexts)).collect();
        lines.push(format!(
            "{:>11} at rest: {:.0} octets on disk each (asked: {ASKED_OCTETS:.0}), start in {:.2} s (asked: {ASKED_START:.0}), K_AF after it \
             in {:.2} ms, the hundredth in {:.2} ms",
            self.contexts,
            self.octets(),
            self.start.as_secs_f64(),
            self.first_key.as_secs_f64() * 1e3,
            self.hundredth_key.as_secs_f64() * 1e3,
        ));
        lines
    }

    pub(super) fn document(&self, bound: &Bound, audit: bool) -> Value {
        let mut document = json!({
            "contexts": self.contexts,
            "audit": audit,
            "tls": false,
            "durable": true,
            "budgets": "off",
            "load_seconds": self.load_seconds,
            "disk_octets": self.disk,
            "disk_octets_per_context": self.octets(),
            "asked_disk_octets_per_context": ASKED_OCTETS,
            "start_seconds": self.start.as_secs_f64(),
            "asked_start_seconds": ASKED_START,
            "first_k_af_microseconds": self.first_key.as_secs_f64() * 1e6,
            "hundredth_k_af_microseconds": self.hundredth_key.as_secs_f64() * 1e6,
        });
        for row in self.rows(bound) {
            if let Some(members) = document.as_object_mut() {
                members.insert(row.key.to_owned(), row.document());
            }
        }
        document
    }
}
