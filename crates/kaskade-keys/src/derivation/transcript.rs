//! What enters one derivation, octet by octet, and what comes out of it.

use alloc::vec::Vec;

use kaskade_crypto::kdf::HmacKey;
use zeroize::Zeroizing;

use super::{Compute, KdfParameter, KdfSink, NamedKey, Octets, ParameterSpec, Row, Rule};

/// The octets of S for given inputs, part by part; the parent key is not in it.
///
/// Inputs that are keys themselves ([`Encoding::Secret`](super::Encoding::Secret)) are in it: treat it as a secret then.
pub struct Transcript {
    /// The derivation.
    pub row: &'static Row,
    /// Octets of each parameter, in order.
    pub parameters: Vec<Vec<u8>>,
}

impl Transcript {
    /// Starts with no parameter.
    pub fn new(row: &'static Row) -> Self {
        Self {
            row,
            parameters: Vec::new(),
        }
    }

    /// The whole S: FC ‖ P0 ‖ L0 ‖ … (TS 33.220 B.2). Of another function the bare concatenation of what enters.
    pub fn s(&self) -> Octets {
        let mut s = Vec::new();
        if let Rule::Kdf(fc) = self.row.rule {
            s.extend(fc.octets());
        }
        for (_, octets) in self.present() {
            s.extend(octets);
            if let (Rule::Kdf(_), Ok(length)) = (self.row.rule, u16::try_from(octets.len())) {
                s.extend(length.to_be_bytes());
            }
        }
        Zeroizing::new(s)
    }

    /// The parameters that enter, without those that are left out because they are empty.
    pub fn present(&self) -> impl Iterator<Item = (&'static ParameterSpec, &[u8])> {
        let parameters = self.row.parameters.iter().zip(&self.parameters);
        parameters.filter_map(|(spec, octets)| (!spec.encoding.leaves_out(octets)).then_some((spec, octets.as_slice())))
    }

    /// The child, from the parent; `None` when that is another key than the row's parent, and under
    /// [`Rule::AlgorithmSet`], which needs more than K.
    ///
    /// Where the child is the EMSK, or what the EMSK is cut or made from, it serves for further derivations only.
    pub fn derive(&self, parent: &NamedKey) -> Option<NamedKey> {
        if parent.name() != self.row.parent {
            return None;
        }
        let child = match self.row.rule {
            Rule::Kdf(fc) => {
                let key = HmacKey::new(parent.octets());
                let output = key.derive(fc, |s| {
                    for (_, octets) in self.present() {
                        s.push(octets);
                    }
                });
                Zeroizing::new(self.row.kept.cut(&output).to_vec())
            }
            Rule::Function(_, Compute(compute)) => {
                let inputs: Vec<&[u8]> = self.parameters.iter().map(Vec::as_slice).collect();
                let mut child = Zeroizing::new(alloc::vec![0; usize::from(self.row.child_octets)]);
                compute(parent.octets(), &inputs, &mut child);
                child
            }
            Rule::AlgorithmSet(_) => return None,
        };
        Some(NamedKey::made(self.row.child, child))
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        for parameter in &mut self.parameters {
            zeroize::Zeroize::zeroize(parameter);
        }
    }
}

impl KdfSink for Transcript {
    fn feed<P: KdfParameter>(mut self, parameter: &P) -> Self {
        parameter.with_octets(|octets| self.parameters.push(octets.into()));
        self
    }
}
