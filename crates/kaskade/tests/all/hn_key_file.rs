//! Home network keys: the published ones in every form, what openssl makes, and what is refused.

use std::io::Write;
use std::process::{Command, Stdio};

use kaskade::hn_key_file::{HnKeyFileError, private_key, public_key};
use kaskade_crypto::ecies::Profile;
use proptest::prelude::*;

fn case(name: &str) -> serde_json::Value {
    let file = kaskade_oracle::vectors("suci.json");
    let cases = file["cases"].as_array().expect("cases");
    cases.iter().find(|case| case["name"] == name).expect(name).clone()
}

fn pairs() -> [(Profile, String, String); 2] {
    [("ts33501-c.4.3.1", Profile::A), ("ts33501-c.4.4.1", Profile::B)].map(|(name, profile)| {
        let case = case(name);
        let text = |field: &str| case[field].as_str().expect(field).to_owned();
        (
            profile,
            text("home_network_private_key"),
            text("home_network_public_key"),
        )
    })
}

/// PKCS#8 around the octets, written by hand after RFC 8410 and RFC 5915.
fn pkcs8(profile: Profile, private: &str) -> Vec<u8> {
    let der = match profile {
        Profile::A => format!("302e020100300506032b656e04220420{private}"),
        Profile::B => format!("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420{private}"),
    };
    hex::decode(der).expect("hex")
}

#[test]
fn published_keys_in_every_form() {
    for (profile, private, public) in pairs() {
        let public = hex::decode(public).expect("hex");
        let from_hex = private_key(private.as_bytes(), Some(profile)).expect("hex");
        assert_eq!(from_hex.public_key().octets(), public);
        let from_der = private_key(&pkcs8(profile, &private), None).expect("DER");
        assert!(from_der == from_hex);
        let upper = format!("\n {} \r\n", private.to_uppercase());
        let from_upper = private_key(upper.as_bytes(), Some(profile)).expect("blanks and capitals");
        assert!(from_upper == from_hex);
        let as_public = public_key(hex::encode(&public).as_bytes(), Some(profile)).expect("public hex");
        assert_eq!(&as_public, from_hex.public_key());
    }
    let uncompressed = case("ts33501-c.4.4.1")["home_network_public_key_uncompressed"].clone();
    let key = public_key(uncompressed.as_str().expect("text").as_bytes(), Some(Profile::B)).expect("65 octets");
    assert_eq!(hex::encode(key.octets()), pairs()[1].2);
}

#[test]
fn refusals_say_what_to_do() {
    let (_, private, _) = &pairs()[0];
    let said = |file: &[u8], profile| private_key(file, profile).expect_err("refused").to_string();
    assert!(said(private.as_bytes(), None).contains("--profile"));
    assert_eq!(
        said(&private.as_bytes()[2..], Some(Profile::A)),
        "home network private key: 62 hexadecimal digits, expected 64 (32 octets)"
    );
    assert!(said(&pkcs8(Profile::A, private), Some(Profile::B)).contains("of profile A, not of profile B"));
    assert_eq!(said(b"", None), HnKeyFileError::NotAKey.to_string());
    assert!(said(&[b'z'; 70_000], None).contains("too many"));
    assert!(
        said(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", None).contains("only: CERTIFICATE")
    );
    let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(said(encrypted, None).contains("openssl pkey"));
    assert!(said(b"-----BEGIN PRIVATE KEY-----\nAA==\n", None).contains("END line is missing"));
    // Ed25519 has the same form and another OID.
    let ed25519 = format!("302e020100300506032b657004220420{private}");
    assert!(said(&hex::decode(ed25519).expect("hex"), None).contains("1.3.101.112"));
    // Zero and the order of P-256 are no private keys.
    for number in [
        "00".repeat(32),
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551".into(),
    ] {
        assert!(private_key(number.as_bytes(), Some(Profile::B)).is_err());
    }
    for cut in 1..pkcs8(Profile::A, private).len() {
        assert!(private_key(&pkcs8(Profile::A, private)[..cut], None).is_err(), "{cut}");
    }
}

fn openssl(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(input).ok()?;
    let output = child.wait_with_output().ok()?;
    assert!(output.status.success(), "openssl {arguments:?}");
    Some(output.stdout)
}

/// Keys that openssl makes, in the forms that it writes; what it says is the public key is compared.
#[test]
fn keys_made_by_openssl() {
    if openssl(&["version"], b"").is_none() {
        kaskade_oracle::missing_program("openssl", "apt-get install openssl");
        return;
    }
    let run = |arguments: &[&str], input: &[u8]| openssl(arguments, input).expect("openssl");
    let x25519 = run(&["genpkey", "-algorithm", "X25519"], b"");
    let p256 = run(
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        b"",
    );
    // With an EC PARAMETERS block before the key.
    let sec1 = run(&["ecparam", "-name", "prime256v1", "-genkey"], b"");
    assert!(String::from_utf8_lossy(&sec1).contains("EC PARAMETERS"));
    for (profile, pem) in [(Profile::A, x25519), (Profile::B, p256), (Profile::B, sec1)] {
        let key = private_key(&pem, None).expect("openssl's PEM");
        assert_eq!(key.profile(), profile);
        let der = run(&["pkey", "-outform", "DER"], &pem);
        assert!(private_key(&der, Some(profile)).expect("DER") == key);
        let public_pem = run(&["pkey", "-pubout"], &pem);
        assert_eq!(&public_key(&public_pem, None).expect("public PEM"), key.public_key());
        let public_der = run(&["pkey", "-pubout", "-outform", "DER"], &pem);
        assert_eq!(&public_key(&public_der, None).expect("public DER"), key.public_key());
        assert!(
            private_key(&public_pem, None)
                .expect_err("public")
                .to_string()
                .contains("no private key")
        );
        assert!(
            public_key(&pem, None)
                .expect_err("private")
                .to_string()
                .contains("no public key")
        );
    }
    let old_der = run(
        &["ec", "-outform", "DER"],
        &run(&["ecparam", "-name", "prime256v1", "-genkey"], b""),
    );
    assert_eq!(private_key(&old_der, None).expect("SEC 1 DER").profile(), Profile::B);
    let p384 = run(
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        b"",
    );
    assert!(
        private_key(&p384, None)
            .expect_err("P-384")
            .to_string()
            .contains("1.3.132.0.34")
    );
    let encrypted = run(&["pkey", "-aes256", "-passout", "pass:x"], &p384);
    assert!(matches!(private_key(&encrypted, None), Err(HnKeyFileError::Encrypted)));
}

proptest! {
    #[test]
    fn never_panics(file in proptest::collection::vec(any::<u8>(), 0..200), flip in 0..46_usize, bit in 0..8_u8) {
        let _ = (private_key(&file, None), public_key(&file, Some(Profile::B)));
        let mut near = pkcs8(Profile::A, &pairs()[0].1);
        near[flip] ^= 1 << bit;
        let _ = private_key(&near, None);
    }
}
