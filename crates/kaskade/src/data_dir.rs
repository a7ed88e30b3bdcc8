//! The data folder: master key, subscribers, home network keys. Nobody but its owner may look into it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kaskade::config::{Config, Role};
use kaskade_flow::Refusal;
use kaskade_store::locked::scrubbed;
use kaskade_store::private::{self, Notice, PrivateError, Use};
use kaskade_store::{Locked, MasterKey, MasterKeyError};

use crate::exit;
use crate::patience::patiently;

/// Which data folder and configuration a command uses.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct DataArgs {
    /// Data folder, instead of the configured one (KASKADE_DATA_DIR does the same)
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    data: Option<PathBuf>,
    /// Configuration file; see `kaskade config`
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    config: Option<PathBuf>,
}

impl DataArgs {
    /// Whether --data names a folder, for what must not happen in one that is only configured.
    pub(crate) fn names_a_folder(&self) -> bool {
        self.data.is_some()
    }

    /// Whether the command line says which data folder or configuration is meant.
    pub(crate) fn is_given(&self) -> bool {
        self.data.is_some() || self.config.is_some()
    }

    /// The configuration file that is named.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The same with this file, where one is named otherwise.
    pub(crate) fn with_file(&self, file: Option<&Path>) -> Self {
        Self {
            data: self.data.clone(),
            config: file.map(Path::to_owned).or_else(|| self.config.clone()),
        }
    }

    /// The configuration: file, then environment, then command line.
    pub(crate) fn config(&self) -> Result<Config> {
        self.config_of(&[])
    }

    /// The same where only these roles run; with none named, all that have a section.
    pub(crate) fn config_of(&self, only: &[Role]) -> Result<Config> {
        let mut config = match &self.config {
            Some(path) => Config::read_for(path, only)?,
            None => {
                let mut config = Config::default();
                config.keep_roles(only)?;
                config
            }
        };
        config.apply_environment(variable)?;
        if let Some(data) = &self.data {
            config.data_dir.clone_from(data);
        }
        Ok(config)
    }
}

/// A variable of the environment; an empty one is none.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// An open data folder and its master key.
pub(crate) struct DataDir {
    folder: Folder,
    master: Locked<MasterKey>,
}

/// What remains of a data folder when its master key is put away.
pub(crate) struct Folder {
    path: PathBuf,
    created: bool,
    master_key: String,
    notices: Vec<Notice>,
}

impl DataDir {
    /// Whether there is nothing that a new data folder would be in the way of: no folder, or an empty one.
    pub(crate) fn is_unused(path: &Path) -> Result<bool> {
        Ok(!Self::exists(path) && is_unused(path)?)
    }

    /// Whether there is such a folder, with a master key in it.
    fn exists(path: &Path) -> bool {
        path.join(MASTER_KEY).exists()
    }

    /// Opens a folder, or creates it with a new master key. Another command that makes it is waited for.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self> {
        patiently(|| Self::try_open_or_create(path), || false)
    }

    fn try_open_or_create(path: &Path) -> Result<Self> {
        if Self::exists(path) {
            return Self::try_open(path);
        }
        if !is_unused(path)? {
            match Self::exists(path) {
                // Another command made it meanwhile.
                true => return Self::try_open(path),
                false => bail!(no_master_key(path)),
            }
        }
        Self::create(path).map_err(|error| match error.chain().any(was_made_meanwhile) {
            true => being_made(path, "run this again"),
            false => error,
        })
    }

    fn create(path: &Path) -> Result<Self> {
        // An empty folder that somebody made for us gets the mode that it needs.
        let notices = private::create_folder(path).context("cannot make the data folder")?;
        // Before the master key: who finds a key without a store and without this has lost the store.
        let no_store = path.join(NO_STORE_YET);
        if !is_there(&no_store) {
            private::write_new(&no_store, NO_STORE_TEXT)?;
        }
        let master = Locked::try_with(|| MasterKey::create(&path.join(MASTER_KEY)))?;
        Ok(Self::with(path, master, true, notices))
    }

    /// Opens a folder that exists. Another command that makes it is waited for.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        patiently(|| Self::try_open(path), || false)
    }

    fn try_open(path: &Path) -> Result<Self> {
        if !Self::exists(path) {
            if !is_unused(path)? {
                bail!(no_master_key(path));
            }
            bail!(
                "{}: no data folder (there is no {MASTER_KEY}). `kaskade up`, `kaskade subscriber add` and `kaskade hn-key \
                 generate` create one; --data names another",
                path.display()
            );
        }
        let notices = private::check_folder(path).context("the data folder cannot be used")?;
        let master = Locked::try_with(|| MasterKey::open(&path.join(MASTER_KEY)));
        let master = master.map_err(|error| match error {
            // Its octets come a moment after its name.
            MasterKeyError::Length { actual: 0, path: key, .. } if is_there(&path.join(NO_STORE_YET)) => {
                let key = key.display();
                being_made(path, &format!("run this again. If it stays so, that was interrupted, and nothing is lost with {key}: remove it"))
            }
            error => anyhow::Error::new(error).context("the master key cannot be used"),
        })?;
        Ok(Self::with(path, master, false, notices))
    }

    fn with(path: &Path, master: Locked<MasterKey>, created: bool, notices: Vec<Notice>) -> Self {
        Self {
            folder: Folder {
                path: path.to_owned(),
                created,
                master_key: scrubbed(|| master.identifier()),
                notices,
            },
            master,
        }
    }

    /// Whether it was created just now.
    pub(crate) fn is_new(&self) -> bool {
        self.folder.created
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder.path
    }

    pub(crate) fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Puts the master key away: what runs on needs none of it.
    pub(crate) fn without_master_key(self) -> Folder {
        self.folder
    }

    /// The subscriber store.
    pub(crate) fn subscribers(&self) -> PathBuf {
        subscribers_in(self.path())
    }

    /// Whether this folder never had a store: then, and only then, one may be made without a word.
    pub(crate) fn has_no_store_yet(&self) -> Result<bool> {
        // Whatever a backup brought back: these are made after the store.
        let had_one = is_there(&self.path().join(HN_KEYS)) || is_there(&self.nf_instance_id());
        match private::open(&self.path().join(NO_STORE_YET), Use::Own) {
            Ok(_) => Ok(!had_one),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// From now on a store that is not there is a lost one.
    pub(crate) fn has_a_store_now(&self) -> Result<()> {
        let path = self.path().join(NO_STORE_YET);
        match private::remove(&path) {
            Err(error) if !error.is_not_found() => Err(error).context("cannot note that there is a store now"),
            _ => Ok(()),
        }
    }

    /// Who the AUSF of this folder is.
    pub(crate) fn nf_instance_id(&self) -> PathBuf {
        self.path().join(NF_INSTANCE_ID)
    }

    /// Who the UDM of this folder is; only for an NRF.
    pub(crate) fn udm_instance_id(&self) -> PathBuf {
        self.path().join(UDM_INSTANCE_ID)
    }

    /// Who the AAnF of this folder is; only for an NRF.
    pub(crate) fn aanf_instance_id(&self) -> PathBuf {
        self.path().join(AANF_INSTANCE_ID)
    }

    /// Who the NEF of this folder is; only for an NRF.
    pub(crate) fn nef_instance_id(&self) -> PathBuf {
        self.path().join(NEF_INSTANCE_ID)
    }

    /// The folder of the home network keys; created when it is missing.
    pub(crate) fn hn_keys(&self) -> Result<PathBuf> {
        let path = self.path().join(HN_KEYS);
        if fs::symlink_metadata(&path).is_ok() {
            private::check_folder(&path)?;
        } else {
            private::create_folder(&path)?;
        }
        Ok(path)
    }
}

impl Folder {
    /// The file of the subscriber store.
    pub(crate) fn subscribers(&self) -> PathBuf {
        subscribers_in(&self.path)
    }

    /// Whether it was created just now.
    pub(crate) fn is_new(&self) -> bool {
        self.created
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The public identifier of its master key.
    pub(crate) fn master_key(&self) -> &str {
        &self.master_key
    }

    /// What should be known about the folders above it.
    pub(crate) fn notices(&self) -> &[Notice] {
        &self.notices
    }
}

const MASTER_KEY: &str = "master.key";
const SUBSCRIBERS: &str = "subscribers.redb";
const HN_KEYS: &str = "hn-keys";
const NF_INSTANCE_ID: &str = "nf-instance-id";
const UDM_INSTANCE_ID: &str = "udm-instance-id";
const AANF_INSTANCE_ID: &str = "aanf-instance-id";
const NEF_INSTANCE_ID: &str = "nef-instance-id";
/// There from the making of a folder to that of its store, by one command. Only a crash between the two leaves it.
const NO_STORE_YET: &str = "no-store-yet";
const NO_STORE_TEXT: &[u8] =
    b"This folder never had a subscriber store. The next command that writes makes it and removes this file.\n";

/// The subscriber store of a data folder.
pub(crate) fn subscribers_in(folder: &Path) -> PathBuf {
    folder.join(SUBSCRIBERS)
}

/// Whether there is such a name; a link to nowhere counts.
pub(crate) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether a folder is not there, empty, or has only what an interrupted start left in it.
fn is_unused(path: &Path) -> Result<bool> {
    if !is_there(path) {
        return Ok(true);
    }
    for entry in fs::read_dir(path).with_context(|| path.display().to_string())? {
        if entry.with_context(|| path.display().to_string())?.file_name() != NO_STORE_YET {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a file could not be made as another command made it a moment ago.
fn was_made_meanwhile(error: &(dyn std::error::Error + 'static)) -> bool {
    let file: Option<&PrivateError> = error.downcast_ref();
    matches!(
        file,
        Some(PrivateError::Io {
            kind: ErrorKind::AlreadyExists,
            ..
        })
    )
}

fn being_made(path: &Path, then: &str) -> anyhow::Error {
    let text = format!("another command is making the data folder {}: {then}", path.display());
    exit::refused(Refusal::InWork, text)
}

/// Why a folder with something in it is not used.
fn no_master_key(path: &Path) -> String {
    let (key, path) = (path.join(MASTER_KEY), path.display());
    if is_there(&key) {
        format!(
            "{}: a link to nothing: is the medium with the master key there?",
            key.display()
        )
    } else if is_there(&key.with_file_name(SUBSCRIBERS)) {
        format!(
            "{path}: {SUBSCRIBERS} is there and {MASTER_KEY} is not: put the master key back, nothing opens without it"
        )
    } else {
        format!(
            "{path}: not empty, and no {MASTER_KEY} in it: give a new or empty folder, or put the master key back if it \
             was lost"
        )
    }
}

/// More than any file of ours has.
const LONGEST_FILE: u64 = 1 << 20;

/// Reads one of our own files, if nobody else may read it.
pub(crate) fn read_private(path: &Path) -> Result<Vec<u8>> {
    Ok(private::read(path, Use::Own, LONGEST_FILE)?)
}
