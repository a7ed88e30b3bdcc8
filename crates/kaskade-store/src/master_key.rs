//! The master key file: 32 random octets that only their owner may read.

use std::io::Read;
use std::path::Path;

use aws_lc_rs::{digest, rand};
use kaskade_crypto::seal::{ExportKey, HnKeySealer, InterceptionKeys, NameKeys, RootKey};
use kaskade_crypto::store_keys::StoreKeys;
use zeroize::Zeroizing;

use crate::error::MasterKeyError;
use crate::locked::scrubbed;
use crate::private::{self, PrivateError, Use};

kaskade_crypto::secret_octets! {
    /// The master key: seals the key that seals every K. 32 octets; kept in a file of mode 0600.
    ///
    /// ```text
    /// "KSKMKEY1" 8 ‖ key 32 ‖ check 8 = first octets of SHA-256("KSKMKEY1" ‖ key)
    /// ```
    pub struct MasterKey(32) = "master key" {}
}

const MAGIC: &[u8; 8] = b"KSKMKEY1";
const CHECK_LEN: usize = 8;
const FILE_LEN: usize = MAGIC.len() + MasterKey::LEN + CHECK_LEN;

impl MasterKey {
    /// Draws a key and writes it to a new file of mode 0600; durable before it returns. An existing file is never
    /// touched.
    ///
    /// # Errors
    /// [`MasterKeyError::File`] when the file exists already or cannot be written.
    pub fn create(path: &Path) -> Result<Self, MasterKeyError> {
        let mut octets = Zeroizing::new([0; Self::LEN]);
        rand::fill(&mut octets[..]).map_err(|_| MasterKeyError::Random)?;
        let key = Self::from_octets(&octets);
        let mut content = Zeroizing::new(Vec::with_capacity(FILE_LEN));
        content.extend_from_slice(MAGIC);
        content.extend_from_slice(&octets[..]);
        content.extend_from_slice(&check(&octets));
        private::write_new(path, &content)?;
        Ok(key)
    }

    /// Reads a key from its file.
    ///
    /// # Errors
    /// [`MasterKeyError`] when the file cannot be read, lets others in, or is not an intact master key.
    pub fn open(path: &Path) -> Result<Self, MasterKeyError> {
        let io = |error: std::io::Error| PrivateError::Io {
            path: path.into(),
            reason: error.to_string(),
            kind: error.kind(),
        };
        let mut file = private::open(path, Use::Secret)?;
        let metadata = file.metadata().map_err(io)?;
        if metadata.len() != FILE_LEN as u64 {
            return Err(MasterKeyError::Length {
                path: path.into(),
                expected: FILE_LEN,
                actual: metadata.len(),
            });
        }
        let mut content = Zeroizing::new([0; FILE_LEN]);
        file.read_exact(&mut content[..]).map_err(io)?;
        let damaged = |what| MasterKeyError::Damaged {
            path: path.into(),
            what,
        };
        let rest = content
            .strip_prefix(&MAGIC[..])
            .ok_or_else(|| damaged("not a master key file"))?;
        let (key, given) = rest
            .split_first_chunk()
            .ok_or_else(|| damaged("not a master key file"))?;
        if check(key) != given {
            return Err(damaged("the check value is wrong, the file is damaged"));
        }
        Ok(Self::from_octets(key))
    }

    /// A public identifier of the key: tells keys apart and nothing else. 16 hexadecimal digits.
    pub fn identifier(&self) -> String {
        let identifier = self.root_identifier();
        identifier.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// The key that seals subscribers who leave their store in a file.
    pub fn export_key(&self) -> ExportKey {
        self.with_root_key(RootKey::export_key)
    }

    /// The key that seals the home network's private keys.
    pub fn hn_key_sealer(&self) -> HnKeySealer {
        self.with_root_key(RootKey::hn_key_sealer)
    }

    /// The keys of the names that a server of EAP-AKA gives to its users; pseudonyms of one generation are nothing to another.
    pub fn name_keys(&self, generation: u32) -> NameKeys {
        self.with_root_key(|root| root.name_keys(generation))
    }

    /// The keys of lawful interception.
    pub fn interception_keys(&self) -> InterceptionKeys {
        self.with_root_key(RootKey::interception_keys)
    }

    /// The keys of one audit log: for its codes and pseudonyms.
    pub(crate) fn audit_keys(&self, log: &[u8; 16]) -> StoreKeys {
        self.with_root_key(|root| root.audit_keys(log))
    }

    /// [`MasterKey::identifier`] as 8 octets.
    pub(crate) fn root_identifier(&self) -> [u8; 8] {
        self.with_root_key(RootKey::identifier)
    }

    /// Does some work with the key as `kaskade-crypto` takes it. What the work leaves on the stack is wiped: a value that is
    /// put together there later, and moved to the heap, would bring it along in its padding.
    pub(crate) fn with_root_key<R>(&self, work: impl FnOnce(&RootKey) -> R) -> R {
        scrubbed(|| work(&RootKey::from_octets(self.secret_octets())))
    }
}

fn check(key: &[u8; MasterKey::LEN]) -> [u8; CHECK_LEN] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(MAGIC);
    context.update(key);
    let digest = context.finish();
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}
