//! Keys below the EMSK with the program: given to a network function, held across `kill -9`, ended, listed.

use std::sync::{Arc, Mutex};

use hyper::StatusCode;
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve};
use kaskade_net::sbi::server::Shutdown;
use kaskade_testkit::kept::On;
use serde_json::{Value, json};

use crate::common::{Place, SUPI, Up, store_on, wait_until};
use crate::monitor::{curl, root};

/// What a holder was told.
#[derive(Default)]
struct Holder(Mutex<Vec<Value>>);

impl Handler for Holder {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let (_, upload) = request.into_parts();
            let octets = upload.whole(65_536).await.expect("a body");
            let told = serde_json::from_slice(&octets).expect("JSON");
            self.0.lock().expect("no panic").push(told);
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            answer
        })
    }
}

impl Holder {
    fn told(&self, count: usize) -> Vec<Value> {
        wait_until("the holder is told", || self.0.lock().expect("no panic").len() >= count);
        self.0.lock().expect("no panic").clone()
    }
}

fn attach(place: &Place, up: &Up) {
    let state = "--state usim.json";
    place
        .with_secrets(&format!(
            "ue attach --ausf {} --supi {SUPI} --plmn 001-01 {state}",
            up.ausf
        ))
        .ok();
}

fn ask(up: &Up, body: &Value) -> Value {
    let url = format!("{}/kaskade-usage-keys/v1/keys", up.ausf);
    let (body, json) = (body.to_string(), "content-type: application/json");
    let told = curl(&["--http2-prior-knowledge", "-X", "POST", "-H", json, "-d", &body, &url]);
    serde_json::from_str(&told).expect("JSON")
}

fn a_node_gives_keys_and_holders_hear_of_their_end_also_after_kill_9(on: On) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (holder, shutdown) = (Arc::new(Holder::default()), Shutdown::new());
    let address = {
        let _within = runtime.enter();
        let listener = Listener::tcp("127.0.0.1:0".parse().expect("an address"), None).expect("a port");
        let address = listener.address().expect("an address");
        runtime.spawn(serve(listener, holder.clone(), Limits::default(), shutdown.clone()));
        address
    };
    let place = Place::new();
    let store = store_on(on);
    let configuration = |slices: &str| {
        format!(
            "data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [emsk.usages.one]\nlabel = \"one@example.org\"\n[emsk.usages.one.grants]\n\"127.0.0.1\" = []\n\
             [emsk.usages.slices]\nlabel = \"slice@example.org\"\ndata = \"slice\"\n[emsk.usages.slices.grants]\n\
             \"127.0.0.1\" = [\"{slices}\"]\n[emsk.callbacks.roots]\n\"127.0.0.1\" = [\"http://{address}\"]\n{store}"
        )
    };
    place.file("kaskade.toml", &configuration("1-0000d1"));
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --config kaskade.toml"))
        .ok();
    let (up, log) = Up::start_with_log(&place, "up --config kaskade.toml");
    assert!(up.greeting.contains("/kaskade-usage-keys/v1"), "{}", up.greeting);
    let one = json!({"supi": SUPI, "label": "one@example.org", "callbackUri": format!("http://{address}/ended")});
    assert_eq!(ask(&up, &one)["cause"], "CONTEXT_NOT_FOUND");
    attach(&place, &up);
    let first = ask(&up, &one);
    let key = first["key"].as_str().expect("a key");
    assert_eq!((key.len(), &ask(&up, &one)["key"]), (128, &first["key"]));
    // What is granted is taken over while it runs.
    let slice = json!({"supi": SUPI, "label": "slice@example.org", "snssai": "1-0000d2"});
    assert_eq!(ask(&up, &slice)["status"], 403);
    place.file("kaskade.toml", &configuration("1-0000d2"));
    up.reload(&log, "the configuration was taken over", 1);
    assert!(ask(&up, &slice)["key"].is_string());

    let usages: Value =
        serde_json::from_str(&place.kaskade("emsk usages --json --config kaskade.toml").ok()).expect("JSON");
    assert_eq!(
        (&usages["emsks"], &usages["holders"]),
        (&1.into(), &2.into()),
        "{usages}"
    );
    let keys = place.kaskade("emsk keys --config kaskade.toml").ok();
    let name = first["keyName"].as_str().expect("a name");
    assert!(
        keys.contains(name) && !keys.contains(key) && !keys.contains(SUPI),
        "{keys}"
    );
    assert!(keys.contains("slice@example.org, slice 1-0000d2"), "{keys}");
    let metrics = curl(&[&format!("{}/metrics", root(&up))]);
    for line in [
        "kaskade_emsk_held 1",
        "kaskade_emsk_holders 2",
        "kaskade_emsk_keys_given_total{data=\"usage\",when=\"first\"} 1",
        "kaskade_emsk_keys_given_total{data=\"usage\",when=\"again\"} 1",
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line}: {metrics}");
    }

    up.signal("-KILL");
    drop(up);
    assert!(holder.0.lock().expect("no panic").is_empty());
    let up = Up::start(&place, "up --config kaskade.toml");
    let told = holder.told(1);
    assert_eq!(
        (&told[0]["reason"], &told[0]["keyName"]),
        (&"lost".into(), &first["keyName"])
    );
    attach(&place, &up);
    let second = ask(&up, &one);
    assert_ne!(second["key"], first["key"]);
    let retired = place
        .kaskade(&format!("emsk retire {SUPI} --json --config kaskade.toml"))
        .ok();
    let retired: Value = serde_json::from_str(&retired).expect("JSON");
    assert_eq!(retired["holders"], 1);
    assert_eq!(holder.told(2)[1]["reason"], "administered");
    assert_eq!(ask(&up, &one)["cause"], "CONTEXT_NOT_FOUND");
    assert!(
        place
            .kaskade(&format!("emsk retire {SUPI} --config kaskade.toml"))
            .refused()
            .contains("no EMSK")
    );
    // A suspended subscriber has no keys, and the holder hears that.
    attach(&place, &up);
    assert!(ask(&up, &one)["key"].is_string());
    place
        .kaskade(&format!("subscriber suspend {SUPI} --config kaskade.toml"))
        .ok();
    assert_eq!(holder.told(3)[2]["reason"], "deregistered");
    assert_eq!(ask(&up, &one)["cause"], "AUTHENTICATION_REJECTED");
    up.stop();
    let audit = place
        .kaskade("audit show --json --config kaskade.toml --action usage-key-given")
        .ok();
    assert!(audit.matches("usage-key-given").count() >= 4, "{audit}");
    shutdown.begin();
}

kaskade_testkit::over_each_engine!(a_node_gives_keys_and_holders_hear_of_their_end_also_after_kill_9);
