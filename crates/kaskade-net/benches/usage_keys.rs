//! Keys below the EMSK per second of the server's CPU time over HTTP/2, with store and audit log on disk: asked again, and asked first;
//! beside a role that gives a ready key, behind the same server, from the same run.
//!
//! The server has a thread of its own, and what store and audit log have besides counts as its own. The network function that asks is on
//! the main thread, whose time is left out.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a benchmark fails by panicking, prints what it saw, and casts its own counts"
)]
#![allow(clippy::print_stdout, reason = "the table is the purpose of this program")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kaskade_anchor::emsk::{DataRule, Grant, Limits, Registry, Root, Usage, Who};
use kaskade_codec::sbi::usage_keys::{DomainKey, DomainKeyRequest, KeyGivenUp, RootKey, UsageKey, UsageKeyRequest};
use kaskade_flow::{Durable, Refusal, UnixMillis};
use kaskade_keys::Supi;
use kaskade_keys::eap::Emsk;
use kaskade_keys::id::{RootKeyName, SessionId};
use kaskade_net::live::Live;
use kaskade_net::node::{AusfRole, Node, NodeOptions, UsageKeysRole};
use kaskade_net::role::ausf::AusfOptions;
use kaskade_net::role::budget::BudgetOptions;
use kaskade_net::role::policy::{Groups, ServingNetworkPolicy};
use kaskade_net::role::usage_keys::{UsageKeys, UsageKeysOptions, UsagePolicy};
use kaskade_net::sbi::client::{ClientOptions, SbiClient};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::{ServerOptions, Shutdown, bind, serve};
use kaskade_net::sbi::service::{Caller, NotDone, Routes};
use kaskade_net::services::usage_keys::{Client, UsageKeys as Service, routes};
use kaskade_store::audit::{AuditLog, AuditOptions};
use kaskade_store::{MasterKey, StoreOptions, SubscriberStore};
use rustix::time::{ClockId, clock_gettime};

/// Subscribers with an EMSK.
const SUBSCRIBERS: u64 = 20_000;
/// Requests at once.
const AT_ONCE: u64 = 64;
/// Requests that are asked again.
const AGAIN: u64 = 60_000;
/// What is asked for, per second of a core.
const ASKED: [(&str, f64); 2] = [("again", 30_000.0), ("first", 8_000.0)];

const LABEL: &str = "one@example.org";

fn supi(number: u64) -> Supi {
    format!("imsi-00101{number:010}").parse().unwrap()
}

fn request(number: u64) -> UsageKeyRequest {
    UsageKeyRequest {
        supi: supi(number % SUBSCRIBERS),
        label: LABEL.parse().unwrap(),
        domain: None,
        data_hex: None,
        snssai: None,
        application: None,
        callback_uri: None,
    }
}

/// CPU time of this process but for this thread.
fn of_others() -> Duration {
    let [process, own] = [ClockId::ProcessCPUTime, ClockId::ThreadCPUTime].map(|clock| {
        let time = clock_gettime(clock);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    });
    process.saturating_sub(own)
}

fn node(folder: &Path) -> NodeOptions {
    let master = MasterKey::from_octets(&[0x77; 32]);
    let store = SubscriberStore::open(&folder.join("store"), &master, StoreOptions::default()).unwrap();
    let audit = AuditLog::open(AuditOptions::new(&folder.join("audit")), &master).unwrap();
    let store = Arc::new(store);
    let mut registry = Registry::new();
    let usage = Usage {
        label: LABEL.parse().unwrap(),
        domain: None,
        data: DataRule::None,
        grants: vec![Grant::to(Who::Group("smf".into()))],
        lifetime: Duration::from_secs(3600),
    };
    registry.add(usage).unwrap();
    // An AUSF without a UDM beside it asks for no subscriber; here it never asks at all.
    let remote = kaskade_net::node::RemoteUdm {
        url: "http://127.0.0.1:9".to_owned(),
        options: ClientOptions::default(),
    };
    let id = kaskade_codec::sbi::NfInstanceId::from_random([1; 16]);
    let mut options = AusfOptions::new(id, ServingNetworkPolicy::any());
    options.audit = audit.clone();
    NodeOptions {
        ausf: Some(AusfRole {
            options,
            listen: ([127, 0, 0, 1], 0).into(),
            server: ServerOptions::default(),
            udm: Some(remote),
            akma: None,
        }),
        usage_keys: Some(UsageKeysRole {
            store,
            options: UsageKeysOptions {
                most: usize::try_from(4 * SUBSCRIBERS).unwrap(),
                most_holders: usize::try_from(4 * SUBSCRIBERS).unwrap(),
                limits: Limits::default(),
                policy: UsagePolicy::new(registry).with(Requester::group("smf").id(), "smf"),
                budgets: BudgetOptions::UNLIMITED,
                audit: audit.clone(),
                ..UsageKeysOptions::default()
            },
            listen: None,
        }),
        groups: Groups::default().with("smf", ["127.0.0.1".parse().unwrap()]),
        audit,
        ..NodeOptions::default()
    }
}

/// Gives a ready key.
struct Ready;

impl Service for Ready {
    async fn usage_key(&self, _: &Caller, _: UsageKeyRequest) -> Result<Durable<UsageKey>, NotDone> {
        Ok(Durable::told_by_peer(UsageKey {
            key: RootKey::of(&[7; 64]),
            key_name: RootKeyName::from_octets([1; 8]),
            emsk_name: RootKeyName::from_octets([2; 8]),
            expiry: UnixMillis::new(1_800_000_000_000).into(),
        }))
    }

    async fn domain_key(&self, _: &Caller, _: DomainKeyRequest) -> Result<Durable<DomainKey>, NotDone> {
        Err(Refusal::ContextNotFound.into())
    }

    async fn give_up(&self, _: &Caller, _: KeyGivenUp) -> Result<(), NotDone> {
        Err(Refusal::ContextNotFound.into())
    }
}

/// A server on a thread of its own, until the sender is dropped.
struct Serving {
    url: String,
    keys: Option<Arc<UsageKeys>>,
    end: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Serving {
    fn start(start: impl FnOnce() -> (String, Option<Node>) + Send + 'static) -> Self {
        let (told, heard) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (url, node) = start();
                let keys = node.as_ref().and_then(|node| node.usage_keys().cloned());
                told.send((url, keys)).unwrap();
                // The thread serves while somebody else waits for the end.
                tokio::task::spawn_blocking(move || ended.recv()).await.unwrap().ok();
                if let Some(node) = node {
                    node.shutdown().await;
                }
            });
        });
        let (url, keys) = heard.recv().unwrap();
        Self { url, keys, end, thread }
    }

    fn end(self) {
        drop((self.keys, self.end));
        self.thread.join().unwrap();
    }
}

/// Asks so often; requests per second of the others' CPU time, and per second.
fn asks(url: &str, count: u64) -> (f64, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = Client::new(SbiClient::new(url, ClientOptions::default()).unwrap());
        let caller = Caller::new(Requester::group("bench"));
        client.usage_key(&caller, request(0)).await.unwrap();
        let (begin, cpu) = (Instant::now(), of_others());
        let local = tokio::task::LocalSet::new();
        for lane in 0..AT_ONCE {
            let (client, caller) = (client.clone(), caller.clone());
            local.spawn_local(async move {
                for number in (lane..count).step_by(usize::try_from(AT_ONCE).unwrap()) {
                    client.usage_key(&caller, request(number)).await.unwrap();
                }
            });
        }
        local.await;
        let (wall, cpu) = (begin.elapsed(), of_others() - cpu);
        (count as f64 / cpu.as_secs_f64(), count as f64 / wall.as_secs_f64())
    })
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let options = node(folder.path());
    let serving = Serving::start(move || {
        let node = Node::start(options).unwrap();
        (node.usage_keys_url().unwrap().to_owned(), Some(node))
    });
    let keys = serving.keys.as_ref().unwrap();
    let amf = Requester::group("amf");
    for number in 0..SUBSCRIBERS {
        let mut session = [0; 33];
        session[..8].copy_from_slice(&number.to_be_bytes());
        let root = Root::of_eap(Emsk::from_octets(&[7; 64]), SessionId::from_octets(session));
        keys.born(&amf, &supi(number), root);
    }
    let first = asks(&serving.url, SUBSCRIBERS);
    let again = asks(&serving.url, AGAIN);
    serving.end();
    let ready = Serving::start(|| {
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Routes::new(Live::new(Groups::default())).with(routes(Ready));
        let serving = serve(listener, Arc::new(routes), ServerOptions::default(), Shutdown::new());
        tokio::spawn(async move { serving.await.unwrap() });
        (url, None)
    });
    let bound = asks(&ready.url, AGAIN);
    drop(ready.end);
    println!("| Keys | per s of CPU | per s | of the ready ones | asked |");
    println!("|---|---|---|---|---|");
    println!("| ready, no role | {:.0} | {:.0} | 100 % | – |", bound.0, bound.1);
    for ((name, asked), (cpu, wall)) in ASKED.into_iter().zip([again, first]) {
        let part = 100.0 * cpu / bound.0;
        println!("| {name} | {cpu:.0} | {wall:.0} | {part:.0} % | {asked:.0} |");
    }
    let met = again.0 >= ASKED[0].1 && first.0 >= ASKED[1].1;
    if !met {
        eprintln!("less than what is asked for");
    }
}
