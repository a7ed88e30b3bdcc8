//! The tasks that wait for one connection: one may read while another writes.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Wake, Waker};

use kaskade_faults::fault;

/// What a task waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Direction {
    Read = 0,
    Write = 1,
}

/// Who reads and who writes. TLS may have to write in order to read, and to read in order to write; so whatever a connection waits for,
/// both are told, and none takes the other's turn.
pub(super) struct Tasks {
    waiting: Arc<Waiting>,
    /// Wakes both.
    both: Waker,
}

#[derive(Default)]
struct Waiting([Mutex<Option<Waker>>; 2]);

impl Waiting {
    fn of(&self, direction: usize) -> MutexGuard<'_, Option<Waker>> {
        self.0[direction]
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let [reader, mut writer] = [0, 1].map(|direction| self.of(direction).take());
        if fault!("psk-reader-told-alone") && reader.is_some() {
            writer = None;
        }
        if let (Some(one), Some(other)) = (&reader, &writer)
            && one.will_wake(other)
        {
            one.wake_by_ref();
            return;
        }
        [reader, writer].into_iter().flatten().for_each(Waker::wake);
    }
}

impl Tasks {
    pub(super) fn new() -> Self {
        let waiting = Arc::<Waiting>::default();
        let both = Waker::from(waiting.clone());
        Self { waiting, both }
    }

    /// This task waits now, until the connection can go on in some direction.
    pub(super) fn waits(&self, direction: Direction, cx: &Context<'_>) -> Waker {
        if fault!("psk-writer-forgotten") {
            return cx.waker().clone();
        }
        let mut waker = self.waiting.of(direction as usize);
        match &mut *waker {
            Some(there) => there.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        self.both.clone()
    }
}
