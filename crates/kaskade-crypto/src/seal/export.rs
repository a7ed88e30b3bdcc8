//! Subscribers that leave their store in a file: sealed under the root key.
//!
//! ```text
//! MILENAGE with standard constants   1 for OPc, 2 for OP ‖ K 16 ‖ OPc or OP 16
//! any other set                      3 ‖ number 1 ‖ flags 1 ‖ parameters ‖ the secrets as rows have them
//! ```

use alloc::vec::Vec;

use super::{OpenError, RANDOM_LEN, Sealer, parts};
use crate::subscription::{Layout, LayoutError, OpOrOpc, SecretBuffer, SubscriberSecrets};
use crate::types::{K, Op, Opc};

/// Seals and opens exported subscribers. Its octets leave nobody.
pub struct ExportKey(Sealer);

const OPC: u8 = 1;
const OP: u8 = 2;
const ANY_SET: u8 = 3;

impl ExportKey {
    pub(super) fn new(octets: &[u8; 32]) -> Self {
        Self(Sealer::new(octets))
    }

    /// Seals the secrets of one subscriber, bound to `owner`. MILENAGE keeps the form that the first programs read.
    pub fn seal(&self, random: &[u8; RANDOM_LEN], owner: &[u8], secrets: &SubscriberSecrets) -> Vec<u8> {
        let mut buffer = SecretBuffer::new();
        match secrets {
            SubscriberSecrets::Milenage { k, operator, constants } if constants.are_standard() => match operator {
                OpOrOpc::Opc(opc) => {
                    buffer.put(&[OPC]);
                    buffer.put(k.secret_octets());
                    buffer.put(opc.secret_octets());
                }
                OpOrOpc::Op(op) => {
                    buffer.put(&[OP]);
                    buffer.put(k.secret_octets());
                    buffer.put(op.secret_octets());
                }
            },
            other => {
                let layout = other.layout();
                let mut parameters = Vec::with_capacity(Layout::LONGEST_PARAMETERS);
                layout.push_parameters(&mut parameters);
                buffer.put(&[ANY_SET, layout.number(), layout.flags()]);
                buffer.put(&parameters);
                other.put_sealed(&mut buffer);
            }
        }
        self.0.sealed(random, owner, buffer.octets_mut())
    }

    /// Opens what [`ExportKey::seal`] gave.
    ///
    /// # Errors
    /// When it was changed, is another's, was sealed under another root key or written by a later version.
    pub fn open(&self, owner: &[u8], sealed: &[u8]) -> Result<SubscriberSecrets, OpenError> {
        let (nonce, octets, tag) = parts(sealed).ok_or(OpenError::NotAuthentic)?;
        let mut buffer = SecretBuffer::zeros(octets.len()).ok_or(OpenError::NotAuthentic)?;
        buffer.octets_mut().copy_from_slice(octets);
        self.0.gcm.open(nonce, [owner, &[]], buffer.octets_mut(), tag)?;
        let (kind, rest) = buffer.octets().split_first().ok_or(LayoutError::Length)?;
        match *kind {
            OPC | OP => {
                let (k, code) = rest.split_first_chunk().ok_or(LayoutError::Length)?;
                let code = code.try_into().map_err(|_| LayoutError::Length)?;
                let operator = if *kind == OPC {
                    OpOrOpc::Opc(Opc::from_octets(code))
                } else {
                    OpOrOpc::Op(Op::from_octets(code))
                };
                Ok(SubscriberSecrets::milenage(K::from_octets(k), operator))
            }
            ANY_SET => {
                let (&[number, flags], rest) = rest.split_first_chunk().ok_or(LayoutError::Length)?;
                let (layout, rest) = Layout::decode(number, flags, rest)?;
                Ok(layout.open(rest)?)
            }
            later => Err(OpenError::Kind(later)),
        }
    }
}

impl core::fmt::Debug for ExportKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ExportKey(…)")
    }
}
