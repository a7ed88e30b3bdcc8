//! `kaskade audit`: what commands did is in the log, and an edit of it is found.

use std::fs;

use crate::common::{K, OPC, Place, SUPI, Up};

pub(crate) fn with_subscriber() -> Place {
    let place = Place::new();
    let (k, opc) = (place.file("k", K), place.file("opc", OPC));
    let add = ["subscriber", "add", "--supi", SUPI, "--k-file"].map(Into::into);
    let arguments = add
        .into_iter()
        .chain([k.into_os_string(), "--opc-file".into(), opc.into_os_string()]);
    place.run(arguments).ok();
    place
}

#[test]
fn what_commands_did_is_shown_and_verified() {
    let place = with_subscriber();
    place.run(["subscriber", "export", "out.csv", "--with-secrets"]).ok();
    place.run(["subscriber", "remove", SUPI, "--yes"]).ok();
    let shown = place.run(["audit", "show"]).ok();
    for (word, column) in [
        ("changed  subscriber-added", "imsi-00101********01"),
        ("released subscribers-exported", "-"),
        ("changed  subscriber-removed", "imsi-00101********01"),
    ] {
        assert!(
            shown.lines().any(|line| line.contains(word) && line.contains(column)),
            "{word}: {shown}"
        );
    }
    assert!(!shown.contains(SUPI) && !shown.contains(" gap "), "{shown}");
    let of_one = place.run(["audit", "show", "--supi", SUPI, "--json"]).ok();
    assert_eq!(of_one.lines().count(), 2, "{of_one}");
    let of_other = place
        .run(["audit", "show", "--supi", "imsi-001010000000002", "--json"])
        .ok();
    assert_eq!(of_other, "");
    let last = place
        .run(["audit", "show", "--last", "1", "--action", "subscriber-added"])
        .ok();
    assert_eq!(last.lines().count(), 2, "the names of the columns, and it: {last}");
    let changed = place.kaskade("audit show --outcome changed --json").ok();
    assert_eq!(
        changed.matches("\"outcome\":\"changed\"").count(),
        changed.lines().count()
    );
    assert_eq!(changed.lines().count(), 2, "{changed}");
    assert_eq!(place.run(["audit", "show", "--until", "2020-01-01", "--json"]).ok(), "");
    let since = place.run(["audit", "show", "--since", "1h", "--json"]).ok();
    assert!(since.contains("subscriber-added"), "{since}");
    for (option, value, says) in [
        ("--action", "nothing", "subscriber-added, subscriber-changed"),
        ("--outcome", "nothing", "released, changed, refused, noted"),
        ("--since", "yesterday", "2h, 7d"),
    ] {
        let refused = place.run(["audit", "show", option, value]).refused();
        assert!(refused.contains(says), "{option}: {refused}");
        let help = place.kaskade("audit show --help").ok();
        let help: Vec<&str> = help.split_whitespace().collect();
        assert!(help.join(" ").contains(says), "{option}: {help:?}");
    }

    let verified = place.run(["audit", "verify"]).ok();
    assert!(
        verified.contains("chain and codes are as they were written"),
        "{verified}"
    );
    let folder = "kaskade-data/audit";
    let verified = place.run(["audit", "verify", folder, "--json"]).ok();
    let verified: serde_json::Value = serde_json::from_str(&verified).expect("JSON");
    assert_eq!(
        (&verified["intact"], &verified["codes_checked"]),
        (&true.into(), &false.into())
    );

    let segment = place.path(folder).join("audit-0000000001.log");
    let mut octets = fs::read(&segment).expect("a segment");
    let at = octets.windows(4).position(|four| four == b"imsi").expect("a subject");
    octets[at + 5] ^= 1;
    fs::write(&segment, octets).expect("edited");
    let refused = place.run(["audit", "verify"]).refused();
    assert!(
        refused.contains("segment 1, entry ") && refused.contains("edited"),
        "{refused}"
    );
    let verified = place.run(["audit", "verify", "--json"]);
    assert!(
        !verified.success && verified.stdout.contains("\"intact\":false"),
        "{verified:?}"
    );
    // Nothing is done that cannot be put on record.
    let (k, opc) = (place.file("k2", K), place.file("opc2", OPC));
    let arguments = ["subscriber", "add", "--supi", "imsi-001010000000003", "--k-file"].map(Into::into);
    let arguments = arguments
        .into_iter()
        .chain([k.into_os_string(), "--opc-file".into(), opc.into_os_string()]);
    place.run(arguments).refused();
    let listed = place.run(["subscriber", "list"]).ok();
    assert!(!listed.contains("imsi-001010000000003"), "{listed}");
}

/// Every entry of a change is of a commit of the store: the change's own.
#[test]
fn what_commands_change_is_on_record_in_the_commit_that_changes_it() {
    use kaskade_flow::event::{Action, Entry, Outcome};
    let place = with_subscriber();
    let file = format!("imsi,k,opc\n001010000000002,{K},{OPC}\n001010000000003,{K},{OPC}\n");
    place.file("cards.csv", &file);
    place.run(["subscriber", "import", "cards.csv"]).ok();
    place.run(["subscriber", "allow-reuse", SUPI, "--yes"]).ok();
    place.run(["store", "skip-ahead", "--yes"]).ok();
    place.run(["subscriber", "remove", SUPI, "--yes"]).ok();
    fs::remove_file(place.path("kaskade-data/subscribers.redb")).expect("lost");
    place.run(["store", "create", "--yes"]).ok();
    let again = place.run(["subscriber", "import", "cards.csv"]);
    assert!(again.success, "{again:?}");
    place.run(["subscriber", "import", "cards.csv", "--replace"]).ok();

    let reader = kaskade_store::audit::LogReader::open(&place.path("kaskade-data/audit"), None).expect("a log");
    let mut changes = Vec::new();
    let read = reader.read(None, &mut |_, _| (), &mut |_, entry| match entry {
        Entry::Event(event) if event.outcome() == Outcome::Changed => {
            assert!(event.commit().is_some(), "{event:?} is beside its change");
            changes.push((event.action(), event.count()));
        }
        _ => {}
    });
    read.expect("as it was written");
    let expected = [
        (Action::SubscriberAdded, 1),
        (Action::SubscriberAdded, 1),
        (Action::SubscriberAdded, 1),
        (Action::ReuseAllowed, 1),
        (Action::SkippedAhead, 3),
        (Action::SubscriberRemoved, 1),
        (Action::StoreCreated, 1),
        (Action::SubscriberAdded, 1),
        (Action::SubscriberAdded, 1),
        (Action::SubscriberChanged, 1),
        (Action::SubscriberChanged, 1),
    ];
    assert_eq!(changes, expected);
}

#[test]
fn a_log_can_be_switched_off_and_its_absence_is_said() {
    let place = Place::new();
    let said = place.run(["audit", "show"]).refused();
    assert!(said.contains("no data folder"), "{said}");
    let config = place.file("kaskade.toml", "[audit]\nenabled = false\n");
    let (k, opc) = (place.file("k", K), place.file("opc", OPC));
    let config = config.display().to_string();
    let add = ["subscriber", "add", "--config", &config, "--supi", SUPI, "--k-file"].map(Into::into);
    let arguments = add
        .into_iter()
        .chain([k.into_os_string(), "--opc-file".into(), opc.into_os_string()]);
    place.run(arguments).ok();
    assert!(!place.path("kaskade-data/audit").exists());
    let said = place.run(["audit", "verify"]).refused();
    assert!(said.contains("there is no audit log here"), "{said}");
    let checked = place.run(["config", "check", &config]);
    assert!(
        format!("{}{}", checked.stdout, checked.stderr).contains("audit.enabled is false"),
        "{checked:?}"
    );
}

/// An older copy of the log is whole in itself: the store knows that it had come further.
#[test]
fn a_log_that_was_put_back_is_found_by_the_head_that_the_store_keeps() {
    let place = Place::new();
    place.file(
        "kaskade.toml",
        "data_dir = \"kaskade-data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    place.with_secrets(&format!("subscriber add --supi {SUPI}")).ok();
    let run = || {
        let up = Up::start(&place, "up --config kaskade.toml");
        let attach = format!("ue attach --ausf {} --supi {SUPI} --plmn 001-01", up.ausf);
        place.with_secrets(&attach).ok();
        // The node says how far its log has come.
        let in_use = place.run(["audit", "verify"]);
        assert!(in_use.success && !in_use.stderr.contains("in use"), "{in_use:?}");
        up.stop();
    };
    run();
    let shown = place.run(["audit", "show", "--json"]);
    let numbers = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["entry"].as_u64();
    let newest = shown.stdout.lines().filter_map(numbers).max().expect("entries");
    let introducing = newest - shown.stdout.lines().count() as u64;
    let said = format!("{introducing} entries are not shown: they only introduce the names of peers");
    assert!(introducing > 0 && shown.stderr.contains(&said), "{shown:?}");
    let none = place.run(["audit", "show", "--outcome", "refused"]);
    assert!(
        none.stderr
            .contains("refusals of the last minute may not be written yet"),
        "{none:?}"
    );
    place.run(["audit", "verify"]).ok();
    let (folder, older) = (place.path("kaskade-data/audit"), place.path("older"));
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        fs::create_dir_all(to).expect("a folder");
        fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("private");
        for file in crate::common::files_below(from) {
            fs::copy(&file, to.join(file.file_name().expect("a name"))).expect("copied");
        }
    };
    copy(&folder, &older);
    run();
    place.run(["audit", "verify"]).ok();
    fs::remove_dir_all(&folder).expect("removed");
    copy(&older, &folder);
    let refused = place.run(["audit", "verify"]).refused();
    assert!(refused.contains("cut"), "{refused}");
    // On its own it looks whole.
    place.run(["audit", "verify", "kaskade-data/audit"]).ok();

    // No node starts on it, and the proof stays.
    for _ in 0..2 {
        let refused = place.run(["up", "--config", "kaskade.toml"]).refused();
        assert!(
            refused.contains("not the one that the store knows") && refused.contains("kaskade audit accept --yes"),
            "{refused}"
        );
        place.run(["audit", "verify"]).refused();
    }
    // Nor on a new one, nor after somebody has only looked.
    fs::remove_dir_all(&folder).expect("removed");
    let refused = place.run(["up", "--config", "kaskade.toml"]).refused();
    assert!(refused.contains("not the one that the store knows"), "{refused}");
    copy(&older, &folder);
    let refused = place.run(["audit", "accept"]).refused();
    assert!(refused.contains("add --yes"), "{refused}");
    place.run(["audit", "verify"]).refused();

    place.run(["audit", "accept", "--yes"]).ok();
    let shown = place.run(["audit", "show", "--action", "log-accepted", "--json"]).ok();
    assert_eq!(shown.lines().count(), 1, "{shown}");
    place.run(["audit", "verify"]).ok();
    let said = place.run(["audit", "accept", "--yes"]).ok();
    assert!(said.contains("nothing to accept"), "{said}");
    run();
    place.run(["audit", "verify"]).ok();
}

#[test]
fn an_anchor_that_was_kept_elsewhere_finds_what_was_replaced() {
    let place = with_subscriber();
    let anchor = || {
        let verified = place.run(["audit", "verify", "--json"]).ok();
        let verified: serde_json::Value = serde_json::from_str(&verified).expect("JSON");
        verified["anchor"].as_str().expect("a line").to_owned()
    };
    let older = anchor();
    assert_eq!(older.len(), 128);
    assert!(place.run(["audit", "verify"]).ok().contains(&older));
    place.run(["audit", "verify", "--anchor", &older]).ok();
    place.run(["subscriber", "remove", SUPI, "--yes"]).ok();
    let newer = anchor();
    for kept in [&older, &newer] {
        place
            .run(["audit", "verify", "kaskade-data/audit", "--anchor", kept])
            .ok();
    }
    fs::remove_dir_all(place.path("kaskade-data/audit")).expect("removed");
    place.run(["audit", "accept", "--yes"]).ok();
    let (k, opc) = (place.file("k3", K), place.file("opc3", OPC));
    let add = ["subscriber", "add", "--supi", SUPI, "--k-file"].map(Into::into);
    let add = add
        .into_iter()
        .chain([k.into_os_string(), "--opc-file".into(), opc.into_os_string()]);
    place.run(add).ok();
    place.run(["audit", "verify"]).ok();
    let refused = place.run(["audit", "verify", "--anchor", &newer]).refused();
    assert!(refused.contains("error: --anchor is of another log"), "{refused}");
    let fits = place
        .run(["audit", "verify", "--anchor", &format!("Anchor      {}\n", anchor())])
        .ok();
    assert!(fits.contains("with --anchor, which fits"), "{fits}");
    assert_eq!(
        fits.matches("Anchor").count(),
        1,
        "what is kept of it is one line: {fits}"
    );
    let end = format!("{}0g", &newer[..126]);
    for no_anchor in ["00", &end] {
        place.run(["audit", "verify", "--anchor", no_anchor]).refused();
    }
}

pub(crate) fn add(place: &Place, number: u8, more: &str) -> crate::common::Ran {
    let supi = format!("imsi-0010100000000{number}");
    place.with_secrets(&format!("subscriber add --supi {supi}{more}"))
}

/// Whichever command it is: the store knows which log is its own, from the first entry on, and to the last.
#[test]
fn no_command_begins_another_log_than_the_one_that_the_store_knows() {
    let place = Place::new();
    place.file(
        "elsewhere.toml",
        "data_dir = \"kaskade-data\"\n[audit]\nfolder = \"log\"\n",
    );
    add(&place, 11, " --config elsewhere.toml").ok();
    place.file("cards.csv", &format!("imsi,k,opc\n001010000000012,{K},{OPC}\n"));
    let commands = [
        "subscriber import cards.csv",
        "subscriber export out.csv --with-secrets",
        "subscriber remove imsi-001010000000011 --yes",
        "subscriber allow-reuse imsi-001010000000011 --yes",
        "store skip-ahead --yes",
    ];
    let all_refused = |why: &str, config: &str| {
        add(&place, 13, config).refused();
        for command in &commands {
            let line = format!("{command}{config}");
            let refused = place.run(line.split_whitespace()).refused();
            assert!(
                refused.contains("not the one that the store knows") && refused.contains("--config"),
                "{why}: {command}: {refused}"
            );
        }
    };
    all_refused("no --config", "");
    assert!(!place.path("kaskade-data/audit").exists(), "not even a folder");
    assert!(!place.path("out.csv").exists());
    let log = place.path("log");
    fs::rename(&log, place.path("lost")).expect("moved");
    all_refused("lost", " --config elsewhere.toml");
    fs::rename(place.path("lost"), &log).expect("moved");
    place.run(["audit", "verify", "--config", "elsewhere.toml"]).ok();
    let line = "subscriber export out.csv --with-secrets --config elsewhere.toml";
    place.run(line.split(' ')).ok();
}

/// To its last entry: a command and a node that end in order leave nothing that could be cut unnoticed.
#[test]
fn a_clean_end_moves_the_head_that_the_store_keeps() {
    let place = Place::new();
    add(&place, 11, "").ok();
    let folder = place.path("kaskade-data/audit");
    let older = fs::read(folder.join("audit-0000000001.log")).expect("a segment");
    let put_back = |octets: &[u8]| fs::write(folder.join("audit-0000000001.log"), octets).expect("written");
    let found_and_mended = |what: &str| {
        let now = fs::read(folder.join("audit-0000000001.log")).expect("a segment");
        put_back(&older);
        let refused = place.run(["audit", "verify"]).refused();
        assert!(refused.contains("cut"), "{what}: {refused}");
        put_back(&now);
        place.run(["audit", "verify"]).ok();
    };
    add(&place, 12, "").ok();
    found_and_mended("a command");
    let listed = place.run(["audit", "show", "--last", "1", "--json"]).ok();
    put_back(&older);
    place.run(["audit", "accept", "--yes"]).ok();
    let older = fs::read(folder.join("audit-0000000001.log")).expect("a segment");
    Up::start(&place, "up").stop();
    fs::write(folder.join("audit-0000000001.log"), &older).expect("written");
    let refused = place.run(["audit", "verify"]).refused();
    assert!(refused.contains("cut"), "a node: {refused}");
    assert!(listed.contains("log-closed"), "{listed}");
}

#[test]
fn what_is_changed_without_a_log_is_a_gap_in_the_next() {
    let place = Place::new();
    add(&place, 11, "").ok();
    place.file("off.toml", "data_dir = \"kaskade-data\"\n[audit]\nenabled = false\n");
    let gaps = || {
        let shown = place.run(["audit", "show", "--json"]).ok();
        shown
            .lines()
            .filter(|line| line.contains("\"gap\":\"switched-off\""))
            .count()
    };
    for number in [12, 13] {
        add(&place, number, " --config off.toml").ok();
    }
    assert_eq!(gaps(), 0);
    add(&place, 14, "").ok();
    assert_eq!(gaps(), 1);
    add(&place, 15, "").ok();
    assert_eq!(gaps(), 1, "once");
    place.run(["store", "skip-ahead", "--yes", "--config", "off.toml"]).ok();
    add(&place, 16, "").ok();
    assert_eq!(gaps(), 2);
}

/// Each subscriber of a file has its own entry, with what was done to it.
#[test]
fn what_an_import_did_to_one_subscriber_is_found() {
    let place = Place::new();
    let file = format!("imsi,k,opc\n001010000000001,{K},{OPC}\n001010000000002,{K},{OPC}\n");
    place.file("cards.csv", &file);
    place.run(["subscriber", "import", "cards.csv"]).ok();
    place.run(["subscriber", "import", "cards.csv", "--replace"]).ok();
    let shown = place.run(["audit", "show", "--supi", SUPI, "--json"]).ok();
    let actions: Vec<serde_json::Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let named: Vec<_> = actions
        .iter()
        .map(|entry| (&entry["action"], &entry["reason"]))
        .collect();
    let (imported, added, changed) = (
        "imported".into(),
        "subscriber-added".into(),
        "subscriber-changed".into(),
    );
    assert_eq!(named, [(&added, &imported), (&changed, &imported)]);
    let ends = place
        .run(["audit", "show", "--action", "subscribers-imported", "--json"])
        .ok();
    let ends: Vec<serde_json::Value> = ends
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(ends.iter().map(|end| &end["count"]).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(ends[0]["correlation"], actions[0]["correlation"]);
}

/// What is refused for its arguments leaves the log alone.
#[test]
fn a_command_without_its_yes_writes_nothing() {
    let place = with_subscriber();
    let before = place.run(["audit", "show", "--json"]).ok();
    for line in [
        format!("subscriber remove {SUPI}"),
        format!("subscriber allow-reuse {SUPI}"),
        "store skip-ahead".to_owned(),
        "subscriber export kaskade-data --with-secrets".to_owned(),
        "subscriber remove imsi-001019999999999 --yes".to_owned(),
        "subscriber change imsi-001019999999999 --akma yes".to_owned(),
    ] {
        place.run(line.split(' ')).refused();
    }
    place.with_secrets(&format!("subscriber add --supi {SUPI}")).refused();
    assert_eq!(place.run(["audit", "show", "--json"]).ok(), before);
}

/// Whoever can write the store's file makes it forget its log: no command takes that for a store that never had one.
#[test]
fn a_store_that_was_made_to_forget_its_log_is_noticed() {
    use kaskade_store::engine::{Batch, Blocking, Table};
    let place = Place::new();
    for row in [&b"audit head"[..], b"unrecorded"] {
        add(&place, 11, " --replace").ok();
        {
            let path = place.path("kaskade-data/subscribers.redb");
            let engine = kaskade_store::embedded::EmbeddedEngine::open_existing(&path, 1 << 20).expect("an engine");
            let mut batch = Batch::default();
            batch.remove(Table::META, row);
            engine.apply(&batch).expect("removed");
        }
        for line in [
            "audit verify",
            "audit accept",
            "up",
            "store skip-ahead --yes",
            "subscriber remove imsi-001010000000011 --yes",
        ] {
            let refused = place.kaskade(line).refused();
            assert!(refused.contains("kaskade audit accept --yes"), "{line}: {refused}");
        }
        add(&place, 12, " --replace").refused();
        let said = place.kaskade("audit accept --yes").ok();
        let known = match row == b"unrecorded" {
            // What the store keeps of the log itself is whole, and compared.
            true => "it is the one that the store knows",
            false => "nobody knows",
        };
        assert!(said.contains(known), "{said}");
        place.kaskade("audit verify").ok();
    }
    add(&place, 12, " --replace").ok();
    let shown = place.kaskade("audit show --json").ok();
    assert_eq!(shown.matches("log-accepted").count(), 2, "{shown}");
    // Since when there was no log nobody knows any more.
    assert_eq!(shown.matches("\"gap\":\"switched-off\"").count(), 1, "{shown}");
}

/// Where only since when there was no log is lost, the head that the store keeps still says what is missing.
#[test]
fn a_head_that_is_whole_is_compared_though_another_row_is_lost() {
    use kaskade_store::engine::{Batch, Blocking, Table};
    let place = Place::new();
    add(&place, 11, "").ok();
    let segment = place.path("kaskade-data/audit/audit-0000000001.log");
    let older = fs::read(&segment).expect("a segment");
    add(&place, 12, "").ok();
    {
        let path = place.path("kaskade-data/subscribers.redb");
        let engine = kaskade_store::embedded::EmbeddedEngine::open_existing(&path, 1 << 20).expect("an engine");
        let mut batch = Batch::default();
        batch.remove(Table::META, b"unrecorded");
        engine.apply(&batch).expect("removed");
    }
    fs::write(&segment, older).expect("put back");
    let refused = place.kaskade("audit accept").refused();
    assert!(refused.contains("since when there was no log is lost"), "{refused}");
    let said = place.kaskade("audit accept --yes").ok();
    assert!(said.contains("the one that was lost was known up to entry"), "{said}");
    let shown = place.kaskade("audit show --action log-accepted --json").ok();
    let known = said
        .rsplit_once("up to entry ")
        .expect("a number")
        .1
        .trim_end_matches(".\n");
    assert!(shown.contains(&format!("\"known_up_to\":{known}")), "{shown}");
    assert!(known != "0" && !shown.contains("correlation"), "{shown}");
    let text = place.kaskade("audit show --action log-accepted").ok();
    assert!(text.contains(&format!(" known_up_to={known}")), "{text}");
    place.kaskade("audit verify").ok();
}

/// What the errors say about a damaged or missing log works as they say it.
#[test]
fn the_advice_about_a_damaged_log_works() {
    let place = Place::new();
    add(&place, 11, "").ok();
    let segment = place.path("kaskade-data/audit/audit-0000000001.log");
    let whole = fs::read(&segment).expect("a segment");
    let mut edited = whole.clone();
    edited[8300] ^= 1;
    fs::write(&segment, &edited).expect("edited");
    for line in [
        "up",
        "audit accept --yes",
        "subscriber remove imsi-001010000000011 --yes",
    ] {
        let refused = place.kaskade(line).refused();
        assert!(
            refused.contains("move kaskade-data/audit elsewhere and keep it, then `kaskade audit accept --yes`"),
            "{line}: {refused}"
        );
    }
    fs::rename(place.path("kaskade-data/audit"), place.path("elsewhere")).expect("moved");
    for line in ["up", "audit verify", "audit show"] {
        let refused = place.kaskade(line).refused();
        assert!(
            refused.contains("there is none in kaskade-data/audit"),
            "{line}: {refused}"
        );
        assert!(
            refused.contains("`kaskade audit accept --yes` begins a new one"),
            "{line}: {refused}"
        );
        assert!(!refused.contains("elsewhere and keep it"), "{line}: {refused}");
    }
    let missing = place.kaskade("audit verify").refused();
    assert!(
        missing.contains("the audit log is missing, of which the store knows"),
        "{missing}"
    );
    place.kaskade("audit accept --yes").ok();
    place.kaskade("audit verify").ok();
    Up::start(&place, "up").stop();
}

/// An AUSF alone has a store too, for what it knows of its log.
#[test]
fn the_log_of_an_ausf_alone_has_its_head_kept() {
    let place = Place::new();
    place.file(
        "ausf.toml",
        "data_dir = \"kaskade-data\"\n[ausf.udm]\nurl = \"http://127.0.0.1:9\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    let segment = place.path("kaskade-data/audit/audit-0000000001.log");
    Up::start(&place, "up --config ausf.toml").stop();
    let older = fs::read(&segment).expect("a segment");
    Up::start(&place, "up --config ausf.toml").stop();
    place.kaskade("audit verify --config ausf.toml").ok();
    fs::write(&segment, older).expect("put back");
    let refused = place.kaskade("audit verify --config ausf.toml").refused();
    assert!(refused.contains("cut"), "{refused}");
    let refused = place.kaskade("up --config ausf.toml").refused();
    assert!(refused.contains("not the one that the store knows"), "{refused}");
}
