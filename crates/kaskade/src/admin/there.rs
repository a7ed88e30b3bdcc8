//! A node that runs, asked over the socket in its data folder.

use std::convert::Infallible;
use std::io::IsTerminal;
use std::os::unix::net::UnixStream as Blocking;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Builder;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use kaskade::administration::batches::Kind;
use kaskade::import::{Entry, ImportError, LineError};
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::not_done::ProblemDetails;
use super::operation::{EXPORT, IMPORT, Operation, ROOT, path_of};
use super::streams::{CSV, NDJSON};
use super::subscriber::{BrokenOff, ImportEvent, ImportQuery, ShowQuery, SubscriberView, Written};
use super::text::{Flag, Text};
use super::{NotDone, body, socket};
use crate::console::complain;

/// From here on somebody who waits wants to know for whom.
const NOTICE: Duration = Duration::from_secs(2);
/// How long a node that is busy is asked again.
const BUSY: Duration = Duration::from_secs(10);
/// A pause between two attempts, which grows.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a stream may pause at least.
const PAUSE_OF_STREAM: Duration = Duration::from_secs(60);

/// A node that runs.
pub(crate) struct There {
    runtime: tokio::runtime::Runtime,
    /// A connection, until it is closed.
    sender: Mutex<Option<SendRequest<Sent>>>,
    folder: PathBuf,
    /// How long it may take for an answer.
    patience: Duration,
}

/// What goes to a node.
type Sent = UnsyncBoxBody<Bytes, Infallible>;

/// A request, as often as it is sent.
struct Asked {
    method: &'static str,
    path: String,
    body: Option<(&'static str, Bytes)>,
}

impl Asked {
    fn request(&self) -> Result<Request<Sent>, hyper::http::Error> {
        let request = Builder::new().method(self.method).uri(format!("{ROOT}{}", self.path));
        let request = request.header(header::HOST, "localhost");
        match &self.body {
            Some((kind, octets)) => request
                .header(header::CONTENT_TYPE, HeaderValue::from_static(kind))
                .body(Full::new(octets.clone()).boxed_unsync()),
            None => request.body(Full::default().boxed_unsync()),
        }
    }

    /// What is not known of it, where no answer came.
    fn in_doubt(&self) -> &'static str {
        match self.method {
            "GET" => "",
            _ => "; whether it was done is not known: look before you ask again",
        }
    }
}

/// Why there is no answer.
enum Unanswered {
    /// It was not begun: it may be asked again.
    NotBegun(NotDone),
    For(NotDone),
}

impl There {
    /// The node of this folder, where one runs.
    pub(super) fn reach(folder: &Path, patience: Duration) -> Result<Option<Self>> {
        let Some(stream) = socket::connect(folder)? else {
            return Ok(None);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let there = Self {
            runtime,
            sender: Mutex::new(None),
            folder: folder.to_owned(),
            patience,
        };
        let sender = there.runtime.block_on(there.speak(stream))?;
        *there.sender.blocking_lock() = Some(sender);
        Ok(Some(there))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    async fn speak(&self, stream: Blocking) -> Result<SendRequest<Sent>> {
        stream.set_nonblocking(true)?;
        let stream = tokio::net::UnixStream::from_std(stream)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Asks for an operation.
    pub(super) fn ask<O: Operation>(&self, of: &O::Of, query: &O::Query, body: &O::Body) -> Result<O::Answer, NotDone> {
        let mut asked = Asked {
            method: O::METHOD,
            path: path_of::<O>(of).split_off(ROOT.len()) + &body::query_text(query),
            body: None,
        };
        if O::HAS_BODY {
            // With room for the largest: one that grows leaves copies behind.
            let mut octets = Zeroizing::new(Vec::with_capacity(body::MOST));
            serde_json::to_writer(&mut *octets, body)
                .map_err(|_| NotDone::because(Refusal::Internal, "the request has no form in JSON"))?;
            asked.body = Some(("application/json", Bytes::from_owner(octets)));
        }
        let octets = self.runtime.block_on(async {
            let answer = self.answer(&asked).await?;
            let whole = self.in_time(self.patience, answer.into_body().collect()).await;
            let whole = whole.ok_or_else(|| self.hangs(&asked))?;
            Ok::<_, NotDone>(whole.map_err(|error| self.closed(&asked, &error))?.to_bytes())
        })?;
        let octets = if octets.is_empty() { b"{}".as_slice() } else { &octets };
        serde_json::from_slice(octets).map_err(|_| not_understood())
    }

    /// The head of an answer that is no refusal. A node that is busy is asked again for a while.
    async fn answer(&self, asked: &Asked) -> Result<Response<Incoming>, NotDone> {
        let (begin, mut pause) = (Instant::now(), PAUSE);
        loop {
            let why = match self.once(asked).await {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::For(why)) => return Err(why),
                Err(Unanswered::NotBegun(why)) => why,
            };
            if begin.elapsed() + pause >= BUSY.min(self.patience) || fault!("busy-node-asked-once") {
                return Err(why);
            }
            sleep(pause).await;
            pause *= 2;
        }
    }

    async fn once(&self, asked: &Asked) -> Result<Response<Incoming>, Unanswered> {
        let internal = |_| Unanswered::For(NotDone::because(Refusal::Internal, "the request has no form"));
        let request = asked.request().map_err(internal)?;
        let mut sender = match self.sender.lock().await.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.again().await?,
        };
        if let Err(error) = sender.ready().await {
            return Err(Unanswered::NotBegun(self.busy(&error)));
        }
        let sent = self.in_time(self.patience, sender.try_send_request(request)).await;
        let answer = match sent {
            None => return Err(Unanswered::For(self.hangs(asked))),
            Some(Ok(answer)) => answer,
            Some(Err(mut error)) => {
                let is_unsent = error.take_message().is_some() || asked.method == "GET";
                let error = error.into_error();
                return Err(match is_unsent {
                    true => Unanswered::NotBegun(self.busy(&error)),
                    false => Unanswered::For(self.closed(asked, &error)),
                });
            }
        };
        *self.sender.lock().await = Some(sender);
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let whole = self.in_time(self.patience, answer.into_body().collect()).await;
        let whole = whole.ok_or_else(|| Unanswered::For(self.hangs(asked)))?;
        let whole = whole.map_err(|error| Unanswered::For(self.closed(asked, &error)))?;
        let why = told(status, &whole.to_bytes());
        Err(match why.why() == Refusal::Overloaded && !why.is_done {
            true => Unanswered::NotBegun(why),
            false => Unanswered::For(why),
        })
    }

    /// Another connection.
    async fn again(&self) -> Result<SendRequest<Sent>, Unanswered> {
        let folder = self.folder.display();
        let unreachable = |why: String| Unanswered::For(NotDone::because(Refusal::PeerUnreachable, why));
        match socket::connect(&self.folder) {
            Ok(Some(stream)) => self
                .speak(stream)
                .await
                .map_err(|error| unreachable(format!("{error:#}"))),
            Ok(None) => Err(unreachable(format!("the node of {folder} has ended"))),
            Err(error) => Err(unreachable(format!("{error:#}"))),
        }
    }

    /// Waits for so long, and says after a while for whom.
    async fn in_time<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        if let Ok(done) = timeout(limit.min(NOTICE), &mut work).await {
            return Some(done);
        }
        if std::io::stderr().is_terminal() {
            complain(&format!("waiting for the node of {} …", self.folder.display()));
        }
        timeout(limit.saturating_sub(NOTICE), work).await.ok()
    }

    fn hangs(&self, asked: &Asked) -> NotDone {
        NotDone::because(
            Refusal::PeerUnreachable,
            format!(
                "the node of {} has not answered for {} s: it hangs, or a signal has stopped it (SIGCONT lets it go on; --timeout waits \
                 longer; once it is killed, --offline does without it){}",
                self.folder.display(),
                self.patience.as_secs(),
                asked.in_doubt()
            ),
        )
    }

    fn closed(&self, asked: &Asked, error: &hyper::Error) -> NotDone {
        NotDone::because(
            Refusal::PeerUnreachable,
            format!(
                "the node of {} has broken off ({error}): is it stopping?{}",
                self.folder.display(),
                asked.in_doubt()
            ),
        )
    }

    fn busy(&self, error: &hyper::Error) -> NotDone {
        NotDone::because(
            Refusal::Overloaded,
            format!(
                "the node of {} closes the connection ({error}): it is busy or stopping, and nothing was done",
                self.folder.display()
            ),
        )
    }
}

/// A file of subscribers, as it is read and as it is sent.
pub(crate) struct ImportFile<'f> {
    pub(crate) entries: &'f [Entry],
    pub(crate) kind: Kind,
    /// As it is sent; the record of an entry stands in its line, or for other formats in the order of the entries from line 2 on.
    pub(crate) text: &'f str,
    pub(crate) lines_are_its_own: bool,
}

impl ImportFile<'_> {
    /// The line of the file, of a line that was sent.
    fn line(&self, sent: u64) -> usize {
        let sent = usize::try_from(sent).unwrap_or(usize::MAX);
        match self.lines_are_its_own {
            true => sent,
            false => self
                .entries
                .get(sent.saturating_sub(2))
                .map_or(sent, |entry| entry.line),
        }
    }
}

/// How an import ended.
struct Ended {
    imported: usize,
    replaced: usize,
    refused: usize,
    why: Option<NotDone>,
}

impl There {
    /// Whether a node would take a file in.
    pub(super) fn check_import(&self, file: &ImportFile<'_>, replace: bool) -> Result<Option<ImportError>, NotDone> {
        let mut errors = Vec::new();
        let query = ImportQuery {
            replace: replace.then_some(Text(Flag(true))),
            dry_run: Some(Text(Flag(true))),
        };
        let ended = self.import(file, &query, &mut |event| {
            if let ImportEvent::Refused { line, reason } = event
                && errors.len() < ImportError::SHOWN
            {
                let line = file.line(line);
                errors.push(LineError { line, reason });
            }
        })?;
        if let Some(why) = ended.why {
            return Err(why);
        }
        let more = ended.refused.saturating_sub(errors.len());
        Ok((ended.refused > 0).then_some(ImportError { errors, more }))
    }

    /// Has a node take a file in.
    pub(super) fn write_import(
        &self,
        file: &ImportFile<'_>,
        replace: bool,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Written, BrokenOff> {
        let (mut done, mut first_wrong) = (0, None);
        let query = ImportQuery {
            // Others may have added some since that was checked.
            replace: (replace || fault!("import-replaces-unasked")).then_some(Text(Flag(true))),
            dry_run: None,
        };
        let ended = self.import(file, &query, &mut |event| match event {
            ImportEvent::Progress { imported, .. } => {
                done = usize::try_from(imported).unwrap_or(usize::MAX);
                progress(done);
            }
            ImportEvent::Refused { line, reason } => {
                first_wrong.get_or_insert(format!("line {}: {reason}", file.line(line)));
            }
            ImportEvent::End { .. } => {}
        });
        let Ended {
            imported,
            replaced,
            why,
            ..
        } = ended.map_err(|why| BrokenOff::after(done, why))?;
        let why = match (why, first_wrong) {
            (Some(why), _) => why,
            // As where it is found before anything is written.
            (None, Some(reason)) => NotDone {
                is_error: true,
                ..NotDone::because(Refusal::IeIncorrect, reason)
            },
            (None, None) if imported != file.entries.len() => {
                NotDone::because(Refusal::PeerFailed, "the node has taken others than were sent")
            }
            (None, None) => {
                return Ok(Written {
                    added: imported.saturating_sub(replaced),
                    replaced,
                });
            }
        };
        Err(BrokenOff::after(imported, why))
    }

    /// Sends a file, and hears how it ended.
    fn import(
        &self,
        file: &ImportFile<'_>,
        query: &ImportQuery,
        each: &mut dyn FnMut(ImportEvent),
    ) -> Result<Ended, NotDone> {
        let kind = match file.kind {
            Kind::Csv => CSV,
            Kind::Ndjson => NDJSON,
        };
        let asked = Asked {
            method: "POST",
            path: format!("{IMPORT}{}", body::query_text(query)),
            body: Some((kind, Bytes::from_owner(Zeroizing::new(file.text.as_bytes().to_vec())))),
        };
        let mut end = None;
        self.lines(&asked, &mut |line| {
            let event: ImportEvent = serde_json::from_slice(line).map_err(|_| not_understood())?;
            if let ImportEvent::End {
                imported,
                replaced,
                refused,
                problem,
                ..
            } = &event
            {
                let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
                end = Some(Ended {
                    imported: count(*imported),
                    replaced: count(*replaced),
                    refused: count(*refused),
                    why: problem.clone().map(NotDone::from),
                });
            }
            each(event);
            Ok(())
        })
        .map_err(|error| {
            let not_done = error.downcast::<NotDone>();
            not_done.unwrap_or_else(|error| NotDone::because(Refusal::Internal, format!("{error:#}")))
        })?;
        end.ok_or_else(|| self.ended_early())
    }

    /// All subscribers of a node, without secrets.
    pub(super) fn export(&self, each: &mut dyn FnMut(&SubscriberView) -> Result<()>) -> Result<()> {
        let query = ShowQuery {
            reveal_gpsi: Some(Text(Flag(true))),
        };
        let asked = Asked {
            method: "GET",
            path: format!("{EXPORT}{}", body::query_text(&query)),
            body: None,
        };
        self.lines(&asked, &mut |line| {
            let view = serde_json::from_slice(line).map_err(|_| not_understood())?;
            each(&view)
        })
    }

    fn ended_early(&self) -> NotDone {
        let folder = self.folder.display();
        NotDone::because(
            Refusal::PeerUnreachable,
            format!("the node of {folder} has broken off, and does not say why: has it ended?"),
        )
    }

    /// An answer that is lines, each as it comes.
    fn lines(&self, asked: &Asked, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.runtime.block_on(async {
            let mut body = self.answer(asked).await?.into_body();
            let mut rest: Vec<u8> = Vec::new();
            loop {
                let frame = timeout(self.patience.max(PAUSE_OF_STREAM), body.frame()).await;
                let Some(frame) = frame.map_err(|_| self.hangs(asked))? else {
                    break;
                };
                let Ok(data) = frame.map_err(|_| self.ended_early())?.into_data() else {
                    continue;
                };
                rest.extend_from_slice(&data);
                let mut begin = 0;
                while let Some(len) = rest
                    .get(begin..)
                    .and_then(|rest| rest.iter().position(|octet| *octet == b'\n'))
                {
                    each(rest.get(begin..begin + len).unwrap_or_default())?;
                    begin += len + 1;
                }
                rest.drain(..begin);
            }
            match rest.is_empty() {
                true => Ok(()),
                false => Err(self.ended_early().into()),
            }
        })
    }
}

fn not_understood() -> NotDone {
    NotDone::because(
        Refusal::PeerSilent,
        "the node answers something else than this program expects: is it of the same version?",
    )
}

/// Why a node has refused.
fn told(status: StatusCode, octets: &[u8]) -> NotDone {
    match serde_json::from_slice::<ProblemDetails>(octets) {
        Ok(problem) => problem.into(),
        Err(_) => NotDone::because(Refusal::PeerSilent, format!("the node answers {status}, and not why")),
    }
}
