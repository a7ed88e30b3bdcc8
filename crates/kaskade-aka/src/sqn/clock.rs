//! The global counter GLC that time-based SEQ ride on, made monotone across clock steps and restarts.

use core::time::Duration;

/// GLC: a value of the home network's global counter, in ticks since the Unix epoch (TS 33.102 Annex C.1.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glc(pub u64);

/// What the policy may know of the clock.
///
/// `mark` is durable: after a crash the counter restarts above it, so everything that a subscriber's offset allows up
/// to it may be issued without a durable write of its own. `now` never exceeds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockView {
    /// GLC now.
    pub now: Glc,
    /// The durable high-water mark.
    pub mark: Glc,
    /// The highest mark of all nodes that issue from the same records: at least `mark`.
    pub highest: Glc,
}

impl ClockView {
    /// The clock of the only node.
    pub const fn of_one(now: Glc, mark: Glc) -> Self {
        let highest = mark;
        Self { now, mark, highest }
    }
}

/// What the machine's clocks say: arguments, so that this crate reads none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Time since the Unix epoch; may step in either direction.
    pub wall: Duration,
    /// Time since an arbitrary moment of this process; never steps.
    pub monotonic: Duration,
}

/// How the global counter relates to the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockState {
    /// It follows the wall clock.
    Following,
    /// The wall clock is behind what may have been issued: the counter runs at half speed until it is reached.
    WaitingForWall,
    /// The wall clock jumped further ahead than is plausible: the counter runs on with the monotonic clock.
    DistrustingWall,
}

/// The wall clock is implausibly far ahead of the durable mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clock is {days} days ahead of the last recorded time")]
pub struct ClockTooFarAhead {
    /// By how many days.
    pub days: u64,
}

/// The global counter: follows the wall clock forwards, never goes back, never stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalCounter {
    tick: Duration,
    longest_jump: Duration,
    counter: Duration,
    monotonic: Duration,
}

impl GlobalCounter {
    /// Starts above everything that earlier lives may have issued.
    ///
    /// `mark` is the durable high-water mark of the earlier lives, in ticks of the same length; `longest_jump` is how
    /// far the wall clock may be ahead of it, `None` for any distance.
    ///
    /// # Errors
    /// [`ClockTooFarAhead`] when the wall clock is further ahead than that.
    pub fn start(
        tick: Duration,
        clocks: Clocks,
        mark: Option<Glc>,
        longest_jump: Option<Duration>,
    ) -> Result<Self, ClockTooFarAhead> {
        let tick = tick.max(Duration::from_millis(1));
        let floor = mark.map_or(Duration::ZERO, |mark| ticks(tick, mark.0.saturating_add(1)));
        if let (Some(_), Some(longest)) = (mark, longest_jump)
            && clocks.wall > floor.saturating_add(longest)
        {
            let days = clocks.wall.saturating_sub(floor).as_secs() / 86_400;
            return Err(ClockTooFarAhead { days });
        }
        Ok(Self {
            tick,
            longest_jump: longest_jump.unwrap_or(Duration::MAX),
            counter: match kaskade_faults::fault!("mark-forgotten-at-a-start") {
                true => clocks.wall,
                false => clocks.wall.max(floor),
            },
            monotonic: clocks.monotonic,
        })
    }

    /// GLC at the last [`GlobalCounter::advance`].
    pub fn now(&self) -> Glc {
        let ticks = self.counter.as_nanos() / self.tick.as_nanos().max(1);
        Glc(u64::try_from(ticks).unwrap_or(u64::MAX))
    }

    /// The same, finer than a tick: time since the Unix epoch.
    pub const fn elapsed(&self) -> Duration {
        self.counter
    }

    /// Moves to the present.
    pub fn advance(&mut self, clocks: Clocks) -> (Glc, ClockState) {
        let elapsed = clocks.monotonic.saturating_sub(self.monotonic);
        let full = self.counter.saturating_add(elapsed);
        let half = self.counter.saturating_add(elapsed / 2);
        let (counter, state) = if clocks.wall > full.saturating_add(self.longest_jump) {
            (full, ClockState::DistrustingWall)
        } else if clocks.wall >= half {
            (clocks.wall, ClockState::Following)
        } else {
            (half, ClockState::WaitingForWall)
        };
        self.counter = counter;
        self.monotonic = self.monotonic.max(clocks.monotonic);
        (self.now(), state)
    }

    /// The mark that lies `lead` ahead of now.
    pub fn mark_ahead(&self, lead: Duration) -> Glc {
        let ticks = lead.as_nanos().div_ceil(self.tick.as_nanos().max(1));
        Glc(self.now().0.saturating_add(u64::try_from(ticks).unwrap_or(u64::MAX)))
    }
}

fn ticks(tick: Duration, count: u64) -> Duration {
    let nanos = tick.as_nanos().saturating_mul(u128::from(count));
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
    Duration::new(seconds, rest)
}
