//! What operations answer: how it is written, and how a client reads it.

use std::marker::PhantomData;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use kaskade_codec::sbi::path::push_segment;
use kaskade_codec::sbi::{Body, Misread, ResourceId, Variable};
use kaskade_flow::Durable;

use super::{BodyForm, NotDone, Operation};
use crate::sbi::client;
use crate::sbi::message::{Content, Reply};

/// What an operation answers.
pub trait Answer: Sized + Send + 'static {
    /// The body.
    const BODY: Option<BodyForm>;
    /// Whether `Location` names what was made.
    const LOCATED: bool = false;
    /// Whether it names where it was asked.
    const LINKED: bool = false;
    /// Another media type that it may have.
    const ALSO: Option<Content> = None;
    /// Whether it holds what must be on record before it is told.
    const RELEASED: bool = false;
    /// Whether its body is that of the request.
    const ECHOES: bool = false;
    /// Whether there may be nothing to tell: 204 in place of its status.
    const OPTIONAL: bool = false;

    /// The answer on the wire.
    ///
    /// # Errors
    /// [`NotDone`] when it has no form.
    fn reply(self, operation: &Operation, at: &At) -> Result<Reply, NotDone>;

    /// What a peer has answered, for whoever passes it on. `collection` is the path that was asked.
    ///
    /// # Errors
    /// [`NotDone`] when it is nonsense.
    fn read(answer: client::Answer, collection: &str) -> Result<Self, NotDone>;

    /// What it is to whoever it is meant for.
    type Heard;

    /// The same, for whoever it is meant for.
    ///
    /// # Errors
    /// [`NotDone`] when it is nonsense.
    fn hear(answer: client::Answer, collection: &str) -> Result<Self::Heard, NotDone>;
}

/// What an answer needs to know of its request.
#[derive(Debug, Default)]
pub struct At {
    /// URI of what was asked; empty unless something was made there, or it is named.
    pub(super) uri: String,
    /// The body; empty unless it comes back.
    pub(super) body: Bytes,
}

fn status(operation: &Operation) -> Result<StatusCode, NotDone> {
    StatusCode::from_u16(operation.answer.status).map_err(|_| kaskade_flow::Refusal::Internal.into())
}

/// What a peer's answer is told as, when it cannot be read.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn nonsense(misread: Misread) -> NotDone {
    NotDone::nonsense(misread.to_string())
}

/// The form of a body that needs no release.
const fn without_secrets<T: Body>() -> BodyForm {
    assert!(!T::SECRET, "a body with secrets is released: Durable");
    BodyForm::of::<T>()
}

/// Nothing.
impl Answer for () {
    const BODY: Option<BodyForm> = None;

    fn reply(self, _: &Operation, _: &At) -> Result<Reply, NotDone> {
        Ok(Reply::no_content())
    }

    fn read(_: client::Answer, _: &str) -> Result<Self, NotDone> {
        Ok(())
    }

    type Heard = ();

    fn hear(_: client::Answer, _: &str) -> Result<(), NotDone> {
        Ok(())
    }
}

/// A body that nothing is kept back of. One with secrets in it does not compile:
///
/// ```compile_fail,E0080
/// use kaskade_codec::sbi::nausf_auth::ConfirmationDataResponse;
/// use kaskade_net::sbi::service::Plain;
///
/// kaskade_net::service! {
///     /// Keys for everybody.
///     pub trait Open = "open" "v1", "nowhere";
///     /// Gives K_SEAF away.
///     key: POST "/key" () -> 200 Json Plain<ConfirmationDataResponse>, refusals [], scope "open", "nowhere";
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain<T>(pub T);

impl<T: Body + Send + 'static> Answer for Plain<T> {
    const BODY: Option<BodyForm> = Some(without_secrets::<T>());

    fn reply(self, operation: &Operation, _: &At) -> Result<Reply, NotDone> {
        Ok(Reply::of(status(operation)?, operation.answer.content, &self.0)?)
    }

    fn read(answer: client::Answer, _: &str) -> Result<Self, NotDone> {
        Self::hear(answer, "").map(Self)
    }

    type Heard = T;

    fn hear(answer: client::Answer, _: &str) -> Result<T, NotDone> {
        answer.heard(T::from_json).map_err(nonsense)
    }
}

/// A body that is told only when its release is on record.
impl<T: Released> Answer for Durable<T> {
    const BODY: Option<BodyForm> = Some(BodyForm::of::<T>());
    const LINKED: bool = T::LINKED;
    const ALSO: Option<Content> = T::ALSO;
    const RELEASED: bool = true;

    fn reply(self, operation: &Operation, at: &At) -> Result<Reply, NotDone> {
        let mut content = operation.answer.content;
        let body = self.map(|mut body| {
            body.located(&at.uri);
            content = body.content(content);
            body
        });
        Ok(Reply::released(status(operation)?, content, body)?)
    }

    fn read(answer: client::Answer, _: &str) -> Result<Self, NotDone> {
        answer.told(T::from_json).map_err(nonsense)
    }

    type Heard = T;

    fn hear(answer: client::Answer, _: &str) -> Result<T, NotDone> {
        answer.heard(T::from_json).map_err(nonsense)
    }
}

/// An answer, or that there is nothing: 204.
impl<A: Answer> Answer for Option<A> {
    const BODY: Option<BodyForm> = A::BODY;
    const LOCATED: bool = A::LOCATED;
    const LINKED: bool = A::LINKED;
    const ALSO: Option<Content> = A::ALSO;
    const RELEASED: bool = A::RELEASED;
    const ECHOES: bool = A::ECHOES;
    const OPTIONAL: bool = true;

    fn reply(self, operation: &Operation, at: &At) -> Result<Reply, NotDone> {
        match self {
            Some(answer) => answer.reply(operation, at),
            None => Ok(Reply::no_content()),
        }
    }

    fn read(answer: client::Answer, collection: &str) -> Result<Self, NotDone> {
        match answer.status {
            StatusCode::NO_CONTENT => Ok(None),
            _ => A::read(answer, collection).map(Some),
        }
    }

    type Heard = Option<A::Heard>;

    fn hear(answer: client::Answer, collection: &str) -> Result<Self::Heard, NotDone> {
        match answer.status {
            StatusCode::NO_CONTENT => Ok(None),
            _ => A::hear(answer, collection).map(Some),
        }
    }
}

/// A body that may be released.
pub trait Released: Body + Send + 'static {
    /// Whether it names where it was asked, where nothing was made there.
    const LINKED: bool = false;
    /// Another media type that it may have.
    const ALSO: Option<Content> = None;

    /// What it tells of has been made at this URI, or was asked there.
    fn located(&mut self, _: &str) {}

    /// The media type, where that depends on what it tells.
    fn content(&self, declared: Content) -> Content {
        declared
    }
}

/// An answer of which one half is released, and the other holds nothing.
#[derive(Debug)]
pub struct Told<T>(Half<T>);

#[derive(Debug)]
enum Half<T> {
    Released(Durable<T>),
    Plain(T),
}

impl<T: Released> Told<T> {
    /// What holds nothing: it says so itself, by a type of its own without secrets.
    pub fn plain<P: Body + Into<T>>(plain: P) -> Self {
        const { assert!(!P::SECRET, "a body with secrets is released: Durable") };
        Self(Half::Plain(plain.into()))
    }

    /// What is released.
    ///
    /// # Errors
    /// The other half, which holds nothing.
    pub fn released(self) -> Result<Durable<T>, T> {
        match self.0 {
            Half::Released(released) => Ok(released),
            Half::Plain(plain) => Err(plain),
        }
    }
}

impl<T> From<Durable<T>> for Told<T> {
    fn from(released: Durable<T>) -> Self {
        Self(Half::Released(released))
    }
}

impl<T: Released> Answer for Told<T> {
    const BODY: Option<BodyForm> = Some(BodyForm::of::<T>());
    const LINKED: bool = T::LINKED;
    const ALSO: Option<Content> = T::ALSO;
    const RELEASED: bool = true;

    fn reply(self, operation: &Operation, at: &At) -> Result<Reply, NotDone> {
        match self.0 {
            Half::Released(released) => released.reply(operation, at),
            Half::Plain(mut plain) => {
                plain.located(&at.uri);
                let content = plain.content(operation.answer.content);
                Ok(Reply::of(status(operation)?, content, &plain)?)
            }
        }
    }

    fn read(answer: client::Answer, collection: &str) -> Result<Self, NotDone> {
        Durable::read(answer, collection).map(Self::from)
    }

    type Heard = T;

    fn hear(answer: client::Answer, collection: &str) -> Result<T, NotDone> {
        Durable::<T>::hear(answer, collection)
    }
}

/// Something was made, and has a name below what was asked: `Location` says it.
#[derive(Debug)]
pub struct Created<A> {
    /// Its name; `None` where a peer has told none that can be used.
    pub id: Option<ResourceId>,
    /// The answer.
    pub answer: A,
}

impl<A> Created<A> {
    /// By this name.
    pub fn new(id: ResourceId, answer: A) -> Self {
        Self { id: Some(id), answer }
    }
}

impl<A: Answer> Answer for Created<A> {
    const BODY: Option<BodyForm> = A::BODY;
    const LOCATED: bool = true;
    const LINKED: bool = A::LINKED;
    const ALSO: Option<Content> = A::ALSO;
    const RELEASED: bool = A::RELEASED;
    const ECHOES: bool = A::ECHOES;

    fn reply(self, operation: &Operation, at: &At) -> Result<Reply, NotDone> {
        let mut uri = String::with_capacity(at.uri.len() + 1 + 24);
        uri.push_str(&at.uri);
        uri.push('/');
        if let Some(id) = &self.id {
            push_segment(&mut uri, &id.text());
        }
        let made = At {
            uri,
            body: at.body.clone(),
        };
        let reply = self.answer.reply(operation, &made)?;
        Ok(reply.with_location(HeaderValue::from_maybe_shared(Bytes::from(made.uri)).ok()))
    }

    fn read(answer: client::Answer, collection: &str) -> Result<Self, NotDone> {
        let id = made_at(&answer, collection);
        A::read(answer, collection).map(|answer| Self { id, answer })
    }

    type Heard = Created<A::Heard>;

    fn hear(answer: client::Answer, collection: &str) -> Result<Self::Heard, NotDone> {
        let id = made_at(&answer, collection);
        A::hear(answer, collection).map(|answer| Created { id, answer })
    }
}

/// The name in `Location`, if there is one that can be kept.
fn made_at(answer: &client::Answer, collection: &str) -> Option<ResourceId> {
    ResourceId::of_path(answer.location_uri()?.path(), collection)
}

/// The body comes back as it was sent, with all members that nobody read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo<T>(PhantomData<fn() -> T>);

impl<T> Echo<T> {
    /// Whatever it was.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Echo<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Body + 'static> Answer for Echo<T> {
    const BODY: Option<BodyForm> = Some(without_secrets::<T>());
    const ECHOES: bool = true;

    fn reply(self, operation: &Operation, at: &At) -> Result<Reply, NotDone> {
        Ok(Reply::new(
            status(operation)?,
            operation.answer.content,
            at.body.clone(),
        ))
    }

    fn read(_: client::Answer, _: &str) -> Result<Self, NotDone> {
        Ok(Self::new())
    }

    type Heard = Self;

    fn hear(_: client::Answer, _: &str) -> Result<Self, NotDone> {
        Ok(Self::new())
    }
}
