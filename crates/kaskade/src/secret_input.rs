//! K, OP and OPc from the command line, a file, standard input or the environment.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kaskade::hex_field;
use kaskade_crypto::{K, Op, Opc};
use kaskade_store::OpOrOpc;
use zeroize::Zeroizing;

/// Text that may be a secret: `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct SecretText(Zeroizing<String>);

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

/// Options that name K and the operator code.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Secrets of the SIM (one K, and one of OPc or OP)")]
pub(crate) struct SecretArgs {
    /// K, 32 hexadecimal digits. Other users of this machine can see it in the process list: prefer --k-file or the
    /// environment variable KASKADE_K
    #[arg(long, value_name = "HEX", conflicts_with = "k_file")]
    k: Option<SecretText>,
    /// File with K as 32 hexadecimal digits, mode 0600; `-` reads a line of standard input
    #[arg(long, value_name = "FILE")]
    k_file: Option<PathBuf>,
    /// OPc (derived from OP and K, different on every card), 32 hexadecimal digits. See --k for who can see it
    #[arg(long, value_name = "HEX", conflicts_with_all = ["opc_file", "op", "op_file"])]
    opc: Option<SecretText>,
    /// File with OPc; `-` reads a line of standard input, after K's
    #[arg(long, value_name = "FILE", conflicts_with_all = ["op", "op_file"])]
    opc_file: Option<PathBuf>,
    /// OP (the operator's own, the same for all cards), 32 hexadecimal digits. It is not OPc: mixing them up gives
    /// wrong keys, not an error
    #[arg(long, value_name = "HEX", conflicts_with = "op_file")]
    op: Option<SecretText>,
    /// File with OP; `-` reads a line of standard input, after K's
    #[arg(long, value_name = "FILE")]
    op_file: Option<PathBuf>,
}

impl SecretArgs {
    /// Reads both.
    pub(crate) fn read(&self) -> Result<(K, OpOrOpc)> {
        let mut lines = Lines::default();
        let Some(k) = lines.first(&self.k, self.k_file.as_deref(), "KASKADE_K", "K")? else {
            bail!("K is missing: give --k-file FILE (or - for standard input), --k HEX, or set KASKADE_K");
        };
        let k = K::from_octets(&*hex_field::octets("K", &k.0)?);
        let given_on_line = self.op.is_some() || self.op_file.is_some();
        if !given_on_line && let Some(opc) = lines.first(&self.opc, self.opc_file.as_deref(), "KASKADE_OPC", "OPc")? {
            return Ok((k, OpOrOpc::Opc(Opc::from_octets(&*hex_field::octets("OPc", &opc.0)?))));
        }
        if let Some(op) = lines.first(&self.op, self.op_file.as_deref(), "KASKADE_OP", "OP")? {
            return Ok((k, OpOrOpc::Op(Op::from_octets(&*hex_field::octets("OP", &op.0)?))));
        }
        bail!(
            "the operator code is missing: give OPc (--opc-file, --opc, KASKADE_OPC) or OP (--op-file, --op, KASKADE_OP). \
             Ask the card's maker which of the two you have: OPc differs from card to card, OP is the same on all"
        );
    }
}

/// Standard input is read once, line by line.
#[derive(Default)]
struct Lines {
    stdin: Option<io::StdinLock<'static>>,
}

impl Lines {
    fn first(
        &mut self,
        text: &Option<SecretText>,
        file: Option<&Path>,
        variable: &str,
        field: &str,
    ) -> Result<Option<SecretText>> {
        if let Some(text) = text {
            return Ok(Some(text.clone()));
        }
        if let Some(path) = file {
            let line = self
                .line(path)
                .with_context(|| format!("{field} from {}", path.display()))?;
            return Ok(Some(SecretText(line)));
        }
        match std::env::var(variable) {
            Ok(value) => Ok(Some(SecretText(Zeroizing::new(value)))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => bail!("{variable} is not text"),
        }
    }

    fn line(&mut self, path: &Path) -> Result<Zeroizing<String>> {
        let mut line = Zeroizing::new(String::new());
        if path == Path::new("-") {
            self.stdin
                .get_or_insert_with(|| io::stdin().lock())
                .read_line(&mut line)?;
        } else {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            let mode = metadata.permissions().mode() & 0o777;
            if metadata.is_file() && mode & 0o077 != 0 {
                bail!(
                    "mode {mode:04o} lets other users read it: run `chmod 600 {}`",
                    path.display()
                );
            }
            BufReader::new(file).read_line(&mut line)?;
        }
        if line.trim().is_empty() {
            bail!("the line is empty");
        }
        Ok(line)
    }
}
