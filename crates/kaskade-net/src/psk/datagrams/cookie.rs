//! Whoever begins a handshake of DTLS first shows that it gets what is sent to its address (RFC 6347 4.2.1). Until then nothing is kept of it,
//! and it gets fewer octets than it sent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kaskade_crypto::kdf::HmacKey;
use kaskade_faults::fault;
use openssl::ssl::ErrorCode;

use crate::psk::error::HandshakeError;
use crate::psk::handshake::Tls;
use crate::random::random_octets;

/// Octets of a cookie.
const COOKIE: usize = COUNT_OF_COOKIE as usize;
const COUNT_OF_COOKIE: u8 = 32;

/// A secret makes cookies for so long, and takes them for as long again.
const LIFE: Duration = Duration::from_secs(60);

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
/// DTLS 1.0, in which this exchange is, whatever is agreed afterwards.
const DTLS_1_0: [u8; 2] = [0xfe, 0xff];
const DTLS_1_2: [u8; 2] = [0xfe, 0xfd];

/// What a ClientHello in one piece says, as far as it is needed here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hello<'d> {
    /// 48 bits.
    record_number: u64,
    message_number: u16,
    pub(super) random: &'d [u8; 32],
    session_id: &'d [u8],
    cookie: &'d [u8],
}

impl<'d> Hello<'d> {
    /// The ClientHello that a datagram begins with, if it does.
    pub(super) fn read(datagram: &'d [u8]) -> Option<Self> {
        let mut rest = datagram;
        let [HANDSHAKE, 0xfe, 0xfd | 0xff, 0, 0] = *take(&mut rest, 5)? else {
            return None;
        };
        let record_number = number(take(&mut rest, 6)?);
        let len = take(&mut rest, 2).map(number)?;
        let mut message = rest.get(..usize::try_from(len).ok()?)?;
        let [CLIENT_HELLO] = *take(&mut message, 1)? else {
            return None;
        };
        let len = take(&mut message, 3)?;
        let message_number = number(take(&mut message, 2)?);
        let is_whole = number(take(&mut message, 3)?) == 0 && take(&mut message, 3)? == len;
        let mut body = message.get(..usize::try_from(number(len)).ok()?).filter(|_| is_whole)?;
        let _version = take(&mut body, 2)?;
        Some(Self {
            record_number,
            message_number: u16::try_from(message_number).ok()?,
            random: take(&mut body, 32)?.first_chunk()?,
            session_id: counted(&mut body)?,
            cookie: counted(&mut body)?,
        })
    }

    /// Brings OpenSSL's state to where it has asked for a cookie, so that it takes this as the answer. (What OpenSSL offers for servers without
    /// state needs a socket of its own.)
    pub(super) fn prime(&self, mut tls: Tls) -> Result<Tls, HandshakeError> {
        // A number that the client does not use again: each is taken once.
        let before = self.record_number.checked_sub(1).unwrap_or(1);
        tls.get_mut().put(first_hello(before));
        match tls.do_handshake() {
            Err(error) if error.code() == ErrorCode::WANT_READ => {}
            Err(error) => return Err(HandshakeError::of(&error, false)),
            Ok(()) => return Err(HandshakeError::NotPsk),
        }
        tls.get_mut().forget_outbound();
        Ok(tls)
    }
}

fn take<'d>(rest: &mut &'d [u8], octets: usize) -> Option<&'d [u8]> {
    let (taken, left) = rest.split_at_checked(octets)?;
    *rest = left;
    Some(taken)
}

/// Octets after an octet that counts them.
fn counted<'d>(rest: &mut &'d [u8]) -> Option<&'d [u8]> {
    let &[len] = take(rest, 1)? else { return None };
    take(rest, usize::from(len))
}

fn number(octets: &[u8]) -> u64 {
    octets.iter().fold(0, |number, &octet| number << 8 | u64::from(octet))
}

/// A record of DTLS with one message of a handshake.
fn record(record_number: u64, message_type: u8, body: &[u8]) -> Vec<u8> {
    let [_, _, number @ ..] = record_number.to_be_bytes();
    // All that is written here has less than 256 octets.
    let len = u8::try_from(body.len()).unwrap_or(u8::MAX);
    let mut record = vec![HANDSHAKE, DTLS_1_0[0], DTLS_1_0[1], 0, 0];
    record.extend(number);
    record.extend([0, len + 12, message_type, 0, 0, len, 0, 0, 0, 0, 0, 0, 0, len]);
    record.extend(body);
    record
}

/// The shortest ClientHello without a cookie.
fn first_hello(record_number: u64) -> Vec<u8> {
    let mut body = DTLS_1_2.to_vec();
    body.extend([0; 32]);
    // No session, no cookie, one cipher suite, no compression.
    body.extend([0, 0, 0, 2, 0x00, 0xa8, 1, 0]);
    record(record_number, CLIENT_HELLO, &body)
}

/// The secrets of a server: what it asks for it can check later without having kept anything.
pub(super) struct Cookies {
    /// The newest first, and when it was made.
    secrets: [Option<HmacKey>; 2],
    made: Instant,
}

impl Cookies {
    pub(super) fn new() -> Self {
        Self {
            secrets: [secret(), None],
            made: Instant::now(),
        }
    }

    /// Whether a client has answered with what it was asked for.
    pub(super) fn are_right(&mut self, hello: &Hello<'_>, address: SocketAddr) -> bool {
        self.renew();
        let right = self.secrets.iter().flatten();
        let is_right = right
            .into_iter()
            .any(|secret| cookie(secret, hello, address) == hello.cookie);
        (is_right && hello.message_number == 1) || fault!("psk-cookie-not-checked")
    }

    /// HelloVerifyRequest, which asks for a cookie; `None` without random numbers.
    pub(super) fn ask(&mut self, hello: &Hello<'_>, address: SocketAddr) -> Option<Vec<u8>> {
        self.renew();
        let cookie = cookie(self.secrets[0].as_ref()?, hello, address);
        let mut body = DTLS_1_0.to_vec();
        body.push(COUNT_OF_COOKIE);
        body.extend(cookie);
        Some(record(hello.record_number, HELLO_VERIFY_REQUEST, &body))
    }

    fn renew(&mut self) {
        if self.made.elapsed() >= LIFE || self.secrets[0].is_none() {
            self.secrets = [secret(), self.secrets[0].take()];
            self.made = Instant::now();
        }
    }
}

fn secret() -> Option<HmacKey> {
    Some(HmacKey::new(&random_octets::<32>().ok()?))
}

/// Of the address and what the client says again unchanged.
fn cookie(secret: &HmacKey, hello: &Hello<'_>, address: SocketAddr) -> [u8; COOKIE] {
    let address = format!("{address}");
    *secret
        .mac_parts(&[address.as_bytes(), &[0], hello.random, hello.session_id])
        .all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    fn hello(message_number: u8, cookie: &[u8]) -> Vec<u8> {
        let mut body = DTLS_1_2.to_vec();
        body.extend([7; 32]);
        body.extend([0, cookie.len() as u8]);
        body.extend(cookie);
        body.extend([0, 2, 0x00, 0xa8, 1, 0]);
        let mut hello = record(5, CLIENT_HELLO, &body);
        hello[18] = message_number;
        hello
    }

    #[test]
    fn a_cookie_is_good_for_one_address_and_one_hello() {
        let mut cookies = Cookies::new();
        let first = hello(0, &[]);
        let first = Hello::read(&first).unwrap();
        assert!(!cookies.are_right(&first, address(1)));
        let request = cookies.ask(&first, address(1)).unwrap();
        assert_eq!(request.len(), 13 + 12 + 3 + COOKIE);
        assert_eq!(request[..13], [22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 47]);
        let given = &request[28..];
        let second = hello(1, given);
        assert!(request.len() < second.len());
        let mut second = Hello::read(&second).unwrap();
        assert!(cookies.are_right(&second, address(1)));
        assert!(!cookies.are_right(&second, address(2)));
        assert!(!Cookies::new().are_right(&second, address(1)), "another server's");
        second.random = &[8; 32];
        assert!(!cookies.are_right(&second, address(1)));
        let third = hello(2, given);
        assert!(
            !cookies.are_right(&Hello::read(&third).unwrap(), address(1)),
            "not the second message"
        );
    }

    #[test]
    fn a_secret_serves_two_periods() {
        let mut cookies = Cookies::new();
        let asked = hello(0, &[]);
        let request = cookies.ask(&Hello::read(&asked).unwrap(), address(1)).unwrap();
        let answer = hello(1, &request[28..]);
        let answer = Hello::read(&answer).unwrap();
        for is_right in [true, false] {
            cookies.made -= LIFE;
            assert_eq!(cookies.are_right(&answer, address(1)), is_right);
        }
    }

    proptest::proptest! {
        /// Whatever comes: nothing panics, and what is read is of the datagram.
        #[test]
        fn any_datagram_is_read(mut datagram in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), is_framed: bool) {
            if is_framed {
                let frame = hello(1, &[]);
                let len = datagram.len().min(25);
                datagram[..len].copy_from_slice(&frame[..len]);
            }
            if let Some(read) = Hello::read(&datagram) {
                proptest::prop_assert_eq!(read.random.len(), 32);
                proptest::prop_assert!(read.cookie.len() + read.session_id.len() + 61 <= datagram.len());
            }
        }
    }

    #[test]
    fn only_a_whole_hello_is_read() {
        let whole = hello(1, &[9; COOKIE]);
        let read = Hello::read(&whole).unwrap();
        assert_eq!(
            (read.record_number, read.message_number, read.cookie),
            (5, 1, &[9; COOKIE][..])
        );
        for end in 0..13 + 12 + 2 + 32 + 2 + COOKIE {
            assert_eq!(Hello::read(&whole[..end]), None, "{end}");
        }
        // Type, version, epoch, type of message, offset of a fragment, its length.
        for (at, octet) in [(0, 23), (1, 3), (2, 0), (4, 1), (13, 2), (21, 1), (24, 1)] {
            let mut other = whole.clone();
            other[at] = octet;
            assert_eq!(Hello::read(&other), None, "{at}");
        }
    }
}
