//! What ran, how long it took, and how many tests passed.

use anyhow::Result;
use std::time::{Duration, Instant};

/// The steps of a run, in their order.
#[derive(Default)]
pub(crate) struct Summary {
    steps: Vec<Step>,
    tests: Tests,
}

struct Step {
    name: String,
    took: Duration,
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
    /// Runs one step under its heading. `remedy` tells what to do if it fails; the failure is handed on.
    pub(crate) fn step(&mut self, name: &str, remedy: &str, work: impl FnOnce() -> Result<String>) -> Result<()> {
        println!("\n=== {name} ===");
        let start = Instant::now();
        let result = work();
        let note = result.as_ref().map_or_else(|_| "FAILED".to_owned(), Clone::clone);
        self.steps.push(Step {
            name: name.to_owned(),
            took: start.elapsed(),
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

    /// Prints the table of steps and the closing line.
    pub(crate) fn print(&self) {
        println!("\n=== summary ===");
        let width = self
            .steps
            .iter()
            .map(|step| step.name.chars().count())
            .max()
            .unwrap_or_default();
        for Step { name, took, note, .. } in &self.steps {
            println!("{name:width$}  {:>7.1} s  {note}", took.as_secs_f64());
        }
        let took: Duration = self.steps.iter().map(|step| step.took).sum();
        println!("{:width$}  {:>7.1} s", "all", took.as_secs_f64());
        // A step that failed without a failing test counts as one failure, so the closing line cannot look clean.
        let broken = self.steps.iter().any(|step| !step.passed);
        println!(
            "{} passed, {} failed",
            self.tests.passed,
            self.tests.failed.max(u64::from(broken))
        );
    }
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
        let mut summary = Summary::default();
        assert!(summary.step("first", "nothing", || Ok("fine".to_owned())).is_ok());
        let error = summary
            .step("second", "mend it", || anyhow::bail!("broken"))
            .expect_err("the step fails");
        assert!(format!("{error:#}").contains("mend it"));
        assert_eq!(
            summary.steps.iter().map(|step| step.passed).collect::<Vec<_>>(),
            [true, false]
        );
    }
}
