//! What every generated client does: the path of a request, the exchange, and what it means.

use bytes::Bytes;
use hyper::Method;
use kaskade_codec::sbi::path::push_segment;
use kaskade_codec::sbi::{Body, Variable};

use super::{Answer, Caller, NotDone, Operation, Segment, Service};
use crate::sbi::client::{self, SbiClient};
use crate::sbi::write;

/// The path of a request, under construction.
#[derive(Debug)]
pub struct PathTo<I> {
    path: String,
    rest: I,
    elsewhere: Option<String>,
}

/// Where a request goes.
#[derive(Debug)]
pub struct Target {
    /// Its path: under the apiRoot, or the whole where the peer gave it.
    path: String,
    whole: bool,
}

/// The path of an operation, up to its first variable.
pub fn path_to(service: &Service, operation: &Operation) -> PathTo<impl Iterator<Item = Segment> + use<>> {
    let mut to = PathTo {
        path: service.base(),
        rest: operation.segments(),
        elsewhere: None,
    };
    to.names();
    to
}

impl<I: Iterator<Item = Segment>> PathTo<I> {
    /// Up to the next variable.
    fn names(&mut self) {
        for segment in self.rest.by_ref() {
            self.path.push('/');
            match segment {
                Segment::Name(name) => push_segment(&mut self.path, name),
                Segment::Variable(_) => return,
            }
        }
    }

    /// The next variable is this one.
    pub fn put(&mut self, variable: &impl Variable) {
        match variable.elsewhere() {
            Some(path) => self.elsewhere = Some(path.to_owned()),
            None => push_segment(&mut self.path, &variable.text()),
        }
        self.names();
    }

    /// All variables are there.
    pub fn done(self) -> Target {
        let whole = self.elsewhere.is_some();
        Target {
            path: self.elsewhere.unwrap_or(self.path),
            whole,
        }
    }
}

/// A request that is ready to be sent.
#[derive(Debug)]
pub struct Remote<'c> {
    client: &'c SbiClient,
    operation: &'static Operation,
    target: Target,
    body: Result<Option<Bytes>, NotDone>,
}

impl<'c> Remote<'c> {
    /// Without a body.
    pub fn new(client: &'c SbiClient, operation: &'static Operation, target: Target) -> Self {
        Self {
            client,
            operation,
            target,
            body: Ok(None),
        }
    }

    /// With this body.
    #[must_use]
    pub fn with<B: Body>(mut self, body: &B) -> Self {
        self.body = write::body(body).map(Some).map_err(NotDone::from);
        self
    }

    /// Asks, and reads the answer for whoever passes it on.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn ask<A: Answer>(self, caller: &Caller) -> Result<A, NotDone> {
        let collection = self.collection::<A>();
        A::read(self.exchange(caller).await?, &collection)
    }

    /// Asks, and reads the answer for whoever it is meant for.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn hear<A: Answer>(self, caller: &Caller) -> Result<A::Heard, NotDone> {
        let collection = self.collection::<A>();
        A::hear(self.exchange(caller).await?, &collection)
    }

    /// The path that is asked, where the answer names something below it.
    fn collection<A: Answer>(&self) -> String {
        match A::LOCATED {
            true => format!("{}{}", self.client.prefix(), self.target.path),
            false => String::new(),
        }
    }

    async fn exchange(self, caller: &Caller) -> Result<client::Answer, NotDone> {
        let Self {
            client,
            operation,
            target: Target { path, whole },
            body,
        } = self;
        let (method, body): (Method, _) = (operation.method.clone(), body?);
        let answer = client
            .exchange_until(method, (&path, whole), body, caller.deadline())
            .await?;
        match operation.answer.may_have(answer.status.as_u16()) {
            true => Ok(answer),
            false => Err(NotDone::heard(&answer)),
        }
    }
}
