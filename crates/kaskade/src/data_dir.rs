//! The data folder: master key, subscribers, home network keys. Nobody but its owner may look into it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kaskade::config::Config;
use kaskade_store::MasterKey;

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
    /// Whether somebody chose a data folder, by whatever means.
    pub(crate) fn is_chosen(&self) -> bool {
        self.data.is_some()
            || self.config.is_some()
            || std::env::var_os("KASKADE_DATA_DIR").is_some_and(|value| !value.is_empty())
    }

    /// The configuration: file, then environment, then command line.
    pub(crate) fn config(&self) -> Result<Config> {
        let mut config = match &self.config {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        config.apply_environment(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))?;
        if let Some(data) = &self.data {
            config.data_dir.clone_from(data);
        }
        Ok(config)
    }
}

/// An open data folder and its master key.
pub(crate) struct DataDir {
    path: PathBuf,
    master: MasterKey,
    created: bool,
}

impl DataDir {
    /// Whether there is such a folder, with a master key in it.
    pub(crate) fn exists(path: &Path) -> bool {
        path.join(MASTER_KEY).exists()
    }

    /// Opens a folder, or creates it with a new master key.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self> {
        if path.join(MASTER_KEY).exists() {
            return Self::open(path);
        }
        if path.exists()
            && fs::read_dir(path)
                .with_context(|| path.display().to_string())?
                .next()
                .is_some()
        {
            bail!(
                "{}: not empty, and no {MASTER_KEY} in it: give a new or empty folder, or put the master key back if it was lost",
                path.display()
            );
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        private(path)?;
        let master = MasterKey::create(&path.join(MASTER_KEY))?;
        Ok(Self {
            path: path.to_owned(),
            master,
            created: true,
        })
    }

    /// Opens a folder that exists.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if !path.join(MASTER_KEY).exists() {
            bail!(
                "{}: no data folder (there is no {MASTER_KEY}). `kaskade up`, `kaskade subscriber add` and `kaskade hn-key \
                 generate` create one; --data names another",
                path.display()
            );
        }
        private(path)?;
        let master = MasterKey::open(&path.join(MASTER_KEY))
            .with_context(|| "the master key cannot be used (if only its mode is wrong: chmod 600)")?;
        Ok(Self {
            path: path.to_owned(),
            master,
            created: false,
        })
    }

    /// Whether it was created just now.
    pub(crate) fn is_new(&self) -> bool {
        self.created
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn master(&self) -> &MasterKey {
        &self.master
    }

    /// The subscriber store.
    pub(crate) fn subscribers(&self) -> PathBuf {
        self.path.join("subscribers.redb")
    }

    /// The folder of the home network keys; created when it is missing.
    pub(crate) fn hn_keys(&self) -> Result<PathBuf> {
        let path = self.path.join("hn-keys");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        private(&path)?;
        Ok(path)
    }
}

const MASTER_KEY: &str = "master.key";

/// Refuses a folder that others can write into: they could put their own keys there.
fn private(path: &Path) -> Result<()> {
    let mode = fs::metadata(path).with_context(|| path.display().to_string())?.mode() & 0o777;
    if mode & 0o022 != 0 {
        bail!(
            "{}: mode {mode:04o} lets others write: run `chmod 700 {0}`",
            path.display()
        );
    }
    Ok(())
}

/// Writes a new file of mode 0600, durable before it returns; never touches an existing one.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(content)?;
        file.sync_all()?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a file that nobody else may read.
pub(crate) fn read_private(path: &Path) -> Result<Vec<u8>> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mode = file.metadata()?.mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!(
            "{}: mode {mode:04o} lets others in, expected 0600: run `chmod 600 {0}`",
            path.display()
        );
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(content)
}
