//! What is searched, and how far. `KASKADE_MODEL_MORE` lets so many more numbers be given, where that is searched.

use super::search::{Model, Searched, search};
use super::*;

/// More than any scenario has.
const MOST: usize = 30_000_000;

impl Model for Nodelike {
    type State = State;
    type Action = (u8, Doing);

    fn actions(&self, state: &State, actions: &mut Vec<(u8, Doing)>) {
        let left = &state.left;
        let joins = |process: &Process| matches!(process, Process::Joins(_) | Process::Waits(_) | Process::Asks(..));
        for (k, process) in (0_u8..).zip(&state.processes) {
            let mut may = |may: bool, doing: Doing| actions.extend(may.then_some((k, doing)));
            // Only who joins looks at leases.
            let mut others = (0_u8..).zip(&state.processes).filter(|(other, _)| *other != k);
            let seen = others.any(|(_, other)| joins(other));
            let lease = state.database.leases[usize::from(k)];
            may(lease == Lease::Lapsed, Doing::ComeBack);
            may(lease == Lease::Lasts && seen && left.lapses > 0, Doing::Lapse);
            match process {
                Process::Away => may(left.joins > 0 && usize::from(k) == self.first, Doing::Start),
                Process::Joins(_) => may(true, Doing::Join),
                Process::Waits(_) => may(true, Doing::ReadLeases),
                Process::Asks(..) => may(true, Doing::AskWhoIsBehind),
                Process::Runs(process) => {
                    let (reads, hears) = (lease == Lease::Lasts, process.sent.is_some());
                    let quiet = process.is_quiet();
                    may(process.entry.is_some() && left.issues > 0, Doing::Issue);
                    may(process.reading.is_some(), Doing::Compare);
                    may(reads && process.reading.is_none(), Doing::Read);
                    may(hears, Doing::Hear);
                    may(
                        !hears && (process.queue.is_some() || process.says),
                        Doing::Write { mark: false },
                    );
                    may(!hears && left.marks > 0, Doing::Write { mark: true });
                    may(reads && !hears, Doing::LookAtShares);
                    may(
                        reads && matches!(process.auts, Some(Auts::Asks(..))),
                        Doing::LoadForAuts,
                    );
                    may(matches!(process.auts, Some(Auts::Knows(..))), Doing::Resynchronise);
                    may(reads && quiet && left.autses > 0, Doing::Auts(Card::Behind));
                    may(reads && quiet && left.autses > 0, Doing::Auts(Card::Ahead));
                    may(left.ticks > 0, Doing::Tick);
                    may(quiet && !hears && left.drops > 0, Doing::Drop);
                    may(left.crashes > 0, Doing::CrashAndStart);
                }
            }
        }
    }

    fn step(&self, before: &State, (k, doing): (u8, Doing), notes: &mut Notes) -> Option<State> {
        let (mut state, k) = (before.clone(), usize::from(k));
        match (&before.processes[k], doing) {
            (Process::Runs(process), doing)
                if !matches!(doing, Doing::CrashAndStart | Doing::Lapse | Doing::ComeBack) =>
            {
                let mut process = Running::clone(process);
                self.run(&mut state, &mut process, (k, doing), notes)?;
                state.processes[k] = Process::Runs(Kept::new(process));
            }
            _ => self.befall(&mut state, (k, doing), notes)?,
        }
        Some(state)
    }
}

/// Searches one scenario; all these events must be among what is seen.
fn every_order(scheme: SqnScheme, mut scenario: Scenario, events: &[Event]) {
    let more = std::env::var("KASKADE_MODEL_MORE")
        .ok()
        .and_then(|more| more.parse().ok());
    scenario.bounds.issues += more.filter(|_| scenario.grows).unwrap_or(0);
    let (model, name) = (Nodelike::new(scheme, scenario), scenario.name);
    let searched = match search(&model, &model.initial(), MOST) {
        Ok(searched) => searched,
        Err(path) => panic!("{name}: {path}"),
    };
    let Searched {
        states,
        transitions,
        depth,
        events: seen,
    } = searched;
    println!("{name}: {states} states, {transitions} transitions, {depth} actions deep");
    let unseen: Vec<_> = events.iter().filter(|event| seen >> **event as u8 & 1 == 0).collect();
    assert!(unseen.is_empty(), "{name}: the search never comes to {unseen:?}");
}

/// One goes on in an epoch in which the other is behind.
#[test]
fn every_order_of_two_nodes_that_count() {
    let scenario = Scenario {
        name: "two nodes that count",
        first: 2,
        horizon: 3,
        grows: false,
        bounds: Bounds {
            issues: 3,
            autses: 1,
            ..Bounds::default()
        },
    };
    let events = [
        Event::NewEpoch,
        Event::Raised,
        Event::IssuedInNewEpoch,
        Event::MoveLost,
        Event::ReservationLost,
    ];
    every_order(SqnScheme::NonTimeBased, scenario, &events);
}

/// One gives what its mark lets it, and writes a later one; the other moves the card meanwhile.
#[test]
fn every_order_of_two_nodes_by_the_clock() {
    let scenario = Scenario {
        name: "two nodes by the clock",
        first: 2,
        horizon: 3,
        grows: false,
        bounds: Bounds {
            ticks: 2,
            issues: 2,
            marks: 1,
            autses: 1,
            ..Bounds::default()
        },
    };
    let events = [
        Event::NewEpoch,
        Event::Raised,
        Event::IssuedInNewEpoch,
        Event::MoveLost,
        Event::LateAnswer,
    ];
    every_order(SqnScheme::TimeBased, scenario, &events);
}

/// With a commit on its way, or one that it never hears of, or one of the other's.
#[test]
fn every_order_of_a_crash_and_a_move() {
    let scenario = Scenario {
        name: "a crash and a move",
        first: 2,
        horizon: 3,
        grows: true,
        bounds: Bounds {
            issues: 2,
            marks: 1,
            autses: 1,
            crashes: 1,
            ..Bounds::default()
        },
    };
    let events = [
        Event::CrashedWithUnknownCommit,
        Event::CrashedBeforeCommit,
        Event::NewEpoch,
        Event::IssuedInNewEpoch,
    ];
    every_order(SqnScheme::TimeBased, scenario, &events);
}

/// The clock of one that has started anew is far ahead: idle time is taken out of the card's offset.
#[test]
fn every_order_of_two_crashes() {
    let scenario = Scenario {
        name: "two crashes",
        first: 2,
        horizon: 1,
        grows: true,
        bounds: Bounds {
            issues: 3,
            marks: 2,
            crashes: 2,
            ..Bounds::default()
        },
    };
    let events = [Event::CrashedWithUnknownCommit, Event::CrashedBeforeCommit];
    every_order(SqnScheme::TimeBased, scenario, &events);
}

/// A node takes places, from one that gives them up or is silent.
#[test]
fn every_order_of_a_join() {
    let scenario = Scenario {
        name: "a join",
        first: 2,
        horizon: 3,
        grows: false,
        bounds: Bounds {
            issues: 3,
            marks: 1,
            lapses: 1,
            joins: 1,
            ..Bounds::default()
        },
    };
    let events = [
        Event::JoinedWithPlaces,
        Event::IssuedWhereAnotherHas,
        Event::GaveUpPlaces,
        Event::EndedWhileSilent,
        Event::CameBack,
        Event::IssuedAfterItsEnd,
    ];
    every_order(SqnScheme::TimeBased, scenario, &events);
}

/// A card is moved while a second node joins.
#[test]
fn every_order_of_a_join_and_a_move() {
    let scenario = Scenario {
        name: "a join and a move",
        first: 1,
        horizon: 3,
        grows: true,
        bounds: Bounds {
            issues: 2,
            marks: 1,
            autses: 1,
            lapses: 1,
            joins: 1,
            ..Bounds::default()
        },
    };
    let events = [
        Event::JoinedWithPlaces,
        Event::IssuedWhereAnotherHas,
        Event::EndedWhileSilent,
        Event::NewEpoch,
        Event::IssuedInNewEpoch,
        Event::MoveLost,
    ];
    every_order(SqnScheme::TimeBased, scenario, &events);
}
