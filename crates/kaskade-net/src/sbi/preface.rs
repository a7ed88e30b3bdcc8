//! The first octets of a connection: HTTP/2 with prior knowledge, or somebody who speaks something else.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::frames::Frames;
use super::misfit::Misfit;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// The client connection preface (RFC 9113 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What an HTTP/1 client is told.
const HTTP_1_REFUSED: &[u8] =
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The preface and the header of the frame after it, which must be SETTINGS (RFC 9113 3.4, 6.5).
const SEEN: usize = PREFACE.len() + 9;
const SETTINGS: u8 = 4;

/// A stream whose preface was read, and is given again to the next reader.
#[derive(Debug)]
pub(super) struct AfterPreface<I> {
    io: I,
    seen: [u8; SEEN],
    given: usize,
    frames: Frames,
}

impl<I: AsyncRead + AsyncWrite + Unpin> AfterPreface<I> {
    /// Reads the preface, and the header of the SETTINGS after it: somebody who means it has sent both.
    ///
    /// # Errors
    /// When the stream ends or breaks, and `InvalidData` when something else than HTTP/2 comes; an HTTP/1 client is told.
    pub(super) async fn read(mut io: I) -> io::Result<Self> {
        let mut seen = [0; SEEN];
        let mut len = 0;
        while len < SEEN {
            let got = io.read(&mut seen[len..]).await?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            len += got;
            let of_preface = len.min(PREFACE.len());
            if seen[..of_preface] != PREFACE[..of_preface] {
                let misfit = Misfit::of_octets(&seen[..len]);
                // What is wrong counts, whether the peer listens or not.
                let told = io.write_all(HTTP_1_REFUSED).await;
                if told.is_ok() {
                    let _ = io.shutdown().await;
                }
                return Err(misfit.into_error());
            }
        }
        if seen[PREFACE.len() + 3] != SETTINGS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the first frame is not SETTINGS",
            ));
        }
        let mut frames = Frames::new();
        frames.see(seen.get(PREFACE.len()..).unwrap_or(&[]))?;
        Ok(Self {
            io,
            seen,
            given: 0,
            frames,
        })
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for AfterPreface<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let rest = this.seen.get(this.given..).unwrap_or(&[]);
        if rest.is_empty() {
            let before = buf.filled().len();
            let read = Pin::new(&mut this.io).poll_read(cx, buf);
            if let Poll::Ready(Ok(())) = read {
                let seen = this.frames.see(buf.filled().get(before..).unwrap_or(&[]));
                if let Err(error) = seen {
                    // A read that fails has read nothing.
                    buf.set_filled(before);
                    return Poll::Ready(Err(error));
                }
            }
            return read;
        }
        let len = rest.len().min(buf.remaining());
        buf.put_slice(rest.get(..len).unwrap_or(rest));
        this.given += len;
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for AfterPreface<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
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
    use super::*;

    #[tokio::test]
    async fn a_connection_with_settings_without_end_breaks() {
        let settings = [0, 0, 6, SETTINGS, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1];
        for (count, breaks) in [(32, false), (33, true)] {
            let (near, mut far) = tokio::io::duplex(4096);
            far.write_all(&[&PREFACE[..], &settings.repeat(count)].concat())
                .await
                .unwrap();
            drop(far);
            let mut near = AfterPreface::read(near).await.unwrap();
            let read = near.read_to_end(&mut Vec::new()).await;
            assert_eq!(read.is_err(), breaks, "{count}");
        }
    }
}
