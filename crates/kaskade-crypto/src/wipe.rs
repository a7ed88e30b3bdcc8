//! Wiping of secrets by whole-word stores.

/// Overwrites `octets` with zeros, and keeps the compiler from leaving that out.
///
/// Unlike volatile stores, which go octet by octet, this lets the compiler take its widest stores: on the vector path
/// the difference is a tenth of the whole work.
#[inline(always)]
pub fn wipe<T: Copy + Default, const N: usize>(octets: &mut [T; N]) {
    *octets = [T::default(); N];
    zeroize::optimization_barrier(octets);
}

/// Secrets in the making: wiped on drop.
#[derive(Clone)]
pub(crate) struct Wiped<T: Copy + Default, const N: usize>(pub(crate) [T; N]);

impl<T: Copy + Default, const N: usize> Drop for Wiped<T, N> {
    #[inline(always)]
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}
