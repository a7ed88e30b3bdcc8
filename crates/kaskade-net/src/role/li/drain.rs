//! From the rows of the store into the feed.

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
        let (mut after, mut waiting, mut trouble) = (None, 0, None);
        loop {
            let page = self.records.list::<WaitingRow>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            let mut unit = Unit::new();
            match self.append(&page).await {
                Ok(()) => {
                    page.iter()
                        .for_each(|row| unit.remove::<WaitingRow>(&row.key, Expect::Any));
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
            }
        }
        self.waiting.store(waiting, Ordering::Relaxed);
        match trouble {
            Some(error) => Err(error),
            None => self.say_what_was_lost().await,
        }
    }

    fn opened(&self, row: &Found<WaitingRow>) -> Result<Option<Waiting>, LiError> {
        let opened = self.keys.open(&WaitingRow::place(row.key), &row.record.0);
        Ok(Waiting::read(opened.map_err(|_| LiError::Sealed)?.reader())?)
    }

    /// Appends the records of rows; those that are in the feed already are not appended again.
    async fn append(&self, rows: &[Found<WaitingRow>]) -> Result<(), LiError> {
        let mut records: Vec<SecretWriter> = Vec::new();
        for row in rows {
            let waiting = self.opened(row)?;
            let of_row = waiting.map(|waiting| waiting.records(row.key)).unwrap_or_default();
            let known = lock(&self.known);
            let is_new = |record: &&FeedRecord| !known.in_feed.contains(&record.row) || fault!("interception-twice");
            for record in of_row.iter().filter(is_new) {
                let mut says = SecretWriter::new();
                record.put(&mut says);
                records.push(says);
            }
        }
        let append = move |feed: &mut kaskade_store::feed::Feed| {
            if !records.is_empty() {
                feed.append(&records)?;
            }
            Ok(feed.head())
        };
        let head = self.with_feed(append).await?;
        lock(&self.known).row.head = head.octets();
        Ok(())
    }

    /// Says in the feed how many events had no room, now that there is some.
    async fn say_what_was_lost(&self) -> Result<(), LiError> {
        let (row, notice) = {
            let mut known = lock(&self.known);
            let row = &mut known.row;
            if row.lost == 0 || fault!("interception-loss-not-said") {
                return Ok(());
            }
            let notice = Notice::Lost(row.lost, row.lost_from, row.lost_until);
            row.lost = 0;
            (row.clone(), notice)
        };
        let mut unit = Unit::new();
        self.put(&mut unit, &Waiting::Notice(unix_millis(), notice))?;
        unit.put(&0, &row, Expect::Any);
        self.commit(unit).await?;
        self.wake.notify_one();
        Ok(())
    }
}
