//! The program with its store in PostgreSQL.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use kaskade_testkit::postgres::Cluster;

use crate::common::{K, OPC, Place, SUPI, Up, files_below, wait_until};

fn configuration(server: &str, admin: u16) -> String {
    format!(
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n[admin]\nlisten = \"127.0.0.1:{admin}\"\n[store]\npostgres = \
         \"{server}\"\n"
    )
}

/// Status and body of an answer over HTTP/1.1, or HTTP/2 where the services are.
pub(crate) fn ask(url: &str, body: Option<&str>) -> (String, String) {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--max-time",
        "30",
        "-w",
        "\n%{http_code}",
        url,
    ]);
    if let Some(body) = body {
        curl.args([
            "--http2-prior-knowledge",
            "-H",
            "content-type: application/json",
            "-d",
            body,
        ]);
    }
    let output = curl.output().expect("curl");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let (body, status) = said.rsplit_once('\n').expect("a status");
    (status.to_owned(), body.to_owned())
}

/// The UDM of a node.
pub(crate) fn udm(up: &Up) -> String {
    let udm = up.greeting.lines().find_map(|line| line.strip_prefix("UDM"));
    udm.expect("a UDM").trim().to_owned()
}

/// Asks the UDM for a vector.
fn vector(up: &Up) -> (String, String) {
    vector_of(&udm(up), SUPI)
}

/// Asks a UDM for a vector of a subscriber.
pub(crate) fn vector_of(udm: &str, supi: &str) -> (String, String) {
    let url = format!("{udm}/{supi}/security-information/generate-auth-data");
    let body = r#"{"servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org","ausfInstanceId":"11111111-2222-4333-8444-555555555555"}"#;
    ask(&url, Some(body))
}

#[test]
fn a_node_with_its_store_in_postgres() {
    let Some(cluster) = Cluster::start() else { return };
    let place = Place::new();
    place.file("k.toml", &configuration(&cluster.empty_place().server, 0));
    let refused = place.kaskade("up --config k.toml").refused();
    assert!(refused.contains("`kaskade store migrate`"), "{refused}");
    let said = place.kaskade("store migrate --config k.toml").ok();
    assert!(said.contains("are made"), "{said}");
    let said = place.kaskade("store migrate --config k.toml --json").ok();
    assert!(said.contains("\"from\": 2") && said.contains("\"to\": 2"), "{said}");
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --config k.toml"))
        .ok();
    assert!(!place.path("data/subscribers.redb").exists());
    let up = Up::start(&place, "up --config k.toml");
    let root = crate::monitor::root(&up);
    let (status, body) = vector(&up);
    assert_eq!(status, "200", "{body}");
    // Whoever comes second is told who has it.
    let second = place.kaskade("store skip-ahead --yes --config k.toml");
    assert_eq!(second.status, Some(75), "{}", second.stderr);
    assert!(
        second.stderr.contains(&format!("process {}", up.pid())),
        "{}",
        second.stderr
    );
    cluster.crash();
    let (status, body) = vector(&up);
    assert!(status == "503" && body.contains("NF_CONGESTION"), "{status} {body}");
    let (status, body) = ask(&format!("{root}/ready"), None);
    assert!(status == "503" && body.contains("cannot be reached"), "{status} {body}");
    cluster.start_again();
    wait_until("the node goes on", || vector(&up).0 == "200");
    // What writes is in order again a little later than what reads.
    wait_until("it says so", || ask(&format!("{root}/ready"), None).0 == "200");
    // Killed: the next one waits until its lease has run out.
    up.signal("-KILL");
    let begun = Instant::now();
    let next = Up::start(&place, "up --config k.toml");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(vector(&next).0, "200");
    next.stop();
    let said = place.kaskade("store skip-ahead --yes --config k.toml").ok();
    assert!(said.contains("1 subscribers"), "{said}");
    let refused = place.kaskade("store create --yes --config k.toml").refused();
    assert!(refused.contains("there is one already"), "{refused}");
    place.kaskade("audit accept --config k.toml").ok();
    place.has_no(&[K, OPC], &["data"]);
    // Nor in tables, log or WAL of the server.
    for path in files_below(&cluster.socket_folder().join("data")) {
        let content = std::fs::read(&path).expect("readable");
        for secret in [K, OPC] {
            let octets = hex::decode(secret).expect("hex");
            assert!(
                !content.windows(16).any(|window| window == octets),
                "a secret is in {}",
                path.display()
            );
        }
    }
}

fn is_vector(up: &Up) {
    let (status, body) = vector(up);
    assert!(status == "200" && body.contains("autn"), "{status} {body}");
}

#[test]
fn a_store_goes_from_its_file_into_postgres_and_back() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = Place::new();
    let database = cluster.empty_place().server;
    place.file("file.toml", &configuration("", 0).replace("postgres = \"\"\n", ""));
    place.file("k.toml", &configuration(&database, 0));
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --config file.toml"))
        .ok();
    let refused = place
        .kaskade("store copy --to postgres --yes --config file.toml")
        .refused();
    assert!(refused.contains("store.postgres is not set"), "{refused}");
    let refused = place
        .kaskade("store copy --to postgres --yes --config k.toml")
        .refused();
    assert!(refused.contains("`kaskade store migrate`"), "{refused}");
    place.kaskade("store migrate --config k.toml").ok();
    // The empty database is no store, and who starts with it is told where the subscribers are.
    let refused = place.kaskade("subscriber list --config k.toml").refused();
    assert!(refused.contains("store copy --to postgres"), "{refused}");
    let refused = place.kaskade("store copy --to postgres --config k.toml").refused();
    assert!(refused.contains("add --yes"), "{refused}");
    let up = Up::start(&place, "up --config file.toml");
    is_vector(&up);
    let busy = place.kaskade("store copy --to postgres --yes --config k.toml");
    assert_eq!(busy.status, Some(75), "{}", busy.stderr);
    up.stop();
    let said = place.kaskade("store copy --to postgres --yes --config k.toml").ok();
    assert!(said.contains("1 subscribers"), "{said}");
    let again = place
        .kaskade("store copy --to postgres --yes --json --config k.toml")
        .ok();
    assert!(
        again.contains("\"hadEnded\":true,\"resumed\":false,\"rows\":0,\"subscribers\":1"),
        "{again}"
    );
    let status = place.kaskade("store status --config file.toml").ok();
    assert!(status.contains("gone to PostgreSQL"), "{status}");
    let status = place.kaskade("store status --json --config k.toml").ok();
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(
        (&status["state"], &status["subscribers"]),
        (&"open".into(), &1.into()),
        "{status}"
    );
    assert_eq!(status["standbys"], serde_json::json!([]), "{status}");
    let gone = place.kaskade("up --config file.toml");
    assert!(
        !gone.success && gone.stderr.contains("it has gone to"),
        "{}",
        gone.stderr
    );
    let gone = place.kaskade("store skip-ahead --yes --config file.toml").refused();
    assert!(gone.contains("--take-back"), "{gone}");
    let up = Up::start(&place, "up --config k.toml");
    is_vector(&up);
    let busy = place.kaskade("store copy --to file --yes --config k.toml");
    assert_eq!(busy.status, Some(75), "{}", busy.stderr);
    up.stop();
    // The file that went there is in the way, and is left as it is.
    let refused = place.kaskade("store copy --to file --yes --config k.toml").refused();
    assert!(refused.contains("move it elsewhere"), "{refused}");
    std::fs::rename(place.path("data/subscribers.redb"), place.path("data/old.redb")).expect("moved");
    let said = place.kaskade("store copy --to file --yes --config k.toml").ok();
    assert!(said.contains("take store.postgres out"), "{said}");
    let up = Up::start(&place, "up --config file.toml");
    is_vector(&up);
    up.stop();
    let gone = place.kaskade("subscriber list --config k.toml").refused();
    assert!(gone.contains("it has gone to"), "{gone}");
    place.kaskade("audit verify --config file.toml").ok();
    let shown = place.kaskade("audit show --config file.toml").ok();
    assert_eq!(shown.matches("store-moved").count(), 2, "{shown}");
    // It is lost: what it came from goes on.
    let said = place.kaskade("store skip-ahead --yes --take-back --config k.toml").ok();
    assert!(said.contains("1 subscribers"), "{said}");
    is_vector(&Up::start(&place, "up --config k.toml"));
}

#[test]
fn a_small_benchmark_with_the_store_in_postgres() {
    let Some(cluster) = Cluster::start() else { return };
    let place = Place::new();
    let server = cluster.empty_place().server;
    let bench = |sizes: &str| {
        let small = "bench auth --seconds 1 --connections 1 --streams 4 --json --dir .".split_whitespace();
        place.run(small.chain(["--subscribers", sizes, "--postgres", &server]))
    };
    assert!(bench("100,200").refused().contains("one size"));
    let said = bench("200").ok();
    let measured: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(measured["store"], "PostgreSQL");
    assert_eq!(measured["failures"], 0);
    assert!(
        measured["authentications"].as_u64().is_some_and(|count| count > 0),
        "{said}"
    );
    // What is there already is nobody's to fill: it is another's, by its key.
    assert!(bench("200").status != Some(0));
    assert_eq!(
        cluster.sql("SELECT count(*) FROM store_0.kaskade_row WHERE substr(id, 5, 2) = '\\x0010'"),
        "400"
    );
}

#[test]
fn a_node_waits_for_its_database_and_says_that_it_is_not_ready() {
    let Some(cluster) = Cluster::start() else { return };
    let place = Place::new();
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    place.file("k.toml", &configuration(&cluster.place().server, port));
    cluster.crash();
    // A command does not wait.
    let refused = place.with_secrets(&format!("subscriber add --supi {SUPI} --config k.toml"));
    assert_eq!(refused.status, Some(75), "{}", refused.stderr);
    assert!(refused.stderr.contains("cannot be reached"), "{}", refused.stderr);
    let starting = std::thread::spawn(move || {
        let up = Up::start(&place, "up --config k.toml");
        (up, place)
    });
    let ready = format!("http://127.0.0.1:{port}/ready");
    let asks = || {
        let output = Command::new("curl")
            .args(["--silent", "-w", "\n%{http_code}", &ready])
            .output();
        String::from_utf8(output.expect("curl").stdout).expect("UTF-8")
    };
    wait_until("it says that it is not ready", || asks().ends_with("\n503"));
    assert!(asks().contains("cannot be reached"), "{}", asks());
    assert_eq!(ask(&format!("http://127.0.0.1:{port}/health"), None).0, "200");
    cluster.start_again();
    let (up, _place) = starting.join().expect("it starts");
    assert!(asks().ends_with("\n200"), "{}", asks());
    up.stop();
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let place = Place::new();
    for (lines, why) in [
        ("postgres_ca = \"ca.pem\"", "is set without store.postgres"),
        ("postgres = \"host=/run dbname=k password=x\"", "a file of mode 0600"),
        ("postgres = \"host=db.example.org dbname=k\"", "on another machine"),
        ("postgres = \"host=/run dbname=k\"\nnode_count = 2", "store.node_count"),
    ] {
        place.file("k.toml", &format!("[store]\n{lines}\n"));
        let refused = place.kaskade("subscriber list --config k.toml").refused();
        assert!(refused.contains(why), "{refused}");
    }
    let refused = place.kaskade("store migrate").refused();
    assert!(refused.contains("store.postgres is not set"), "{refused}");
}
