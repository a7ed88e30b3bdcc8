//! What is searched, and how far.

use super::search::{Model, search};
use super::*;

/// More than any scenario has.
const MOST: usize = 30_000_000;

impl Model for Nodelike {
    type State = State;
    type Action = (usize, Doing);

    fn actions(&self, state: &State, actions: &mut Vec<(usize, Doing)>) {
        let left = &state.left;
        let joins = |process: &Process| matches!(process, Process::Joins(_) | Process::Waits(_) | Process::Asks(..));
        for (k, process) in state.processes.iter().enumerate() {
            // Only who joins looks at leases.
            let others = state.processes.iter().enumerate().filter(|(other, _)| *other != k);
            let seen = others.into_iter().any(|(_, other)| joins(other));
            let lease = state.database.leases[k];
            if lease == Lease::Lapsed {
                actions.push((k, Doing::ComeBack));
            }
            if lease == Lease::Lasts && seen && left.lapses > 0 {
                actions.push((k, Doing::Lapse));
            }
            match process {
                Process::Away => actions.extend((left.joins > 0 && k == self.first).then_some((k, Doing::Start))),
                Process::Joins(_) => actions.push((k, Doing::Join)),
                Process::Waits(_) => actions.push((k, Doing::ReadLeases)),
                Process::Asks(..) => actions.push((k, Doing::AskWhoIsBehind)),
                Process::Runs(_) => {
                    const ALL: [Doing; 13] = [
                        Doing::Issue,
                        Doing::Compare,
                        Doing::Read,
                        Doing::Hear,
                        Doing::Write { mark: false },
                        Doing::Write { mark: true },
                        Doing::LookAtShares,
                        Doing::LoadForAuts,
                        Doing::Resynchronise,
                        Doing::Auts(Card::Behind),
                        Doing::Auts(Card::Ahead),
                        Doing::Tick,
                        Doing::CrashAndStart,
                    ];
                    actions.extend(ALL.map(|doing| (k, doing)));
                    actions.extend((left.drops > 0).then_some((k, Doing::Drop)));
                }
            }
        }
    }

    fn step(&self, before: &State, (k, doing): (usize, Doing), notes: &mut Notes) -> Option<State> {
        let mut state = before.clone();
        match (&before.processes[k], doing) {
            (_, Doing::CrashAndStart | Doing::Lapse | Doing::ComeBack) => self.befall(&mut state, (k, doing), notes)?,
            (Process::Runs(process), _) => {
                let mut process = process.clone();
                self.run(&mut state, &mut process, (k, doing), notes)?;
                state.processes[k] = Process::Runs(process);
            }
            _ => self.befall(&mut state, (k, doing), notes)?,
        }
        let mut numbers = Renumber::default();
        numbers.numbers(&mut state.database.version);
        numbers.rows(&mut state.database.rows);
        for process in &mut state.processes {
            match process {
                Process::Runs(process) => process.renumber(&mut numbers),
                Process::Joins(rows) => numbers.rows(rows),
                _ => {}
            }
        }
        Some(state)
    }
}

/// Searches one scenario with each scheme; all these events must be among what is seen.
fn all_orders(name: &str, schemes: &[SqnScheme], first: usize, bounds: Bounds, events: &[Event]) {
    let (first, bounds) = tuned(first, bounds);
    let mut seen = 0;
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
        let Some((name, value)) = part.split_once('=') else { continue };
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
    (first, bounds)
}

const BY_THE_CLOCK: &[SqnScheme] = &[SqnScheme::TimeBased];
const COUNTED: &[SqnScheme] = &[SqnScheme::NonTimeBased];

#[test]
fn all_orders_of_a_move() {
    let bounds = Bounds {
        ticks: 2,
        issues: 3,
        marks: 1,
        autses: 1,
        crashes: 0,
        ..Bounds::default()
    };
    all_orders("a move", BY_THE_CLOCK, 2, bounds, &[Event::NewEpoch]);
}

#[test]
fn all_orders_counted() {
    all_orders("counted", COUNTED, 2, Bounds::default(), &[]);
}
