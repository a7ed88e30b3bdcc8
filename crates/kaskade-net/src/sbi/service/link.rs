//! A call here or there, as one future: without a box for the one in this process.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// One of two futures.
    #[project = EitherProjection]
    #[doc(hidden)]
    #[must_use = "futures do nothing unless they are polled"]
    pub enum Either<H, T> {
        Here { #[pin] call: H },
        There { #[pin] call: T },
    }
}

impl<H: Future, T: Future<Output = H::Output>> Future for Either<H, T> {
    type Output = H::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            EitherProjection::Here { call } => call.poll(cx),
            EitherProjection::There { call } => call.poll(cx),
        }
    }
}
