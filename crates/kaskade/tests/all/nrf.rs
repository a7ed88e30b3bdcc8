//! The program and an NRF: each role that runs has a profile there, under the same name each time, until the end.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve};
use kaskade_net::sbi::server::Shutdown;
use serde_json::Value;

use crate::common::{Place, Up};

/// Keeps method, name and profile of each request.
#[derive(Default)]
struct Nrf(Mutex<Vec<(String, String, Value)>>);

impl Handler for Nrf {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let (head, upload) = request.into_parts();
            let octets = upload.whole(65_536).await.expect("a body");
            let profile = serde_json::from_slice(&octets).unwrap_or(Value::Null);
            let name = head.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
            let method = head.method.to_string();
            let status = match method.as_str() {
                "PUT" => StatusCode::CREATED,
                _ => StatusCode::NO_CONTENT,
            };
            self.0.lock().expect("no panic").push((method, name, profile));
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = status;
            answer
        })
    }
}

impl Nrf {
    fn asked(&self, method: &str) -> Vec<(String, Value)> {
        let all = self.0.lock().expect("no panic").clone();
        all.into_iter()
            .filter(|(of, ..)| of == method)
            .map(|(_, name, profile)| (name, profile))
            .collect()
    }
}

#[test]
fn the_roles_that_run_are_registered_until_the_end() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (nrf, shutdown) = (Arc::new(Nrf::default()), Shutdown::new());
    let address = {
        let _within = runtime.enter();
        let listener = Listener::tcp("127.0.0.1:0".parse().expect("an address"), None).expect("a port");
        let address = listener.address().expect("an address");
        runtime.spawn(serve(listener, nrf.clone(), Limits::default(), shutdown.clone()));
        address
    };
    let place = Place::new();
    place.file(
        "k.toml",
        &format!("data_dir = \"data\"\n[nrf]\nurl = \"http://{address}\"\n"),
    );
    for round in 1..=2 {
        let up = Up::start(&place, "up --config k.toml");
        let begun = Instant::now();
        while nrf.asked("PUT").len() < 2 * round {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", nrf.0.lock());
            std::thread::sleep(Duration::from_millis(10));
        }
        let port: u64 = up
            .ausf
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port");
        up.stop();
        assert_eq!(nrf.asked("DELETE").len(), 2 * round, "{round}");
        let ausf = nrf
            .asked("PUT")
            .into_iter()
            .rfind(|(_, profile)| profile["nfType"] == "AUSF");
        let (name, profile) = ausf.expect("an AUSF");
        assert_eq!(profile["nfServices"][0]["ipEndPoints"][0]["port"], port);
        let kept = std::fs::read_to_string(place.path("data/nf-instance-id")).expect("a name");
        assert_eq!(kept.trim(), name);
    }
    let names = |nf_type: &str| {
        let all = nrf.asked("PUT").into_iter();
        let of_type = all.filter(|(_, profile)| profile["nfType"] == nf_type);
        of_type.map(|(name, _)| name).collect::<Vec<_>>()
    };
    let (udm, ausf) = (names("UDM"), names("AUSF"));
    assert!(
        udm.len() == 2 && udm[0] == udm[1] && ausf[0] == ausf[1] && udm[0] != ausf[0],
        "{udm:?} {ausf:?}"
    );
    shutdown.begin();

    for (config, says) in [
        ("[nrf]\nurl = \"http://192.0.2.1\"\n", "nrf.url"),
        ("[nrf]\nca = \"ca.pem\"\n", "nrf: has settings, but no url"),
        ("[nrf]\nurl = \"https://a\"\nca = \"none.pem\"\n", "none.pem"),
        (
            "[nrf]\nurl = \"http://127.0.0.1:1\"\n[udm]\nlisten = \"0.0.0.0:1\"\ninsecure_h2c = true\n",
            "set api_root beside it",
        ),
    ] {
        place.file("wrong.toml", config);
        let said = place.kaskade("config check wrong.toml").refused();
        assert!(said.contains(says), "{config}: {said}");
    }
}
