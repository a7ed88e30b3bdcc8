//! The two directions of a connection as buffers: OpenSSL reads and writes here, and never waits.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use kaskade_faults::fault;

/// What has come and was not read, what was written and has not gone.
#[derive(Debug)]
pub(super) struct Wire {
    /// A read takes one datagram, and a write makes one.
    datagrams: bool,
    inbound: VecDeque<Vec<u8>>,
    /// Octets of the first of them that were read.
    read: usize,
    /// Octets after those that are whole records, in a stream.
    whole: usize,
    outbound: VecDeque<Vec<u8>>,
    /// Nothing more will come.
    ended: bool,
}

/// Header of a record of TLS: type, version, length (RFC 8446 5.1).
const RECORD_HEADER: usize = 5;

impl Wire {
    pub(super) fn new(datagrams: bool) -> Self {
        Self {
            datagrams,
            inbound: VecDeque::new(),
            read: 0,
            whole: 0,
            outbound: VecDeque::new(),
            ended: false,
        }
    }

    /// Something has come.
    pub(super) fn put(&mut self, octets: Vec<u8>) {
        match self.inbound.back_mut() {
            Some(last) if !self.datagrams => {
                last.drain(..std::mem::take(&mut self.read));
                last.extend_from_slice(&octets);
            }
            _ => self.inbound.push_back(octets),
        }
        if !self.datagrams {
            self.find_records();
        }
    }

    /// Goes on from where the last whole record ends. OpenSSL gets no part of a record: it would keep the header, and nobody could tell any
    /// more where the record ends.
    fn find_records(&mut self) {
        let Some(first) = self.inbound.front() else { return };
        while let Some([_, _, _, high, low, body @ ..]) = first.get(self.read + self.whole..) {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            if body.len() < len {
                break;
            }
            self.whole += RECORD_HEADER + len;
        }
    }

    /// Nothing more will come.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether OpenSSL could do something with what is there: a whole record, the end, a datagram.
    pub(super) fn has_work(&self) -> bool {
        self.ended || self.whole > 0 || (self.datagrams && !self.inbound.is_empty())
    }

    /// The next octets to go.
    pub(super) fn first_out(&self) -> Option<&[u8]> {
        self.outbound.front().map(Vec::as_slice)
    }

    /// So many of them have gone.
    pub(super) fn gone(&mut self, octets: usize) {
        if let Some(first) = self.outbound.front_mut() {
            first.drain(..octets.min(first.len()));
            if first.is_empty() || self.datagrams {
                self.outbound.pop_front();
            }
        }
    }

    /// Octets that have not gone.
    pub(super) fn waiting(&self) -> usize {
        self.outbound.iter().map(Vec::len).sum()
    }

    /// What was written is not to be sent.
    pub(super) fn forget_outbound(&mut self) {
        self.outbound.clear();
    }
}

impl Read for Wire {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let Some(first) = self.inbound.front() else {
            return match self.ended {
                true if self.datagrams => Err(io::ErrorKind::UnexpectedEof.into()),
                true => Ok(0),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
        };
        let rest = first.get(self.read..).unwrap_or_default();
        // After the end, a part is all that there will be.
        let ready = match self.datagrams || self.ended || fault!("psk-part-of-a-record-read") {
            true => rest.len(),
            false => self.whole,
        };
        if ready == 0 && !self.datagrams {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = ready.min(octets.len());
        octets[..len].copy_from_slice(&rest[..len]);
        self.whole = self.whole.saturating_sub(len);
        if self.datagrams || len == rest.len() {
            self.inbound.pop_front();
            self.read = 0;
        } else {
            self.read += len;
        }
        Ok(len)
    }
}

impl Write for Wire {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self.outbound.back_mut() {
            Some(last) if !self.datagrams => last.extend_from_slice(octets),
            _ => self.outbound.push_back(octets.to_vec()),
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wire: &mut Wire, most: usize) -> io::Result<Vec<u8>> {
        let mut octets = vec![0; most];
        let len = wire.read(&mut octets)?;
        octets.truncate(len);
        Ok(octets)
    }

    #[test]
    fn a_stream_is_read_as_it_comes_and_worked_on_by_the_record() {
        let mut wire = Wire::new(false);
        assert!(!wire.has_work());
        assert_eq!(read(&mut wire, 4).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        for (octets, has_work) in [(&[22, 3, 3, 0][..], false), (&[2, 7], false), (&[8, 21], true)] {
            assert_eq!(read(&mut wire, 4).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            wire.put(octets.to_vec());
            assert_eq!(wire.has_work(), has_work, "{octets:?}");
        }
        assert_eq!(read(&mut wire, 5).unwrap(), [22, 3, 3, 0, 2]);
        assert_eq!(read(&mut wire, 2).unwrap(), [7, 8]);
        assert!(!wire.has_work(), "a single octet is no record");
        assert_eq!(read(&mut wire, 4).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        wire.put(vec![3, 3, 0, 1, 9, 20, 3, 3, 0, 1]);
        assert_eq!(read(&mut wire, 99).unwrap(), [21, 3, 3, 0, 1, 9], "no part of the next");
        wire.put(vec![1, 21]);
        assert_eq!(read(&mut wire, 99).unwrap(), [20, 3, 3, 0, 1, 1]);
        assert!(!wire.has_work());
        wire.end();
        assert!(wire.has_work());
        assert_eq!(read(&mut wire, 9).unwrap(), [21]);
        assert_eq!(read(&mut wire, 9).unwrap(), [0; 0]);
    }

    #[test]
    fn datagrams_stay_apart() {
        let mut wire = Wire::new(true);
        wire.put(vec![1, 2, 3]);
        wire.put(vec![4]);
        assert!(wire.has_work());
        assert_eq!(read(&mut wire, 2).unwrap(), [1, 2], "the rest of a datagram is gone");
        assert_eq!(read(&mut wire, 2).unwrap(), [4]);
        wire.write_all(&[5]).unwrap();
        wire.write_all(&[6, 7]).unwrap();
        assert_eq!((wire.first_out(), wire.waiting()), (Some(&[5][..]), 3));
        wire.gone(1);
        assert_eq!(wire.first_out(), Some(&[6, 7][..]));
        wire.gone(0);
        assert_eq!(wire.first_out(), None, "it is sent once, however much of it went");
    }

    #[test]
    fn a_stream_is_sent_in_pieces() {
        let mut wire = Wire::new(false);
        wire.write_all(&[1, 2]).unwrap();
        wire.write_all(&[3]).unwrap();
        wire.gone(2);
        assert_eq!(wire.first_out(), Some(&[3][..]));
        wire.gone(1);
        assert_eq!((wire.first_out(), wire.waiting()), (None, 0));
    }
}
