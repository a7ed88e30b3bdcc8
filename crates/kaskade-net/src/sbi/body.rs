//! The reading of bodies, within a time and against payment.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use zeroize::Zeroizing;

use super::budget::{Account, Full, Paid, WaitingCharge};

/// The largest body, in octets.
pub const MAX_BODY: usize = 64 * 1024;

/// How long a peer may take to send a body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Flow-control window of a stream, in octets: the largest legal body, with a SUCI of 3253 octets of scheme output in
/// hexadecimal, fits into it twice. More comes as it is read and paid for.
pub(super) const STREAM_WINDOW: u32 = 16 * 1024;

/// How much of a body that is refused is read, in octets.
///
/// HTTP/2 resets the stream of an answer that came before the end of the request, and some clients then lose the answer.
const DISCARD_MAX: usize = 1024 * 1024;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// More than [`MAX_BODY`].
    TooLarge,
    /// The stream ended early.
    Broken,
    /// It did not come in time.
    TooSlow,
}

#[derive(Clone, Copy)]
enum Stop {
    Unread(Unread),
    Full(Full),
}

/// What has come of a body.
#[derive(Default)]
struct Gathered {
    /// Copies, as a frame that is kept keeps all of the buffer that the socket was read into: in pieces of two sizes, so that
    /// what is freed serves again. They may hold RES*, so they are wiped.
    pieces: Vec<Zeroizing<Vec<u8>>>,
    len: usize,
    too_large: bool,
    discarded: usize,
}

/// The first piece of a body that is short, and any other.
const SMALL_PIECE: usize = 512;
const PIECE: usize = 4096;

impl Gathered {
    /// Reads until the body ends.
    async fn read(&mut self, body: &mut Incoming, mut charge: Option<&mut WaitingCharge>) -> Result<(), Stop> {
        while !body.is_end_stream() {
            let Some(frame) = body.frame().await else { break };
            let Ok(data) = frame.map_err(|_| Stop::Unread(Unread::Broken))?.into_data() else {
                continue;
            };
            if self.too_large || self.len + data.len() > MAX_BODY {
                self.refuse();
                self.discarded += data.len();
                if self.discarded > DISCARD_MAX {
                    break;
                }
            } else {
                self.len += data.len();
                self.add(&data, charge.as_deref_mut())?;
            }
        }
        if self.too_large {
            return Err(Stop::Unread(Unread::TooLarge));
        }
        Ok(())
    }

    /// Keeps nothing any more.
    fn refuse(&mut self) {
        self.too_large = true;
        self.pieces.clear();
    }

    /// Copies octets into pieces, which are paid for.
    fn add(&mut self, mut octets: &[u8], mut charge: Option<&mut WaitingCharge>) -> Result<(), Stop> {
        while !octets.is_empty() {
            if self.pieces.last().is_none_or(|piece| piece.len() == piece.capacity()) {
                let short = self.pieces.is_empty() && octets.len() <= SMALL_PIECE;
                let size = if short { SMALL_PIECE } else { PIECE };
                if let Some(charge) = charge.as_deref_mut() {
                    charge.grow(size).map_err(Stop::Full)?;
                }
                self.pieces.push(Zeroizing::new(Vec::with_capacity(size)));
            }
            let Some(piece) = self.pieces.last_mut() else { break };
            let room = piece.capacity() - piece.len();
            let (now, later) = octets.split_at(octets.len().min(room));
            piece.extend_from_slice(now);
            octets = later;
        }
        Ok(())
    }

    /// What the pieces take.
    fn octets(&self) -> usize {
        self.pieces.iter().map(|piece| piece.capacity()).sum()
    }

    fn into_body(mut self) -> Bytes {
        match self.pieces.as_mut_slice() {
            [] => Bytes::new(),
            [piece] => Bytes::from(std::mem::take(&mut **piece)),
            pieces => {
                let mut whole = Vec::with_capacity(self.len);
                for piece in pieces {
                    whole.extend_from_slice(piece);
                }
                Bytes::from(whole)
            }
        }
    }
}

/// Reads a body. `octets` is what the request costs without it.
///
/// # Errors
/// [`Full`] when the connection or the node has no room for it.
pub(super) async fn read_body(
    mut body: Incoming,
    octets: usize,
    account: &Arc<Account>,
) -> Result<(Result<Bytes, Unread>, Paid), Full> {
    let mut gathered = Gathered::default();
    if body.size_hint().lower() > MAX_BODY as u64 {
        gathered.refuse();
    }
    let at_once = {
        let mut reading = pin!(gathered.read(&mut body, None));
        poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await
    };
    if let Poll::Ready(end) = at_once {
        let end = unread(end)?;
        let paid = match account.charge(octets + gathered.octets()) {
            Ok(charge) => Paid::Charge(charge),
            // The node is full of those who wait: who is complete need not.
            Err(full @ Full::Node) => Paid::Unpaid(account.unpaid().ok_or(full)?),
            Err(full @ Full::Connection) => return Err(full),
        };
        return Ok((end.map(|()| gathered.into_body()), paid));
    }
    let mut charge = account.wait(octets + gathered.octets())?;
    let eviction = charge.eviction();
    let end = tokio::select! {
        biased;
        end = gathered.read(&mut body, Some(&mut charge)) => unread(end)?,
        () = eviction => return Err(Full::Node),
        () = tokio::time::sleep(BODY_TIMEOUT) => Err(match gathered.too_large {
            true => Unread::TooLarge,
            false => Unread::TooSlow,
        }),
    };
    Ok((end.map(|()| gathered.into_body()), Paid::Charge(charge.complete())))
}

/// Tells a body that is wrong from one that there is no room for.
fn unread(end: Result<(), Stop>) -> Result<Result<(), Unread>, Full> {
    match end {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Unread(unread)) => Ok(Err(unread)),
        Err(Stop::Full(full)) => Err(full),
    }
}

/// Why a body could not be read.
pub(super) enum CollectError {
    /// More than the limit.
    TooLarge,
    /// The stream ended early.
    Broken,
}

/// Reads the body of an answer, of at most `limit` octets; one frame is taken as it is.
pub(super) async fn collect(body: &mut Incoming, limit: usize) -> Result<Bytes, CollectError> {
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| CollectError::Broken)?.into_data() else {
            continue;
        };
        let so_far = rest.as_ref().map_or(first.len(), BytesMut::len);
        if so_far + data.len() > limit {
            return Err(CollectError::TooLarge);
        }
        match &mut rest {
            Some(rest) => rest.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                let mut whole = BytesMut::with_capacity(limit.min(2 * (first.len() + data.len())));
                whole.extend_from_slice(&first);
                whole.extend_from_slice(&data);
                rest = Some(whole);
            }
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}
