//! A scheduler for stale reads: one thread is held at one of its steps, while the others do much.

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

/// In each order one thread stands still at a random step of its own, until the others have taken many.
pub(super) struct Stall {
    orders: usize,
    random: u64,
    /// How many steps each task took at most, in the orders so far.
    most: Vec<usize>,
    /// How many each has taken in this order.
    taken: Vec<usize>,
    victim: usize,
    at: usize,
    held_for: usize,
}

impl Stall {
    pub(super) fn new(seed: u64, orders: usize) -> Self {
        Self {
            orders,
            random: seed,
            most: Vec::new(),
            taken: Vec::new(),
            victim: 0,
            at: 0,
            held_for: 0,
        }
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random() >> 33).unwrap_or(0) % limit.max(1)
    }
}

impl Scheduler for Stall {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.orders = self.orders.checked_sub(1)?;
        self.most.resize(self.taken.len().max(self.most.len()), 0);
        for (most, taken) in self.most.iter_mut().zip(&self.taken) {
            *most = (*most).max(*taken);
        }
        self.taken.clear();
        // The first two are the test and the committer.
        self.victim = 2 + self.below(self.most.len().saturating_sub(2));
        let steps = self.most.get(self.victim).copied().unwrap_or(1);
        self.at = 1 + self.below(steps);
        self.held_for = 20 + self.below(400);
        Some(Schedule::new(self.random()))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, is_yielding: bool) -> Option<TaskId> {
        let mut open: Vec<TaskId> = runnable.iter().map(|task| task.id()).collect();
        let stands = self.taken.get(self.victim).copied().unwrap_or(0) == self.at && self.held_for > 0;
        if stands && open.iter().any(|id| usize::from(*id) != self.victim) {
            open.retain(|id| usize::from(*id) != self.victim);
            self.held_for -= 1;
        }
        let stays = current.filter(|current| !is_yielding && open.contains(current));
        let next = match stays {
            Some(current) if self.below(4) != 0 => current,
            _ => *open.get(self.below(open.len()))?,
        };
        let index = usize::from(next);
        if self.taken.len() <= index {
            self.taken.resize(index + 1, 0);
        }
        self.taken[index] += 1;
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        self.random()
    }
}
