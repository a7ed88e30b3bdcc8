//! The NEF over HTTP/2: keys for application functions outside, access tokens, and word of the end of keys.

mod discovered;
mod keys;
mod notices;
mod real;
mod tokens;
mod waiting;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest, AkmaKeyInfo, CtxRemove};
use kaskade_flow::{Durable, Guarded, Refusal};
use kaskade_keys::akma::{ATid, KAf, KAkma};
use kaskade_keys::{AKid, Gpsi, HomeRealm, Supi};
use kaskade_net::live::Live;
use kaskade_net::node::{AanfAt, AanfOf, NefRole, Node, NodeOptions, NoticesListener, RemoteNrf};
use kaskade_net::role::access::AccessRules;
use kaskade_net::role::budget::BudgetOptions;
use kaskade_net::role::nef::{Af, ClientSecret, NefOptions, NefPolicy, TokenOptions};
use kaskade_net::role::policy::{Groups, Member};
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::{ServerOptions, Shutdown, bind, serve};
use kaskade_net::sbi::service::{Caller, NotDone, Routes};
use kaskade_net::sbi::token::{TokenAlgorithm, TokenIssuer};
use kaskade_net::services::naanf_akma::{NaanfAkma, routes};
use kaskade_net::time::unix_millis;
use kaskade_store::SubscriberStore;
use kaskade_testkit::memory::MemoryEngine;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};
use tokio::sync::{Barrier, Notify};

use crate::common::http::{Ask, Told, send};
use crate::common::{plmn, store, supi};

pub(crate) const A_KID: &str = "rid0.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org";
pub(crate) const AF_ID: &str = "video.example.com0100000002";
const K_AKMA: [u8; 32] = [0x4b; 32];
const HOUR: Duration = Duration::from_secs(3600);

/// An AAnF that has one anchor key, and says what it was asked.
pub(crate) struct Anchor {
    a_kid: AKid,
    supi: Option<Supi>,
    gpsi: Option<Gpsi>,
    refuses: Mutex<Option<Refusal>>,
    asked: Mutex<Vec<AkmaAfKeyRequest>>,
    /// How long keys of a protocol last, where it is not an hour.
    lasting: Mutex<Option<(&'static str, Duration)>>,
    /// Where it holds an answer back: who waits at it is told when there is one, and says when it may go.
    held: Mutex<Option<Arc<Held>>>,
    /// Where answers wait for each other.
    together: Mutex<Option<Arc<Barrier>>>,
}

/// One answer that is held back.
#[derive(Default)]
struct Held {
    is_made: Notify,
    may_go: Notify,
}

impl Anchor {
    pub(crate) fn new(supi: Option<Supi>, gpsi: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            a_kid: A_KID.parse().unwrap(),
            supi,
            gpsi: gpsi.map(|gpsi| gpsi.parse().unwrap()),
            refuses: Mutex::default(),
            asked: Mutex::default(),
            lasting: Mutex::default(),
            held: Mutex::default(),
            together: Mutex::default(),
        })
    }

    /// Holds the next answer back.
    fn hold(&self) -> Arc<Held> {
        let held = Arc::<Held>::default();
        *self.held.lock().unwrap() = Some(held.clone());
        held
    }

    pub(crate) fn asked(&self) -> Vec<AkmaAfKeyRequest> {
        self.asked.lock().unwrap().clone()
    }
}

/// K_AF as a UE derives it.
fn k_af(af_id: &str) -> KAf {
    KAkma::from_octets(&K_AKMA).k_af(&af_id.parse().unwrap())
}

/// The one who is asked: a type of this crate.
struct Asked(Arc<Anchor>);

impl NaanfAkma for Asked {
    async fn register_anchorkey(&self, _: &Caller, _: AkmaKeyInfo) -> Result<Durable<AkmaKeyInfo>, NotDone> {
        Err(Refusal::Internal.into())
    }

    async fn retrieve_applicationkey(
        &self,
        _: &Caller,
        request: AkmaAfKeyRequest,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, NotDone> {
        let anchor = &self.0;
        anchor.asked.lock().unwrap().push(request.clone());
        let held = anchor.held.lock().unwrap().take();
        if let Some(held) = held {
            held.is_made.notify_one();
            held.may_go.notified().await;
        }
        let together = anchor.together.lock().unwrap().clone();
        if let Some(barrier) = together {
            barrier.wait().await;
        }
        if let Some(why) = *anchor.refuses.lock().unwrap() {
            return Err(why.into());
        }
        if request.a_kid != anchor.a_kid {
            return Ok(None);
        }
        let lasting = match *anchor.lasting.lock().unwrap() {
            Some((protocol, lasting)) if request.af_id.protocol().to_string() == protocol => lasting,
            _ => HOUR,
        };
        let data = AkmaAfKeyData {
            gpsi: anchor.gpsi.clone().filter(|_| !request.anon_ind),
            supi: anchor.supi.clone().filter(|_| !request.anon_ind),
            expiry: unix_millis().after(lasting).into(),
            k_af: KAkma::from_octets(&K_AKMA).k_af(&request.af_id),
        };
        Ok(Some(Guarded::new(data).made_durable()))
    }

    async fn remove_context(&self, _: &Caller, _: CtxRemove) -> Result<(), NotDone> {
        Err(Refusal::Internal.into())
    }
}

/// Serves it over HTTP/2; its apiRoot.
fn served(anchor: &Arc<Anchor>, shutdown: &Shutdown) -> String {
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    let routes = Routes::new(Live::new(Groups::default())).with(routes(Asked(anchor.clone())));
    tokio::spawn(serve(
        listener,
        Arc::new(routes),
        ServerOptions::default(),
        shutdown.clone(),
    ));
    root
}

/// A secret of a client, of which each has its own.
fn secret(octet: u8) -> ClientSecret {
    ClientSecret::from_octets(&[octet; 32])
}

/// `video` may have the GPSI, `audio` may not; both are clients of the token endpoint, `plain` is known by its address alone.
fn policy(notices: Option<&str>) -> NefPolicy {
    let af = |domain: &str, gpsi, secret: Option<ClientSecret>, name: &str| Af {
        domains: vec![domain.parse().unwrap()],
        protocols: vec!["0100000002".parse().unwrap(), "010001*".parse().unwrap()],
        gpsi,
        notices: notices.iter().map(|root| root.parse().unwrap()).collect(),
        secret: secret.map(|secret| secret.hash(name)),
    };
    NefPolicy::default()
        .with("video", af("video.example.com", true, Some(secret(1)), "video"))
        .with("audio", af("audio.example.com", false, Some(secret(2)), "audio"))
        .with("plain", af("plain.example.com", true, None, "plain"))
        .known_as(Requester::group("plain").id(), "plain")
}

/// What a test may change before the start.
pub(crate) struct Setup {
    pub(crate) options: NefOptions,
    pub(crate) aanfs: Vec<AanfOf>,
    pub(crate) server: ServerOptions,
    pub(crate) access: AccessRules,
    groups: Groups,
    is_home: bool,
    nrf: Option<RemoteNrf>,
    pub(crate) store: Arc<SubscriberStore>,
}

pub(crate) fn aanf(name: &str, at: AanfAt) -> AanfOf {
    AanfOf {
        name: name.into(),
        realm: HomeRealm::new(plmn(), None),
        routing_indicators: Vec::new(),
        at,
    }
}

fn issuer() -> TokenIssuer {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    TokenIssuer::from_pem(pair.serialize_pem().as_bytes(), TokenAlgorithm::Es256, "nef", "1").unwrap()
}

fn tokens() -> TokenOptions {
    TokenOptions {
        issuer: issuer(),
        lifetime: Duration::from_secs(60),
        requester: "1000/s burst 1000".parse().unwrap(),
    }
}

/// A NEF, and the anchor that it asks in its process.
pub(crate) fn start(anchor: &Arc<Anchor>, notices: Option<&str>, change: impl FnOnce(&mut Setup)) -> Node {
    let free: SocketAddr = ([127, 0, 0, 1], 0).into();
    let store = store(MemoryEngine::default());
    let plain: Member = "127.0.0.9".parse().unwrap();
    let mut setup = Setup {
        options: NefOptions {
            policy: policy(notices),
            tokens: Some(tokens()),
            budgets: BudgetOptions::default(),
            ..NefOptions::default()
        },
        aanfs: vec![aanf("home", AanfAt::Here(Arc::new(Asked(anchor.clone()))))],
        server: ServerOptions::default(),
        access: AccessRules::default(),
        groups: Groups::default().with("plain", [plain]),
        is_home: false,
        nrf: None,
        store,
    };
    change(&mut setup);
    let audit = setup.options.audit.clone();
    let mut notices_server = ServerOptions::default();
    notices_server.limits = setup.server.limits.clone();
    let udm = setup.is_home.then(|| kaskade_net::node::UdmRole {
        store: setup.store.clone(),
        options: kaskade_net::role::udm::UdmOptions::default(),
        uecm: None,
        listen: None,
        server: ServerOptions::default(),
    });
    Node::start(NodeOptions {
        udm,
        nef: Some(NefRole {
            store: setup.store,
            options: setup.options,
            listen: free,
            server: setup.server,
            notices: notices.map(|_| NoticesListener {
                listen: free,
                server: notices_server,
                api_root: None,
            }),
            aanfs: setup.aanfs,
        }),
        nrf: setup.nrf,
        access: setup.access,
        groups: setup.groups,
        audit,
        ..NodeOptions::default()
    })
    .unwrap()
}

/// What an application function asks.
fn request(af_id: &str, more: &[(&str, Value)]) -> Value {
    let mut body = json!({"afId": af_id, "aKId": A_KID});
    for (name, value) in more {
        body[*name] = value.clone();
    }
    body
}

fn retrieve<'a>(body: &Value, token: Option<&str>) -> Ask<'a> {
    let ask = Ask::json("POST", "/3gpp-akma/v1/retrieve", body.to_string());
    match token {
        Some(token) => ask.header("authorization", format!("Bearer {token}")),
        None => ask,
    }
}

async fn ask(node: &Node, body: &Value, token: Option<&str>) -> Told {
    send(node.nef_url().unwrap(), &retrieve(body, token)).await
}

/// A request for a token.
fn form<'a>(parameters: &[(&str, &str)]) -> Ask<'a> {
    let encoded = |text: &str| text.bytes().map(|octet| format!("%{octet:02x}")).collect::<String>();
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    Ask::bare("POST", "/oauth2/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(pairs.join("&"))
}

/// Asks for a token as a client with a secret in the form.
pub(crate) async fn token_for(node: &Node, client: &str, octet: u8, scope: Option<&str>) -> String {
    let text = secret(octet).reveal();
    let mut parameters = vec![
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", text.as_str()),
    ];
    parameters.extend(scope.map(|scope| ("scope", scope)));
    let told = crate::common::http::send_unchecked(node.nef_url().unwrap(), &form(&parameters)).await;
    assert_eq!(told.status, 200, "{told:?}");
    told.text("/access_token")
}

/// Status and cause.
fn refused(told: &Told) -> (u16, Option<String>) {
    let json: Value = serde_json::from_slice(&told.body).unwrap_or_default();
    (told.status, json["cause"].as_str().map(str::to_owned))
}

pub(crate) fn other_a_kid() -> String {
    let a_tid = ATid::from_octets(&[9; 32]);
    AKid::new("0".parse().unwrap(), &a_tid, HomeRealm::new(plmn(), None)).encode()
}

pub(crate) fn anchor() -> Arc<Anchor> {
    Anchor::new(Some(supi(0)), Some("msisdn-491701234567"))
}

/// A client with defaults.
pub(crate) fn client_options() -> ClientOptions {
    ClientOptions::default()
}
