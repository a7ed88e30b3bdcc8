//! `cargo xtask layers`: which crate may use which, and what the sans-IO crates must not use at all.
//!
//! The table in [`LAYERS`] is the rule; ARCHITECTURE.md shows the same table to readers, and both must be equal.

mod table;

use crate::{profiles, releases, sans_io, shell};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use table::{LAYERS, Layer};

/// The crate for tests that has a row: it is named by development dependencies only, and by no feature.
const DEVELOPMENT: &str = "kaskade-testkit";

/// Packages that only tests use: nobody may have them as a normal dependency, and they may use anything.
const TEST_ONLY: &[&str] = &["kaskade-oracle", "kaskade-fuzz"];

/// Features that tests switch on, and no program: cargo would build them into every program that is built beside.
const TEST_FEATURES: &[&str] = &["test-util"];

/// What a sans-IO crate may use of other people's, tests aside: crates that compute. Another one gets in by a line here.
const COMPUTES: &[&str] = &[
    "aes",
    "aes-gcm",
    "aws-lc-rs",
    "base16ct",
    "base64ct",
    "cpufeatures",
    "ctr",
    "hashbrown",
    "keccak",
    "md-5",
    "p256",
    "percent-encoding",
    "polyval",
    "serde",
    "serde_json",
    "sha1",
    "sha2",
    "smallvec",
    "subtle",
    "thiserror",
    "time",
    "uuid",
    "x25519-dalek",
    "zeroize",
];

/// Features by which such a crate draws random numbers itself.
const DRAWS: &[&str] = &[
    "getrandom",
    "os_rng",
    "rand",
    "rand_core",
    "rng",
    "std_rng",
    "sys_rng",
    "thread_rng",
];

const BEGIN: &str = "<!-- layers:begin -->";
const END: &str = "<!-- layers:end -->";

/// Checks dependencies, ARCHITECTURE.md and the sources of the sans-IO crates; all findings are printed.
pub(crate) fn check() -> Result<()> {
    let metadata = shell::output(&mut shell::cargo(["metadata", "--format-version", "1", "--no-deps"]))?;
    let packages: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let packages = packages["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let mut findings = edges(packages);
    findings.extend(test_features(packages));
    findings.extend(development(packages));
    findings.extend(profiles::check()?);
    findings.extend(releases::check()?);
    let document = std::fs::read_to_string(shell::root().join("ARCHITECTURE.md"));
    findings.extend(document.map_or_else(|error| vec![format!("ARCHITECTURE.md: {error}")], |text| shown(&text)));
    for layer in LAYERS.iter().filter(|layer| layer.sans_io) {
        let folder = shell::root().join("crates").join(layer.name).join("src");
        findings.extend(sans_io::check(&folder)?);
    }
    if findings.is_empty() {
        println!(
            "layers: {} crates, every dependency and feature allowed, sans-IO sources clean, releases where they belong, profiles equal",
            LAYERS.len()
        );
        return Ok(());
    }
    findings.iter().for_each(|finding| println!("layers: {finding}"));
    bail!(
        "{} findings about layers; the rule and its reasons are in xtask/src/layers/table.rs",
        findings.len()
    )
}

/// The allowed dependencies as ARCHITECTURE.md shows them.
pub(crate) fn table() -> String {
    let mut table = format!("{BEGIN}\n| Crate | May depend on |\n|---|---|\n");
    for layer in crates() {
        let short: Vec<_> = layer.may_use.iter().map(|name| short(name)).collect();
        let short = if short.is_empty() {
            "–".to_owned()
        } else {
            short.join(", ")
        };
        let _ = writeln!(table, "| `{}` | {short} |", layer.name);
    }
    table + END + "\n"
}

/// Findings about the dependencies that `cargo metadata` lists. Development dependencies are free.
fn edges(packages: &[Value]) -> Vec<String> {
    let ours: BTreeSet<_> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        if TEST_ONLY.contains(&name) {
            continue;
        }
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            findings.push(format!("{name} has no row in the table of layers"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        for dependency in dependencies.iter().filter(|dependency| dependency["kind"] != "dev") {
            let used = dependency["name"].as_str().unwrap_or_default();
            if ours.contains(used) && !layer.may_use.contains(&used) {
                let allowed = layer.may_use.join(", ");
                let allowed = if allowed.is_empty() {
                    "no crate of the workspace"
                } else {
                    &allowed
                };
                findings.push(format!(
                    "{name} uses {used}, but may use {allowed} only ({})",
                    layer.reason
                ));
            }
            if layer.sans_io {
                findings.extend(brings(name, dependency, &ours));
            }
        }
    }
    for layer in LAYERS.iter().filter(|layer| !ours.contains(layer.name)) {
        findings.push(format!(
            "{} stands in the table of layers, but not in the workspace",
            layer.name
        ));
    }
    findings
}

/// Findings about features for tests that somebody switches on outside tests.
fn test_features(packages: &[Value]) -> Vec<String> {
    let is_of_tests = |feature: &str| {
        let name = feature.rsplit('/').next().unwrap_or(feature);
        TEST_FEATURES.contains(&name)
    };
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        for dependency in dependencies.iter().filter(|dependency| dependency["kind"] != "dev") {
            let features = dependency["features"].as_array().map_or(&[][..], Vec::as_slice);
            for feature in features
                .iter()
                .filter_map(Value::as_str)
                .filter(|name| is_of_tests(name))
            {
                let used = dependency["name"].as_str().unwrap_or_default();
                findings.push(format!(
                    "{name} uses {used} with {feature}, which is for tests: only a development dependency may"
                ));
            }
        }
        for (of, switches) in package["features"].as_object().into_iter().flatten() {
            // What only tests use may have it, when it is asked for by name.
            if TEST_ONLY.contains(&name) && of != "default" {
                continue;
            }
            let switches = switches.as_array().map_or(&[][..], Vec::as_slice);
            for feature in switches
                .iter()
                .filter_map(Value::as_str)
                .filter(|name| is_of_tests(name))
            {
                findings.push(format!(
                    "the feature {of} of {name} switches on {feature}, which is for tests"
                ));
            }
        }
    }
    findings
}

/// Findings about the crate for development. [`edges`] refuses it as a dependency of a program's crates, optional or not; here are
/// features that would switch something in it.
fn development(packages: &[Value]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        if TEST_ONLY.contains(&name) || name == DEVELOPMENT {
            continue;
        }
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        let renamed = dependencies
            .iter()
            .filter(|dependency| dependency["name"] == DEVELOPMENT);
        let names: Vec<_> = renamed
            .filter_map(|dependency| dependency["rename"].as_str())
            .chain([DEVELOPMENT])
            .collect();
        let is_of_it = |switch: &str| {
            let switch = switch.strip_prefix("dep:").unwrap_or(switch);
            let used = switch.split('/').next().unwrap_or(switch);
            names.contains(&used.trim_end_matches('?'))
        };
        for (of, switches) in package["features"].as_object().into_iter().flatten() {
            let switches = switches.as_array().map_or(&[][..], Vec::as_slice);
            for switch in switches
                .iter()
                .filter_map(Value::as_str)
                .filter(|switch| is_of_it(switch))
            {
                findings.push(format!(
                    "the feature {of} of {name} names {switch}: {DEVELOPMENT} is for development dependencies alone"
                ));
            }
        }
    }
    findings
}

/// What a dependency would bring into a sans-IO crate.
fn brings(name: &str, dependency: &Value, ours: &BTreeSet<&str>) -> Option<String> {
    let used = dependency["name"].as_str().unwrap_or_default();
    if !ours.contains(used) && !COMPUTES.contains(&used) {
        return Some(format!(
            "{name} is sans-IO and uses {used}: if that only computes, say so in COMPUTES of xtask/src/layers.rs"
        ));
    }
    let features = dependency["features"].as_array().map_or(&[][..], Vec::as_slice);
    let drawing = features
        .iter()
        .filter_map(Value::as_str)
        .find(|feature| DRAWS.contains(feature))?;
    Some(format!(
        "{name} is sans-IO and uses {used} with {drawing}: random octets are arguments"
    ))
}

/// Findings about the table between the marks of ARCHITECTURE.md.
fn shown(document: &str) -> Vec<String> {
    let help = "`cargo xtask layers --table` prints what must stand there";
    let marked = document.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let Some((marked, _)) = marked else {
        return vec![format!(
            "ARCHITECTURE.md has no table between {BEGIN} and {END}; {help}"
        )];
    };
    let row = |line: &str| {
        let cells: Vec<_> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let (name, uses) = (*cells.first()?, *cells.last()?);
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        let uses = uses
            .split(',')
            .map(|used| used.trim().trim_matches('`'))
            .filter(|used| !matches!(*used, "" | "–" | "-"));
        Some((
            name.to_owned(),
            uses.map(|used| short(used).to_owned()).collect::<BTreeSet<_>>(),
        ))
    };
    let told: Vec<_> = marked.lines().filter_map(row).collect();
    let mut findings = Vec::new();
    for layer in crates() {
        let allowed: BTreeSet<_> = layer.may_use.iter().map(|name| short(name).to_owned()).collect();
        match told
            .iter()
            .filter(|(name, _)| name == layer.name)
            .collect::<Vec<_>>()
            .as_slice()
        {
            [(_, uses)] if *uses == allowed => {}
            [_] => findings.push(format!(
                "ARCHITECTURE.md allows {} something else than the check does; {help}",
                layer.name
            )),
            rows => findings.push(format!(
                "ARCHITECTURE.md has {} rows for {} instead of one; {help}",
                rows.len(),
                layer.name
            )),
        }
    }
    for (name, _) in told.iter().filter(|(name, _)| crates().all(|layer| layer.name != name)) {
        findings.push(format!(
            "ARCHITECTURE.md has a row for {name}, which the check does not know; {help}"
        ));
    }
    findings
}

/// The rows that readers see: the crates, without this program.
fn crates() -> impl Iterator<Item = &'static Layer> {
    LAYERS.iter().filter(|layer| layer.name != "xtask")
}

fn short(name: &str) -> &str {
    name.strip_prefix("kaskade-").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The workspace as the table has it, with one more dependency.
    fn workspace(from: &str, to: &Value) -> Vec<Value> {
        let package = |layer: &Layer| {
            let mut uses: Vec<_> = layer
                .may_use
                .iter()
                .map(|used| json!({ "name": used, "kind": null }))
                .collect();
            if layer.name == from {
                uses.push(to.clone());
            }
            json!({ "name": layer.name, "dependencies": uses })
        };
        let oracle = json!({ "name": "kaskade-oracle", "dependencies": [] });
        LAYERS.iter().map(package).chain([oracle]).collect()
    }

    #[test]
    fn allowed_edges_pass_and_others_are_named() {
        let edge = |from: &str, to: &str, kind: Value| edges(&workspace(from, &json!({ "name": to, "kind": kind })));
        assert_eq!(edge("kaskade-net", "tokio", Value::Null), [""; 0]);
        assert_eq!(edge("kaskade-keys", "kaskade-oracle", json!("dev")), [""; 0]);
        for (from, to) in [
            ("kaskade-crypto", "kaskade-keys"),
            ("kaskade-codec", "kaskade-aka"),
            ("kaskade-aka", "kaskade-store"),
            ("kaskade-store", "kaskade-oracle"),
            ("kaskade-keys", "tokio"),
            ("kaskade-aka", "rand"),
        ] {
            assert_eq!(edge(from, to, Value::Null).len(), 1, "{from} -> {to}");
            assert_eq!(edge(from, to, json!("build")).len(), 1, "{from} -> {to} when building");
        }
    }

    #[test]
    fn a_sans_io_crate_uses_what_computes_and_draws_nothing() {
        let uses = |name: &str, features: &[&str]| {
            let to = json!({ "name": name, "kind": null, "features": features });
            (
                edges(&workspace("kaskade-aka", &to)).len(),
                edges(&workspace("kaskade-net", &to)).len(),
            )
        };
        assert_eq!(uses("sha2", &["zeroize"]), (0, 0));
        assert_eq!(uses("p256", &["getrandom"]), (1, 0));
        for unknown in ["tokio", "getrandom", "libc", "clocks"] {
            assert_eq!(uses(unknown, &[]), (1, 0), "{unknown}");
        }
    }

    #[test]
    fn a_feature_for_tests_is_for_tests() {
        let uses = |kind: Value, features: &[&str]| {
            let to = json!({ "name": "kaskade-store", "kind": kind, "features": features });
            test_features(&[json!({ "name": "kaskade-fuzz", "dependencies": [to] })]).len()
        };
        assert_eq!(uses(json!("dev"), &["test-util"]), 0);
        assert_eq!(uses(Value::Null, &["std"]), 0);
        assert_eq!(uses(Value::Null, &["std", "test-util"]), 1);
        assert_eq!(uses(json!("build"), &["test-util"]), 1);
        let has = |name: &str, feature: &str, switches: &[&str]| {
            let features = json!({ "test-util": [], feature: switches });
            test_features(&[json!({ "name": name, "dependencies": [], "features": features })]).len()
        };
        assert_eq!(has("kaskade-net", "default", &["kaskade-store/std"]), 0);
        for switch in ["test-util", "kaskade-store/test-util", "kaskade-store?/test-util"] {
            assert_eq!(has("kaskade-net", "default", &[switch]), 1, "{switch}");
            assert_eq!(has("kaskade-net", "more", &[switch]), 1, "{switch}");
            assert_eq!(has("kaskade-fuzz", "default", &[switch]), 1, "{switch}");
            assert_eq!(has("kaskade-fuzz", "libfuzzer", &[switch]), 0, "{switch}");
        }
    }

    #[test]
    fn no_program_has_what_is_for_development() {
        let programs: Vec<_> = LAYERS.iter().filter(|layer| layer.name != DEVELOPMENT).collect();
        let uses = |from: &str, more: &Value| {
            let mut to = json!({ "name": DEVELOPMENT, "kind": null });
            let (to_members, more) = (to.as_object_mut().unwrap(), more.as_object().unwrap());
            to_members.extend(more.clone());
            edges(&workspace(from, &to)).len()
        };
        for from in &programs {
            assert_eq!(uses(from.name, &json!({ "kind": "dev" })), 0, "{}", from.name);
            for kind in [
                json!({}),
                json!({ "kind": "build" }),
                json!({ "optional": true }),
                json!({ "rename": "kit" }),
                json!({ "target": "cfg(unix)" }),
            ] {
                assert_eq!(uses(from.name, &kind), 1, "{} with {kind}", from.name);
            }
        }
        let has = |name: &str, dependency: &Value, feature: &str, switch: &str| {
            let package =
                json!({ "name": name, "dependencies": [dependency], "features": { "other": [], feature: [switch] } });
            development(&[package]).len()
        };
        let plain = json!({ "name": DEVELOPMENT, "kind": "dev", "rename": null });
        let renamed = json!({ "name": DEVELOPMENT, "kind": "dev", "rename": "kit" });
        for from in &programs {
            for feature in ["default", "more"] {
                for switch in [
                    "kaskade-testkit",
                    "dep:kaskade-testkit",
                    "kaskade-testkit/x",
                    "kaskade-testkit?/x",
                ] {
                    assert_eq!(has(from.name, &plain, feature, switch), 1, "{}: {switch}", from.name);
                }
                for switch in ["kit", "dep:kit", "kit/x", "kit?/x"] {
                    assert_eq!(has(from.name, &renamed, feature, switch), 1, "{}: {switch}", from.name);
                }
                assert_eq!(has(from.name, &plain, feature, "other"), 0);
                assert_eq!(has(from.name, &plain, feature, "kaskade-store/std"), 0);
            }
        }
        assert_eq!(has("kaskade-fuzz", &plain, "libfuzzer", "dep:kaskade-testkit"), 0);
        // The program is not among what it may use.
        let back = json!({ "name": "kaskade", "kind": null });
        assert_eq!(edges(&workspace(DEVELOPMENT, &back)).len(), 1);
    }

    #[test]
    fn the_printed_table_is_the_one_that_is_asked_for() {
        assert_eq!(shown(&table()), [""; 0]);
        assert_eq!(
            shown(&table().replace("| `kaskade-keys` | crypto |", "| `kaskade-keys` | codec |")).len(),
            1
        );
        assert_eq!(shown(&table().replace("| `kaskade-keys` | crypto |\n", "")).len(), 1);
        assert_eq!(
            shown(&table().replace(END, "| `kaskade-more` | – |\n<!-- layers:end -->")).len(),
            1
        );
        assert_eq!(shown("no table").len(), 1);
    }
}
