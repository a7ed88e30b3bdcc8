//! Nothing derives a key but a row: wherever else an HMAC is computed, this list says what for.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Sources that may compute an HMAC, and why. Each must still do so.
const ALLOWED: &[(&str, &str)] = &[
    ("kaskade-af/src/keys.rs", "places in a table, which are no keys"),
    ("kaskade-af/src/nonces.rs", "the code of a nonce of HTTP Digest"),
    ("kaskade-af/src/sources.rs", "places in a table, which are no keys"),
    ("kaskade-crypto/src/kdf.rs", "the function itself"),
    ("kaskade-crypto/src/kdf/batch.rs", "the function itself, many at once"),
    ("kaskade-crypto/src/kdf/prf.rs", "PRF' of EAP, which function rows name"),
    ("kaskade-crypto/src/ecies/symmetric.rs", "the MAC of a SUCI"),
    ("kaskade-crypto/src/store_keys.rs", "keys and codes of a store"),
    (
        "kaskade-crypto/src/seal/names.rs",
        "the keys of names that a server gives",
    ),
    (
        "kaskade-crypto/src/seal/interception.rs",
        "the keys that seal records of lawful interception, and their codes",
    ),
    ("kaskade-crypto/src/seal.rs", "the keys that seal K at rest, and nonces"),
    ("kaskade-keys/src/akma.rs", "the function that its row names"),
    ("kaskade-keys/src/derivation/prepared.rs", "the rows"),
    ("kaskade-keys/src/derivation/transcript.rs", "the rows, from octets"),
    ("kaskade-keys/src/eap/aka_prime.rs", "the functions that its rows name"),
    (
        "kaskade-keys/src/eap/forward_secrecy.rs",
        "the function that its rows name",
    ),
    ("kaskade-keys/src/eap/protection.rs", "the code of AT_MAC"),
    ("kaskade-keys/src/emsk.rs", "the function that its rows name"),
    ("kaskade-keys/src/emsk/tag.rs", "the tags of ERP"),
    (
        "kaskade-keys/src/id/usage.rs",
        "EMSKname and its like, which are no secrets",
    ),
    ("kaskade-keys/src/lanes.rs", "the rows, many at once"),
    (
        "kaskade-net/src/role/aaa/names.rs",
        "the name of a user for charging, which is no key",
    ),
    (
        "kaskade-net/src/psk/datagrams/cookie.rs",
        "cookies of DTLS, which are no keys",
    ),
    ("kaskade-keys/src/umts.rs", "CK and IK side by side as the key of rows"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn hmacs_are_computed_by_rows_alone() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for member in std::fs::read_dir(&crates).unwrap() {
        let source = member.unwrap().path().join("src");
        if source.is_dir() {
            sources(&source, &mut files);
        }
    }
    assert!(files.len() > 100, "the sources were not found");
    let mut computing = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = product.lines().filter(|line| !line.trim_start().starts_with("//"));
        if code
            .clone()
            .any(|line| ["HmacKey", "hmac::", "Hmac<"].iter().any(|mark| line.contains(mark)))
        {
            computing.insert(file.strip_prefix(&crates).unwrap().to_string_lossy().replace('\\', "/"));
        }
    }
    for file in &computing {
        assert!(
            ALLOWED.iter().any(|(allowed, _)| allowed == file),
            "{file} computes an HMAC: declare a row, or say in this list what else it is"
        );
    }
    for (allowed, why) in ALLOWED {
        assert!(
            computing.contains(*allowed),
            "{allowed} ({why}) computes no HMAC any more: take it off the list"
        );
    }
}
