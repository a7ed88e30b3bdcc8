//! What reading, believing and answering a RADIUS packet costs, beside the MD5 that it cannot do without, measured in the same run.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a benchmark fails by panicking, prints what it saw, and casts its own constants"
)]
#![allow(clippy::print_stdout, reason = "the table is the purpose of this program")]

#[path = "../../kaskade-crypto/benches/rounds/mod.rs"]
mod rounds;

use kaskade_codec::radius::{AccessRequest, AnswerWriter, AttributeType, Code, Exchange, Packet, Salts};
use kaskade_crypto::radius::SharedSecret;
use kaskade_keys::eap::Msk;
use rounds::Table;

/// What AT_RAND, AT_AUTN, AT_KDF, AT_KDF_INPUT and AT_MAC make, in octets.
const CHALLENGE: [u8; 116] = [1; 116];
/// And AT_RES and AT_MAC.
const RESPONSE: [u8; 40] = [2; 40];

fn main() {
    let secret = SharedSecret::new(b"at least sixteen octets").unwrap();
    let exchange = Exchange::new(secret.clone(), b"6001010000000001@wlan.mnc001.mcc001.3gppnetwork.org")
        .saying(AttributeType::NasIpAddress, &[192, 0, 2, 1])
        .saying(AttributeType::CallingStationId, b"02-00-00-00-00-01")
        .saying(AttributeType::CalledStationId, b"02-00-00-00-00-02:ssid")
        .saying(AttributeType::NasPortType, &[0, 0, 0, 19])
        .saying(AttributeType::FramedMtu, &[0, 0, 5, 0x78]);
    let sent = exchange.request(&RESPONSE, 9, &[0x5a; 16]).unwrap();
    let packet = Packet::parse(sent.octets()).unwrap();
    let msk = Msk::from_octets(&[7; 64]);
    let mut table = Table::new();

    let read = || {
        let packet = Packet::parse(sent.octets()).unwrap();
        packet.authenticate_request(&secret).unwrap();
        AccessRequest::of(&packet).unwrap().eap.map(|eap| eap.len())
    };
    let code = || secret.message_authenticator(&[sent.octets()]);
    table.row(
        "a request read and believed",
        "its Message-Authenticator",
        1.6,
        1,
        read,
        code,
    );

    let challenge = || {
        let mut answer = AnswerWriter::new(Code::AccessChallenge);
        answer.attribute(AttributeType::State, &[3; 17]).unwrap();
        answer.eap(&CHALLENGE).unwrap();
        answer.finish(&packet, &secret).unwrap()
    };
    let octets = challenge();
    let both = || {
        (
            secret.message_authenticator(&[&octets]),
            secret.response_authenticator(&[&octets]),
        )
    };
    table.row("a challenge", "its two authenticators", 1.6, 1, challenge, both);

    let accept = || {
        let mut answer = AnswerWriter::new(Code::AccessAccept);
        answer.eap(&[3, 1, 0, 4]).unwrap();
        answer.msk(&msk, &packet, &secret, Salts::from_random([1, 2])).unwrap();
        answer.finish(&packet, &secret).unwrap()
    };
    let octets = accept();
    let with_keys = || {
        let mut hidden = [[0; 48]; 2];
        for (hidden, salt) in hidden.iter_mut().zip([1, 2]) {
            secret.hide(&[0x5a; 16], [0x80, salt], hidden);
        }
        let codes = (
            secret.message_authenticator(&[&octets]),
            secret.response_authenticator(&[&octets]),
        );
        (hidden, codes)
    };
    table.row(
        "an accept with the MSK",
        "its MD5: two authenticators, six blocks",
        1.6,
        1,
        accept,
        with_keys,
    );
    table.finish();
}
