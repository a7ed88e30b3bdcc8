//! Keys that stay in memory: on pages of their own, which the system neither writes to swap nor into a dump.
//!
//! The only unsafe code outside the back ends of `kaskade-crypto`: the system's calls that lock pages take an address. They
//! change nothing that the program can see of them, and these pages hold nothing but the value.
#![allow(
    unsafe_code,
    reason = "system calls on pages of our own; no safe wrapper takes a value's own pages"
)]

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::ffi::c_void;
use std::hint::black_box;
use std::ops::Deref;
use std::sync::OnceLock;

use rustix::mm::{Advice, madvise, mlock, munlock};
use zeroize::Zeroize;

/// A value on locked pages. They hold nothing else, and are wiped by the value's own `Drop`.
///
/// Where the system refuses, because of a limit, the value is there all the same: see [`first_refusal`].
///
/// ```
/// use kaskade_store::Locked;
///
/// let key = Locked::with(|| [7_u8; 32]);
/// assert_eq!(key[0], 7);
/// ```
pub struct Locked<T> {
    // `None` only within `drop`.
    page: Box<Page<T>>,
    is_locked: bool,
}

// Pages of 4 KiB. Where they are larger, neighbours are locked as well, which does no harm.
#[repr(C, align(4096))]
struct Page<T>(Option<T>);

impl<T> Locked<T> {
    /// Makes a value and puts it there. What the making leaves on the stack is wiped.
    pub fn with(make: impl FnOnce() -> T) -> Self {
        scrubbed(|| Self::new(make()))
    }

    /// [`Locked::with`] for what can fail.
    ///
    /// # Errors
    /// That of `make`.
    pub fn try_with<E>(make: impl FnOnce() -> Result<T, E>) -> Result<Self, E> {
        scrubbed(|| make().map(Self::new))
    }

    /// [`Locked::with`] for what may be none.
    pub fn some_with(make: impl FnOnce() -> Option<T>) -> Option<Self> {
        scrubbed(|| make().map(Self::new))
    }

    fn new(value: T) -> Self {
        // Of zeros: what is put together on the stack brings along what lies there.
        let layout = Layout::new::<Page<T>>();
        // SAFETY: a page has octets, whatever is on it.
        let page = unsafe { alloc_zeroed(layout) }.cast::<Page<T>>();
        if page.is_null() {
            handle_alloc_error(layout);
        }
        let (at, len) = (page.cast(), layout.size());
        // SAFETY: the octets from `at` on are those of the page: mapped, and nobody else's.
        let locked = unsafe { mlock(at, len) };
        // SAFETY: as above; the advice changes only what a dump shows.
        let hidden = unsafe { madvise(at, len, Advice::LinuxDontDump) };
        for error in [locked.err(), hidden.err()].into_iter().flatten() {
            let _ = REFUSAL.set(error.to_string());
        }
        // SAFETY: the place is that of the page, and aligned; what was there needs no `Drop`.
        unsafe { (&raw mut (*page).0).write(Some(value)) };
        // SAFETY: of the allocator and layout of a box, and its only field was written.
        let page = unsafe { Box::from_raw(page) };
        Self {
            page,
            is_locked: locked.is_ok(),
        }
    }

    /// Whether the pages are locked.
    pub fn is_locked(&self) -> bool {
        self.is_locked
    }
}

fn whole<T>(page: &mut Box<Page<T>>) -> (*mut c_void, usize) {
    let page: *mut Page<T> = &raw mut **page;
    (page.cast(), size_of::<Page<T>>())
}

impl<T> Deref for Locked<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.page.0 {
            Some(value) => value,
            None => unreachable!("only `drop` takes the value out"),
        }
    }
}

impl<T> Drop for Locked<T> {
    fn drop(&mut self) {
        // While it is locked still.
        self.page.0 = None;
        let (at, len) = whole(&mut self.page);
        // SAFETY: as in `new`: the octets of the box, which is freed after this.
        let unlocked = unsafe { munlock(at, len) };
        // SAFETY: as above.
        let shown = unsafe { madvise(at, len, Advice::LinuxDoDump) };
        // What is freed may be locked without harm.
        let _ = (unlocked, shown);
    }
}

impl<T> core::fmt::Debug for Locked<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Locked(…)")
    }
}

static REFUSAL: OnceLock<String> = OnceLock::new();

/// Why the system refused to lock a page for the first time, if it did: mostly for a limit (RLIMIT_MEMLOCK).
pub fn first_refusal() -> Option<&'static str> {
    REFUSAL.get().map(String::as_str)
}

/// Does some work with keys, and wipes what it leaves on the stack: values that were moved, and what functions spilled.
pub fn scrubbed<R>(work: impl FnOnce() -> R) -> R {
    let result = apart(work);
    wipe_below();
    result
}

#[inline(never)]
fn apart<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Deeper than any work with keys goes, and a small part of any stack.
const DEPTH: usize = 96 * 1024;

#[inline(never)]
fn wipe_below() {
    let mut stack = [0_u8; DEPTH];
    stack.zeroize();
    black_box(&mut stack);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The flags of the region that holds an address, and whether it is there.
    fn flags(at: usize) -> String {
        let smaps = std::fs::read_to_string("/proc/self/smaps").expect("Linux");
        let mut inside = false;
        for line in smaps.lines() {
            let range = line.split_whitespace().next().unwrap_or_default();
            if let Some((start, end)) = range.split_once('-')
                && let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
            {
                inside = (start..end).contains(&at);
            }
            if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
                return format!("{flags} ");
            }
        }
        String::new()
    }

    #[test]
    fn the_page_is_locked_and_in_no_dump_until_it_is_freed() {
        struct Seen<'a>(&'a std::cell::Cell<bool>, [u8; 5000]);
        impl Drop for Seen<'_> {
            fn drop(&mut self) {
                let at = &raw const *self as usize;
                self.0.set(flags(at).contains(" lo "));
            }
        }
        let wiped_while_locked = std::cell::Cell::new(false);
        let value = Locked::with(|| Seen(&wiped_while_locked, [7; 5000]));
        assert!(value.is_locked(), "{:?}", first_refusal());
        assert_eq!(value.1[4999], 7);
        let at = &raw const *value as usize;
        assert_eq!(at % 4096, 0, "nothing before it on the page");
        for octet in [at, at + size_of::<Seen<'_>>() - 1] {
            let flags = flags(octet);
            assert!(flags.contains(" lo ") && flags.contains(" dd "), "{flags}");
        }
        let beside = Box::new([0_u8; 64]);
        assert!(
            !flags(&raw const *beside as usize).contains(" lo "),
            "only its own pages"
        );
        drop(value);
        assert!(wiped_while_locked.get());
        assert!(!flags(at).contains(" lo "));
    }

    #[test]
    fn the_data_key_of_a_store_lies_there() {
        let engine = std::sync::Arc::new(crate::memory::MemoryEngine::default());
        let key = crate::MasterKey::from_octets(&[1; 32]);
        let store =
            crate::SubscriberStore::with_engine(engine, "memory".as_ref(), &key, crate::StoreOptions::default());
        let store = store.expect("a store");
        let flags = flags(&raw const **store.sealer as usize);
        assert!(flags.contains(" lo ") && flags.contains(" dd "), "{flags}");
    }

    #[test]
    fn failures_and_absences_pass_through() {
        assert_eq!(Locked::try_with(|| Err::<u8, _>("no")).err(), Some("no"));
        assert!(Locked::some_with(|| None::<u8>).is_none());
        assert_eq!(format!("{:?}", Locked::with(|| 465_u16)), "Locked(…)");
    }

    #[test]
    fn the_stack_below_is_wiped() {
        #[inline(never)]
        fn leave(mark: u8) -> usize {
            let left = black_box([mark; 4096]);
            &raw const left as usize
        }
        let mark = black_box(0xA7);
        let at = scrubbed(|| leave(mark));
        let mut octets = [0; 4096];
        use std::os::unix::fs::FileExt;
        let memory = std::fs::File::open("/proc/self/mem").expect("Linux");
        memory.read_exact_at(&mut octets, at as u64).expect("our own stack");
        let run = octets
            .windows(64)
            .any(|window| window.iter().all(|octet| *octet == mark));
        assert!(!run, "what was there is there still");
    }

    /// What a function has left on the stack is not on the page behind the value.
    #[test]
    fn nothing_of_the_stack_comes_along() {
        #[inline(never)]
        fn litter() {
            black_box(&mut [0x5a_u8; 64 * 1024]);
        }
        let value = Locked::with(|| {
            litter();
            [7_u8; 32]
        });
        litter();
        let page = (&raw const *value as usize) & !4095;
        // SAFETY: the whole page is that of the value, and was zeros before.
        let octets = (0..4096).map(|at| unsafe { ((page + at) as *const u8).read_volatile() });
        assert_eq!(octets.filter(|octet| *octet == 0x5a).count(), 0);
    }
}
