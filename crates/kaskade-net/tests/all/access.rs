//! Every operation asks who its caller is, by token and by policy, and what is refused is on record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Reason};
use kaskade_keys::Plmn;
use kaskade_net::role::aanf::AanfOptions;
use kaskade_net::role::access::{AccessRules, Asked};
use kaskade_net::role::udm::UecmOptions;
use kaskade_net::role::usage_keys::UsageKeysOptions;
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::{Operation, Service};
use kaskade_net::sbi::token::{TokenAlgorithm, TokenKey, TokenRules, Verifier};
use kaskade_net::services::ALL;
use kaskade_net::time::unix_millis;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};

use crate::audit::Place;
use crate::common::http::{Ask, Told, send_unchecked};
use crate::common::log::Log;
use crate::common::{Home, Link, in_own_process};

const NRF: &str = "4947a69a-f61b-4bc1-b9da-47c9c5d14b64";
const AMF: &str = "0b6e5a3c-1a2b-4c3d-8e4f-000000000001";
/// What comes with every operation, whatever its scope.
const EVERY: usize = 10;

pub(crate) struct Nrf(KeyPair);

impl Nrf {
    pub(crate) fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
    }

    pub(crate) fn verifier(&self) -> Arc<Verifier> {
        self.verifier_of(&[])
    }

    /// Of a node of these networks.
    pub(crate) fn verifier_of(&self, networks: &[Plmn]) -> Arc<Verifier> {
        let key = TokenKey::from_pem(self.0.public_key_pem().as_bytes(), TokenAlgorithm::Es256, Some("1"));
        let rules = TokenRules {
            issuers: vec![NRF.to_owned()],
            keys: vec![key.unwrap()],
            instances: Vec::new(),
            networks: networks.to_vec(),
            leeway: Duration::ZERO,
        };
        Arc::new(Verifier::new(rules).unwrap())
    }

    /// For the function that serves this operation; `after` seconds from now it ends.
    pub(crate) fn token(&self, audience: &str, scope: &str, after: i64) -> String {
        self.signed(&claims(audience, scope, after))
    }

    /// With these claims.
    pub(crate) fn signed(&self, claims: &serde_json::Value) -> String {
        let key = jsonwebtoken::EncodingKey::from_ec_der(&self.0.serialize_der());
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
        format!("Bearer {}", jsonwebtoken::encode(&header, claims, &key).unwrap())
    }
}

/// What such a token says.
pub(crate) fn claims(audience: &str, scope: &str, after: i64) -> serde_json::Value {
    let now = i64::try_from(unix_millis().get() / 1000).unwrap();
    serde_json::json!({"iss": NRF, "sub": AMF, "aud": audience, "scope": scope, "exp": now + after})
}

/// Every operation that is declared, and the NF type that serves it.
fn operations() -> Vec<(&'static Service, &'static Operation, &'static str)> {
    let of = |service: &'static Service| {
        let nf_type = match service.name {
            "nudm-ueau" | "nudm-uecm" => "UDM",
            "naanf-akma" => "AANF",
            _ => "AUSF",
        };
        service
            .operations
            .iter()
            .map(move |operation| (service, operation, nf_type))
    };
    // The NEF has a door of its own: `nef/keys.rs`, and one without a keeper: `nef/waiting.rs`.
    let of_nef = ["3gpp-akma", "kaskade-nef-notices"];
    let served = ALL.iter().copied().filter(|service| !of_nef.contains(&service.name));
    let all: Vec<_> = served.flat_map(of).collect();
    assert!(all.len() >= EVERY, "{} operations", all.len());
    all
}

async fn ask(home: &Home, operation: (&Service, &Operation, &str), authorization: &[&str]) -> Told {
    let (service, operation, nf_type) = operation;
    let url = match nf_type {
        "UDM" => home.udm_url(),
        "AANF" => home.udm.aanf_url().unwrap_or(home.ausf_url()),
        _ => home.ausf_url(),
    };
    let path: String = operation.path.split('/').skip(1).fold(String::new(), |path, segment| {
        path + "/" + if segment.starts_with('{') { "x" } else { segment }
    });
    let path = format!("/{}/{}{path}", service.name, service.version);
    let mut ask = Ask::bare(operation.method.as_str(), path);
    for value in authorization {
        ask = ask.header("authorization", *value);
    }
    send_unchecked(url, &ask).await
}

fn challenge(told: &Told) -> (u16, &str) {
    (told.status, told.header("www-authenticate").unwrap_or_default())
}

#[tokio::test]
async fn every_operation_wants_a_token_for_it() {
    let (nrf, stranger) = (Nrf::new(), Nrf::new());
    let place = Place::new();
    let log = place.open("gate", |_| {});
    let home = Home::start_with(Link::Local, |setup| {
        setup.usage_keys = Some(UsageKeysOptions::default());
        setup.aanf = Some(AanfOptions::default());
        setup.uecm = Some(UecmOptions::default());
        setup.access.tokens = Some(nrf.verifier());
        setup.access.token_required = true;
        setup.audit = log;
    });
    let mut expected: BTreeMap<Refusal, u32> = BTreeMap::new();
    for operation in operations() {
        let (service, Operation { name, scope, .. }, nf_type) = operation;
        assert!(!scope.is_empty(), "{name} has no scope");
        let needed = format!("scope=\"{scope}\"");
        let right = nrf.token(nf_type, scope, 60);
        let (unsigned, signature) = right.rsplit_once('.').unwrap();
        let invalid = [
            stranger.token(nf_type, scope, 60),
            nrf.token(if nf_type == "UDM" { "AUSF" } else { "UDM" }, scope, 60),
            format!("{unsigned}."),
            format!("Bearer eyJhbGciOiJub25lIn0.{}.", unsigned.split('.').nth(1).unwrap()),
            format!(
                "Bearer eyJhbGciOiJIUzI1NiJ9.{}.{signature}",
                unsigned.split('.').nth(1).unwrap()
            ),
            right.replace("Bearer", "Basic"),
            "Bearer".to_owned(),
            format!("Bearer {}", "a".repeat(5000)),
        ];
        let mut refused = |told: &Told, why: Refusal, challenges: &str| {
            let sbi = why.verdict().sbi.answer().unwrap();
            assert_eq!(challenge(told), (sbi.status(), challenges), "{name}: {told:?}");
            assert_eq!(told.header("content-type"), Some("application/problem+json"));
            *expected.entry(why).or_default() += 1;
        };
        refused(
            &ask(&home, operation, &[]).await,
            Refusal::TokenMissing,
            &format!("Bearer {needed}"),
        );
        let of_token = &format!("Bearer error=\"invalid_token\", {needed}");
        for value in &invalid {
            refused(&ask(&home, operation, &[value]).await, Refusal::TokenInvalid, of_token);
        }
        refused(
            &ask(&home, operation, &[&right, &right]).await,
            Refusal::TokenInvalid,
            of_token,
        );
        let over = nrf.token(nf_type, scope, -1);
        refused(&ask(&home, operation, &[&over]).await, Refusal::TokenExpired, of_token);
        let other = nrf.token(nf_type, "nother-service", 60);
        let of_scope = &format!("Bearer error=\"insufficient_scope\", {needed}");
        refused(
            &ask(&home, operation, &[&other]).await,
            Refusal::ScopeInsufficient,
            of_scope,
        );
        // With the right one it is the request that is wrong.
        let told = ask(&home, operation, &[&right]).await;
        assert!(
            [204, 400, 404, 415].contains(&told.status),
            "{}/{name}: {told:?}",
            service.name
        );
    }
    home.shutdown().await;
    let (events, names) = place.read("gate");
    let mut seen: BTreeMap<Refusal, u32> = BTreeMap::new();
    for event in events {
        assert_eq!(event.action(), Action::OperationAsked);
        let Reason::Refused(why) = event.reason() else {
            panic!("{event:?}")
        };
        let peer = names.name(event.peer());
        // Who had a token that was right is who it names.
        let is = if why == Refusal::ScopeInsufficient {
            AMF
        } else {
            "127.0.0.1"
        };
        assert_eq!(peer, Some(is), "{why}");
        *seen.entry(why).or_default() += event.count();
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn every_operation_is_for_whom_the_policy_names() {
    let nrf = Nrf::new();
    for (principal, right) in [
        (Requester::address([127, 0, 0, 1].into()), true),
        (Requester::subject(AMF), true),
        (Requester::group("somebody else"), false),
    ] {
        for allowed in operations() {
            let name = format!("{}/{}", allowed.0.name, allowed.1.name);
            let home = Home::start_with(Link::Local, |setup| {
                setup.usage_keys = Some(UsageKeysOptions::default());
                setup.aanf = Some(AanfOptions::default());
                setup.uecm = Some(UecmOptions::default());
                setup.access = AccessRules {
                    tokens: Some(nrf.verifier()),
                    token_required: false,
                    allowed: vec![(principal.id(), vec![Asked::of(&name, &ALL).unwrap()])],
                };
            });
            for operation in operations() {
                let right = right && std::ptr::eq(operation.1, allowed.1);
                let token = nrf.token(operation.2, operation.1.scope, 60);
                let with_token = principal.id() == Requester::subject(AMF).id();
                let authorization: &[&str] = if with_token { &[&token] } else { &[] };
                let told = ask(&home, operation, authorization).await;
                assert_eq!(
                    told.status != 403,
                    right,
                    "{principal} {name} {}: {told:?}",
                    operation.1.name
                );
            }
            home.shutdown().await;
        }
    }
}

#[tokio::test]
async fn a_token_that_nobody_asked_for_is_right_all_the_same() {
    let (nrf, stranger) = (Nrf::new(), Nrf::new());
    let home = Home::start_with(Link::Local, |setup| {
        setup.usage_keys = Some(UsageKeysOptions::default());
        setup.aanf = Some(AanfOptions::default());
        setup.uecm = Some(UecmOptions::default());
        setup.access.tokens = Some(nrf.verifier());
    });
    // And where there is no key, nobody looks at it.
    let open = Home::start(Link::Local);
    for operation in operations() {
        let forged = stranger.token(operation.2, operation.1.scope, 60);
        assert_eq!(ask(&home, operation, &[&forged]).await.status, 401);
        for home in [&home, &open] {
            assert_ne!(ask(home, operation, &[]).await.status, 401);
        }
        assert_ne!(ask(&open, operation, &[&forged]).await.status, 401);
    }
}

#[tokio::test]
async fn every_line_of_a_request_has_its_number() {
    if in_own_process("access::every_line_of_a_request_has_its_number") {
        return;
    }
    let (log, _guard) = Log::begin("off,kaskade_net::sbi::service=debug");
    let nobody = AccessRules {
        allowed: vec![(Requester::group("nobody").id(), Vec::new())],
        ..AccessRules::default()
    };
    let homes = [
        Home::start_with(Link::Local, |setup| {
            setup.usage_keys = Some(UsageKeysOptions::default());
            setup.aanf = Some(AanfOptions::default());
            setup.uecm = Some(UecmOptions::default());
        }),
        Home::start_with(Link::Local, |setup| {
            setup.usage_keys = Some(UsageKeysOptions::default());
            setup.aanf = Some(AanfOptions::default());
            setup.uecm = Some(UecmOptions::default());
            setup.access = nobody;
        }),
    ];
    for home in &homes {
        for operation in operations() {
            let told = ask(home, operation, &[]).await;
            assert!(told.status >= 400, "{told:?}");
        }
    }
    let text = log.text();
    let mut lines = text.lines();
    let mut numbers = BTreeSet::new();
    for (_, operation, _) in [operations(), operations()].concat() {
        let line = lines.next().unwrap();
        let request = format!(
            "request{{service={:?} operation={:?} requester=127.0.0.1 correlation=",
            operation.api, operation.name
        );
        let (_, rest) = line.split_once(&request).unwrap_or_else(|| panic!("{request}: {line}"));
        let (number, rest) = rest.split_once('}').unwrap();
        assert!(number.len() == 16 && numbers.insert(number.to_owned()), "{line}");
        assert!(rest.contains("refused"), "{line}");
    }
    assert_eq!(lines.next(), None);
    // Also what is found out later.
    assert!(text.contains("CONTEXT_NOT_FOUND"), "{text}");
}
