//! What is searched, and how far.

use super::search::{Model, search};
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

/// Searches one scenario with each scheme; all these events must be among what is seen.
fn all_orders(name: &str, schemes: &[SqnScheme], first: usize, bounds: Bounds, events: &[Event]) {
    let (first, bounds) = tuned(first, bounds);
    let mut seen = 0;
    let schemes: &[SqnScheme] = match std::env::var("XS").as_deref() {
        Ok("n") => COUNTED,
        Ok("t") => BY_THE_CLOCK,
        Ok("g") => &[SqnScheme::General],
        _ => schemes,
    };
    for scheme in schemes {
        let model = Nodelike::new(*scheme, first, bounds);
        let begun = std::time::Instant::now();
        match search(&model, &model.initial(), MOST) {
            Ok(searched) => {
                println!("{name}, {scheme}: {searched:?} in {:?}", begun.elapsed());
                seen |= searched.events;
            }
            Err(path) => panic!("{name}, {scheme}: {path}"),
        }
    }
    let unseen: Vec<_> = events.iter().filter(|event| seen >> **event as u8 & 1 == 0).collect();
    assert!(unseen.is_empty(), "{name}: the search never comes to {unseen:?}");
}

fn tuned(mut first: usize, mut bounds: Bounds) -> (usize, Bounds) {
    for part in std::env::var("XB").unwrap_or_default().split(',') {
        let Some((name, value)) = part.split_once('=') else {
            continue;
        };
        let value: u8 = value.parse().expect("number");
        match name {
            "first" => first = value.into(),
            "ticks" => bounds.ticks = value,
            "issues" => bounds.issues = value,
            "marks" => bounds.marks = value,
            "autses" => bounds.autses = value,
            "crashes" => bounds.crashes = value,
            "lapses" => bounds.lapses = value,
            "drops" => bounds.drops = value,
            "joins" => bounds.joins = value,
            _ => panic!("{name}"),
        }
    }
    if let Ok(more) = std::env::var("KASKADE_MODEL_MORE") {
        bounds.issues += more.parse::<u8>().expect("a number");
    }
    (first, bounds)
}

const BY_THE_CLOCK: &[SqnScheme] = &[SqnScheme::TimeBased];
const COUNTED: &[SqnScheme] = &[SqnScheme::NonTimeBased];

/// One goes on in an epoch in which the other is behind.
#[test]
fn every_order_of_two_nodes_that_count() {
    let bounds = Bounds {
        issues: 4,
        autses: 1,
        ..Bounds::default()
    };
    let events = [
        Event::NewEpoch,
        Event::Raised,
        Event::IssuedInNewEpoch,
        Event::MoveLost,
        Event::ReservationLost,
        Event::LateAnswer,
    ];
    all_orders("two that count", COUNTED, 2, bounds, &events);
}

/// One has given what its mark lets it; the other moves the card.
#[test]
fn every_order_of_two_nodes_by_the_clock() {
    let bounds = Bounds {
        ticks: 2,
        issues: 3,
        marks: 1,
        autses: 1,
        ..Bounds::default()
    };
    let events = [
        Event::NewEpoch,
        Event::Raised,
        Event::IssuedInNewEpoch,
        Event::MoveLost,
        Event::LateAnswer,
    ];
    all_orders("two by the clock", BY_THE_CLOCK, 2, bounds, &events);
}

#[test]
fn every_order_of_a_crash() {
    let bounds = Bounds {
        ticks: 1,
        issues: 2,
        marks: 1,
        autses: 1,
        crashes: 1,
        ..Bounds::default()
    };
    let events = [
        Event::CrashedWithUnknownCommit,
        Event::CrashedBeforeCommit,
        Event::NewEpoch,
        Event::IssuedInNewEpoch,
    ];
    all_orders("a crash", BY_THE_CLOCK, 2, bounds, &events);
}

#[test]
fn every_order_of_a_join() {
    let bounds = Bounds {
        issues: 2,
        marks: 1,
        lapses: 1,
        joins: 1,
        ..Bounds::default()
    };
    let events = [
        Event::JoinedWithPlaces,
        Event::IssuedWhereAnotherHas,
        Event::GaveUpPlaces,
        Event::EndedWhileSilent,
        Event::CameBack,
        Event::IssuedAfterItsEnd,
    ];
    all_orders("a join", BY_THE_CLOCK, 2, bounds, &events);
}

#[test]
fn every_order_of_a_join_and_a_move() {
    let bounds = Bounds {
        issues: 2,
        marks: 1,
        autses: 1,
        lapses: 1,
        joins: 1,
        ..Bounds::default()
    };
    let events = [Event::JoinedWithPlaces, Event::NewEpoch, Event::IssuedInNewEpoch];
    all_orders("a join and a move", BY_THE_CLOCK, 1, bounds, &events);
}
