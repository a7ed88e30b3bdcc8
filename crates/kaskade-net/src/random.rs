//! Random numbers: the kernel's, fetched a page at a time.

use std::cell::RefCell;

use kaskade_flow::Entropy;
use zeroize::Zeroize;

pub use kaskade_flow::NoRandomness;

/// The kernel's random numbers, for machines.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        octets.chunks_mut(BATCH).try_for_each(fill)
    }
}

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
    let mut octets = [0; N];
    fill(&mut octets)?;
    Ok(octets)
}

/// Fills a batch at the most.
#[inline]
fn fill(octets: &mut [u8]) -> Result<(), NoRandomness> {
    let len = octets.len();
    BATCHES.with_borrow_mut(|batch| {
        if BATCH - batch.used < len {
            getrandom::fill(&mut batch.octets).map_err(|_| NoRandomness)?;
            batch.used = 0;
        }
        if let Some(fresh) = batch.octets.get_mut(batch.used..batch.used + len) {
            octets.copy_from_slice(fresh);
            fresh.zeroize();
        }
        batch.used += len;
        Ok(())
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

    #[test]
    fn a_machine_gets_as_many_as_it_asks_for() {
        let entropy: &mut dyn Entropy = &mut SystemEntropy;
        let octets = entropy.octets::<{ 2 * BATCH + 1 }>().unwrap();
        let (parts, _) = octets.as_chunks::<16>();
        let distinct: std::collections::HashSet<_> = parts.iter().collect();
        assert_eq!(distinct.len(), parts.len());
    }
}
