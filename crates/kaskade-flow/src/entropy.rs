//! Randomness as an argument.

/// There are no random numbers. Nothing weaker takes their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub struct NoRandomness;

/// Where RAND, nonces, and identifiers that must not be guessed come from.
///
/// A driver's is the kernel's generator; a test's is what the test wants it to be.
pub trait Entropy {
    /// Fills this with octets that nobody can foresee.
    ///
    /// # Errors
    /// [`NoRandomness`]; what the octets are then is of no use.
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness>;
}

impl dyn Entropy + '_ {
    /// So many octets that nobody can foresee.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn octets<const N: usize>(&mut self) -> Result<[u8; N], NoRandomness> {
        let mut octets = [0; N];
        self.fill(&mut octets)?;
        Ok(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);

    impl Entropy for Counting {
        fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
            for octet in octets {
                self.0 = self.0.checked_add(1).ok_or(NoRandomness)?;
                *octet = self.0;
            }
            Ok(())
        }
    }

    #[test]
    fn octets_come_from_the_source_and_end_with_it() {
        let mut source = Counting(0);
        let entropy: &mut dyn Entropy = &mut source;
        assert_eq!(entropy.octets(), Ok([1, 2, 3]));
        assert_eq!(entropy.octets::<300>(), Err(NoRandomness));
    }
}
