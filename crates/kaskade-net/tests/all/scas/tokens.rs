//! Access tokens that are not right (TS 33.117 4.2.2.2.3, TS 33.519 4.2.2.1).

use std::sync::atomic::Ordering;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use hyper::Method;
use kaskade_net::node::{AanfAt, NefRole, Node, NodeOptions};
use kaskade_net::role::aanf::{AanfOptions, AkmaPolicy};
use kaskade_net::role::nef::{ClientSecret, NefOptions, NefPolicy, TokenOptions};
use kaskade_net::role::policy::{Groups, Member};
use kaskade_net::role::udm::UecmOptions;
use kaskade_net::sbi::client::SbiClient;
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::ServerOptions;
use kaskade_net::sbi::token::{Grant, TokenAlgorithm, TokenIssuer};
use kaskade_net::time::unix_millis;
use kaskade_testkit::memory::MemoryEngine;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use super::net::{FREE, INSIDE, Net, OUTSIDE, a_kid, until};
use crate::access::{Nrf, claims};
use crate::common::http::{Ask, Told, send_unchecked};
use crate::common::{Home, Link, plmn, snn, store, supi};

/// One operation of a network function: where, its request, the NF type and the scope of its tokens, and what a right request is answered.
struct Asked {
    name: &'static str,
    url: String,
    ask: Ask<'static>,
    nf_type: &'static str,
    scope: &'static str,
    right: u16,
}

/// All of them with a token required.
fn home(nrf: &Nrf) -> Home {
    Home::start_with(Link::Local, |setup| {
        let member: Member = "127.0.0.1".parse().unwrap();
        setup.groups = Groups::default().with("af", [member]);
        let policy = AkmaPolicy::new(super::net::functions("af", "nef")).with_ausf("af");
        setup.aanf = Some(AanfOptions {
            policy: policy.with(Requester::group("af").id(), "af"),
            ..AanfOptions::default()
        });
        setup.uecm = Some(UecmOptions::default());
        setup.access.tokens = Some(nrf.verifier_of(&[plmn()]));
        setup.access.token_required = true;
    })
}

fn operations(home: &Home) -> Vec<Asked> {
    let k_ausf = kaskade_keys::fivegs::KAusf::from_octets(&[9; 32]);
    let (snn, who) = (snn(), supi(0).sbi());
    let aanf = home.udm.aanf_url().unwrap();
    let asked = |name, url: &str, path: String, body: Value, (nf_type, scope), right| Asked {
        name,
        url: url.to_owned(),
        ask: Ask::json("POST", path, body.to_string()),
        nf_type,
        scope,
        right,
    };
    vec![
        asked(
            "UDM, Nudm_UEAuthentication",
            home.udm_url(),
            format!("/nudm-ueau/v1/{who}/security-information/generate-auth-data"),
            json!({"servingNetworkName": snn.as_str(), "ausfInstanceId": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}),
            ("UDM", "nudm-ueau"),
            200,
        ),
        asked(
            "UDM, Nudm_UEContextManagement",
            home.udm_url(),
            format!("/nudm-uecm/v1/{who}/registrations/trigger-auth"),
            json!({"supi": who}),
            ("UDM", "nudm-uecm"),
            // No AMF has registered.
            404,
        ),
        asked(
            "AUSF",
            home.ausf_url(),
            "/nausf-auth/v1/ue-authentications".to_owned(),
            json!({"supiOrSuci": who, "servingNetworkName": snn.as_str()}),
            ("AUSF", "nausf-auth"),
            201,
        ),
        asked(
            "AAnF, for an AUSF",
            aanf,
            "/naanf-akma/v1/remove-context".to_owned(),
            json!({"supi": who}),
            ("AANF", "naanf-akma:anchorkey"),
            204,
        ),
        asked(
            "AAnF, for an AF",
            aanf,
            "/naanf-akma/v1/retrieve-applicationkey".to_owned(),
            json!({"afId": INSIDE, "aKId": a_kid(&k_ausf, 0).encode()}),
            ("AANF", "naanf-akma:applicationkeyget"),
            204,
        ),
    ]
}

async fn with(asked: &Asked, authorization: &str) -> Told {
    let ask = asked.ask.clone().header("authorization", authorization);
    send_unchecked(&asked.url, &ask).await
}

/// The error of RFC 6750 3.1, which is how a resource server says what RFC 6749 5.2 has.
fn is_refused(told: &Told, status: u16, error: &str, what: &str) {
    assert_eq!(told.status, status, "{what}: {told:?}");
    let challenge = told.header("www-authenticate").unwrap_or_default();
    assert!(
        challenge.starts_with("Bearer ") && challenge.contains(error),
        "{what}: {challenge}"
    );
    assert_eq!(told.header("content-type"), Some("application/problem+json"), "{what}");
}

#[tokio::test]
async fn tc_authorization_token_verification_failure_one_plmn() {
    let (nrf, stranger) = (Nrf::new(), Nrf::new());
    let home = home(&nrf);
    for asked in operations(&home) {
        let Asked {
            name, nf_type, scope, ..
        } = asked;
        let right = claims(nf_type, scope, 60);
        assert_eq!(with(&asked, &nrf.signed(&right)).await.status, asked.right, "{name}");
        let vectors = || home.udm.udm().unwrap().counters().vectors.load(Ordering::Relaxed);
        let before = vectors();
        let told = send_unchecked(&asked.url, &asked.ask).await;
        is_refused(&told, 401, "scope=", "no token");
        let changed = |member: &str, value: Value| {
            let mut claims = right.clone();
            claims[member] = value;
            nrf.signed(&claims)
        };
        // Test case 1: signature or MAC. The last one is a MAC by what everybody knows, the public key.
        let signed = nrf.signed(&right);
        let (text, _) = signed.rsplit_once('.').unwrap();
        let body = text.split('.').nth(1).unwrap();
        let header = |alg: &str| Base64UrlUnpadded::encode_string(format!(r#"{{"alg":"{alg}"}}"#).as_bytes());
        for (what, token) in [
            ("signed by another", stranger.signed(&right)),
            (
                "a random signature",
                format!("{text}.{}", Base64UrlUnpadded::encode_string(&[7; 64])),
            ),
            ("no signature", format!("{text}.")),
            ("no algorithm", format!("Bearer {}.{body}.", header("none"))),
            (
                "a MAC",
                format!(
                    "Bearer {}.{body}.{}",
                    header("HS256"),
                    Base64UrlUnpadded::encode_string(&[7; 32])
                ),
            ),
        ] {
            is_refused(
                &with(&asked, &token).await,
                401,
                "invalid_token",
                &format!("{name}: {what}"),
            );
        }
        // Test case 2: audience.
        let other = if nf_type == "UDM" { "AUSF" } else { "UDM" };
        for value in [
            json!(other),
            json!([other]),
            json!(["b2c7d8e9-0000-4000-8000-000000000000"]),
            json!(""),
        ] {
            let token = changed("aud", value.clone());
            is_refused(
                &with(&asked, &token).await,
                401,
                "invalid_token",
                &format!("{name}: aud {value}"),
            );
        }
        // Test case 3: scope; and 8: one that names resources of the service, and not this operation.
        let service = scope.split(':').next().unwrap();
        for value in [
            "nnrf-disc".to_owned(),
            format!("{service}:nothing:read"),
            format!("{service}x"),
        ] {
            let token = changed("scope", json!(value));
            is_refused(
                &with(&asked, &token).await,
                403,
                "insufficient_scope",
                &format!("{name}: {value}"),
            );
        }
        // Test case 4: expiration time.
        let over = nrf.token(nf_type, scope, -1);
        is_refused(
            &with(&asked, &over).await,
            401,
            "invalid_token",
            &format!("{name}: exp"),
        );
        // Test cases 5, 6 and 7: slices, instances of slices, NF set. This program serves none that it knows of.
        for (member, value) in [
            ("producerSnssaiList", json!([{"sst": 1, "sd": "0000ff"}])),
            ("producerNsiList", json!(["slice-instance-1"])),
            ("producerNfSetId", json!("set1.udmset.5gc.mnc001.mcc001")),
        ] {
            let token = changed(member, value);
            is_refused(
                &with(&asked, &token).await,
                401,
                "invalid_token",
                &format!("{name}: {member}"),
            );
        }
        assert_eq!(vectors(), before, "{name}: nothing was done");
        assert_eq!(
            with(&asked, &nrf.signed(&right)).await.status,
            asked.right,
            "{name}: still"
        );
    }
    home.shutdown().await;
}

#[tokio::test]
async fn tc_authorization_token_verification_failure_diff_plmn() {
    let nrf = Nrf::new();
    let home = home(&nrf);
    let [own, other] = [json!({"mcc": "001", "mnc": "01"}), json!({"mcc": "999", "mnc": "70"})];
    for asked in operations(&home) {
        // Of a consumer in a visited network, whose request comes through the SEPPs.
        let token = |producer: Option<Value>| {
            let mut claims = claims(asked.nf_type, asked.scope, 60);
            claims["consumerPlmnId"] = other.clone();
            if let Some(producer) = producer {
                claims["producerPlmnId"] = producer;
            }
            nrf.signed(&claims)
        };
        let name = asked.name;
        assert_eq!(
            with(&asked, &token(Some(own.clone()))).await.status,
            asked.right,
            "{name}"
        );
        // Test case 1: another PLMN than that of this node, or an empty one.
        for wrong in [
            other.clone(),
            json!({"mcc": "001", "mnc": "001"}),
            json!({"mcc": "", "mnc": ""}),
            json!({}),
        ] {
            let told = with(&asked, &token(Some(wrong.clone()))).await;
            is_refused(&told, 401, "invalid_token", &format!("{name}: {wrong}"));
        }
        // Test case 2: none.
        is_refused(
            &with(&asked, &token(None)).await,
            401,
            "invalid_token",
            &format!("{name}: none"),
        );
    }
    home.shutdown().await;
}

/// The NEF has its northbound APIs for application functions with a token of its own endpoint for that API.
#[tokio::test]
async fn tc_cp_author_af_nef() {
    let net = Net::start();
    let ausf = net.ausf(net.aanf_url(), net.pki.client(Some("ausf")));
    let k_ausf = net.authenticated(&ausf, 0).await;
    until("an anchor key", || net.registered() == 1).await;
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let issuer = |pair: &KeyPair, name: &str| {
        TokenIssuer::from_pem(pair.serialize_pem().as_bytes(), TokenAlgorithm::Es256, name, "1").unwrap()
    };
    let own = issuer(&pair, "nef");
    let secret = ClientSecret::from_octets(&[5; 32]);
    let nef = nef(&net, own.clone(), &secret);
    let url = nef.nef_url().unwrap();
    // It comes over TLS with its token, and has no certificate.
    let body = json!({"afId": OUTSIDE, "aKId": a_kid(&k_ausf, 0).encode()}).to_string();
    let ask = async |token: Option<&str>| {
        let mut options = net.pki.client(None);
        options.authorization = token.map(|token| format!("Bearer {token}").parse().unwrap());
        let client = SbiClient::new(url, options).unwrap();
        let told = client
            .send(Method::POST, "/3gpp-akma/v1/retrieve", Some(body.clone().into()))
            .await;
        let told = told.unwrap();
        let json: Value = serde_json::from_slice(&told.body).unwrap_or_default();
        (told.status.as_u16(), json["kaf"].as_str().map(str::to_owned))
    };
    let k_af = k_ausf.k_akma(&supi(0)).k_af(&OUTSIDE.parse().unwrap());
    let key = (200, Some(hex::encode(k_af.expose_to_af())));
    // API A, with the token for it.
    let grant = |issuer: &TokenIssuer, subject: &str, audience: &str, scope: &str, ago: u64| {
        let grant = Grant {
            subject,
            audience,
            scope,
            from: kaskade_flow::UnixMillis::new(unix_millis().get() - ago * 1000),
            lifetime: Duration::from_secs(60),
        };
        issuer.give(&grant).unwrap()
    };
    let right = grant(&own, "video", "NEF", "3gpp-akma", 0);
    assert_eq!(ask(Some(&right)).await, key);
    let given = net.given();
    // Test 1: an API without a token.
    assert_eq!(ask(None).await, (401, None));
    // Test 2: with a false one. The token for API A is false at API B: it has another scope.
    let mut damaged = right.clone();
    let last = if damaged.pop() == Some('A') { 'Q' } else { 'A' };
    damaged.push(last);
    let stranger = issuer(&KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(), "nef");
    for (what, token, status) in [
        ("made up", "x.y.z".to_owned(), 401),
        (
            "signed by another",
            grant(&stranger, "video", "NEF", "3gpp-akma", 0),
            401,
        ),
        ("damaged", damaged, 401),
        (
            "of another issuer",
            grant(&issuer(&pair, "other"), "video", "NEF", "3gpp-akma", 0),
            401,
        ),
        (
            "for another function",
            grant(&own, "video", "AANF", "3gpp-akma", 0),
            401,
        ),
        (
            "for another API",
            grant(&own, "video", "NEF", "3gpp-monitoring-event", 0),
            403,
        ),
        ("over", grant(&own, "video", "NEF", "3gpp-akma", 61), 401),
        (
            "of an application function that is none",
            grant(&own, "nobody", "NEF", "3gpp-akma", 0),
            403,
        ),
    ] {
        assert_eq!(ask(Some(&token)).await, (status, None), "{what}");
    }
    assert_eq!(net.given(), given, "no AAnF has heard of it");
    assert_eq!(ask(Some(&right)).await, key, "as before");
    nef.shutdown().await;
    ausf.shutdown().await;
    net.shutdown().await;
}

fn nef(net: &Net, issuer: TokenIssuer, secret: &ClientSecret) -> Node {
    let mut server = ServerOptions::default();
    server.tls = Some(net.pki.server(false));
    let mut af = super::net::af_outside();
    af.secret = Some(secret.hash("video"));
    let at = AanfAt::There(net.aanf_url().to_owned(), net.pki.client(Some("nef")));
    let nef = NefRole {
        store: store(MemoryEngine::default()),
        options: NefOptions {
            policy: NefPolicy::default().with("video", af),
            tokens: Some(TokenOptions {
                issuer,
                lifetime: Duration::from_secs(60),
                requester: "1000/s burst 1000".parse().unwrap(),
            }),
            ..NefOptions::default()
        },
        listen: FREE,
        server,
        notices: None,
        aanfs: vec![super::net::aanf_at(at)],
    };
    Node::start(NodeOptions {
        nef: Some(nef),
        ..NodeOptions::default()
    })
    .unwrap()
}
