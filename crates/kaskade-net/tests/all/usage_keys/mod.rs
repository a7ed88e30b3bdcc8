//! Keys below the EMSK over HTTP/2: after each kind of authentication, for whom they are meant and for nobody else, until they end.

mod ends;
mod holders;
mod keys;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::{Method, StatusCode};
use kaskade_anchor::emsk::{DataRule, Domain, Grant, KeyOf, Registry, Root, Usage, UsageKey as Own, Who};
use kaskade_codec::sbi::usage_keys::{DataHex, DomainKeyRequest, KeyGivenUp, UsageKey, UsageKeyRequest};
use kaskade_codec::sbi::values::Text;
use kaskade_keys::Supi;
use kaskade_keys::id::UsageData;
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve};
use kaskade_net::role::policy::{Groups, Member};
use kaskade_net::role::usage_keys::{UsageKeysOptions, UsagePolicy};
use kaskade_net::sbi::client::{ClientOptions, SbiClient};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::Shutdown;
use kaskade_net::sbi::service::{Caller, NotDone};
use kaskade_net::services::usage_keys::Client;
use kaskade_store::{MasterKey, StoreOptions, SubscriberStore};
use kaskade_testkit::kept::{Kept, On};
use serde_json::Value;

use crate::common::{Home, Link, Setup, answer, opened, reopened, snn, supi, ue};

const HOUR: Duration = Duration::from_secs(3600);

/// Where the network functions of these tests are, by the last octet of their address: groups of one.
const SMF: u8 = 2;
const NWDAF: u8 = 3;
const ER: u8 = 4;
const STRANGER: u8 = 5;

fn usage(label: &str, data: DataRule, to: &[(&str, &[&str])]) -> Usage {
    let grants = to.iter().map(|(name, slices)| Grant {
        who: Who::Group((*name).into()),
        slices: slices.iter().map(|slice| slice.parse().unwrap()).collect(),
    });
    Usage {
        label: label.parse().unwrap(),
        domain: None,
        data,
        grants: grants.collect(),
        lifetime: HOUR,
    }
}

/// `slice`: the SMF for one slice, NWDAF for the other; `one`, `octets` and `service` for the SMF; a domain for the ER server.
fn registry() -> Registry {
    let mut registry = Registry::new();
    for usage in [
        usage(
            "slice@example.org",
            DataRule::Slice,
            &[("smf", &["1-0000d1"]), ("nwdaf", &["1-0000d2"])],
        ),
        usage("one@example.org", DataRule::None, &[("smf", &[])]),
        usage("octets@example.org", DataRule::Octets { most: 64 }, &[("smf", &[])]),
        usage(
            "service@example.org",
            DataRule::Service,
            &[("smf", &[]), ("nwdaf", &[])],
        ),
    ] {
        registry.add(usage).unwrap();
    }
    registry
        .add_domain(Domain {
            domain: "visited.example".parse().unwrap(),
            servers: vec![Who::Group("er".into())],
            lifetime: HOUR,
        })
        .unwrap();
    registry
}

fn policy(callbacks: Option<&str>) -> UsagePolicy {
    let mut policy = UsagePolicy::new(registry());
    for name in ["smf", "nwdaf", "er"] {
        policy = policy.with(Requester::group(name).id(), name);
        policy = policy.with_callbacks(name, callbacks.map(|root| root.parse().unwrap()));
    }
    policy
}

fn groups() -> Groups {
    [("smf", SMF), ("nwdaf", NWDAF), ("er", ER)]
        .into_iter()
        .fold(Groups::default(), |groups, (name, n)| {
            let member: Member = format!("127.0.0.{n}").parse().unwrap();
            groups.with(name, [member])
        })
}

fn options(callbacks: Option<&str>) -> UsageKeysOptions {
    UsageKeysOptions {
        policy: policy(callbacks),
        ..UsageKeysOptions::default()
    }
}

fn set_up(setup: &mut Setup, callbacks: Option<&str>) {
    setup.groups = groups();
    setup.usage_keys = Some(UsageKeysOptions {
        audit: setup.audit.clone(),
        ..options(callbacks)
    });
}

fn start(on: On, callbacks: Option<&str>) -> Home {
    Home::start_at(on, Link::Local, |setup| set_up(setup, callbacks))
}

/// A network function at 127.0.0.N.
struct Nf {
    client: Client,
    caller: Caller,
}

fn nf(home: &Home, n: u8) -> Nf {
    let mut options = ClientOptions::default();
    options.source = Some([127, 0, 0, n].into());
    Nf::at(home.ausf().usage_keys_url().unwrap(), options)
}

impl Nf {
    fn at(url: &str, options: ClientOptions) -> Self {
        Self {
            client: Client::new(SbiClient::new(url, options).unwrap()),
            caller: Caller::new(Requester::group("test")),
        }
    }

    async fn key(&self, request: UsageKeyRequest) -> Result<UsageKey, NotDone> {
        self.client.usage_key(&self.caller, request).await
    }

    async fn gives_up(&self, of: u64, key: &UsageKey) -> Result<(), NotDone> {
        let given_up = KeyGivenUp {
            supi: supi(of),
            key_name: Some(key.key_name),
            domain: None,
        };
        self.client.give_up(&self.caller, given_up).await
    }
}

fn request(of: u64, label: &str) -> UsageKeyRequest {
    UsageKeyRequest {
        supi: supi(of),
        label: label.parse().unwrap(),
        domain: None,
        data_hex: None,
        snssai: None,
        application: None,
        callback_uri: None,
    }
}

fn one(of: u64) -> UsageKeyRequest {
    request(of, "one@example.org")
}

fn octets(of: u64, data: &[u8]) -> UsageKeyRequest {
    UsageKeyRequest {
        data_hex: Some(DataHex(UsageData::from_octets(data).unwrap())),
        ..request(of, "octets@example.org")
    }
}

fn slice(of: u64, slice: &str) -> UsageKeyRequest {
    UsageKeyRequest {
        snssai: Some(slice.parse().unwrap()),
        ..request(of, "slice@example.org")
    }
}

fn told_at(request: UsageKeyRequest, uri: &str) -> UsageKeyRequest {
    UsageKeyRequest {
        callback_uri: Some(Text(uri.to_owned())),
        ..request
    }
}

fn domain(of: u64, domain: &str) -> DomainKeyRequest {
    DomainKeyRequest {
        supi: supi(of),
        domain: domain.parse().unwrap(),
        callback_uri: None,
    }
}

/// Status and cause of a refusal.
fn refused<T: std::fmt::Debug>(result: Result<T, NotDone>) -> (u16, Option<String>) {
    match result {
        Ok(told) => panic!("{told:?}"),
        Err(error) => match error.seen() {
            Some(kaskade_net::sbi::service::Elsewhere::Refused(heard)) => {
                (heard.status.as_u16(), heard.cause.map(|cause| cause.name().to_owned()))
            }
            other => panic!("{other:?}"),
        },
    }
}

fn because(status: u16, cause: &str) -> (u16, Option<String>) {
    (status, (!cause.is_empty()).then(|| cause.to_owned()))
}

/// 5G AKA of a subscriber by an AMF at 127.0.0.N; what the UE has of it.
async fn five_g_aka(home: &Home, index: u64, n: u8) -> Root {
    let seaf = home.seaf_at(n);
    let challenge = seaf.authenticate(supi(index), snn()).await.unwrap();
    let (rand, autn) = (challenge.se_av.rand, challenge.se_av.autn);
    let mut ue = ue(index);
    let at_ue = answer(&mut ue, &challenge);
    let result = seaf
        .confirm(&challenge.confirmation, Some(&at_ue.res_star))
        .await
        .unwrap();
    assert_eq!(result.expect("authenticated").0, supi(index));
    Root::of_5g_aka(at_ue.k_ausf, supi(index), &rand, &autn)
}

/// The same, where nobody asks what the UE has.
async fn authenticated(home: &Home, index: u64, n: u8) {
    drop(five_g_aka(home, index, n).await);
}

fn key_of(label: &str, data: UsageData) -> KeyOf {
    KeyOf::usage(label.parse().unwrap(), data)
}

/// Whether a key that was told is that of the UE, name and all.
fn is_that_of(told: &UsageKey, root: &mut Root, of: &KeyOf) {
    let own: Own = root.key(of);
    assert_eq!(told.key.expose_to_its_server(), own.expose_to_usage_server());
    assert_eq!((told.key_name, told.emsk_name), (root.key_name(of), root.name()));
}

/// A holder's own server: what it was told, and what it answers.
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

fn suspend(home: &Home, of: &Supi) {
    let mut changed = home.store.subscriber(of).unwrap().unwrap();
    changed.subscription.suspended = true;
    home.store.put_many([&changed]).unwrap();
}
