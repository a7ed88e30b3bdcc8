//! The secrets of a subscriber as they leave the store: sealed under the master key, bound to the SUPI.
//!
//! ```text
//! MILENAGE with standard constants   1 for OPc, 2 for OP ‖ K 16 ‖ OPc or OP 16
//! any other set                      3 ‖ the set with its secrets as the store writes them
//! ```

use anyhow::{Context, Result};
use kaskade_crypto::{K, Op, Opc};
use kaskade_keys::Supi;
use kaskade_store::{MasterKey, OpOrOpc, SubscriberSecrets};
use zeroize::Zeroizing;

use crate::sealed::Sealing;

/// Seals and opens the field `sealed` of subscriber files.
pub(super) struct SealedSecrets(Sealing);

const OPC: u8 = 1;
const OP: u8 = 2;
const ANY_SET: u8 = 3;

impl SealedSecrets {
    pub(super) fn new(master: &MasterKey) -> Result<Self> {
        Sealing::new(master, "exported subscriber").map(Self)
    }

    pub(super) fn seal(&self, supi: &Supi, secrets: &SubscriberSecrets) -> Result<Vec<u8>> {
        self.0.seal(supi.sbi().as_bytes(), &clear(secrets))
    }

    pub(super) fn open(&self, supi: &Supi, sealed: &[u8]) -> Result<SubscriberSecrets> {
        let clear = self.0.open(supi.sbi().as_bytes(), sealed).context(
            "sealed does not open: it was exported under another master key, for another SUPI, or was changed",
        )?;
        let (kind, rest) = clear.split_first().context("sealed is too short")?;
        if *kind == ANY_SET {
            return SubscriberSecrets::from_sealed(rest)
                .context("sealed was written by a later version of this program");
        }
        let (k, code) = rest
            .split_first_chunk()
            .and_then(|(k, code)| Some((k, code.first_chunk()?)))
            .context("sealed is too short")?;
        let operator = match *kind {
            OPC => OpOrOpc::Opc(Opc::from_octets(code)),
            OP => OpOrOpc::Op(Op::from_octets(code)),
            _ => anyhow::bail!("sealed was written by a later version of this program"),
        };
        Ok(SubscriberSecrets::milenage(K::from_octets(k), operator))
    }
}

/// What is sealed. MILENAGE keeps the form of the first programs, which they can read.
fn clear(secrets: &SubscriberSecrets) -> Zeroizing<Vec<u8>> {
    let (kind, parts): (u8, [&[u8]; 2]) = match secrets {
        SubscriberSecrets::Milenage { k, operator, constants } if constants.are_standard() => match operator {
            OpOrOpc::Opc(opc) => (OPC, [k.expose_to_seal(), opc.expose_to_seal()]),
            OpOrOpc::Op(op) => (OP, [k.expose_to_seal(), op.expose_to_seal()]),
        },
        other => return with_kind(ANY_SET, &[&other.expose_to_seal()]),
    };
    with_kind(kind, &parts)
}

fn with_kind(kind: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    // Of its full size at once: a smaller buffer would leave secrets behind.
    let mut clear = Zeroizing::new(Vec::with_capacity(1 + len));
    clear.push(kind);
    for part in parts {
        clear.extend_from_slice(part);
    }
    clear
}
