//! What a command ends with, how it says why, and what it waits for.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{K, OPC, Place, SUPI, Up, mode};

#[test]
fn a_status_says_what_kind_of_error_it_is() {
    let place = Place::new();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    place.file("k.hex", K);
    place.file("opc.hex", OPC);
    place.file("short.hex", "465b");
    place.file("cards.csv", "imsi,k,opc\n001010000000002,12,34\n");
    mode(&place.file("open.hex", K), 0o644);
    let add = "subscriber add --supi imsi-001010000000002 --data data";
    for (line, status) in [
        (format!("{add} --k 12 --opc {OPC}"), 65),
        (add.to_owned(), 65),
        (format!("{add} --k {K}"), 65),
        (format!("{add} --k-file short.hex --opc-file opc.hex"), 65),
        (format!("{add} --k-file open.hex --opc-file opc.hex"), 77),
        ("subscriber import cards.csv --data data".into(), 65),
        ("subscriber show imsi-001010000000009 --data data".into(), 67),
        ("hn-key remove 9 --yes --data data".into(), 69),
        ("hn-key show 9 --data data".into(), 69),
        ("subscriber show imsi-1 --data data".into(), 2),
        ("subscriber list --data nowhere".into(), 1),
    ] {
        let ran = place.kaskade(&line);
        assert_eq!(ran.status, Some(status), "{line}: {ran:?}");
    }
    mode(&place.path("data"), 0o755);
    let open = place.kaskade("subscriber list --data data");
    assert_eq!(open.status, Some(77), "{open:?}");
    mode(&place.path("data"), 0o700);
    // An address that somebody has: the cause, then what to do.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for name in ["KASKADE_UDM_LISTEN", "KASKADE_ADMIN_LISTEN"] {
        let ran = Up::try_start(&place, "up --data data", |command| {
            command.env(name, &address);
        });
        let Err((status, said)) = ran else {
            panic!("it listens there")
        };
        assert_eq!(status.code(), Some(75), "{said}");
        let cause = said.find(&format!("cannot listen on {address}")).expect("the cause");
        assert!(
            name == "KASKADE_ADMIN_LISTEN" || said.find("; end whoever listens there") > Some(cause),
            "{said}"
        );
    }
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let place = Place::new();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    for (line, status, reason) in [
        (
            "subscriber show imsi-001010000000009 --json --data data",
            67,
            Value::from("user-not-found"),
        ),
        (
            "hn-key remove 9 --yes --json --data data",
            69,
            Value::from("data-not-found"),
        ),
        ("audit verify --json --data nowhere", 1, Value::Null),
        ("subscriber export - --json --data data", 1, Value::Null),
    ] {
        let ran = place.kaskade(line);
        assert_eq!((ran.status, &*ran.stdout), (Some(status), ""), "{line}: {ran:?}");
        let said: Value = serde_json::from_str(&ran.stderr).unwrap_or_else(|_| panic!("{line}: {}", ran.stderr));
        assert_eq!(
            (&said["exit"], &said["reason"]),
            (&Value::from(status), &reason),
            "{said}"
        );
        assert!(said["error"].as_str().is_some_and(|text| !text.is_empty()), "{said}");
    }
    // What is wrong with a command line is told as text, whatever is in it.
    let ran = place.kaskade("subscriber show --json");
    assert!(ran.status == Some(2) && ran.stderr.contains("Usage"), "{ran:?}");
}

#[test]
fn every_command_says_its_statuses_and_breaks_no_line_of_prose() {
    let place = Place::new();
    for line in [
        "up",
        "subscriber add",
        "subscriber allow-reuse",
        "store skip-ahead",
        "audit accept",
        "hn-key generate",
        "policy set",
        "context list",
        "admin openapi",
        "config check",
        "derive",
        "explain",
        "ue attach",
        "bench auth",
        "bench akma",
        "completions",
    ] {
        let help = place.run_with(format!("{line} --help").split(' '), "", |command| {
            command.env("COLUMNS", "90");
        });
        let help = help.ok();
        assert!(help.contains("xit status"), "{line}: {help}");
    }
    let help = place.run_with(["up", "--help"], "", |command| {
        command.env("COLUMNS", "90");
    });
    let help = help.ok();
    let (_, prose) = help.split_once("SIGHUP takes over").expect("what SIGHUP does");
    let (prose, _) = prose.split_once("\n\n").expect("its end");
    let lines: Vec<&str> = prose.lines().skip(1).collect();
    let (last, full) = lines.split_last().expect("lines");
    assert!(full.iter().all(|line| line.len() > 60), "{last}: {full:#?}");
}

#[test]
fn what_passes_by_itself_is_waited_for() {
    for _ in 0..3 {
        let place = Place::new();
        place.file("k.hex", K);
        place.file("opc.hex", OPC);
        let spawn = |line: &str| {
            let mut command: Command = place.command();
            command
                .args(line.split(' '))
                .env("KASKADE_AUSF_LISTEN", "127.0.0.1:0")
                .env("KASKADE_UDM_LISTEN", "127.0.0.1:0")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().expect("the program starts")
        };
        // All of them make the folder, and one of them goes on with it.
        let node = spawn("up --data home");
        let adding: Vec<_> = (1..=4)
            .map(|number| {
                spawn(&format!(
                    "subscriber add --data home --supi imsi-00101000000000{number} --k-file k.hex --opc-file opc.hex"
                ))
            })
            .collect();
        for added in adding {
            let output = added.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let listed = place.kaskade("subscriber list --data home").ok();
        assert!(listed.contains("4 of 4 subscribers"), "{listed}");
        crate::common::wait_until("the node is there", || place.path("home/admin.sock").exists());
        let killed = Command::new("kill").arg(node.id().to_string()).status();
        assert!(killed.expect("kill").success());
        let output = node.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // A node stays: another one does not wait for it.
    let place = Place::new();
    let up = Up::start(&place, "up --data home");
    let begun = std::time::Instant::now();
    let Err((status, said)) = Up::try_start(&place, "up --data home", |_| {}) else {
        panic!("two nodes in one folder")
    };
    assert_eq!(status.code(), Some(75), "{said}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(4), "it has waited");
    up.stop();
}
