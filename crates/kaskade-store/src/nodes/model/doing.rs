//! What a process that runs does, by the functions of the store.

use super::*;

impl Nodelike {
    pub(super) fn move_clock(&self, state: &State, process: &mut Running, k: usize) {
        let (now, _) = process.counter.advance(Self::clocks(&state.walls, k));
        let now = process.mark.map_or(now, |mark| now.min(mark));
        process.now = process.now.max(now);
    }

    /// Asks for the rows of the card. The answer is of this moment, whenever it arrives.
    pub(super) fn asks(&self, state: &State, process: &mut Running, k: usize) -> Reading {
        let key = &self.machine.key;
        Reading {
            asked: self.machine.with(k, process, |issuer| issuer.asks(key)),
            record: Rc::clone(&state.database.record),
            version: state.database.version,
        }
    }

    /// The same where it can change anything.
    pub(super) fn read(&self, state: &State, process: &mut Running, k: usize) -> Option<Reading> {
        match &process.entry {
            Some(held) if held.version == state.database.version && held.compared == process.mark => None,
            // Whoever loads it holds it.
            None if !process.is_quiet() => None,
            _ => Some(self.asks(state, process, k)),
        }
    }

    pub(super) fn compare(&self, process: &mut Running, k: usize, notes: &mut Notes) -> Option<()> {
        let reading = process.reading.take()?;
        if process.entry.as_ref().map(|held| held.version.0) != reading.asked.had {
            notes.see(Event::LateAnswer);
        }
        match reading.asked.is_loaded() {
            true => {
                let found = (
                    SqnRecord::clone(&reading.record),
                    self.machine.owner(),
                    reading.version.0,
                );
                let key = &self.machine.key;
                let compare = |issuer: &Issuer| issuer.compare(key, reading.asked, Some(found));
                self.machine.with(k, process, compare);
            }
            false => self.load(process, k, reading),
        }
        Some(())
    }

    /// Takes over what the holder of a card has read.
    pub(super) fn load(&self, process: &mut Running, k: usize, reading: Reading) {
        let found = (
            SqnRecord::clone(&reading.record),
            self.machine.owner(),
            reading.version.0,
        );
        let key = &self.machine.key;
        self.machine.with(k, process, |issuer| {
            let mut shard = issuer.shard(key);
            let _ = shard.entry_or_new(key).loaded(reading.asked, Some(found));
        });
    }

    pub(super) fn issue(&self, state: &mut State, process: &mut Running, k: usize, notes: &mut Notes) -> Option<()> {
        process.entry.as_ref().filter(|_| process.mark.is_some())?;
        state.left.issues = state.left.issues.checked_sub(1)?;
        let machine = &self.machine;
        let attempt = machine.with(k, process, |issuer| {
            let (engine, queue) = (&machine.engine, &machine.queue);
            issuer.attempt((engine, queue), &machine.key, &self.requesting_node, None)
        });
        let taken = machine.taken();
        let reserves = taken.is_some();
        if reserves {
            process.queue = taken;
        }
        match attempt {
            Ok(Attempt::Issued(sqn)) => {
                let layout = SqnLayout::new(IND_BITS).expect("few");
                let (Seq(seq), Ind(ind)) = layout.split(sqn);
                notes.say(format_args!("SEQ {seq} at IND {ind}"));
                self.check(state, process, (k, ind, seq), notes);
                let mut issued = BTreeMap::clone(&state.issued);
                issued.insert((ind, seq), k);
                state.issued = Kept::new(issued);
            }
            Ok(Attempt::Wait(_)) if reserves => state.left.issues += 1,
            _ => return None,
        }
        Some(())
    }

    fn check(&self, state: &State, process: &Running, (k, ind, seq): (usize, u8, u64), notes: &mut Notes) {
        notes.see(Event::Issued);
        let node = u8::try_from(k).expect("few");
        let has = |places: kaskade_aka::sqn::IndPlaces| places.0 >> ind & 1 == 1;
        if let Some(first) = state.issued.get(&(ind, seq)) {
            notes.broken = Some(format!(
                "SEQ {seq} is given twice at IND {ind}: by node {first}, then by node {k}"
            ));
        }
        if !has(process.shares.of(node)) {
            notes.broken = Some(format!("node {k} goes by shares in which IND {ind} is another's"));
        }
        if state.database.leases[k] == Lease::Ended {
            // What it compared before its end lies below what its successor starts above.
            return notes.see(Event::IssuedAfterItsEnd);
        }
        for (other, process) in state.processes.iter().enumerate() {
            let Process::Runs(process) = process else { continue };
            if other != k && has(process.places) && state.database.leases[other] != Lease::Ended {
                notes.broken = Some(format!("nodes {other} and {k} give numbers at IND {ind}"));
            }
        }
        if state.issued.iter().any(|((at, _), who)| *at == ind && *who != k) {
            notes.see(Event::IssuedWhereAnotherHas);
        }
        if process
            .entry
            .as_ref()
            .is_some_and(|held| !held.issuer.record().spent().is_empty())
        {
            notes.see(Event::IssuedInNewEpoch);
        }
    }

    /// One commit of all that waits: durable from now on.
    pub(super) fn write(
        &self,
        state: &mut State,
        process: &mut Running,
        (k, with_mark): (usize, bool),
        notes: &mut Notes,
    ) -> Option<()> {
        if process.sent.is_some() || state.database.leases[k] == Lease::Ended {
            return None;
        }
        let mut mark = None;
        if with_mark {
            state.left.marks = state.left.marks.checked_sub(1)?;
            self.move_clock(state, process, k);
            let ahead = process.counter.mark_ahead(Self::LEAD);
            mark = Some(ahead).filter(|ahead| process.mark != Some(*ahead));
            mark?;
        }
        if process.queue.is_none() && mark.is_none() && !process.says {
            return None;
        }
        let numbers = process.queue.take().map(|flight| {
            let unit = flight.unit(&self.machine.key);
            let done = state.database.commit_numbers(&unit, flight.what.record());
            match (&flight.what, done) {
                (What::Moved(_, true), Some(_)) => notes.see(Event::NewEpoch),
                (What::Moved(_, false), Some(_)) => notes.see(Event::Raised),
                (What::Moved(..), None) => notes.see(Event::MoveLost),
                (What::Reserved(..), None) => notes.see(Event::ReservationLost),
                (What::Reserved(..), Some(_)) => {}
            }
            let happened = if done.is_some() {
                "numbers are written"
            } else {
                "a conflict: numbers are not"
            };
            notes.say(format_args!("{happened} ({:?})", flight.what));
            (flight.what, done)
        });
        if mark.is_some() || process.says {
            let node = u8::try_from(k).expect("few");
            let said = Said {
                mark: mark.or(process.mark).unwrap_or(process.said_mark).0,
                generation: process.shares.generation,
            };
            notes.say(format_args!(
                "it says {} and generation {}",
                said.mark - START,
                said.generation
            ));
            let (mut unit, keys) = (Batch::default(), self.machine.keys());
            say(&mut unit, keys, node, said);
            assert!(state.database.commit(keys, &unit), "nothing is expected of its own row");
            process.says = false;
        }
        process.sent = Some(Sent { numbers, mark });
        Some(())
    }

    pub(super) fn hear(&self, state: &State, process: &mut Running, k: usize) -> Option<()> {
        let Sent { numbers, mark } = process.sent.take()?;
        self.machine.with(k, process, |issuer| {
            if let Some((what, done)) = numbers {
                issuer.settle(vec![self.machine.effect(what)], done.map(|of| of.0));
            }
            if let Some(mark) = mark {
                issuer.settle(vec![Effect::Mark(mark)], Some(Version::default()));
            }
        });
        self.move_clock(state, process, k);
        Some(())
    }

    pub(super) fn resynchronise(
        &self,
        state: &State,
        process: &mut Running,
        k: usize,
        notes: &mut Notes,
    ) -> Option<()> {
        let Some(Auts::Knows(card, rows)) = process.auts.take() else {
            return None;
        };
        let nodes: Nodes = rows.nodes();
        let machine = &self.machine;
        // With Δ of 1 a card at 5 is behind as soon as 7 is next; at 10 it is ahead, or at the beginning of an epoch behind, again.
        let seq_ms = match card {
            Card::Behind => Seq(5),
            Card::Ahead => Seq(10),
        };
        let answers = u64::from(self.bounds.autses - state.left.autses);
        let flight = machine.with(k, process, |issuer| {
            let clock = issuer.clock_of_all(Some(&nodes));
            let now = clock.now.0 << 16;
            // Each RAND is later than the one before.
            let proof = Proof::Fresh {
                made: now + answers,
                now: now + answers,
            };
            let mut shard = issuer.shard(&machine.key);
            let entry = shard.entry(&machine.key).filter(|entry| entry.issuer.is_some())?;
            let before = entry.issuer.as_ref()?;
            let (moved, begins) = match before.resynchronise(seq_ms, proof, clock, &issuer.policy) {
                Ok(Resynchronisation::Raised(moved)) => (moved, false),
                Ok(Resynchronisation::NewEpoch(moved)) => (moved, true),
                // From there on numbers are given once more by intent.
                Ok(Resynchronisation::Reused(_)) => {
                    notes.see(Event::ReuseRefused);
                    return None;
                }
                _ => return None,
            };
            let unit = issuer.unit_of_move(&machine.key, entry, moved.record(), Some(&nodes));
            Some(Flight::of(&unit, What::Moved(Rc::new(moved.into_issuer()), begins)))
        });
        process.queue = flight;
        Some(())
    }
}
