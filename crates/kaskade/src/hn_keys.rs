//! The home network's key pairs in the data folder: one sealed file for each, named by its identifier.
//!
//! ```text
//! hn-keys/007.key = "KSKHNKY1" 8 ‖ key identifier 1 ‖ profile 1 ‖ sealed private key 60
//! ```
//!
//! A key that was removed leaves `hn-keys/007.spent`, so that its identifier is not given again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use kaskade_codec::usim_file::{HnPublicKeyEntry, SchemeEntry, SuciCalcInfo};
use kaskade_crypto::ecies::{EciesError, HnPrivateKey, HnPublicKey, Profile};
use kaskade_crypto::seal::{HnKeySealer, HnOpenError, RANDOM_LEN};
use kaskade_keys::{HnKeyId, ProtectionScheme};
use kaskade_net::role::udm::HnKeyRing;
use kaskade_store::{Locked, private};
use zeroize::Zeroizing;

use crate::data_dir::{DataDir, read_private};

const MAGIC: &[u8; 8] = b"KSKHNKY1";
const HEAD: usize = 10;

/// Where the key pairs lie, and what opens them.
pub(crate) struct HnKeyFolder {
    folder: PathBuf,
    sealing: Locked<HnKeySealer>,
}

/// Key pairs by their identifiers.
type Pairs = BTreeMap<u8, Locked<HnPrivateKey>>;

/// The key pairs of a data folder.
pub(crate) struct HnKeys {
    place: Arc<HnKeyFolder>,
    keys: Pairs,
    /// Identifiers of keys that were removed.
    spent: BTreeSet<u8>,
}

impl HnKeys {
    /// Reads all of them.
    pub(crate) fn open(data: &DataDir) -> Result<Self> {
        Self::of(Arc::new(HnKeyFolder::open(data)?))
    }

    /// Reads all of them again.
    pub(crate) fn of(place: Arc<HnKeyFolder>) -> Result<Self> {
        let (keys, spent) = place.read_all()?;
        Ok(Self { place, keys, spent })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u8, &HnPrivateKey)> {
        self.keys.iter().map(|(id, key)| (*id, &**key))
    }

    pub(crate) fn key(&self, id: u8) -> Result<&HnPrivateKey> {
        self.keys
            .get(&id)
            .map(|key| &**key)
            .ok_or_else(|| anyhow!("there is no home network key with identifier {id}"))
    }

    /// The first key of a profile.
    pub(crate) fn first_of(&self, profile: Profile) -> Option<(u8, &HnPrivateKey)> {
        self.iter().find(|(_, key)| key.profile() == profile)
    }

    /// The lowest identifier that was never given.
    pub(crate) fn free_id(&self) -> Result<u8> {
        (1..=255)
            .find(|id| !self.keys.contains_key(id) && !self.spent.contains(id))
            .ok_or_else(|| anyhow!("all 255 identifiers are or were in use"))
    }

    /// Makes a key pair, and takes it in.
    pub(crate) fn generate(&mut self, id: u8, profile: Profile) -> Result<&HnPrivateKey> {
        self.add(id, Self::make(profile)?)
    }

    /// Makes a key pair.
    pub(crate) fn make(profile: Profile) -> Result<HnPrivateKey> {
        loop {
            let mut octets = Zeroizing::new([0; 32]);
            getrandom::fill(&mut octets[..]).map_err(|error| anyhow!("no random numbers: {error}"))?;
            match HnPrivateKey::from_octets(profile, &octets) {
                Ok(key) => return Ok(key),
                // One in 2^32 for P-256.
                Err(EciesError::PrivateKeyOutOfRange) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The identifier under which a key pair is here already: under two, nobody could remove it for good.
    pub(crate) fn same_as(&self, key: &HnPublicKey) -> Option<u8> {
        let is_it = |other: &HnPrivateKey| other.public_key().octets() == key.octets();
        self.iter().find(|(_, other)| is_it(other)).map(|(id, _)| id)
    }

    /// Why an identifier cannot be given.
    pub(crate) fn why_not(&self, id: u8) -> Option<String> {
        if self.keys.contains_key(&id) {
            return Some(format!(
                "the identifier {id} is taken: cards in the field may use that key. Choose another, or name none"
            ));
        }
        self.spent.contains(&id).then(|| {
            format!(
                "the identifier {id} was that of a key that is removed: cards in the field may still have it, and none is given \
                 twice. Choose another, or name none"
            )
        })
    }

    /// Takes a key pair in; never in the place of another.
    pub(crate) fn add(&mut self, id: u8, key: HnPrivateKey) -> Result<&HnPrivateKey> {
        if let Some(why) = self.why_not(id) {
            bail!(why);
        }
        let head = head(id, key.profile());
        let mut file = head.to_vec();
        let mut random = [0; RANDOM_LEN];
        getrandom::fill(&mut random).map_err(|error| anyhow!("no random numbers: {error}"))?;
        file.extend(self.place.sealing.seal(&random, &head, &key));
        private::write_new(&self.place.path(id), &file)?;
        Ok(self.keys.entry(id).or_insert_with(|| Locked::with(|| key)))
    }

    /// Removes a key pair for good; its identifier stays spent.
    pub(crate) fn remove(&mut self, id: u8) -> Result<()> {
        self.key(id)?;
        // First: whatever happens then, the identifier is not given again.
        if self.spent.insert(id) {
            private::write_new(&self.place.mark(id), b"the key of this identifier was removed\n")?;
        }
        // Durable: the log says then that it is gone.
        private::remove(&self.place.path(id)).with_context(|| format!("cannot remove home network key {id}"))?;
        self.keys.remove(&id);
        Ok(())
    }

    /// For the SIDF, with the place that they may be read from again.
    pub(crate) fn into_ring(self) -> (HnKeyRing, Arc<HnKeyFolder>) {
        (ring(self.keys), self.place)
    }
}

fn ring(keys: Pairs) -> HnKeyRing {
    keys.into_iter().map(|(id, key)| (HnKeyId(id), key)).collect()
}

impl HnKeyFolder {
    /// That of a data folder.
    pub(crate) fn open(data: &DataDir) -> Result<Self> {
        Ok(Self {
            folder: data.hn_keys()?,
            sealing: Locked::with(|| data.master().hn_key_sealer()),
        })
    }

    /// The key pairs that are there now, for the SIDF.
    pub(crate) fn ring(&self) -> Result<HnKeyRing> {
        self.read_all().map(|(keys, _)| ring(keys))
    }

    /// All key pairs, and the identifiers of those that were removed.
    fn read_all(&self) -> Result<(Pairs, BTreeSet<u8>)> {
        let (mut keys, mut spent) = (BTreeMap::new(), BTreeSet::new());
        for file in std::fs::read_dir(&self.folder)? {
            let path = file?.path();
            if let Some(id) = (1..=255).find(|id| path == self.mark(*id)) {
                // Whoever may write here decides what is given again.
                read_private(&path)?;
                spent.insert(id);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "key") {
                continue;
            }
            let (id, key) = self
                .read(&path)
                .with_context(|| format!("home network key {}", path.display()))?;
            if path != self.path(id) {
                bail!(
                    "home network key {}: holds the key with identifier {id}",
                    path.display()
                );
            }
            keys.insert(id, Locked::with(|| key));
        }
        Ok((keys, spent))
    }

    fn path(&self, id: u8) -> PathBuf {
        self.folder.join(format!("{id:03}.key"))
    }

    /// What says that an identifier is spent.
    fn mark(&self, id: u8) -> PathBuf {
        self.folder.join(format!("{id:03}.spent"))
    }

    fn read(&self, path: &std::path::Path) -> Result<(u8, HnPrivateKey)> {
        let file = read_private(path)?;
        let (head, sealed) = file
            .split_first_chunk::<HEAD>()
            .context("too short: the file is damaged, or its making was interrupted; where no card has this key, remove the file")?;
        let [magic @ .., id, profile] = head;
        if magic != MAGIC {
            bail!("not a home network key file of this program");
        }
        let profile = Profile::ALL
            .into_iter()
            .find(|known| known.scheme_id() == *profile)
            .context("unknown profile, the file is damaged")?;
        let key = self.sealing.open(profile, head, sealed).map_err(|error| match error {
            HnOpenError::Key(error) => anyhow!(error),
            _ => anyhow!("does not open: it was sealed with another master key, or is damaged"),
        })?;
        Ok((*id, key))
    }
}

fn head(id: u8, profile: Profile) -> [u8; HEAD] {
    let [a, b, c, d, e, f, g, h] = *MAGIC;
    [a, b, c, d, e, f, g, h, id, profile.scheme_id()]
}

/// EF_SUCI_Calc_Info for a card with these keys, in this order of preference, and the null scheme last if allowed
/// (TS 31.102 4.4.11.8).
pub(crate) fn suci_calc_info<'k>(
    keys: impl Iterator<Item = (u8, &'k HnPublicKey)>,
    null_scheme: bool,
) -> Result<SuciCalcInfo> {
    let mut schemes = Vec::new();
    let mut list = Vec::new();
    for (key_index, (id, key)) in (1..=255).zip(keys) {
        schemes.push(SchemeEntry {
            scheme: ProtectionScheme::from_id(key.profile().scheme_id())?,
            key_index,
        });
        list.push(HnPublicKeyEntry {
            key_id: HnKeyId(id),
            octets: key.octets().into(),
        });
    }
    if null_scheme {
        schemes.push(SchemeEntry {
            scheme: ProtectionScheme::Null,
            key_index: 0,
        });
    }
    Ok(SuciCalcInfo::new(schemes, list)?)
}
