//! Packets of RADIUS.

use kaskade_codec::radius::{AccessRequest, AnswerWriter, AttributeType, Code, Exchange, HEADER, Packet};
use kaskade_crypto::radius::SharedSecret;

/// A datagram, as a server reads it and as a gateway does. RFC 2865 3, RFC 3579 3.
pub fn radius_packet(data: &[u8]) -> bool {
    let secret = SharedSecret::radsec();
    let Ok(packet) = Packet::parse(data) else { return false };
    let octets = packet.octets();
    assert!(data.starts_with(octets) && octets.len() >= HEADER);
    // What stands behind it is padding, and what stands in it is all of it.
    assert_eq!(Packet::parse(octets).as_ref(), Ok(&packet));
    let end = packet.attributes().fold(HEADER, |at, attribute| {
        assert_eq!(attribute.position, at);
        at + 2 + attribute.value.len()
    });
    assert_eq!(end, octets.len());
    // A gateway that has asked something else believes none of it.
    let mut exchange = Exchange::new(secret.clone(), b"user");
    let sent = exchange.request(b"", packet.identifier(), &[0xa5; 16]);
    assert!(sent.is_ok_and(|sent| exchange.answer(&sent, data).is_err()));
    let believed = packet.authenticate_request(&secret).is_ok();
    let codes = packet.all(AttributeType::MessageAuthenticator).count();
    assert!(!believed || codes == 1);
    let Ok(request) = AccessRequest::of(&packet) else {
        return false;
    };
    if let Some(eap) = &request.eap {
        let parts = packet.all(AttributeType::EapMessage).flat_map(|part| part.value);
        assert!(eap.iter().eq(parts));
    }
    // Whatever is answered carries what proxies gave, in its order, or is no answer.
    if let Ok(answer) = AnswerWriter::new(Code::AccessReject).finish(&packet, &secret) {
        let answer = Packet::parse(&answer).expect("what is written is read");
        assert_eq!(answer.authenticate_answer(&secret, packet.authenticator()), Ok(()));
        let states = |packet: &Packet<'_>| -> Vec<Vec<u8>> {
            let states = packet.all(AttributeType::ProxyState);
            states.map(|state| state.value.to_vec()).collect()
        };
        assert_eq!(states(&answer), states(&packet));
    }
    true
}
