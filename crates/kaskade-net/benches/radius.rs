//! What RADIUS costs around an EAP method that costs nothing, on one core, beside what it cannot do without, measured in the same run:
//! `cargo bench -p kaskade-net --bench radius`.
//!
//! A run is two requests: identity in, challenge out, response in, MSK out. Its bound is the MD5 over as many octets, and over UDP a blocking
//! receive and send of as many octets beside it, without a runtime. Over UDP the gateway is on another core, and the time that the server's
//! thread was on its own counts. All the while 90 000 runs wait for their peers.
#![allow(clippy::print_stdout, reason = "the table is the purpose of this program")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a benchmark fails by panicking, and divides its counts"
)]

use std::hint::black_box;
use std::net::{SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use kaskade_codec::radius::{AttributeType, Exchange, Sent, Told};
use kaskade_crypto::radius::SharedSecret;
use kaskade_flow::{Durable, Guarded};
use kaskade_keys::eap::Msk;
use kaskade_net::radius::{Asked, Client, Clients, EapAsk, EapServer, EapTold, Granted, Key};
use kaskade_net::radius::{RadiusOptions, RadiusServer, serve_udp};
use kaskade_net::sbi::server::Shutdown;

/// Octets of an EAP-Request/AKA'-Challenge with AT_RAND, AT_AUTN, AT_KDF, AT_KDF_INPUT and AT_MAC.
const CHALLENGE: usize = 124;
/// And of its response with AT_RES and AT_MAC.
const RESPONSE: usize = 48;
/// Runs side by side.
const BATCH: u8 = 32;
const ROUNDS: u32 = 4000;
/// Runs that wait for their peers.
const HALF_OPEN: u32 = 90_000;
/// Sockets of the gateway over UDP: each tells 256 requests apart.
const PORTS: usize = 200;

/// Asks once, and lets everybody in.
struct Free;

impl EapServer for Free {
    type Run = [u8; 64];

    const RUN_HEAP: usize = 0;

    fn asked(_: &Self::Run) -> Option<Vec<u8>> {
        Some(eap(1, CHALLENGE))
    }

    async fn handle(&self, _: EapAsk<'_>, run: Option<Self::Run>) -> EapTold<Self::Run> {
        match run {
            None => EapTold::Request {
                run: [1; 64],
                packet: Asked::Released(durable(eap(1, CHALLENGE))),
            },
            Some(octets) => EapTold::Success(durable(Granted {
                packet: vec![3, 1, 0, 4],
                key: Some(Key::Msk(Msk::from_octets(&octets))),
                cui: None,
                eap_key_name: None,
                session: None,
            })),
        }
    }
}

fn durable<T>(value: T) -> Durable<T> {
    Guarded::new(value).made_durable()
}

/// A packet of EAP-AKA' as long as this.
fn eap(code: u8, octets: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(octets).unwrap().to_be_bytes();
    let mut packet = vec![0x5a; octets];
    packet[..5].copy_from_slice(&[code, 1, high, low, 50]);
    packet
}

fn secret() -> SharedSecret {
    SharedSecret::new(b"at least sixteen octets").unwrap()
}

/// A gateway with one peer.
fn gateway(number: u32) -> Exchange {
    let name = format!("6{number:015}@wlan.mnc001.mcc001.3gppnetwork.org");
    Exchange::new(secret(), name.as_bytes())
        .saying(AttributeType::NasIpAddress, &[192, 0, 2, 1])
        .saying(
            AttributeType::CallingStationId,
            format!("02-00-{number:08x}").as_bytes(),
        )
        .saying(AttributeType::CalledStationId, b"02-00-00-00-00-02:ssid")
        .saying(AttributeType::FramedMtu, &[0, 0, 5, 0x78])
}

/// A request that no other one equals.
fn request(exchange: &Exchange, octets: usize, identifier: u8, number: u32) -> Sent {
    let mut authenticator = [octets.to_be_bytes()[7]; 16];
    authenticator[..4].copy_from_slice(&number.to_be_bytes());
    exchange.request(&eap(2, octets), identifier, &authenticator).unwrap()
}

/// A server in which many runs wait.
fn server() -> RadiusServer<Free> {
    let clients = Clients::new([("127.0.0.0/8".parse().unwrap(), Client::new("gateway", secret()))]).unwrap();
    let options = RadiusOptions {
        lifetime: Duration::from_secs(3600),
        ..RadiusOptions::default()
    };
    let server = RadiusServer::new(Free, clients, options);
    for number in 0..HALF_OPEN {
        let sent = request(&gateway(number), RESPONSE, 0, number);
        answer(&server, &sent, number);
    }
    assert_eq!(server.kept()[0], usize::try_from(HALF_OPEN).unwrap());
    server
}

/// The answer to a request; each comes from a port of its own.
fn answer(server: &RadiusServer<Free>, sent: &Sent, number: u32) -> Arc<zeroize::Zeroizing<Vec<u8>>> {
    let [_, high, low, port] = number.to_be_bytes();
    let from = SocketAddr::from(([127, 0, high, low], 1024 + u16::from(port)));
    let client = server.client(from.ip()).unwrap();
    let work = pin!(server.answer(sent.octets(), &client, from));
    match work.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(told) => told.unwrap(),
        Poll::Pending => unreachable!("the method does not wait"),
    }
}

/// The MD5 that a request and its answer cannot do without: two codes and an authenticator, and six blocks for the keys.
fn md5_of(secret: &SharedSecret, request: &[u8], answer: &[u8], with_key: bool) {
    black_box(secret.message_authenticator(&[black_box(request)]));
    black_box(secret.message_authenticator(&[black_box(answer)]));
    black_box(secret.response_authenticator(&[black_box(answer)]));
    if with_key {
        for salt in [1, 2] {
            secret.hide(&[0x5a; 16], [0x80, salt], black_box(&mut [0; 48]));
        }
    }
}

/// Nanoseconds of the two halves of a run, and of the MD5 in them.
fn without_a_socket(server: &RadiusServer<Free>, secret: &SharedSecret) -> [f64; 4] {
    let mut spent: [Vec<f64>; 4] = Default::default();
    let mut number = HALF_OPEN;
    for _ in 0..ROUNDS {
        let mut gateways: Vec<_> = (0..u32::from(BATCH)).map(|n| gateway(number + n)).collect();
        for half in 0..2 {
            let sent = gateways.iter().zip(number..);
            let sent: Vec<_> = sent.map(|(own, n)| (request(own, RESPONSE, half, n), n)).collect();
            let start = Instant::now();
            let told: Vec<_> = sent.iter().map(|(sent, n)| answer(server, sent, *n)).collect();
            let answered = start.elapsed();
            let start = Instant::now();
            for ((sent, _), told) in sent.iter().zip(&told) {
                md5_of(secret, sent.octets(), told, half == 1);
            }
            let bound = start.elapsed();
            for (into, time) in [(half, answered), (half + 2, bound)] {
                spent[usize::from(into)].push(time.as_secs_f64() * 1e9 / f64::from(BATCH));
            }
            for ((own, (sent, _)), told) in gateways.iter_mut().zip(&sent).zip(&told) {
                let told = own.answer(sent, told).unwrap();
                assert_eq!(matches!(told, Told::Accept { msk: Some(_), .. }), half == 1);
            }
        }
        number += u32::from(BATCH);
    }
    spent.map(median)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How long this thread was on a core.
fn on_core() -> Duration {
    let text =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux says how long a thread was on a core");
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// Sockets of a gateway that asks this address.
fn ports(to: SocketAddr) -> Vec<UdpSocket> {
    let socket = || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(to).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket
    };
    (0..PORTS).map(|_| socket()).collect()
}

/// Sends a batch and receives its answers, by identifier.
fn exchanged(socket: &UdpSocket, sent: &[Sent], first: u8) -> Vec<Vec<u8>> {
    for sent in sent {
        socket.send(sent.octets()).unwrap();
    }
    let mut told = vec![Vec::new(); sent.len()];
    let mut buffer = [0; 4096];
    for _ in sent {
        let length = socket.recv(&mut buffer).expect("an answer");
        told[usize::from(buffer[1].wrapping_sub(first))] = buffer[..length].to_vec();
    }
    told
}

/// Nanoseconds of the server's core for a run over UDP; and requests and answers of one.
fn over_udp(server: Arc<RadiusServer<Free>>) -> (f64, [(Sent, Vec<u8>); 2]) {
    let shutdown = Shutdown::new();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap();
    socket.set_nonblocking(true).unwrap();
    let serving = std::thread::spawn({
        let shutdown = shutdown.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let before = on_core();
            runtime.block_on(async {
                let socket = tokio::net::UdpSocket::from_std(socket).unwrap();
                serve_udp(socket, server, Duration::from_secs(5), shutdown).await;
            });
            on_core() - before
        }
    });
    let ports = ports(to);
    let mut last = None;
    let mut number = 2 * HALF_OPEN + ROUNDS * u32::from(BATCH);
    for round in 0..ROUNDS {
        let socket = &ports[round as usize % PORTS];
        let first = u8::try_from(round as usize / PORTS % 4).unwrap() * 2 * BATCH;
        let mut gateways: Vec<_> = (0..u32::from(BATCH)).map(|n| gateway(number + n)).collect();
        let mut halves = Vec::new();
        for first in [first, first + BATCH] {
            let sent = gateways.iter().zip(0..BATCH);
            let sent: Vec<_> = sent
                .map(|(own, n)| request(own, RESPONSE, first + n, number + u32::from(n)))
                .collect();
            let mut told = exchanged(socket, &sent, first);
            for ((own, sent), told) in gateways.iter_mut().zip(&sent).zip(&told) {
                own.answer(sent, told).unwrap();
            }
            halves.push((sent.into_iter().next().unwrap(), told.swap_remove(0)));
        }
        last = halves.try_into().ok();
        number += u32::from(BATCH);
    }
    shutdown.begin();
    (each(serving.join().unwrap()), last.unwrap())
}

/// Nanoseconds of a core for the same octets by a blocking socket, with the MD5 over them.
fn bound_of_udp(halves: &[(Sent, Vec<u8>); 2], secret: SharedSecret) -> f64 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap();
    let answers = halves.each_ref().map(|(_, told)| told.clone());
    let serving = std::thread::spawn(move || {
        let before = on_core();
        let mut buffer = [0; 4096];
        for _ in 0..ROUNDS {
            for (answer, with_key) in answers.iter().zip([false, true]) {
                for _ in 0..BATCH {
                    let (length, from) = socket.recv_from(&mut buffer).unwrap();
                    md5_of(&secret, &buffer[..length], answer, with_key);
                    socket.send_to(answer, from).unwrap();
                }
            }
        }
        on_core() - before
    });
    let mut buffer = [0; 4096];
    for (_, socket) in (0..ROUNDS).zip(ports(to).iter().cycle()) {
        for (sent, _) in halves {
            for _ in 0..BATCH {
                socket.send(sent.octets()).unwrap();
            }
            for _ in 0..BATCH {
                socket.recv(&mut buffer).expect("an answer");
            }
        }
    }
    each(serving.join().unwrap())
}

fn each(spent: Duration) -> f64 {
    spent.as_secs_f64() * 1e9 / (f64::from(ROUNDS) * f64::from(BATCH))
}

fn row(figure: &str, work: f64, against: &str, bound: f64) {
    let per_second = 1e9 / work;
    println!(
        "{figure:<36} {work:>9.0} {per_second:>12.0}  {against:<36} {bound:>9.0} {:>7.2}",
        work / bound
    );
}

fn main() {
    let (server, secret) = (server(), secret());
    println!(
        "{:<36} {:>9} {:>12}  {:<36} {:>9} {:>7}",
        "figure", "ns", "per second", "bound", "ns", "ratio"
    );
    let [challenge, accept, of_challenge, of_accept] = without_a_socket(&server, &secret);
    row(
        "a request in, a challenge out",
        challenge,
        "the MD5 over both",
        of_challenge,
    );
    row("a response in, the MSK out", accept, "the MD5 over both", of_accept);
    let (run, halves) = over_udp(Arc::new(server));
    let bound = bound_of_udp(&halves, secret);
    row(
        "a run over UDP, two requests",
        run,
        "its MD5, two receives and two sends",
        bound,
    );
}
