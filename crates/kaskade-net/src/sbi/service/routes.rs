//! The services behind a listening socket: which operation a request asks for, whether its caller may, and the answer.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use kaskade_codec::sbi::path::{Segments, decode, push_segment};
use kaskade_codec::sbi::{Body, Variable};
use kaskade_faults::fault;
use kaskade_flow::refusal::{Refusal, Refused};
use tracing::{Instrument, Span, debug_span};

use super::answer::At;
use super::paths::{Found, Paths};
use super::{Answer, Asker, Caller, CorrelationId, NotDone, Operation, Principal, Segment, Service};
use crate::count::{OperationCounters, RefusalCounters};
use crate::live::Live;
use crate::role::policy::Groups;
use crate::sbi::limits::STREAM_LIFE;
use crate::sbi::message::{Reply, Request};
use crate::sbi::peer::Requester;
use crate::sbi::problem::Problem;
use crate::sbi::server::Handler;
use crate::sbi::write::wipe;
use crate::time::moment;

/// An answer that is on its way: the one box of a request.
pub type Replying<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// Who a caller is, and whether it may ask for an operation.
pub trait Gate: Send + Sync + 'static {
    /// Who asks, by all that it brought along. Without a gate that says more, whoever the connection says.
    ///
    /// # Errors
    /// What it brought along is wrong, or not enough.
    fn identify(&self, asker: Asker<'_>, _: &Operation) -> Result<Principal, Refused> {
        Ok(asker.requester.into())
    }

    /// Asked for every request, before anybody looks at its body.
    ///
    /// # Errors
    /// Why not.
    fn authorise(&self, caller: &Caller, operation: &Operation) -> Result<(), Refused>;
}

/// Everybody may ask for everything; what serving networks may, each role says itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open;

impl Gate for Open {
    fn authorise(&self, _: &Caller, _: &Operation) -> Result<(), Refused> {
        Ok(())
    }
}

/// What is served beside the services of a socket, under a path of its own.
pub trait Beside: Send + Sync + 'static {
    /// The whole path.
    fn path(&self) -> &str;

    /// Answers a request of this requester. Nobody has asked whether it may.
    fn answer(&self, request: Request, requester: Requester) -> Replying<'_>;
}

/// A service and who serves it.
#[derive(Clone)]
pub struct Api {
    service: &'static Service,
    paths: Arc<Paths>,
    served: Arc<dyn Served>,
    root: Option<Arc<str>>,
    answers: Arc<[OperationCounters]>,
}

impl Api {
    /// A service as its module makes it.
    #[doc(hidden)]
    pub fn new(service: &'static Service, served: impl Served) -> Self {
        Self {
            service,
            paths: Arc::new(Paths::of(service)),
            served: Arc::new(served),
            root: None,
            answers: service
                .operations
                .iter()
                .map(|_| OperationCounters::default())
                .collect(),
        }
    }

    /// What was answered to each of its operations so far.
    pub fn answers(&self) -> impl Iterator<Item = (&'static Operation, &OperationCounters)> {
        self.service.operations.iter().zip(self.answers.iter())
    }

    /// URIs in answers begin with this apiRoot; without one, with what the request was sent to.
    #[must_use]
    pub fn at(mut self, root: Option<&str>) -> Self {
        self.root = root.map(Arc::from);
        self
    }

    /// Whether a path is below name and version, written without encoding.
    fn is_above(&self, path: &str) -> bool {
        let rest = || {
            let version = path.strip_prefix('/')?.strip_prefix(self.service.name)?;
            version.strip_prefix('/')?.strip_prefix(self.service.version)
        };
        rest().is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// What is served.
    pub const fn service(&self) -> &'static Service {
        self.service
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Api({}/{})", self.service.name, self.service.version)
    }
}

/// The services behind one listening socket.
#[derive(Clone)]
pub struct Routes {
    apis: Vec<Api>,
    groups: Live<Groups>,
    gate: Arc<dyn Gate>,
    beside: Option<Arc<dyn Beside>>,
    refusals: Arc<RefusalCounters>,
}

impl Routes {
    /// None yet, for peers of which some count as one.
    pub fn new(groups: Live<Groups>) -> Self {
        Self {
            apis: Vec::new(),
            groups,
            gate: Arc::new(Open),
            beside: None,
            refusals: Arc::new(RefusalCounters::new()),
        }
    }

    /// And this one.
    #[must_use]
    pub fn with(mut self, api: Api) -> Self {
        self.apis.push(api);
        self
    }

    /// With who is asked whether a caller may.
    #[must_use]
    pub fn behind(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gate = gate;
        self
    }

    /// With something beside the services.
    #[must_use]
    pub fn beside(mut self, beside: Arc<dyn Beside>) -> Self {
        self.beside = Some(beside);
        self
    }

    /// With who counts what is refused.
    #[must_use]
    pub fn counting(mut self, refusals: Arc<RefusalCounters>) -> Self {
        self.refusals = refusals;
        self
    }

    /// Finds the operation and begins it; what is wrong is told at once.
    fn begin(&self, mut request: Request) -> Result<Replying<'_>, Problem> {
        let asked = request.take_path();
        let api = self.api(&asked)?;
        let not_well_formed = || Problem::from(Refusal::ResourceNotFound).with_detail("the path is not well formed");
        let segments = Segments::of(&asked).ok_or_else(not_well_formed)?;
        let found = api.paths.find(below_api(&segments), request.method())?;
        let Found { index, operation, path } = found;
        let requester = self.groups.with(|groups| groups.requester(request.peer()));
        let correlation = CorrelationId::new();
        // Every line of the log that is about a request stands in it, where the filter asks for it.
        let span = debug_span!(
            "request",
            service = operation.api,
            operation = operation.name,
            %requester,
            %correlation
        );
        let _within = span.enter();
        let begun = self.admit(&request, requester, correlation, operation);
        let begun = begun.map_err(|refused| Problem::from(refused).with_scope(operation.scope));
        let begun = begun.and_then(|caller| {
            let asked = Asked {
                operation,
                request,
                path,
                segments,
                root: api.root.as_deref(),
                read: 0,
                span: span.clone(),
            };
            api.served.serve(index, caller, asked)
        });
        Ok(begun.unwrap_or_else(|problem| Box::pin(std::future::ready(refuse(problem).to(operation)))))
    }

    /// Who asks, if it may.
    fn admit(
        &self,
        request: &Request,
        requester: Requester,
        correlation: CorrelationId,
        operation: &Operation,
    ) -> Result<Caller, Refused> {
        let asker = Asker {
            requester,
            peer: request.peer(),
            authorization: request.authorization(),
        };
        let principal = self.gate.identify(asker, operation)?;
        let caller = Caller::numbered(principal, correlation).until(moment().after(STREAM_LIFE));
        if !fault!("gate-not-asked") {
            self.gate.authorise(&caller, operation)?;
        }
        Ok(caller)
    }

    fn api(&self, path: &str) -> Result<&Api, Problem> {
        let decoded = || {
            let mut segments = path.strip_prefix('/')?.splitn(3, '/');
            let (name, version) = (decode(segments.next()?)?, decode(segments.next()?)?);
            let is = |api: &&Api| api.service.name == name && api.service.version == version;
            self.apis.iter().find(is)
        };
        let as_it_is = self.apis.iter().find(|api| api.is_above(path));
        as_it_is
            .or_else(decoded)
            .ok_or_else(|| Problem::from(Refusal::ApiUnknown).with_detail("no such API, or not in this version"))
    }
}

impl Handler for Routes {
    fn handle(&self, request: Request) -> Replying<'_> {
        if let Some(beside) = &self.beside
            && beside.path() == request.path()
        {
            let requester = self.groups.with(|groups| groups.requester(request.peer()));
            return beside.answer(request, requester);
        }
        self.begin(request).unwrap_or_else(at_once)
    }

    fn replied(&self, reply: &Reply) {
        if let Some(why) = reply.why()
            && !fault!("refusals-uncounted")
        {
            self.refusals.add_one(why);
        }
        let Some(operation) = reply.operation() else { return };
        let mut counters = self.apis.iter().flat_map(Api::answers);
        if let Some((_, answers)) = counters.find(|(known, _)| std::ptr::eq(*known, operation)) {
            answers.add_one(reply.status());
        }
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.apis).finish()
    }
}

/// The segments behind name and version of the API.
fn below_api<'s, 'p>(segments: &'s Segments<'p>) -> &'s [Cow<'p, str>] {
    segments.as_slice().get(2..).unwrap_or_default()
}

/// The answer to a request that is not begun.
fn at_once<'a>(problem: Problem) -> Replying<'a> {
    Box::pin(std::future::ready(refuse(problem)))
}

fn refuse(problem: Problem) -> Reply {
    tracing::debug!(
        status = problem.status.as_u16(),
        cause = problem.cause.map(kaskade_flow::refusal::Cause::name),
        "refused"
    );
    problem.into()
}

/// A service that can be asked, as its module makes it of a role.
#[doc(hidden)]
pub trait Served: Send + Sync + 'static {
    /// Begins an operation.
    ///
    /// # Errors
    /// What is wrong with the request.
    fn serve<'s>(&'s self, operation: usize, caller: Caller, asked: Asked<'_>) -> Result<Replying<'s>, Problem>;
}

/// A request for an operation.
#[doc(hidden)]
pub struct Asked<'r> {
    operation: &'static Operation,
    request: Request,
    path: &'r [Segment],
    segments: Segments<'r>,
    root: Option<&'r str>,
    /// Variables that were read.
    read: usize,
    span: Span,
}

impl Asked<'_> {
    /// The next variable of the path.
    ///
    /// # Errors
    /// That it is wrong.
    pub fn variable<V: Variable>(&mut self) -> Result<V, Problem> {
        let variables = self.path.iter().zip(below_api(&self.segments));
        let mut variables = variables.filter_map(|(segment, given)| match segment {
            Segment::Variable(name) => Some((name, given)),
            Segment::Name(_) => None,
        });
        let (name, given) = variables.nth(self.read).ok_or(Refusal::ResourceNotFound)?;
        self.read += 1;
        V::read(given).map_err(|reason| Problem::parameter(Refusal::IeIncorrect, format!("{{{name}}}"), reason))
    }

    /// Checks that the peer takes the answer.
    pub fn acceptable<A: Answer>(&self) -> Result<(), Problem> {
        match A::BODY {
            None if fault!("accept-asked-without-an-answer") => self.request.accepts(self.operation.answer.content),
            Some(_) => {
                let answer = &self.operation.answer;
                // Who takes one of several takes what comes.
                match answer.also.map(|also| self.request.accepts(also)) {
                    Some(Ok(())) => Ok(()),
                    _ => self.request.accepts(answer.content),
                }
            }
            None => Ok(()),
        }
    }

    /// The body.
    pub fn body<B: Body>(&mut self) -> Result<B, Problem> {
        let body = self.request.json_body()?;
        let read = B::from_json(&body);
        match B::SECRET {
            true => wipe(body),
            false => self.request.put_back(body),
        }
        read.map_err(|misread| NotDone::from(misread).into())
    }

    /// What the answer needs to know.
    pub fn at<A: Answer>(&mut self) -> At {
        At {
            uri: match A::LOCATED || A::LINKED {
                true => self.uri(),
                false => String::new(),
            },
            body: match A::ECHOES {
                true => self.request.json_body().unwrap_or_default(),
                false => Bytes::new(),
            },
        }
    }

    /// URI of what is asked, with room for a name below it.
    fn uri(&self) -> String {
        let mut uri = String::with_capacity(192);
        match (self.root, self.request.root()) {
            (Some(configured), _) => uri.push_str(configured),
            (None, Some((scheme, authority))) => {
                uri.push_str(scheme);
                uri.push_str("://");
                uri.push_str(authority);
            }
            (None, None) => {}
        }
        for segment in self.segments.as_slice() {
            uri.push('/');
            push_segment(&mut uri, segment);
        }
        uri
    }

    /// Works on the answer, as a part of the request.
    pub fn replying<'s>(self, work: impl Future<Output = Reply> + Send + 's) -> Replying<'s> {
        match self.span.is_disabled() {
            true => Box::pin(work),
            false => Box::pin(work.instrument(self.span)),
        }
    }
}

/// The reply to an operation that has ended.
#[doc(hidden)]
pub fn reply<A: Answer>(done: Result<A, NotDone>, operation: &'static Operation, at: &At) -> Reply {
    done.and_then(|answer| answer.reply(operation, at))
        .unwrap_or_else(|not_done| refuse(not_done.into()))
        .to(operation)
}
