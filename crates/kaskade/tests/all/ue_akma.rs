//! `kaskade ue akma` at an application function whose AAnF has K_AUSF from a UDM of the test.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, LOCATION, USER_AGENT, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use kaskade_aka::auc::Credentials as Subscriber;
use kaskade_aka::fivegs::udm;
use kaskade_codec::http_digest::{Algorithm, AuthenticationInfo, Challenge, Credentials, akma};
use kaskade_crypto::{K as Key, Opc, Rand, Sqn};
use kaskade_keys::akma::KAf;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{AfId, HomeRealm};
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve};
use kaskade_net::sbi::server::Shutdown;
use kaskade_net::sbi::tls::{IdentityFiles, ServerTls};
use kaskade_ue::{Akma, Home};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use crate::common::{K, OPC, Place, SUPI, Up};

const AF: &str = "af.example.com";

/// A UDM with one subscriber, which tells the test what it told the AUSF.
#[derive(Default)]
struct Udm {
    k_ausf: Mutex<Vec<KAusf>>,
}

/// An answer of JSON.
fn answer(status: StatusCode, body: &Value) -> Response {
    let mut answer = Response::new(Body::whole(body.to_string()));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, "application/json".parse().unwrap());
    answer
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

impl Udm {
    /// The next vector.
    fn vector(&self, asked: &Value) -> Value {
        let mut k_ausf = self.k_ausf.lock().unwrap();
        let network = asked["servingNetworkName"].as_str().unwrap().parse().unwrap();
        let secrets = [K, OPC].map(|digits| hex::decode(digits).unwrap());
        let subscriber = Subscriber::new(
            Key::from_octets(secrets[0].as_slice().try_into().unwrap()),
            Opc::from_octets(secrets[1].as_slice().try_into().unwrap()),
        );
        let round = u64::try_from(k_ausf.len()).unwrap() + 1;
        let rand = Rand::from_octets([u8::try_from(round).unwrap(); 16]);
        let av = udm::he_av(&subscriber, &rand, Sqn::new(round << 5).unwrap(), &network);
        let told = json!({
            "authType": "5G_AKA",
            "supi": SUPI,
            "authenticationVector": {
                "avType": "5G_HE_AKA",
                "rand": hexadecimal(av.rand.octets()),
                "autn": hexadecimal(av.autn.octets()),
                "xresStar": hexadecimal(av.xres_star.expose_to_ausf()),
                "kausf": hexadecimal(av.k_ausf.expose_to_ausf()),
            },
        });
        k_ausf.push(av.k_ausf);
        told
    }

    fn latest(&self) -> Akma {
        let home = Home {
            routing_indicator: "12".parse().unwrap(),
            realm: HomeRealm::new("001-01".parse().unwrap(), None),
        };
        let k_ausf = self.k_ausf.lock().unwrap();
        Akma::of(k_ausf.last().expect("an authentication"), &SUPI.parse().unwrap(), home)
    }
}

impl Handler for Udm {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let (head, upload) = request.into_parts();
            let octets = upload.whole(65_536).await.expect("a body");
            let asked: Value = serde_json::from_slice(&octets).expect("JSON");
            if head.uri.path().ends_with("/generate-auth-data") {
                return answer(StatusCode::OK, &self.vector(&asked));
            }
            let mut created = answer(StatusCode::CREATED, &asked);
            let location = format!("{}/1", head.uri.path());
            created.headers_mut().insert(LOCATION, location.parse().unwrap());
            created
        })
    }
}

/// What an application function does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As it should.
    Right,
    /// It has another K_AF than the UE, and lets in whoever comes.
    Impostor,
    /// It names another function in the realm.
    PassesOn,
    /// Its AAnF does not know the first A-KID that it is asked for.
    Late,
    /// It lets in whoever comes, without a word.
    Open,
}

struct Function {
    udm: Arc<Udm>,
    manner: Manner,
    /// Times that somebody has logged in or tried to.
    asked: Mutex<Vec<String>>,
}

impl Function {
    fn k_af(&self) -> KAf {
        let af_id: AfId = format!("{AF}/0100000002").parse().unwrap();
        self.udm.latest().k_af(&af_id)
    }

    fn told(&self, request: &hyper::http::request::Parts) -> Response {
        let field = |name| request.headers.get(name).map(hyper::header::HeaderValue::as_bytes);
        assert_eq!(field(HOST).map(|host| host.starts_with(AF.as_bytes())), Some(true));
        assert!(akma::says_akma(field(USER_AGENT).unwrap()));
        assert_eq!((request.method.clone(), request.uri.path()), (Method::GET, "/hello"));
        let mut answer = Response::new(Body::whole("Hello\u{1b}[2J, UE\n"));
        if self.manner == Manner::Open {
            return answer;
        }
        let realm = match self.manner {
            Manner::PassesOn => akma::realm(&"af.example.org".parse().unwrap()),
            _ => akma::realm(&AF.parse().unwrap()),
        };
        let Some(authorization) = field(AUTHORIZATION) else {
            let challenge = Challenge {
                realm,
                nonce: "a number".into(),
                opaque: Some("as it is".into()),
                stale: false,
                algorithm: Algorithm::Sha256,
            };
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
            answer
                .headers_mut()
                .insert(WWW_AUTHENTICATE, challenge.to_string().parse().unwrap());
            return answer;
        };
        let credentials = Credentials::read(authorization).unwrap();
        let mut asked = self.asked.lock().unwrap();
        asked.push(credentials.username.clone());
        let k_af = match self.manner {
            Manner::Impostor => KAf::from_octets(&[7; 32]),
            _ => self.k_af(),
        };
        let secret = akma::secret(Algorithm::Sha256, &credentials.username, &credentials.realm, &k_af);
        let is_right = credentials.username == self.udm.latest().a_kid().to_string()
            && credentials.are_of(&secret, "GET")
            && !(self.manner == Manner::Late && asked.len() == 1);
        if !is_right && self.manner != Manner::Impostor {
            *answer.status_mut() = StatusCode::FORBIDDEN;
            return answer;
        }
        let info = AuthenticationInfo::to(&credentials, &secret, None).to_string();
        answer
            .headers_mut()
            .insert(HeaderName::from_static("authentication-info"), info.parse().unwrap());
        answer
    }
}

impl Handler for Function {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move { self.told(&request.into_parts().0) })
    }
}

/// UDM and function of the test, an AUSF of the program, and who comes to them.
struct Bench {
    runtime: tokio::runtime::Runtime,
    shutdown: Shutdown,
    udm: Arc<Udm>,
    place: Place,
    up: Up,
}

impl Bench {
    fn new() -> Self {
        let (runtime, shutdown) = (tokio::runtime::Runtime::new().unwrap(), Shutdown::new());
        let (udm, place) = (Arc::<Udm>::default(), Place::new());
        let address = serving(&runtime, udm.clone(), None, &shutdown);
        certificates(&place);
        place.file(
            "kaskade.toml",
            &format!("data_dir = \"data\"\n[policy]\nserving_networks = [\"001-01\"]\n[ausf.udm]\nurl = \"http://{address}\"\n"),
        );
        let up = Up::start(&place, "up --config kaskade.toml");
        Self {
            runtime,
            shutdown,
            udm,
            place,
            up,
        }
    }

    fn function(&self, manner: Manner) -> (Arc<Function>, SocketAddr) {
        let function = Arc::new(Function {
            udm: self.udm.clone(),
            manner,
            asked: Mutex::default(),
        });
        let files = IdentityFiles {
            certificates: self.place.path("af.pem"),
            key: self.place.path("af.key"),
        };
        let tls = ServerTls::new(&files, None).unwrap().with_http_1();
        let address = serving(&self.runtime, function.clone(), Some(tls), &self.shutdown);
        (function, address)
    }

    fn line(&self, at: SocketAddr, more: &str) -> String {
        format!(
            "ue akma --af https://AF.example.com/hello --connect {at} --af-ca ca.pem --ausf {} --supi {SUPI} --home 001-01 \
             --routing-indicator 12 --state usim.json {more}",
            self.up.ausf
        )
    }
}

fn serving<H: Handler>(
    runtime: &tokio::runtime::Runtime,
    handler: Arc<H>,
    tls: Option<ServerTls>,
    shutdown: &Shutdown,
) -> SocketAddr {
    let _within = runtime.enter();
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap(), tls).unwrap();
    let address = listener.address().unwrap();
    runtime.spawn(serve(listener, handler, Limits::default(), shutdown.clone()));
    address
}

/// An authority, and the certificate of the function.
fn certificates(place: &Place) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "authority");
    place.file("ca.pem", &params.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![AF.to_owned()]).unwrap();
    place.file("af.pem", &params.signed_by(&key, &issuer).unwrap().pem());
    place.file("af.key", &key.serialize_pem());
}

#[test]
fn a_ue_logs_in_with_the_key_of_its_registration() {
    let bench = Bench::new();
    let (function, at) = bench.function(Manner::Right);
    let text = bench.place.with_secrets(&bench.line(at, "")).ok();
    let akma = bench.udm.latest();
    for said in [
        akma.a_kid().to_string().as_str(),
        "af.example.com0100000002",
        "TLS 1.3 with a certificate, HTTP Digest, cipher suite 0x13",
        "K_AKMA",
        "A-TID",
        "showed that it has K_AF too",
        "200 OK",
        "  Hello·[2J, UE",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // Each registration has another pair; the keys are those of the home network.
    let line = bench.line(at, "--json --reveal");
    let told: Value = serde_json::from_str(&bench.place.with_secrets(&line).ok()).unwrap();
    let newer = bench.udm.latest();
    assert_eq!(told["a_kid"], newer.a_kid().to_string());
    assert_eq!(
        (&told["status"], &told["af_showed_the_key"]),
        (&200.into(), &true.into())
    );
    let value = |name: &str| {
        let keys = told["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["name"] == name).unwrap();
        (key["value"].as_str().unwrap().to_owned(), key["agrees"].clone())
    };
    let expected = hexadecimal(newer.k_akma().expose_to_aanf());
    assert_eq!(value("K_AKMA"), (expected, Value::Null));
    assert_eq!(
        value("K_AF"),
        (hexadecimal(function.k_af().expose_to_af()), true.into())
    );
    let asked = function.asked.lock().unwrap().clone();
    assert_eq!(asked, [akma.a_kid().to_string(), newer.a_kid().to_string()]);
    bench.place.has_no(&[K, OPC], &[]);
}

#[test]
fn a_function_that_has_not_the_key_gets_no_login() {
    let bench = Bench::new();
    for (manner, more, says, status) in [
        (Manner::Impostor, "", "does not know K_AF", None),
        (Manner::PassesOn, "", "realm names another application function", None),
        (Manner::Open, "", "lets in whoever asks", None),
        (
            Manner::Right,
            "--ua-protocol tls",
            "refuses the A-KID or K_AF (403 Forbidden",
            Some("01000113"),
        ),
        (
            Manner::Late,
            "--patience 0",
            "refuses the A-KID or K_AF (403 Forbidden",
            None,
        ),
    ] {
        let (function, at) = bench.function(manner);
        let told = bench.place.with_secrets(&bench.line(at, more)).refused();
        assert!(told.contains(says) && !told.contains('\u{1b}'), "{told}");
        assert!(status.is_none_or(|id| told.contains(id)), "{told}");
        let is_asked = !function.asked.lock().unwrap().is_empty();
        assert_eq!(is_asked, !matches!(manner, Manner::PassesOn | Manner::Open), "{says}");
    }
    // With time it is asked again.
    let (function, at) = bench.function(Manner::Late);
    bench.place.with_secrets(&bench.line(at, "--patience 20")).ok();
    assert_eq!(function.asked.lock().unwrap().len(), 2);
}

#[test]
fn the_certificate_is_the_functions_and_options_that_would_not_be_used_are_refused() {
    let bench = Bench::new();
    let (function, at) = bench.function(Manner::Right);
    for (from, to, says) in [
        (
            "https://AF.example.com",
            "https://af.example.org",
            "TLS with af.example.org",
        ),
        ("https://AF", "http://AF", "https://"),
        (" --home 001-01", "", "--home MCC-MNC"),
        (" --af-ca ca.pem", "", "--af-ca"),
        (" --af-ca ca.pem", " --psk tls1.2", "tls1.2="),
        (" --supi", " --hn-key-id 1 --supi", "--hn-key-id"),
        (" --supi", " --method eap-aka-prime --supi", "give --method 5g-aka"),
    ] {
        let line = bench.line(at, "").replace(from, to);
        let told = bench.place.with_secrets(&line).refused();
        assert!(told.contains(says), "{line}: {told}");
    }
    assert!(function.asked.lock().unwrap().is_empty());
    if !cfg!(feature = "psk") {
        let line = bench.line(at, "").replace("--af-ca ca.pem", "--psk tls1.3");
        let told = bench.place.with_secrets(&line).refused();
        assert!(told.contains("built with the feature psk"), "{told}");
    }
}

#[cfg(feature = "psk")]
#[test]
fn a_ue_gets_in_by_tls_with_k_af() {
    use kaskade_net::psk::{AfKey, AkmaProtocol, PskLimits, PskSuite};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let bench = Bench::new();
    for (option, protocol) in [
        ("tls1.3", AkmaProtocol::tls_1_3()),
        (
            "tls1.2=TLS_PSK_WITH_AES_128_GCM_SHA256",
            AkmaProtocol::tls_1_2(PskSuite::Aes128Gcm),
        ),
    ] {
        let udm = bench.udm.clone();
        let keys = move |a_kid: kaskade_keys::AKid, af_id: AfId| {
            let akma = udm.latest();
            let is_known = a_kid == *akma.a_kid();
            let key = is_known.then(|| AfKey {
                k_af: akma.k_af(&af_id),
                expires: kaskade_net::time::unix_millis().after(std::time::Duration::from_secs(3600)),
            });
            async move { key }
        };
        let runtime = bench.runtime.handle().clone();
        let server = protocol
            .server(&AF.parse().unwrap(), keys, runtime, PskLimits::default())
            .unwrap();
        let listener = bench
            .runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let at = listener.local_addr().unwrap();
        bench.runtime.spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let Ok(mut stream) = server.accept(stream, peer).await else {
                    continue;
                };
                let mut octets = vec![0; 4096];
                let len = stream.read(&mut octets).await.unwrap();
                assert!(octets[..len].starts_with(b"GET /hello HTTP/1.1\r\n"));
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nHello\n")
                    .await
                    .unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        let line = |option: &str| {
            bench
                .line(at, "--json")
                .replace("--af-ca ca.pem", &format!("--psk {option}"))
        };
        let told: Value = serde_json::from_str(&bench.place.with_secrets(&line(option)).ok()).unwrap();
        assert_eq!(
            (&told["body"], &told["af_showed_the_key"]),
            (&"Hello\n".into(), &true.into())
        );
        assert!(
            told["transport"]
                .as_str()
                .unwrap()
                .contains("K_AF as the pre-shared key")
        );
        // One that speaks something else.
        let other = match option {
            "tls1.3" => "tls1.2=TLS_PSK_WITH_AES_128_GCM_SHA256",
            _ => "tls1.3",
        };
        let told = bench.place.with_secrets(&line(other)).refused();
        assert!(told.contains("TLS with af.example.com"), "{told}");
    }
}
