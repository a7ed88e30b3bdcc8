//! A chain of parts in files: the audit log and the feed of lawful interception are such chains.
//!
//! ```text
//! part  what it says ‖ code 16 ‖ hash 32
//! ```
//!
//! The digest of a part is SHA-256 of the hash before it and of all its octets before the code; the code is made of the digest, with a key
//! that follows from the master key: who has it not can compute the chain anew, but no code. The hash is SHA-256 of digest and code:
//! where a power cut left the hash whole, it left the code whole too, and a wrong code is never its doing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kaskade_crypto::kdf::sha256;
use kaskade_crypto::store_keys::{Purpose, RECORD_CODE_LEN, StoreKeys};
use kaskade_faults::fault;

pub(crate) const HASH_LEN: usize = 32;
/// Octets of code and hash.
pub(crate) const END_LEN: usize = RECORD_CODE_LEN + HASH_LEN;

pub(crate) type Hash = [u8; HASH_LEN];

/// Why a part does not go on from the hash before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The hash does not follow.
    Hash,
    /// The code is not one that the master key makes.
    Code,
}

/// Appends the code and the hash of what begins at `start`; the chain behind it.
pub(crate) fn put_end(out: &mut Vec<u8>, start: usize, before: &Hash, purpose: Purpose, keys: &StoreKeys) -> Hash {
    let digest = sha256(&[before, out.get(start..).unwrap_or_default()]);
    let code = keys.record_code(purpose, &digest);
    let hash = end(&digest, &code);
    out.extend_from_slice(&code);
    out.extend_from_slice(&hash);
    hash
}

/// The chain behind a part with its end, if it follows; without keys its code is not looked at.
pub(crate) fn check(part: &[u8], before: &Hash, purpose: Purpose, keys: Option<&StoreKeys>) -> Result<Hash, Broken> {
    let (rest, stored) = part.split_last_chunk::<HASH_LEN>().ok_or(Broken::Hash)?;
    let (says, code) = rest.split_last_chunk().ok_or(Broken::Hash)?;
    let digest = sha256(&[before, says]);
    let hash = end(&digest, code);
    if hash != *stored && !fault!("audit-chain-not-checked") {
        return Err(Broken::Hash);
    }
    match keys {
        Some(keys) if !keys.verify_record(purpose, &digest, code) && !fault!("audit-code-not-checked") => {
            Err(Broken::Code)
        }
        _ => Ok(hash),
    }
}

fn end(digest: &Hash, code: &[u8; RECORD_CODE_LEN]) -> Hash {
    sha256(&[digest, code])
}

/// How the segments of a chain are called: numbers between these, of 10 digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub(crate) prefix: &'static str,
    pub(crate) suffix: &'static str,
}

impl Names {
    /// The file of a segment.
    pub(crate) fn path(self, folder: &Path, number: u64) -> PathBuf {
        let Self { prefix, suffix } = self;
        folder.join(format!("{prefix}{number:010}{suffix}"))
    }

    /// The numbers of the segments in a folder, in order.
    pub(crate) fn numbers(self, folder: &Path) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let digits = name
                .to_str()
                .and_then(|name| name.strip_prefix(self.prefix)?.strip_suffix(self.suffix));
            numbers.extend(
                digits
                    .filter(|digits| digits.len() == 10)
                    .and_then(|digits| digits.parse::<u64>().ok()),
            );
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}
