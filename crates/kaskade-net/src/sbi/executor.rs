//! Runs the futures of HTTP/2 streams inside the task of their connection.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Waker};

use hyper::rt::Executor;

use super::limits::STREAM_LIFE;

/// Polls a stream's future once, at once, and gives it a task of its own only if it has to wait, for [`STREAM_LIFE`] at most.
///
/// hyper hands over a stream when everything that the socket held has been read, so the body is usually there and the
/// answer needs no waiting: this saves a task, its wake-up and its move to another thread for each request. A future that
/// panics loses its stream, not the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct InConnection;

impl<F> Executor<F> for InConnection
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let mut future = Box::pin(future);
        // Without a waker: whoever waits is polled again, with one, by its new task.
        let first = std::panic::catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut())));
        match first {
            Ok(true) => {}
            Ok(false) => {
                // Who does not take an answer would hold it for ever; a dropped future resets its stream.
                tokio::spawn(tokio::time::timeout(STREAM_LIFE, future));
            }
            Err(_) => crate::log_limit!(error, "a request handler panicked; its stream is reset"),
        }
    }
}

fn poll_once<F: Future<Output = ()>>(future: Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}
