//! Files that people write.
#![allow(clippy::panic, reason = "that is how a property fails")]

use kaskade::config::Config;
use kaskade::import::{Format, parse};
use kaskade::{hn_key_file, import};
use kaskade_crypto::ecies::{HnPublicKey, Profile};
use std::path::Path;
use std::str::from_utf8;

/// Configuration in TOML.
pub fn config(data: &[u8]) -> bool {
    let Ok(text) = from_utf8(data) else { return false };
    let path = Path::new("fuzz.toml");
    let Ok(config) = Config::parse(text, path) else {
        return false;
    };
    // What `kaskade config` prints is the same configuration.
    let printed = config.commented_toml();
    match Config::parse(&printed, path) {
        Ok(again) => assert_eq!(again, config),
        Err(error) => panic!("{printed}\nis refused: {error}"),
    }
    true
}

/// Subscriber file in CSV.
pub fn import_csv(data: &[u8]) -> bool {
    imported(data, Format::Csv)
}

/// Subscriber file in TOML.
pub fn import_toml(data: &[u8]) -> bool {
    imported(data, Format::Toml)
}

fn imported(data: &[u8], format: Format) -> bool {
    let Ok(text) = from_utf8(data) else { return false };
    match parse(text, format) {
        Ok(entries) => {
            let mut identities: Vec<_> = entries.iter().map(|entry| &entry.supi).collect();
            identities.sort();
            assert!(identities.windows(2).all(|pair| pair[0] != pair[1]), "one SUPI twice");
            let lines = text.lines().count().max(1);
            assert!(entries.iter().all(|entry| (1..=lines).contains(&entry.line)));
            !entries.is_empty()
        }
        Err(error) => {
            silent(text, &error);
            false
        }
    }
}

/// An error shows nothing that looks like a key of the file.
fn silent(text: &str, error: &import::ImportError) {
    // A realm is shown, and may look like anything.
    if text.contains('@') {
        return;
    }
    let shown = error.to_string();
    let digits = |word: &&str| word.len() >= 24 && word.bytes().filter(u8::is_ascii_digit).count() > 4;
    for secret in text.split(|c: char| !c.is_ascii_hexdigit()).filter(digits) {
        assert!(!shown.contains(secret), "{secret} is shown: {shown}");
    }
}

/// Home network key in PEM, DER or hex. The first octet says the profile that the caller names, and whether the key is
/// private: 0 none, 1 A, 2 B; 4 more for a public key.
pub fn hn_key(data: &[u8]) -> bool {
    let Some((selector, file)) = data.split_first() else {
        return false;
    };
    let profile = match selector & 3 {
        1 => Some(Profile::A),
        2 => Some(Profile::B),
        _ => None,
    };
    if selector & 4 == 0 {
        let Ok(key) = hn_key_file::private_key(file, profile) else {
            return false;
        };
        assert!(profile.is_none_or(|profile| profile == key.profile()));
        // A file that names no profile says which one it is for: that profile's reading is the same key.
        let again = hn_key_file::private_key(file, Some(key.profile()));
        assert!(again.is_ok_and(|again| again == key), "two readings of one file");
        return true;
    }
    let Ok(key) = hn_key_file::public_key(file, profile) else {
        return false;
    };
    assert!(profile.is_none_or(|profile| profile == key.profile()));
    let again = hn_key_file::public_key(hex(key.octets()).as_bytes(), Some(key.profile()));
    assert_eq!(again.as_ref().map(HnPublicKey::octets), Ok(key.octets()));
    true
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
