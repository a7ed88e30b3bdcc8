//! Which AMF serves a subscriber, and that it is to authenticate it again: over HTTP/2, where the configuration says that it may be told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::{Method, StatusCode};
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve};
use kaskade_net::role::policy::{Groups, Member};
use kaskade_net::role::udm::{AmfPolicy, UecmOptions};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::Shutdown;
use kaskade_testkit::schema::Seen;
use serde_json::{Value, json};

use crate::common::http::{Ask, Told, send_unchecked};
use crate::common::schema::SERVICES;
use crate::common::{Home, Link, answer, snn, supi, ue};

/// An AMF's own server: what it was told.
#[derive(Default)]
pub(crate) struct Amf {
    pub(crate) told: Mutex<Vec<(String, Value)>>,
    pub(crate) answers: Mutex<Vec<StatusCode>>,
}

impl Handler for Amf {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let (head, upload) = request.into_parts();
            assert_eq!(head.method, Method::POST);
            let body = serde_json::from_slice(&upload.whole(65_536).await.unwrap()).unwrap();
            let status = self.answers.lock().unwrap().pop().unwrap_or(StatusCode::NO_CONTENT);
            self.told.lock().unwrap().push((head.uri.path().to_owned(), body));
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = status;
            answer
        })
    }
}

impl Amf {
    /// At a free port; its root.
    pub(crate) fn start() -> (Arc<Self>, String, Shutdown) {
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap(), None).unwrap();
        let root = format!("http://{}", listener.address().unwrap());
        let (amf, shutdown) = (Arc::new(Self::default()), Shutdown::new());
        tokio::spawn(serve(listener, amf.clone(), Limits::default(), shutdown.clone()));
        (amf, root, shutdown)
    }

    /// What it was told, when that was so much.
    pub(crate) async fn after(&self, count: usize) -> Vec<(String, Value)> {
        for _ in 0..1500 {
            let told = self.told.lock().unwrap().clone();
            if told.len() >= count {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.told.lock().unwrap());
    }
}

/// The AMF is whoever asks from 127.0.0.1.
pub(crate) fn home(root: Option<&str>) -> Home {
    Home::start_with(Link::Http, |setup| {
        let member: Member = "127.0.0.1".parse().unwrap();
        setup.groups = Groups::default().with("amf", [member]);
        let roots = root.map(|root| root.parse().unwrap());
        setup.uecm = Some(UecmOptions {
            amfs: AmfPolicy::default().with(Requester::group("amf").id(), "amf", roots),
            ..UecmOptions::default()
        });
    })
}

/// Sends a request, and holds the answer to what the declaration says. 3GPP's file is not at hand.
async fn send(url: &str, ask: &Ask<'_>) -> Told {
    let told = send_unchecked(url, ask).await;
    let seen = Seen {
        method: ask.method,
        path: &ask.path,
        status: told.status,
        content_type: told.header("content-type"),
        location: told.header("location"),
        body: &told.body,
    };
    assert_eq!(SERVICES.try_answer(&seen), Ok(()), "{told:?}");
    told
}

pub(crate) fn registration(again: Option<&str>, amf_id: &str) -> Value {
    let mut registration = json!({
        "amfInstanceId": "01020304-0506-4708-890a-0b0c0d0e0f10",
        "deregCallbackUri": "http://127.0.0.1:9/dereg",
        "guami": { "plmnId": { "mcc": "001", "mnc": "01" }, "amfId": amf_id },
        "ratType": "NR",
        "imsVoPs": "HOMOGENEOUS_SUPPORT",
    });
    if let Some(again) = again {
        registration["reauthNotifyCallbackUri"] = again.into();
    }
    registration
}

fn path(index: u64, rest: &str) -> String {
    format!("/nudm-uecm/v1/{}/registrations/{rest}", supi(index).sbi())
}

pub(crate) async fn register(home: &Home, index: u64, registration: &Value) -> Told {
    let ask = Ask::json("PUT", path(index, "amf-3gpp-access"), registration.to_string());
    send(home.udm_url(), &ask).await
}

pub(crate) async fn trigger(home: &Home, method: &str, index: u64, rest: &str) -> Told {
    let body = json!({ "supi": supi(index).sbi() }).to_string();
    send(home.udm_url(), &Ask::json(method, path(index, rest), body)).await
}

pub(crate) fn refused(told: &Told) -> (u16, String) {
    (told.status, told.text("/cause"))
}

#[tokio::test]
async fn whoever_wants_a_subscriber_authenticated_again_has_its_amf_told() {
    let (amf, root, _end) = Amf::start();
    let home = home(Some(&root));
    let registration = registration(Some(&format!("{root}/again/1")), "020040");
    let made = register(&home, 0, &registration).await;
    assert_eq!((made.status, made.json()), (201, registration.clone()));
    let location = format!("{}{}", home.udm_url(), path(0, "amf-3gpp-access"));
    assert_eq!(made.header("location"), Some(location.as_str()));
    assert_eq!(register(&home, 0, &registration).await.status, 204, "it is there");
    // It does not take the first message at first.
    amf.answers.lock().unwrap().push(StatusCode::SERVICE_UNAVAILABLE);
    let all = [
        ("POST", "trigger-auth"),
        ("GET", "trigger-auth"),
        ("POST", "auth-trigger"),
        ("GET", "auth-trigger"),
    ];
    let mut before = 1;
    for (method, rest) in all {
        assert_eq!(trigger(&home, method, 0, rest).await.status, 204, "{method} {rest}");
        before += 1;
        let told = amf.after(before).await;
        assert_eq!(
            told.last(),
            Some(&("/again/1".to_owned(), json!({ "supi": supi(0).sbi() })))
        );
    }
    let counters = home.udm.uecm().unwrap().counters();
    for _ in 0..500 {
        if counters.told.sum() == 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        (counters.asked.sum(), counters.told.sum(), counters.not_told.sum()),
        (4, 4, 1)
    );
    home.shutdown_unchecked().await;
}

/// While one runs that is what was wanted: until its result is reported, nobody is asked for another.
#[tokio::test]
async fn while_an_authentication_runs_no_other_is_asked_for() {
    let (amf, root, _end) = Amf::start();
    let home = home(Some(&root));
    let again = format!("{root}/again");
    register(&home, 0, &registration(Some(&again), "020040")).await;
    register(&home, 1, &registration(Some(&again), "020040")).await;
    let seaf = home.seaf();
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    let told = trigger(&home, "POST", 0, "trigger-auth").await;
    assert_eq!(refused(&told), (403, "MODIFICATION_NOT_ALLOWED".to_owned()));
    assert_eq!(
        trigger(&home, "POST", 1, "trigger-auth").await.status,
        204,
        "of somebody else"
    );
    let at_ue = answer(&mut ue(0), &challenge);
    seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star))
        .await
        .unwrap();
    assert_eq!(trigger(&home, "POST", 0, "trigger-auth").await.status, 204);
    assert_eq!(amf.after(2).await.len(), 2);
    home.shutdown_unchecked().await;
}

#[tokio::test]
async fn an_amf_is_told_where_the_configuration_says_and_nowhere_else() {
    let (amf, root, _end) = Amf::start();
    let home = home(Some("http://127.0.0.1:9"));
    // It may be registered all the same: that it may not be told is no concern of the subscriber's.
    register(&home, 0, &registration(Some(&format!("{root}/again")), "020040")).await;
    register(&home, 1, &registration(None, "020040")).await;
    for index in [0, 1, 2] {
        let told = trigger(&home, "POST", index, "trigger-auth").await;
        assert_eq!(refused(&told), (404, "CONTEXT_NOT_FOUND".to_owned()), "{index}");
    }
    let nobody = format!("/nudm-uecm/v1/{}/registrations/trigger-auth", "imsi-001019999999999");
    let told = send(home.udm_url(), &Ask::json("POST", nobody, "{}")).await;
    assert_eq!(refused(&told), (404, "USER_NOT_FOUND".to_owned()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(*amf.told.lock().unwrap(), []);
    home.shutdown_unchecked().await;
}

#[tokio::test]
async fn an_amf_changes_its_own_registration_and_no_others() {
    let (amf, root, _end) = Amf::start();
    let home = home(Some(&root));
    register(&home, 0, &registration(None, "020040")).await;
    let patch = |content_type: &str, body: Value| {
        Ask::bare("PATCH", path(0, "amf-3gpp-access"))
            .header("content-type", content_type)
            .body(body.to_string())
    };
    const MERGE: &str = "application/merge-patch+json";
    let guami = |amf_id: &str| registration(None, amf_id)["guami"].clone();
    let again = json!({ "guami": guami("020040"), "reauthNotifyCallbackUri": format!("{root}/new") });
    let of_another = json!({ "guami": guami("020041"), "purgeFlag": true });
    let purge = json!({ "guami": guami("020040"), "purgeFlag": true });
    let told = send(home.udm_url(), &patch(MERGE, of_another)).await;
    assert_eq!(refused(&told), (404, "CONTEXT_NOT_FOUND".to_owned()));
    let told = send(home.udm_url(), &patch("application/json-patch+json", again.clone())).await;
    assert_eq!(told.status, 415, "another form of patch");
    assert_eq!(send(home.udm_url(), &patch(MERGE, again)).await.status, 204);
    assert_eq!(trigger(&home, "POST", 0, "trigger-auth").await.status, 204);
    assert_eq!(amf.after(1).await[0].0, "/new");
    assert_eq!(
        send(home.udm_url(), &patch("application/json", purge.clone()))
            .await
            .status,
        204
    );
    let told = trigger(&home, "POST", 0, "trigger-auth").await;
    assert_eq!(refused(&told), (404, "CONTEXT_NOT_FOUND".to_owned()));
    assert_eq!(refused(&send(home.udm_url(), &patch(MERGE, purge)).await).0, 404);
    home.shutdown_unchecked().await;
}

/// A GUAMI is no secret.
#[tokio::test]
async fn who_knows_a_guami_does_not_change_the_registration_of_its_amf() {
    let (_amf, root, _end) = Amf::start();
    let home = home(Some(&root));
    register(&home, 0, &registration(Some(&root), "020040")).await;
    let as_amf = |name: &str| {
        let roots = [root.parse().unwrap()];
        let policy = AmfPolicy::default().with(Requester::group("amf").id(), name, roots);
        home.udm.uecm().unwrap().policy().replace(policy);
    };
    let purge = json!({ "guami": registration(None, "020040")["guami"].clone(), "purgeFlag": true });
    let purge = Ask::bare("PATCH", path(0, "amf-3gpp-access"))
        .header("content-type", "application/merge-patch+json")
        .body(purge.to_string());
    as_amf("another");
    let told = send(home.udm_url(), &purge).await;
    assert_eq!(refused(&told), (404, "CONTEXT_NOT_FOUND".to_owned()));
    as_amf("amf");
    assert_eq!(
        trigger(&home, "POST", 0, "trigger-auth").await.status,
        204,
        "it is there"
    );
    assert_eq!(send(home.udm_url(), &purge).await.status, 204);
    home.shutdown_unchecked().await;
}

/// What is wrong is named, and changes nothing.
#[tokio::test]
async fn wrong_registrations_and_triggers_are_refused_by_member() {
    let (amf, root, _end) = Amf::start();
    let home = home(Some(&root));
    let good = registration(Some(&format!("{root}/again")), "020040");
    register(&home, 0, &good).await;
    let with = |pointer: &str, value: Value| {
        let mut wrong = good.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        wrong
    };
    for (wrong, cause, param) in [
        (
            with("/deregCallbackUri", "nowhere".into()),
            "MANDATORY_IE_INCORRECT",
            "/deregCallbackUri",
        ),
        (
            with("/reauthNotifyCallbackUri", "ftp://x/".into()),
            "OPTIONAL_IE_INCORRECT",
            "/reauthNotifyCallbackUri",
        ),
        (
            with("/guami/plmnId/mnc", "1".into()),
            "MANDATORY_IE_INCORRECT",
            "/guami/plmnId/mnc",
        ),
        (with("/ratType", "".into()), "MANDATORY_IE_INCORRECT", "/ratType"),
    ] {
        let ask = Ask::json("PUT", path(0, "amf-3gpp-access"), wrong.to_string());
        let told = send(home.udm_url(), &ask).await;
        assert_eq!(refused(&told), (400, cause.to_owned()), "{wrong}");
        assert_eq!(told.text("/invalidParams/0/param"), param);
    }
    let abroad = with("/guami/plmnId/mcc", "310".into());
    let told = register(&home, 0, &abroad).await;
    assert_eq!(refused(&told), (403, "SERVING_NETWORK_NOT_AUTHORIZED".to_owned()));
    let body = json!({ "supi": supi(1).sbi() }).to_string();
    let told = send(home.udm_url(), &Ask::json("POST", path(0, "trigger-auth"), body)).await;
    assert_eq!(refused(&told), (400, "OPTIONAL_IE_INCORRECT".to_owned()));
    assert_eq!(*amf.told.lock().unwrap(), []);
    // It is as it was.
    assert_eq!(trigger(&home, "POST", 0, "trigger-auth").await.status, 204);
    assert_eq!(amf.after(1).await[0].0, "/again");
    home.shutdown_unchecked().await;
}
