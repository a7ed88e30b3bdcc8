//! The state file of an emulated USIM: its array SEQ_MS, which must survive as a card's does.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kaskade_aka::sqn::Seq;
use kaskade_keys::Supi;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

/// A state file, bound to one SUPI.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    content: Content,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    supi: String,
    seq_ms: Vec<u64>,
}

impl StateFile {
    /// Reads the file; a card without one is new.
    pub(crate) fn open(path: &Path, supi: &Supi) -> Result<Self> {
        let named = || format!("USIM state file {}", path.display());
        let content = match fs::read(path) {
            Ok(octets) => {
                let content: Content = serde_json::from_slice(&octets).with_context(named)?;
                if content.version != VERSION {
                    bail!("{}: version {}, this program knows {VERSION}", named(), content.version);
                }
                if content.supi != supi.sbi() {
                    bail!("{}: belongs to another SUPI; give each USIM a file of its own", named());
                }
                content
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Content {
                version: VERSION,
                supi: supi.sbi(),
                seq_ms: Vec::new(),
            },
            Err(error) => return Err(error).with_context(named),
        };
        Ok(Self {
            path: path.into(),
            content,
        })
    }

    /// The array; `None` for a new card.
    pub(crate) fn seq_ms(&self) -> Option<Vec<Seq>> {
        let seq_ms = &self.content.seq_ms;
        (!seq_ms.is_empty()).then(|| seq_ms.iter().copied().map(Seq).collect())
    }

    /// Writes the array; durable before it returns.
    pub(crate) fn keep(&mut self, seq_ms: &[Seq]) -> Result<()> {
        self.content.seq_ms = seq_ms.iter().map(|seq| seq.0).collect();
        let named = || format!("USIM state file {}", self.path.display());
        let mut name = self.path.file_name().with_context(named)?.to_owned();
        name.push(".new");
        let new = self.path.with_file_name(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .with_context(named)?;
        let text = serde_json::to_string_pretty(&self.content)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .with_context(named)?;
        fs::rename(&new, &self.path).with_context(named)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .with_context(named)
    }
}
