//! K and operator code as they leave the store: sealed under the master key, bound to the SUPI.

use anyhow::{Context, Result};
use kaskade_crypto::{K, Op, Opc};
use kaskade_keys::Supi;
use kaskade_store::{MasterKey, OpOrOpc};
use zeroize::Zeroizing;

use crate::sealed::Sealing;

/// Seals and opens the field `sealed` of subscriber files.
pub(super) struct SealedSecrets(Sealing);

const OPC: u8 = 1;
const OP: u8 = 2;

impl SealedSecrets {
    pub(super) fn new(master: &MasterKey) -> Result<Self> {
        Sealing::new(master, "exported subscriber").map(Self)
    }

    pub(super) fn seal(&self, supi: &Supi, k: &K, operator: &OpOrOpc) -> Result<Vec<u8>> {
        let (kind, code) = match operator {
            OpOrOpc::Opc(opc) => (OPC, opc.expose_to_seal()),
            OpOrOpc::Op(op) => (OP, op.expose_to_seal()),
        };
        let mut clear = Zeroizing::new([0; 33]);
        clear[0] = kind;
        clear[1..17].copy_from_slice(k.expose_to_seal());
        clear[17..].copy_from_slice(code);
        self.0.seal(supi.sbi().as_bytes(), &clear[..])
    }

    pub(super) fn open(&self, supi: &Supi, sealed: &[u8]) -> Result<(K, OpOrOpc)> {
        let clear = self.0.open(supi.sbi().as_bytes(), sealed).context(
            "sealed does not open: it was exported under another master key, for another SUPI, or was changed",
        )?;
        let (kind, k, code) = clear
            .split_first()
            .and_then(|(kind, rest)| {
                let (k, code) = rest.split_first_chunk::<16>()?;
                Some((*kind, k, code.first_chunk::<16>()?))
            })
            .context("sealed is too short")?;
        let operator = match kind {
            OPC => OpOrOpc::Opc(Opc::from_octets(code)),
            OP => OpOrOpc::Op(Op::from_octets(code)),
            _ => anyhow::bail!("sealed was written by a later version of this program"),
        };
        Ok((K::from_octets(k), operator))
    }
}
