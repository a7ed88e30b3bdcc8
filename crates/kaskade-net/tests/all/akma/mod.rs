//! AKMA over HTTP/2: anchor keys in, application keys out, for whom they are meant and for nobody else, until they end.

mod again;
mod ends;
mod keys;
mod li;
mod model;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::{Method, StatusCode};
use kaskade_anchor::akma::{Functions, Identity, ProtocolRule, Rule, SubscriberRule};
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest, AkmaKeyInfo, CtxRemove};
use kaskade_codec::sbi::values::Text;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::{AKid, HomeRealm, Supi};
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve};
use kaskade_net::role::aanf::{AanfOptions, AkmaPolicy};
use kaskade_net::role::policy::{Groups, Member};
use kaskade_net::sbi::client::{ClientOptions, SbiClient};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::Shutdown;
use kaskade_net::sbi::service::{Caller, Elsewhere, NotDone};
use kaskade_net::services::naanf_akma::Client;
use kaskade_store::{MasterKey, SubscriberStore};
use kaskade_testkit::kept::{Kept, On};
use serde_json::Value;

use crate::common::{Home, Link, SUBSCRIBERS, Setup, filled, opened, plmn, reopened, supi};

/// Where the network functions of these tests are, by the last octet of their address: groups of one.
const AUSF: u8 = 2;
const PORTAL: u8 = 3;
const OTHER: u8 = 4;
const STRANGER: u8 = 5;

const PORTAL_ID: &str = "af.example.com0100000002";
const OTHER_ID: &str = "b.example.com01000100a8";

fn rule(fqdn: &str, caller: &str) -> Rule {
    Rule {
        fqdn: fqdn.parse().unwrap(),
        protocols: vec![
            "http-digest".parse().unwrap(),
            ProtocolRule::Tls,
            "0100021301".parse().unwrap(),
        ],
        callers: vec![caller.into()],
        identity: Identity::Supi,
        subscribers: vec![SubscriberRule::All],
        lifetime: Duration::from_secs(3600),
        renews: false,
    }
}

fn policy(rules: impl IntoIterator<Item = Rule>, callbacks: Option<&str>) -> AkmaPolicy {
    let mut functions = Functions::new();
    rules.into_iter().for_each(|rule| functions.add(rule).unwrap());
    let mut policy = AkmaPolicy::new(functions).with_ausf("ausf");
    for name in ["ausf", "portal", "other"] {
        policy = policy.with(Requester::group(name).id(), name);
        policy = policy.with_callbacks(name, callbacks.map(|root| root.parse().unwrap()));
    }
    policy
}

fn usual() -> [Rule; 2] {
    [rule("af.example.com", "portal"), rule("b.example.com", "other")]
}

fn groups() -> Groups {
    [("ausf", AUSF), ("portal", PORTAL), ("other", OTHER)]
        .into_iter()
        .fold(Groups::default(), |groups, (name, n)| {
            let member: Member = format!("127.0.0.{n}").parse().unwrap();
            groups.with(name, [member])
        })
}

fn set_up(setup: &mut Setup, policy: AkmaPolicy) {
    setup.groups = groups();
    setup.aanf = Some(AanfOptions {
        policy,
        audit: setup.audit.clone(),
        ..AanfOptions::default()
    });
}

fn start_with(on: On, policy: AkmaPolicy) -> Home {
    with_akma(Home::start_at(on, Link::Local, |setup| set_up(setup, policy)))
}

/// All subscribers have AKMA: at its start an AAnF ends the keys of those who have not.
fn with_akma(home: Home) -> Home {
    for of in 0..SUBSCRIBERS {
        change(&home, &supi(of), |subscription| subscription.akma_allowed = true);
    }
    home
}

fn start(on: On, callbacks: Option<&str>) -> Home {
    start_with(on, policy(usual(), callbacks))
}

/// A network function at 127.0.0.N.
struct Nf {
    client: Client,
    caller: Caller,
}

fn nf(home: &Home, n: u8) -> Nf {
    let mut options = ClientOptions::default();
    options.source = Some([127, 0, 0, n].into());
    Nf {
        client: Client::new(SbiClient::new(home.udm.aanf_url().unwrap(), options).unwrap()),
        caller: Caller::new(Requester::group("test")),
    }
}

impl Nf {
    async fn registers(&self, of: u64, run: u8) -> Result<AkmaKeyInfo, NotDone> {
        self.client.register_anchorkey(&self.caller, info(of, run)).await
    }

    async fn removes(&self, of: u64) -> Result<(), NotDone> {
        let removal = CtxRemove { supi: supi(of) };
        self.client.remove_context(&self.caller, removal).await
    }

    async fn key(&self, request: AkmaAfKeyRequest) -> Result<Option<AkmaAfKeyData>, NotDone> {
        self.client.retrieve_applicationkey(&self.caller, request).await
    }
}

/// K_AUSF of an authentication of this number.
fn k_ausf(run: u8) -> KAusf {
    KAusf::from_octets(&[run; 32])
}

fn a_kid(of: u64, run: u8) -> AKid {
    let realm = HomeRealm::new(plmn(), None);
    AKid::new("0".parse().unwrap(), &k_ausf(run).a_tid(&supi(of)), realm)
}

fn info(of: u64, run: u8) -> AkmaKeyInfo {
    AkmaKeyInfo {
        supi: Some(supi(of)),
        gpsi: None,
        a_kid: a_kid(of, run),
        k_akma: k_ausf(run).k_akma(&supi(of)),
    }
}

fn request(of: u64, run: u8, af_id: &str) -> AkmaAfKeyRequest {
    AkmaAfKeyRequest {
        notif_uri: None,
        af_id: af_id.parse().unwrap(),
        a_kid: a_kid(of, run),
        anon_ind: false,
    }
}

fn told_at(request: AkmaAfKeyRequest, uri: &str) -> AkmaAfKeyRequest {
    AkmaAfKeyRequest {
        notif_uri: Some(Text(uri.to_owned())),
        ..request
    }
}

/// Status and cause of a refusal.
fn refused<T: std::fmt::Debug>(result: Result<T, NotDone>) -> (u16, Option<String>) {
    match result {
        Ok(told) => panic!("{told:?}"),
        Err(error) => match error.seen() {
            Some(Elsewhere::Refused(heard)) => {
                (heard.status.as_u16(), heard.cause.map(|cause| cause.name().to_owned()))
            }
            other => panic!("{other:?}"),
        },
    }
}

fn because(status: u16, cause: &str) -> (u16, Option<String>) {
    (status, (!cause.is_empty()).then(|| cause.to_owned()))
}

/// A holder's own server: what it was told.
#[derive(Default)]
struct Holder {
    told: Mutex<Vec<(String, Value)>>,
    answers: Mutex<Vec<StatusCode>>,
}

impl Handler for Holder {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let (head, upload) = request.into_parts();
            let octets = upload.whole(65_536).await.unwrap();
            assert_eq!(head.method, Method::POST);
            let body = serde_json::from_slice(&octets).unwrap();
            let status = self.answers.lock().unwrap().pop().unwrap_or(StatusCode::NO_CONTENT);
            self.told.lock().unwrap().push((head.uri.path().to_owned(), body));
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = status;
            answer
        })
    }
}

impl Holder {
    /// At a free port; its root.
    fn start() -> (Arc<Self>, String, Shutdown) {
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap(), None).unwrap();
        let root = format!("http://{}", listener.address().unwrap());
        let (holder, shutdown) = (Arc::new(Self::default()), Shutdown::new());
        tokio::spawn(serve(listener, holder.clone(), Limits::default(), shutdown.clone()));
        (holder, root, shutdown)
    }

    /// What it was told, when that was so much.
    async fn after(&self, count: usize) -> Vec<(String, Value)> {
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

fn change(home: &Home, of: &Supi, change: impl FnOnce(&mut kaskade_store::Subscription)) {
    let mut changed = home.store.subscriber(of).unwrap().unwrap();
    change(&mut changed.subscription);
    home.store.put_many([&changed]).unwrap();
}
