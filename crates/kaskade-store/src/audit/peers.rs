//! The names of peers, for whoever reads the log.

use std::collections::{HashMap, VecDeque};

use kaskade_flow::event::PeerId;

/// The most names that are known at a time; the oldest goes, and its peer is shown by its number until it comes again.
const MOST: usize = 8192;

/// Names by number.
#[derive(Default)]
pub(super) struct Peers {
    names: HashMap<PeerId, Box<str>>,
    order: VecDeque<PeerId>,
}

impl Peers {
    pub(super) fn add(&mut self, peer: PeerId, name: &str) {
        if self.names.contains_key(&peer) {
            return;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
        self.names.insert(peer, name.into());
        self.order.push_back(peer);
    }

    pub(super) fn name(&self, peer: PeerId) -> Option<&str> {
        self.names.get(&peer).map(|name| &**name)
    }
}
