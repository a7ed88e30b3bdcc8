//! Complete 5G AKA runs per second over loopback, server and load in two processes: what HTTP/2 and the roles cost.
//!
//! The store is a real one in a temporary folder, with K sealed and SQN durable.
//!
//! ```text
//! cargo run --release -p kaskade --example loopback [seconds] [connections] [streams] [threads] [subscribers]
//! ```
#![allow(clippy::print_stdout, reason = "this is what it is for")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kaskade::load::{self, LoadMethod, LoadOptions, demo_subscriber};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_keys::Plmn;
use kaskade_net::node::{AusfRole, Node, NodeOptions, UdmRole};
use kaskade_net::role::ausf::AusfOptions;
use kaskade_net::role::policy::ServingNetworkPolicy;
use kaskade_net::role::udm::UdmOptions;
use kaskade_net::sbi::server::ServerOptions;
use kaskade_store::{MasterKey, StoreOptions, SubscriberStore};

fn serve(threads: usize, subscribers: u64) {
    let plmn = Plmn::new("001", "01").expect("a PLMN");
    let folder = tempfile::tempdir().expect("a folder");
    let master_key = MasterKey::create(&folder.path().join("master.key")).expect("a master key");
    let store = SubscriberStore::open(&folder.path().join("store"), &master_key, StoreOptions::default());
    let store = Arc::new(store.expect("a store"));
    for from in (0..subscribers).step_by(10_000) {
        let indexes = from..subscribers.min(from + 10_000);
        let some: Vec<_> = indexes
            .map(|index| load::subscriber(demo_subscriber(plmn, 0, index), LoadMethod::default()))
            .collect();
        store.put_many(&some).expect("room for subscribers");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let policy = ServingNetworkPolicy::plmns([plmn]);
        let node = Node::start(NodeOptions {
            udm: Some(UdmRole {
                store,
                options: UdmOptions {
                    serving_networks: policy.clone(),
                    ..UdmOptions::default()
                },
                uecm: None,
                listen: None,
                server: ServerOptions::default(),
            }),
            ausf: Some(AusfRole {
                options: AusfOptions::new(NfInstanceId::from_random([1; 16]), policy),
                listen: ([127, 0, 0, 1], 0).into(),
                server: ServerOptions::default(),
                udm: None,
                akma: None,
            }),
            ..NodeOptions::default()
        })
        .expect("a node");
        println!("{}", node.ausf_url().expect("an AUSF"));
        std::future::pending::<()>().await;
    });
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |at: usize, default: usize| {
        arguments
            .get(at)
            .map_or(default, |text| text.parse().expect("a number"))
    };
    if arguments.get(1).is_some_and(|first| first == "--serve") {
        return serve(number(2, 1), number(3, 0) as u64);
    }
    let (seconds, connections, streams, threads) = (number(1, 5), number(2, 4), number(3, 32), number(4, 1));
    let subscribers = number(5, 100_000) as u64;
    let mut server = Command::new(std::env::current_exe().expect("this program"))
        .args(["--serve", &threads.to_string(), &subscribers.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a server");
    let mut url = String::new();
    let output = server.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut url).expect("its URL");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut options = LoadOptions::new(url.trim(), subscribers);
    options.connections = connections;
    options.streams = streams;
    options.duration = Duration::from_secs(seconds as u64);
    options.server_pid = Some(server.id());
    let report = runtime.block_on(load::run(options));
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap_or_default();
    for line in status
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"))
    {
        println!("{line}");
    }
    server.kill().expect("a running server");
    server.wait().expect("its end");
    let report = report.expect("a report");
    println!("{report:#?}");
    println!(
        "{:.0} authentications/s, {:.0} per second of server CPU",
        report.auths_per_s(),
        report.auths_per_server_cpu_s().unwrap_or(f64::NAN)
    );
}
