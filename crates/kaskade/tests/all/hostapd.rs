//! hostapd as an EAP server, which asks a running node for its vectors, and `kaskade ue eap` as the peer that it lets in.

use std::os::unix::fs::PermissionsExt as _;

use kaskade_oracle::EapServer;

use crate::common::{K, OPC, Place, SUPI, Up};

const REALM: &str = "wlan.mnc001.mcc001.3gppnetwork.org";
const CONFIG: &str = "data_dir = \"data\"\n[udm]\n[hostapd_auc]\naka_prime = \"prime.sock\"\naka = \"plain.sock\"\ninsecure_ck_ik = true\n";

#[test]
fn an_emulated_device_is_let_in_by_hostapd_with_vectors_of_a_node() {
    let place = Place::new();
    place.file("k.toml", CONFIG);
    place.file("secret", &format!("{}\n", EapServer::SECRET));
    let methods = "--methods 5g-aka,eap-aka-prime,eap-aka";
    place
        .with_secrets(&format!("subscriber add --config k.toml --supi {SUPI} {methods}"))
        .ok();
    let up = Up::start(&place, "up --config k.toml");
    for said in [
        "prime.sock (EAP-AKA', gets CK and IK)",
        "plain.sock (EAP-AKA, gets CK and IK)",
        "insecure_ck_ik is true",
    ] {
        assert!(up.greeting.contains(said), "{said}: {}", up.greeting);
    }
    for (socket, method, name) in [
        ("prime.sock", "aka-prime", "EAP-AKA'"),
        ("plain.sock", "aka", "EAP-AKA"),
    ] {
        let path = place.path(socket);
        let mode = std::fs::metadata(&path).expect("a socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let folder = place.path(method);
        std::fs::create_dir(&folder).expect("a folder");
        let Some(hostapd) = EapServer::start(&folder, &path, REALM) else {
            return;
        };
        // A full authentication after a synchronisation failure, then fast ones; the keys of both ends agree.
        let told = place.with_secrets(&format!(
            "ue eap --radius 127.0.0.1:{} --radius-secret-file secret --supi {SUPI} --realm {REALM} --method {method} --network WLAN \
             --result-ind --sqn-ms 00ff00000000 --repeat 3",
            hostapd.port()
        ));
        let told = told.ok();
        for (said, times) in [("full authentication", 1), ("fast re-authentication", 2)] {
            assert_eq!(told.matches(&format!("{name}, {said}")).count(), times, "{told}");
        }
    }
    up.stop();
    assert!(!place.path("prime.sock").exists() && !place.path("plain.sock").exists());
    let shown = place.kaskade("audit show --config k.toml").ok();
    assert!(shown.contains("vector-given") && shown.contains("hostapd"), "{shown}");
    assert!(shown.contains("resynchronised"), "{shown}");
    place.has_no(&[K, OPC], &["data"]);
}

#[test]
fn a_node_does_not_start_where_somebody_else_has_the_socket_of_hostapd() {
    let place = Place::new();
    place.file("k.toml", CONFIG);
    place.file("prime.sock", "a file of somebody");
    let said = Up::try_start(&place, "up --config k.toml", |_| {})
        .err()
        .expect("it does not start")
        .1;
    assert!(said.contains("prime.sock: is no socket"), "{said}");
    let kept = std::fs::read_to_string(place.path("prime.sock")).expect("there");
    assert_eq!(kept, "a file of somebody");
    place.file("k.toml", &CONFIG.replace("insecure_ck_ik = true\n", ""));
    let said = place.kaskade("config check k.toml").refused();
    assert!(
        said.contains("line 4, column 1: hostapd_auc.aka_prime: whoever asks there gets CK and IK"),
        "{said}"
    );
}
