//! A protocol as a machine: what it waits for, until when, and what a message makes of it.
//!
//! ```text
//! message ── handle ── Step { next, unit, ask, out }: commit `unit`; do what it asks for; put `next` back; tell `out`
//! ```
//!
//! A machine is an enum whose variants own the stages of the protocol, so that a stage that is consumed stays consumed. It
//! knows no table, no socket and no clock: a driver keeps it in an [`Expiring`](crate::expiring) table, says what time it is,
//! and does what it asks for. Everything that a peer is to be told comes out as [`Guarded`].

use alloc::boxed::Box;

use crate::unit::Unit;
use crate::{Entropy, Guarded, Moment};

/// A protocol of which one run is in one of several stages.
///
/// ```
/// use core::time::Duration;
/// use kaskade_flow::machine::{Machine, Step};
/// use kaskade_flow::{Entropy, Guarded, Moment};
///
/// /// One answer to one question, which has its time.
/// enum Riddle {
///     Posed { answer: u8, until: Moment },
/// }
///
/// impl Machine for Riddle {
///     type Input = u8;
///     type Ask = ();
///     type Output = bool;
///
///     fn deadline(&self) -> Option<Moment> {
///         let Self::Posed { until, .. } = self;
///         Some(*until)
///     }
///
///     fn handle(self, _: Moment, _: &mut dyn Entropy, input: Option<u8>) -> Step<Self> {
///         let Self::Posed { answer, .. } = self;
///         match input {
///             Some(guess) => Step::end().telling(Guarded::new(guess == answer)),
///             None => Step::end(),
///         }
///     }
/// }
/// # struct None_; impl Entropy for None_ { fn fill(&mut self, _: &mut [u8]) -> Result<(), kaskade_flow::NoRandomness> { Ok(()) } }
/// let now = Moment::from_nanos(0);
/// let riddle = Riddle::Posed { answer: 42, until: now.after(Duration::from_secs(60)).unwrap() };
/// let step = riddle.handle(now, &mut None_, Some(41));
/// assert!(step.next.is_none() && step.out.is_some(), "there is no second guess");
/// ```
pub trait Machine: Sized {
    /// What it may be given: a message, or the result of what it asked for.
    type Input;
    /// What it asks its driver for, such as a vector or a report to another network function. No answer to a peer is in it.
    type Ask;
    /// What a peer is to be told.
    type Output;

    /// When it is over unless something comes; `None` for one that waits without end.
    fn deadline(&self) -> Option<Moment>;

    /// Takes the next input, or `None` when its deadline has come.
    fn handle(self, now: Moment, entropy: &mut dyn Entropy, input: Option<Self::Input>) -> Step<Self>;
}

/// What an input makes of a machine.
#[must_use = "a step that nobody takes is lost"]
pub struct Step<M: Machine> {
    /// The machine afterwards; `None`: the run is over.
    pub next: Option<M>,
    /// What becomes durable before `next` is put back and `out` told; on the heap, as most steps write nothing.
    pub unit: Option<Box<Unit>>,
    /// What the driver does next, and tells the machine of.
    pub ask: Option<M::Ask>,
    /// What a peer is told, once it is released.
    pub out: Option<Guarded<M::Output>>,
}

impl<M: Machine> Step<M> {
    /// The machine goes on.
    #[inline]
    pub const fn to(next: M) -> Self {
        Self {
            next: Some(next),
            unit: None,
            ask: None,
            out: None,
        }
    }

    /// The run is over.
    #[inline]
    pub const fn end() -> Self {
        Self {
            next: None,
            unit: None,
            ask: None,
            out: None,
        }
    }

    /// And writes this.
    #[inline]
    pub fn writing(mut self, unit: Unit) -> Self {
        self.unit = Some(Box::new(unit));
        self
    }

    /// And asks for this.
    #[inline]
    pub fn asking(mut self, ask: M::Ask) -> Self {
        self.ask = Some(ask);
        self
    }

    /// And has this to tell.
    #[inline]
    pub fn telling(mut self, out: Guarded<M::Output>) -> Self {
        self.out = Some(out);
        self
    }
}
