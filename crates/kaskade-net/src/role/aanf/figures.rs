//! What an AAnF has done since the start.

use crate::count::Counter;

/// How a key was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Given {
    /// Its holder was written.
    First,
    /// Its holder had it before.
    Again,
}

/// How K_AKMA ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Ended {
    /// The AUSF says so; keys below live until they expire.
    Removed,
    /// Keys below are to be used no more.
    Disabled,
}

/// What became of a subscriber who was to be authenticated again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Asked {
    /// The UDM has taken it.
    Taken,
    /// The UDM does not do it: one runs already, or no AMF can be told.
    Refused,
    /// The UDM was not reached, or has failed.
    Failed,
    /// It was not asked: too many were.
    LeftOut,
}

impl Asked {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Taken, Self::Refused, Self::Failed, Self::LeftOut];

    /// As metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::LeftOut => "left-out",
        }
    }
}

impl Given {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::First, Self::Again];

    /// As metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Again => "again",
        }
    }
}

impl Ended {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Removed, Self::Disabled];

    /// As metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Disabled => "disabled",
        }
    }
}

/// What an AAnF has done since the start.
#[derive(Debug, Default)]
pub struct AanfCounters {
    given: [Counter; Given::ALL.len()],
    ended: [Counter; Ended::ALL.len()],
    asked: [Counter; Asked::ALL.len()],
    /// K_AKMAs that were registered.
    pub registered: Counter,
    /// Requests for a key that is not there: the A-KID names none, or the key is over.
    pub absent: Counter,
    /// Requests that were refused here.
    pub refused: Counter,
    /// Holders that were told that their key is to be used no more.
    pub told: Counter,
    /// Holders that could not be told, and are told later.
    pub not_told: Counter,
    /// Messages to holders that were given up.
    pub given_up: Counter,
}

impl AanfCounters {
    /// Application keys that were given.
    pub fn given(&self) -> impl Iterator<Item = (Given, u64)> + '_ {
        Given::ALL.into_iter().zip(self.given.iter().map(Counter::sum))
    }

    /// K_AKMAs that ended before the next authentication.
    pub fn ended(&self) -> impl Iterator<Item = (Ended, u64)> + '_ {
        Ended::ALL.into_iter().zip(self.ended.iter().map(Counter::sum))
    }

    /// Subscribers who were to be authenticated again.
    pub fn asked(&self) -> impl Iterator<Item = (Asked, u64)> + '_ {
        Asked::ALL.into_iter().zip(self.asked.iter().map(Counter::sum))
    }

    pub(super) fn asks(&self, asked: Asked) {
        if let Some(counter) = self.asked.get(asked as usize) {
            counter.add_one();
        }
    }

    pub(super) fn gave(&self, given: Given) {
        if let Some(counter) = self.given.get(given as usize) {
            counter.add_one();
        }
    }

    pub(super) fn ends(&self, ended: Ended) {
        if let Some(counter) = self.ended.get(ended as usize) {
            counter.add_one();
        }
    }
}
