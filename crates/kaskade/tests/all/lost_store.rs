//! A store that is gone is never made anew without a word: its sequence numbers would come again.
#![allow(clippy::print_stderr, reason = "what cannot be tried here is said")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{K, OPC, Place, Ran, SUPI, Up, files_below, mode};

const STORE: &str = "data/subscribers.redb";

/// A folder with one subscriber, and the configuration that serves it.
fn home() -> Place {
    let place = Place::new();
    config(&place);
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    assert!(!place.path("data/no-store-yet").exists());
    place
}

fn config(place: &Place) {
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
}

/// With K and OPc where it takes them.
fn run(place: &Place, line: &str) -> Ran {
    match line.starts_with("subscriber add") {
        true => place.with_secrets(line),
        false => place.kaskade(line),
    }
}

/// Every command that opens the store refuses, for this reason, and leaves the folder as it is.
#[track_caller]
fn all_refuse(place: &Place, because: &str) {
    let names = |place: &Place| -> Vec<_> { files_below(&place.path("data")) };
    let before = names(place);
    place.file("cards.csv", &format!("imsi,k,opc\n001010000000002,{K},{OPC}\n"));
    for line in [
        // First: where it is not refused, `up` would run for ever.
        "subscriber list --data data".to_owned(),
        "up --config kaskade.toml".to_owned(),
        "up --demo --once --data data".to_owned(),
        format!("subscriber show {SUPI} --data data"),
        format!("subscriber remove {SUPI} --yes --data data"),
        "subscriber import cards.csv --data data".to_owned(),
        "subscriber import cards.csv --dry-run --data data".to_owned(),
        "subscriber export out.csv --data data".to_owned(),
        format!("subscriber allow-reuse {SUPI} --yes --data data"),
        "store skip-ahead --yes --data data".to_owned(),
    ] {
        let said = place.kaskade(&line).refused();
        assert!(said.contains(because), "{line}: {said}");
    }
    let add = format!("subscriber add --supi {SUPI} --data data");
    for line in [add.clone(), format!("{add} --replace")] {
        let said = place.with_secrets(&line).refused();
        assert!(said.contains(because), "{line}: {said}");
    }
    assert_eq!(names(place), before, "nothing was made");
}

#[test]
fn a_deleted_store_is_not_made_anew() {
    let place = home();
    let backup = place.path("backup");
    fs::rename(place.path(STORE), &backup).expect("moved");
    all_refuse(&place, "there is no store");
    let said = place.kaskade("up --config kaskade.toml").refused();
    assert!(
        said.contains("skip-ahead --yes") && said.contains("store create --yes"),
        "{said}"
    );
    // The way back.
    fs::copy(&backup, place.path(STORE)).expect("put back");
    place.kaskade("store skip-ahead --yes --data data").ok();
    assert!(place.kaskade("subscriber list --data data").ok().contains("001"));
    // The way on.
    let create = |more: &str| place.kaskade(&format!("store create --data data {more}"));
    assert!(create("--yes").refused().contains("there is one already"));
    fs::remove_file(place.path(STORE)).expect("removed");
    assert!(create("").refused().contains("--yes"));
    assert!(!place.path(STORE).exists());
    let ran = create("--yes");
    assert_eq!(ran.stderr, "");
    assert!(ran.ok().contains("--sqn"));
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    place.kaskade("subscriber list --data data").ok();
    // And it is a store like any other: gone again, refused again.
    fs::remove_file(place.path(STORE)).expect("removed");
    all_refuse(&place, "there is no store");
}

#[test]
fn what_is_no_store_is_left_as_it_is() {
    let place = home();
    let (store, backup) = (place.path(STORE), place.path("backup"));
    fs::rename(&store, &backup).expect("moved");
    let clear = |path: &Path| match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir(path).expect("removed"),
        Ok(_) => fs::remove_file(path).expect("removed"),
        Err(_) => {}
    };
    let fifo = |path: &Path| {
        let made = std::process::Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(path)
            .status();
        assert!(made.expect("mkfifo").success());
    };
    let whole = fs::read(&backup).expect("readable");
    type Put<'a> = &'a dyn Fn();
    let cases: [(&str, Put<'_>); 7] = [
        ("the file is empty", &|| drop(place.file(STORE, ""))),
        ("damaged or not a store", &|| drop(place.file(STORE, "hello"))),
        ("damaged or not a store", &|| {
            fs::write(&store, &whole[..whole.len() / 2]).expect("written");
            mode(&store, 0o600);
        }),
        ("not a regular file", &|| fs::create_dir(&store).expect("a folder")),
        ("a symbolic link", &|| symlink(&backup, &store).expect("a link")),
        ("a symbolic link", &|| {
            symlink(place.path("nowhere"), &store).expect("a link");
        }),
        ("not a regular file", &|| fifo(&store)),
    ];
    for (because, put) in cases {
        put();
        all_refuse(&place, because);
        let said = place.kaskade("subscriber list --data data").refused();
        assert!(said.contains("put a backup back"), "{said}");
        assert!(
            place
                .kaskade("store create --yes --data data")
                .refused()
                .contains("there is one already")
        );
        clear(&store);
    }
    assert!(!place.path("nowhere").exists());
    fs::rename(&backup, &store).expect("back");
    place.kaskade("subscriber list --data data").ok();
}

#[test]
fn a_store_without_its_master_key_is_refused() {
    let place = home();
    let (key, kept) = (place.path("data/master.key"), place.path("kept.key"));
    fs::rename(&key, &kept).expect("moved");
    all_refuse(&place, "put the master key back");
    for line in [
        "hn-key generate --profile a --data data",
        "store create --yes --data data",
    ] {
        assert!(place.kaskade(line).refused().contains("put the master key back"));
    }
    // Another medium that is not there.
    symlink(place.path("nowhere"), &key).expect("a link");
    all_refuse(&place, "is the medium");
    fs::remove_file(&key).expect("removed");
    // The key of another folder.
    place.kaskade("hn-key generate --profile a --data other").ok();
    fs::copy(place.path("other/master.key"), &key).expect("copied");
    all_refuse(&place, "sealed with master key");
    assert!(
        place
            .kaskade("subscriber list --data data")
            .refused()
            .contains("put back the master key")
    );
    // What is no key.
    for wrong in ["folder", "empty", "fifo"] {
        fs::remove_file(&key)
            .or_else(|_| fs::remove_dir(&key))
            .expect("removed");
        match wrong {
            "folder" => fs::create_dir(&key).expect("a folder"),
            "empty" => drop(place.file("data/master.key", "")),
            _ => {
                let made = std::process::Command::new("mkfifo")
                    .args(["-m", "600"])
                    .arg(&key)
                    .status();
                assert!(made.expect("mkfifo").success());
            }
        }
        all_refuse(&place, "master key");
    }
    fs::remove_file(&key).expect("removed");
    fs::rename(&kept, &key).expect("back");
    place.kaskade("subscriber list --data data").ok();
}

/// The command that makes a folder makes its store, so that one without a store has lost it.
#[test]
fn a_new_folder_gets_its_store() {
    let add = format!("subscriber add --supi {SUPI} --data data");
    let mark = "data/no-store-yet";
    for first in [
        "hn-key generate --profile a --data data",
        "hn-key import hn.hex --profile a --data data",
        &add,
    ] {
        let place = Place::new();
        config(&place);
        place.file(
            "hn.hex",
            "c53c22208b61860b06c62e5406a7b330c2b577aa5558981510d128247d38bd1d",
        );
        run(&place, first).ok();
        assert!(place.path(STORE).exists() && !place.path(mark).exists(), "{first}");
        place.kaskade("subscriber list --data data").ok();
        fs::remove_file(place.path(STORE)).expect("removed");
        all_refuse(&place, "there is no store");
        // Neither do home network keys make one, which are used without it.
        place.kaskade("hn-key generate --profile b --data data").ok();
        assert!(!place.path(STORE).exists(), "{first}");
    }
    // A folder of an earlier version that has home network keys only, with its mark or without.
    for marked in [false, true] {
        let place = Place::new();
        config(&place);
        place.kaskade("hn-key generate --profile a --data data").ok();
        fs::remove_file(place.path(STORE)).expect("removed");
        if marked {
            place.file(mark, "");
        }
        all_refuse(&place, "there is no store");
        let said = place.kaskade("store create --yes --data data").ok();
        assert!(said.contains("new and empty") && !place.path(mark).exists(), "{said}");
        place.kaskade("subscriber list --data data").ok();
    }
}

/// As a store is when its engine has made it and its data key is not written yet.
fn blank_store(place: &Place) {
    let path = place.path(STORE);
    drop(kaskade_store::embedded::EmbeddedEngine::open(&path, 1 << 20).expect("an engine"));
}

/// Wherever the making of a folder is interrupted, the next command goes on.
#[test]
fn an_interrupted_start_goes_on() {
    let add = format!("subscriber add --supi {SUPI} --data data");
    for last in ["mark", "master key", "half a store", "store"] {
        for next in [
            "hn-key generate --profile b --data data",
            "up --demo --once --data data",
            &add,
        ] {
            let place = Place::new();
            config(&place);
            place.kaskade("hn-key generate --profile a --data data").ok();
            fs::remove_dir_all(place.path("data/hn-keys")).expect("removed");
            place.file("data/no-store-yet", "");
            if last != "store" {
                // The log begins when there is a store.
                fs::remove_file(place.path(STORE)).expect("removed");
                fs::remove_dir_all(place.path("data/audit")).expect("removed");
            }
            match last {
                "mark" => fs::remove_file(place.path("data/master.key")).expect("removed"),
                "half a store" => blank_store(&place),
                _ => {}
            }
            run(&place, next).ok();
            assert!(!place.path("data/no-store-yet").exists(), "{last}: {next}");
            place.kaskade("subscriber list --data data").ok();
            fs::remove_file(place.path(STORE)).expect("removed");
            all_refuse(&place, "there is no store");
        }
    }
}

#[test]
fn an_interrupted_making_of_a_store_in_place_of_another_goes_on() {
    let place = home();
    let backup = place.path("backup");
    fs::rename(place.path(STORE), &backup).expect("moved");
    blank_store(&place);
    all_refuse(&place, "holds nothing");
    let said = place.kaskade("subscriber list --data data").refused();
    assert!(
        said.contains("store create --yes") && said.contains("put a backup back"),
        "{said}"
    );
    assert!(
        place
            .kaskade("store create --data data")
            .refused()
            .contains("add --yes")
    );
    all_refuse(&place, "holds nothing");
    let ran = place.kaskade("store create --yes --data data");
    assert_eq!(ran.stderr, "");
    ran.ok();
    place.kaskade("subscriber list --data data").ok();
    let again = place.kaskade("store create --yes --data data").refused();
    assert!(again.contains("there is one already"), "{again}");
    // A backup may be put back all the same.
    fs::remove_file(place.path(STORE)).expect("removed");
    blank_store(&place);
    fs::copy(&backup, place.path(STORE)).expect("put back");
    assert!(place.kaskade("subscriber list --data data").ok().contains("001"));
    // One that somebody has open is not blank, whatever it holds.
    fs::remove_file(place.path(STORE)).expect("removed");
    blank_store(&place);
    let engine = kaskade_store::embedded::EmbeddedEngine::open(&place.path(STORE), 1 << 20).expect("an engine");
    let said = place.kaskade("store create --yes --data data").refused();
    assert!(said.contains("there is one already"), "{said}");
    drop(engine);
}

/// A disk in memory, as large as is said.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// `None` without the right to mount, which is counted.
    pub(crate) fn new(place: &Place) -> Option<Self> {
        let disk = Self(place.path("data"));
        fs::create_dir(&disk.0).expect("a folder");
        if !disk.mount("size=16m") {
            kaskade_oracle::not_here("the right to mount a file system");
            return None;
        }
        Some(disk)
    }

    fn mount(&self, options: &str) -> bool {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&self.0);
        command.output().is_ok_and(|output| output.status.success())
    }

    /// Leaves so many free pages, or plenty.
    pub(crate) fn leave(&self, pages: Option<u64>) {
        let now = rustix::fs::statvfs(&self.0).expect("its size");
        let used = (now.f_blocks - now.f_bfree) * now.f_frsize;
        let size = pages.map_or(64 << 20, |pages| used + pages * now.f_frsize);
        assert!(self.mount(&format!("remount,size={size}")), "{size}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // If it is not mounted, there is nothing to do.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// The disk is full at each page in turn: the store is not made, or half of it, and the way out is the same command.
#[test]
fn a_full_disk_leaves_nothing_that_no_command_gets_out_of() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place) else { return };
    config(&place);
    place.kaskade("hn-key generate --profile a --data data").ok();
    let store = place.path(STORE);
    let (mut halves, mut pages) = (0, 0);
    loop {
        for left in [store.clone(), place.path("data/subscribers.redb.new")] {
            let _ = fs::remove_file(left);
        }
        disk.leave(Some(pages));
        let ran = place.kaskade("store create --yes --data data");
        disk.leave(None);
        if ran.success {
            break;
        }
        assert!(
            ran.stderr.contains("full") && ran.stderr.contains("run the command again"),
            "{pages}: {}",
            ran.stderr
        );
        let half = store.exists();
        halves += usize::from(half);
        all_refuse(&place, if half { "holds nothing" } else { "there is no store" });
        place.kaskade("store create --yes --data data").ok();
        place.kaskade("subscriber list --data data").ok();
        pages += 1;
        assert!(pages < 1000, "so much is not needed");
    }
    assert!(
        pages > 0 && halves > 0,
        "{halves} halves of a store in {pages} attempts"
    );
}

#[test]
fn the_demonstration_is_no_exception() {
    let place = Place::new();
    place.kaskade("up --demo --once").ok();
    fs::remove_file(place.path("kaskade-demo/subscribers.redb")).expect("removed");
    let said = place.kaskade("up --demo --once").refused();
    assert!(
        said.contains("there is no store") && said.contains("remove the folder kaskade-demo"),
        "{said}"
    );
    fs::remove_dir_all(place.path("kaskade-demo")).expect("removed");
    place.kaskade("up --demo --once").ok();
}

/// To begin anew is the advice where nothing else helps.
#[test]
fn the_folder_of_the_demonstration_is_to_be_removed_only_where_that_helps() {
    let place = Place::new();
    let remove = "remove the folder kaskade-demo";
    let running = Up::start(&place, "up --demo");
    let said = place.kaskade("up --demo --once").refused();
    assert!(
        said.contains("stop the `kaskade up`") && !said.contains(remove),
        "{said}"
    );
    running.stop();
    place.file("tick.toml", "[sqn]\ntick_ms = 50\n");
    let said = place.kaskade("up --demo --once --config tick.toml").refused();
    assert!(said.contains("tick_ms") && !said.contains(remove), "{said}");
    let store = place.path("kaskade-demo/subscribers.redb");
    mode(&store, 0o644);
    let said = place.kaskade("up --demo --once").refused();
    assert!(said.contains("chmod 600") && !said.contains(remove), "{said}");
    mode(&store, 0o600);
    place.kaskade("up --demo --once").ok();
    // Another folder is its owner's.
    place.kaskade("up --demo --once --data other").ok();
    place.file("other/subscribers.redb", "hello");
    assert!(
        !place
            .kaskade("up --demo --once --data other")
            .refused()
            .contains("remove the folder")
    );
    fs::remove_file(place.path("kaskade-demo/master.key")).expect("removed");
    fs::copy(place.path("other/master.key"), place.path("kaskade-demo/master.key")).expect("copied");
    let said = place.kaskade("up --demo --once").refused();
    assert!(
        said.contains("sealed with master key") && said.contains(remove),
        "{said}"
    );
    fs::write(&store, "hello").expect("written");
    assert!(place.kaskade("up --demo --once").refused().contains(remove));
    fs::remove_file(&store).expect("removed");
    drop(kaskade_store::embedded::EmbeddedEngine::open(&store, 1 << 20).expect("an engine"));
    let said = place.kaskade("up --demo --once").refused();
    assert!(said.contains("holds nothing") && said.contains(remove), "{said}");
}
