//! Access tokens that PyJWT makes: a program that knows nothing of ours.

use std::process::Command;
use std::time::Duration;

use kaskade_flow::UnixMillis;
use kaskade_net::sbi::token::{TokenAlgorithm, TokenError, TokenKey, TokenRules, Verifier};
use serde_json::{Value, json};

const NRF: &str = "4947a69a-f61b-4bc1-b9da-47c9c5d14b64";
const AMF: &str = "0b6e5a3c-1a2b-4c3d-8e4f-000000000001";
const END: u64 = 1_900_000_000;

/// What the script writes, a value a line; nothing where it cannot run.
fn made(kid: Option<&str>) -> Vec<Value> {
    let claims = json!({"iss": NRF, "sub": AMF, "aud": "UDM", "scope": "nudm-ueau nudm-sdm", "exp": END});
    // The interpreter that has the modules, as `cargo xtask test` finds it.
    let python = std::env::var_os("KASKADE_PYTHON").unwrap_or_else(|| "python3".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop/tokens/make.py");
    let output = Command::new(python)
        .arg(script)
        .arg(claims.to_string())
        .args(kid)
        .output();
    let output = output.expect("python3");
    if output.status.code() == Some(3) {
        kaskade_oracle::not_here("PyJWT (pip install PyJWT)");
        return Vec::new();
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines = output
        .stdout
        .split(|octet| *octet == b'\n')
        .filter(|line| !line.is_empty());
    let made: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(made.len(), TokenAlgorithm::ALL.len() + 1, "each algorithm, and none");
    made
}

fn verifier(keys: Vec<TokenKey>) -> Verifier {
    let rules = TokenRules {
        issuers: vec![NRF.to_owned()],
        keys,
        instances: Vec::new(),
        networks: Vec::new(),
        leeway: Duration::ZERO,
    };
    Verifier::new(rules).unwrap()
}

#[test]
fn tokens_of_pyjwt_are_understood() {
    for kid in [None, Some("nrf-1")] {
        let made = made(kid);
        for form in ["key", "certificate"] {
            let keys = made.iter().filter_map(|line| {
                let algorithm = line["alg"].as_str()?.parse().ok()?;
                Some(TokenKey::from_pem(line[form].as_str()?.as_bytes(), algorithm, None).unwrap())
            });
            let keys: Vec<_> = keys.collect();
            for (at, line) in made.iter().enumerate() {
                let (name, token) = (line["alg"].as_str().unwrap(), line["token"].as_str().unwrap());
                let all = verifier(keys.clone());
                let ask = |text: &str, role, seconds| all.verify(text, role, UnixMillis::new(seconds * 1000));
                if name == "none" {
                    let told = ask(token, "UDM", END - 1).err();
                    assert_eq!(told, Some(TokenError::Algorithm));
                    continue;
                }
                let read = ask(token, "UDM", END - 1).unwrap();
                assert_eq!((read.subject(), read.issuer()), (AMF, NRF), "{name}");
                assert!(read.allows("nudm-ueau") && read.allows("nudm-sdm") && !read.allows("nausf-auth"));
                assert_eq!(ask(token, "UDM", END).err(), Some(TokenError::Expired), "{name}");
                let elsewhere = TokenError::Audience("AUSF".to_owned());
                assert_eq!(ask(token, "AUSF", END - 1).err(), Some(elsewhere), "{name}");
                let other = line["other"].as_str().unwrap();
                assert_eq!(ask(other, "UDM", END - 1).err(), Some(TokenError::Signature), "{name}");
                // A key is for one algorithm, whatever it could do beside it.
                let mut without = keys.clone();
                without.remove(at);
                let told = verifier(without).verify(token, "UDM", UnixMillis::new(0)).err();
                assert_eq!(told, Some(TokenError::Algorithm));
            }
        }
    }
}
