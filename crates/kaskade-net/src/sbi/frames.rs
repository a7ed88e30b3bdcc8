//! What a connection's frames are: only as far as it takes to notice a peer that sends SETTINGS without end (RFC 9113 10.5).
//!
//! A change of the initial window costs a look at every stream, for fifteen octets.

use std::io;
use std::time::{Duration, Instant};

use kaskade_faults::fault;

/// Length, type, flags and stream (RFC 9113 4.1).
const HEADER: usize = 9;
const SETTINGS: u8 = 4;
const ACK: u8 = 1;

/// SETTINGS of a peer in one [`PERIOD`]. A peer in use sends one or two in the life of a connection.
const MOST: u32 = 32;
const PERIOD: Duration = Duration::from_secs(60);

/// Where in the frames of a connection its reader is.
#[derive(Debug)]
pub(super) struct Frames {
    header: [u8; HEADER],
    /// Octets of the header that are here.
    have: usize,
    /// Octets of the payload that are to come.
    payload: usize,
    settings: u32,
    since: Instant,
}

impl Frames {
    /// At the beginning of a frame.
    pub(super) fn new() -> Self {
        Self {
            header: [0; HEADER],
            have: 0,
            payload: 0,
            settings: 0,
            since: Instant::now(),
        }
    }

    /// Goes on over what was read.
    ///
    /// # Errors
    /// `InvalidData` when the peer sends SETTINGS without end.
    pub(super) fn see(&mut self, mut octets: &[u8]) -> io::Result<()> {
        while !octets.is_empty() {
            if self.payload > 0 {
                let skipped = self.payload.min(octets.len());
                self.payload -= skipped;
                octets = octets.get(skipped..).unwrap_or(&[]);
                continue;
            }
            let (taken, rest) = octets.split_at((HEADER - self.have).min(octets.len()));
            if let Some(place) = self.header.get_mut(self.have..self.have + taken.len()) {
                place.copy_from_slice(taken);
            }
            self.have += taken.len();
            octets = rest;
            if self.have == HEADER {
                self.have = 0;
                self.frame()?;
            }
        }
        Ok(())
    }

    fn frame(&mut self) -> io::Result<()> {
        let [a, b, c, kind, flags, ..] = self.header;
        self.payload = u32::from_be_bytes([0, a, b, c]) as usize;
        if kind != SETTINGS || flags & ACK != 0 {
            return Ok(());
        }
        if self.since.elapsed() >= PERIOD {
            (self.settings, self.since) = (0, Instant::now());
        }
        self.settings += 1;
        if self.settings > MOST && !fault!("settings-without-end") {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the peer sends SETTINGS without end",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let [_, length @ ..] = u32::try_from(payload).unwrap().to_be_bytes();
        let mut frame = [&length[..], &[kind, flags, 0, 0, 0, 1]].concat();
        // What looks like SETTINGS within a payload is none.
        frame.extend([0, 0, 0, SETTINGS, 0].iter().cycle().take(payload));
        frame
    }

    #[test]
    fn settings_without_end_are_noticed_however_they_come() {
        for piece in [1, 2, 7, 9, 10, 64, 100_000] {
            let mut frames = Frames::new();
            let mut fine = Vec::new();
            for n in 0..MOST {
                fine.extend(frame(SETTINGS, 0, 6));
                fine.extend(frame(SETTINGS, ACK, 0));
                fine.extend(frame(0, 0, n as usize * 1000));
                fine.extend(frame(1, 5, 50));
            }
            for octets in fine.chunks(piece) {
                frames.see(octets).unwrap();
            }
            let refused = frames.see(&frame(SETTINGS, 0, 6)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "in pieces of {piece}");
        }
    }
}
