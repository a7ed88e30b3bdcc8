//! The gate to redb: what it does about a damaged file ends here as an error.
//!
//! redb trusts its pages, and panics over those that contradict each other. Every call that goes to its pages is made through
//! [`call`], which catches that; only the octets of one row, which were looked at there, are shown outside. What redb hands out is owned as [`Held`]: dropped through the gate, and forgotten while a panic unwinds, since
//! a second panic in a destructor would end the process.

use std::cell::{Cell, RefCell};
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;
use std::thread;

use kaskade_faults::fault;

thread_local! {
    /// Whether this thread is inside.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Where it panicked.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// It panicked inside, at this place of the source.
#[derive(Debug)]
pub(super) struct Panicked(pub(super) String);

/// Calls redb. Nothing is printed of a panic that is caught here: the error that it becomes says what to do.
#[inline]
pub(super) fn call<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    if fault!("panics-not-caught") {
        return Ok(work());
    }
    let before = INSIDE.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(before);
    done.map_err(|payload| {
        // What was thrown may panic when it is dropped.
        mem::forget(payload);
        Panicked(PLACE.take())
    })
}

/// Makes panics silent that are caught by the gate, once for the process; all others are told as before.
pub(super) fn keep_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Setting it is refused to a thread that panics.
        if thread::panicking() {
            return;
        }
        let before = take_hook();
        set_hook(Box::new(move |what| match INSIDE.try_with(Cell::get) {
            Ok(true) => note(what.location()),
            _ => before(what),
        }));
    });
}

fn note(location: Option<&Location<'_>>) {
    let place = location.and_then(|location| {
        let file = Path::new(location.file()).file_name()?;
        Some(format!("{}:{}", file.display(), location.line()))
    });
    let _ = PLACE.try_with(|noted| noted.replace(place.unwrap_or_default()));
}

/// Something of redb's.
pub(super) struct Held<T>(Option<T>);

impl<T> Held<T> {
    pub(super) fn new(held: T) -> Self {
        Self(Some(held))
    }

    /// For a call that consumes it.
    pub(super) fn take(mut self) -> Option<T> {
        self.0.take()
    }

    /// Leaves it as it is for the rest of the process.
    pub(super) fn forget(mut self) {
        mem::forget(self.0.take());
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        let Some(held) = self.0.take() else { return };
        match thread::panicking() {
            true => mem::forget(held),
            // It is not used any more: nobody needs to know.
            false => drop(call(|| drop(held))),
        }
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    #[inline]
    #[allow(clippy::expect_used, reason = "only `take` and `drop` empty it, and they own it")]
    fn deref(&self) -> &T {
        self.0.as_ref().expect("held until it is dropped")
    }
}

impl<T> DerefMut for Held<T> {
    #[inline]
    #[allow(clippy::expect_used, reason = "only `take` and `drop` empty it, and they own it")]
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("held until it is dropped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As redb's transactions do when their locks are poisoned.
    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn a_panic_inside_is_caught_and_leaves_what_is_held() {
        keep_quiet();
        let caught = call(|| {
            let _held = Held::new(PanicsWhenDropped);
            // Would abort if what is held were dropped now.
            panic!("inside");
        });
        let Err::<(), _>(Panicked(place)) = caught else {
            panic!("not caught");
        };
        assert!(place.starts_with("gate.rs:"), "{place}");
        drop(Held::new(PanicsWhenDropped));
        assert!(!INSIDE.get());
        assert_eq!(call(|| call(|| 7).expect("no panic")).expect("no panic"), 7);
    }
}
