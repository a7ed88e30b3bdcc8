//! How a command reaches the operations: directly where no node runs, over the socket of the one that does.

use std::convert::Infallible;
use std::os::unix::net::UnixStream as Blocking;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use kaskade::config::Config;
use kaskade::import::{Entry, ImportError, LineError};
use kaskade_flow::Refusal;
use kaskade_store::SubscriberStore;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::not_done::ProblemDetails;
use super::operation::{Operation, ROOT, path_of};
use super::subscriber::{BrokenOff, ImportEvent, ImportQuery, SubscriberView};
use super::text::{Flag, Text};
use super::{Admin, Later, Log, NotDone, Principal, body, socket};
use crate::data_dir::{DataArgs, DataDir};
use crate::record::Much;
use crate::runtime::store::{is_in_use, make_first_store, open_store};

/// Which data folder a command uses, and how.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct LinkArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Open the store itself: a node that has it open is not asked over its socket, and must be stopped first
    #[arg(long, help_heading = "Data")]
    pub(crate) offline: bool,
}

/// What a command has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It looks at what is not in the store.
    LookAside,
    /// It removes a home network key, which needs no store: one that is lost is not in the way.
    RemoveKey,
    /// It adds one, also where there is no data folder yet.
    AddKey,
    /// It looks.
    Look,
    /// It changes something that is there.
    Change,
    /// It adds something, also where there is no data folder yet.
    Add,
    /// It adds so many subscribers.
    Import(usize),
}

/// The way to the operations.
pub(crate) enum Link {
    /// In this process, which has the store open.
    Here(Box<Here>),
    /// In the node of this data folder.
    There(There),
}

/// The operations in this process.
pub(crate) struct Here {
    pub(crate) admin: Admin,
    data: Arc<DataDir>,
    by: Principal,
}

/// So many have room in a small segment of the audit log.
const FEW: usize = 4096;

/// A node that runs.
pub(crate) struct There {
    runtime: tokio::runtime::Runtime,
    sender: Mutex<SendRequest<Sent>>,
    folder: PathBuf,
}

/// What goes to a node.
type Sent = UnsyncBoxBody<Bytes, Infallible>;

impl Link {
    /// Finds the way; `told` is called where a data folder was made.
    pub(crate) fn open(
        args: &LinkArgs,
        config: &Config,
        purpose: Purpose,
        told: impl FnOnce(&DataDir),
    ) -> Result<Self> {
        let folder = &config.data_dir;
        if !args.offline
            && let Some(there) = Self::running(folder)?
        {
            return Ok(there);
        }
        let data = match purpose {
            Purpose::Add | Purpose::Import(_) | Purpose::AddKey => DataDir::open_or_create(folder)?,
            _ => DataDir::open(folder)?,
        };
        let data = Arc::new(data);
        if data.is_new() {
            told(&data);
        }
        let store = match purpose {
            Purpose::LookAside => None,
            Purpose::AddKey | Purpose::RemoveKey => store_beside_keys(&data, config)?,
            _ => Some(Arc::new(open_store(&data, config)?)),
        };
        let much = match purpose {
            Purpose::Import(count) if count > FEW => Much::Yes,
            _ => Much::No,
        };
        let later = Later::new(store.clone(), Arc::clone(&data), config, much);
        Ok(Self::Here(Box::new(Here {
            admin: Admin::new(store, Log::Later(Box::new(later)), &data, config)?,
            data,
            by: Principal::this_user(),
        })))
    }

    /// To the node of this data folder, where one runs.
    pub(crate) fn running(folder: &std::path::Path) -> Result<Option<Self>> {
        let stream = socket::connect(folder)?;
        stream
            .map(|stream| There::connect(stream, folder.to_owned()).map(Self::There))
            .transpose()
    }

    /// Whether a node is asked.
    pub(crate) const fn is_there(&self) -> bool {
        matches!(self, Self::There(_))
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &std::path::Path {
        match self {
            Self::Here(here) => here.data.path(),
            Self::There(there) => &there.folder,
        }
    }

    /// What only the store can say of entries of a file.
    pub(crate) fn check_import(&self, file: &ImportFile<'_>, replace: bool) -> Result<(), ImportError> {
        match self {
            Self::Here(here) => here.admin.check_import(file.entries, replace),
            Self::There(there) => there.check_import(file, replace),
        }
    }

    /// Takes in entries of a file that were checked, told how many are in.
    pub(crate) fn write_import(&self, file: &ImportFile<'_>, progress: &mut dyn FnMut(usize)) -> Result<(), BrokenOff> {
        match self {
            Self::Here(here) => {
                let import = here.admin.begin_import()?;
                let written = here.admin.write_import(&here.by, import, file.entries, progress);
                let done = written
                    .as_ref()
                    .map_or_else(|broken| broken.done, |()| file.entries.len());
                // Each that is in has its entry in the store, whether the log can take it now or not.
                let ended = here.admin.end_import(&here.by, import, done);
                written.and(ended.map_err(|why| BrokenOff::after(done, why)))
            }
            Self::There(there) => there.write_import(file, progress),
        }
    }

    /// Gives out all subscribers without secrets, on record before the first of them.
    pub(crate) fn export(&self, each: &mut dyn FnMut(&SubscriberView) -> Result<()>) -> Result<()> {
        match self {
            Self::Here(here) => here.admin.export(&here.by, each),
            Self::There(there) => {
                let path = "/subscribers/export?reveal_gpsi=true";
                let request = Request::builder().method("GET").uri(format!("{ROOT}{path}"));
                there.lines(request, Full::default().boxed_unsync(), &mut |line| {
                    let view = serde_json::from_slice(line).map_err(|_| not_understood())?;
                    each(&view)
                })
            }
        }
    }

    /// The same with algorithm, K and operator code sealed: where no node runs.
    pub(crate) fn export_sealed(&self, each: &mut dyn FnMut(&SubscriberView, Vec<u8>) -> Result<()>) -> Result<()> {
        let here = self.here("nothing with a secret in it leaves that, sealed or not")?;
        here.admin.export_sealed(&here.by, each)
    }

    /// For what needs the store in this process.
    pub(crate) fn here(&self, why: &str) -> Result<&Here> {
        match self {
            Self::Here(here) => Ok(here),
            Self::There(there) => {
                bail!("a node runs in {}, and {why}: stop it first", there.folder.display())
            }
        }
    }

    /// Asks for an operation.
    pub(crate) fn ask<O: Operation>(&self, of: O::Of, query: O::Query, body: O::Body) -> Result<O::Answer, NotDone> {
        match self {
            Self::Here(here) => O::run(&here.admin, &here.by, of, query, body),
            Self::There(there) => there.ask::<O>(&of, &query, &body),
        }
    }
}

/// The store whose log has what happens to home network keys; `None` where it does not open and another command says why.
fn store_beside_keys(data: &DataDir, config: &Config) -> Result<Option<Arc<SubscriberStore>>> {
    make_first_store(data, config)?;
    match open_store(data, config) {
        Ok(store) => Ok(Some(Arc::new(store))),
        // Whoever has it open writes the log, too.
        Err(error) if is_in_use(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

impl There {
    fn connect(stream: Blocking, folder: PathBuf) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        stream.set_nonblocking(true)?;
        let sender = runtime.block_on(async {
            let stream = tokio::net::UnixStream::from_std(stream)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            Ok::<_, anyhow::Error>(sender)
        })?;
        Ok(Self {
            runtime,
            sender: Mutex::new(sender),
            folder,
        })
    }

    fn ask<O: Operation>(&self, of: &O::Of, query: &O::Query, body: &O::Body) -> Result<O::Answer, NotDone> {
        let uri = format!("{}{}", path_of::<O>(of), body::query_text(query));
        let mut request = Request::builder().method(O::METHOD).uri(uri);
        let mut octets = Zeroizing::new(Vec::new());
        if O::HAS_BODY {
            // With room for the largest: one that grows leaves copies behind.
            octets = Zeroizing::new(Vec::with_capacity(body::MOST));
            serde_json::to_writer(&mut *octets, body)
                .map_err(|_| NotDone::because(Refusal::Internal, "the request has no form in JSON"))?;
            request = request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = Full::new(Bytes::from_owner(octets)).boxed_unsync();
        let (status, octets) = self.exchange(request, body)?;
        if !status.is_success() {
            return Err(told(status, &octets));
        }
        let octets = if octets.is_empty() { b"{}".as_slice() } else { &octets };
        serde_json::from_slice(octets).map_err(|_| not_understood())
    }

    fn exchange(&self, request: hyper::http::request::Builder, body: Sent) -> Result<(StatusCode, Bytes), NotDone> {
        let exchanged = self.runtime.block_on(async {
            let request = request.header(header::HOST, "localhost").body(body)?;
            let answer = self.sender.lock().await.send_request(request).await?;
            let status = answer.status();
            Ok::<_, anyhow::Error>((status, answer.into_body().collect().await?.to_bytes()))
        });
        exchanged.map_err(|error| {
            let folder = self.folder.display();
            NotDone::because(
                Refusal::PeerUnreachable,
                format!("the node of {folder} does not answer ({error}): is it stopping?"),
            )
        })
    }
}

/// A file of subscribers, as it is read and as it is sent.
pub(crate) struct ImportFile<'f> {
    pub(crate) entries: &'f [Entry],
    /// CSV; the record of an entry stands in its line, or for other formats in the order of the entries from line 2 on.
    pub(crate) csv: &'f str,
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

impl There {
    fn check_import(&self, file: &ImportFile<'_>, replace: bool) -> Result<(), ImportError> {
        let mut wrong = ImportError {
            errors: Vec::new(),
            more: 0,
        };
        let query = ImportQuery {
            replace: replace.then_some(Text(Flag(true))),
            dry_run: Some(Text(Flag(true))),
        };
        let failed = |reason: String| ImportError {
            errors: vec![LineError { line: 1, reason }],
            more: 0,
        };
        let ended = self.import(file, &query, &mut |event| {
            if let ImportEvent::Refused { line, reason } = event {
                let line = file.line(line);
                wrong.errors.push(LineError { line, reason });
            }
        });
        match ended {
            Err(error) => Err(failed(format!("{error:#}"))),
            Ok((_, Some(why))) => Err(failed(why.to_string())),
            Ok(_) if wrong.errors.is_empty() => Ok(()),
            Ok(_) => Err(wrong.and(ImportError {
                errors: Vec::new(),
                more: 0,
            })),
        }
    }

    fn write_import(&self, file: &ImportFile<'_>, progress: &mut dyn FnMut(usize)) -> Result<(), BrokenOff> {
        let (mut done, mut first_wrong) = (0, None);
        let query = ImportQuery {
            // Whether they may be replaced was asked before.
            replace: Some(Text(Flag(true))),
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
        let failed = |detail: String| NotDone::because(Refusal::PeerFailed, detail);
        let why = match (ended, first_wrong) {
            (Err(error), _) => failed(format!("{error:#}")),
            (Ok((imported, Some(why))), _) => {
                done = usize::try_from(imported).unwrap_or(usize::MAX);
                why
            }
            (Ok((_, None)), Some(reason)) => failed(reason),
            (Ok((imported, None)), None) if imported != file.entries.len() as u64 => {
                failed("the node has taken others than were sent".into())
            }
            (Ok(_), None) => return Ok(()),
        };
        Err(BrokenOff::after(done, why))
    }

    /// Sends a file; how many are in, and why it broke off.
    fn import(
        &self,
        file: &ImportFile<'_>,
        query: &ImportQuery,
        each: &mut dyn FnMut(ImportEvent),
    ) -> Result<(u64, Option<NotDone>)> {
        let uri = format!("{ROOT}/subscribers/import{}", body::query_text(query));
        let request = Request::builder()
            .method("POST")
            .uri(uri)
            .header(header::CONTENT_TYPE, "text/csv");
        let octets = Bytes::from_owner(Zeroizing::new(file.csv.as_bytes().to_vec()));
        let mut end = None;
        self.lines(request, Full::new(octets).boxed_unsync(), &mut |line| {
            let event: ImportEvent = serde_json::from_slice(line).map_err(|_| not_understood())?;
            if let ImportEvent::End { imported, problem, .. } = &event {
                end = Some((*imported, problem.clone().map(NotDone::from)));
            }
            each(event);
            Ok(())
        })?;
        end.ok_or_else(|| anyhow!("the node broke the import off, and did not say why"))
    }

    /// An answer that is lines, each as it comes.
    fn lines(
        &self,
        request: hyper::http::request::Builder,
        body: Sent,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let request = request.header(header::HOST, "localhost").body(body)?;
        self.runtime.block_on(async {
            let answer = self.sender.lock().await.send_request(request).await?;
            let status = answer.status();
            let mut body = answer.into_body();
            if !status.is_success() {
                return Err(told(status, &body.collect().await?.to_bytes()).into());
            }
            let mut rest: Vec<u8> = Vec::new();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame?.into_data() else { continue };
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
                false => Err(anyhow!("the answer of the node broke off")),
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
