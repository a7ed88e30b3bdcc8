//! Full authentications by EAP-AKA' over RADIUS and UDP per second of the server's CPU time, with store and audit log on disk, beside a server that
//! gives ready answers to as many packets of the same lengths, from the same run.
//!
//! The server has a thread of its own, and what store and audit log have besides counts as its own. The devices and their gateways are on the
//! main thread, whose time is left out.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a benchmark fails by panicking, prints what it saw, and casts its own counts"
)]
#![allow(clippy::print_stdout, reason = "the table is the purpose of this program")]

#[path = "../tests/all/aaa/terminal.rs"]
mod terminal;

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kaskade_aka::arpf::Method;
use kaskade_aka::eap_aka::peer::PeerMemory;
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_codec::radius::{AttributeType, Exchange};
use kaskade_crypto::Amf;
use kaskade_crypto::radius::SharedSecret;
use kaskade_flow::Durable;
use kaskade_keys::Plmn;
use kaskade_keys::eap::Msk;
use kaskade_net::node::{AaaRole, Node, NodeOptions, UdmRole};
use kaskade_net::radius::{
    Asked, Client, Clients, EapAsk, EapServer, EapTold, Granted, Key, RadiusOptions, RadiusServer, serve_udp,
};
use kaskade_net::role::aaa::{AaaOptions, Networks};
use kaskade_net::role::budget::BudgetOptions;
use kaskade_net::role::udm::UdmOptions;
use kaskade_net::sbi::server::Shutdown;
use kaskade_store::audit::{AuditLog, AuditOptions};
use kaskade_store::{
    AuthMethods, Locked, MasterKey, OpOrOpc, SqnRecord, SqnScheme, StoreOptions, Subscriber, SubscriberSecrets,
    SubscriberStore, Subscription,
};
use kaskade_ue::demo::demo_subscriber;
use rustix::time::{ClockId, clock_gettime};
use terminal::{Attach, Device, Gateway, Progress, identity_response};

/// Devices that are authenticated again and again, each under its own gateway.
const DEVICES: u64 = 256;
/// At once.
const AT_ONCE: usize = 32;
const SECONDS: Duration = Duration::from_secs(8);

fn plmn() -> Plmn {
    Plmn::new("001", "01").unwrap()
}

fn secret() -> SharedSecret {
    SharedSecret::new(b"at least sixteen octets").unwrap()
}

fn clients() -> Clients {
    Clients::new([("127.0.0.0/8".parse().unwrap(), Client::new("bench", secret()))]).unwrap()
}

/// CPU time of this process but for this thread.
fn of_others() -> Duration {
    let [process, own] = [ClockId::ProcessCPUTime, ClockId::ThreadCPUTime].map(|clock| {
        let time = clock_gettime(clock);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    });
    process.saturating_sub(own)
}

/// A server on a thread of its own, until the sender is dropped.
struct Serving {
    address: SocketAddr,
    end: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Serving {
    /// `start` gives the address, and what ends it.
    fn start<E: FnOnce() + Send + 'static>(start: impl FnOnce() -> (SocketAddr, E) + Send + 'static) -> Self {
        let (told, heard) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (address, finish) = start();
                told.send(address).unwrap();
                // The thread serves while somebody else waits for the end.
                tokio::task::spawn_blocking(move || ended.recv()).await.unwrap().ok();
                finish();
            });
        });
        let address = heard.recv().unwrap();
        Self { address, end, thread }
    }

    fn end(self) {
        drop(self.end);
        self.thread.join().unwrap();
    }
}

const REALM: &str = "nai.epc.mnc001.mcc001.3gppnetwork.org";

/// The IMSI of a device.
fn digits(index: u64) -> String {
    let supi = demo_subscriber(plmn(), 0, index).supi.sbi();
    supi.trim_start_matches("imsi-").to_owned()
}

fn node(folder: &Path) -> NodeOptions {
    let master = MasterKey::from_octets(&[0x77; 32]);
    let store = SubscriberStore::open(&folder.join("store"), &master, StoreOptions::default()).unwrap();
    let methods = AuthMethods::EAP_AKA_PRIME.and(Method::EapAka);
    let all: Vec<_> = (0..DEVICES)
        .map(|index| {
            let demo = demo_subscriber(plmn(), 0, index);
            Subscriber {
                supi: demo.supi,
                secrets: SubscriberSecrets::milenage(demo.k, OpOrOpc::Opc(demo.opc)),
                amf: Amf::SEPARATION,
                methods,
                subscription: Subscription::default(),
                sqn: SqnRecord::blank(SqnScheme::default()),
            }
        })
        .collect();
    store.put_many(&all).unwrap();
    let audit = AuditLog::open(AuditOptions::new(&folder.join("audit")), &master).unwrap();
    let names = Arc::new(Locked::with(|| master.name_keys(1).into()));
    let mut options = AaaOptions::new(names, Networks::of_all("WLAN".parse().unwrap()));
    options.audit = audit.clone();
    NodeOptions {
        udm: Some(UdmRole {
            store: Arc::new(store),
            options: UdmOptions {
                budgets: BudgetOptions::UNLIMITED,
                audit: audit.clone(),
                ..UdmOptions::default()
            },
            listen: None,
            server: Default::default(),
        }),
        aaa: Some(AaaRole {
            options,
            radius: RadiusOptions::default(),
            clients: clients(),
            udp: vec![([127, 0, 0, 1], 0).into()],
            radsec: None,
            radsec_psk: None,
            drain: Duration::from_secs(1),
        }),
        audit,
        ..NodeOptions::default()
    }
}

/// Gives ready answers, of the lengths that an AAA server gives.
struct Ready;

/// Octets of the challenge with a pseudonym and a name for a fast re-authentication.
const CHALLENGE: usize = 380;

impl EapServer for Ready {
    type Run = ();

    const RUN_HEAP: usize = 0;

    fn asked((): &()) -> Option<Vec<u8>> {
        Some(vec![1; CHALLENGE])
    }

    async fn handle(&self, _: EapAsk<'_>, run: Option<()>) -> EapTold<()> {
        match run {
            None => EapTold::Request {
                run: (),
                packet: Asked::Plain(vec![1; CHALLENGE]),
            },
            Some(()) => EapTold::Success(Durable::told_by_peer(Granted {
                packet: vec![3, 1, 0, 4],
                key: Some(Key::Msk(Msk::from_octets(&[7; 64]))),
                cui: Some(vec![b'c'; 22]),
                eap_key_name: Some(vec![1; 33]),
                session: None,
            })),
        }
    }
}

fn socket(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn received<'b>(socket: &UdpSocket, buffer: &'b mut [u8]) -> &'b [u8] {
    let length = socket.recv(buffer).expect("an answer");
    &buffer[..length]
}

/// Authentications, and the server's CPU time.
fn authentications(address: SocketAddr) -> (u64, Duration) {
    let sockets: Vec<_> = (0..AT_ONCE).map(|_| socket(address)).collect();
    let mut devices: Vec<_> = (0..DEVICES)
        .map(|index| {
            let demo = demo_subscriber(plmn(), 0, index);
            Device::new(Usim::new(&demo.keys(), UsimOptions::default()), &demo.supi, plmn())
        })
        .collect();
    let (begun, before, mut count) = (Instant::now(), of_others(), 0);
    let mut buffer = vec![0; 4096];
    while begun.elapsed() < SECONDS {
        for together in devices.chunks_mut(AT_ONCE) {
            let mut waiting: Vec<_> = together
                .iter_mut()
                .map(|device| {
                    // A full authentication, whatever it was given before.
                    device.memory = PeerMemory::default();
                    Some(Attach::begin(device, secret()))
                })
                .collect();
            while waiting.iter().any(Option::is_some) {
                for (attach, socket) in waiting.iter().zip(&sockets) {
                    if let Some(attach) = attach {
                        socket.send(attach.request()).unwrap();
                    }
                }
                for (place, socket) in waiting.iter_mut().zip(&sockets) {
                    if let Some(attach) = place.take() {
                        match attach.answered(received(socket, &mut buffer)) {
                            Progress::Asks(attach) => *place = Some(attach),
                            Progress::Ended(ended) => {
                                ended.comes_in();
                                count += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    (count, of_others() - before)
}

/// As many packets of the same lengths, for which there are ready answers.
fn ready_answers(address: SocketAddr) -> (u64, Duration) {
    let sockets: Vec<_> = (0..AT_ONCE).map(|_| socket(address)).collect();
    let identity = &format!("6001010000000001@{REALM}");
    let (begun, before, mut count) = (Instant::now(), of_others(), 0);
    let mut buffer = vec![0; 4096];
    while begun.elapsed() < SECONDS {
        let mut gateways: Vec<_> = (0..AT_ONCE)
            .map(|_| Gateway::new(secret(), identity.as_bytes()))
            .collect();
        for eap in [identity_response(identity), vec![2; 44]] {
            let sent: Vec<_> = gateways.iter_mut().map(|gateway| gateway.sent(&eap)).collect();
            for (sent, socket) in sent.iter().zip(&sockets) {
                socket.send(sent.octets()).unwrap();
            }
            for ((gateway, sent), socket) in gateways.iter_mut().zip(&sent).zip(&sockets) {
                gateway.hears(sent, received(socket, &mut buffer));
            }
        }
        count += AT_ONCE as u64;
    }
    (count, of_others() - before)
}

/// What 100 000 peers that never answer their challenge cost, and whether somebody else still comes in.
struct HalfOpen {
    runs: u64,
    /// Octets of this process for each run.
    octets: f64,
    /// Server time of each.
    each: Duration,
    /// How long the next one took from its first packet to EAP-Success, with this machine as its device too.
    next: Duration,
}

fn half_open(address: SocketAddr) -> HalfOpen {
    const RUNS: u64 = 100_000;
    let sockets: Vec<_> = (0..AT_ONCE).map(|_| socket(address)).collect();
    let mut buffer = vec![0; 4096];
    let names: Vec<_> = (0..DEVICES)
        .map(|index| format!("6{}@{}", digits(index), REALM))
        .collect();
    let (before, began) = (resident(), of_others());
    for first in (0..RUNS).step_by(AT_ONCE) {
        for (number, socket) in (first..).zip(&sockets) {
            // One peer is a name at a place: each name is at some 400 of them.
            let name = &names[usize::try_from(number % DEVICES).unwrap()];
            let exchange = Exchange::new(secret(), name.as_bytes())
                .saying(AttributeType::CallingStationId, format!("{number:012x}").as_bytes());
            let mut authenticator = [7; 16];
            authenticator[..8].copy_from_slice(&number.to_be_bytes());
            let identifier = number.to_be_bytes()[7];
            let sent = exchange.request(&identity_response(name), identifier, &authenticator);
            socket.send(sent.unwrap().octets()).unwrap();
        }
        for socket in &sockets {
            // Access-Challenge.
            assert_eq!(received(socket, &mut buffer)[0], 11, "a challenge for each");
        }
    }
    let each = (of_others() - began) / u32::try_from(RUNS).unwrap();
    let octets = (resident() - before) as f64 / RUNS as f64;
    let demo = demo_subscriber(plmn(), 0, 0);
    let mut device = Device::new(Usim::new(&demo.keys(), UsimOptions::default()), &demo.supi, plmn());
    let begun = Instant::now();
    let mut attach = Attach::begin(&mut device, secret());
    let next = loop {
        sockets[0].send(attach.request()).unwrap();
        match attach.answered(received(&sockets[0], &mut buffer)) {
            Progress::Asks(asks) => attach = asks,
            Progress::Ended(ended) => {
                ended.comes_in();
                break begun.elapsed();
            }
        }
    };
    HalfOpen {
        runs: RUNS,
        octets,
        each,
        next,
    }
}

/// Resident memory of this process, in octets.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn rate((count, time): (u64, Duration)) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn main() {
    // `cargo test` runs it too, and has no time for it.
    if std::env::args().any(|argument| argument == "--test") || !std::env::args().any(|argument| argument == "--bench")
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = node(folder.path());
    let serving = Serving::start(move || {
        let node = Node::start(options).unwrap();
        (node.radius_addresses().0[0], move || drop(node))
    });
    let full = rate(authentications(serving.address));
    let half_open = half_open(serving.address);
    serving.end();
    let serving = Serving::start(|| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let server = Arc::new(RadiusServer::new(Ready, clients(), RadiusOptions::default()));
        let (socket, shutdown) = (tokio::net::UdpSocket::from_std(socket).unwrap(), Shutdown::new());
        tokio::spawn(serve_udp(socket, server, Duration::from_secs(1), shutdown.clone()));
        (address, move || shutdown.begin())
    });
    let ready = rate(ready_answers(serving.address));
    serving.end();
    println!("full authentications by EAP-AKA' per second of server time   {full:>9.0}");
    println!("bound: RADIUS and sockets, with ready answers                {ready:>9.0}");
    println!(
        "of the bound                                                 {:>8.0} %",
        100.0 * full / ready
    );
    let HalfOpen {
        runs,
        octets,
        each,
        next,
    } = half_open;
    println!("octets of a run that waits for its peer, of {runs}            {octets:>9.0}");
    println!(
        "server time of its challenge, in microseconds                {:>9.1}",
        each.as_secs_f64() * 1e6
    );
    println!(
        "milliseconds of the next full one beside them                {:>9.2}",
        next.as_secs_f64() * 1e3
    );
}
