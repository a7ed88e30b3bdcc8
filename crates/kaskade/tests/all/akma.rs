//! AKMA with the program: an anchor key registered, an application key asked for across `kill -9`, ended, listed.

use kaskade_testkit::kept::On;
use serde_json::{Value, json};

use crate::common::{Place, SUPI, Up, store_on};
use crate::monitor::{curl, root};

/// Of RFC 9048 case 1, by an independent derivation.
pub(crate) const A_KID: &str = "rid0.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org";
pub(crate) const K_AKMA: &str = "b404b6ab3ef4f7b47d18ba1744e2af7b89d2f162d094151e828adeb90dbf2619";
pub(crate) const K_AF: &str = "2c248b17e23040d40c5dcfb7b98dc5f6ac9a3eaf71bb01999b8602ef9c1730d3";

pub(crate) const AF_ID: &str = "af.example.com0100000002";

pub(crate) fn aanf(up: &Up) -> String {
    let line = up.greeting.lines().find(|line| line.starts_with("AAnF "));
    let line = line.unwrap_or_else(|| panic!("{}", up.greeting));
    line.split_whitespace().last().expect("a URL").to_owned()
}

pub(crate) fn post(up: &Up, operation: &str, body: &Value) -> String {
    let url = format!("{}/{operation}", aanf(up));
    let (body, json) = (body.to_string(), "content-type: application/json");
    curl(&["--http2-prior-knowledge", "-X", "POST", "-H", json, "-d", &body, &url])
}

pub(crate) fn ask(up: &Up) -> String {
    let request = json!({ "afId": AF_ID, "aKId": A_KID });
    post(up, "retrieve-applicationkey", &request)
}

fn a_node_gives_application_keys_also_after_kill_9(on: On) {
    let place = Place::new();
    let roles = "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[udm]\n[ausf]\n\
         [aanf]\nlisten = \"127.0.0.1:0\"\nausfs = [\"127.0.0.1\"]\n[aanf.functions.portal]\nfqdn = \"af.example.com\"\n\
         protocols = [\"http-digest\"]\ncallers = [\"127.0.0.1\"]\nidentity = \"supi\"\n";
    place.file("kaskade.toml", &format!("{roles}{}", store_on(on)));
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --akma --config kaskade.toml"))
        .ok();
    let up = Up::start(&place, "up --config kaskade.toml");
    assert_eq!(ask(&up), "", "204");
    let info = json!({ "supi": SUPI, "aKId": A_KID, "kAkma": K_AKMA });
    let registered: Value = serde_json::from_str(&post(&up, "register-anchorkey", &info)).expect("JSON");
    assert_eq!(registered, info);
    let first: Value = serde_json::from_str(&ask(&up)).expect("JSON");
    assert_eq!((&first["kaf"], &first["supi"]), (&K_AF.into(), &SUPI.into()));
    up.signal("-KILL");
    drop(up);
    let up = Up::start(&place, "up --config kaskade.toml");
    let again: Value = serde_json::from_str(&ask(&up)).expect("JSON");
    assert_eq!(again, first, "the same key with the same end");
    let metrics = curl(&[&format!("{}/metrics", root(&up))]);
    for line in [
        "kaskade_akma_keys_given_total{when=\"first\"} 0",
        "kaskade_akma_keys_given_total{when=\"again\"} 1",
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line}: {metrics}");
    }

    let contexts = place.kaskade("akma contexts --config kaskade.toml").ok();
    let keys = place.kaskade("akma keys --config kaskade.toml").ok();
    for (text, has) in [
        (&contexts, "rid0.atid***@5gc.mnc001"),
        (&keys, "af.example.com0100000002"),
    ] {
        assert!(text.contains(has), "{text}");
        assert!(!text.contains(SUPI) && !text.contains("2yxx5"), "{text}");
    }
    let revoked = place
        .kaskade(&format!(
            "akma revoke {SUPI} --function af.example.com --json --config kaskade.toml"
        ))
        .ok();
    let revoked: Value = serde_json::from_str(&revoked).expect("JSON");
    assert_eq!(revoked["keys"], 1);
    assert_eq!(ask(&up), "", "until the next authentication");
    let disable = format!("akma disable {SUPI} --config kaskade.toml");
    place.kaskade(&disable).ok();
    assert!(place.kaskade(&disable).refused().contains("no anchor key"));
    up.stop();
    // And without a node.
    assert!(place.kaskade(&disable).refused().contains("no anchor key"));
    let audit = place
        .kaskade("audit show --json --config kaskade.toml --action application-key-given")
        .ok();
    assert!(audit.matches("application-key-given").count() >= 2, "{audit}");
}

kaskade_testkit::over_each_engine!(a_node_gives_application_keys_also_after_kill_9);
