//! How long the application may take: whoever sends a large body needs time for that, and the application time after it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use kaskade_faults::fault;
use tokio::time::{Instant, sleep_until};

/// When something last went on to the application.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self) {
        if !fault!("proxy-long-upload-cut-off") {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
    }

    /// Comes true when nothing has gone on for so long.
    pub(super) async fn stopped(&self, patience: Duration) {
        loop {
            let end = self.last() + patience;
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }

    /// A body whose frames count.
    pub(super) fn watch(&self, body: Body) -> Body {
        match body.is_end_stream() {
            true => body,
            false => Body::new(Watched {
                body,
                progress: self.clone(),
            }),
        }
    }
}

struct Watched {
    body: Body,
    progress: Progress,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.progress.made();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
