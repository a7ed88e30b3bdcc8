//! What ran, how long it took, and how many tests passed.

use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The steps of a run, in their order.
pub(crate) struct Summary {
    steps: Vec<Step>,
    tests: Tests,
    start: Instant,
    /// How many times the budget the run may take.
    patience: f64,
}

struct Step {
    name: String,
    took: Duration,
    /// Seconds on two idle cores, from nothing.
    budget: u64,
    /// What the step says of itself: a count, or why it was skipped.
    note: String,
    passed: bool,
}

/// How many tests ran.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Tests {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Summary {
    /// With nothing run.
    pub(crate) fn start(patience: f64) -> Self {
        Self {
            steps: Vec::new(),
            tests: Tests::default(),
            start: Instant::now(),
            patience,
        }
    }

    /// Runs one step under its heading. `remedy` tells what to do if it fails; the failure is handed on.
    pub(crate) fn step(
        &mut self,
        name: &str,
        budget: u64,
        remedy: &str,
        work: impl FnOnce() -> Result<String>,
    ) -> Result<()> {
        println!("\n=== {name} ===");
        let start = Instant::now();
        let result = work();
        let note = result.as_ref().map_or_else(|_| "FAILED".to_owned(), Clone::clone);
        self.steps.push(Step {
            name: name.to_owned(),
            took: start.elapsed(),
            budget,
            note,
            passed: result.is_ok(),
        });
        result
            .map(drop)
            .map_err(|error| error.context(format!("step \"{name}\" failed. What to do: {remedy}")))
    }

    /// Adds to the number of tests.
    pub(crate) fn count(&mut self, tests: Tests) {
        self.tests += tests;
    }

    /// Whether the whole took no longer than the sum of the budgets.
    pub(crate) fn in_time(&mut self) -> Result<()> {
        let budget = self.steps.iter().map(|step| step.budget).sum::<u64>();
        let (took, patience) = (self.start.elapsed(), self.patience);
        self.step(
            "time",
            0,
            "make a step cheaper; on a slower machine, give --patience",
            || within(took, budget, patience),
        )
    }

    /// Prints the table of steps, what was `not_here` and in how many tests or checks, and the closing line.
    pub(crate) fn print(&self, not_here: &BTreeMap<String, usize>) {
        println!("\n=== summary ===");
        let width = self
            .steps
            .iter()
            .map(|step| step.name.chars().count())
            .max()
            .unwrap_or_default();
        for Step {
            name,
            took,
            budget,
            note,
            ..
        } in &self.steps
        {
            println!("{name:width$}  {:>7.1} s of {budget:>4}  {note}", took.as_secs_f64());
        }
        let budget: u64 = self.steps.iter().map(|step| step.budget).sum();
        println!(
            "{:width$}  {:>7.1} s of {budget:>4}",
            "all",
            self.start.elapsed().as_secs_f64()
        );
        for (what, times) in not_here {
            println!("not here: {what}: {times} tests or checks did without");
        }
        // A step that failed without a failing test counts as one failure, so the closing line cannot look clean.
        let broken = self.steps.iter().any(|step| !step.passed);
        println!(
            "{} passed, {} failed",
            self.tests.passed,
            self.tests.failed.max(u64::from(broken))
        );
    }
}

/// What a run says that took `took` with a budget in seconds, an error if that is too long.
fn within(took: Duration, budget: u64, patience: f64) -> Result<String> {
    let allowed = Duration::from_secs(budget).mul_f64(patience);
    if took > allowed {
        bail!(
            "the run took {} s, and {} s are its budget",
            took.as_secs(),
            allowed.as_secs()
        );
    }
    Ok(format!("{} s of {} s", took.as_secs(), allowed.as_secs()))
}

impl Tests {
    /// The counts in a line of the standard test harness, none in any other line.
    pub(crate) fn in_line(line: &str) -> Tests {
        let Some(result) = line.trim().strip_prefix("test result: ") else {
            return Tests::default();
        };
        let count = |name: &str| {
            let parts = result.split(['.', ';']).map(str::trim);
            parts
                .filter_map(|part| part.strip_suffix(name)?.trim().parse().ok())
                .next()
                .unwrap_or_default()
        };
        Tests {
            passed: count("passed"),
            failed: count("failed"),
            ignored: count("ignored"),
        }
    }
}

impl std::ops::AddAssign for Tests {
    fn add_assign(&mut self, more: Tests) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_from_the_harness_lines() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.88s";
        assert_eq!(
            Tests::in_line(line),
            Tests {
                passed: 12,
                failed: 3,
                ignored: 1
            }
        );
        assert_eq!(Tests::in_line("test passes ... ok"), Tests::default());
    }

    #[test]
    fn a_failed_step_is_named_with_its_remedy() {
        let mut summary = Summary::start(1.0);
        assert!(summary.step("first", 1, "nothing", || Ok("fine".to_owned())).is_ok());
        let error = summary
            .step("second", 1, "mend it", || anyhow::bail!("broken"))
            .expect_err("the step fails");
        assert!(format!("{error:#}").contains("mend it"));
        assert_eq!(
            summary.steps.iter().map(|step| step.passed).collect::<Vec<_>>(),
            [true, false]
        );
    }

    #[test]
    fn a_run_that_takes_too_long_fails() {
        assert!(within(Duration::from_secs(10), 10, 1.0).is_ok());
        assert!(within(Duration::from_secs(11), 10, 1.0).is_err());
        assert!(within(Duration::from_secs(19), 10, 2.0).is_ok());
        let mut summary = Summary::start(1.0);
        assert!(summary.step("slow", 0, "", || Ok(String::new())).is_ok());
        std::thread::sleep(Duration::from_millis(2));
        assert!(summary.in_time().is_err());
        assert!(
            summary.steps.iter().any(|step| !step.passed),
            "so the closing line is not clean"
        );
    }
}
