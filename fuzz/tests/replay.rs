//! Every seed, and small changes of it, through its fuzz target: on the stable toolchain and without libFuzzer.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, prints what it saw, and casts its own constants"
)]
#![allow(clippy::print_stdout, reason = "shows which seed was changed when a property breaks")]

use std::collections::BTreeSet;
use std::fs::read_dir;
use std::path::{Path, PathBuf};

#[path = "../src/targets/mod.rs"]
#[allow(unreachable_pub, reason = "public where they are a library")]
mod targets;

use targets::{BODIES, TARGETS};

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = read_dir(folder).expect("the folder is in the repository");
    let stem = |path: PathBuf| path.file_stem().map(|name| name.to_string_lossy().into_owned());
    entries.filter_map(|entry| stem(entry.ok()?.path())).collect()
}

/// The seeds of a target: whether it must accept, and the octets.
fn seeds(target: &str) -> Vec<(bool, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = read_dir(&folder).expect("each target has a folder of seeds");
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let seed = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        (
            !name.starts_with("reject"),
            std::fs::read(path).expect("a seed can be read"),
        )
    };
    paths.iter().map(seed).collect()
}

#[test]
fn every_target_has_its_program_and_its_seeds() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(
        names(&here.join("fuzz_targets")),
        listed,
        "fuzz_targets/ and TARGETS differ"
    );
    assert_eq!(names(&here.join("corpus")), listed, "corpus/ and TARGETS differ");
    for (name, _) in TARGETS {
        assert!(!seeds(name).is_empty(), "{name} has no seed");
    }
}

#[test]
fn every_body_of_every_service_has_a_seed() {
    for service in kaskade_net::services::ALL {
        let target = BODIES.iter().find(|(_, of)| of.name == service.name);
        let (target, _) = target.unwrap_or_else(|| panic!("{} has no target", service.name));
        assert!(TARGETS.iter().any(|(name, _)| name == target), "{target}");
        let seeds = seeds(target);
        for body in service.bodies() {
            let read = seeds.iter().any(|(_, seed)| body.rewrite(seed).is_some());
            assert!(read, "corpus/{target} has no {body:?}");
        }
    }
}

#[test]
fn seeds_hold_and_are_accepted_unless_their_name_says_otherwise() {
    for (name, target) in TARGETS {
        for (accepted, seed) in seeds(name) {
            assert_eq!(target(&seed), accepted, "{name}: {}", String::from_utf8_lossy(&seed));
        }
    }
}

#[test]
fn seeds_cut_short_or_with_one_octet_changed_hold() {
    for (name, target) in TARGETS {
        for (_, mut seed) in seeds(name) {
            println!("{name} {:?}", String::from_utf8_lossy(&seed));
            for len in 0..seed.len() {
                target(&seed[..len]);
            }
            for at in 0..seed.len() {
                let right = seed[at];
                for wrong in [0, b'-', b'0', b'@', 0xff, right ^ 1, right ^ 0x20] {
                    seed[at] = wrong;
                    target(&seed);
                }
                seed[at] = right;
            }
        }
    }
}
