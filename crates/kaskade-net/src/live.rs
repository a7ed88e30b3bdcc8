//! What is replaced while it is in use: policy, groups, home network keys, certificates.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// A value that is read without a lock and replaced as a whole. Clones are one.
///
/// ```
/// use kaskade_net::live::Live;
///
/// let limit = Live::new(8);
/// let reader = limit.clone();
/// limit.replace(9);
/// assert_eq!(*reader.now(), 9);
/// ```
pub struct Live<T>(Arc<ArcSwap<T>>);

impl<T> Live<T> {
    /// With its first value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(value)))
    }

    /// What it is now; who holds that keeps it when it is replaced.
    pub fn now(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// What `read` makes of what it is now, for short work.
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.0.load())
    }

    /// Replaces it for all clones.
    pub fn replace(&self, value: T) {
        self.share(Arc::new(value));
    }

    /// The same with a value that others have too.
    pub fn share(&self, value: Arc<T>) {
        self.0.store(value);
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Default> Default for Live<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|value| value.fmt(f))
    }
}
