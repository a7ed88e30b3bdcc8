//! What happens to nodes and servers.

use std::thread::sleep;
use std::time::Duration;

use kaskade_testkit::postgres::{Direction, Pair, Proxy};

use super::promises::Address;
use super::{NODES, folder, start, supi};
use crate::common::{Place, Up};
use crate::postgres::{udm, vector_of};

/// How long a server holds the place of a node that is silent.
const LEASE: Duration = Duration::from_secs(6);
/// Whom nobody's card is.
pub(super) const WATCHED: usize = NODES;

/// One after the other, a round each.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mishap {
    /// The server dies, its standby goes on, and gets a standby again.
    FailOver,
    /// A node is killed, and started with another clock.
    Kill,
    /// A node does not hear the server, or is not heard.
    CutOff,
    /// The clock of a node goes forward and back by hours.
    ClockSteps,
    /// The same as cut off, and another node comes, which does not wait for it.
    TakenOver,
}

impl Mishap {
    const ALL: [Self; 5] = [
        Self::FailOver,
        Self::Kill,
        Self::CutOff,
        Self::ClockSteps,
        Self::TakenOver,
    ];

    pub(super) fn of(round: usize) -> Self {
        Self::ALL[round % Self::ALL.len()]
    }
}

/// Servers, the ways of each node to them, and the nodes.
pub(super) struct World<'a> {
    pub(super) place: &'a Place,
    pub(super) pair: &'a Pair,
    pub(super) server: &'a str,
    pub(super) ways: &'a [[Proxy; 2]],
    pub(super) nodes: Vec<Up>,
}

impl World<'_> {
    /// What of a round happens while cards are served.
    pub(super) fn suffer(&mut self, round: usize) {
        let (turn, node) = self.who(round);
        match Mishap::of(round) {
            Mishap::FailOver => {
                self.pair.primary().kill();
                self.pair.promote();
                self.pair.rejoin();
            }
            Mishap::Kill => self.nodes[node].signal("-KILL"),
            Mishap::CutOff => {
                use Direction::{ToNode, ToServer};
                let directions: [&[Direction]; 3] = [&[ToServer], &[ToNode], &[ToServer, ToNode]];
                self.cut_off(node, directions[turn % 3]);
                self.gives_nothing(node);
                // Its lease runs out meanwhile, and nobody wants it.
                sleep(LEASE);
                self.gives_nothing(node);
                self.mend(node);
                gives_vectors(&udm(&self.nodes[node]));
            }
            Mishap::ClockSteps => {
                for hours in [5, -7] {
                    set_clock(self.place, node, hours);
                    gives_vectors(&udm(&self.nodes[node]));
                    sleep(Duration::from_secs(3));
                }
            }
            Mishap::TakenOver => {
                self.cut_off(node, &[Direction::ToServer, Direction::ToNode]);
                let another = 10 + turn;
                folder(self.place, another, self.server);
                let new = start(self.place, another);
                gives_vectors(&udm(&new));
                self.gives_nothing(node);
                self.mend(node);
                let (status, _) = self.nodes.remove(node).ends_within(Duration::from_secs(20));
                assert_eq!(status.code(), Some(74), "round {round}: node {node}");
                self.nodes.insert(node, start(self.place, node));
                new.stop();
            }
        }
    }

    /// What of it is put in order afterwards.
    pub(super) fn restore(&mut self, round: usize) {
        let (turn, node) = self.who(round);
        if let Mishap::Kill = Mishap::of(round) {
            set_clock(self.place, node, [-4, 9][turn % 2]);
            self.nodes[node] = start(self.place, node);
        }
    }

    /// How often that has happened before, and the node that it happens to.
    fn who(&self, round: usize) -> (usize, usize) {
        let turn = round / Mishap::ALL.len();
        (turn, (round + turn) % self.nodes.len())
    }

    fn cut_off(&self, node: usize, directions: &[Direction]) {
        for (way, direction) in self.ways[node]
            .iter()
            .flat_map(|way| directions.iter().map(move |one| (way, one)))
        {
            way.silence(*direction);
        }
    }

    fn mend(&self, node: usize) {
        self.ways[node].iter().for_each(Proxy::mend);
    }

    /// A node that does not reach the server says so.
    fn gives_nothing(&self, node: usize) {
        let (status, body) = vector_of(&Address::of(&self.nodes[node]).udm, &supi(WATCHED));
        assert!(
            status == "503" && body.contains("NF_CONGESTION"),
            "node {node}: {status} {body}"
        );
    }
}

/// It does soon, by itself.
fn gives_vectors(udm: &str) {
    let mut said = Default::default();
    for _ in 0..600 {
        said = vector_of(udm, &supi(WATCHED));
        if said.0 == "200" {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("{said:?}");
}

/// Sets the wall clock of a node so far ahead.
fn set_clock(place: &Place, node: usize, hours: i64) {
    if !kaskade_faults::STEPS_CLOCKS {
        kaskade_oracle::not_here("clocks that are stepped (built without the feature faults of kaskade-faults)");
        return;
    }
    let new = place.file(&format!("clock{node}.new"), &(hours * 3600).to_string());
    std::fs::rename(new, place.path(&format!("clock{node}"))).expect("set");
}
