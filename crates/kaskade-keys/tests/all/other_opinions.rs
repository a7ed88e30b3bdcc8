//! Random derivations against other people's programs: libosmogsm, and CryptoMobile where it is at hand.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

use std::collections::BTreeMap;

use kaskade_keys::derivation::{Encoding, Given, NamedKey, Octets, ParameterSpec, Row, Rule};
use kaskade_keys::tree;
use kaskade_oracle::{Arg, Oracle, octets};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// Derivations of each row.
const RUNS: usize = 25;

/// Octets such as the input may have.
fn random(spec: &ParameterSpec, runner: &mut TestRunner) -> Vec<u8> {
    let of_length = |length| prop::collection::vec(any::<u8>(), length).boxed();
    let strategy = match (spec.encoding, spec.name) {
        (Encoding::Text, "SUPI") => "[0-9]{12,15}".prop_map(String::into_bytes).boxed(),
        (Encoding::Text, _) => "5G:mnc[0-9]{3}\\.mcc[0-9]{3}\\.3gppnetwork\\.org(:[0-9A-F]{11})?"
            .prop_map(String::into_bytes)
            .boxed(),
        (_, "PCI") => (0_u16..1008).prop_map(|pci| pci.to_be_bytes().to_vec()).boxed(),
        (_, "ciphering algorithm identity" | "integrity algorithm identity") => {
            (0_u8..4).prop_map(|identity| vec![identity]).boxed()
        }
        (_, "DIRECTION") => (0_u8..2).prop_map(|direction| vec![direction]).boxed(),
        (_, "ABBA") => of_length(2..3),
        (_, "IAB-donor-CU address" | "IAB-node DU address") => prop_oneof![of_length(4..5), of_length(16..17)].boxed(),
        (Encoding::Octets(n) | Encoding::Secret(n), _) => of_length(usize::from(n)..usize::from(n) + 1),
        (Encoding::Optional, _) => of_length(0..200),
        (Encoding::Variable | Encoding::SecretVariable, _) => of_length(4..17),
    };
    strategy.new_tree(runner).unwrap().current()
}

/// Asks one peer for random derivations of one row; how many it answered.
fn compare(oracle: &Oracle, peer: &str, row: &'static Row, runner: &mut TestRunner) -> usize {
    let lengths = tree::parent(row.parent).map_or(32..=32, |maker| {
        usize::from(maker.child_least_octets)..=usize::from(maker.child_octets)
    });
    let mut answered = 0;
    for _ in 0..RUNS {
        let key = prop::collection::vec(any::<u8>(), lengths.clone())
            .new_tree(runner)
            .unwrap()
            .current();
        let transcript = row
            .transcript(|spec| Ok::<_, ()>(Octets::new(random(spec, runner))))
            .unwrap();
        let mut arguments = vec![
            Arg::Text(peer),
            Arg::Text(row.parent),
            Arg::Text(row.method),
            Arg::Octets(&key),
        ];
        let given = row.parameters.iter().zip(&transcript.parameters);
        arguments.extend(given.filter_map(|(spec, octets)| match spec.given {
            Given::Fixed(_) => None,
            Given::Text(_) | Given::Key(_) => Some(Arg::Octets(octets)),
        }));
        let answer = oracle.call("derive", &arguments);
        if !answer.is_null() {
            let ours = transcript.derive(&NamedKey::from_octets(row.parent, &key).unwrap());
            assert_eq!(
                ours,
                NamedKey::from_octets(row.child, &octets(&answer)),
                "{peer}: {} → {} ({})",
                row.parent,
                row.named,
                row.clause
            );
            answered += 1;
        }
    }
    answered
}

#[test]
fn other_programs_derive_the_same() {
    let Some(oracle) = Oracle::start_other_kdfs() else {
        return;
    };
    let peers = oracle.call("peers", &[]);
    let peers: Vec<&str> = peers
        .as_array()
        .unwrap()
        .iter()
        .map(|peer| peer.as_str().unwrap())
        .collect();
    assert!(
        peers.contains(&"libosmogsm"),
        "libosmogsm is missing: apt-get install libosmocore-utils brings it"
    );
    if !peers.contains(&"CryptoMobile") {
        kaskade_oracle::not_here("CryptoMobile, a third opinion (KASKADE_CRYPTOMOBILE names a checkout of it)");
    }
    let mut runner = TestRunner::default();
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    for row in tree::rows().filter(|row| !matches!(row.rule, Rule::AlgorithmSet(_))) {
        for peer in &peers {
            *compared.entry(peer).or_default() += usize::from(compare(&oracle, peer, row, &mut runner) > 0);
        }
    }
    eprintln!("derivations compared: {compared:?}");
    assert!(compared["libosmogsm"] >= 5, "{compared:?}");
    assert!(
        compared.get("CryptoMobile").is_none_or(|rows| *rows >= 30),
        "{compared:?}"
    );
}
