//! Deliberate faults: switches in the code that break one promise each, so that its test can be seen to fail.
//!
//! ```
//! use kaskade_faults::fault;
//!
//! fn is_accepted(mac_is_right: bool) -> bool {
//!     mac_is_right || fault!("mac-not-checked")
//! }
//! assert!(!is_accepted(false));
//! ```
//!
//! Without the feature `faults`, which no release can have, [`fault!`] is the constant `false` and costs nothing. With it
//! the environment variable `KASKADE_FAULT` names the one fault that is planted in a process. `cargo xtask faults` plants
//! each fault of its table and fails unless the test beside it fails.
//!
//! In the same way a test steps the wall clock of a process that it has started: [`stepped`].
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]
#![no_std]

#[cfg(feature = "faults")]
extern crate std;

use core::time::Duration;

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` plants faults on request: it is for tests, never for a release");

/// Whether the wall clock of a process can be stepped.
pub const STEPS_CLOCKS: bool = cfg!(feature = "faults");

/// What a wall clock shows, of which the system's says this: the same, without the feature `faults`.
#[cfg(not(feature = "faults"))]
#[inline]
pub const fn stepped(wall: Duration) -> Duration {
    wall
}

/// What a wall clock shows, of which the system's says this: so many seconds more as the file of `KASKADE_FAULT_CLOCK` says, or fewer (`-3600`).
/// What it says may change at any time.
#[cfg(feature = "faults")]
pub fn stepped(wall: Duration) -> Duration {
    use std::path::PathBuf;
    use std::sync::OnceLock;

    static STEP: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(path) = STEP.get_or_init(|| std::env::var_os("KASKADE_FAULT_CLOCK").map(PathBuf::from)) else {
        return wall;
    };
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let seconds = text.trim().parse::<i64>().unwrap_or(0);
    let step = Duration::from_secs(seconds.unsigned_abs());
    match seconds < 0 {
        true => wall.saturating_sub(step),
        false => wall.saturating_add(step),
    }
}

/// Whether the fault of this name is planted; `false` without the feature `faults`.
#[cfg(not(feature = "faults"))]
#[macro_export]
macro_rules! fault {
    ($name:literal) => {
        false
    };
}

/// Whether the fault of this name is planted; `false` without the feature `faults`.
#[cfg(feature = "faults")]
#[macro_export]
macro_rules! fault {
    ($name:literal) => {
        $crate::is_planted($name)
    };
}

/// Whether this is the fault that `KASKADE_FAULT` names.
///
/// The first time that it is, the file of `KASKADE_FAULT_REACHED` is made: a test that fails without having come to the
/// fault proves nothing about it.
#[cfg(feature = "faults")]
#[doc(hidden)]
pub fn is_planted(name: &str) -> bool {
    use std::env;
    use std::string::String;
    use std::sync::{Once, OnceLock};

    static PLANTED: OnceLock<Option<String>> = OnceLock::new();
    static REACHED: Once = Once::new();
    let planted = PLANTED.get_or_init(|| env::var("KASKADE_FAULT").ok());
    if planted.as_deref() != Some(name) {
        return false;
    }
    REACHED.call_once(|| {
        if let Some(path) = env::var_os("KASKADE_FAULT_REACHED") {
            // Without the file the check fails, which is what a path that cannot be written deserves.
            let _ = std::fs::write(path, name);
        }
    });
    true
}

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
