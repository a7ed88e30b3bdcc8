//! Several processes over one PostgreSQL with a standby: cards are served by all of them, whatever dies, is cut off, or has another clock.

mod mishaps;
mod promises;

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kaskade_testkit::postgres::Cluster;
use serde_json::{Value, json};

use crate::akma;
use crate::common::{Place, SUPI, Up, mode};
use mishaps::{WATCHED, World};
use promises::{Address, Anchors, Numbers, attach, served};

const NODES: usize = 3;

/// How often something happens; `KASKADE_NODE_ROUNDS` for more.
fn rounds() -> usize {
    let asked = std::env::var("KASKADE_NODE_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(5)
}

fn supi(card: usize) -> String {
    format!("imsi-00101000000010{card}")
}

/// Makes the folder of a node, with the master key of the first.
fn folder(place: &Place, node: usize, server: &str) {
    let data = place.path(&format!("data{node}"));
    if node > 0 {
        fs::create_dir(&data).expect("a folder");
        mode(&data, 0o700);
        let key = data.join("master.key");
        fs::copy(place.path("data0/master.key"), &key).expect("the key");
        mode(&key, 0o600);
    }
    configure(place, node, server);
}

fn configure(place: &Place, node: usize, server: &str) {
    place.file(
        &format!("k{node}.toml"),
        &format!(
            "data_dir = \"data{node}\"\n[policy]\nserving_networks = [\"001-01\"]\n[store]\nnode_index = {node}\npostgres = \"{server}\"\n"
        ),
    );
}

/// With an AAnF, which one function asks.
fn with_akma(place: &Place, node: usize) {
    let name = format!("k{node}.toml");
    let own = fs::read_to_string(place.path(&name)).expect("a configuration");
    let akma = "[udm]\n[ausf]\n[aanf]\nlisten = \"127.0.0.1:0\"\nausfs = [\"127.0.0.1\"]\n[aanf.functions.portal]\n\
                fqdn = \"af.example.com\"\nprotocols = [\"http-digest\"]\ncallers = [\"127.0.0.1\"]\nidentity = \"supi\"\n\
                lifetime = 2592000\n";
    place.file(&name, &format!("{own}{akma}"));
}

fn start(place: &Place, node: usize) -> Up {
    // It says much while a server is away: nobody reads a pipe here.
    let log = fs::File::create(place.path(&format!("log{node}"))).expect("a file");
    Up::start_with(place, &format!("up --config k{node}.toml"), |command| {
        command
            .env("KASKADE_FAULT_CLOCK", place.path(&format!("clock{node}")))
            .stderr(log);
    })
}

/// Ends what goes on in the meantime, also where something is not as it should be.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn cards_are_served_by_all_nodes_whatever_dies() {
    let Some(pair) = Cluster::with_standby() else { return };
    let place = Place::new();
    let direct = pair.place();
    let server = direct.server.clone();
    let ways: Vec<_> = (0..NODES).map(|_| pair.ways()).collect();
    for (node, ways) in ways.iter().enumerate() {
        folder(&place, node, &pair.by(ways, &direct).server);
        with_akma(&place, node);
        if node == 0 {
            for card in 0..=WATCHED {
                place
                    .with_secrets(&format!("subscriber add --supi {} --akma --config k0.toml", supi(card)))
                    .ok();
            }
        }
    }
    let mut world = World {
        place: &place,
        pair: &pair,
        server: &server,
        ways: &ways,
        nodes: (0..NODES).map(|node| start(&place, node)).collect(),
    };
    let shown = place.kaskade("store status --json --config k1.toml").ok();
    assert_eq!(shown.matches("\"runs\": true").count(), NODES, "{shown}");
    assert!(shown.contains("\"sync\": \"sync\""), "the standby: {shown}");
    // The same number twice is refused.
    folder(&place, 9, &server);
    let own = fs::read_to_string(place.path("k9.toml")).expect("a configuration");
    place.file("k9.toml", &own.replace("node_index = 9", "node_index = 2"));
    let twice = Up::try_start(&place, "up --config k9.toml", |_| ()).map(|up| up.greeting.clone());
    let (status, said) = twice.expect_err("the number is taken");
    assert_eq!(status.code(), Some(75), "{said}");
    assert!(said.contains("node 2"), "{said}");
    // Also not by a number that nobody has.
    place.file("k9.toml", &own);
    let skipped = place.kaskade("store skip-ahead --yes --config k9.toml");
    assert_eq!(skipped.status, Some(75), "{}", skipped.stderr);
    assert!(skipped.stderr.contains("by node 0"), "{}", skipped.stderr);
    let all = |nodes: &[Up]| {
        for card in 0..NODES {
            for node in nodes {
                served(&place, card, &node.ausf);
            }
        }
    };
    all(&world.nodes);
    let watched = supi(WATCHED);
    let (mut numbers, mut anchors) = (Numbers::default(), Anchors::default());
    for round in 0..rounds() {
        let addresses: Vec<Address> = world.nodes.iter().map(Address::of).collect();
        let (over, done) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let _end = End(&over);
            for card in 0..NODES {
                let (addresses, over, done, folder) = (&addresses, &over, &done, place.path("."));
                scope.spawn(move || {
                    for turn in 0_usize.. {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        // One resynchronisation brings a card back, and so many are never needed twice.
                        if let Ok(resynchronised) = attach(&folder, card, &addresses[(turn + card) % NODES].ausf) {
                            assert!(resynchronised <= 1, "card {card}: {resynchronised}");
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            scope.spawn(|| {
                for node in addresses.iter().cycle() {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    numbers.ask(&watched, node);
                    anchors.register(&watched, node);
                }
            });
            std::thread::sleep(Duration::from_millis(500));
            world.suffer(round);
            let begun = Instant::now();
            let before = done.load(Ordering::Relaxed);
            while done.load(Ordering::Relaxed) < before + 6 && begun.elapsed() < Duration::from_secs(40) {
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(
                done.load(Ordering::Relaxed) >= before + 6,
                "round {round}: nothing goes on"
            );
        });
        world.restore(round);
        all(&world.nodes);
        anchors.are_found(&watched, &world.nodes);
    }
    assert!(numbers.count > 0 && anchors.answered() > 0);
    for node in world.nodes {
        node.stop();
    }
    let shown = place.kaskade("store status --config k0.toml").ok();
    assert!(
        shown.lines().filter(|line| line.contains(" no ")).count() >= NODES && !shown.contains(" yes "),
        "{shown}"
    );
}

/// An AKMA context is found by whichever AAnF is asked, and ends for all of them.
#[test]
fn several_aanfs_give_the_keys_of_one_context() {
    let Some(cluster) = Cluster::start() else { return };
    let place = Place::new();
    let server = cluster.place().server;
    configure(&place, 0, &server);
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --akma --config k0.toml"))
        .ok();
    folder(&place, 1, &server);
    for node in 0..2 {
        with_akma(&place, node);
    }
    let (first, second) = (start(&place, 0), start(&place, 1));
    assert_eq!(akma::ask(&second), "", "204");
    let info = json!({ "supi": SUPI, "aKId": akma::A_KID, "kAkma": akma::K_AKMA });
    let registered: Value = serde_json::from_str(&akma::post(&first, "register-anchorkey", &info)).expect("JSON");
    assert_eq!(registered, info);
    let keys: [Value; 3] =
        [&second, &first, &second].map(|node| serde_json::from_str(&akma::ask(node)).expect("a key"));
    assert_eq!(keys[0]["kaf"], akma::K_AF);
    assert!(keys.iter().all(|key| *key == keys[0]), "one key with one end: {keys:?}");
    first.signal("-KILL");
    assert_eq!(
        serde_json::from_str::<Value>(&akma::ask(&second)).expect("a key"),
        keys[0]
    );
    let first = start(&place, 0);
    assert_eq!(
        serde_json::from_str::<Value>(&akma::ask(&first)).expect("a key"),
        keys[0]
    );
    place.kaskade(&format!("akma disable {SUPI} --config k1.toml")).ok();
    for node in [&first, &second] {
        assert_eq!(akma::ask(node), "", "ended for all");
    }
    first.stop();
    second.stop();
}
