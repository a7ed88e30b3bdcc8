//! A machine that writes: what its step tells rests on its unit.

use kaskade_flow::record::Expect;
use kaskade_flow::{Entropy, Guarded, Machine, Moment, NoRandomness, Step, Unit};
use kaskade_keys::Supi;
use kaskade_store::engine::Conflict;
use kaskade_store::records::CommitError;

use super::kinds::Session;
use super::{Tried, supi};
use crate::conformance::Place;

/// A door that opens once for each key.
enum Door {
    Shut { key: (Supi, u32) },
}

impl Machine for Door {
    type Input = Session;
    type Ask = core::convert::Infallible;
    type Output = &'static str;

    fn deadline(&self) -> Option<Moment> {
        None
    }

    fn handle(self, _: Moment, _: &mut dyn Entropy, input: Option<Session>) -> Step<Self> {
        let Self::Shut { key } = self;
        let Some(session) = input else { return Step::end() };
        let mut unit = Unit::new();
        unit.put(&key, &session, Expect::Absent);
        Step::end().writing(unit).telling(Guarded::new("open"))
    }
}

struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
}

pub(super) fn run(open: &Place) {
    let tried = Tried::new(open);
    let key = (supi(77), 1);
    let knock = |number| {
        let door = Door::Shut { key: key.clone() };
        let step = door.handle(Moment::from_nanos(0), &mut NoEntropy, Some(Session::of(number)));
        let (Some(unit), Some(out)) = (step.unit, step.out) else {
            panic!("it writes, and tells")
        };
        tried.records.commit(*unit, out).wait().map(|told| {
            // Whoever is told finds it written.
            assert_eq!(
                tried.read::<Session>(&key).map(|found| found.record),
                Some(Session::of(number))
            );
            drop(told.map(|told| assert_eq!(told, "open")));
        })
    };
    knock(1).expect("open");
    let second = knock(2);
    assert!(
        matches!(second, Err(CommitError::Conflict(Conflict::Present(_)))),
        "{second:?}"
    );
    let found = tried.read::<Session>(&key).map(|found| found.record);
    assert_eq!(found, Some(Session::of(1)), "nothing of the second one");
}
