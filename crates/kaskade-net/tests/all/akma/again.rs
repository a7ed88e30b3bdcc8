//! Users whose keys end are authenticated again, as often as the configuration says, and nobody waits for it.

use std::time::Instant;

use kaskade_net::node::{PeerAt, ReauthenticationRole};
use kaskade_net::role::aanf::{Asked, ReauthenticationLimits};
use kaskade_net::role::udm::{AmfPolicy, UecmOptions};
use serde_json::json;

use super::*;
use crate::common::http::{Ask, send_unchecked};

/// Once an hour, as soon as a key is over.
fn limits() -> ReauthenticationLimits {
    ReauthenticationLimits {
        interval: Duration::from_secs(3600),
        ahead: Duration::ZERO,
        ..ReauthenticationLimits::default()
    }
}

/// Keys live for a moment. The AMF, which is whoever asks from 127.0.0.1, is told at `root`.
fn with_reauthentication(on: On, root: Option<&str>, again: ReauthenticationRole, life: Option<Duration>) -> Home {
    let mut rule = rule("af.example.com", "portal");
    rule.lifetime = Duration::from_secs(1);
    let home = Home::start_at(on, Link::Local, |setup| {
        set_up(setup, policy([rule], None));
        let amf: Member = "127.0.0.1".parse().unwrap();
        setup.groups = groups().with("amf", [amf]);
        setup.reauthentication = Some(again);
        if let (Some(aanf), Some(life)) = (&mut setup.aanf, life) {
            aanf.lifetime = Some(life);
        }
        let roots = root.map(|root| root.parse().unwrap());
        setup.uecm = root.map(|_| UecmOptions {
            amfs: AmfPolicy::default().with(Requester::group("amf").id(), "amf", roots),
            ..UecmOptions::default()
        });
    });
    with_akma(home)
}

fn of_this_node(limits: ReauthenticationLimits) -> ReauthenticationRole {
    ReauthenticationRole {
        limits,
        udm: PeerAt::OfThisNode,
    }
}

/// An AMF serves the subscriber, and wants to hear at `root` of authentications.
async fn served(home: &Home, of: u64, root: &str) {
    let body = json!({
        "amfInstanceId": "01020304-0506-4708-890a-0b0c0d0e0f10",
        "deregCallbackUri": format!("{root}/dereg"),
        "guami": { "plmnId": { "mcc": "001", "mnc": "01" }, "amfId": "020040" },
        "ratType": "NR",
        "reauthNotifyCallbackUri": format!("{root}/again/{of}"),
    });
    let path = format!("/nudm-uecm/v1/{}/registrations/amf-3gpp-access", supi(of).sbi());
    let told = send_unchecked(home.udm_url(), &Ask::json("PUT", path, body.to_string())).await;
    assert_eq!(told.status, 201, "{told:?}");
}

fn asked(home: &Home) -> Vec<u64> {
    let counters = home.udm.aanf().unwrap().counters();
    counters.asked().map(|(_, count)| count).collect()
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..1000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never is");
}

async fn over(portal: &Nf, of: u64) {
    portal.key(request(of, 1, PORTAL_ID)).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(portal.key(request(of, 1, PORTAL_ID)).await.unwrap().is_none());
}

async fn a_user_whose_key_is_over_is_authenticated_again_once_in_an_interval(on: On) {
    let (amf, root, _end) = Holder::start();
    let home = with_reauthentication(on, Some(&root), of_this_node(limits()), None);
    let (ausf, portal) = (nf(&home, AUSF), nf(&home, PORTAL));
    for of in [0, 1] {
        served(&home, of, &root).await;
        ausf.registers(of, 1).await.unwrap();
    }
    over(&portal, 0).await;
    let told = amf.after(1).await;
    assert_eq!(told, [("/again/0".to_owned(), json!({ "supi": supi(0).sbi() }))]);
    for _ in 0..5 {
        assert!(portal.key(request(0, 1, PORTAL_ID)).await.unwrap().is_none());
    }
    // Another user has an interval of its own.
    over(&portal, 1).await;
    let told = amf.after(2).await;
    assert_eq!(told[1].0, "/again/1");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(amf.after(2).await.len(), 2);
    until(|| asked(&home) == [2, 0, 0, 0]).await;
    // A new K_AKMA gives a new key, as before.
    ausf.registers(0, 2).await.unwrap();
    portal.key(request(0, 2, PORTAL_ID)).await.unwrap().unwrap();
    home.shutdown_unchecked().await;
}

async fn a_user_whom_no_amf_serves_is_not_authenticated_again(on: On) {
    let (amf, root, _end) = Holder::start();
    let home = with_reauthentication(on, Some(&root), of_this_node(limits()), None);
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    over(&nf(&home, PORTAL), 0).await;
    until(|| asked(&home) == [0, 1, 0, 0]).await;
    assert_eq!(*amf.told.lock().unwrap(), []);
    home.shutdown_unchecked().await;
}

async fn of_more_subscribers_than_are_remembered_nobody_is_asked_for(on: On) {
    let (amf, root, _end) = Holder::start();
    let home = with_reauthentication(
        on,
        Some(&root),
        of_this_node(ReauthenticationLimits { most: 1, ..limits() }),
        None,
    );
    let (ausf, portal) = (nf(&home, AUSF), nf(&home, PORTAL));
    for of in [0, 1] {
        served(&home, of, &root).await;
        ausf.registers(of, 1).await.unwrap();
        over(&portal, of).await;
    }
    until(|| asked(&home) == [1, 0, 0, 1]).await;
    assert_eq!(amf.after(1).await.len(), 1);
    home.shutdown_unchecked().await;
}

/// It says nothing, and takes its time for it.
async fn no_answer_waits_for_a_udm(on: On) {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let again = ReauthenticationRole {
        limits: limits(),
        udm: PeerAt::There(url, ClientOptions::default()),
    };
    let home = with_reauthentication(on, None, again, None);
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    let portal = nf(&home, PORTAL);
    portal.key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let begun = Instant::now();
    assert!(portal.key(request(0, 1, PORTAL_ID)).await.unwrap().is_none());
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    until(|| asked(&home)[Asked::Failed as usize] == 1).await;
    home.shutdown_unchecked().await;
}

/// A UDM of another make, which knows one form of the operation.
#[derive(Default)]
struct Udm(Mutex<Vec<(Method, String)>>);

impl Handler for Udm {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let (head, upload) = request.into_parts();
            let body: Value = serde_json::from_slice(&upload.whole(65_536).await.unwrap()).unwrap();
            let status = match (&head.method, head.uri.path().rsplit('/').next()) {
                (&Method::GET, Some("auth-trigger")) => {
                    assert_eq!(body, json!({ "supi": supi(0).sbi() }));
                    StatusCode::NO_CONTENT
                }
                (_, Some("auth-trigger")) => StatusCode::METHOD_NOT_ALLOWED,
                _ => StatusCode::NOT_FOUND,
            };
            self.0.lock().unwrap().push((head.method, head.uri.path().to_owned()));
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = status;
            answer
        })
    }
}

async fn a_udm_is_asked_in_the_form_that_it_knows(on: On) {
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let url = format!("http://{}", listener.address().unwrap());
    let (udm, shutdown) = (Arc::new(Udm::default()), Shutdown::new());
    tokio::spawn(serve(listener, udm.clone(), Limits::default(), shutdown.clone()));
    let again = ReauthenticationRole {
        limits: limits(),
        udm: PeerAt::There(url, ClientOptions::default()),
    };
    let home = with_reauthentication(on, None, again, None);
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    over(&nf(&home, PORTAL), 0).await;
    until(|| asked(&home) == [1, 0, 0, 0]).await;
    assert_eq!(udm.0.lock().unwrap().len(), 4);
    home.shutdown_unchecked().await;
}

/// Nobody asks for anything at that time.
async fn an_anchor_key_with_keys_below_it_is_followed_by_another_before_it_ends(on: On) {
    let (amf, root, _end) = Holder::start();
    let again = ReauthenticationLimits {
        ahead: Duration::from_secs(4),
        ..limits()
    };
    let home = with_reauthentication(on, Some(&root), of_this_node(again), Some(Duration::from_secs(6)));
    let (ausf, portal) = (nf(&home, AUSF), nf(&home, PORTAL));
    for of in [0, 1] {
        served(&home, of, &root).await;
        ausf.registers(of, 1).await.unwrap();
    }
    // Below the other's there is no key.
    portal.key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    let told = amf.after(1).await;
    assert_eq!(told[0].0, "/again/0");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(amf.told.lock().unwrap().len(), 1);
    home.shutdown_unchecked().await;
}

kaskade_testkit::over_each_engine!(async
    a_user_whose_key_is_over_is_authenticated_again_once_in_an_interval,
    a_user_whom_no_amf_serves_is_not_authenticated_again,
    of_more_subscribers_than_are_remembered_nobody_is_asked_for,
    no_answer_waits_for_a_udm,
    a_udm_is_asked_in_the_form_that_it_knows,
    an_anchor_key_with_keys_below_it_is_followed_by_another_before_it_ends,
);
