//! The program and an NRF: each role that runs has a profile there, under the same name each time, until the end.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve};
use kaskade_net::sbi::server::Shutdown;
use kaskade_testkit::schema::openapi;
use serde_json::{Value, json};

use crate::common::{Place, Up, wait_until};
use crate::monitor::{curl, root};

/// Keeps method, name and profile of each request. It takes its time to remove one.
#[derive(Default)]
struct Nrf(Mutex<Vec<(String, String, Value)>>, AtomicUsize);

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
            if method == "DELETE" {
                self.1.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            self.0.lock().expect("no panic").push((method, name, profile));
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = status;
            answer
        })
    }
}

impl Nrf {
    /// At a free port.
    fn start(runtime: &tokio::runtime::Runtime) -> (Arc<Self>, SocketAddr, Shutdown) {
        let (nrf, shutdown) = (Arc::new(Self::default()), Shutdown::new());
        let _within = runtime.enter();
        let listener = Listener::tcp("127.0.0.1:0".parse().expect("an address"), None).expect("a port");
        let address = listener.address().expect("an address");
        runtime.spawn(serve(listener, nrf.clone(), Limits::default(), shutdown.clone()));
        (nrf, address, shutdown)
    }

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
    let (nrf, address, shutdown) = Nrf::start(&runtime);
    let place = Place::new();
    place.file(
        "k.toml",
        &format!("data_dir = \"data\"\n[nrf]\nurl = \"http://{address}\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"),
    );
    for round in 1..=2 {
        let up = Up::start(&place, "up --config k.toml");
        let begun = Instant::now();
        while nrf.asked("PUT").len() < 2 * round {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", nrf.0.lock());
            std::thread::sleep(Duration::from_millis(10));
        }
        let metrics = format!("{}/metrics", root(&up));
        wait_until("both are known to be registered", || {
            let figures = curl(&[&metrics]);
            ["AUSF", "UDM"]
                .iter()
                .all(|nf_type| figures.contains(&format!("kaskade_nrf_registered{{nf_type=\"{nf_type}\"}} 1\n")))
        });
        let port: u64 = up
            .ausf
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port");
        up.signal("-TERM");
        let ready = format!("{}/ready", root(&up));
        wait_until("it says that it ends", || {
            curl(&[&ready]).contains("the node is stopping")
        });
        wait_until("the end of both is asked for", || {
            nrf.1.load(Ordering::Relaxed) == 2 * round
        });
        assert_eq!(
            nrf.asked("DELETE").len(),
            2 * (round - 1),
            "before one of them is answered"
        );
        let (status, log) = up.ends_within(Duration::from_secs(20));
        assert!(status.success(), "{log}");
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
        ("[nrf]\nurl = \"https://localhost\"\nca = \"none.pem\"\n", "none.pem"),
        (
            "[nrf]\nurl = \"http://192.0.2.1\"\ninsecure_h2c = true\n",
            "127.0.0.1:7778 is for this machine only, and the NRF on another one would send peers to it: set api_root beside it",
        ),
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

#[test]
fn an_aanf_and_a_nef_are_registered_as_what_they_are() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (nrf, address, shutdown) = Nrf::start(&runtime);
    let place = Place::new();
    place.file(
        "k.toml",
        &format!(
            "data_dir = \"data\"\n[udm]\n[ausf]\n[aanf]\nlisten = \"127.0.0.1:0\"\nrouting_indicators = [\"17\", \"0018\"]\n\
             [nef]\nlisten = \"127.0.0.1:0\"\n[nef.aanfs.home]\nrealm = \"5gc.mnc001.mcc001.3gppnetwork.org\"\n[nrf]\nurl = \"http://{address}\"\n"
        ),
    );
    let up = Up::start(&place, "up --config k.toml");
    wait_until("all are registered", || nrf.asked("PUT").len() == 4);
    let profile = |nf_type: &str| {
        let all = nrf.asked("PUT").into_iter();
        let (name, profile) = { all }
            .find(|(_, profile)| profile["nfType"] == nf_type)
            .unwrap_or_else(|| panic!("no {nf_type}"));
        openapi::check_request("PUT", &format!("/nnrf-nfm/v1/nf-instances/{name}"), &profile);
        (name, profile)
    };
    let (aanf, nef) = (profile("AANF"), profile("NEF"));
    for ((name, profile), service, file) in [
        (&aanf, "naanf-akma", "aanf-instance-id"),
        (&nef, "3gpp-akma", "nef-instance-id"),
    ] {
        let names: Vec<&Value> = profile["nfServices"]
            .as_array()
            .expect("services")
            .iter()
            .map(|service| &service["serviceName"])
            .collect();
        assert_eq!(names, [service]);
        let kept = std::fs::read_to_string(place.path(&format!("data/{file}"))).expect("a name");
        assert_eq!(kept.trim(), name);
    }
    let infos = aanf.1["aanfInfoList"].as_object().expect("infos");
    let infos: Vec<&Value> = infos.values().map(|info| &info["routingIndicators"]).collect();
    assert_eq!(infos, [&json!(["17", "0018"])]);
    assert_eq!(nef.1.get("aanfInfoList"), None);
    up.stop();
    assert_eq!(nrf.asked("DELETE").len(), 4);
    shutdown.begin();
}

/// An NRF of Open5GS; ended when dropped.
struct Open5gs(std::process::Child);

impl Drop for Open5gs {
    fn drop(&mut self) {
        // Nothing to do if it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_nrf_of_open5gs_has_the_roles_that_run() {
    let place = Place::new();
    let address = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("an address")
    };
    // Whoever does not beat for two seconds is forgotten.
    let config = format!(
        "logger: {{ file: {{ path: {} }} }}\nglobal: {{ max: {{ ue: 64 }} }}\nnrf:\n  time: {{ nf_instance: {{ heartbeat: 1 }} }}\n  \
         serving: [{{ plmn_id: {{ mcc: 999, mnc: 70 }} }}]\n  sbi: {{ server: [{{ address: 127.0.0.1, port: {} }}] }}\n",
        place.path("nrf.log").display(),
        address.port()
    );
    let file = place.file("nrf.yaml", &config);
    let started = std::process::Command::new("open5gs-nrfd")
        .arg("-c")
        .arg(file)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    let Ok(started) = started else {
        kaskade_oracle::not_here("open5gs-nrfd: an NRF of Open5GS");
        return;
    };
    let _nrf = Open5gs(started);
    wait_until("the NRF listens", || std::net::TcpStream::connect(address).is_ok());
    place.file(
        "k.toml",
        &format!("data_dir = \"data\"\n[nrf]\nurl = \"http://{address}\"\n"),
    );
    let up = Up::start(&place, "up --config k.toml");
    let found = |nf_type: &str, service: &str| -> Value {
        let url = format!(
            "http://{address}/nnrf-disc/v1/nf-instances?target-nf-type={nf_type}&requester-nf-type=AMF&service-names={service}"
        );
        let text = curl(&["--http2-prior-knowledge", &url]);
        serde_json::from_str::<Value>(&text).map_or(Value::Null, |found| found["nfInstances"][0].clone())
    };
    let both = [("AUSF", "nausf-auth"), ("UDM", "nudm-ueau")];
    let begun = Instant::now();
    wait_until("both are found, and for longer than one that does not beat", || {
        let all = both
            .iter()
            .all(|(nf_type, service)| found(nf_type, service).is_object());
        assert!(all || begun.elapsed() < Duration::from_secs(3), "forgotten");
        all && begun.elapsed() > Duration::from_secs(6)
    });
    let ausf = found("AUSF", "nausf-auth");
    let kept = std::fs::read_to_string(place.path("data/nf-instance-id")).expect("a name");
    assert_eq!(ausf["nfInstanceId"], kept.trim());
    let end = &ausf["nfServices"][0]["ipEndPoints"][0];
    assert_eq!(format!("http://127.0.0.1:{}", end["port"]), up.ausf, "{ausf}");
    up.stop();
    for (nf_type, service) in both {
        assert!(found(nf_type, service).is_null(), "{nf_type}");
    }
}
