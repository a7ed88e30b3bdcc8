//! An end for connections on which nothing happens.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use kaskade_faults::fault;
use tokio::time::{Instant, Sleep, sleep};

/// When a connection was last of use. Whoever reads may be another task than whoever writes, and each is woken.
#[derive(Debug)]
pub(crate) struct Idle {
    most: Duration,
    last: Instant,
    reading: Pin<Box<Sleep>>,
    writing: Pin<Box<Sleep>>,
}

impl Idle {
    /// From now on, so long at most.
    pub(crate) fn new(most: Duration) -> Self {
        Self {
            most,
            last: Instant::now(),
            reading: Box::pin(sleep(most)),
            writing: Box::pin(sleep(most)),
        }
    }

    /// What becomes of an attempt to read.
    pub(crate) fn read<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        watch(&mut self.last, self.most, self.reading.as_mut(), cx, polled)
    }

    /// What becomes of an attempt to write.
    pub(crate) fn write<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        watch(&mut self.last, self.most, self.writing.as_mut(), cx, polled)
    }

    /// What becomes of an attempt to empty the buffers: that they are empty already is no use of the connection.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        match polled {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => self.write(cx, Poll::Pending),
        }
    }
}

fn watch<T>(
    last: &mut Instant,
    most: Duration,
    mut timer: Pin<&mut Sleep>,
    cx: &mut Context<'_>,
    polled: Poll<io::Result<T>>,
) -> Poll<io::Result<T>> {
    if polled.is_ready() {
        *last = Instant::now();
        return polled;
    }
    // Set only when it rings, since octets come more often.
    while timer.as_mut().poll(cx).is_ready() {
        let Some(end) = last.checked_add(most) else {
            return Poll::Pending;
        };
        if end <= Instant::now() && !fault!("af-idle-connection-kept") {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "nothing came or went for too long",
            )));
        }
        timer.as_mut().reset(end.max(Instant::now() + Duration::from_millis(1)));
    }
    Poll::Pending
}
