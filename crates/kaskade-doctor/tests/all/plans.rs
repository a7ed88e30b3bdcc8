//! Ways are found, chosen and refused as a person would, without any command line.

use kaskade_doctor::given::{Given, GivenError, Named};
use kaskade_doctor::lookup::{self, LookupError};
use kaskade_doctor::plan::{self, Derived, Plan, PlanError};
use kaskade_keys::derivation::{Fingerprint, NamedKey, Rule};
use kaskade_keys::{tree, umts::CkIk};

fn k_amf() -> Given {
    let mut given = Given::default();
    given.name_key("K_AMF", vec![7; 32].into()).unwrap();
    given
}

#[test]
fn a_key_is_derived_by_its_rows() {
    let mut given = k_amf();
    for (input, text) in [("uplink-nas-count", "5"), ("ciphering-algorithm-identity", "NEA2")] {
        given.name_input(input, text).unwrap();
    }
    let plan = Plan::find("k-rrc-enc", &given, &[]).unwrap();
    assert_eq!(plan.chain(), "K_AMF → K_gNB → K_RRCenc");
    let derived = Derived::by(&plan, &given).unwrap();
    // The same by hand, row after row.
    let mut key = NamedKey::from_octets("K_AMF", &[7; 32]).unwrap();
    for step in derived.steps() {
        key = step.transcript.derive(&key).unwrap();
        assert_eq!(key.fingerprint(), step.key.fingerprint());
    }
    assert_eq!(key.name(), "K_RRCenc");
    assert_eq!(derived.key("K_RRCenc").unwrap().fingerprint(), key.fingerprint());
}

#[test]
fn every_key_below_another_is_reached_from_it_with_the_examples_of_its_inputs() {
    for row in tree::rows().filter(|row| !matches!(row.rule, Rule::AlgorithmSet(_))) {
        let mut given = Given::default();
        for name in std::iter::once(row.parent).chain(row.keys().filter_map(|names| names.first().copied())) {
            let octets = vec![3; usize::from(kaskade_doctor::hierarchy::octets(name))];
            // A key that enters twice is given once.
            let _ = given.name_key(name, octets.into());
        }
        for (spec, form) in row.texts() {
            given.name_input(&spec.option(), form.example).unwrap();
        }
        let via = kaskade_doctor::notation::via(row).trim_matches('"').to_owned();
        let plan = Plan::find(row.child, &given, &[via]).unwrap_or_else(|error| panic!("{}: {error}", row.named));
        let derived = Derived::by(&plan, &given).unwrap_or_else(|error| panic!("{}: {error}", row.named));
        assert!(derived.key(row.child).is_some(), "{}", row.named);
    }
}

#[test]
fn refusals_are_told_apart() {
    let find = |name: &str, given: &Given, via: &[String]| match Plan::find(name, given, via) {
        Ok(plan) => panic!("{name} by {}", plan.chain()),
        Err(error) => error,
    };
    assert!(matches!(
        find("K_gNX", &k_amf(), &[]),
        PlanError::Lookup(LookupError::NoKey { .. })
    ));
    assert!(matches!(find("K_AUSF", &k_amf(), &[]), PlanError::Unreachable(text) if text.contains("turned round")));
    assert!(matches!(find("K_gNB", &k_amf(), &[]), PlanError::Incomplete(text) if text.contains("uplink-nas-count")));
    let via = ["K_SEAF".to_owned()];
    assert!(matches!(find("K_gNB", &k_amf(), &via), PlanError::NoWayBy { .. }));
    let mut given = k_amf();
    given.name_input("uplink-nas-count", "5").unwrap();
    given.name_input("abba", "0000").unwrap();
    match find("K_gNB", &given, &[]) {
        PlanError::Unused(text) => assert!(text.contains("--input abba"), "{text}"),
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_given_must_make_sense() {
    let mut given = k_amf();
    assert_eq!(
        given.name_key("K_AMF", vec![8; 32].into()),
        Err(GivenError::KeyTwice("K_AMF"))
    );
    assert!(matches!(
        given.know_key("K_AMF", vec![8; 32].into(), &["--k-file"]),
        Err(GivenError::KeyContradicts { .. })
    ));
    assert_eq!(given.know_key("K_AMF", vec![7; 32].into(), &["--k-file"]), Ok(()));
    let no_input = given.name_input("uplink-nas-cuont", "5").unwrap_err();
    assert!(no_input.to_string().contains("uplink-nas-count"), "{no_input}");
    given.name_input("uplink-nas-count", "a very long count").unwrap();
    assert!(matches!(
        given.name_input("uplink-nas-count", "6"),
        Err(GivenError::InputTwice { .. })
    ));
    let plan = Plan::find("K_gNB", &given, &[]).unwrap();
    assert!(matches!(
        Derived::by(&plan, &given),
        Err(PlanError::Given(GivenError::Form { .. }))
    ));
}

#[test]
fn no_error_repeats_a_key_that_was_given_as_a_name() {
    const K: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
    let errors = [
        lookup::find(K).unwrap_err().to_string(),
        lookup::key(K).unwrap_err().to_string(),
        k_amf().name_input(K, "1").unwrap_err().to_string(),
        Plan::find(K, &k_amf(), &[]).err().unwrap().to_string(),
        Plan::find("K_gNB", &k_amf(), &[K.to_owned()])
            .err()
            .unwrap()
            .to_string(),
        plan::usual("K_AMF", "K_gNB", &[K.to_owned()])
            .err()
            .unwrap()
            .to_string(),
    ];
    for error in errors {
        assert!(!error.contains(&K[..8]), "{error}");
    }
}

#[test]
fn everything_that_follows_follows_and_the_rest_is_waited_for() {
    let mut given = k_amf();
    given.name_input("ciphering-algorithm-identity", "2").unwrap();
    let derived = plan::everything(&given).unwrap();
    assert!(derived.key("K_NASenc").is_some() && derived.key("K_NASint").is_none());
    let waiting = plan::waiting(&given, &derived);
    let integrity = waiting
        .iter()
        .find(|(input, _)| input.contains("integrity-algorithm-identity"));
    assert!(
        integrity.is_some_and(|(_, keys)| keys.contains(&"K_NASint")),
        "{waiting:?}"
    );
    let used = given.used(&derived.starts(), &derived.rows());
    assert_eq!(given.unused(&used), Vec::<Named>::new());
}

#[test]
fn parts_of_a_key_are_put_together() {
    let mut given = Given::default();
    given.name_key("CK", vec![1; 16].into()).unwrap();
    given.name_key("IK", vec![2; 16].into()).unwrap();
    given.join_keys().unwrap();
    assert_eq!(given.names(), ["CK||IK"]);
    let whole = CkIk::from_octets(&std::array::from_fn(|at| if at < 16 { 1 } else { 2 }));
    assert_eq!(given.key("CK||IK").unwrap().fingerprint(), Fingerprint::of(&whole));
}
