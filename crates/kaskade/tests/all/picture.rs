//! The pictures and the table of keys in the repository are those of the rows.

use std::fs;
use std::path::Path;

use crate::common::Place;

fn is_current(path: &str, made: &str, renew: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == made,
        "{path} is stale: renew it with `cargo run -p kaskade -- {renew}`"
    );
}

#[test]
fn pictures_are_current() {
    let place = Place::new();
    place.kaskade("explain --svg keys.svg --html keys.html").ok();
    let read = |name: &str| fs::read_to_string(place.path(name)).expect("written");
    let renew = "explain --svg docs/key-hierarchy.svg --html docs/key-hierarchy.html";
    is_current("docs/key-hierarchy.svg", &read("keys.svg"), renew);
    is_current("docs/key-hierarchy.html", &read("keys.html"), renew);
}

#[test]
fn table_is_current() {
    let made = Place::new().kaskade("explain --markdown").ok();
    let path = "crates/kaskade-keys/src/key-table.md";
    is_current(path, &made, &format!("explain --markdown > {path}"));
}

#[test]
fn pictures_show_every_key_and_need_nothing_from_elsewhere() {
    let place = Place::new();
    place.kaskade("explain --svg keys.svg --html keys.html").ok();
    for name in ["keys.svg", "keys.html"] {
        let picture = fs::read_to_string(place.path(name)).expect("written");
        for key in kaskade_keys::tree::keys() {
            let escaped = key.replace('&', "&amp;");
            assert!(picture.contains(&format!("data-key=\"{escaped}\"")), "{name}: {key}");
        }
        assert!(picture.contains("prefers-color-scheme: dark") && picture.contains("<desc"));
        let links = picture.replace("http://www.w3.org/2000/svg", "");
        for outside in ["http:", "https:", "src=", "url(", "@import"] {
            assert!(!links.contains(outside), "{name}: {outside}");
        }
        for place in ["/*DATA*/", "/*STYLE*/", "/*SCRIPT*/", "<!--SVG-->"] {
            assert!(!picture.contains(place), "{name}: {place} was not filled");
        }
    }
    let refused = place.kaskade("explain --svg no/such/folder.svg").refused();
    assert!(refused.contains("no/such/folder.svg"), "{refused}");
}
