//! A store whose file was damaged: the program says which, and what to do, with the status of the table; it never panics.
//!
//! `kaskade-store` tries many more damages, without the program around.

use std::fs;
use std::path::Path;

use crate::common::{Place, SUPI, Up, mode};

const STORE: &str = "data/subscribers.redb";
const PAGE: usize = 4096;
/// As the table of refusals has it for a store that failed.
const STATUS: i32 = 74;

fn place_with(store: &str) -> Place {
    let place = Place::new();
    place.file(
        "kaskade.toml",
        "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n",
    );
    if store == "today" {
        place
            .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
            .ok();
        return place;
    }
    fs::create_dir(place.path("data")).expect("a folder");
    mode(&place.path("data"), 0o700);
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../kaskade-store/tests/stores")
        .join(store);
    for name in ["master.key", "subscribers.redb"] {
        place.file(&format!("data/{name}"), "");
        fs::copy(from.join(name), place.path(&format!("data/{name}"))).expect("copied");
        mode(&place.path(&format!("data/{name}")), 0o600);
    }
    place
}

#[track_caller]
fn says_what_to_do(said: &str) {
    assert!(
        said.contains("subscribers.redb") && said.contains("skip-ahead"),
        "{said}"
    );
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_damaged_store_is_named() {
    let long = std::env::var_os("KASKADE_DAMAGED_BITS").is_some();
    let mut refused = 0;
    for store in ["first", "second", "today"] {
        let place = place_with(store);
        let whole = fs::read(place.path(STORE)).expect("the store");
        let used = whole
            .chunks(PAGE)
            .enumerate()
            .filter(|(_, page)| page.iter().any(|octet| *octet != 0));
        for (page, _) in used {
            let damages = [(0, &[0xff; 4][..]), (2, &[0xff; 2])];
            let some = damages
                .iter()
                .skip(if long { 0 } else { page % 2 })
                .take(if long { 2 } else { 1 });
            for (at, octets) in some {
                let mut damaged = whole.clone();
                damaged[page * PAGE + at..][..octets.len()].copy_from_slice(octets);
                fs::write(place.path(STORE), &damaged).expect("damaged");
                match Up::try_start(&place, "up --config kaskade.toml", |_| {}) {
                    // Nobody uses that page.
                    Ok(up) => {
                        let line = format!("ue attach --ausf {} --supi {SUPI} --plmn 001-01 --json", up.ausf);
                        place.with_secrets(&line).ok();
                        assert!(!up.stop().contains("panicked"));
                    }
                    Err((status, said)) => {
                        assert_eq!(status.code(), Some(STATUS), "{store}, page {page}: {said}");
                        says_what_to_do(&said);
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 20, "what is in use was hardly damaged");
}

#[test]
fn a_check_says_whether_a_file_is_whole() {
    let place = place_with("today");
    let whole = fs::read(place.path(STORE)).expect("the store");
    let told = place.kaskade("store check --data data").ok();
    assert!(told.contains("whole"), "{told}");
    assert_eq!(fs::read(place.path(STORE)).expect("the store"), whole);
    // A backup of it, in which a bit of every page is another.
    let mut damaged = whole.clone();
    for page in damaged.chunks_mut(PAGE).skip(1) {
        page[200] ^= 1;
    }
    fs::write(place.path("backup"), &whole).expect("written");
    mode(&place.path("backup"), 0o600);
    let json: serde_json::Value = serde_json::from_str(&place.kaskade("store check backup --json").ok()).expect("JSON");
    assert_eq!(json["whole"], true, "{json}");
    fs::write(place.path("backup"), &damaged).expect("written");
    let said = place.kaskade("store check backup --json").refused();
    assert!(said.contains("backup: damaged"), "{said}");
}
