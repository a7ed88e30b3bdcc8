//! Administration of a node on whose disk there is no room: nothing is changed, or the log says what became of it.

use crate::common::{Place, SUPI, Up};
use crate::full_disk::fill;
use crate::lost_store::Disk;

const CONFIG: &str = "--config kaskade.toml";

/// A home whose log or whose store is on the disk, with a subscriber and a key.
fn home(place: &Place, folders: &str) {
    place.file(
        "kaskade.toml",
        &format!("{folders}[policy]\nserving_networks = [\"001-01\"]\n"),
    );
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} {CONFIG}"))
        .ok();
    place.kaskade(&format!("hn-key generate --profile a {CONFIG}")).ok();
}

fn attach(place: &Place, up: &Up) -> String {
    let line = format!(
        "ue attach --ausf {} --supi {SUPI} --plmn 001-01 --state usim.json",
        up.ausf
    );
    place.with_secrets(&line).stderr
}

#[test]
fn a_node_whose_log_has_no_room_changes_nothing() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    // The clock moves no number.
    home(
        &place,
        "data_dir = \"home\"\n[sqn]\nscheme = \"NON_TIME_BASED\"\n[audit]\nfolder = \"data/audit\"\n",
    );
    fill(&place);
    disk.leave(Some(0));
    let up = Up::start(&place, &format!("up {CONFIG}"));
    let state = || {
        ["subscriber list --json", "hn-key list", "policy show"]
            .map(|line| place.kaskade(&format!("{line} {CONFIG}")).ok())
    };
    let before = state();
    let commands = [
        format!("subscriber change {SUPI} --akma yes"),
        format!("subscriber remove {SUPI} --yes"),
        "policy set --none".to_owned(),
        "hn-key generate --profile b".to_owned(),
        "hn-key remove 1 --yes".to_owned(),
    ];
    for command in &commands {
        let ran = place.kaskade(&format!("{command} {CONFIG}"));
        assert_eq!(ran.status, Some(73), "{command}: {ran:?}");
        assert!(
            ran.stderr.contains("no room") && !ran.stderr.contains("done, and"),
            "{command}: {ran:?}"
        );
        assert_eq!(state(), before, "{command}");
    }
    disk.leave(None);
    drop(up);
    let up = Up::start(&place, &format!("up {CONFIG}"));
    // The next segment is made beside what goes on.
    let begin = std::time::Instant::now();
    loop {
        let ran = place.kaskade(&format!("{} {CONFIG}", commands[0]));
        if ran.success {
            break;
        }
        assert!(begin.elapsed().as_secs() < 30, "there is room: {ran:?}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    for command in &commands[1..] {
        place.kaskade(&format!("{command} {CONFIG}")).ok();
    }
    up.stop();
}

/// Where a log without room stops nothing, what was decided is in force all the same.
#[test]
fn a_policy_is_in_force_whatever_becomes_of_its_entry() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    home(
        &place,
        "data_dir = \"home\"\n[audit]\nfolder = \"data/audit\"\nwhen_full = \"go on\"\n",
    );
    fill(&place);
    disk.leave(Some(0));
    let up = Up::start(&place, &format!("up {CONFIG}"));
    attach(&place, &up);
    let ran = place.kaskade(&format!("policy set --network 310-410 {CONFIG}"));
    assert!(!ran.success && ran.stderr.contains("done"), "{ran:?}");
    let said = attach(&place, &up);
    assert!(said.contains("SERVING_NETWORK_NOT_AUTHORIZED"), "{said}");
    disk.leave(None);
}

/// The log has that it was to go, and that it is still there.
#[test]
fn a_key_that_cannot_be_removed_is_not_called_removed() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    home(&place, "data_dir = \"data\"\n[audit]\nfolder = \"log\"\n");
    let up = Up::start(&place, &format!("up {CONFIG}"));
    disk.leave(Some(0));
    let ran = place.kaskade(&format!("hn-key remove 1 --yes {CONFIG}"));
    disk.leave(None);
    assert_eq!(ran.status, Some(73), "{ran:?}");
    assert!(place.kaskade(&format!("hn-key list {CONFIG}")).ok().contains("X25519"));
    up.stop();
    let shown = place
        .kaskade(&format!("audit show --action hn-key-removed --json {CONFIG}"))
        .ok();
    let outcomes: Vec<serde_json::Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let outcomes: Vec<_> = outcomes
        .iter()
        .map(|entry| entry["outcome"].as_str().expect("text"))
        .collect();
    assert_eq!(outcomes, ["noted", "refused"], "{shown}");
    assert!(shown.contains("\"hn-key-1\""), "{shown}");
}
