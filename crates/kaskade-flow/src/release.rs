//! From a result to an answer: nothing leaves before what it depends on is durable and its release is on record.
//!
//! ```text
//! machine ── Guarded<T> ── store: commit, or cover and audit ── Durable<T> ── writer of answers ── T
//! ```
//!
//! A machine makes a [`Guarded`]. Only `kaskade-store` turns it into a [`Durable`], and only the writers of answers in
//! `kaskade-net` take out what is in one. A device has its card in place of a store. Rust cannot name crates in a visibility, so the
//! calls that do it have names of their own, and `cargo xtask layers` refuses them elsewhere.

use core::fmt;

use crate::{Machine, Step};

/// A result that may not be told yet.
#[must_use = "a result that is not released was made for nothing"]
pub struct Guarded<T>(T);

impl<T> Guarded<T> {
    /// Keeps a result back.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Makes something else of it, which is kept back as well.
    #[inline]
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Guarded<U> {
        Guarded(make(self.0))
    }

    /// Makes something else of it, which is kept back as well, and a machine that goes on with the rest: what stays with a machine
    /// comes out of it guarded again.
    #[inline]
    pub fn keep<U, M: Machine>(self, make: impl FnOnce(T) -> (U, M)) -> (Guarded<U>, M) {
        let (told, kept) = make(self.0);
        (Guarded(told), kept)
    }

    /// One of two things, each kept back as well.
    ///
    /// # Errors
    /// The other one.
    #[inline]
    pub fn either<L, R>(self, split: impl FnOnce(T) -> Result<L, R>) -> Result<Guarded<L>, Guarded<R>> {
        split(self.0).map(Guarded).map_err(Guarded)
    }

    /// Gives it to a machine: what that tells comes out guarded again.
    #[inline]
    pub fn into_step<M: Machine>(self, take: impl FnOnce(T) -> Step<M>) -> Step<M> {
        take(self.0)
    }

    /// For a device, which has neither store nor log: what its card must not forget is kept.
    #[inline]
    pub fn kept_by_card(self) -> T {
        self.0
    }

    /// What may be told as it is, apart from what may not.
    #[inline]
    pub fn sorted(self) -> T::Sorted
    where
        T: Sort,
    {
        self.0.sort()
    }

    /// For `kaskade-store`, after everything that this depends on is durable, and its release on record.
    #[inline]
    pub fn made_durable(self) -> Durable<T> {
        Durable(self.0)
    }
}

/// A result of a kind of which some need no release, such as a question who somebody is.
pub trait Sort {
    /// The same by whether it needs one: what does is [`Guarded`] again.
    type Sorted;

    /// Keeps back what holds a secret, or rests on anything that has to be durable or on record.
    fn sort(self) -> Self::Sorted;
}

/// A result that may be told: what it depends on is durable, and its release is on record.
#[must_use = "a release that is on record must be told"]
pub struct Durable<T>(T);

impl<T> Durable<T> {
    /// Makes something else of it, such as the body of an answer.
    #[inline]
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Durable<U> {
        Durable(make(self.0))
    }

    /// Makes something else of it, where that is possible.
    ///
    /// # Errors
    /// Those of `make`.
    #[inline]
    pub fn try_map<U, E>(self, make: impl FnOnce(T) -> Result<U, E>) -> Result<Durable<U>, E> {
        make(self.0).map(Durable)
    }

    /// Keeps it back again: whoever passes on what another released puts a release of its own on record. The cover says that
    /// nothing else has to become durable for it.
    #[inline]
    pub fn into_guarded(self) -> (Guarded<T>, Cover) {
        (Guarded(self.0), Cover(()))
    }

    /// What it rests on is durable, and stays so: for what is made of the same again.
    #[inline]
    pub const fn cover(&self) -> Cover {
        Cover(())
    }

    /// For clients in `kaskade-net`: a peer's answer, which the peer has made durable.
    #[inline]
    pub const fn told_by_peer(value: T) -> Self {
        Self(value)
    }

    /// For the writers of answers in `kaskade-net`.
    #[inline]
    pub fn release_to_peer(self) -> T {
        self.0
    }
}

/// Says that nothing has to be written for a release: it rests on what is durable already, such as an SQN under a durable
/// mark, or the answer of a peer. What is durable stays so: it covers what is made of it later, too.
#[derive(Clone, Debug)]
pub struct Cover(());

impl Cover {
    /// For `kaskade-store`, which knows what is durable.
    #[inline]
    pub const fn known_to_store() -> Self {
        Self(())
    }
}

impl<T> fmt::Debug for Guarded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guarded(…)")
    }
}

impl<T> fmt::Debug for Durable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Durable(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn nothing_shows_what_is_kept_back() {
        let guarded = Guarded::new(0x4242).map(|secret| secret + 1);
        assert_eq!(format!("{guarded:?}"), "Guarded(…)");
        let durable = guarded.made_durable();
        assert_eq!(format!("{durable:?}"), "Durable(…)");
        // What covers it covers what is made of the same later.
        assert_eq!(format!("{:?}", durable.cover()), "Cover(())");
        let (guarded, _) = durable.into_guarded();
        assert_eq!(guarded.made_durable().release_to_peer(), 0x4243);
    }
}
