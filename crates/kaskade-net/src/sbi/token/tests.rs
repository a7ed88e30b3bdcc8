#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::EncodingKey;
use proptest::prelude::*;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData};

use super::*;

const NRF: &str = "4947a69a-f61b-4bc1-b9da-47c9c5d14b64";
const AMF: &str = "0b6e5a3c-1a2b-4c3d-8e4f-000000000001";
const HERE: &str = "0b6e5a3c-1a2b-4c3d-8e4f-00000000000f";
/// Seconds since 1970.
const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 5;

struct Nrf {
    pair: KeyPair,
    algorithm: TokenAlgorithm,
}

impl Nrf {
    fn new(algorithm: TokenAlgorithm) -> Self {
        let kind = match algorithm {
            TokenAlgorithm::Es256 => &PKCS_ECDSA_P256_SHA256,
            TokenAlgorithm::Es384 => &PKCS_ECDSA_P384_SHA384,
            TokenAlgorithm::EdDsa => &PKCS_ED25519,
            _ => &PKCS_RSA_SHA256,
        };
        Self {
            pair: KeyPair::generate_for(kind).unwrap(),
            algorithm,
        }
    }

    fn key(&self, kid: Option<&str>) -> TokenKey {
        TokenKey::from_pem(self.pair.public_key_pem().as_bytes(), self.algorithm, kid).unwrap()
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let signed = unsigned_text(header, claims);
        let key = self.pair.serialize_der();
        let key = match self.algorithm {
            TokenAlgorithm::EdDsa => EncodingKey::from_ed_der(&key),
            _ => EncodingKey::from_ec_der(&key),
        };
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, self.algorithm.of_library()).unwrap();
        format!("{signed}.{signature}")
    }

    fn token(&self, claims: &str) -> String {
        self.sign(&format!(r#"{{"alg":"{}","typ":"JWT"}}"#, self.algorithm), claims)
    }
}

fn unsigned_text(header: &str, claims: &str) -> String {
    let [header, claims] = [header, claims].map(|part| Base64UrlUnpadded::encode_string(part.as_bytes()));
    format!("{header}.{claims}")
}

/// Right claims, with these in place of those of the same name.
fn claims(changed: &[(&str, &str)]) -> String {
    let exp = (NOW + 60).to_string();
    let mut all = vec![
        ("iss", format!(r#""{NRF}""#)),
        ("sub", format!(r#""{AMF}""#)),
        ("aud", r#""AUSF""#.to_owned()),
        ("scope", r#""nausf-auth nausf-sorprotection""#.to_owned()),
        ("exp", exp),
    ];
    for (name, value) in changed {
        all.retain(|(other, _)| other != name);
        if !value.is_empty() {
            all.push((name, (*value).to_owned()));
        }
    }
    let members: Vec<_> = all.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    format!("{{{}}}", members.join(","))
}

fn rules(keys: Vec<TokenKey>) -> TokenRules {
    TokenRules {
        issuers: vec![NRF.to_owned()],
        keys,
        instances: vec![HERE.to_owned()],
        networks: Vec::new(),
        leeway: Duration::from_secs(LEEWAY),
    }
}

fn verifier(keys: Vec<TokenKey>) -> Verifier {
    Verifier::new(rules(keys)).unwrap()
}

const fn at(seconds: u64) -> UnixMillis {
    UnixMillis::new(seconds * 1000)
}

fn ask(verifier: &Verifier, text: &str) -> Result<Arc<Token>, TokenError> {
    verifier.verify(text, "AUSF", at(NOW))
}

#[test]
fn a_right_token_says_who_and_what() {
    for algorithm in [TokenAlgorithm::Es256, TokenAlgorithm::Es384, TokenAlgorithm::EdDsa] {
        let nrf = Nrf::new(algorithm);
        let verifier = verifier(vec![nrf.key(None)]);
        let text = nrf.token(&claims(&[]));
        let token = ask(&verifier, &text).unwrap();
        assert_eq!(
            (token.subject(), token.issuer(), token.expires()),
            (AMF, NRF, at(NOW + 60))
        );
        assert!(token.allows("nausf-auth") && token.allows("nausf-sorprotection"));
        for other in ["nausf", "nausf-auth nausf-sorprotection", "nudm-ueau", "", "NAUSF-AUTH"] {
            assert!(!token.allows(other), "{other}");
        }
        // The second time it is remembered.
        assert!(Arc::ptr_eq(&token, &ask(&verifier, &text).unwrap()));
    }
}

#[test]
fn a_token_is_signed_by_a_key_of_this_node() {
    let [nrf, stranger] = [TokenAlgorithm::Es256; 2].map(Nrf::new);
    let verifier = verifier(vec![nrf.key(None)]);
    let forged = stranger.token(&claims(&[]));
    // Twice: what is wrong is not remembered either.
    assert_eq!(ask(&verifier, &forged), Err(TokenError::Signature));
    assert_eq!(ask(&verifier, &forged), Err(TokenError::Signature));
    let right = nrf.token(&claims(&[]));
    let other = nrf.token(&claims(&[("sub", r#""somebody""#)]));
    let (signed, signature) = right.rsplit_once('.').unwrap();
    let (other_signed, other_signature) = other.rsplit_once('.').unwrap();
    for text in [
        format!("{signed}.{other_signature}"),
        format!("{other_signed}.{signature}"),
        format!("{signed}."),
        format!("{signed}.{}", Base64UrlUnpadded::encode_string(&[0; 64])),
        format!("{signed}.{}", Base64UrlUnpadded::encode_string(&[0; 63])),
    ] {
        assert_eq!(ask(&verifier, &text), Err(TokenError::Signature), "{text}");
    }
    assert!(ask(&verifier, &right).is_ok());
}

#[test]
fn the_algorithm_is_that_of_the_key() {
    let nrf = Nrf::new(TokenAlgorithm::Es256);
    let verifier = verifier(vec![nrf.key(None)]);
    let claims = claims(&[]);
    for name in [
        "none",
        "None",
        "NONE",
        "",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "ES384",
        "es256",
        "EdDSA",
        "\\u001b[2J",
    ] {
        let header = format!(r#"{{"alg":"{name}"}}"#);
        let refused = |text: &str| matches!(ask(&verifier, text), Err(TokenError::Algorithm));
        assert!(refused(&nrf.sign(&header, &claims)), "{name}");
        assert!(refused(&format!("{}.", unsigned_text(&header, &claims))), "{name}");
    }
    // The public key as the secret of a MAC.
    let signed = unsigned_text(r#"{"alg":"HS256"}"#, &claims);
    for secret in [
        nrf.pair.public_key_pem().into_bytes(),
        nrf.pair.subject_public_key_info(),
    ] {
        let key = EncodingKey::from_secret(&secret).unwrap();
        let mac = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
        let told = ask(&verifier, &format!("{signed}.{mac}"));
        assert_eq!(told, Err(TokenError::Algorithm));
    }
}

#[test]
fn headers_that_are_none_or_ask_for_more() {
    let nrf = Nrf::new(TokenAlgorithm::Es256);
    let verifier = verifier(vec![nrf.key(None)]);
    for header in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"alg":1}"#,
        r#"{"alg":null}"#,
        r#"{"alg":"ES256","alg":"none"}"#,
        r#"{"alg":"ES256","kid":7}"#,
        r#"{"alg":"ES256"} {}"#,
    ] {
        let told = ask(&verifier, &nrf.sign(header, &claims(&[])));
        assert!(matches!(told, Err(TokenError::Header(_))), "{header}: {told:?}");
    }
    for more in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""b64":false,"crit":["b64"]"#,
        r#""b64":true"#,
    ] {
        let told = ask(
            &verifier,
            &nrf.sign(&format!(r#"{{"alg":"ES256",{more}}}"#), &claims(&[])),
        );
        assert_eq!(told, Err(TokenError::Extension), "{more}");
    }
    // Keys that the token itself brings are not looked at.
    let stranger = Nrf::new(TokenAlgorithm::Es256);
    let header = r#"{"alg":"ES256","jku":"https://example.org/keys","jwk":{"kty":"EC"},"x5c":["AA=="]}"#;
    assert_eq!(
        ask(&verifier, &stranger.sign(header, &claims(&[]))),
        Err(TokenError::Signature)
    );
    assert!(ask(&verifier, &nrf.sign(header, &claims(&[]))).is_ok());
}

/// What stands in a wrong place may be a key.
#[test]
fn no_error_repeats_what_a_token_says() {
    const K: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
    let nrf = Nrf::new(TokenAlgorithm::Es256);
    let verifier = verifier(vec![nrf.key(None)]);
    let right = claims(&[]);
    let quoted = format!("\"{K}\"");
    let inside = format!("[{{\"{K}\":1}}]");
    let mut told = Vec::new();
    for header in [
        format!(r#"{{"alg":{quoted}}}"#),
        format!(r#"{{"alg":{inside}}}"#),
        format!(r#"{{"alg":"ES256","kid":{inside}}}"#),
        format!(r#"{{"{K}":1}}"#),
        format!(r#"{{"alg":"ES256","{K}"}}"#),
        quoted.clone(),
        K.to_owned(),
    ] {
        told.push(ask(&verifier, &nrf.sign(&header, &right)).unwrap_err().to_string());
        let unsigned = format!("{}.", unsigned_text(&header, &right));
        told.push(ask(&verifier, &unsigned).unwrap_err().to_string());
    }
    for name in ["exp", "nbf", "iat"] {
        let wrong = nrf.token(&claims(&[(name, &quoted)]));
        let error = ask(&verifier, &wrong).unwrap_err().to_string();
        assert_eq!(error, format!("the claims of the token: {name}: not a number"));
    }
    for name in ["iss", "sub", "aud", "scope"] {
        for value in [format!("[{quoted},1]"), inside.clone(), format!("{{{quoted}:1}}")] {
            let error = ask(&verifier, &nrf.token(&claims(&[(name, &value)])))
                .unwrap_err()
                .to_string();
            assert!(error.contains(&format!("{name}: not ")), "{error}");
            told.push(error);
        }
    }
    told.push(ask(&verifier, &nrf.token(&quoted)).unwrap_err().to_string());
    told.push(ask(&verifier, &nrf.token(K)).unwrap_err().to_string());
    for error in told {
        assert!(!error.contains(&K[..8]), "{error}");
    }
}

#[test]
fn a_token_has_one_form() {
    let nrf = Nrf::new(TokenAlgorithm::Es256);
    let verifier = verifier(vec![nrf.key(None)]);
    let text = nrf.token(&claims(&[]));
    let [header, payload, signature] = parts(&text).unwrap();
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b".to_owned(),
        format!("{header}.{payload}"),
        format!("{text}."),
        format!("{text}.{signature}"),
        format!("{text}="),
        format!("{text}=="),
        format!("{text}\n"),
        format!(" {text}"),
        format!("{header}.{payload}.ü"),
        format!("{header}+.{payload}.{signature}"),
    ] {
        let told = ask(&verifier, &text);
        assert!(
            matches!(told, Err(TokenError::NotCompact | TokenError::Header(_))),
            "{text}: {told:?}"
        );
    }
    // Of the middle part nobody reads more than who signed it.
    assert_eq!(
        ask(&verifier, &format!("{header}. {payload}.{signature}")),
        Err(TokenError::Signature)
    );
    let long = format!("{text}{}", "A".repeat(MAX_TOKEN + 1 - text.len()));
    assert_eq!(ask(&verifier, &long), Err(TokenError::TooLong(MAX_TOKEN + 1)));
}

#[test]
fn claims_that_are_missing_or_wrong() {
    let nrf = Nrf::new(TokenAlgorithm::Es256);
    let verifier = verifier(vec![nrf.key(None)]);
    let long = format!(r#""{}""#, "a".repeat(256));
    let crowd = format!("[{}]", vec![r#""a""#; 101].join(","));
    for (name, value) in [
        ("iss", ""),
        ("sub", ""),
        ("aud", ""),
        ("scope", ""),
        ("exp", ""),
        ("iss", "1"),
        ("sub", "null"),
        ("sub", r#""""#),
        ("sub", r#""a b""#),
        ("sub", r#""a\nERROR forged""#),
        ("sub", r#""ü""#),
        ("sub", &long),
        ("aud", "null"),
        ("aud", "1"),
        ("aud", r#"[1]"#),
        ("aud", &crowd),
        ("aud", r#"{"AUSF":1}"#),
        ("scope", "[]"),
        ("scope", r#""""#),
        ("scope", r#"" nausf-auth""#),
        ("scope", r#""nausf-auth  nudm-ueau""#),
        ("scope", r#""nausf-auth\tnudm-ueau""#),
        ("scope", r#""nausf/auth""#),
        ("exp", r#""1900000000""#),
        ("exp", "-1"),
        ("exp", "null"),
        ("exp", "true"),
        ("nbf", r#""soon""#),
        ("nbf", "-5"),
        ("iat", "[]"),
        ("exp", "1900000000,\"exp\":1900000000"),
        ("sub", r#""a","sub":"b""#),
    ] {
        let told = ask(&verifier, &nrf.token(&claims(&[(name, value)])));
        assert!(matches!(&told, Err(TokenError::Claims(_))), "{name} {value}: {told:?}");
    }
    for text in ["", "[]", "null", "7", "{}", "{} {}"] {
        let told = ask(&verifier, &nrf.token(text));
        assert!(matches!(told, Err(TokenError::Claims(_))), "{text}: {told:?}");
    }
    for name in [
        "producerSnpnId",
        "producerSnssaiList",
        "producerNsiList",
        "producerNfSetId",
        "producerNfServiceSetId",
    ] {
        let told = ask(&verifier, &nrf.token(&claims(&[(name, "[]")])));
        assert_eq!(told, Err(TokenError::Restricted(name)));
    }
    // Who the consumer is beside its name changes nothing where nobody knows the PLMNs of this node.
    let more = [
        ("consumerPlmnId", r#"{"mcc":"001","mnc":"01"}"#),
        ("sourceNfInstanceId", r#""x""#),
        ("jti", "1"),
    ];
    assert!(ask(&verifier, &nrf.token(&claims(&more))).is_ok());
}

/// TS 33.501 13.4.1.2.
#[test]
fn a_token_is_for_the_plmn_that_it_names() {
    const HOME: &str = r#"{"mcc":"001","mnc":"01"}"#;
    const OTHER: &str = r#"{"mcc":"001","mnc":"001"}"#;
    let nrf = Nrf::new(TokenAlgorithm::Es256);
    let key = || vec![nrf.key(None)];
    let nowhere = verifier(key());
    let networks = ["001-01", "999-70"].map(|plmn| plmn.parse().unwrap()).to_vec();
    let here = Verifier::new(TokenRules {
        networks,
        ..rules(key())
    });
    let here = here.unwrap();
    let told = |verifier: &Verifier, producer: &str, consumer: &str| {
        let claims = claims(&[("producerPlmnId", producer), ("consumerPlmnId", consumer)]);
        ask(verifier, &nrf.token(&claims)).err()
    };
    for (producer, consumer, expected) in [
        ("", "", None),
        ("", HOME, None),
        (HOME, "", None),
        (HOME, OTHER, None),
        (r#"{"mnc":"70","mcc":"999","more":1}"#, OTHER, None),
        ("", OTHER, Some(TokenError::NoProducerPlmn)),
        ("null", OTHER, Some(TokenError::NoProducerPlmn)),
        (OTHER, "", Some(TokenError::OtherPlmn)),
        (OTHER, HOME, Some(TokenError::OtherPlmn)),
        (OTHER, OTHER, Some(TokenError::OtherPlmn)),
    ] {
        assert_eq!(told(&here, producer, consumer), expected, "{producer} {consumer}");
    }
    let restricted = Some(TokenError::Restricted("producerPlmnId"));
    assert_eq!(told(&nowhere, HOME, ""), restricted);
    assert_eq!(told(&nowhere, "", OTHER), None);
    // An empty one is none at all, and means no restriction by no means.
    for verifier in [&here, &nowhere] {
        for wrong in [
            r#"{"mcc":"","mnc":""}"#,
            "{}",
            r#""""#,
            r#""001-01""#,
            "7",
            r#"{"mcc":"001"}"#,
        ] {
            for (producer, consumer) in [(wrong, ""), (HOME, wrong)] {
                let told = told(verifier, producer, consumer);
                assert!(matches!(told, Some(TokenError::Claims(_))), "{wrong}: {told:?}");
            }
        }
    }
}

#[test]
fn a_token_of_another_issuer() {
    let nrf = Nrf::new(TokenAlgorithm::Es256);
    let verifier = verifier(vec![nrf.key(None)]);
    for issuer in [AMF, "", "*"] {
        let told = ask(&verifier, &nrf.token(&claims(&[("iss", &format!(r#""{issuer}""#))])));
        assert_eq!(told, Err(TokenError::Issuer), "{issuer}");
    }
    let upper = format!(r#""{}""#, NRF.to_uppercase());
    assert!(ask(&verifier, &nrf.token(&claims(&[("iss", &upper)]))).is_ok());
}

#[test]
fn a_token_lives_from_its_begin_to_its_end() {
    let nrf = Nrf::new(TokenAlgorithm::Es256);
    let verifier = verifier(vec![nrf.key(None)]);
    let ask = |text: &str, seconds| verifier.verify(text, "AUSF", at(seconds)).map(|_| ());
    let text = nrf.token(&claims(&[]));
    let end = NOW + 60;
    // Before it is remembered, and after.
    assert_eq!(ask(&text, end + LEEWAY), Err(TokenError::Expired));
    assert_eq!(ask(&text, end + LEEWAY - 1), Ok(()));
    assert_eq!(ask(&text, end + LEEWAY), Err(TokenError::Expired));
    assert_eq!(ask(&text, u64::MAX / 1000), Err(TokenError::Expired));
    let text = nrf.token(&claims(&[("nbf", &(NOW + 20).to_string())]));
    assert_eq!(ask(&text, NOW + 20 - LEEWAY - 1), Err(TokenError::NotYet));
    assert_eq!(ask(&text, NOW + 20 - LEEWAY), Ok(()));
    assert_eq!(ask(&text, NOW), Err(TokenError::NotYet));
    for (exp, told) in [
        ("0", Err(TokenError::Expired)),
        ("1800000060.9", Ok(())),
        ("1e300", Ok(())),
        ("18446744073709551615", Ok(())),
        ("18446744073709551616", Ok(())),
    ] {
        assert_eq!(ask(&nrf.token(&claims(&[("exp", exp)])), NOW), told, "{exp}");
    }
    assert_eq!(TokenError::Expired.refusal(), Refusal::TokenExpired);
    assert_eq!(TokenError::NotYet.refusal(), Refusal::TokenExpired);
    assert_eq!(TokenError::Signature.refusal(), Refusal::TokenInvalid);
}

#[test]
fn a_token_is_for_whom_it_names() {
    let nrf = Nrf::new(TokenAlgorithm::Es256);
    let verifier = verifier(vec![nrf.key(None)]);
    let upper = HERE.to_uppercase();
    for (audience, ausf, udm) in [
        (r#""AUSF""#, true, false),
        (r#""UDM""#, false, true),
        (r#""AMF""#, false, false),
        (r#""ausf""#, false, false),
        (r#""""#, false, false),
        ("[]", false, false),
        (r#"["AUSF"]"#, false, false),
        (&format!(r#""{HERE}""#), true, true),
        (&format!(r#""{upper}""#), true, true),
        (&format!(r#"["{AMF}"]"#), false, false),
        (&format!(r#"["{AMF}","{HERE}"]"#), true, true),
    ] {
        let text = nrf.token(&claims(&[("aud", audience)]));
        // Each twice: a token that is remembered is for nobody else either.
        for (nf_type, right) in [("AUSF", ausf), ("UDM", udm), ("AUSF", ausf), ("UDM", udm)] {
            let told = verifier.verify(&text, nf_type, at(NOW)).map(|_| ());
            let expected = right.then_some(()).ok_or(TokenError::Audience(nf_type.to_owned()));
            assert_eq!(told, expected, "{audience} at {nf_type}");
        }
    }
}

#[test]
fn a_key_is_chosen_by_its_name() {
    let [one, two, unnamed] = [TokenAlgorithm::Es256; 3].map(Nrf::new);
    let other = Nrf::new(TokenAlgorithm::EdDsa);
    let verifier = verifier(vec![
        one.key(Some("1")),
        two.key(Some("2")),
        unnamed.key(None),
        other.key(Some("3")),
    ]);
    let say = |nrf: &Nrf, kid: &str| {
        ask(
            &verifier,
            &nrf.sign(&format!(r#"{{"alg":"{}"{kid}}}"#, nrf.algorithm), &claims(&[])),
        )
    };
    for (nrf, kid, right) in [
        (&one, r#","kid":"1""#, true),
        (&one, r#","kid":"2""#, false),
        (&one, "", true),
        (&two, r#","kid":"2""#, true),
        (&two, "", true),
        (&unnamed, "", true),
        (&unnamed, r#","kid":"whatever""#, true),
        (&other, r#","kid":"3""#, true),
    ] {
        assert_eq!(say(nrf, kid).is_ok(), right, "{kid}");
    }
    assert_eq!(say(&other, r#","kid":"1""#), Err(TokenError::UnknownKey));
    let long = format!(r#","kid":"{}""#, "k".repeat(257));
    assert!(matches!(say(&one, &long), Err(TokenError::Header(_))));
    let twice = rules(vec![one.key(Some("1")), two.key(Some("1"))]);
    assert_eq!(Verifier::new(twice).err(), Some(TokenRulesError::SameKid));
    assert_eq!(Verifier::new(rules(vec![])).err(), Some(TokenRulesError::Keys));
    assert_eq!(
        Verifier::new(rules(vec![one.key(None); MAX_KEYS + 1])).err(),
        Some(TokenRulesError::Keys)
    );
    let nobody = TokenRules {
        issuers: vec![],
        ..rules(vec![one.key(None)])
    };
    assert_eq!(Verifier::new(nobody).err(), Some(TokenRulesError::Issuers));
}

/// 1024 bits.
const SHORT_RSA: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDMYXlKOhioFwbN+R9TLbd97nI8
1A8SEtvlKRyXLYYl098/Wu54jcvw81FwVfbH0VknBGdhkBoo/0IOqRWjpWopzlYH
HyGlw0sTkbmCl+IZ8VPaJ1wpQJVZ5MIgebVda9ohHZfPj+VYF6OUrNGm/0Y0HwkP
3cTp3jT0SNdwhVc9WwIDAQAB
-----END PUBLIC KEY-----
";

#[test]
fn a_key_is_of_the_kind_that_its_algorithm_needs() {
    let nrfs: Vec<_> = TokenAlgorithm::ALL
        .iter()
        .map(|algorithm| Nrf::new(*algorithm))
        .collect();
    let kind = |algorithm: TokenAlgorithm| algorithm.needs();
    for nrf in &nrfs {
        for algorithm in TokenAlgorithm::ALL.iter().copied() {
            let told = TokenKey::from_pem(nrf.pair.public_key_pem().as_bytes(), algorithm, None);
            assert_eq!(
                told.is_ok(),
                kind(algorithm) == kind(nrf.algorithm),
                "{algorithm} {:?}",
                nrf.algorithm
            );
            if let Err(error) = told {
                assert_eq!(
                    error.to_string(),
                    format!("not {}, which {algorithm} needs", algorithm.needs())
                );
            }
        }
    }
    let nrf = &nrfs[0];
    let read = |pem: &str| TokenKey::from_pem(pem.as_bytes(), TokenAlgorithm::Es256, None);
    let certificate = rcgen::CertificateParams::new(vec![])
        .unwrap()
        .self_signed(&nrf.pair)
        .unwrap();
    let verifier = verifier(vec![read(&certificate.pem()).unwrap()]);
    assert!(ask(&verifier, &nrf.token(&claims(&[]))).is_ok());
    assert!(matches!(read(&nrf.pair.serialize_pem()), Err(TokenKeyError::Private)));
    let both = nrf.pair.public_key_pem() + &nrf.pair.serialize_pem();
    assert!(matches!(read(&both), Err(TokenKeyError::Private)));
    for pem in ["", "garbage", "-----BEGIN PUBLIC KEY-----\nAAAA\n"] {
        assert!(matches!(read(pem), Err(TokenKeyError::Pem(_))), "{pem}");
    }
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\nMAA=\n-----END {kind}-----\n");
    assert!(matches!(read(&pem("PUBLIC KEY")), Err(TokenKeyError::OtherKind(_))));
    assert!(matches!(read(&pem("CERTIFICATE")), Err(TokenKeyError::Certificate)));
    let short = TokenKey::from_pem(SHORT_RSA.as_bytes(), TokenAlgorithm::Rs256, None);
    assert!(matches!(short, Err(TokenKeyError::OtherKind(TokenAlgorithm::Rs256))));
    for kid in ["", "a\n", &"k".repeat(257)] {
        let told = TokenKey::from_pem(nrf.pair.public_key_pem().as_bytes(), TokenAlgorithm::Es256, Some(kid));
        assert!(matches!(told, Err(TokenKeyError::Kid)));
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let known = Known::new();
    let token = |seconds| {
        let mut token = unsigned(&format!("{}.", unsigned_text(r#"{"alg":"ES256"}"#, &claims(&[])))).unwrap();
        token.expires = at(seconds);
        Arc::new(token)
    };
    // All of one set.
    let hash = |number: u8| {
        let mut hash = [0; 32];
        hash[31] = number;
        hash
    };
    for (number, expires) in [(1, 40), (2, 10), (3, 30), (4, 20), (5, 50)] {
        known.put(hash(number), &token(expires));
    }
    let there: Vec<_> = (1..=5).filter(|number| known.get(&hash(*number)).is_some()).collect();
    assert_eq!(there, [1, 3, 4, 5], "the first to expire has gone");
    known.put(hash(5), &token(60));
    assert_eq!(known.get(&hash(5)).unwrap().expires(), at(60));
    assert_eq!((1..=5).filter(|number| known.get(&hash(*number)).is_some()).count(), 4);
}

#[test]
fn a_bearer_is_a_scheme() {
    for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
        assert_eq!(bearer(value), Some("a.b.c"));
    }
    for value in ["Basic YTpi", "Bearer", "", "a.b.c", "Bearera.b.c", " Bearer a"] {
        assert_eq!(bearer(value), None, "{value}");
    }
}

proptest! {
    #[test]
    fn no_text_is_a_token(text in ".{0,200}") {
        let verifier = verifier(vec![Nrf::new(TokenAlgorithm::EdDsa).key(None)]);
        prop_assert!(ask(&verifier, &text).is_err());
    }

    /// Whatever is changed, it is another token, and nobody signed that.
    #[test]
    fn no_sign_of_a_token_may_change(at in 0_usize..10_000, sign in "[A-Za-z0-9_.-]") {
        let nrf = Nrf::new(TokenAlgorithm::EdDsa);
        let verifier = verifier(vec![nrf.key(None)]);
        let text = nrf.token(&claims(&[]));
        let at = at % text.len();
        let mut changed = text.clone();
        changed.replace_range(at..=at, &sign);
        prop_assert_eq!(ask(&verifier, &changed).is_ok(), changed == text);
    }
}
