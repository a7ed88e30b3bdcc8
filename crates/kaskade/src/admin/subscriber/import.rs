//! Imports: batches of subscribers, each checked and then committed as a whole.

use std::collections::HashSet;

use kaskade::import::{Entry, ImportError, LineError, Secrets};
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Outcome, Reason};
use kaskade_keys::{Gpsi, Supi};
use kaskade_net::random::random_octets;
use kaskade_store::{Partly, StoreError, Subscriber, SubscriberStore};

use crate::admin::{Admin, NotDone, Principal, event_in};
use crate::exit::Done;

/// Subscribers per call of the store, between two steps of progress.
const CHUNK: usize = 8192;
/// Errors that are shown of one batch.
const SHOWN: usize = 20;

impl Admin {
    /// What only the store can say of entries: whether they are new, whether sealed secrets open, and whose GPSIs they have.
    pub(crate) fn check_import(&self, entries: &[Entry], replace: bool) -> Result<(), ImportError> {
        let (mut errors, mut more) = (Vec::new(), 0);
        let store = match self.store() {
            Ok(store) => store,
            Err(error) => {
                let (line, reason) = (1, error.to_string());
                return Err(ImportError {
                    errors: vec![LineError { line, reason }],
                    more,
                });
            }
        };
        let comes: HashSet<&Supi> = match entries.iter().any(|entry| entry.subscription.gpsi.is_some()) {
            true => entries.iter().map(|entry| &entry.supi).collect(),
            false => HashSet::new(),
        };
        for entry in entries {
            let reason = match store.contains(&entry.supi) {
                Err(error) => Some(error.to_string()),
                Ok(true) if !replace => Some(format!("{} exists already: --replace replaces it", entry.supi.masked())),
                Ok(_) => match &entry.secrets {
                    Secrets::Sealed(_) => self.subscriber_of(entry).err().map(|error| format!("{error:#}")),
                    Secrets::Clear(_) => None,
                },
            };
            let reason = reason.or_else(|| match owner(store, entry) {
                Err(error) => Some(error.to_string()),
                // Whoever comes along gets what the file says.
                Ok(Some((gpsi, owner))) if !comes.contains(&owner) => Some(format!(
                    "gpsi: {} belongs to {}, which is not in the file (`kaskade subscriber show` with this GPSI shows which that \
                     is), and no two subscribers have the same",
                    gpsi.masked(),
                    owner.masked()
                )),
                Ok(_) => None,
            });
            match reason {
                Some(reason) if errors.len() < SHOWN => errors.push(LineError {
                    line: entry.line,
                    reason,
                }),
                Some(_) => more += 1,
                None => {}
            }
        }
        match errors.is_empty() {
            true => Ok(()),
            false => Err(ImportError { errors, more }),
        }
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
    ) -> Result<(), BrokenOff> {
        let store = self.store()?;
        let log = self.log()?;
        let event = |subscriber: &Subscriber, known| {
            let action = match known {
                true => Action::SubscriberChanged,
                false => Action::SubscriberAdded,
            };
            let event = event_in(log, by, Outcome::Changed, action)?;
            let event = event.about(log.subject(&subscriber.supi));
            Some(event.because(Reason::Imported).correlated(import))
        };
        let opened = |error: anyhow::Error| NotDone::because(Refusal::IeIncorrect, format!("{error:#}"));
        // Those whose GPSI another one of the file gets give it up first: the two may be in different commits.
        let mut giving = HashSet::new();
        for entry in entries {
            giving.extend(owner(store, entry)?.map(|(_, owner)| owner));
        }
        let mut without = Vec::new();
        for entry in entries.iter().filter(|entry| giving.contains(&entry.supi)) {
            let mut subscriber = self.subscriber_of(entry).map_err(opened)?;
            subscriber.subscription.gpsi = None;
            without.push(subscriber);
        }
        if let Err(Partly { done, error }) = store.put_many_on_record(&without, &event) {
            return Err(BrokenOff {
                done: count(done),
                gave_up_gpsis: true,
                why: error.into(),
            });
        }
        let mut done = 0;
        for chunk in entries.chunks(CHUNK) {
            let subscribers = chunk
                .iter()
                .map(|entry| self.subscriber_of(entry).map_err(opened))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|why| BrokenOff::after(done, why))?;
            match store.put_many_on_record(&subscribers, &event) {
                Ok(put) => done += count(put),
                Err(Partly { done: put, error }) => return Err(BrokenOff::after(done + count(put), error.into())),
            }
            progress(done);
        }
        Ok(())
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

    /// Of a batch of a stream, which is in wholly or not at all but for this.
    pub(crate) fn of_a_batch(self) -> NotDone {
        let Self {
            done,
            gave_up_gpsis,
            why,
        } = self;
        match gave_up_gpsis {
            true => NotDone {
                refused: why
                    .refused
                    .clone()
                    .with_detail(format!("{done} have given up their GPSI: {}", why.detail())),
                ..why
            },
            false => why,
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
