//! From the rows of the store into the feed.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use kaskade_anchor::interception::{FeedRecord, Notice, Waiting, WaitingRow};
use kaskade_crypto::seal::SecretWriter;
use kaskade_faults::fault;
use kaskade_flow::Unit;
use kaskade_flow::record::Expect;
use kaskade_store::records::Found;

use super::{Li, LiError, PAGE, lock};
use crate::time::unix_millis;

impl Li {
    /// Appends what waits to the feed, and forgets the rows when it is durable there.
    ///
    /// # Errors
    /// [`LiError`]: rows of events stay, and the status says why.
    pub async fn drain(&self) -> Result<(), LiError> {
        let _one = self.draining.lock().await;
        let done = self.drained().await;
        lock(&self.known).trouble = done.as_ref().err().map(ToString::to_string);
        done
    }

    async fn drained(&self) -> Result<(), LiError> {
        let (mut after, mut waiting, mut trouble, mut unread) = (None, 0, None, None);
        loop {
            let page = self.records.list::<WaitingRow>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            let (mut unit, mut gone) = (Unit::new(), BTreeSet::new());
            match self.append(&page).await {
                Ok((appended, error)) => {
                    waiting += (page.len() - appended.len()) as u64;
                    unread = unread.or(error);
                    gone = appended;
                    gone.iter().for_each(|row| unit.remove::<WaitingRow>(row, Expect::Any));
                    let row = lock(&self.known).row.clone();
                    unit.put(&0, &row, Expect::Any);
                }
                Err(error) => {
                    trouble = Some(error);
                    for row in &page {
                        match self.opened(row) {
                            // Nobody waits for it.
                            Ok(None) => unit.remove::<WaitingRow>(&row.key, Expect::Any),
                            _ => waiting += 1,
                        }
                    }
                    // What had no room is known also after a kill.
                    let row = lock(&self.known).row.clone();
                    unit.put(&0, &row, Expect::Any);
                }
            }
            if !fault!("interception-rows-kept") {
                self.commit(unit).await?;
                self.forget(&gone);
            }
        }
        self.waiting.store(waiting, Ordering::Relaxed);
        match trouble {
            Some(error) => Err(error),
            None => {
                self.say_what_was_lost().await?;
                unread.map_or(Ok(()), Err)
            }
        }
    }

    fn opened(&self, row: &Found<WaitingRow>) -> Result<Option<Waiting>, LiError> {
        let opened = self.keys.open(&WaitingRow::place(row.key), &row.record.0);
        Ok(Waiting::read(opened.map_err(|_| LiError::Sealed)?.reader())?)
    }

    /// Appends the records of rows; those that are in the feed already are not appended again. Which rows are in the feed now; one that
    /// cannot be read holds up no other, stays, and has the error.
    async fn append(&self, rows: &[Found<WaitingRow>]) -> Result<(BTreeSet<u64>, Option<LiError>), LiError> {
        let (mut appended, mut unread) = (BTreeSet::new(), None);
        let (mut records, mut told): (Vec<SecretWriter>, Vec<_>) = (Vec::new(), Vec::new());
        for row in rows {
            let waiting = match self.opened(row) {
                Ok(waiting) => waiting,
                Err(error) => {
                    unread = unread.or(Some(error));
                    continue;
                }
            };
            appended.insert(row.key);
            let of_row = waiting.map(|waiting| waiting.records(row.key)).unwrap_or_default();
            let known = lock(&self.known);
            let is_new = |record: &&FeedRecord| !known.in_feed.contains(&record.row) || fault!("interception-twice");
            for record in of_row.iter().filter(is_new) {
                let mut says = SecretWriter::new();
                record.put(&mut says);
                records.push(says);
                told.push(record.row);
            }
        }
        let append = move |feed: &mut kaskade_store::feed::Feed| {
            if !records.is_empty() {
                feed.append(&records)?;
            }
            Ok(feed.head())
        };
        let head = self.with_feed(append).await?;
        let mut known = lock(&self.known);
        known.row.head = head.octets();
        known.head = Some(head);
        // Also where the commit fails that removes the rows.
        if !fault!("interception-again-while-the-store-fails") {
            known.in_feed.extend(told);
        }
        Ok((appended, unread))
    }

    /// Rows that are gone for good cannot be appended again.
    fn forget(&self, gone: &BTreeSet<u64>) {
        lock(&self.known).in_feed.retain(|(row, _)| !gone.contains(row));
    }

    /// Says in the feed how many events had no room, now that there is some.
    async fn say_what_was_lost(&self) -> Result<(), LiError> {
        let (row, (count, from, until)) = {
            let mut known = lock(&self.known);
            let row = &mut known.row;
            if row.lost == 0 || fault!("interception-loss-not-said") {
                return Ok(());
            }
            let lost = (row.lost, row.lost_from, row.lost_until);
            row.lost = 0;
            (row.clone(), lost)
        };
        let mut unit = Unit::new();
        let notice = Notice::Lost(count, from, until);
        let done = match self.put(&mut unit, &Waiting::Notice(unix_millis(), notice)) {
            Ok(()) => {
                unit.put(&0, &row, Expect::Any);
                self.commit(unit).await
            }
            Err(error) => Err(error.into()),
        };
        match done {
            Ok(()) => self.wake.notify_one(),
            // It is said the next time, with what had no room meanwhile.
            Err(_) => {
                let row = &mut lock(&self.known).row;
                if row.lost == 0 {
                    row.lost_until = until;
                }
                row.lost_from = from;
                row.lost += count;
            }
        }
        done
    }
}
