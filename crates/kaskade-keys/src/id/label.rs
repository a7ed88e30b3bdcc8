//! Fixed texts that enter derivations.

use crate::derivation::{Encoding, kdf_parameters};

/// A text that a specification fixes, such as `AKMA`: tells apart the keys of one parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(pub &'static str);

kdf_parameters! {
    Label: Encoding::Text, |this| this.0.as_bytes();
}
