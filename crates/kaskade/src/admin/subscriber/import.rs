//! Imports: batches of subscribers, each checked and then committed as a whole.

use std::cell::Cell;
use std::collections::HashSet;

use kaskade::import::{Entry, ImportError, LineError, Secrets};
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Event, Outcome, Reason};
use kaskade_keys::{Gpsi, Supi};
use kaskade_net::random::random_octets;
use kaskade_store::{Partly, StoreError, Subscriber, SubscriberStore};

use crate::admin::{Admin, NotDone, Principal, event_in};
use crate::exit::Done;

/// Subscribers per call of the store, between two steps of progress.
const CHUNK: usize = 8192;

/// What is taken in at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Together {
    /// A whole file.
    File,
    /// A batch of a stream.
    Batch,
}

impl Together {
    const fn name(self) -> &'static str {
        match self {
            Self::File => "in the file",
            Self::Batch => "among the lines that are taken in at once with this one",
        }
    }
}

impl Admin {
    /// What only the store can say of entries: whether they are new, whether sealed secrets open, and whose GPSIs they have.
    pub(crate) fn check_import(
        &self,
        entries: &[Entry],
        replace: bool,
        together: Together,
    ) -> Result<Option<ImportError>, NotDone> {
        let mut errors = Vec::new();
        let store = self.store()?;
        let comes: HashSet<&Supi> = match entries.iter().any(|entry| entry.subscription.gpsi.is_some()) {
            true => entries.iter().map(|entry| &entry.supi).collect(),
            false => HashSet::new(),
        };
        for entry in entries {
            let reason = match store.contains(&entry.supi)? {
                true if !replace => Some(format!(
                    "{} exists already, and is replaced only where that is asked for",
                    entry.supi.masked()
                )),
                _ => match &entry.secrets {
                    Secrets::Sealed(_) => self.subscriber_of(entry).err().map(|error| format!("{error:#}")),
                    Secrets::Clear(_) => None,
                },
            };
            let reason = match reason {
                Some(reason) => Some(reason),
                // Whoever comes along gets what its own line says.
                None => owner(store, entry)?.filter(|(_, owner)| !comes.contains(owner)).map(|(gpsi, owner)| {
                    format!(
                        "gpsi: {} belongs to {}, which is not {} (look that up by this GPSI), and no two subscribers have the same",
                        gpsi.masked(),
                        owner.masked(),
                        together.name()
                    )
                }),
            };
            errors.extend(reason.map(|reason| LineError {
                line: entry.line,
                reason,
            }));
        }
        Ok((!errors.is_empty()).then_some(ImportError { errors, more: 0 }))
    }

    /// The number that all of one import has in the audit log.
    pub(crate) fn begin_import(&self) -> Result<u64, NotDone> {
        self.has_udm()?;
        let octets = random_octets().map_err(|_| NotDone::from(Refusal::NoRandomness))?;
        Ok(u64::from_be_bytes(octets))
    }

    /// Puts on record how many an import has taken in.
    pub(crate) fn end_import(&self, by: &Principal, import: u64, done: usize) -> Result<(), NotDone> {
        self.told()?;
        let event = self.event(by, Outcome::Noted, Action::SubscribersImported)?;
        let times = u32::try_from(done).unwrap_or(u32::MAX);
        is_in(self.note(event.map(|event| event.correlated(import).times(times))))
    }

    /// Writes entries that were checked, of an import of this number; told how many are in after each commit or two.
    pub(crate) fn write_import(
        &self,
        by: &Principal,
        import: u64,
        entries: &[Entry],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Written, BrokenOff> {
        let store = self.store()?;
        let (event, replaced) = (self.told_of_import(by, import)?, Cell::new(0));
        // Those whose GPSI another one of the file gets give it up first: the two may be in different commits.
        let mut giving = HashSet::new();
        for entry in entries {
            giving.extend(owner(store, entry)?.map(|(_, owner)| owner));
        }
        let giving = entries.iter().filter(|entry| giving.contains(&entry.supi));
        let mut without = self.subscribers_of(giving)?;
        for subscriber in &mut without {
            subscriber.subscription.gpsi = None;
        }
        if let Err(Partly { done, error }) = store.put_many_on_record(&without, &event) {
            // Which of them are written is not known here, and each may have another card.
            if !fault!("broken-off-import-leaves-keys") {
                self.keys_end_of_each(&without)?;
            }
            return Err(BrokenOff {
                done: count(done),
                gave_up_gpsis: true,
                why: error.into(),
            });
        }
        let event = counting(&event, &replaced);
        let mut done = 0;
        for chunk in entries.chunks(CHUNK) {
            let subscribers = self.subscribers_of(chunk).map_err(|why| BrokenOff::after(done, why))?;
            match store.put_many_on_record(&subscribers, &event) {
                Ok(put) => done += count(put),
                Err(Partly { done: put, error }) => {
                    // Which of them are written is not known here.
                    self.keys_end_of_each(&subscribers)
                        .map_err(|why| BrokenOff::after(done + count(put), why))?;
                    return Err(BrokenOff::after(done + count(put), error.into()));
                }
            }
            self.keys_end_of_each(&subscribers)
                .map_err(|why| BrokenOff::after(done, why))?;
            progress(done);
        }
        Ok(Written::of(done, &replaced))
    }

    /// Writes a batch whose entries were checked, of an import of this number: all of it in one commit, or nothing.
    pub(crate) fn write_batch(&self, by: &Principal, import: u64, entries: &[Entry]) -> Result<Written, NotDone> {
        let (event, replaced) = (self.told_of_import(by, import)?, Cell::new(0));
        let subscribers = self.subscribers_of(entries)?;
        let event = counting(&event, &replaced);
        let done = self.store()?.put_together_on_record(&subscribers, &event)?;
        self.keys_end_of_each(&subscribers)?;
        Ok(Written::of(count(done), &replaced))
    }

    /// They may have other cards.
    fn keys_end_of_each(&self, subscribers: &[Subscriber]) -> Result<(), NotDone> {
        self.keys_end_of_all(subscribers.iter().map(|subscriber| &subscriber.supi))
    }

    /// What the log is told of each.
    fn told_of_import<'a>(
        &'a self,
        by: &'a Principal,
        import: u64,
    ) -> Result<impl Fn(&Subscriber, bool) -> Option<Event> + 'a, NotDone> {
        let log = self.log()?;
        // Where that has no room, nothing is changed.
        log.may_change()?;
        Ok(move |subscriber: &Subscriber, known| {
            let action = match known {
                true => Action::SubscriberChanged,
                false => Action::SubscriberAdded,
            };
            let event = event_in(log, by, Outcome::Changed, action)?;
            let event = event.about(log.subject(&subscriber.supi));
            Some(event.because(Reason::Imported).correlated(import))
        })
    }

    fn subscribers_of<'e>(&self, entries: impl IntoIterator<Item = &'e Entry>) -> Result<Vec<Subscriber>, NotDone> {
        let entries: Vec<&Entry> = entries.into_iter().collect();
        // With room for all of them: a list that grows leaves copies of K behind.
        let mut subscribers = Vec::with_capacity(entries.len());
        for entry in entries {
            let subscriber = self.subscriber_of(entry);
            let opened = |error: anyhow::Error| NotDone::because(Refusal::IeIncorrect, format!("{error:#}"));
            subscribers.push(subscriber.map_err(opened)?);
        }
        Ok(subscribers)
    }
}

/// How many were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) added: usize,
    pub(crate) replaced: usize,
}

impl Written {
    fn of(done: usize, replaced: &Cell<usize>) -> Self {
        let replaced = replaced.get().min(done);
        Self {
            added: done - replaced,
            replaced,
        }
    }
}

/// The same events, and how many are of subscribers that were there.
fn counting<'e>(
    event: &'e impl Fn(&Subscriber, bool) -> Option<Event>,
    replaced: &'e Cell<usize>,
) -> impl Fn(&Subscriber, bool) -> Option<Event> + 'e {
    move |subscriber, known| {
        replaced.set(replaced.get() + usize::from(known));
        event(subscriber, known)
    }
}

fn count(put: u64) -> usize {
    usize::try_from(put).unwrap_or(usize::MAX)
}

/// An import that did not come to its end.
#[derive(Debug)]
pub(crate) struct BrokenOff {
    /// How many are in at least.
    pub(crate) done: usize,
    /// They are those whose GPSI another one of the file gets, and have none now.
    pub(crate) gave_up_gpsis: bool,
    pub(crate) why: NotDone,
}

impl BrokenOff {
    pub(crate) const fn after(done: usize, why: NotDone) -> Self {
        Self {
            done,
            gave_up_gpsis: false,
            why,
        }
    }
}

impl From<NotDone> for BrokenOff {
    fn from(why: NotDone) -> Self {
        Self::after(0, why)
    }
}

impl From<StoreError> for BrokenOff {
    fn from(error: StoreError) -> Self {
        NotDone::from(error).into()
    }
}

/// All subscribers are in, each with its entry, whatever became of the entry that ends the import.
fn is_in(noted: Result<(), NotDone>) -> Result<(), NotDone> {
    let said = format!("{Done}: all but subscribers-imported, which ends the import, and is lost");
    noted.map_err(|error| error.but_done(&said))
}

/// The other subscriber that has the GPSI of this one.
fn owner<'e>(store: &SubscriberStore, entry: &'e Entry) -> Result<Option<(&'e Gpsi, Supi)>, StoreError> {
    let Some(gpsi) = &entry.subscription.gpsi else {
        return Ok(None);
    };
    let owner = store.supi_of(gpsi)?.filter(|owner| *owner != entry.supi);
    Ok(owner.map(|owner| (gpsi, owner)))
}

#[cfg(test)]
mod tests {
    use kaskade_store::audit::AuditFull;

    use super::*;
    use crate::exit::{advised, status};

    #[test]
    fn an_import_that_is_done_is_not_to_be_run_again() {
        let full = || NotDone::from(AuditFull::NoRoom);
        let error = is_in(Err(full())).unwrap_err().into();
        assert_eq!(status(&error), 73);
        let said = format!("{:#}", advised(error));
        assert!(!said.contains("again") && said.starts_with("done"), "{said}");
        assert!(format!("{:#}", advised(full().into())).contains("run the command again"));
        is_in(Ok(())).unwrap();
    }
}
