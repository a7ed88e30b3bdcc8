//! Bodies of administration: uploads that are read piece by piece under a limit, answers that may be long.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Frame, Incoming, SizeHint};
use kaskade_faults::fault;
use tokio::time::timeout;

use crate::sbi::doors::Open;

/// The body of a request.
#[derive(Debug)]
pub struct Upload {
    incoming: Incoming,
    patience: Duration,
}

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// It has more octets than were allowed.
    #[error("the body has more than {0} octets")]
    TooLarge(usize),
    /// Nothing came for too long.
    #[error("the body did not come in time")]
    TooSlow,
    /// The peer broke it off.
    #[error("the body broke off")]
    Broken,
}

impl Upload {
    pub(super) const fn new(incoming: Incoming, patience: Duration) -> Self {
        Self { incoming, patience }
    }

    /// The next octets; `None` at the end. What was not asked for yet waits at the peer.
    ///
    /// # Errors
    /// [`Unreadable::TooSlow`] and [`Unreadable::Broken`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, Unreadable> {
        loop {
            let frame = timeout(self.patience, self.incoming.frame()).await;
            match frame.map_err(|_| Unreadable::TooSlow)? {
                None => return Ok(None),
                Some(Err(_)) => return Err(Unreadable::Broken),
                // Trailers say nothing here.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(octets) if !octets.is_empty() => return Ok(Some(octets)),
                    _ => {}
                },
            }
        }
    }

    /// Reads the rest and lets it go, in the time that a pause may take: a peer in the midst of a long body may not hear an answer.
    pub async fn pass_over(mut self) {
        // Whoever takes longer loses the answer.
        let patience = self.patience;
        let _ = timeout(patience, async { while let Ok(Some(_)) = self.next().await {} }).await;
    }

    /// All octets, if there are no more than so many, within the time that a pause may take. What is too large is passed over.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub async fn whole(mut self, at_most: usize) -> Result<Bytes, Unreadable> {
        let patience = self.patience;
        let read = async {
            let mut whole = BytesMut::new();
            while let Some(octets) = self.next().await? {
                if whole.len().saturating_add(octets.len()) > at_most && !fault!("upload-without-end") {
                    return Ok(None);
                }
                whole.extend_from_slice(&octets);
            }
            Ok(Some(whole.freeze()))
        };
        match timeout(patience, read).await.map_err(|_| Unreadable::TooSlow)?? {
            Some(whole) => Ok(whole),
            None => {
                self.pass_over().await;
                Err(Unreadable::TooLarge(at_most))
            }
        }
    }
}

/// The body of an answer.
pub struct Body {
    octets: UnsyncBoxBody<Bytes, BrokenOff>,
    /// Until the last octet has left, its connection has something to do.
    held: Option<Open>,
}

/// An answer that its maker did not finish: the peer sees that its end is missing.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the answer broke off")]
pub struct BrokenOff;

impl Body {
    /// None.
    pub fn empty() -> Self {
        Self::of(Empty::new().map_err(|never| match never {}).boxed_unsync())
    }

    /// All of it.
    pub fn whole(octets: impl Into<Bytes>) -> Self {
        Self::of(Full::new(octets.into()).map_err(|never| match never {}).boxed_unsync())
    }

    /// Piece by piece; so many pieces wait for the peer to read them.
    pub fn stream(waiting: usize) -> (Producer, Self) {
        let (sender, channel) = Channel::new(waiting.max(1));
        (Producer(sender), Self::of(channel.boxed_unsync()))
    }

    fn of(octets: UnsyncBoxBody<Bytes, BrokenOff>) -> Self {
        Self { octets, held: None }
    }

    pub(super) fn holding(mut self, open: Open) -> Self {
        self.held = Some(open);
        self
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        Pin::new(&mut self.octets).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.octets.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.octets.size_hint()
    }
}

/// Where the pieces of an answer come from. Dropping it ends the answer.
#[derive(Debug)]
pub struct Producer(Sender<Bytes, BrokenOff>);

impl Producer {
    /// Gives the next piece, when there is room for it. False when nobody reads any more.
    pub async fn send(&mut self, octets: impl Into<Bytes>) -> bool {
        self.0.send_data(octets.into()).await.is_ok()
    }

    /// Ends the answer in a way that the peer cannot take for its end.
    pub fn break_off(self) {
        self.0.abort(BrokenOff);
    }
}
