//! Peers that an NRF knows: the AAnF of a subscriber is found by its routing indicator, as long as that is true and while the NRF is away.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::StatusCode;
use kaskade_codec::sbi::NfInstanceId;
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve};
use kaskade_net::node::{PeerAt, RemoteNrf};
use kaskade_net::nrf::{Address, NfProfile};
use kaskade_net::role::ausf::end_anchor_key;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::server::Shutdown;
use kaskade_net::services::naanf_akma;
use kaskade_testkit::kept::On;
use kaskade_testkit::schema::openapi;
use serde_json::{Value, json};

use crate::anchor_keys::{FREE, Other, Said, akma, five_g_aka, home, of_ue, until};
use crate::common::{Home, Link, supi};

/// An NRF that is asked who serves.
#[derive(Default)]
pub(crate) struct Nrf {
    asked: Mutex<Vec<String>>,
    profiles: Mutex<Vec<Value>>,
    is_away: AtomicBool,
    /// Seconds that an answer is good.
    good_for: AtomicU64,
}

impl Handler for Nrf {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let uri = request.into_parts().0.uri;
            assert_eq!(uri.path(), "/nnrf-disc/v1/nf-instances");
            if self.is_away.load(Ordering::Relaxed) {
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                return answer;
            }
            self.asked.lock().unwrap().push(uri.query().unwrap().to_owned());
            // It does not know routing indicators, as some do not: all of them are in its answer.
            let found = json!({
                "validityPeriod": self.good_for.load(Ordering::Relaxed),
                "nfInstances": *self.profiles.lock().unwrap(),
            });
            Response::new(Body::whole(found.to_string()))
        })
    }
}

impl Nrf {
    /// At a free port.
    pub(crate) fn start() -> (Arc<Self>, RemoteNrf) {
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap(), None).unwrap();
        let url = format!("http://{}", listener.address().unwrap());
        let nrf = Arc::new(Self::default());
        nrf.good_for.store(3600, Ordering::Relaxed);
        tokio::spawn(serve(listener, nrf.clone(), Limits::default(), Shutdown::new()));
        let options = ClientOptions::default();
        (nrf, RemoteNrf { url, options })
    }

    /// AAnFs, each at its apiRoot for its routing indicators, in the order in which they are to be asked: as they would register.
    pub(crate) fn knows(&self, aanfs: &[(&str, &[&str])]) {
        let profile = |(place, (root, indicators)): (usize, &(&str, &[&str]))| {
            let id = NfInstanceId::from_random([u8::try_from(place).unwrap(); 16]);
            let address = Address::of_root(root).unwrap();
            let indicators: Vec<_> = indicators.iter().map(|text| text.parse().unwrap()).collect();
            let profile = NfProfile::new(id, "AANF", &address, &[&naanf_akma::SERVICE], 10).for_akma_of(&indicators);
            let mut profile = serde_json::to_value(profile).unwrap();
            openapi::check_request("PUT", &format!("/nnrf-nfm/v1/nf-instances/{id}"), &profile);
            profile["priority"] = place.into();
            profile
        };
        let mut profiles: Vec<Value> = aanfs.iter().enumerate().map(profile).collect();
        profiles.reverse();
        *self.profiles.lock().unwrap() = profiles;
    }

    /// What it was asked, without the path.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn is_away(&self) {
        self.is_away.store(true, Ordering::Relaxed);
    }
}

fn query(indicator: &str) -> String {
    format!("target-nf-type=AANF&requester-nf-type=AUSF&service-names=naanf-akma&routing-indicator={indicator}")
}

/// The AUSF finds its AAnFs there; routing indicator 12 is that of subscriber 0, and 0 that of subscriber 1.
fn found_at(nrf: RemoteNrf) -> Home {
    home(On::Embedded, Link::Local, |setup| {
        setup.akma = Some(PeerAt::ByNrf(ClientOptions::default()));
        setup.nrf = Some(nrf);
    })
}

/// An AAnF; its root.
fn aanf() -> (Arc<Other>, String, Shutdown) {
    let aanf = Arc::new(Other::default());
    let (address, end) = aanf.serve(FREE.into());
    (aanf, format!("http://{address}"), end)
}

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn an_ausf_finds_the_aanf_of_a_routing_indicator_at_the_nrf() {
    let (twelve, root_of_twelve, _end) = aanf();
    let (others, root_of_others, _end) = aanf();
    let (nrf, at) = Nrf::start();
    nrf.knows(&[(&root_of_twelve, &["12", "13"]), (&root_of_others, &["0"])]);
    let home = found_at(at);
    for _ in 0..2 {
        let first = five_g_aka(&home, 0, 1).await;
        let second = five_g_aka(&home, 1, 1).await;
        until_last(&twelve, &of_ue(0, &first, "12")).await;
        until_last(&others, &of_ue(1, &second, "0")).await;
    }
    assert_eq!(twelve.after(2).await.len(), 2);
    // The end goes to whoever has it.
    let records = home.store.records();
    assert!(end_anchor_key(&records, &supi(0), None).await.unwrap());
    until_last(&twelve, &Said::Removed(supi(0))).await;
    assert_eq!(others.after(2).await.len(), 2);
    let mut asked = nrf.asked();
    asked.sort();
    assert_eq!(asked, [query("0"), query("12")], "once each");
    assert_eq!(akma(&home).counters().later.sum(), 0);
    drop(records);
    home.shutdown_unchecked().await;
}

async fn until_last(aanf: &Arc<Other>, said: &Said) {
    for _ in 0..1000 {
        if aanf.said().last() == Some(said) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{said:?} {:?}", aanf.said());
}

#[tokio::test]
async fn an_aanf_that_is_away_is_passed_over() {
    let (there, root, _end) = aanf();
    let (nrf, at) = Nrf::start();
    nrf.knows(&[(NOBODY, &[]), (&root, &[])]);
    let home = found_at(at);
    let first = five_g_aka(&home, 0, 1).await;
    until_last(&there, &of_ue(0, &first, "12")).await;
    assert_eq!(akma(&home).counters().later.sum(), 0);
    home.shutdown_unchecked().await;
}

/// One that is away, where there is no other, holds up nobody else's.
#[tokio::test]
async fn one_aanf_that_is_away_holds_up_no_other() {
    let (there, root, _end) = aanf();
    let (nrf, at) = Nrf::start();
    nrf.knows(&[(NOBODY, &["12"]), (&root, &["0"])]);
    let home = found_at(at);
    five_g_aka(&home, 0, 1).await;
    until(|| akma(&home).counters().later.sum() > 0).await;
    let second = five_g_aka(&home, 1, 1).await;
    until_last(&there, &of_ue(1, &second, "0")).await;
    assert_eq!(akma(&home).waiting(), 1);
    home.shutdown_unchecked().await;
}

#[tokio::test]
async fn what_an_nrf_has_said_is_used_while_it_is_away() {
    let (there, root, _end) = aanf();
    let (nrf, at) = Nrf::start();
    nrf.knows(&[(&root, &["12"])]);
    nrf.good_for.store(1, Ordering::Relaxed);
    let home = found_at(at);
    let first = five_g_aka(&home, 0, 1).await;
    until_last(&there, &of_ue(0, &first, "12")).await;
    nrf.is_away();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let again = five_g_aka(&home, 0, 1).await;
    until_last(&there, &of_ue(0, &again, "12")).await;
    assert_eq!(nrf.asked().len(), 1);
    // What it never said it is asked for again.
    five_g_aka(&home, 1, 1).await;
    until(|| akma(&home).counters().later.sum() > 0).await;
    home.shutdown_unchecked().await;
}
