//! A socket whose peer must read, and lets others in between: a write that makes no progress for too long breaks the
//! connection, and after some octets the next connection has its turn.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use kaskade_faults::fault;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What one connection may read before others have their turn. Some forty requests of an AMF; many more header fields, which
/// cost their reader more than their writer.
const TURN: usize = 16 * 1024;

/// A stream with a time-out for writes and a turn for reads.
#[derive(Debug)]
pub(crate) struct Watched<I> {
    io: I,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Octets read in this turn.
    read: usize,
}

impl<I> Watched<I> {
    pub(crate) fn new(io: I, patience: Duration) -> Self {
        Self {
            io,
            patience,
            stalled: None,
            read: 0,
        }
    }

    fn watch<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() || fault!("unread-answers-wait-for-ever") {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the peer does not read what it asked for",
            ))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read >= TURN && !fault!("reads-without-end") {
            self.read = 0;
            // Behind those that wait by now.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        self.read = match read {
            Poll::Ready(_) => self.read.saturating_add(buf.filled().len().saturating_sub(before)),
            Poll::Pending => 0,
        };
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.watch(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.watch(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn who_sends_without_end_leaves_a_turn_to_others() {
        let (near, mut far) = duplex(8 * TURN);
        far.write_all(&vec![0; 8 * TURN]).await.unwrap();
        let mut near = Watched::new(near, Duration::from_secs(5));
        let ahead = std::cell::Cell::new(0_i32);
        let crowd = async {
            for _ in 0..8 {
                near.read_exact(&mut vec![0; TURN]).await.unwrap();
                ahead.set(ahead.get() + 1);
                // All of its octets are there from the beginning, but after each turn the other has one.
                assert!(ahead.get() <= 1, "{}", ahead.get());
            }
        };
        let other = async {
            for _ in 0..8 {
                ahead.set(ahead.get() - 1);
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(crowd, other);
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (near, mut far) = duplex(64);
        let mut near = Watched::new(near, Duration::from_millis(100));
        near.write_all(&[0; 64]).await.unwrap();
        // Slow, but it reads: every octet of progress counts.
        let reader = tokio::spawn(async move {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(60)).await;
                far.read_exact(&mut [0; 16]).await.unwrap();
            }
            far
        });
        near.write_all(&[0; 64]).await.unwrap();
        let far = reader.await.unwrap();
        let begin = std::time::Instant::now();
        let given_up = tokio::time::timeout(Duration::from_secs(5), near.write_all(&[0; 1])).await;
        let given_up = given_up.expect("it gives up").unwrap_err();
        assert_eq!(given_up.kind(), io::ErrorKind::TimedOut);
        assert!(begin.elapsed() >= Duration::from_millis(90));
        drop(far);
    }
}
