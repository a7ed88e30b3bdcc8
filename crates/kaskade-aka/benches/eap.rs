//! Speed of full authentications by EAP-AKA' in the server machine, against the primitives that they consist of, measured in the same run.
//!
//! | Part | SHA-256 compressions |
//! |---|---|
//! | MK: PRF' of 208 octets over 8 + 49 octets | pads 2, 7 blocks of 3 each: 23 |
//! | AT_MAC of the challenge, 136 octets | pads 2, 4 |
//! | AT_MAC of the answer, 44 octets | pads 2, 2 |
//!
//! That is 33. The vector is given: the AuC's part is in `chain`. What else there is is the reading and writing of packets, and the heap.
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

use std::hint::black_box;
use std::sync::Arc;

use kaskade_aka::arpf::{self, AvPrime, EapAkaPrimeAv};
use kaskade_aka::auc::Credentials;
use kaskade_aka::eap_aka::identity::{epc_realm, permanent};
use kaskade_aka::eap_aka::peer::{Peer, PeerAsk, PeerInput, PeerMemory, PeerName, PeerOutput, PeerPolicy};
use kaskade_aka::eap_aka::server::{Begin, Names, Server, ServerAsk, ServerInput, ServerOutput, UserFound, Vector};
use kaskade_aka::eap_aka::{NetworkName, ServerPolicy};
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_codec::eap::AkaMethod;
use kaskade_crypto::{K, Opc, Rand, Sqn};
use kaskade_flow::{Entropy, Machine, Moment, NoRandomness};
use rounds::Table;
use sha2::block_api::compress256;

struct Nothing;

impl Entropy for Nothing {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        octets.fill(7);
        Ok(())
    }
}

const NOW: Moment = Moment::from_nanos(1);

/// A full authentication as the server sees it: identity, vector, answer, confirmation.
fn full(
    policy: &Arc<ServerPolicy>,
    network: &NetworkName,
    identity: &[u8],
    vector: &AvPrime,
    answer: Option<&[u8]>,
) -> ServerOutput {
    let begin = Begin {
        policy: Arc::clone(policy),
        network: network.clone(),
        identifier: 1,
    };
    let mut step = Server::begin(begin, identity, NOW);
    loop {
        let input = match step.ask {
            Some(ServerAsk::User(kaskade_aka::eap_aka::identity::Claim::Permanent(supi))) => {
                ServerInput::User(UserFound::Subscriber(supi))
            }
            Some(ServerAsk::Vector(_)) => ServerInput::Vector(Vector::AkaPrime(vector.clone()), Names::default()),
            Some(ServerAsk::Confirm(_)) => ServerInput::Confirmed(Ok(())),
            Some(ask) => panic!("{ask:?}"),
            None => match step.out.map(|out| out.made_durable().release_to_peer()) {
                Some(out @ ServerOutput::Request(_)) => match answer {
                    Some(answer) => ServerInput::Packet(answer.to_vec()),
                    None => return out,
                },
                Some(out) => return out,
                None => panic!("nothing to do"),
            },
        };
        step = step.next.expect("a stage").handle(NOW, &mut Nothing, Some(input));
    }
}

fn main() {
    let credentials = Credentials::new(K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]));
    let network = NetworkName::Access("WLAN".parse().expect("a name"));
    let NetworkName::Access(access) = &network else {
        panic!("an access")
    };
    let permit = arpf::permit::<EapAkaPrimeAv<'_>>(|_| true).expect("allowed");
    let (rand, sqn) = (Rand::from_octets([0x23; 16]), Sqn::new(32).expect("48 bits"));
    let vector = permit.vector(&EapAkaPrimeAv::AccessNetwork(access), &credentials, &rand, sqn, &mut ());
    let (imsi, realm) = (
        "001010000000001".parse().expect("an IMSI"),
        epc_realm("001-01".parse().expect("a PLMN")),
    );
    let identity = permanent(AkaMethod::AkaPrime, &imsi, &realm).expect("an identity");
    let policy = Arc::new(ServerPolicy::non_3gpp());

    let ServerOutput::Request(challenge) = full(&policy, &network, identity.as_str().as_bytes(), &vector, None) else {
        panic!("a challenge");
    };
    let name = PeerName::Imsi(imsi, realm);
    let peer = Peer::begin(Arc::new(PeerPolicy::non_3gpp()), name, PeerMemory::default(), NOW);
    let who = PeerInput::Packet(vec![1, 1, 0, 5, 1]);
    let peer = peer.handle(NOW, &mut Nothing, Some(who)).next.expect("a stage");
    let asked = peer.handle(NOW, &mut Nothing, Some(PeerInput::Packet(challenge.to_vec())));
    let Some(PeerAsk::Card { rand, autn }) = asked.ask else {
        panic!("the card")
    };
    let mut usim = Usim::new(&credentials.keys, UsimOptions::default());
    let card = PeerInput::Card(usim.authenticate(&rand, &autn).map(Into::into));
    let answered = asked.next.expect("a stage").handle(NOW, &mut Nothing, Some(card));
    let Some(PeerOutput::Response(answer)) = answered.out.map(|out| out.made_durable().release_to_peer()) else {
        panic!("an answer");
    };

    let mut table = Table::new();
    table.row(
        "EAP-AKA' full authentication, server",
        "33 compressions",
        2.5,
        1,
        || {
            let out = full(
                black_box(&policy),
                black_box(&network),
                black_box(identity.as_str().as_bytes()),
                black_box(&vector),
                Some(black_box(&answer)),
            );
            assert!(matches!(out, ServerOutput::Success(_)));
            out
        },
        compressions::<33>,
    );
    table.finish();
}

/// `N` compressions, one after the other.
fn compressions<const N: usize>() -> [u32; 8] {
    let mut state = black_box([0x5a5a_5a5a; 8]);
    let block = black_box([[0x3c; 64]]);
    for _ in 0..N {
        compress256(&mut state, &block);
    }
    state
}
