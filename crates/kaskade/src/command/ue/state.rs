//! The state file of an emulated USIM: its array SEQ_MS, which must survive as a card's does.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use kaskade::place::without_values;
use kaskade_aka::sqn::Seq;
use kaskade_keys::Supi;
use kaskade_store::private::{self, Use};
use kaskade_ue::card::CardState;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

/// An array has at most 65 536 numbers.
const LONGEST: u64 = 2 << 20;

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
        let content = match private::read(path, Use::Own, LONGEST) {
            Ok(octets) => {
                // The message without what the file says: it may be another file altogether.
                let content: Content = serde_json::from_slice(&octets)
                    .map_err(|error| anyhow!("{}: {}", named(), without_values(&error.to_string())))?;
                if content.version != VERSION {
                    bail!("{}: version {}, this program knows {VERSION}", named(), content.version);
                }
                if content.supi != supi.sbi() {
                    bail!("{}: belongs to another SUPI; give each USIM a file of its own", named());
                }
                content
            }
            Err(error) if error.is_not_found() => Content {
                version: VERSION,
                supi: supi.sbi(),
                seq_ms: Vec::new(),
            },
            Err(error) => return Err(error).context("USIM state file"),
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
    pub(crate) fn keep(&mut self, card: &CardState) -> Result<()> {
        self.content.seq_ms = card.seq_ms.iter().map(|seq| seq.0).collect();
        let text = serde_json::to_string_pretty(&self.content)?;
        private::replace(&self.path, text.as_bytes()).context("USIM state file")
    }
}
