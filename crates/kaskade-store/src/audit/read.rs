//! Reading a log, also while another process writes it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;
use kaskade_flow::event::{Entry, PeerId};
use kaskade_keys::Supi;

use super::error::{AuditError, What, Wrong};
use super::files;
use super::walk::{self, Known, Visit, Walked};
use super::{Anchor, pseudonym};
use crate::locked::Locked;
use crate::master_key::MasterKey;
use crate::private;

/// Reads a log from its folder, without a lock.
pub struct LogReader {
    folder: PathBuf,
    log: [u8; 16],
    keys: Option<Locked<StoreKeys>>,
    is_part: bool,
    /// Segments before this one are not looked at.
    from: u64,
}

/// What a log came to that is as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How far it goes.
    pub anchor: Anchor,
    /// How many segments there are.
    pub segments: u64,
    /// The number of the oldest: those before it were removed.
    pub first_segment: u64,
    /// How many entries there are.
    pub entries: u64,
    /// Whether it was closed: if not, a process writes it, or was killed, or it goes on elsewhere.
    pub closed: bool,
    /// Whether the last segment is full: the log goes on in the next one, which is not here.
    pub goes_on: bool,
    /// Whether the codes were checked too, which takes the master key.
    pub codes_checked: bool,
}

impl LogReader {
    /// Opens a log for reading. With the master key, `verify` also finds a chain that somebody computed anew.
    ///
    /// # Errors
    /// [`AuditError`]: there is none, it lets others in, or it is of another master key.
    pub fn open(folder: &Path, master_key: Option<&MasterKey>) -> Result<Self, AuditError> {
        private::check_folder(folder)?;
        let segments = files::segments(folder).map_err(|error| files::io_error(folder, &error))?;
        let Some(last) = segments.last() else {
            return Err(Wrong::new(1, &files::segment(folder, 1), None, What::Missing).into());
        };
        let path = files::segment(folder, *last);
        let head = walk::head(&path, *last, None)?;
        if let Some(key) = master_key {
            check_master_key(&path, head.master_key, key)?;
        }
        let log = files::identity(folder)?.unwrap_or(head.log);
        Ok(Self {
            folder: folder.into(),
            log,
            keys: master_key.map(|key| Locked::with(|| key.audit_keys(&log))),
            is_part: false,
            from: 0,
        })
    }

    /// The same log, of which the first segments are elsewhere and not missed: an archive, or a part of one.
    #[must_use]
    pub fn part(self) -> Self {
        Self { is_part: true, ..self }
    }

    /// The same log from the segment on in which this entry is, counted from 1 over the whole log; those before it are not read.
    ///
    /// # Errors
    /// [`Wrong`]: the head of a segment is not as it was written.
    pub fn since(self, entry: u64) -> Result<Self, Wrong> {
        let mut from = 0;
        for number in self.segments()?.into_iter().rev() {
            from = number;
            match walk::head(&files::segment(&self.folder, number), number, None) {
                Ok(head) if head.entries < entry => break,
                Ok(_) => {}
                // The writer has removed it meanwhile.
                Err(wrong) if wrong.what == What::Missing => break,
                Err(wrong) => return Err(wrong),
            }
        }
        Ok(Self { from, ..self.part() })
    }

    /// The pseudonym that a subscriber has in this log; `None` without the master key.
    pub fn pseudonym(&self, supi: &Supi) -> Option<[u8; 8]> {
        self.keys.as_ref().map(|keys| pseudonym(keys, supi))
    }

    /// Checks the whole chain, and against the anchors that there are. `progress` is told how many octets of how many are done.
    ///
    /// # Errors
    /// [`Wrong`]: the first place that is not as it was written.
    pub fn verify<'a>(
        &self,
        anchors: impl IntoIterator<Item = &'a Anchor>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Summary, Wrong> {
        self.read(anchors, progress, &mut |_, _| ())
    }

    /// Shows entries with their numbers, as [`LogReader::read`] does, as long as more are wanted; what comes behind is not read.
    ///
    /// # Errors
    /// [`Wrong`], after the entries before it were shown.
    pub fn read_while(&self, visit: &mut dyn FnMut(u64, &Entry) -> bool) -> Result<(), Wrong> {
        self.pass(None, &mut |_, _| (), visit).map(drop)
    }

    /// The same, and shows every entry with its number, counted from 1 over the whole log.
    ///
    /// # Errors
    /// [`Wrong`], after the entries before it were shown.
    pub fn read<'a>(
        &self,
        anchors: impl IntoIterator<Item = &'a Anchor>,
        progress: &mut dyn FnMut(u64, u64),
        visit: &mut dyn FnMut(u64, &Entry),
    ) -> Result<Summary, Wrong> {
        let whole = self.pass(anchors, progress, &mut |number, entry| {
            visit(number, entry);
            true
        });
        whole?.ok_or_else(|| self.missing(1))
    }

    /// Reads on as long as more is wanted; what it came to, where it was read to its end.
    fn pass<'a>(
        &self,
        anchors: impl IntoIterator<Item = &'a Anchor>,
        progress: &mut dyn FnMut(u64, u64),
        visit: Visit<'_>,
    ) -> Result<Option<Summary>, Wrong> {
        let mut segments = self.segments()?;
        let first = segments.first().copied().ok_or_else(|| self.missing(1))?;
        let anchors: Vec<Anchor> = anchors.into_iter().copied().collect();
        if let Some(anchor) = anchors.iter().find(|anchor| anchor.log != self.log) {
            let path = files::segment(&self.folder, first);
            return Err(Wrong::other_log(first, &path, &self.log, &anchor.log));
        }
        let total = self.octets(&segments);
        let mut pass = Pass::from(first);
        loop {
            for number in segments {
                if self.pass_over(&mut pass, number, &anchors, visit)? {
                    if pass.last.as_ref().is_some_and(|last| last.stopped) {
                        return Ok(None);
                    }
                    progress(pass.done, total.max(pass.done));
                }
            }
            let explained = self.is_part || pass.first <= pass.removed + 1;
            if explained && pass.last.is_some() {
                break;
            }
            // What the writer removed meanwhile, it has said in a segment that is younger than the list, or in one that went on.
            segments = self.segments()?;
            segments.retain(|number| *number > pass.newest);
            if segments.is_empty() || fault!("audit-listed-once") {
                return Err(self.unexplained(&pass));
            }
            segments.splice(..0, pass.step_back());
        }
        let last = pass.last.ok_or_else(|| self.missing(pass.first))?;
        for anchor in &anchors {
            walk::reaches(anchor, &last, &files::segment(&self.folder, last.head.segment))?;
        }
        Ok(Some(Summary {
            anchor: Anchor {
                log: self.log,
                segment: last.head.segment,
                entries: last.entries,
                hash: last.hash,
            },
            segments: last.head.segment + 1 - pass.first,
            first_segment: pass.first,
            entries: last.entries,
            closed: last.closed,
            goes_on: last.mark.closed && !last.closed,
            codes_checked: self.keys.is_some(),
        }))
    }

    /// Reads one segment after the one before it; whether it was there. Where it was not, the writer has removed it meanwhile.
    fn pass_over(&self, pass: &mut Pass, number: u64, anchors: &[Anchor], visit: Visit<'_>) -> Result<bool, Wrong> {
        if let Some(before) = &pass.last
            && before.head.segment + 1 != number
            && !fault!("audit-missing-not-noticed")
        {
            return Err(self.missing(before.head.segment + 1));
        }
        pass.newest = number;
        let path = files::segment(&self.folder, number);
        // Of another log, everything else is wrong too.
        match walk::head(&path, number, None) {
            Ok(head) if head.log != self.log => return Err(Wrong::other_log(number, &path, &head.log, &self.log)),
            _ => {}
        }
        let here = anchors.iter().filter_map(|anchor| Known::of(anchor, number)).collect();
        let shown = pass.shown;
        let walked = walk::walk_while((&path, number), self.keys.as_deref(), here, &mut |entry, what| {
            entry <= shown || visit(entry, what)
        });
        let walked = match walked {
            Err(wrong)
                if wrong.what == What::Missing && self.segments()?.first().is_some_and(|first| *first > number) =>
            {
                pass.first = number + 1;
                (pass.before_last, pass.last) = (None, None);
                return Ok(false);
            }
            walked => walked?,
        };
        self.follows(&path, pass.last.as_ref(), &walked)?;
        pass.removed = pass.removed.max(walked.removed);
        pass.shown = pass.shown.max(walked.entries);
        pass.done += walked.len;
        pass.before_last = pass.last.replace(walked);
        Ok(true)
    }

    fn missing(&self, number: u64) -> Wrong {
        Wrong::new(number, &files::segment(&self.folder, number), None, What::Missing)
    }

    /// Which segment is missing where no entry says that those before the first were removed: that entry may be in a newer one, which is
    /// missing then.
    fn unexplained(&self, pass: &Pass) -> Wrong {
        match &pass.last {
            Some(last) if last.mark.closed && !last.closed && !fault!("audit-missing-misnamed") => {
                self.missing(last.head.segment + 1)
            }
            _ => self.missing(pass.first.saturating_sub(1).max(1)),
        }
    }

    /// What is there now; what a writer removes meanwhile are the oldest.
    fn segments(&self) -> Result<Vec<u64>, Wrong> {
        let found = files::segments(&self.folder);
        let mut found = found.map_err(|error| Wrong::new(1, &self.folder, None, What::Read(error.to_string())))?;
        found.retain(|number| *number >= self.from);
        Ok(found)
    }

    fn octets(&self, segments: &[u64]) -> u64 {
        let len = |number: &u64| std::fs::metadata(files::segment(&self.folder, *number)).map_or(0, |file| file.len());
        segments.iter().map(len).sum()
    }

    fn follows(&self, path: &Path, before: Option<&Walked>, walked: &Walked) -> Result<(), Wrong> {
        let head = &walked.head;
        match before {
            Some(before) => {
                let its = files::segment(&self.folder, before.head.segment);
                walk::follows((&its, before), (path, head))
            }
            None if head.segment == 1 && (head.entries, head.before) != (0, [0; 32]) => {
                Err(Wrong::new(1, path, Some(head.entries + 1), What::NotNext))
            }
            None => Ok(()),
        }
    }
}

/// How far a reading has come.
struct Pass {
    /// The oldest segment that is there.
    first: u64,
    /// The newest that was looked for.
    newest: u64,
    /// Segments up to this were removed, as the log says.
    removed: u64,
    /// Entries up to this were shown.
    shown: u64,
    done: u64,
    before_last: Option<Walked>,
    last: Option<Walked>,
}

impl Pass {
    const fn from(first: u64) -> Self {
        Self {
            first,
            newest: first,
            removed: 0,
            shown: 0,
            done: 0,
            before_last: None,
            last: None,
        }
    }

    /// Takes the last segment back, to read it once more; which one that is.
    fn step_back(&mut self) -> Option<u64> {
        let last = self.last.take()?;
        self.last = self.before_last.take();
        self.done -= last.len.min(self.done);
        Some(last.head.segment)
    }
}

impl core::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LogReader")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Names of peers, put together again from the entries that introduce them.
#[derive(Clone, Debug, Default)]
pub struct PeerNames(HashMap<PeerId, String>);

impl PeerNames {
    /// Learns from an entry.
    pub fn see(&mut self, entry: &Entry) {
        if let Entry::Name(name) = entry {
            let whole = self.0.entry(name.peer()).or_default();
            if name.part() == 0 {
                whole.clear();
            }
            whole.push_str(name.text());
        }
    }

    /// The name of a peer, if it was introduced.
    pub fn name(&self, peer: PeerId) -> Option<&str> {
        self.0.get(&peer).map(String::as_str)
    }
}

/// Refuses a master key that is not the one that a segment was written under.
pub(super) fn check_master_key(path: &Path, expected: [u8; 8], key: &MasterKey) -> Result<(), AuditError> {
    let given = key.root_identifier();
    if given == expected {
        return Ok(());
    }
    Err(AuditError::WrongMasterKey {
        path: path.into(),
        expected: expected.iter().map(|octet| format!("{octet:02x}")).collect(),
        given: key.identifier(),
    })
}
