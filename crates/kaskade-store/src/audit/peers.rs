//! The names of peers, for whoever reads the log.

use std::collections::HashMap;

use kaskade_flow::event::PeerId;

/// How many names may stay that were not told lately.
const MOST: usize = 8192;
/// The most names at all: who comes then is shown by its number.
const AT_ALL: usize = 1 << 16;

/// Names by number, with the generation in which each was last told. Whoever keeps in mind that a name is here tells it again in the
/// next generation, so what was not told in this one nor in the one before is not needed by anything that waits.
#[derive(Default)]
pub(super) struct Peers {
    names: HashMap<PeerId, (Box<str>, u64)>,
    generation: u64,
}

impl Peers {
    pub(super) fn add(&mut self, peer: PeerId, name: &str) {
        if let Some((_, told)) = self.names.get_mut(&peer) {
            *told = self.generation;
            return;
        }
        if self.names.len() < AT_ALL {
            self.names.insert(peer, (name.into(), self.generation));
        }
    }

    pub(super) fn name(&self, peer: PeerId) -> Option<&str> {
        self.names.get(&peer).map(|(name, _)| &**name)
    }

    /// Begins the next generation, and forgets names if there are many; which one it is.
    pub(super) fn turn(&mut self) -> u64 {
        self.generation += 1;
        let generation = self.generation;
        if self.names.len() > MOST {
            self.names.retain(|_, (_, told)| *told + 1 >= generation);
        }
        generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: usize) -> PeerId {
        PeerId::from_octets((number as u64).to_be_bytes())
    }

    #[test]
    fn no_crowd_drives_out_a_name_that_may_be_needed() {
        let mut peers = Peers::default();
        peers.add(peer(0), "amf");
        for number in 1..=3 * MOST {
            peers.add(peer(number), "somebody");
        }
        assert_eq!(peers.name(peer(0)), Some("amf"));
        peers.turn();
        assert_eq!(peers.name(peer(0)), Some("amf"), "an event of it may wait yet");
        peers.add(peer(0), "amf");
        peers.turn();
        assert_eq!(peers.name(peer(0)), Some("amf"));
        assert_eq!(peers.names.len(), 1, "what nobody told again is gone");
        for number in 1..2 * AT_ALL {
            peers.add(peer(number), "somebody");
        }
        assert_eq!(peers.names.len(), AT_ALL);
        assert_eq!(peers.name(peer(0)), Some("amf"));
    }
}
