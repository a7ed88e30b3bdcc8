//! What goes on for longer than one answer: subscribers that come in as lines, and that go out as lines.

use anyhow::Context;
use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use kaskade::import::ImportError;
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Outcome};
use kaskade_keys::Supi;
use kaskade_net::admin::{Body, Producer, Response, Upload};
use kaskade_store::Subscriber;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::not_done::ProblemDetails;
use super::subscriber::{Batch, Batches, BrokenOff, ImportEvent, ImportQuery, Lines, ShowQuery, SubscriberView};
use super::surface::{Surface, media_type, reply, unreadable, wiped};
use super::text::{Flag, Text};
use super::{NotDone, Principal, body};

/// Errors that are told of one import.
const TOLD: u64 = 1000;
/// Lines that wait for a peer.
const WAITING: usize = 16;
/// Subscribers of one page of an export.
const PAGE: usize = 256;
/// The media type of what goes back.
pub(super) const NDJSON: &str = "application/x-ndjson";
/// Those of what comes.
pub(super) const COMES: [&str; 2] = ["text/csv", NDJSON];

impl Surface {
    /// Takes subscribers in.
    pub(super) async fn import(
        &self,
        by: &Principal,
        headers: &HeaderMap,
        query: &str,
        body: &mut Option<Upload>,
    ) -> Result<Response, NotDone> {
        let lines = match media_type(headers, &COMES)? {
            NDJSON => Lines::Ndjson,
            _ => Lines::Csv,
        };
        let query: ImportQuery = body::query(query)?;
        let yes = |asked: &Option<Text<Flag>>| matches!(asked, Some(Text(Flag(true))));
        let place = self.stream()?;
        let (sender, answer) = Body::stream(WAITING);
        let import = Import {
            _place: place,
            surface: self.clone(),
            by: by.clone(),
            replace: yes(&query.replace),
            dry_run: yes(&query.dry_run),
            sender,
            number: self.admin().begin_import()?,
            imported: 0,
            refused: 0,
        };
        let body = body.take().ok_or(Refusal::Internal)?;
        tokio::spawn(import.run(Batches::new(lines), body));
        Ok(reply(StatusCode::OK, NDJSON, answer))
    }

    /// Gives subscribers out, without secrets.
    pub(super) async fn export(&self, by: &Principal, query: &str) -> Result<Response, NotDone> {
        let query: ShowQuery = body::query(query)?;
        let reveal = matches!(query.reveal_gpsi, Some(Text(Flag(true))));
        let (admin, by) = (self.admin().clone(), by.clone());
        let place = self.stream()?;
        // On record before the first of them leaves.
        self.blocking(move || admin.note_export(&by, Outcome::Noted)).await?;
        let (mut sender, answer) = Body::stream(WAITING);
        let surface = self.clone();
        tokio::spawn(async move {
            let (_place, mut after): (_, Option<Supi>) = (place, None);
            loop {
                let (admin, begin) = (surface.admin().clone(), after.clone());
                let page = surface
                    .blocking(move || {
                        let page = admin.store()?.list(begin.as_ref(), PAGE)?;
                        let last = page.last().map(|subscriber| subscriber.supi.clone());
                        let mut lines = Vec::new();
                        for subscriber in &page {
                            write_line(&mut lines, &SubscriberView::of(subscriber, reveal));
                        }
                        Ok((last, lines))
                    })
                    .await;
                match page {
                    Ok((Some(last), lines)) => {
                        after = Some(last);
                        if !sender.send(lines).await {
                            return;
                        }
                    }
                    Ok((None, _)) => return,
                    // An answer that ends too early is told from a whole one: by HTTP.
                    Err(error) => {
                        tracing::warn!(%error, "an export broke off");
                        return sender.break_off();
                    }
                }
            }
        });
        Ok(reply(StatusCode::OK, NDJSON, answer))
    }
}

fn write_line(to: &mut Vec<u8>, value: &impl Serialize) {
    // Text and numbers: each has a form.
    if serde_json::to_writer(&mut *to, value).is_ok() {
        to.push(b'\n');
    }
}

/// An import that goes on.
struct Import {
    _place: OwnedSemaphorePermit,
    surface: Surface,
    by: Principal,
    replace: bool,
    dry_run: bool,
    sender: Producer,
    /// In the audit log.
    number: u64,
    imported: u64,
    refused: u64,
}

/// Whether it goes on.
enum Next {
    Goes,
    Ends,
}

impl Import {
    async fn run(mut self, mut batches: Batches, mut body: Upload) {
        loop {
            let (data, last) = match body.next().await {
                Ok(Some(data)) => (data, false),
                Ok(None) => (Bytes::new(), true),
                Err(error) => return self.say_end(Some(batches.line()), Some(unreadable(error))).await,
            };
            let mut rest = &*data;
            loop {
                rest = rest.get(batches.fill(rest)..).unwrap_or_default();
                match batches.next(last) {
                    Ok(None) if rest.is_empty() => break,
                    Ok(None) => {}
                    Ok(Some(batch)) => {
                        if matches!(self.take(batch).await, Next::Ends) {
                            return body.pass_over().await;
                        }
                    }
                    Err(too_long) => {
                        let why = "a line that is longer than any: is a quotation mark not closed?";
                        let why = NotDone::because(Refusal::TooLarge, why);
                        self.say_end(Some(too_long.0), Some(why)).await;
                        return body.pass_over().await;
                    }
                }
            }
            wiped(data);
            if last {
                return self.say_end(None, None).await;
            }
        }
    }

    /// One batch, all of it or nothing.
    async fn take(&mut self, batch: Batch) -> Next {
        let Batch {
            entries,
            wrong,
            first_line,
            next_line,
        } = batch;
        let (admin, by) = (self.surface.admin().clone(), self.by.clone());
        let (replace, dry_run, import, count) = (self.replace, self.dry_run, self.number, entries.len() as u64);
        let done = self.surface.blocking(move || {
            // What is checked here is written here.
            let _one_by_one = admin.changing();
            let in_store = admin.check_import(&entries, replace);
            let wrong = match (wrong, in_store) {
                (None, Ok(())) => None,
                (Some(wrong), Ok(())) | (None, Err(wrong)) => Some(wrong),
                (Some(wrong), Err(in_store)) => Some(wrong.and(in_store)),
            };
            if (wrong.is_none() || fault!("admin-wrong-batch-taken")) && !dry_run {
                let written = admin.write_import(&by, import, &entries, &mut |_| ());
                written.map_err(BrokenOff::of_a_batch)?;
                admin.told()?;
            }
            Ok(wrong)
        });
        match done.await {
            Ok(None) => {
                if !self.dry_run {
                    self.imported += count;
                }
                let line = next_line as u64 - 1;
                let imported = self.imported;
                self.tell(&ImportEvent::Progress { imported, line }).await
            }
            Ok(Some(wrong)) => {
                if matches!(self.tell_wrong(wrong).await, Next::Ends) {
                    return Next::Ends;
                }
                if self.dry_run && self.refused < TOLD {
                    return Next::Goes;
                }
                self.say_end(Some(first_line), None).await;
                Next::Ends
            }
            Err(error) => {
                let is_done = error.is_done;
                if is_done {
                    self.imported += count;
                }
                let next_line = if is_done { next_line } else { first_line };
                self.say_end(Some(next_line), Some(error)).await;
                Next::Ends
            }
        }
    }

    async fn tell_wrong(&mut self, wrong: ImportError) -> Next {
        self.refused += (wrong.errors.len() + wrong.more) as u64;
        for error in wrong.errors {
            let event = ImportEvent::Refused {
                line: error.line as u64,
                reason: error.reason,
            };
            if matches!(self.tell(&event).await, Next::Ends) {
                return Next::Ends;
            }
        }
        Next::Goes
    }

    async fn say_end(&mut self, next_line: Option<usize>, mut why: Option<NotDone>) {
        if !self.dry_run {
            let (admin, by, number) = (self.surface.admin().clone(), self.by.clone(), self.number);
            let done = usize::try_from(self.imported).unwrap_or(usize::MAX);
            let ended = self
                .surface
                .last_work(move || admin.end_import(&by, number, done))
                .await;
            why = why.or(ended.err());
        }
        let event = ImportEvent::End {
            imported: self.imported,
            refused: self.refused,
            next_line: next_line.map(|line| line as u64),
            problem: why.as_ref().map(ProblemDetails::from),
        };
        let _ = self.tell(&event).await;
    }

    /// Tells an event; a peer that is gone ends the import between two batches.
    async fn tell(&mut self, event: &ImportEvent) -> Next {
        let mut line = Vec::new();
        write_line(&mut line, event);
        match self.sender.send(line).await {
            true => Next::Goes,
            false => Next::Ends,
        }
    }
}

impl super::Admin {
    /// Puts on record that subscribers leave.
    fn note_export(&self, by: &Principal, outcome: Outcome) -> Result<(), NotDone> {
        let all = u32::try_from(self.store()?.len()?).unwrap_or(u32::MAX);
        let event = self.event(by, outcome, Action::SubscribersExported)?;
        self.note(event.map(|event| event.times(all)))
    }

    /// Gives out all subscribers without secrets, on record before the first of them.
    pub(super) fn export(
        &self,
        by: &Principal,
        each: &mut dyn FnMut(&SubscriberView) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.note_export(by, Outcome::Noted)?;
        self.each(&mut |subscriber| each(&SubscriberView::of(subscriber, true)))
    }

    /// The same with algorithm, K and operator code sealed.
    pub(super) fn export_sealed(
        &self,
        by: &Principal,
        each: &mut dyn FnMut(&SubscriberView, Vec<u8>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.note_export(by, Outcome::Released)?;
        self.each(&mut |subscriber| {
            let sealed = self.sealed.seal(&subscriber.supi, &subscriber.secrets)?;
            each(&SubscriberView::of(subscriber, true), sealed)
        })
    }

    /// The whole store in pages, in the order of the SUPI.
    fn each(&self, each: &mut dyn FnMut(&Subscriber) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut after: Option<Supi> = None;
        loop {
            let page = self.store()?.list(after.as_ref(), PAGE);
            let page = page.context("the store cannot be read to its end")?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.supi.clone());
            page.iter().try_for_each(&mut *each)?;
        }
    }
}
