//! Kaskade's ciphers and codes beside ipsec-mb, OpenSSL and oxirush-security, in one run and by turns.
//!
//! Keys are prepared beforehand, for everybody; every message has its own COUNT. The peers get their initialisation vectors
//! ready made, Kaskade and oxirush-security make theirs from COUNT, BEARER and DIRECTION within the time that counts.
//! Arguments name the algorithms to run (`nea1 nia3`); none means all.

mod contest;

use std::hint::black_box;

use contest::{Bounds, Ours, Peer, Size};
use kaskade_crypto::aes::{Nea2, Nia2};
use kaskade_crypto::cipher::{BackEnd, Bearer, CipherJob, Direction, Mac32, MacJob, MessageInput};
use kaskade_crypto::snow3g::{Nea1, Nia1};
use kaskade_crypto::zuc::{Nea3, Nia3};
use kaskade_peers::ipsec_mb::{Algorithm, Batch, Manager};
use kaskade_peers::ours::{Cipher, Mac};
use kaskade_peers::{Message, header, openssl};
use oxirush_security as other;

const MANY: usize = 16;
const LENGTHS: [usize; 2] = [64, 1500];

const ONE_BUFFER: &str = "ipsec-mb, one buffer";
const SIDE_BY_SIDE: &str = "ipsec-mb, side by side";
const MANAGER: &str = "ipsec-mb, manager";
const OPENSSL: &str = "OpenSSL";
const OXIRUSH: &str = "oxirush-security";

fn main() {
    // Cargo adds `--bench`.
    let chosen: Vec<_> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let run = |name: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen.eq_ignore_ascii_case(name));
    println!(
        "ipsec-mb {} on {}, OpenSSL {}, oxirush-security 0.3",
        Manager::version(),
        Manager::new().architecture(),
        openssl::version()
    );
    println!("ratios: the peer's time by that of each of ours, in their order; cycles are of the nominal clock");
    let mut bounds = Bounds::default();
    if run("nea1") {
        ciphers::<Nea1>(&mut bounds, "128-NEA1", other::CipheringAlgorithm::NEA1);
    }
    if run("nia1") {
        macs::<Nia1>(&mut bounds, "128-NIA1", other::IntegrityAlgorithm::NIA1);
    }
    if run("nea2") {
        ciphers::<Nea2>(&mut bounds, "128-NEA2", other::CipheringAlgorithm::NEA2);
    }
    if run("nia2") {
        macs::<Nia2>(&mut bounds, "128-NIA2", other::IntegrityAlgorithm::NIA2);
    }
    if run("nea3") {
        ciphers::<Nea3>(&mut bounds, "128-NEA3", other::CipheringAlgorithm::NEA3);
    }
    if run("nia3") {
        macs::<Nia3>(&mut bounds, "128-NIA3", other::IntegrityAlgorithm::NIA3);
    }
    bounds.finish();
}

/// COUNT, BEARER and DIRECTION of each message.
fn inputs() -> [MessageInput; MANY] {
    core::array::from_fn(|index| MessageInput {
        count: 0x398a_5000 + u32::try_from(index).expect("few"),
        bearer: Bearer::new(21).expect("5 bits"),
        direction: Direction::Downlink,
    })
}

fn keys() -> [[u8; 16]; MANY] {
    core::array::from_fn(|index| [0x2b ^ u8::try_from(index).expect("few"); 16])
}

fn name(back_end: BackEnd) -> &'static str {
    match back_end {
        BackEnd::Avx512 => "Kaskade, AVX-512",
        BackEnd::Avx2 => "Kaskade, AVX2",
        BackEnd::Portable => "Kaskade, portable",
    }
}

/// Does `work` with one message after the other.
fn in_turns(repetitions: u32, mut work: impl FnMut(usize)) {
    let mut at = 0;
    for _ in 0..repetitions {
        work(at);
        at = (at + 1) % MANY;
    }
}

/// What is asked of one message: as fast as ipsec-mb's one buffer for SNOW 3G and ZUC; 0.9 of OpenSSL's AES-CTR; 0.9 of
/// ipsec-mb's AES-CMAC where messages are long.
fn asked_of_one(algorithm: Algorithm, octets: usize, peer: &str) -> Option<f64> {
    match (algorithm, peer) {
        (Algorithm::Nea2, OPENSSL) => Some(0.9),
        (Algorithm::Nia2, MANAGER) if octets == 1500 => Some(0.9),
        (_, ONE_BUFFER | OXIRUSH) => Some(1.0),
        _ => None,
    }
}

/// What is asked of many: 0.8 of ipsec-mb, whichever way it takes many; AES-CTR and AES-CMAC as alone.
fn asked_of_many(algorithm: Algorithm, octets: usize, peer: &str) -> Option<f64> {
    match (algorithm, peer) {
        (Algorithm::Nea2, OPENSSL) => Some(0.9),
        (Algorithm::Nia2, MANAGER) if octets == 1500 => Some(0.9),
        (_, MANAGER | SIDE_BY_SIDE) => Some(0.8),
        (_, OXIRUSH) => Some(1.0),
        _ => None,
    }
}

/// The messages as ipsec-mb takes them.
fn their_messages(algorithm: Algorithm, octets: usize) -> Vec<Message> {
    let message = vec![0x5a; octets];
    inputs()
        .iter()
        .map(|input| algorithm.message(input, &message, 8 * octets))
        .collect()
}

fn ipsec_mb_one<'a>(manager: &'a Manager, algorithm: Algorithm, octets: usize) -> Peer<'a> {
    let key = manager.key(&keys()[0]);
    let mut messages = their_messages(algorithm, octets);
    let name = match algorithm {
        Algorithm::Nea2 | Algorithm::Nia2 => MANAGER,
        _ => ONE_BUFFER,
    };
    // A call for each algorithm, so that none pays for the choice.
    macro_rules! work {
        ($($Algorithm:ident)*) => {
            match algorithm {
                $(Algorithm::$Algorithm => Box::new(move |repetitions| {
                    in_turns(repetitions, |at| manager.one(Algorithm::$Algorithm, &key, black_box(&mut messages[at])));
                }) as contest::Work<'_>,)*
            }
        };
    }
    Peer {
        name,
        work: work!(Nea1 Nia1 Nea2 Nia2 Nea3 Nia3),
        at_least: asked_of_one(algorithm, octets, name),
    }
}

/// Both ways of ipsec-mb to take many, where it has both.
fn ipsec_mb_many<'a>(manager: &'a Manager, algorithm: Algorithm, octets: usize) -> Vec<Peer<'a>> {
    let prepare = || {
        let keys = keys().map(|key| manager.key(&key));
        (keys, their_messages(algorithm, octets))
    };
    let (keys, mut messages) = prepare();
    let has_side_by_side = Batch::new(algorithm, &keys.each_ref(), &mut messages).side_by_side(manager);
    let mut peers = Vec::new();
    for (name, wanted) in [(MANAGER, true), (SIDE_BY_SIDE, has_side_by_side)] {
        if !wanted {
            continue;
        }
        let (keys, mut messages) = prepare();
        peers.push(Peer {
            name,
            work: Box::new(move |repetitions| {
                let mut batch = Batch::new(algorithm, &keys.each_ref(), &mut messages);
                for _ in 0..repetitions {
                    if name == MANAGER {
                        black_box(&mut batch).managed(manager);
                    } else {
                        black_box(&mut batch).side_by_side(manager);
                    }
                }
            }),
            at_least: asked_of_many(algorithm, octets, name),
        });
    }
    peers
}

fn ciphers<A: Cipher>(bounds: &mut Bounds, title: &str, theirs: other::CipheringAlgorithm) {
    for octets in LENGTHS {
        cipher_one::<A>(bounds, title, theirs, octets);
        cipher_many::<A>(bounds, title, theirs, octets);
    }
}

fn cipher_one<A: Cipher>(bounds: &mut Bounds, title: &str, theirs: other::CipheringAlgorithm, octets: usize) {
    let (manager, inputs, key) = (Manager::new(), inputs(), keys()[0]);
    let messages = || vec![vec![0x5a_u8; octets]; MANY];
    let ours = A::all(&key).into_iter().map(|(back_end, cipher)| {
        let mut messages = messages();
        Ours {
            name: name(back_end),
            work: Box::new(move |repetitions| {
                in_turns(repetitions, |at| {
                    cipher.apply(black_box(&inputs[at]), black_box(&mut messages[at]));
                });
            }),
        }
    });
    let mut peers = vec![ipsec_mb_one(&manager, A::ALGORITHM, octets)];
    if A::ALGORITHM == Algorithm::Nea2 {
        let (mut context, blocks, mut messages) = (openssl::Ctr::aes_128(&key), inputs.map(block), messages());
        peers.push(Peer {
            name: OPENSSL,
            work: Box::new(move |repetitions| {
                in_turns(repetitions, |at| {
                    context.apply(black_box(&blocks[at]), black_box(&mut messages[at]));
                });
            }),
            at_least: asked_of_one(A::ALGORITHM, octets, OPENSSL),
        });
    }
    let context = other::CipheringContext::new(&other::nas_5gs::KNasEnc::new(&key), theirs);
    let mut messages = messages();
    peers.push(Peer {
        name: OXIRUSH,
        work: Box::new(move |repetitions| {
            in_turns(repetitions, |at| {
                let (count, bearer, direction) = their_input(black_box(&inputs[at]));
                context.cipher(count, bearer, direction, black_box(&mut messages[at]));
            });
        }),
        at_least: asked_of_one(A::ALGORITHM, octets, OXIRUSH),
    });
    bounds.contest(title, Size { messages: 1, octets }, ours.collect(), peers);
}

fn cipher_many<A: Cipher>(bounds: &mut Bounds, title: &str, theirs: other::CipheringAlgorithm, octets: usize) {
    let (manager, inputs, keys) = (Manager::new(), inputs(), keys());
    let messages = || vec![vec![0x5a_u8; octets]; MANY];
    let of_keys: Vec<Vec<_>> = keys.iter().map(A::all).collect();
    let ours = (0..of_keys[0].len()).map(|back_end| {
        let mut messages = messages();
        let of_keys = &of_keys;
        Ours {
            name: name(of_keys[0][back_end].0),
            work: Box::new(move |repetitions| {
                let jobs = of_keys.iter().zip(inputs).zip(&mut messages);
                let mut jobs: Vec<_> = jobs
                    .map(|((all, input), message)| CipherJob {
                        cipher: &all[back_end].1,
                        input,
                        message,
                    })
                    .collect();
                for _ in 0..repetitions {
                    A::apply_batch(black_box(&mut jobs));
                }
            }),
        }
    });
    let mut peers = ipsec_mb_many(&manager, A::ALGORITHM, octets);
    if A::ALGORITHM == Algorithm::Nea2 {
        let mut contexts = keys.each_ref().map(openssl::Ctr::aes_128);
        let (blocks, mut messages) = (inputs.map(block), messages());
        peers.push(Peer {
            name: OPENSSL,
            work: Box::new(move |repetitions| {
                for _ in 0..repetitions {
                    for ((context, block), message) in contexts.iter_mut().zip(&blocks).zip(&mut messages) {
                        context.apply(black_box(block), black_box(message));
                    }
                }
            }),
            at_least: asked_of_many(A::ALGORITHM, octets, OPENSSL),
        });
    }
    let context = |key| other::CipheringContext::new(&other::nas_5gs::KNasEnc::new(key), theirs);
    let contexts = keys.each_ref().map(context);
    let mut messages = messages();
    peers.push(Peer {
        name: OXIRUSH,
        work: Box::new(move |repetitions| {
            let jobs = contexts.iter().zip(&inputs).zip(&mut messages);
            let mut jobs: Vec<_> = jobs
                .map(|((context, input), message)| {
                    let (count, bearer, direction) = their_input(input);
                    context.job(count, bearer, direction, message)
                })
                .collect();
            for _ in 0..repetitions {
                other::nea_cipher_batch(black_box(&mut jobs));
            }
        }),
        at_least: asked_of_many(A::ALGORITHM, octets, OXIRUSH),
    });
    bounds.contest(title, Size { messages: MANY, octets }, ours.collect(), peers);
}

fn macs<A: Mac>(bounds: &mut Bounds, title: &str, theirs: other::IntegrityAlgorithm) {
    for octets in LENGTHS {
        mac_one::<A>(bounds, title, theirs, octets);
        mac_many::<A>(bounds, title, theirs, octets);
    }
}

fn mac_one<A: Mac>(bounds: &mut Bounds, title: &str, theirs: other::IntegrityAlgorithm, octets: usize) {
    let (manager, inputs, key) = (Manager::new(), inputs(), keys()[0]);
    let messages = || vec![vec![0x5a_u8; octets]; MANY];
    let ours = A::all(&key).into_iter().map(|(back_end, algorithm)| {
        let messages = messages();
        Ours {
            name: name(back_end),
            work: Box::new(move |repetitions| {
                in_turns(repetitions, |at| {
                    black_box(algorithm.mac(black_box(&inputs[at]), black_box(&messages[at])));
                });
            }),
        }
    });
    let mut peers = vec![ipsec_mb_one(&manager, A::ALGORITHM, octets)];
    if A::ALGORITHM == Algorithm::Nia2 {
        let (mut context, messages) = (openssl::Cmac::new(&key), their_messages(A::ALGORITHM, octets));
        peers.push(Peer {
            name: OPENSSL,
            work: Box::new(move |repetitions| {
                in_turns(repetitions, |at| {
                    black_box(context.mac(black_box(&messages[at].octets)));
                });
            }),
            at_least: None,
        });
    }
    let context = other::IntegrityContext::new(&other::nas_5gs::KNasInt::new(&key), theirs);
    let messages = messages();
    peers.push(Peer {
        name: OXIRUSH,
        work: Box::new(move |repetitions| {
            in_turns(repetitions, |at| {
                let (count, bearer, direction) = their_input(black_box(&inputs[at]));
                black_box(context.mac(count, bearer, direction, black_box(&messages[at])));
            });
        }),
        at_least: asked_of_one(A::ALGORITHM, octets, OXIRUSH),
    });
    bounds.contest(title, Size { messages: 1, octets }, ours.collect(), peers);
}

fn mac_many<A: Mac>(bounds: &mut Bounds, title: &str, theirs: other::IntegrityAlgorithm, octets: usize) {
    let (manager, inputs, keys) = (Manager::new(), inputs(), keys());
    let messages = vec![vec![0x5a_u8; octets]; MANY];
    let of_keys: Vec<Vec<_>> = keys.iter().map(A::all).collect();
    let ours = (0..of_keys[0].len()).map(|back_end| {
        let (of_keys, messages) = (&of_keys, messages.clone());
        Ours {
            name: name(of_keys[0][back_end].0),
            work: Box::new(move |repetitions| {
                let jobs = of_keys.iter().zip(inputs).zip(&messages);
                let mut jobs: Vec<_> = jobs
                    .map(|((all, input), message)| MacJob {
                        algorithm: &all[back_end].1,
                        input,
                        message,
                        mac: Mac32::from_octets([0; 4]),
                    })
                    .collect();
                for _ in 0..repetitions {
                    A::mac_batch(black_box(&mut jobs));
                }
            }),
        }
    });
    let mut peers = ipsec_mb_many(&manager, A::ALGORITHM, octets);
    let context = |key| other::IntegrityContext::new(&other::nas_5gs::KNasInt::new(key), theirs);
    let contexts = keys.each_ref().map(context);
    let messages = messages.clone();
    peers.push(Peer {
        name: OXIRUSH,
        work: Box::new(move |repetitions| {
            let jobs = contexts.iter().zip(&inputs).zip(&messages);
            let mut jobs: Vec<_> = jobs
                .map(|((context, input), message)| {
                    let (count, bearer, direction) = their_input(input);
                    context.job(count, bearer, direction, message)
                })
                .collect();
            for _ in 0..repetitions {
                other::nia_mac_batch(black_box(&mut jobs));
            }
        }),
        at_least: asked_of_many(A::ALGORITHM, octets, OXIRUSH),
    });
    bounds.contest(title, Size { messages: MANY, octets }, ours.collect(), peers);
}

/// The first counter block of 128-NEA2.
fn block(input: MessageInput) -> [u8; 16] {
    let mut block = [0; 16];
    block[..8].copy_from_slice(&header(&input));
    block
}

fn their_input(input: &MessageInput) -> (u32, other::Bearer, other::Direction) {
    let bearer = other::Bearer::try_from(input.bearer.value()).expect("5 bits");
    let direction = match input.direction {
        Direction::Uplink => other::Direction::Uplink,
        Direction::Downlink => other::Direction::Downlink,
    };
    (input.count, bearer, direction)
}
