//! What a check is, and its verdict.

use std::hint::black_box;

use crate::valgrind;

/// Nothing, or what leaks.
pub(crate) type Verdict = Result<(), String>;

/// The verdicts of a run.
#[derive(Default)]
pub(crate) struct Checks {
    held: usize,
    failed: Vec<String>,
}

impl Checks {
    /// A check of the product.
    pub(crate) fn holds(&mut self, name: &str, check: impl FnOnce() -> Verdict) {
        eprintln!("--- {name}");
        self.enter(name, check());
    }

    /// A check of the checks: what is checked leaks, and that must be seen.
    pub(crate) fn leaks(&mut self, name: &str, check: impl FnOnce() -> Verdict) {
        eprintln!("--- control: {name} (what is reported here is meant to be)");
        let verdict = check()
            .err()
            .ok_or_else(|| "leaks on purpose, and nobody saw it".to_owned());
        self.enter(&format!("control: {name}"), verdict.map(drop));
    }

    fn enter(&mut self, name: &str, verdict: Verdict) {
        match verdict {
            Ok(()) => {
                println!("held    {name}");
                self.held += 1;
            }
            Err(why) => {
                println!("FAILED  {name}: {why}");
                self.failed.push(name.to_owned());
            }
        }
    }

    /// Prints the sum; whether every check held.
    pub(crate) fn finish(self) -> bool {
        println!("constant time: {} checks held, {} failed", self.held, self.failed.len());
        self.failed.iter().for_each(|name| println!("failed: {name}"));
        self.failed.is_empty()
    }
}

/// A secret of fixed length: any octets, marked.
pub(crate) fn secret<const N: usize>(number: u8) -> [u8; N] {
    let mut octets = [number; N];
    for (octet, index) in octets.iter_mut().zip(0_u8..=255) {
        *octet ^= index.wrapping_mul(37);
    }
    hidden(octets)
}

/// A secret of any length.
pub(crate) fn secret_vec(length: usize) -> Vec<u8> {
    let mut octets = black_box(vec![0x5a; length]);
    valgrind::hide(&mut octets);
    octets
}

/// The octets, marked as secret.
pub(crate) fn hidden<const N: usize>(octets: [u8; N]) -> [u8; N] {
    let mut octets = black_box(octets);
    valgrind::hide(&mut octets);
    octets
}

/// `octets` with `difference` added.
pub(crate) fn xor<const N: usize>(mut octets: [u8; N], difference: &[u8; N]) -> [u8; N] {
    for (octet, difference) in octets.iter_mut().zip(difference) {
        *octet ^= difference;
    }
    octets
}

/// Nothing in `work` may branch on a secret, or address memory by one. It gives what it made of the secrets, which must
/// depend on them: otherwise something else was looked at.
pub(crate) fn constant_time<O: AsRef<[u8]>>(work: impl FnOnce() -> O) -> Verdict {
    constant_time_but_for(0, work)
}

/// The same, but for so many branches on what comes out of secrets and is public itself.
pub(crate) fn constant_time_but_for<O: AsRef<[u8]>>(public: u64, work: impl FnOnce() -> O) -> Verdict {
    let before = valgrind::errors();
    let output = black_box(work());
    let found = valgrind::errors() - before;
    if found > public {
        return Err(format!(
            "{found} branches or addresses depend on a secret, {public} are known"
        ));
    }
    if !valgrind::is_secret(output.as_ref()) {
        return Err("the output does not depend on the secrets, so nothing was checked".to_owned());
    }
    Ok(())
}

/// A comparison that ends in acceptance or refusal. The outcome is public, so one branch may depend on it; where the
/// octets differ must not show. `compare` is asked with equal octets, and with octets that differ at the first, at a middle
/// and at the last place: the argument is to be added to one side.
pub(crate) fn decision<const N: usize>(compare: impl Fn(&[u8; N]) -> bool) -> Verdict {
    decision_but_for(1, compare)
}

/// The same, with so many branches on what is public, the outcome among it.
pub(crate) fn decision_but_for<const N: usize>(public: u64, compare: impl Fn(&[u8; N]) -> bool) -> Verdict {
    let at = |place: usize| {
        let mut difference = [0; N];
        difference[place] = 0x80;
        difference
    };
    let cases = [([0; N], true), (at(0), false), (at(N / 2), false), (at(N - 1), false)];
    let mut branches = [0; 4];
    for ((difference, expected), branches) in cases.into_iter().zip(&mut branches) {
        let difference = hidden(difference);
        let before = valgrind::errors();
        let mut outcome = [u8::from(black_box(compare(&difference)))];
        *branches = valgrind::errors() - before;
        // It may come out of a comparison that took no branch.
        valgrind::reveal(&mut outcome);
        if outcome[0] != u8::from(expected) {
            return Err(format!("a wrong outcome, where {expected} is right"));
        }
    }
    if branches[0] > public || branches.iter().any(|more| *more != branches[0]) {
        return Err(format!(
            "branches when equal, and when the first, a middle, the last octet differs: {branches:?}, {public} are known"
        ));
    }
    Ok(())
}
