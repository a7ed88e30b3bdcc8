//! A store that is gone is never made anew without a word: its sequence numbers would come again.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::common::{K, OPC, Place, SUPI, files_below, mode};

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

/// Every command that opens the store refuses, for this reason, and leaves the folder as it is.
#[track_caller]
fn all_refuse(place: &Place, because: &str) {
    let names = |place: &Place| -> Vec<_> { files_below(&place.path("data")) };
    let before = names(place);
    place.file("cards.csv", &format!("imsi,k,opc\n001010000000002,{K},{OPC}\n"));
    for line in [
        "up --config kaskade.toml".to_owned(),
        "up --demo --once --data data".to_owned(),
        "subscriber list --data data".to_owned(),
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
    assert!(ran.stderr.contains("audit"), "{}", ran.stderr);
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

/// A folder that never had a store gets one by itself, also after an interrupted start.
#[test]
fn a_new_folder_gets_its_store() {
    let place = Place::new();
    config(&place);
    place.kaskade("hn-key generate --profile a --data data").ok();
    assert!(!place.path(STORE).exists());
    let said = place.kaskade("store skip-ahead --yes --data data").refused();
    assert!(said.contains("no store yet"), "{said}");
    place.kaskade("hn-key list --data data").ok();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    assert!(!place.path("data/no-store-yet").exists());
    // Interrupted before the master key, and between it and the store.
    for last in ["no-store-yet", "master.key"] {
        let _ = fs::remove_dir_all(place.path("data"));
        place.kaskade("hn-key generate --profile a --data data").ok();
        fs::remove_dir_all(place.path("data/hn-keys")).expect("removed");
        if last == "no-store-yet" {
            fs::remove_file(place.path("data/master.key")).expect("removed");
        }
        place
            .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
            .ok();
        fs::remove_file(place.path(STORE)).expect("removed");
        all_refuse(&place, "there is no store");
    }
    // A folder of an earlier version that has home network keys only.
    let said = place.kaskade("store create --yes --data data").ok();
    assert!(said.contains("new and empty"), "{said}");
    place.kaskade("subscriber list --data data").ok();
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
