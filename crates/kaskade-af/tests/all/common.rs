//! A UE, a home network that says what a test wants, and an application between them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, header};
use axum::routing::any;
use kaskade_af::{AkmaClient, AkmaOptions, Asked, KeySource, LoginOptions, SimLogin, SimUser};
use kaskade_codec::http_digest::{AuthenticationInfo, Challenge, Credentials, Login, challenges};
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest};
use kaskade_flow::Refusal;
use kaskade_keys::akma::{KAf, KAkma};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{AfId, Fqdn, UaProtocolId};
use kaskade_keys::{AKid, HomeRealm, Supi};
use kaskade_net::time::unix_millis;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::sync::Notify;
use tower_service::Service as _;

pub(crate) fn af() -> Fqdn {
    "af.example".parse().unwrap()
}

pub(crate) fn supi() -> Supi {
    "imsi-001010000000001".parse().unwrap()
}

/// A UE after an authentication: what it says, and what it computes.
#[derive(Clone)]
pub(crate) struct Ue {
    pub(crate) k_ausf: KAusf,
    pub(crate) home: kaskade_ue::Home,
    pub(crate) a_kid: AKid,
    pub(crate) k_akma: KAkma,
}

impl Ue {
    pub(crate) fn new(authentication: u8) -> Self {
        let k_ausf = KAusf::from_octets(&[authentication; 32]);
        let home = kaskade_ue::Home {
            routing_indicator: "12".parse().unwrap(),
            realm: HomeRealm::new("001-01".parse().unwrap(), None),
        };
        Self {
            a_kid: AKid::new(home.routing_indicator, &k_ausf.a_tid(&supi()), home.realm),
            k_akma: k_ausf.k_akma(&supi()),
            k_ausf,
            home,
        }
    }

    pub(crate) fn k_af(&self, protocol: UaProtocolId) -> KAf {
        self.k_akma.k_af(&AfId::new(&af(), protocol))
    }

    /// What it makes of a challenge.
    pub(crate) fn login(&self, asked: &[Challenge]) -> Login {
        let k_af = self.k_af(UaProtocolId::HTTP_DIGEST);
        Login::new(asked, &af(), &self.a_kid.encode(), &k_af).unwrap()
    }
}

/// What a home network says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Key,
    /// The key of another.
    OtherKey,
    Nothing,
    NotDone(Refusal),
}

/// A home network in the place of an AAnF.
#[derive(Clone)]
pub(crate) struct Home(Arc<Inner>);

struct Inner {
    users: Vec<Ue>,
    says: Mutex<Says>,
    life: Mutex<Duration>,
    asked: AtomicUsize,
    last: Mutex<Option<AkmaAfKeyRequest>>,
    /// While it is shut, no answer leaves.
    gate: Mutex<Option<Arc<Notify>>>,
}

impl Home {
    pub(crate) fn new(users: &[Ue]) -> Self {
        Self(Arc::new(Inner {
            users: users.to_vec(),
            says: Mutex::new(Says::Key),
            life: Mutex::new(Duration::from_secs(3600)),
            asked: AtomicUsize::new(0),
            last: Mutex::default(),
            gate: Mutex::default(),
        }))
    }

    pub(crate) fn says(&self, says: Says) {
        *self.0.says.lock().unwrap() = says;
    }

    pub(crate) fn life(&self, life: Duration) {
        *self.0.life.lock().unwrap() = life;
    }

    pub(crate) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn last(&self) -> AkmaAfKeyRequest {
        self.0.last.lock().unwrap().clone().expect("a question")
    }

    /// Keeps answers back until the one who gets it says so.
    pub(crate) fn shut(&self) -> Arc<Notify> {
        let gate = Arc::new(Notify::new());
        *self.0.gate.lock().unwrap() = Some(gate.clone());
        gate
    }

    pub(crate) fn open(&self) {
        *self.0.gate.lock().unwrap() = None;
    }
}

impl KeySource for Home {
    fn k_af(&self, request: AkmaAfKeyRequest) -> Asked<'_> {
        let Inner { users, says, life, .. } = &*self.0;
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        *self.0.last.lock().unwrap() = Some(request.clone());
        let (says, life) = (*says.lock().unwrap(), *life.lock().unwrap());
        let gate = self.0.gate.lock().unwrap().clone();
        let ue = users.iter().find(|ue| ue.a_kid == request.a_kid).cloned();
        Box::pin(async move {
            if let Some(gate) = gate {
                gate.notified().await;
            }
            let k_akma = match (says, ue) {
                (Says::Key, Some(ue)) => ue.k_akma,
                (Says::OtherKey, _) => Ue::new(0xff).k_akma,
                (Says::NotDone(why), _) => return Err(why.into()),
                _ => return Ok(None),
            };
            Ok(Some(AkmaAfKeyData {
                gpsi: Some("msisdn-491701234567".parse().unwrap()),
                supi: None,
                expiry: unix_millis().after(life).into(),
                k_af: k_akma.k_af(&request.af_id),
            }))
        })
    }
}

pub(crate) fn client(home: &Home) -> AkmaClient {
    AkmaClient::new(af(), home.clone(), AkmaOptions::default()).unwrap()
}

/// A certificate of the application, and TLS with it.
pub(crate) fn tls() -> (rcgen::Certificate, Arc<ServerConfig>) {
    let identity = rcgen::generate_simple_self_signed([af().as_str().to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (identity.cert, Arc::new(config))
}

/// An application whose handlers say who the user is.
pub(crate) fn app(keys: &AkmaClient, options: LoginOptions) -> Router {
    let login = SimLogin::new(keys.clone(), options).unwrap();
    let hello = |user: SimUser| async move { user.name().unwrap_or("somebody".to_owned()) };
    Router::new()
        .route("/{*path}", any(hello))
        .route("/", any(hello))
        .layer(login)
}

/// What came back.
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) challenges: Vec<Challenge>,
    pub(crate) info: Option<String>,
    pub(crate) retry_after: Option<String>,
}

/// Sends a request with this `Authorization`, and others of its kind.
pub(crate) async fn send(app: &Router, method: &str, uri: &str, authorization: &[&str]) -> Told {
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .header(header::HOST, "af.example:8443");
    for value in authorization {
        request = request.header(header::AUTHORIZATION, *value);
    }
    told(app.clone().call(request.body(Body::empty()).unwrap()).await.unwrap()).await
}

pub(crate) async fn told(response: Response<Body>) -> Told {
    let (parts, body) = response.into_parts();
    let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let asked = parts.headers.get_all(header::WWW_AUTHENTICATE).iter();
    Told {
        status: parts.status.as_u16(),
        challenges: asked.flat_map(|value| challenges(value.as_bytes()).unwrap()).collect(),
        info: text("authentication-info"),
        retry_after: text("retry-after"),
        text: String::from_utf8(to_bytes(body, 65_536).await.unwrap().to_vec()).unwrap(),
    }
}

/// A UE that has been asked to log in.
pub(crate) async fn asked(app: &Router, ue: &Ue) -> Login {
    let told = send(app, "GET", "/", &[]).await;
    assert_eq!(told.status, 401);
    ue.login(&told.challenges)
}

/// Sends the next request of a UE; what it sent, and what came back.
pub(crate) async fn next(app: &Router, login: &mut Login, method: &str, uri: &str) -> (Credentials, Told) {
    let credentials = login.answer(method, uri, "0a4f113b").unwrap();
    let told = send(app, method, uri, &[&credentials.to_string()]).await;
    (credentials, told)
}

/// Whether the UE believes that the application has its key, too.
pub(crate) fn believes(login: &mut Login, sent: &Credentials, told: &Told) -> bool {
    let info = told.info.as_ref().expect("Authentication-Info");
    let info = AuthenticationInfo::read(info.as_bytes(), login.algorithm()).unwrap();
    login.believe(sent, &info).is_ok()
}
