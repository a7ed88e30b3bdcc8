//! Commands on a disk that is full: no room, no change, and the same command works when there is room.

use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{K, OPC, Place, Ran, SUPI, Up};
use crate::lost_store::Disk;

/// How many pages are left, in turn: with the first none of a store, of a log and of a file has room, with the last all have.
const PAGES: [u64; 14] = [0, 1, 2, 3, 4, 6, 9, 14, 24, 64, 200, 280, 600, 1200];

const COMMANDS: [&str; 9] = [
    "subscriber add --supi imsi-001010000000005",
    "subscriber add --supi imsi-001010000000001 --replace --sqn 4096",
    "subscriber change imsi-001010000000001 --akma yes",
    "subscriber import cards.csv",
    "subscriber import again.csv --replace",
    "subscriber allow-reuse imsi-001010000000001 --yes",
    "subscriber remove imsi-001010000000002 --yes",
    "store skip-ahead --yes",
    "hn-key generate --profile b",
];

const CONFIG: &str = "--config kaskade.toml";
/// The clock moves no number.
const SCHEME: &str = "[sqn]\nscheme = \"NON_TIME_BASED\"\n";

fn run(place: &Place, command: &str, config: &str) -> Ran {
    let line = format!("{command} {config}");
    match command.contains("subscriber add") {
        true => place.with_secrets(&line),
        false => place.kaskade(&line),
    }
}

/// All that a command could have changed.
fn state(place: &Place, config: &str) -> String {
    let listed = place.kaskade(&format!("subscriber list --json {config}")).ok();
    let shown = place.kaskade(&format!("subscriber show {SUPI} --json {config}")).ok();
    let keys = place.kaskade(&format!("hn-key list --json {config}")).ok();
    format!("{listed}{shown}{keys}")
}

/// Runs each command with more and more room, until it works; how many times there was too little.
fn all_work_when_there_is_room(place: &Place, disk: &Disk, config: &str) -> usize {
    let mut refused = 0;
    for command in COMMANDS {
        let before = state(place, config);
        let mut tries = PAGES.into_iter();
        loop {
            let pages = tries.next().expect("so much is not needed");
            disk.leave(Some(pages));
            let ran = run(place, command, config);
            disk.leave(None);
            let what = format!("{command}, {pages} pages: {ran:?}");
            if ran.success {
                break;
            }
            refused += 1;
            assert_eq!(ran.status, Some(73), "{what}");
            let says = |one_of: &[&str]| one_of.iter().any(|words| ran.stderr.contains(words));
            assert!(says(&["full", "no room", "No space left"]), "{what}");
            assert!(
                says(&["ake room", "mend the cause"]) && says(&["run the command again"]),
                "{what}"
            );
            match command.contains("skip-ahead") {
                // It goes on where it was, and nothing is issued before.
                true if ran.stderr.contains("goes on where it was") => {}
                _ => assert_eq!(state(place, config), before, "{what}"),
            }
        }
        assert_ne!(state(place, config), before, "{command}");
        place.kaskade(&format!("audit verify {config}")).ok();
    }
    refused
}

fn home(place: &Place, config: &str) {
    place.file(
        "cards.csv",
        &format!("imsi,k,opc\n001010000000003,{K},{OPC}\n001010000000004,{K},{OPC}\n"),
    );
    place.file(
        "again.csv",
        &format!("imsi,k,opc,amf\n001010000000003,{K},{OPC},9000\n"),
    );
    for number in [1, 2] {
        place
            .with_secrets(&format!("subscriber add --supi imsi-00101000000000{number} {config}"))
            .ok();
    }
    place.kaskade(&format!("hn-key generate --profile a {config}")).ok();
}

#[test]
fn a_command_without_room_changes_nothing_and_works_with_it() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    place.file("kaskade.toml", &format!("data_dir = \"data\"\n{SCHEME}"));
    home(&place, CONFIG);
    let refused = all_work_when_there_is_room(&place, &disk, CONFIG);
    assert!(refused > COMMANDS.len(), "{refused}");
}

/// The segments of the log in `data/audit` are as short as if they had been full.
pub(crate) fn fill(place: &Place) {
    for file in fs::read_dir(place.path("data/audit")).expect("a folder") {
        let file = file.expect("a file").path();
        if file.extension().is_some_and(|end| end == "log") {
            let octets = fs::read(&file).expect("a segment");
            let used = octets.iter().rposition(|octet| *octet != 0).expect("entries") + 1;
            // A block is of whole eights.
            let used = used.next_multiple_of(8);
            let log = fs::OpenOptions::new().write(true).open(&file).expect("a segment");
            log.set_len(used as u64).expect("cut");
        }
    }
}

/// The log is on a disk of its own, its segment is full, and the next one has no room: the store has plenty.
#[test]
fn a_command_without_room_for_its_entry_changes_nothing() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    place.file(
        "kaskade.toml",
        &format!("data_dir = \"home\"\n{SCHEME}[audit]\nfolder = \"data/audit\"\n"),
    );
    home(&place, CONFIG);
    fill(&place);
    place.kaskade(&format!("audit verify {CONFIG}")).ok();
    let refused = all_work_when_there_is_room(&place, &disk, CONFIG);
    assert!(refused > 0, "{refused}");
}

/// A file of so many subscribers, `many.csv`.
fn many_cards(place: &Place, many: usize) {
    let mut cards = "imsi,k,opc\n".to_owned();
    for number in 0..many {
        writeln!(cards, "00101{:010},{K},{OPC}", 1000 + number).expect("text");
    }
    place.file("many.csv", &cards);
}

/// The segment fills while an import is handed to the log: there is room for fewer than are handed over at once, and then for none.
#[test]
fn an_import_that_fills_the_log_ends_and_says_so() {
    const MANY: usize = 12_000;
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    place.file(
        "kaskade.toml",
        &format!("data_dir = \"home\"\n{SCHEME}[audit]\nfolder = \"data/audit\"\nsegment_bytes = 1048576\n"),
    );
    home(&place, CONFIG);
    many_cards(&place, MANY);
    disk.leave(Some(0));
    let mut command = place.command();
    command.args(["subscriber", "import", "many.csv", "--config", "kaskade.toml"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let begin = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if begin.elapsed() > Duration::from_secs(120) {
            child.kill().expect("a child");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = child.wait_with_output().expect("it ended");
    let said = String::from_utf8_lossy(&ended.stderr);
    disk.leave(None);
    assert_eq!(ended.status.code(), Some(73), "{said}");
    assert!(said.contains("done, and on record in the store"), "{said}");
    assert!(!said.contains("run the command again"), "{said}");
    // The log takes what it had no room for from the next command on.
    let added = || {
        let shown = place
            .kaskade(&format!("audit show --action subscriber-added --json {CONFIG}"))
            .ok();
        shown.lines().filter(|line| line.contains("\"imported\"")).count()
    };
    let before = added();
    assert!(0 < before && before < MANY, "{before}");
    run(&place, "subscriber remove imsi-001010000000002 --yes", CONFIG).ok();
    assert_eq!(added(), MANY);
    place.kaskade(&format!("audit verify {CONFIG}")).ok();
}

/// An import whose store fills says how many are in, to one, and so does its last entry.
#[test]
fn an_import_that_fills_the_store_says_how_many_are_in() {
    const MANY: usize = 6000;
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    place.file(
        "kaskade.toml",
        &format!("data_dir = \"data\"\n{SCHEME}[audit]\nfolder = \"log\"\nsegment_bytes = 1048576\n"),
    );
    home(&place, CONFIG);
    many_cards(&place, MANY);
    let there = || {
        let listed = place.kaskade(&format!("subscriber list --json {CONFIG}")).ok();
        listed.lines().count()
    };
    let before = there();
    let said = [64, 128, 256, 384, 512, 768, 1024, 1536].into_iter().find_map(|pages| {
        disk.leave(Some(pages));
        let ran = run(&place, "subscriber import many.csv --replace", CONFIG);
        disk.leave(None);
        assert_eq!(ran.status, Some(73), "{pages} pages: {ran:?}");
        let (_, rest) = ran.stderr.split_once("at least ")?;
        let (count, _) = rest.split_once(" of 6000 subscribers are in: make room")?;
        let count: usize = count.parse().ok()?;
        (count > 0).then_some(count)
    });
    let said = said.expect("some are in");
    assert!(said < MANY, "{said}");
    assert_eq!(there(), before + said);
    let ends = format!("audit show --action subscribers-imported --last 1 --json {CONFIG}");
    let shown = place.kaskade(&ends).ok();
    assert!(shown.contains(&format!("\"count\":{said},")), "{said}: {shown}");
    run(&place, "subscriber import many.csv --replace", CONFIG).ok();
    let shown = place.kaskade(&ends).ok();
    assert!(shown.contains("\"count\":6000,"), "{shown}");
}

/// Each gets the GPSI of the next: those who gave theirs up first are in too, and the error says so.
#[test]
fn an_import_that_stops_while_gpsis_are_given_up_says_so() {
    const MANY: usize = 1500;
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    place.file(
        "kaskade.toml",
        &format!("data_dir = \"data\"\n{SCHEME}[audit]\nfolder = \"log\"\n"),
    );
    let cards = |further: usize| {
        let mut cards = "imsi,k,opc,gpsi\n".to_owned();
        for number in 0..MANY {
            let gpsi = (number + further) % MANY;
            writeln!(cards, "00101{number:010},{K},{OPC},msisdn-49170{gpsi:07}").expect("text");
        }
        cards
    };
    place.file("before.csv", &cards(0));
    place.file("after.csv", &cards(1));
    run(&place, "subscriber import before.csv", CONFIG).ok();
    disk.leave(Some(0));
    let ran = run(&place, "subscriber import after.csv --replace", CONFIG);
    disk.leave(None);
    assert_eq!(ran.status, Some(73), "{ran:?}");
    assert!(
        ran.stderr
            .contains("at least 0 of 1500 subscribers are in, without their GPSI")
            && ran.stderr.contains("--replace"),
        "{ran:?}"
    );
    run(&place, "subscriber import after.csv --replace", CONFIG).ok();
}

/// A log that is whole and has no room is not called damaged.
#[test]
fn a_log_without_room_is_accepted_when_there_is_some() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    place.file(
        "kaskade.toml",
        &format!("data_dir = \"home\"\n{SCHEME}[audit]\nfolder = \"data/audit\"\n"),
    );
    home(&place, CONFIG);
    let segment = place.path("data/audit/audit-0000000001.log");
    let older = fs::read(&segment).expect("a segment");
    run(&place, COMMANDS[0], CONFIG).ok();
    fs::write(&segment, older).expect("put back");
    fill(&place);
    disk.leave(Some(0));
    let ran = place.kaskade(&format!("audit accept --yes {CONFIG}"));
    disk.leave(None);
    assert_eq!(ran.status, Some(73), "{ran:?}");
    assert!(
        ran.stderr.contains("Make room") && !ran.stderr.contains("damaged"),
        "{ran:?}"
    );
    place.kaskade(&format!("audit accept --yes {CONFIG}")).ok();
    place.kaskade(&format!("audit verify {CONFIG}")).ok();
}

/// A node begins while there is no room for the gap: it is said when there is, and once.
#[test]
fn a_gap_that_had_no_room_is_said_once() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    let config = |enabled| {
        format!(
            "data_dir = \"home\"\n{SCHEME}[audit]\nenabled = {enabled}\nfolder = \"data/audit\"\nsegment_bytes = 1048576\n[policy]\n\
             serving_networks = [\"001-01\"]\n"
        )
    };
    place.file("kaskade.toml", &config(true));
    place.file("off.toml", &config(false));
    home(&place, CONFIG);
    run(&place, COMMANDS[0], "--config off.toml").ok();
    fill(&place);
    let gaps = || {
        let shown = place.kaskade(&format!("audit show --json {CONFIG}")).ok();
        shown.matches("\"gap\":\"switched-off\"").count()
    };
    disk.leave(Some(0));
    let up = Up::start(&place, &format!("up {CONFIG}"));
    assert_eq!(gaps(), 0, "there is no room");
    disk.leave(None);
    let begin = Instant::now();
    while gaps() == 0 {
        assert!(begin.elapsed() < Duration::from_secs(30), "there is room");
        std::thread::sleep(Duration::from_millis(100));
    }
    up.stop();
    run(&place, "subscriber remove imsi-001010000000002 --yes", CONFIG).ok();
    assert_eq!(gaps(), 1);
}
