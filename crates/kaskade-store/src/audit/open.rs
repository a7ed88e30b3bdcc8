//! The beginning of a log, and the way back into one that was closed or left by a crash.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;

use aws_lc_rs::rand;
use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Gap, GapReason, Outcome};

use kaskade_flow::UnixMillis;

use super::error::{AuditError, What, Wrong};
use super::files::{self, Folder, boot};
use super::format::{HEAD_LEN, Head, MARKS, Mark};
use super::lanes::{Gate, Lanes};
use super::read::check_master_key;
use super::refusals::Refusals;
use super::sound;
use super::walk::{self, Known, Walked};
use super::writer::{Course, Full, Segment, State, Writer};
use super::{Anchor, AuditLog, AuditOptions, Committed, Notice, Open, Shared};
use crate::locked::Locked;
use crate::master_key::MasterKey;
use crate::private;

pub(super) fn open(mut options: AuditOptions, master_key: &MasterKey) -> Result<AuditLog, AuditError> {
    options.segment_bytes = options.segment_bytes.max(AuditOptions::LEAST_SEGMENT);
    if let Some(Anchor { segment, .. }) = options.known.filter(|_| !options.folder.exists()) {
        // Nothing is begun in place of what is known, not even a folder.
        let path = files::segment(&options.folder, segment);
        return Err(Wrong::new(segment, &path, None, What::Missing).into());
    }
    let folder = Folder::open(&options.folder)?;
    let segments = folder.segments()?;
    let identity = folder.identity()?;
    let now = crate::clock::millis(options.clock.clocks().wall);
    let known = options.known.filter(|_| !fault!("audit-head-not-compared"));
    let (found, older) = match (segments.last(), identity) {
        (None, None) => match known {
            Some(Anchor { segment, .. }) => {
                return Err(Wrong::new(segment, &folder.segment(segment), None, What::Missing).into());
            }
            None => (begin(&folder, &options, master_key, now)?, VecDeque::new()),
        },
        (None, Some(_)) => return Err(Wrong::new(1, &folder.segment(1), None, What::Missing).into()),
        (Some(_), identity) => go_on((&folder, &segments), &options, (master_key, known), identity, now)?,
    };
    if identity.is_none() {
        folder.set_identity(&found.log)?;
    }
    start(options, folder, older, found, master_key)
}

/// Where the writer goes on.
struct Start {
    log: [u8; 16],
    segment: Segment,
    state: State,
    mark_number: u64,
    alive: u64,
    gap: Option<Gap>,
    torn: u64,
    removed: u64,
    course: u64,
}

fn begin(folder: &Folder, options: &AuditOptions, key: &MasterKey, now: u64) -> Result<Start, AuditError> {
    let mut log = [0; 16];
    rand::fill(&mut log).map_err(|_| AuditError::System("no random numbers from the system".into()))?;
    let head = Head {
        log,
        segment: 1,
        entries: 0,
        before: [0; 32],
        master_key: key.root_identifier(),
        made_at: now,
        commit: (0, 0),
        course: 0,
    };
    let io = |error: std::io::Error| files::io_error(&folder.segment(1), &error);
    let keys = Locked::with(|| key.audit_keys(&log));
    let file = folder.spare(options.segment_bytes).map_err(io)?;
    let (mut page, hash) = head.encode(&keys);
    let mark = Mark {
        number: 1,
        alive: now,
        durable: now,
        refusals: None,
        within_ms: Writer::WITHIN_MS,
        closed: false,
        unsaid: None,
        entries: 0,
        hash,
        boot: boot(),
        commit: (0, 0),
        course: 0,
    };
    let octets = mark.encode(&log, 1, &keys);
    for at in MARKS {
        let place = page.get_mut(at..).into_iter().flatten();
        place.zip(&octets).for_each(|(to, from)| *to = *from);
    }
    file.write_all_at(&page, 0)
        .and_then(|()| file.sync_all())
        .and_then(|()| folder.number_spare(1))
        .map_err(io)?;
    Ok(Start {
        log,
        segment: Segment {
            file,
            number: 1,
            end: HEAD_LEN as u64,
            capacity: options.segment_bytes,
        },
        state: State {
            entries: 0,
            hash,
            commit: (0, 0),
        },
        mark_number: 1,
        alive: now,
        gap: None,
        torn: 0,
        removed: 0,
        course: 0,
    })
}

fn go_on(
    (folder, segments): (&Folder, &[u64]),
    options: &AuditOptions,
    (key, known): (&MasterKey, Option<Anchor>),
    identity: Option<[u8; 16]>,
    now: u64,
) -> Result<(Start, VecDeque<Full>), AuditError> {
    let last = segments.last().copied().unwrap_or(1);
    let path = folder.segment(last);
    let head = walk::head(&path, last, None)?;
    check_master_key(&path, head.master_key, key)?;
    let log = identity.unwrap_or(head.log);
    if head.log != log {
        return Err(Wrong::other_log(last, &path, &head.log, &log).into());
    }
    if let Some(known) = known.filter(|known| known.log != log) {
        return Err(Wrong::other_log(last, &path, &log, &known.log).into());
    }
    let keys = Locked::with(|| key.audit_keys(&log));
    let here = known.and_then(|known| Known::of(&known, last)).into_iter().collect();
    let walked = walk::walk(&path, last, Some(&keys), here, &mut |_, _| ())?;
    if let Some(known) = known {
        check_known(folder, &known, &walked, &keys)?;
    }
    // All of it, before anything is changed.
    let (heads, removed) = sound::look(
        folder.path(),
        segments,
        (&log, &keys),
        walked.removed,
        sound::READ_AT_START,
    )?;
    let io = |error: std::io::Error| files::io_error(&path, &error);
    let file = private::open_to_write(&path)?;
    let torn = cut_tail(&file, &walked).map_err(io)?;
    // All of it, whoever made the file: a copy may have holes where nothing was written.
    let whole = walked.len.max(options.segment_bytes);
    let capacity = match files::preallocate(&file, walked.end, whole) {
        Ok(()) => whole,
        // Without room nothing is given out; it may come.
        Err(error) if files::is_full(&error) => walked.end,
        Err(error) => return Err(io(error)),
    };
    let gap = (!walked.closed && !fault!("audit-gap-not-said")).then(|| gap(&walked.mark, &boot(), now));
    let start = Start {
        log,
        segment: Segment {
            file,
            number: last,
            end: walked.end,
            capacity,
        },
        state: State {
            entries: walked.entries,
            hash: walked.hash,
            commit: walked.commit,
        },
        mark_number: walked.mark.number,
        alive: gap.map_or(now, |gap| gap.from.get()),
        gap,
        torn,
        removed,
        course: walked.mark.course.max(walked.head.course),
    };
    Ok((start, full_ones(folder, &heads)))
}

/// Refuses a log that does not go on from where it is known to have been: cut, put back from a copy, or another one.
fn check_known(folder: &Folder, known: &Anchor, last: &Walked, keys: &StoreKeys) -> Result<(), Wrong> {
    let segment = last.head.segment;
    let path = folder.segment(segment);
    walk::reaches(known, last, &path)?;
    if known.segment < segment {
        let here = Known::of(known, known.segment).into_iter().collect();
        match walk::walk(
            &folder.segment(known.segment),
            known.segment,
            Some(keys),
            here,
            &mut |_, _| (),
        ) {
            // It went by age or size.
            Err(wrong) if wrong.what == What::Missing => {}
            walked => {
                walked?;
            }
        }
    }
    Ok(())
}

/// What may be missing of a log that was not closed, by its last mark. The mark alone says it: a block that came later holds what was
/// given out before the writer took it, and not what was given out until it was written.
pub(super) fn gap(mark: &Mark, boot: &[u8; 16], now: u64) -> Gap {
    // The pages of a process that was killed are the system's, and whole.
    let killed = *boot != [0; 16] && mark.boot == *boot;
    let from = if killed { mark.alive } else { mark.durable };
    let (reason, within) = match mark.unsaid {
        Some(reason) => (reason, u64::from(mark.within_ms)),
        None if killed && mark.within_ms != Mark::UNBOUNDED => (GapReason::Killed, super::A_SECOND),
        None if killed => (GapReason::Killed, mark.within_ms.into()),
        None => (GapReason::MachineDown, mark.within_ms.into()),
    };
    let latest = match from <= now {
        // Nobody knows how long it went on: at the longest until now.
        true if mark.within_ms == Mark::UNBOUNDED => now,
        true => from.saturating_add(within).min(now),
        // The clock was set back.
        false => from.saturating_add(within),
    };
    let is_bounded = mark.within_ms != Mark::UNBOUNDED && mark.unsaid.is_none();
    Gap {
        reason,
        from: UnixMillis::new(from),
        until: UnixMillis::new(latest),
        lost: None,
        at_most_ms: if is_bounded { super::A_SECOND } else { latest - from },
        refusals: Some(UnixMillis::new(
            mark.refusals.map_or(from, |refusals| refusals.min(from)),
        )),
    }
}

/// Clears what a crash left behind the last whole block, which is never anything that is known to be on the disk; how many
/// octets that were.
fn cut_tail(file: &File, walked: &Walked) -> std::io::Result<u64> {
    if !walked.torn || fault!("torn-tail-kept") {
        return Ok(0);
    }
    let mut rest = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let mut at = walked.end;
    let mut used = at;
    while at < walked.len {
        let read = file.read_at(&mut buffer, at)?;
        let octets = buffer.get(..read).unwrap_or_default();
        if octets.is_empty() {
            break;
        }
        if let Some(last) = octets.iter().rposition(|octet| *octet != 0) {
            used = at + last as u64 + 1;
        }
        at += read as u64;
    }
    rest.resize(usize::try_from(used - walked.end).unwrap_or(0), 0);
    file.write_all_at(&rest, walked.end)?;
    file.sync_all()?;
    Ok(used - walked.end)
}

/// The segments before the last, each with the course that the log had when it was full, which is when the next one began.
fn full_ones(folder: &Folder, heads: &[Head]) -> VecDeque<Full> {
    let pairs = heads.iter().zip(heads.iter().skip(1));
    let full = pairs.map(|(head, next)| Full {
        number: head.segment,
        octets: sound::octets(folder.path(), head.segment),
        course: next.course,
    });
    full.collect()
}

fn start(
    options: AuditOptions,
    folder: Folder,
    older: VecDeque<Full>,
    start: Start,
    master_key: &MasterKey,
) -> Result<AuditLog, AuditError> {
    let since = options.clock.clocks().monotonic;
    let (off, first) = (options.gap, options.first);
    let shared = Arc::new(Shared {
        keys: Locked::with(|| master_key.audit_keys(&start.log)),
        clock: Arc::clone(&options.clock),
        when_full: options.when_full,
        gate: Gate::new(),
        lanes: Lanes::new(options.waiting),
        committed: Mutex::new(Committed {
            waiting: Vec::new(),
            last: start.state.commit,
        }),
        durable_serial: AtomicU64::new(start.state.commit.0),
        refusals: Mutex::new(Refusals::new(options.refusals_every)),
        peers: Mutex::default(),
        generation: AtomicU64::new(0),
        anchor: Mutex::new(Anchor {
            log: start.log,
            segment: start.segment.number,
            entries: start.state.entries,
            hash: start.state.hash,
        }),
        lost: Mutex::default(),
        flush: Mutex::default(),
        flushed: Condvar::new(),
        stop: false.into(),
        failed: Mutex::default(),
        thread: OnceLock::new(),
    });
    let mut writer = Writer::new(
        Arc::clone(&shared),
        options,
        folder,
        (start.log, master_key.root_identifier()),
        Course {
            before: start.course,
            since,
        },
    );
    writer.take_over(older, start.segment, start.state, start.mark_number, start.removed);
    let path = writer.path();
    if start.torn > 0 {
        writer.tell(&Notice::TornTail(start.torn));
    }
    // Before the mark, which says it as long as the log does not.
    for gap in start.gap.into_iter().chain(off) {
        writer.note_gap(gap);
    }
    writer
        .open_again(start.alive)
        .map_err(|error| files::io_error(&path, &error))?;
    writer.note(Event::new(Outcome::Noted, Action::LogOpened, shared.now()));
    if let Some((outcome, action)) = first {
        writer.note(Event::new(outcome, action, shared.now()));
    }
    // Whether there is room is known before anybody asks.
    writer.tick(false);
    let thread = thread::Builder::new()
        .name("audit".into())
        .spawn(move || writer.run())
        .map_err(|error| AuditError::System(error.to_string()))?;
    let _ = shared.thread.set(thread.thread().clone());
    Ok(AuditLog(Some(Arc::new(Open {
        shared,
        writer: Mutex::new(Some(thread)),
    }))))
}
