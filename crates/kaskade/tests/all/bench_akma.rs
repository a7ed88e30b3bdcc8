//! `kaskade bench akma`: its figures, and what it refuses.

use crate::common::Place;
use serde_json::Value;

fn json(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// With tiny numbers: each figure is there, and is one that may be.
#[test]
fn a_small_benchmark_of_akma() {
    let place = Place::new();
    let tiny = "bench akma --requests 400 --connections 2 --streams 4 --dir .";
    let printed = place.kaskade(&format!("{tiny} --contexts 100,300 --json")).ok();
    let measured = json(&printed);
    assert_eq!(measured.len(), 2, "{printed}");
    for (measured, contexts) in measured.iter().zip([100, 300]) {
        assert_eq!(measured["contexts"], contexts);
        assert_eq!((&measured["audit"], &measured["durable"]), (&true.into(), &true.into()));
        for what in ["k_af_again", "k_af_first", "registration"] {
            let figures = &measured[what];
            assert_eq!(figures["requests"], 400, "{what}: {printed}");
            let [per_second, per_cpu_second, cpu, bound, ready, derivation] = [
                "/per_second",
                "/per_server_cpu_second",
                "/server_cpu_microseconds",
                "/bound/microseconds",
                "/bound/ready_answer",
                "/bound/derivation",
            ]
            .map(|figure| figures.pointer(figure).and_then(Value::as_f64).expect(figure));
            assert!(per_second > 0.0 && ready > 0.0, "{what}: {printed}");
            assert!((cpu * per_cpu_second / 1e6 - 1.0).abs() < 1e-6, "{what}: {printed}");
            assert!((bound - ready - derivation).abs() < 1e-6, "{what}: {printed}");
            assert_eq!(derivation > 0.0, what != "registration", "{what}: {printed}");
            let met = figures["met"].as_bool().expect("whether it is as asked for");
            let asked = figures["asked_per_server_cpu_second"].as_f64().expect("asked");
            assert_eq!(met, per_cpu_second >= asked, "{what}: {printed}");
        }
        for figure in [
            "disk_octets",
            "start_seconds",
            "first_k_af_microseconds",
            "hundredth_k_af_microseconds",
        ] {
            assert!(
                measured[figure].as_f64().is_some_and(|figure| figure > 0.0),
                "{figure}: {printed}"
            );
        }
        // Not less than K_AKMA and what seals it.
        let octets = measured["disk_octets_per_context"].as_f64().expect("octets");
        assert!(octets > 32.0 + 28.0, "{printed}");
    }
    let text = place.kaskade(&format!("{tiny} --contexts 100 --no-audit")).ok();
    for what in [
        "no audit log",
        "per CPU-s",
        "K_AF again",
        "K_AF first",
        "registration",
        "octets on disk",
    ] {
        assert!(text.contains(what), "{what}: {text}");
    }
    let left = std::fs::read_dir(place.path(".")).expect("a folder");
    let left: Vec<_> = left.map(|entry| entry.expect("a name").file_name()).collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().contains("bench")),
        "{left:?}"
    );
}

#[test]
fn what_no_benchmark_of_akma_could_measure_is_refused() {
    let place = Place::new();
    for (wrong, said) in [
        ("--contexts 99", "99 is not in 100..="),
        ("--contexts 1000,", "contexts"),
        ("--contexts many", "many"),
        ("--requests 1", "1 is not in 100..="),
        ("--connections 0", "0 is not in 1..=1000"),
        ("--streams 501", "501 is not in 1..=500"),
        ("--contexts 1000,300 --connections 20", "at least 320 --contexts"),
        ("--contexts 1000 --requests 100 --streams 30", "at least 120 --requests"),
        ("--tls", "--tls"),
    ] {
        let told = place.kaskade(&format!("bench akma {wrong}")).refused();
        assert!(told.contains(said), "{wrong}: {told}");
    }
    let told = place
        .kaskade("bench akma --contexts 100 --streams 4 --dir nowhere")
        .refused();
    assert!(told.contains("nowhere"), "{told}");
}
