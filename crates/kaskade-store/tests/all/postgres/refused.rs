//! Servers that are away, that let nobody in, and that have something else: one line for each.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use kaskade_flow::Refusal;
use kaskade_store::postgres::{PostgresEngine, PostgresOptions, migrate};
use kaskade_store::private::write_new;
use kaskade_store::{EngineError, MasterKey, SqnScheme, StoreError, StoreOptions, SubscriberStore};
use kaskade_testkit::postgres::Cluster;

use super::server::{is_there, open, put, until};
use crate::common::{secret_octets, subscriber, supi};

/// What is said of a server that lets this one in no more than others.
fn refused(options: &PostgresOptions) -> String {
    match PostgresEngine::open(options).map(drop) {
        Err(error @ (EngineError::Refused { .. } | EngineError::Private(_))) => {
            let said = error.to_string();
            assert!(!said.contains('\n'), "{said}");
            said
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_lets_nobody_in_says_why_in_one_line() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.sql("CREATE ROLE somebody LOGIN PASSWORD 'right'");
    cluster.admit("host all somebody 127.0.0.1/32 scram-sha-256");
    let folder = tempfile::tempdir().expect("a folder");
    for text in ["right", "wrong"] {
        write_new(&folder.path().join(text), text.as_bytes()).expect("written");
    }
    let port = cluster.port();
    let by_password = |file: Option<&str>| {
        let mut options = PostgresOptions::new(format!("host=127.0.0.1 port={port} user=somebody dbname=postgres"));
        options.password_file = file.map(|name| folder.path().join(name));
        options
    };
    for (options, why) in [
        (
            by_password(Some("wrong")),
            "password authentication failed for user \"somebody\"",
        ),
        (by_password(None), "password missing"),
        // In, but there is nothing.
        (by_password(Some("right")), "`kaskade store migrate`"),
        (
            PostgresOptions::new(cluster.server_of("public").replace("dbname=postgres", "dbname=nowhere")),
            "database \"nowhere\" does not exist",
        ),
        (
            PostgresOptions::new(cluster.server_of("public").replace("user=kaskade", "user=nobody")),
            "role \"nobody\" does not exist",
        ),
        (cluster.empty_place(), "`kaskade store migrate`"),
    ] {
        let said = refused(&options);
        assert!(said.contains(why), "{said}");
    }
    // A user that may make no tables.
    match migrate(&by_password(Some("right"))) {
        Err(EngineError::Refused { why, .. }) => assert!(why.contains("may not do that"), "{why}"),
        other => panic!("{other:?}"),
    }
    cluster.set("fsync = off");
    assert!(refused(&cluster.empty_place()).contains("fsync"));
}

#[test]
fn tables_of_a_newer_program_are_not_used() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.empty_place();
    let made = migrate(&place).expect("made");
    assert_eq!((made.from, made.to > 0), (0, true));
    let again = migrate(&place).expect("there");
    assert_eq!((again.from, again.to), (made.to, made.to), "nothing to do");
    drop(open(&place));
    let (_, schema) = place.server.split_once("search_path=").expect("a schema");
    cluster.sql(&format!(
        "UPDATE {}.kaskade_schema SET version = 1000",
        schema.trim_end_matches('\'')
    ));
    assert!(refused(&place).contains("version 1000"));
    match migrate(&place) {
        Err(EngineError::Refused { why, .. }) => assert!(why.contains("version 1000"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn with_tls_the_server_must_be_who_it_is_said_to_be() {
    let Some(cluster) = Cluster::start() else { return };
    let authority = |name: &str| {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        (certificate.pem(), rcgen::Issuer::new(parameters, key))
    };
    let ((ca, issuer), (other_ca, _)) = (authority("one"), authority("another"));
    let key = rcgen::KeyPair::generate().expect("a key");
    let parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = parameters.signed_by(&key, &issuer).expect("a certificate");
    cluster.write("data/server.crt", &certificate.pem());
    cluster.write("data/server.key", &key.serialize_pem());
    cluster.set("ssl = on");
    cluster.admit("hostnossl all all 127.0.0.1/32 reject");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let (ca, other_ca) = (file("ca.pem", &ca), file("other.pem", &other_ca));
    let place = cluster.place();
    let by_tls = |host: &str, ca: Option<&Path>| {
        let (_, rest) = place.server.split_once(" port=").expect("a port");
        let mut options = PostgresOptions::new(format!("{host} port={rest}"));
        options.ca = ca.map(Into::into);
        options
    };
    let there = by_tls("host=localhost hostaddr=127.0.0.1", Some(&ca));
    let engine = open(&there);
    put(&engine, 1, b"key").expect("a commit");
    assert!(is_there(&engine, b"key").expect("read"));
    drop(engine);
    for (options, why) in [
        (
            by_tls("host=localhost hostaddr=127.0.0.1", Some(&other_ca)),
            "UnknownIssuer",
        ),
        (
            by_tls("host=db.example.org hostaddr=127.0.0.1", Some(&ca)),
            "db.example.org",
        ),
        (by_tls("host=127.0.0.1", None), "no encryption"),
    ] {
        let said = refused(&options);
        assert!(said.contains(why), "{said}");
    }
    let mut own = by_tls("host=localhost hostaddr=127.0.0.1", Some(&ca));
    own.cert = Some(file("own.pem", &certificate.pem()));
    let key = file("own.key", &key.serialize_pem());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    own.key = Some(key);
    let said = refused(&own);
    assert!(said.contains("mode 0644 lets other users in"), "{said}");
}

/// A node that runs: what needs the server is refused as long as it is away, and all goes on behind it.
#[test]
fn a_store_whose_server_goes_away_serves_nothing_stale_and_goes_on() {
    let Some(cluster) = Cluster::start() else { return };
    let place = cluster.place();
    let key = MasterKey::from_octets(&[7; 32]);
    let engine = open(&place);
    let name = engine.name().to_owned();
    let store = SubscriberStore::with_engine(engine, &name, &key, StoreOptions::default()).expect("a store");
    for n in 0..3 {
        store.add(&subscriber(n, SqnScheme::NonTimeBased)).expect("added");
    }
    let before = store.next_sqn(&supi(0), "amf").expect("a number");
    // Sealed, as in a file.
    let (_, schema) = place.server.split_once("search_path=").expect("a schema");
    let schema = schema.trim_end_matches('\'');
    for (octets, times) in [(&secret_octets(1)[..], "0"), (&[0], "some")] {
        let found = cluster.sql(&format!(
            "SELECT CASE count(*) WHEN 0 THEN '0' ELSE 'some' END FROM {schema}.kaskade_row WHERE position('\\x{}'::bytea IN octets) > 0",
            hex::encode(octets)
        ));
        assert_eq!(found, times);
    }
    cluster.crash();
    let begun = Instant::now();
    let away = |error: StoreError| assert_eq!(error.refusal(), Some(Refusal::StoreAway), "{error}");
    away(store.card(&supi(1)).map(drop).expect_err("away"));
    away(store.next_sqn(&supi(2), "amf").expect_err("away"));
    away(store.reads().expect_err("away"));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(store.failed().is_none(), "it passes by itself");
    cluster.start_again();
    until("it is back", || store.reads().is_ok());
    let mut after = None;
    until("it writes again", || {
        after = store.next_sqn(&supi(0), "amf").ok();
        after.is_some()
    });
    assert!(after.is_some_and(|after| after > before));
    assert!(store.card(&supi(1)).expect("read").is_some());
}
