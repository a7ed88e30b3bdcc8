//! Random numbers: the kernel's, fetched a page at a time.

use std::cell::RefCell;

use zeroize::Zeroize;

/// The operating system gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub struct NoRandomness;

/// Octets fetched at once: one system call for 256 challenges.
const BATCH: usize = 4096;

struct Batch {
    octets: [u8; BATCH],
    used: usize,
}

thread_local! {
    static BATCHES: RefCell<Batch> = const {
        RefCell::new(Batch {
            octets: [0; BATCH],
            used: BATCH,
        })
    };
}

/// Random octets for RAND and for identifiers that must not be guessed.
///
/// They come from the kernel's generator, a page per thread at a time. Each octet is given out once and wiped, so that
/// no later reader of the memory learns an earlier challenge. Nothing here forks.
///
/// # Errors
/// [`NoRandomness`] when the kernel refuses; nothing weaker takes its place.
pub fn random_octets<const N: usize>() -> Result<[u8; N], NoRandomness> {
    const { assert!(N <= BATCH) };
    BATCHES.with_borrow_mut(|batch| {
        if BATCH - batch.used < N {
            getrandom::fill(&mut batch.octets).map_err(|_| NoRandomness)?;
            batch.used = 0;
        }
        let mut octets = [0; N];
        if let Some(fresh) = batch.octets.get_mut(batch.used..batch.used + N) {
            octets.copy_from_slice(fresh);
            fresh.zeroize();
        }
        batch.used += N;
        Ok(octets)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn no_octets_come_twice() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..2000 {
            let octets: [u8; 16] = random_octets().unwrap();
            assert_ne!(octets, [0; 16]);
            assert!(seen.insert(octets));
        }
    }
}
