//! Several nodes over one store as a small model: every order of what they do is searched, not some at random as in
//! `kaskade-aka/src/sqn/tests/nodes.rs`.
//!
//! The nodes are the real thing: [`Issuer`], `Entry`, [`SqnIssuer`], [`GlobalCounter`], [`Shares`] and [`Nodes`] decide, and
//! `engine::check` says whether a unit happens. What is modelled is what lies between them: that a node asks and the answer comes later; that
//! a commit is durable before its node hears of it, or never does; that processes die, fall silent and come back; that each has a clock
//! of its own. Of one card two promises are looked at: no (IND, SEQ) is given twice, and no two nodes whose leases have not
//! ended give numbers at the same place.
//!
//! Left out: a card that is replaced or removed; several cards in one commit; commits that fail without a crash; clocks that step (they
//! are as far apart as they may get); a node that dies while it joins. [`Bounds`] says how far it is looked.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use kaskade_aka::sqn::{
    Clocks, Glc, GlobalCounter, Ind, Proof, Resynchronisation, Seq, SqnLayout, SqnPolicy, SqnRecord, SqnScheme,
};

use super::{Nodes, Said, Shares, say};
use crate::engine::{Batch, Version};
use crate::issuer::{Attempt, Issuer};
use crate::queue::Effect;
use database::{Database, Lease, NodeRows, Numbered, Of, told};
use process::{Auts, Flight, Machine, Process, Reading, Running, Sent, What};
use search::{Kept, Notes};

mod database;
mod doing;
mod process;
mod scenarios;
mod search;

/// Two that run and one that joins.
const NODES: usize = 3;
const START: u64 = 1_700_000_000;
/// Four IND values: the first node has 0, the second 1 to 3, and 2 and 3 go to the third.
const IND_BITS: u8 = 2;

/// How often each of this may still happen: in all nodes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Bounds {
    /// A second passes on one node's clock.
    ticks: u8,
    /// A number is given.
    issues: u8,
    /// A mark is written.
    marks: u8,
    /// A card answers with AUTS.
    autses: u8,
    /// A process dies, and starts again.
    crashes: u8,
    /// A process is silent until its lease has lapsed.
    lapses: u8,
    /// A process forgets a card.
    drops: u8,
    /// A new node starts.
    joins: u8,
}

/// What is searched, and how far.
#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    /// How many nodes run at the beginning.
    first: usize,
    /// How far the clock may carry the card without a write.
    horizon: u64,
    bounds: Bounds,
    /// Whether one number more comes to an end, too: of the others that takes too long.
    grows: bool,
}

/// The nodes of a scenario.
struct Nodelike {
    machine: Machine,
    scheme: SqnScheme,
    /// How many nodes run at the beginning.
    first: usize,
    bounds: Bounds,
    /// Who asks for vectors: of three IND values it gets the second, of two or four the one that is the second of those three.
    requesting_node: String,
}

#[derive(Clone)]
struct State {
    database: Database,
    processes: [Process; NODES],
    /// Seconds since the beginning, by each node's clock.
    walls: [u8; NODES],
    left: Bounds,
    /// IND, SEQ, and who gave it.
    issued: Kept<BTreeMap<(u8, u64), usize>>,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (&self.database, &self.processes, &self.walls, &self.left, &self.issued).hash(hasher);
        let mut numbered = Numbered::default();
        numbered.card(self.database.version.0);
        numbered.rows(&self.database.rows);
        for process in &self.processes {
            match process {
                Process::Runs(process) => process.versions(&mut numbered),
                Process::Joins(rows) => numbered.rows(rows),
                _ => {}
            }
        }
        hasher.write(numbered.numbers());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Card {
    /// It has gone back, further than Δ.
    Behind,
    /// It has seen what nobody knows of.
    Ahead,
}

/// What a node does, or what befalls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Tick,
    Read,
    Compare,
    Issue,
    /// The committer's commit is durable.
    Write {
        mark: bool,
    },
    Hear,
    LookAtShares,
    Drop,
    Auts(Card),
    LoadForAuts,
    Resynchronise,
    CrashAndStart,
    Lapse,
    ComeBack,
    Start,
    Join,
    ReadLeases,
    AskWhoIsBehind,
}

/// What should be seen to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Event {
    Issued,
    JoinedWithPlaces,
    IssuedWhereAnotherHas,
    GaveUpPlaces,
    CrashedWithUnknownCommit,
    CrashedBeforeCommit,
    NewEpoch,
    IssuedInNewEpoch,
    Raised,
    MoveLost,
    ReservationLost,
    EndedWhileSilent,
    CameBack,
    IssuedAfterItsEnd,
    LateAnswer,
    ReuseRefused,
}

impl Notes {
    fn see(&mut self, event: Event) {
        self.events |= 1 << event as u8;
    }
}

impl Nodelike {
    fn new(
        scheme: SqnScheme,
        Scenario {
            first, horizon, bounds, ..
        }: Scenario,
    ) -> Self {
        // Numbers of an earlier epoch are met at once after a card went back, and marks and horizons soon.
        let policy = SqnPolicy {
            delta: 1,
            horizon,
            smallest_range: 1,
            largest_range: 2,
            ..SqnPolicy::default()
        };
        let layout = SqnLayout::new(IND_BITS).expect("few");
        let two = Shares::of_one(0).with(1).expect("a share");
        let three = two.with(2).expect("a share");
        let name = (0..).map(|number| format!("node {number}")).find(|name| {
            let at = |shares: &Shares, node, ind| shares.of(node).ind(layout, name) == Some(Ind(ind));
            at(&Shares::of_one(0), 0, 2) && at(&two, 0, 0) && at(&two, 1, 2) && at(&three, 1, 1) && at(&three, 2, 2)
        });
        Self {
            machine: Machine::new(policy),
            scheme,
            first,
            bounds,
            requesting_node: name.expect("one of twelve"),
        }
    }

    fn clocks(walls: &[u8; NODES], k: usize) -> Clocks {
        let monotonic = Duration::from_secs(walls[k].into());
        Clocks {
            wall: Duration::from_secs(START) + monotonic,
            monotonic,
        }
    }

    /// How far the mark is ahead.
    const LEAD: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_secs(1);

    /// Nodes that run with durable marks; the card has seen up to 6.
    fn initial(&self) -> State {
        let mut shares = Shares::of_one(0);
        for node in 1..self.first {
            shares = shares.with(u8::try_from(node).expect("few")).expect("a share");
        }
        let shares = Rc::new(shares);
        let walls = [0; NODES];
        let clocks = Self::clocks(&walls, 0);
        let counter = GlobalCounter::start(Self::TICK, clocks, None, None).expect("no mark");
        let layout = SqnLayout::new(IND_BITS).expect("few");
        let record = SqnRecord::after(self.scheme, layout, Seq(6)).with_general(3, 2);
        let record = record.expect("fits").anchored(counter.now(), &self.machine.policy);
        let mark = counter.mark_ahead(Self::LEAD);
        let runs = |node: usize| Process::Runs(Kept::new(self.started(node, counter, &shares, Some(mark))));
        let runs_first = |node: usize| node < self.first;
        let said = Said {
            mark: mark.0,
            generation: shares.generation,
        };
        State {
            database: Database {
                record: Rc::new(record),
                version: Of(Version(0)),
                rows: NodeRows {
                    said: std::array::from_fn(|node| runs_first(node).then_some((said, Of(Version(0))))),
                    lives: std::array::from_fn(|node| runs_first(node).then_some(Of(Version(0)))),
                    shares: Some((Rc::clone(&shares), Of(Version(0)))),
                },
                last: Of(Version(0)),
                leases: std::array::from_fn(|node| match runs_first(node) {
                    true => Lease::Lasts,
                    false => Lease::Never,
                }),
            },
            processes: std::array::from_fn(|node| match runs_first(node) {
                true => runs(node),
                false => Process::Away,
            }),
            walls,
            left: self.bounds,
            issued: Kept::new(BTreeMap::new()),
        }
    }

    fn started(&self, node: usize, counter: GlobalCounter, shares: &Rc<Shares>, mark: Option<Glc>) -> Running {
        Running {
            counter,
            now: counter.now(),
            mark,
            said_mark: mark.unwrap_or_default(),
            places: shares.of(u8::try_from(node).expect("few")),
            shares: Rc::clone(shares),
            says: false,
            entry: None,
            reading: None,
            auts: None,
            queue: None,
            sent: None,
        }
    }

    /// What may befall any process, or a process that is not there yet does.
    fn befall(&self, state: &mut State, (k, doing): (usize, Doing), notes: &mut Notes) -> Option<()> {
        let lease = state.database.leases[k];
        match doing {
            Doing::CrashAndStart => {
                let Process::Runs(process) = &state.processes[k] else {
                    return None;
                };
                state.left.crashes = state.left.crashes.checked_sub(1)?;
                if process.sent.is_some() {
                    notes.see(Event::CrashedWithUnknownCommit);
                }
                if process.queue.is_some() {
                    notes.see(Event::CrashedBeforeCommit);
                }
                self.start(state, k);
            }
            Doing::Start => {
                state.left.joins = state.left.joins.checked_sub(1)?;
                self.start(state, k);
            }
            Doing::Lapse => {
                state.left.lapses = state.left.lapses.checked_sub(1)?;
                state.database.leases[k] = Lease::Lapsed;
            }
            Doing::ComeBack if lease == Lease::Lapsed => {
                state.database.leases[k] = Lease::Lasts;
                notes.see(Event::CameBack);
            }
            Doing::Join | Doing::ReadLeases | Doing::AskWhoIsBehind => return self.join(state, (k, doing), notes),
            _ => return None,
        }
        Some(())
    }

    /// Takes the lease, and reads the nodes.
    fn start(&self, state: &mut State, k: usize) {
        state.database.leases[k] = Lease::Lasts;
        state.processes[k] = Process::Joins(Rc::new(state.database.rows.clone()));
    }

    fn join(&self, state: &mut State, (k, doing): (usize, Doing), notes: &mut Notes) -> Option<()> {
        let node = u8::try_from(k).expect("few");
        let next = match (doing, &state.processes[k]) {
            (Doing::Join, Process::Joins(rows)) => {
                let nodes = rows.nodes();
                let keys = self.machine.keys();
                let (unit, shares, _) = nodes.joining(keys, node, nodes.highest_mark()).expect("a share");
                match state.database.commit(keys, &unit) {
                    true => Process::Waits(Rc::new(shares)),
                    false => Process::Joins(Rc::new(state.database.rows.clone())),
                }
            }
            (Doing::ReadLeases, Process::Waits(shares)) => Process::Asks(Rc::clone(shares), state.database.leases),
            (Doing::AskWhoIsBehind, Process::Asks(shares, leases)) => {
                let shares = Rc::clone(shares);
                let nodes = state.database.rows.nodes();
                let behind = nodes.behind(told(leases), (&shares, node));
                let waits = behind.into_iter().any(|lease| {
                    let now = &mut state.database.leases[usize::from(lease.node)];
                    if *now == Lease::Lapsed && !lease.lives {
                        *now = Lease::Ended;
                        notes.see(Event::EndedWhileSilent);
                        notes.say(format_args!("node {} is silent: its lease is ended", lease.node));
                    }
                    lease.lives || *now == Lease::Lasts
                });
                match waits {
                    true => Process::Waits(shares),
                    false => {
                        // Read after all go by the shares.
                        let mark = nodes.highest_mark();
                        let clocks = Self::clocks(&state.walls, k);
                        let counter = GlobalCounter::start(Self::TICK, clocks, Some(mark), None).expect("any distance");
                        notes.say(format_args!(
                            "starts at {} above {}",
                            counter.now().0 - START,
                            mark.0 - START
                        ));
                        let is_new = nodes.said.len() > self.first && k >= self.first;
                        if is_new {
                            notes.see(Event::JoinedWithPlaces);
                        }
                        Process::Runs(Kept::new(Running {
                            said_mark: mark,
                            ..self.started(k, counter, &shares, None)
                        }))
                    }
                }
            }
            _ => return None,
        };
        state.processes[k] = next;
        Some(())
    }

    /// What a process that runs does.
    fn run(
        &self,
        state: &mut State,
        process: &mut Running,
        (k, doing): (usize, Doing),
        notes: &mut Notes,
    ) -> Option<()> {
        let reads = state.database.leases[k] == Lease::Lasts && process.mark.is_some();
        match doing {
            Doing::Tick => {
                state.left.ticks = state.left.ticks.checked_sub(1)?;
                state.walls[k] += 1;
                // Whoever waits for a commit moves no clock.
                if process.sent.is_none() {
                    self.move_clock(state, process, k);
                }
            }
            Doing::Read if reads && process.reading.is_none() => {
                process.reading = Some(self.read(state, process, k)?);
            }
            Doing::Compare => self.compare(process, k, notes)?,
            Doing::Issue => self.issue(state, process, k, notes)?,
            Doing::Write { mark } => self.write(state, process, (k, mark), notes)?,
            Doing::Hear => self.hear(state, process, k)?,
            Doing::LookAtShares => {
                let shares = state.database.shares();
                let others = shares.generation > process.shares.generation && process.sent.is_none();
                if state.database.leases[k] != Lease::Lasts || !others {
                    return None;
                }
                let (before, own) = (process.places, shares.of(u8::try_from(k).expect("few")));
                let keep = |issuer: &Issuer| issuer.places.iter().for_each(|places| places.keep(own));
                self.machine.with(k, process, keep);
                process.shares = Rc::clone(shares);
                process.says = true;
                if process.places != before {
                    notes.see(Event::GaveUpPlaces);
                }
            }
            Doing::Drop if process.is_quiet() && process.sent.is_none() => {
                let held = process.entry.as_ref()?;
                state.left.drops = state.left.drops.checked_sub(1)?;
                if !held.issuer.is_idle(process.now) && !held.issuer.is_recoverable() {
                    return None;
                }
                process.entry = None;
            }
            Doing::Auts(card) if reads && process.is_quiet() => {
                state.left.autses = state.left.autses.checked_sub(1)?;
                let asked = self.asks(state, process, k);
                process.auts = Some(Auts::Asks(card, asked));
            }
            Doing::LoadForAuts if reads => {
                let Some(Auts::Asks(card, _)) = process.auts else {
                    return None;
                };
                let Some(Auts::Asks(_, found)) = &process.auts else {
                    return None;
                };
                let found = found.clone();
                self.load(process, k, found);
                process.auts = Some(Auts::Knows(card, Rc::new(state.database.rows.clone())));
            }
            Doing::Resynchronise => self.resynchronise(state, process, k, notes)?,
            _ => return None,
        }
        Some(())
    }
}
