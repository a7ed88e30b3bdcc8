#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, SanType};

use super::*;
use crate::sbi::token::{TokenAlgorithm, TokenKey, TokenRules, unsigned};
use crate::services::ALL;

const SUBJECT: &str = "0b6e5a3c-1a2b-4c3d-8e4f-000000000001";

fn token() -> Token {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let claims = format!(r#"{{"iss":"n","sub":"{SUBJECT}","aud":"UDM","scope":"nudm-ueau","exp":1}}"#);
    let [header, claims] =
        [r#"{"alg":"ES256"}"#, &claims].map(|part| Base64UrlUnpadded::encode_string(part.as_bytes()));
    unsigned(&format!("{header}.{claims}.")).unwrap()
}

fn with_certificate(names: &[&str]) -> Peer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = names
        .iter()
        .map(|name| SanType::URI((*name).try_into().unwrap()))
        .collect();
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    Peer::with_certificate([192, 0, 2, 1].into(), certificate.der())
}

#[test]
fn an_api_is_of_one_nf_type() {
    for (api, is) in [
        ("nudm-ueau", "UDM"),
        ("nausf-auth", "AUSF"),
        ("nausf-sorprotection", "AUSF"),
        ("naanf-akma", "AANF"),
        ("3gpp-akma", "NEF"),
        ("kaskade-nef-notices", "NEF"),
        ("kaskade-usage-keys", "AUSF"),
    ] {
        assert_eq!(nf_type(api), is);
    }
}

#[test]
fn a_token_is_for_the_instance_of_the_certificate() {
    let own = format!("urn:uuid:{SUBJECT}");
    let other = "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6";
    for (names, right) in [
        (&[][..], true),
        (&["urn:amf"], true),
        (&[own.as_str()], true),
        (&[other], false),
        (&[other, own.as_str()], true),
        (&["urn:uuid:"], false),
    ] {
        assert_eq!(is_held_by(&token(), &with_certificate(names)), right, "{names:?}");
    }
    assert!(is_held_by(&token(), &Peer::at([192, 0, 2, 1].into())));
}

/// Asks the gate as a peer with these names in its certificate does, or as one without.
fn ask(access: &Access, names: Option<&[&str]>, token: &str) -> Result<Principal, Refused> {
    let peer = match names {
        Some(names) => with_certificate(names),
        None => Peer::at([192, 0, 2, 1].into()),
    };
    let asker = Asker {
        requester: peer.requester().clone(),
        peer: &peer,
        authorization: &Authorization::Bearer(zeroize::Zeroizing::new(token.into())),
    };
    let operation = &crate::services::nudm_ueau::SERVICE.operations[0];
    access.identify(asker, operation)
}

#[test]
fn where_a_token_is_required_and_none_can_be_verified_nobody_is_let_in() {
    let rules = AccessRules {
        token_required: true,
        ..AccessRules::default()
    };
    let refused = ask(&Access::new(rules, AuditLog::off()), None, "any").unwrap_err();
    assert_eq!(refused.why, Refusal::TokenMissing);
    let open = Access::new(AccessRules::default(), AuditLog::off());
    assert!(ask(&open, None, "any").is_ok());
}

#[test]
fn a_token_of_another_instance_is_refused() {
    let nrf = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let rules = TokenRules {
        issuers: vec!["n".to_owned()],
        keys: vec![TokenKey::from_pem(nrf.public_key_pem().as_bytes(), TokenAlgorithm::EdDsa, None).unwrap()],
        instances: Vec::new(),
        networks: Vec::new(),
        leeway: Duration::ZERO,
    };
    let access = AccessRules {
        tokens: Some(Arc::new(Verifier::new(rules).unwrap())),
        ..AccessRules::default()
    };
    let access = Access::new(access, AuditLog::off());
    let claims = serde_json::json!({"iss": "n", "sub": SUBJECT, "aud": "UDM", "scope": "nudm-ueau", "exp": u32::MAX});
    let key = jsonwebtoken::EncodingKey::from_ed_der(&nrf.serialize_der());
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    let own = format!("urn:uuid:{SUBJECT}");
    let other = "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6";
    for names in [None, Some(&[own.as_str()][..]), Some(&["urn:amf"])] {
        let principal = ask(&access, names, &token).unwrap();
        assert_eq!(principal.token().map(Token::subject), Some(SUBJECT), "{names:?}");
    }
    let refused = ask(&access, Some(&[other]), &token).unwrap_err();
    assert_eq!(
        (refused.why, refused.detail.as_ref()),
        (
            Refusal::TokenInvalid,
            "the token was given to somebody else than the NF instance of the certificate"
        )
    );
}

#[test]
fn without_rules_the_gate_takes_nothing_from_the_heap() {
    let access = Access::new(AccessRules::default(), AuditLog::off());
    let peer = with_certificate(&["urn:amf"]);
    // A thread takes a place once, the first time that it reads what may be replaced.
    ask(&access, None, "any").unwrap();
    for operation in ALL.iter().flat_map(|service| service.operations) {
        let asker = Asker {
            requester: peer.requester().clone(),
            peer: &peer,
            authorization: &Authorization::Missing,
        };
        let measured = allocation_counter::measure(|| {
            let caller = Caller::new(access.identify(asker, operation).unwrap());
            access.authorise(&caller, operation).unwrap();
        });
        assert_eq!(measured.count_total, 0, "{}", operation.name);
    }
}

#[test]
fn a_principal_is_who_proves_most() {
    let at = Peer::at([192, 0, 2, 1].into());
    let certified = with_certificate(&["urn:amf"]);
    let group = Requester::group("amfs");
    let token = Arc::new(token());
    let subject = Requester::subject(&SUBJECT.to_uppercase());
    for (requester, peer, with, is) in [
        (at.requester(), &at, None, at.requester()),
        (at.requester(), &at, Some(&token), &subject),
        (&group, &at, Some(&token), &group),
        (&group, &at, None, &group),
        (certified.requester(), &certified, Some(&token), certified.requester()),
        (certified.requester(), &certified, None, certified.requester()),
    ] {
        let principal = Principal::of(requester.clone(), peer, with.cloned());
        assert_eq!(principal.requester(), is);
        assert_eq!(principal.token(), with.map(|token| &**token));
    }
    assert_ne!(subject, Requester::group(SUBJECT));
}

#[test]
fn what_can_be_asked_for_has_a_name() {
    for service in ALL {
        for operation in service.operations {
            let scope = Asked::of(operation.scope, &ALL).unwrap();
            let one = Asked::of(&format!("{}/{}", operation.api, operation.name), &ALL).unwrap();
            let has = |asked: &Asked| -> Vec<&str> {
                let all = ALL.iter().flat_map(|service| service.operations);
                all.filter(|operation| asked.has(operation))
                    .map(|operation| operation.name)
                    .collect()
            };
            assert_eq!(has(&one), [operation.name]);
            assert!(has(&scope).contains(&operation.name));
        }
    }
    for nothing in [
        "",
        "/",
        "nudm",
        "NUDM-UEAU",
        "nudm-ueau/",
        "nudm-ueau/authenticate",
        "generate_auth_data",
        "*",
    ] {
        assert_eq!(Asked::of(nothing, &ALL), Err(NothingToAsk), "{nothing}");
    }
}
