//! Imports over the socket: a stream in batches, with line numbers, and authentications beside it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{K, OPC, Place, SUPI, Up};
use serde_json::{Value, json};

fn home(place: &Place) -> Up {
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    let config = "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n\
                  [budget]\ncard = \"unlimited\"\ncard_of_requester = \"unlimited\"\n";
    place.file("kaskade.toml", config);
    Up::start(place, "up --config kaskade.toml")
}

/// Sends lines in chunks, and gives the events.
fn import(place: &Place, kind: &str, query: &str, body: &str) -> Vec<Value> {
    let mut stream = UnixStream::connect(place.path("data/admin.sock")).expect("a node");
    let head = format!(
        "POST /admin/v1/subscribers/import{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {kind}\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    let mut sending = stream.try_clone().expect("a clone");
    let body = body.to_owned();
    let sender = std::thread::spawn(move || {
        sending.write_all(head.as_bytes())?;
        // Cuts lines, and quoted fields, where it likes.
        for chunk in body.as_bytes().chunks(7_001) {
            sending.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
            sending.write_all(chunk)?;
            sending.write_all(b"\r\n")?;
        }
        sending.write_all(b"0\r\n\r\n")
    });
    stream
        .set_read_timeout(Some(std::time::Duration::from_secs(120)))
        .expect("set");
    let lines: Vec<String> = BufReader::new(&mut stream).lines().map_while(Result::ok).collect();
    // One that was refused may be closed before all of it was sent.
    let _ = sender.join().expect("it ends");
    assert!(lines[0].starts_with("HTTP/1.1 200"), "{lines:?}");
    let events = lines.iter().filter(|line| line.starts_with('{'));
    events
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect()
}

fn end(events: &[Value]) -> (&Value, &Value) {
    let end = events.last().expect("an event");
    assert_eq!(end["event"], "end", "{events:?}");
    (&end["imported"], &end["next_line"])
}

fn csv(from: u32, count: u32) -> String {
    let lines = (from..from + count).map(|number| format!("00101{number:010},{K},\"{OPC}\"\n"));
    std::iter::once("imsi,k,opc\n".to_owned()).chain(lines).collect()
}

fn count(place: &Place) -> u64 {
    let list = place.kaskade("subscriber list --limit 1 --json --data data");
    let note = list.stderr.clone();
    let of = note.split(" of ").nth(1).and_then(|rest| rest.split(' ').next());
    of.map_or(1, |number| number.parse().expect("a number"))
}

#[test]
fn a_batch_is_taken_wholly_or_not_at_all() {
    let place = Place::new();
    let up = home(&place);
    // Two batches, and a wrong line in the second.
    let good = csv(10, 2000);
    let wrong = good.replace("001010000001510,4", "001010000001510,x");
    let dry = import(&place, "text/csv", "?dry_run=true", &wrong);
    let refused: Vec<&Value> = dry.iter().filter(|event| event["event"] == "refused").collect();
    assert_eq!(refused.len(), 1, "{dry:?}");
    assert_eq!(refused[0]["line"], 1502);
    assert_eq!((end(&dry), count(&place)), ((&json!(0), &Value::Null), 1));
    let events = import(&place, "text/csv", "", &wrong);
    assert_eq!(end(&events), (&json!(1023), &json!(1025)), "{events:?}");
    assert_eq!(count(&place), 1024, "the first batch is in, the second is not");
    // It goes on where it stopped: the heading, and the lines from there on.
    let rest: String = good
        .lines()
        .enumerate()
        .filter(|(at, _)| *at == 0 || *at >= 1024)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    let events = import(&place, "text/csv", "", &rest);
    assert_eq!(end(&events), (&json!(977), &Value::Null), "{events:?}");
    assert_eq!(count(&place), 2001);
    let again = import(&place, "text/csv", "", &good);
    assert!(
        again[0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("exists already")),
        "{again:?}"
    );
    assert_eq!(
        end(&import(&place, "text/csv", "?replace=true", &good)),
        (&json!(2000), &Value::Null)
    );
    up.stop();
    place.has_no(&[K, OPC], &["data"]);
}

#[test]
fn lines_of_json_and_quoted_fields_are_read() {
    let place = Place::new();
    let up = home(&place);
    let line = |supi: &str, more: &str| format!("{{\"supi\":\"{supi}\",\"k\":\"{K}\",\"opc\":\"{OPC}\"{more}}}\n");
    let body =
        line("imsi-001010000000002", ",\"akma\":true") + "\n" + &line("imsi-001010000000003", ",\"suspended\":true");
    let events = import(&place, "application/x-ndjson", "", &body);
    assert_eq!(end(&events).0, &json!(2), "{events:?}");
    let twice = line("imsi-001010000000004", "") + &line("imsi-001010000000004", "") + "{\"supi\":3}\n";
    let events = import(&place, "application/x-ndjson", "", &twice);
    let lines: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "refused")
        .map(|event| &event["line"])
        .collect();
    assert_eq!(lines, [&json!(2), &json!(3)], "{events:?}");
    assert_eq!(end(&events), (&json!(0), &json!(1)));
    // A field over two lines is one record, whose line is its first.
    let quoted =
        format!("imsi,k,opc,eps_profile\n001010000000005,{K},{OPC},\"two\nlines\"\n001010000000006,{K},{OPC},x\n");
    let events = import(&place, "text/csv", "?dry_run=true", &quoted);
    assert_eq!(events[0]["line"], 2, "{events:?}");
    // A mark that is never closed does not eat the memory.
    let endless = format!("imsi,k,opc\n\"{}", "x".repeat(3 << 20));
    let events = import(&place, "text/csv", "", &endless);
    let end = events.last().expect("an end");
    assert!(
        end["problem"]["detail"]
            .as_str()
            .is_some_and(|reason| reason.contains("longer than any")),
        "{events:?}"
    );
    let events = import(&place, "text/csv", "", "imsi,k,op_or_opc\n1,2,3\n");
    assert!(
        events[0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("does not say whether")),
        "{events:?}"
    );
    up.stop();
}

#[test]
fn an_import_loses_no_authentication() {
    let place = Place::new();
    let up = home(&place);
    let subscribers: u32 = if std::env::var_os("KASKADE_LONG").is_some() {
        100_000
    } else {
        5_000
    };
    place.file("cards.csv", &csv(10, subscribers));
    let over = AtomicBool::new(false);
    let runs = std::thread::scope(|scope| {
        let attaching = scope.spawn(|| {
            let mut runs = 0;
            let place = Place::new();
            loop {
                let line = format!(
                    "ue attach --ausf {} --supi {SUPI} --plmn 001-01 --state usim.json --repeat 50 --json",
                    up.ausf
                );
                let ran = place.with_secrets(&line);
                assert!(ran.success, "{}", ran.stderr);
                runs += ran.stdout.lines().count();
                if over.load(Ordering::Relaxed) {
                    return runs;
                }
            }
        });
        let said = place.kaskade("subscriber import cards.csv --data data");
        over.store(true, Ordering::Relaxed);
        said.ok();
        attaching.join().expect("no attach was refused")
    });
    assert!(runs >= 50, "{runs}");
    assert_eq!(count(&place), u64::from(subscribers) + 1);
    up.stop();
}

/// Whoever sends the lines may go: what is in stays, and is on record as one import.
#[test]
fn a_sender_that_goes_away_ends_its_import_on_record() {
    let place = Place::new();
    let up = home(&place);
    let mut stream = UnixStream::connect(place.path("data/admin.sock")).expect("a node");
    let body = csv(10, 5000);
    let head = format!(
        "POST /admin/v1/subscribers/import HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\ncontent-length: {}\r\n\r\n",
        10 * body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(body.as_bytes()).expect("sent");
    drop(stream);
    let entry = || {
        let shown = place
            .kaskade("audit show --action subscribers-imported --json --data data")
            .ok();
        shown.lines().last().map(str::to_owned)
    };
    crate::common::wait_until("the import is on record", || entry().is_some());
    let entry: Value = serde_json::from_str(&entry().expect("an entry")).expect("JSON");
    let there = count(&place) - 1;
    assert_eq!(entry["count"], json!(there), "{entry}");
    assert_eq!(there % 1024, 1023, "whole batches, the first with the heading");
    up.stop();
}

/// Of more wrong lines than are told all are counted, and each line of a batch is told before it ends the import.
#[test]
fn wrong_lines_are_told_and_counted() {
    let place = Place::new();
    let up = home(&place);
    let wrong = csv(10, 3000).replace(K, "x");
    let events = import(&place, "text/csv", "?dry_run=true", &wrong);
    let told = |events: &[Value]| events.iter().filter(|event| event["event"] == "refused").count();
    assert_eq!((told(&events), end(&events).0), (1000, &json!(0)));
    assert_eq!(events.last().expect("an end")["refused"], 3000);
    let few = csv(10, 3000).replacen(K, "x", 30);
    let events = import(&place, "text/csv", "", &few);
    assert_eq!((told(&events), end(&events).0), (30, &json!(0)));
    // A GPSI of somebody who is not in the batch: the words are true of a stream.
    let line = |number: u32, gpsi: u32| format!("00101{number:010},{K},{OPC},msisdn-49170{gpsi:07}\n");
    let head = "imsi,k,opc,gpsi\n";
    let events = import(&place, "text/csv", "", &format!("{head}{}{}", line(2, 2), line(3, 3)));
    assert_eq!(end(&events).0, &json!(2), "{events:?}");
    let events = import(&place, "text/csv", "?replace=true", &format!("{head}{}", line(2, 3)));
    let reason = events[0]["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("not among the lines that are taken in at once"),
        "{reason}"
    );
    // In one batch they exchange theirs.
    let both = format!("{head}{}{}", line(2, 3), line(3, 2));
    let events = import(&place, "text/csv", "?replace=true", &both);
    assert_eq!(end(&events).0, &json!(2), "{events:?}");
    assert_eq!(events.last().expect("an end")["replaced"], 2);
    up.stop();
}
