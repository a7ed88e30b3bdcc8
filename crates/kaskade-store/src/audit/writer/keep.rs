//! One segment after the other: the next is prepared before it is needed, the oldest go.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use kaskade_flow::event::{Action, Event, Outcome};

use super::super::error::Wrong;
use super::super::format::{HEAD_LEN, Head, MARKS};
use super::super::{Notice, Step, files, sound};
use super::{AGE_EVERY, Full, RETRY_AFTER, Segment, State, Writer};

/// Up to so many octets are waited for: this thread writes again in less than a tenth of a second.
const READ_AT_ONCE: u64 = 16 << 20;

/// Segments that are read before they go.
pub(super) struct Reading {
    /// The last that is as it was written, and what is wrong behind it.
    thread: JoinHandle<(Option<u64>, Option<Wrong>)>,
    octets: u64,
}

impl Reading {
    fn is_done(&self) -> bool {
        self.octets <= READ_AT_ONCE || self.thread.is_finished()
    }
}

impl Writer {
    /// Goes on in the next segment.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        if self.spare.is_none() {
            if self.retry_at.is_some_and(|at| Instant::now() < at) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.spare = Some(self.folder.spare(self.options.segment_bytes)?);
            self.low = false;
        }
        self.sync()?;
        self.after_sync();
        self.write_mark(true)?;
        self.write_mark(true)?;
        let old = self.segment.as_ref().ok_or_else(|| io::Error::other("no segment"))?;
        old.file.set_len(old.end)?;
        self.step(Step::Syncing);
        old.file.sync_all()?;
        let number = old.number + 1;
        let head = Head {
            log: self.log,
            segment: number,
            entries: self.state.entries,
            before: self.state.hash,
            master_key: self.master_key,
            made_at: self.shared.now().get(),
            commit: self.state.commit,
            course: self.course.now(&self.shared),
        };
        let (mut page, hash) = head.encode(&self.shared.keys);
        let state = State { hash, ..self.state };
        for (at, number) in MARKS.into_iter().zip(self.mark_number + 1..) {
            let mark = self
                .mark(number, state, false)
                .encode(&self.log, head.segment, &self.shared.keys);
            let place = page.get_mut(at..).into_iter().flatten();
            place.zip(&mark).for_each(|(to, from)| *to = *from);
        }
        let file = self.spare.as_ref().ok_or_else(|| io::Error::other("no spare"))?;
        file.write_all_at(&page, 0)?;
        self.step(Step::Syncing);
        file.sync_data()?;
        self.step(Step::Synced);
        self.folder.number_spare(number)?;
        if let (Some(file), Some(old)) = (self.spare.take(), self.segment.take()) {
            self.older.push_back(Full {
                number: old.number,
                octets: old.end,
                course: head.course,
            });
            self.segment = Some(Segment {
                file,
                number,
                end: HEAD_LEN as u64,
                capacity: self.options.segment_bytes,
            });
        }
        self.mark_number += 2;
        self.begun();
        (self.state, self.synced) = (state, state);
        self.introduced.clear();
        self.publish();
        self.last_age = None;
        Ok(())
    }

    /// Prepares the next segment before it is needed.
    pub(super) fn keep_room(&mut self) -> io::Result<()> {
        let Some(segment) = &self.segment else { return Ok(()) };
        let free = segment.capacity.saturating_sub(segment.end);
        let waits = self.retry_at.is_some_and(|at| Instant::now() < at);
        if self.spare.is_some() || free > self.options.segment_bytes / 4 * 3 {
            return Ok(());
        }
        if waits {
            return match self.full {
                true => Err(io::ErrorKind::StorageFull.into()),
                false => Ok(()),
            };
        }
        match self.folder.spare(self.options.segment_bytes) {
            Ok(file) => {
                self.spare = Some(file);
                self.low = false;
            }
            Err(error) if files::is_full(&error) && !self.full && self.room() > 0 => {
                // There is room yet: it is tried again.
                if !self.low {
                    self.low = true;
                    self.tell(&Notice::Low(error.to_string()));
                }
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Says which segments go, and removes them when that is durable. Age is by the log's own course: a wall clock that is wrong for a
    /// minute takes no history with it.
    ///
    /// They are read before, beside this thread where that takes long. One that is not as it was written stays, and so do those behind it.
    pub(super) fn keep_age(&mut self) {
        if self.removing.is_some() {
            return;
        }
        if self.reading.is_none() {
            if self.last_age.is_some_and(|last| last.elapsed() < AGE_EVERY) {
                return;
            }
            self.last_age = Some(Instant::now());
            self.reading = self.too_old().and_then(|last| self.begin_to_read(last));
        }
        let Some(reading) = self.reading.take_if(|reading| reading.is_done()) else {
            return;
        };
        // One that panicked has read nothing: it is tried again.
        let (sound, wrong) = reading.thread.join().unwrap_or_default();
        if let Some(wrong) = wrong.filter(|wrong| self.kept.as_ref() != Some(wrong)) {
            self.tell(&Notice::Kept(wrong.to_string()));
            self.kept = Some(wrong);
        }
        if let Some(last) = sound {
            let at = self.shared.now();
            self.own
                .push(Event::new(Outcome::Noted, Action::SegmentsRemoved, at).correlated(last));
            self.removing = Some(last);
        }
    }

    /// Up to which segment all are too old, or too much.
    fn too_old(&self) -> Option<u64> {
        let (course, keep) = (self.course.now(&self.shared), crate::clock::millis(self.options.keep));
        let mut octets: u64 = self.older.iter().map(|full| full.octets).sum();
        octets += 2 * self.options.segment_bytes;
        let mut last = None;
        for full in &self.older {
            let is_young = course.saturating_sub(full.course) < keep;
            if octets <= self.options.keep_bytes && is_young && full.number > self.removed {
                break;
            }
            octets -= full.octets;
            last = Some(full.number);
        }
        last
    }

    /// Begins to read the full segments up to this one.
    fn begin_to_read(&self, last: u64) -> Option<Reading> {
        let due = || self.older.iter().take_while(|full| full.number <= last);
        let octets = due().map(|full| full.octets).sum();
        let numbers: Vec<u64> = due().map(|full| full.number).collect();
        let (shared, folder) = (Arc::clone(&self.shared), self.folder.path().to_owned());
        let read = move || {
            let stopping = || shared.stop.load(Ordering::Acquire);
            sound::read(&folder, numbers, &shared.keys, stopping)
        };
        // Without a thread they stay for now.
        let thread = thread::Builder::new().name("audit-read".into()).spawn(read).ok()?;
        Some(Reading { thread, octets })
    }
}
