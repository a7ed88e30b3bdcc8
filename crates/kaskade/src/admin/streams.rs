//! What goes on for longer than one answer: subscribers that come in as lines, and that go out as lines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::request;
use kaskade::administration::batches::{Batch, TooLong};
use kaskade::import::ImportError;
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Outcome};
use kaskade_keys::Supi;
use kaskade_net::admin::{Body, Response, Unreadable, Upload, Visitor};
use kaskade_store::Subscriber;
use serde::Serialize;
use tokio::time::timeout;

use super::not_done::ProblemDetails;
use super::places::{Going, stopping};
use super::subscriber::{Batches, ImportEvent, ImportQuery, Lines, Part, ShowQuery, SubscriberView, Together, Written};
use super::surface::{Surface, media_type, reply, unreadable, wiped};
use super::telling::Telling;
use super::text::{Flag, Text};
use super::{NotDone, Principal, Role, body};

/// Errors that are told of one import.
const TOLD: u64 = 1000;
/// How long a peer may take to read what there is.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Pieces that wait for a peer.
const WAITING: usize = 16;
/// Subscribers of one page of an export.
const PAGE: usize = 256;
/// The media type of what goes back.
pub(super) const NDJSON: &str = "application/x-ndjson";
/// Those of what comes.
pub(super) const CSV: &str = "text/csv";
pub(super) const COMES: [&str; 2] = [CSV, NDJSON];

impl Surface {
    /// Takes subscribers in.
    pub(super) async fn import(
        &self,
        by: &Principal,
        head: &request::Parts,
        query: &str,
        body: &mut Option<Upload>,
    ) -> Result<Response, NotDone> {
        let lines = match media_type(&head.headers, &COMES)? {
            NDJSON => Lines::Ndjson,
            _ => Lines::Csv,
        };
        let query: ImportQuery = body::query(query)?;
        let yes = |asked: &Option<Text<Flag>>| matches!(asked, Some(Text(Flag(true))));
        let visitor = visitor_of(head)?;
        let place = self.stream(by)?;
        let number = self.admin().begin_import()?;
        let body = body.take().ok_or(Refusal::Internal)?;
        // Nothing is refused from here on.
        let (producer, answer) = Body::stream(WAITING);
        let import = Import {
            _place: place,
            surface: self.clone(),
            by: by.clone(),
            visitor,
            replace: yes(&query.replace),
            dry_run: yes(&query.dry_run),
            telling: Telling::to(producer),
            number,
            imported: 0,
            replaced: 0,
            refused: 0,
        };
        tokio::spawn(import.run(Batches::new(lines), body));
        Ok(reply(StatusCode::OK, NDJSON, answer))
    }

    /// Gives subscribers out, without secrets.
    pub(super) async fn export(&self, by: &Principal, head: &request::Parts, query: &str) -> Result<Response, NotDone> {
        let query: ShowQuery = body::query(query)?;
        let reveal = matches!(query.reveal_gpsi, Some(Text(Flag(true))));
        let visitor = visitor_of(head)?;
        let place = self.stream(by)?;
        let (admin, noted) = (self.admin().clone(), by.clone());
        // On record before the first of them leaves.
        self.blocking(move || admin.note_export(&noted, Outcome::Noted)).await?;
        let by = by.clone();
        let (mut sender, answer) = Body::stream(WAITING);
        let surface = self.clone();
        tokio::spawn(async move {
            let (_place, mut after): (_, Option<Supi>) = (place, None);
            loop {
                if !surface.still_may(&visitor, Role::Provisioner) {
                    let why = Refusal::PeerNotAuthorized;
                    surface.admin().refused(&by, Action::SubscribersExported, why);
                    return sender.break_off();
                }
                let (admin, begin) = (surface.admin().clone(), after.clone());
                let page = surface
                    .blocking(move || {
                        let page = admin.page(begin.as_ref())?;
                        let last = page.last().map(|subscriber| subscriber.supi.clone());
                        let mut lines = Vec::new();
                        for subscriber in &page {
                            lines.append(&mut line_of(&SubscriberView::of(subscriber, reveal))?);
                        }
                        Ok((last, lines))
                    })
                    .await;
                match page {
                    Ok((Some(last), lines)) => {
                        after = Some(last);
                        match timeout(PATIENCE, sender.send(lines)).await {
                            Ok(true) => {}
                            Ok(false) => return,
                            // Somebody else may have the place.
                            Err(_) => return sender.break_off(),
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

/// Who asks, whose role may change while something goes on.
fn visitor_of(head: &request::Parts) -> Result<Arc<Visitor>, Refusal> {
    head.extensions.get().cloned().ok_or(Refusal::Internal)
}

/// A value as a line of JSON.
pub(super) fn line_of(value: &impl Serialize) -> Result<Vec<u8>, NotDone> {
    let line = serde_json::to_vec(value);
    let mut line = line.map_err(|_| NotDone::because(Refusal::Internal, "a line has no form in JSON"))?;
    line.push(b'\n');
    Ok(line)
}

/// Whether octets come fast enough that waiting for them is no waste of a place: one octet now and then would hold it for ever.
#[derive(Default)]
struct Pace {
    waited: Duration,
    came: usize,
}

impl Pace {
    /// How long is looked at together, and how many octets come meanwhile at least.
    const WINDOW: Duration = Duration::from_secs(60);
    const LEAST: usize = 4096;

    /// So many octets came after so long.
    fn takes(&mut self, waited: Duration, came: usize) -> Result<(), Unreadable> {
        self.waited += waited;
        self.came += came;
        if self.came >= Self::LEAST {
            *self = Self::default();
        }
        match self.waited >= Self::WINDOW {
            true => Err(Unreadable::TooSlow),
            false => Ok(()),
        }
    }
}

/// An import that goes on.
struct Import {
    _place: Going,
    surface: Surface,
    by: Principal,
    visitor: Arc<Visitor>,
    replace: bool,
    dry_run: bool,
    telling: Telling,
    /// In the audit log.
    number: u64,
    imported: u64,
    /// Of these.
    replaced: u64,
    refused: u64,
}

/// How an import ends.
#[derive(Default)]
struct Ended {
    /// Where another would go on; `None` at the end of the lines.
    next_line: Option<usize>,
    why: Option<NotDone>,
}

impl Ended {
    fn at(line: usize, why: impl Into<Option<NotDone>>) -> Self {
        Self {
            next_line: Some(line),
            why: why.into(),
        }
    }
}

impl Import {
    async fn run(mut self, mut batches: Batches, mut body: Upload) {
        let ended = match self.goes(&mut batches, &mut body).await {
            Ok(()) => Ended::default(),
            Err(ended) => ended,
        };
        // Also where nobody hears of it: what is in is on record as one import.
        self.end(ended).await;
        body.pass_over().await;
    }

    /// Takes batches as long as all is well.
    async fn goes(&mut self, batches: &mut Batches, body: &mut Upload) -> Result<(), Ended> {
        let mut pace = Pace::default();
        loop {
            let begin = Instant::now();
            let came = tokio::select! {
                biased;
                () = self.surface.closing() => return Err(Ended::at(batches.line(), stopping())),
                came = body.next() => came,
            };
            let unread = |error| Ended::at(batches.line(), unreadable(error));
            let (data, last) = match came.map_err(unread)? {
                Some(data) => (data, false),
                None => (Bytes::new(), true),
            };
            pace.takes(begin.elapsed(), data.len()).map_err(unread)?;
            let taken = self.take_all(batches, &data, last).await;
            wiped(data);
            taken?;
            if last {
                return Ok(());
            }
        }
    }

    /// Takes what octets make whole.
    async fn take_all(&mut self, batches: &mut Batches, mut rest: &[u8], last: bool) -> Result<(), Ended> {
        loop {
            rest = rest.get(batches.fill(rest)..).unwrap_or_default();
            match batches.next(last) {
                Ok(None) if rest.is_empty() => return Ok(()),
                Ok(None) => {}
                Ok(Some(part)) => self.take(part).await?,
                Err(TooLong(line)) => {
                    let why = "a line that is longer than any: is a quotation mark not closed?";
                    return Err(Ended::at(line, NotDone::because(Refusal::TooLarge, why)));
                }
            }
        }
    }

    /// One batch, all of it or nothing.
    async fn take(&mut self, part: Part) -> Result<(), Ended> {
        let (first_line, next_line) = (part.first_line, part.next_line);
        if self.telling.is_gone() {
            return Err(Ended::at(first_line, None));
        }
        if !self.surface.still_may(&self.visitor, Role::Provisioner) {
            let why = Refusal::PeerNotAuthorized;
            self.surface.admin().refused(&self.by, Action::SubscribersImported, why);
            return Err(Ended::at(first_line, NotDone::from(why)));
        }
        let (admin, by) = (self.surface.admin().clone(), self.by.clone());
        let (replace, dry_run, import) = (self.replace, self.dry_run, self.number);
        let done = self.surface.blocking(move || {
            let Batch { entries, wrong } = part.read(usize::MAX);
            // What is checked here is written here.
            let _one_by_one = admin.changing();
            let in_store = admin.check_import(&entries, replace, Together::Batch)?;
            let wrong = match (wrong, in_store) {
                (Some(wrong), Some(in_store)) => Some(wrong.and(in_store)),
                (wrong, in_store) => wrong.or(in_store),
            };
            if dry_run || wrong.is_some() && !fault!("admin-wrong-batch-taken") {
                return Ok((Written::default(), wrong, None));
            }
            let written = admin.write_batch(&by, import, &entries)?;
            // They are in, whatever the log can take now.
            Ok((written, wrong, admin.told().err()))
        });
        let (written, wrong, told) = done.await.map_err(|why| Ended::at(first_line, why))?;
        self.imported += (written.added + written.replaced) as u64;
        self.replaced += written.replaced as u64;
        if let Some(wrong) = wrong {
            self.tell_wrong(wrong);
            return match self.dry_run {
                true => Ok(()),
                false => Err(Ended::at(first_line, None)),
            };
        }
        if let Some(why) = told {
            return Err(Ended::at(next_line, why));
        }
        let (imported, line) = (self.imported, next_line as u64 - 1);
        self.telling.tell(ImportEvent::Progress { imported, line });
        Ok(())
    }

    /// All are counted, the first are told.
    fn tell_wrong(&mut self, wrong: ImportError) {
        let left = usize::try_from(TOLD.saturating_sub(self.refused)).unwrap_or(usize::MAX);
        self.refused += (wrong.errors.len() + wrong.more) as u64;
        for error in wrong.errors.into_iter().take(left) {
            self.telling.tell(ImportEvent::Refused {
                line: error.line as u64,
                reason: error.reason,
            });
        }
    }

    async fn end(self, Ended { next_line, mut why }: Ended) {
        if !self.dry_run && !fault!("admin-import-ends-unnoted") {
            let (admin, by, number) = (self.surface.admin().clone(), self.by.clone(), self.number);
            let done = usize::try_from(self.imported).unwrap_or(usize::MAX);
            let ended = self
                .surface
                .last_work(move || admin.end_import(&by, number, done))
                .await;
            why = why.or(ended.err());
        }
        self.telling.tell(ImportEvent::End {
            imported: self.imported,
            replaced: self.replaced,
            refused: self.refused,
            next_line: next_line.map(|line| line as u64),
            problem: why.as_ref().map(ProblemDetails::from),
        });
        self.telling.end().await;
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
            let page = self.page(after.as_ref());
            let page = page.context("the store cannot be read to its end")?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.supi.clone());
            page.iter().try_for_each(&mut *each)?;
        }
    }

    /// The next subscribers; none at the end.
    fn page(&self, after: Option<&Supi>) -> Result<Vec<Subscriber>, NotDone> {
        Ok(self.store()?.list(after, PAGE)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_octet_now_and_then_does_not_hold_a_place() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::default();
        assert!((0..6).all(|_| pace.takes(9 * second, 1).is_ok()));
        assert_eq!(pace.takes(9 * second, 1), Err(Unreadable::TooSlow));
        let mut pace = Pace::default();
        assert!((0..1000).all(|_| pace.takes(9 * second, 700).is_ok()));
    }
}
