//! HTTP Digest against the examples of its RFCs, and what is no Digest.

use kaskade_codec::http_digest::{
    Algorithm, AuthenticationInfo, Challenge, Code, Credentials, DigestError, Login, LoginError, NonceCount,
    UserSecret, akma, challenges,
};
use kaskade_keys::akma::KAf;
use proptest::prelude::*;

const A_KID: &str = "rid12.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org";

#[test]
fn examples_of_the_rfcs() {
    let vectors = kaskade_oracle::vectors("http-digest.json");
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap_or_else(|| panic!("{name} of {case}"));
        let algorithm = Algorithm::of_name(text("algorithm")).unwrap();
        let asked = challenges(text("challenge").as_bytes()).unwrap();
        let sent = Credentials::read(text("authorization").as_bytes()).unwrap();
        assert_eq!((asked.len(), asked[0].algorithm), (1, algorithm));
        assert_eq!(
            (&asked[0].realm, &asked[0].nonce, &asked[0].opaque),
            (&sent.realm, &sent.nonce, &sent.opaque)
        );
        let secret = UserSecret::new(algorithm, &sent.username, &sent.realm, text("password").as_bytes());
        assert!(sent.are_of(&secret, text("method")), "{case}");
        let octets = hex::decode(text("response")).unwrap();
        assert_eq!(Some(sent.response), Code::from_octets(algorithm, &octets));
        assert_eq!(
            secret.response(&sent.exchange(text("method"))).digits().as_str(),
            text("response")
        );
        assert!(!sent.are_of(&secret, "HEAD"));
        let other = UserSecret::new(algorithm, &sent.username, &sent.realm, b"circle of life");
        assert!(!sent.are_of(&other, text("method")));
    }
}

#[test]
fn a_value_with_several_schemes_is_read() {
    let nonce = r#"realm="r\"\\", nonce="n""#;
    for (value, expected) in [
        ("", 0),
        (" , ,", 0),
        ("Basic realm=\"b\"", 0),
        ("Negotiate", 0),
        ("Negotiate YWJj==, NTLM", 0),
        (&format!("Digest {nonce}, qop=\"auth\""), 1),
        (&format!("digest {nonce}, QOP=auth, algorithm=\"sha-256\""), 1),
        (
            &format!("Digest {nonce}, qop=\"auth-int, auth\"\t,Digest {nonce}, qop=auth , Basic realm=x"),
            2,
        ),
        (
            &format!("Negotiate YWJj=, Digest {nonce} , qop=auth,stale=TRUE, domain=\"/ /a\", charset=UTF-8"),
            1,
        ),
        // What cannot be answered here.
        (&format!("Digest {nonce}"), 0),
        (&format!("Digest {nonce}, qop=\"auth-int\""), 0),
        (&format!("Digest {nonce}, qop=auth, algorithm=SHA-512-256"), 0),
        (&format!("Digest {nonce}, qop=auth, algorithm=MD5-sess"), 0),
    ] {
        let found = challenges(value.as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"));
        assert_eq!(found.len(), expected, "{value}");
        for challenge in found {
            assert_eq!((challenge.realm.as_str(), challenge.nonce.as_str()), ("r\"\\", "n"));
            assert_eq!(challenge.stale, value.contains("stale"));
        }
    }
}

#[test]
fn what_is_no_challenge_has_its_place() {
    use DigestError::{Form, Missing, NotText, TooLong, Twice};
    let form = |position, expected| Form { position, expected };
    let long = vec![b'a'; 4097];
    for (value, error) in [
        (&b"realm=\"r\""[..], form(0, "the name of a scheme")),
        (b"=", form(0, "the name of a scheme or of a parameter")),
        (b"Digest realm", Missing("realm")),
        (b"Digest realm=", Missing("realm")),
        (b"Digest realm=\"", form(14, "a quotation mark")),
        (b"Digest realm=\"a\\", form(16, "a character")),
        (b"Digest realm=\"a\"b", form(16, "a comma")),
        (b"Digest realm=\"a\" nonce=b", form(17, "a comma")),
        (b"Digest realm=@", form(13, "a value")),
        (b"Digest realm=a", Missing("nonce")),
        (b"Digest nonce=a", Missing("realm")),
        (b"Digest realm=a, nonce=b, Nonce=c", Twice("nonce")),
        (b"Digest realm=\"\xc3\xa9\"", NotText { position: 14 }),
        (b"Digest\nrealm=a", NotText { position: 6 }),
        (&long, TooLong { actual: 4097 }),
    ] {
        assert_eq!(challenges(value), Err(error), "{}", String::from_utf8_lossy(value));
    }
}

fn credentials() -> Credentials {
    let secret = UserSecret::new(Algorithm::Sha256, "u", "r", b"p");
    let mut sent = Credentials {
        username: "u".into(),
        realm: "r".into(),
        nonce: "n".into(),
        uri: "/".into(),
        response: Code::from_octets(Algorithm::Sha256, &[0; 32]).unwrap(),
        cnonce: "c".into(),
        opaque: None,
        nc: NonceCount::new(0xab),
    };
    sent.response = secret.response(&sent.exchange("GET"));
    sent
}

#[test]
fn what_are_no_credentials_is_told_by_parameter() {
    use DigestError::{Missing, Scheme, Twice, Value};
    let right = credentials().to_string();
    assert_eq!(Credentials::read(right.as_bytes()), Ok(credentials()));
    let read = |text: String| Credentials::read(text.as_bytes()).map(|_| ());
    for name in ["username", "realm", "nonce", "uri", "response", "cnonce", "qop", "nc"] {
        let without = right.replace(&format!("{name}="), "x=");
        let without = if name == "nonce" {
            right.replace(" nonce=", " x=")
        } else {
            without
        };
        let without = if name == "nc" {
            right.replace(" nc=", " x=")
        } else {
            without
        };
        assert_eq!(read(without), Err(Missing(name)));
        assert_eq!(read(format!("{right}, {name}=\"x\"")), Err(Twice(name)));
    }
    let value = |text: String| match read(text) {
        Err(Value { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(value(right.replace("qop=auth", "qop=\"auth-int\"")), "qop");
    assert_eq!(value(right.replace("SHA-256", "SHA-256-sess")), "algorithm");
    assert_eq!(value(right.replace("SHA-256", "MD5")), "response");
    assert_eq!(
        value(right.replace(", algorithm=SHA-256", "")),
        "response",
        "without it is MD5"
    );
    for wrong in ["0000000", "000000000", "0000000g", "+0000001"] {
        assert_eq!(value(right.replace("000000ab", wrong)), "nc", "{wrong}");
    }
    assert_eq!(value(format!("{right}, userhash=true")), "userhash");
    assert_eq!(value(format!("{right}, username*=UTF-8''u")), "username*");
    assert!(read(format!("{right}, userhash=false, other=x")).is_ok());
    for scheme in [
        "",
        "Basic YQ==",
        &format!("{right}, Basic YQ=="),
        &format!("{right}, {right}"),
    ] {
        assert_eq!(read(scheme.to_owned()), Err(Scheme), "{scheme}");
    }
    // No text tells who it was.
    assert!(!format!("{:?}", credentials()).contains('u'));
}

#[test]
fn digits_of_either_case_are_taken_and_enter_as_they_are() {
    let secret = UserSecret::new(Algorithm::Sha256, "u", "r", b"p");
    let upper = NonceCount::read("000000AB").unwrap();
    assert_eq!((upper.get(), upper.as_str()), (0xab, "000000AB"));
    let mut sent = credentials();
    sent.nc = upper;
    assert!(!sent.are_of(&secret, "GET"), "the digits are part of what is hashed");
    sent.response = secret.response(&sent.exchange("GET"));
    let text = sent.to_string();
    let digits = sent.response.digits();
    let text = text.replace(digits.as_str(), &digits.as_str().to_uppercase());
    assert!(Credentials::read(text.as_bytes()).unwrap().are_of(&secret, "GET"));
}

#[test]
fn a_ue_believes_only_who_has_its_key() {
    let (k_af, other) = (KAf::from_octets(&[7; 32]), KAf::from_octets(&[8; 32]));
    let af = "AF.example".parse().unwrap();
    let realm = akma::realm(&"af.example".parse().unwrap());
    let asked = |realm: &str| vec![challenge(realm, Algorithm::Sha256)];
    let login = |asked: &[Challenge]| Login::new(asked, &af, A_KID, &k_af).map(|_| ());
    assert_eq!(login(&asked(&realm)), Ok(()));
    for none in [
        "",
        "af.example",
        "3GPP-bootstrapping@af.example",
        "3GPP-bootstrapping-akma",
        "3GPP-bootstrapping-akma@",
    ] {
        assert_eq!(login(&asked(none)), Err(LoginError::NoAkma), "{none}");
    }
    assert_eq!(login(&[]), Err(LoginError::NoAkma));
    // A challenge that somebody passes on.
    assert_eq!(
        login(&asked("3GPP-bootstrapping-akma@other.example")),
        Err(LoginError::OtherAf)
    );

    let mut login = Login::new(
        &[challenge("b", Algorithm::Md5), challenge(&realm, Algorithm::Md5)],
        &af,
        A_KID,
        &k_af,
    )
    .unwrap();
    let first = login.answer("GET", "/", "c").unwrap();
    let second = login.answer("GET", "/", "d").unwrap();
    assert_eq!((first.nc.get(), second.nc.get()), (1, 2));
    let secret = |k_af| akma::secret(Algorithm::Md5, A_KID, &realm, k_af);
    assert!(first.are_of(&secret(&k_af), "GET") && !first.are_of(&secret(&other), "GET"));
    let info = AuthenticationInfo::to(&first, &secret(&k_af), None);
    assert_eq!(login.believe(&second, &info), Err(LoginError::OtherRequest));
    let impostor = AuthenticationInfo::to(&first, &secret(&other), Some("taken over".into()));
    assert_eq!(login.believe(&first, &impostor), Err(LoginError::Impostor));
    assert_eq!(login.believe(&first, &info), Ok(()));
    let next = AuthenticationInfo::to(&second, &secret(&k_af), Some("m".into()));
    let read = AuthenticationInfo::read(next.to_string().as_bytes(), Algorithm::Md5).unwrap();
    assert_eq!(read, next);
    assert_eq!(login.believe(&second, &read), Ok(()));
    let third = login.answer("GET", "/", "e").unwrap();
    assert_eq!((third.nc.get(), third.nonce.as_str()), (1, "m"));
    assert!(!format!("{login:?}").contains("2yxx5"));
}

#[test]
fn the_password_is_the_key_in_base64() {
    let octets: [u8; 32] = std::array::from_fn(|n| u8::try_from(n * 8).unwrap());
    let k_af = KAf::from_octets(&octets);
    let password = akma::password(&k_af);
    assert_eq!(password.as_str(), "AAgQGCAoMDhASFBYYGhweICIkJigqLC4wMjQ2ODo8Pg=");
    let by_hand = UserSecret::new(Algorithm::Sha256, A_KID, "r", password.as_bytes());
    let sent = credentials();
    let exchange = sent.exchange("GET");
    assert_eq!(
        akma::secret(Algorithm::Sha256, A_KID, "r", &k_af).response(&exchange),
        by_hand.response(&exchange)
    );
}

#[test]
fn the_product_token_is_found() {
    for yes in [
        "3gpp-akma",
        "curl/8 3gpp-akma",
        "3GPP-AKMA/1.0 x/2",
        "a (b c) 3gpp-akma",
        "\t3gpp-akma\t",
    ] {
        assert!(akma::says_akma(yes.as_bytes()), "{yes}");
    }
    for no in [
        "",
        "3gpp-akma2",
        "x3gpp-akma",
        "a (in 3gpp-akma x)",
        "3gpp-gba",
        "a/3gpp-akma",
    ] {
        assert!(!akma::says_akma(no.as_bytes()), "{no}");
    }
}

fn challenge(realm: &str, algorithm: Algorithm) -> Challenge {
    Challenge {
        realm: realm.to_owned(),
        nonce: "n".to_owned(),
        opaque: None,
        stale: false,
        algorithm,
    }
}

prop_compose! {
    fn any_text()(text in "[ -~]{0,20}") -> String { text }
}

fn any_algorithm() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(Algorithm::ALL.to_vec())
}

proptest! {
    #[test]
    fn a_challenge_is_read_as_it_is_written(realm in any_text(), nonce in any_text(), opaque in prop::option::of(any_text()), stale: bool, algorithm in any_algorithm()) {
        let written = Challenge { realm, nonce, opaque, stale, algorithm };
        let value = format!("Basic realm=\"x\", {written}, Negotiate, {written}");
        prop_assert_eq!(challenges(value.as_bytes()), Ok(vec![written.clone(), written]));
    }

    #[test]
    fn credentials_are_read_as_they_are_written(texts in prop::array::uniform5(any_text()), opaque in prop::option::of(any_text()), nc: u32, octets: [u8; 32], algorithm in any_algorithm()) {
        let [username, realm, nonce, uri, cnonce] = texts;
        let response = Code::from_octets(algorithm, &octets[..algorithm.octets()]).unwrap();
        let written = Credentials { username, realm, nonce, uri, response, cnonce, opaque, nc: NonceCount::new(nc) };
        prop_assert_eq!(written.nc.get(), nc);
        prop_assert_eq!(Credentials::read(written.to_string().as_bytes()), Ok(written));
    }

    #[test]
    fn info_is_read_as_it_is_written(next_nonce in prop::option::of(any_text()), cnonce in any_text(), nc: u32, octets: [u8; 32], algorithm in any_algorithm()) {
        let rspauth = Code::from_octets(algorithm, &octets[..algorithm.octets()]).unwrap();
        let written = AuthenticationInfo { next_nonce, rspauth, cnonce, nc: NonceCount::new(nc) };
        prop_assert_eq!(AuthenticationInfo::read(written.to_string().as_bytes(), algorithm), Ok(written));
    }

    #[test]
    fn nothing_panics(value in prop::collection::vec(any::<u8>(), 0..200), text in "(Digest |Basic |realm|nonce|qop|=|\"|\\\\|,| |a){0,40}") {
        for value in [&value[..], text.as_bytes()] {
            let _ = challenges(value);
            let _ = Credentials::read(value);
            let _ = AuthenticationInfo::read(value, Algorithm::Md5);
            let _ = akma::says_akma(value);
        }
    }
}
