//! Why nothing is derived.

use crate::given::GivenError;
use crate::lookup::LookupError;

/// Why there is no way to a key, or no key at its end. Names what is missing and how to give it; never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The target is no key.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// What is given contradicts itself, or an input is malformed.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// No derivation leads from what is given to the key; the text says from what one does.
    #[error("{0}")]
    Unreachable(String),
    /// No way goes by the step that was asked for.
    #[error("no way from {from} to {name} goes by {via}")]
    NoWayBy {
        /// Where it would begin.
        from: String,
        /// Where it would end.
        name: String,
        /// The step, as it was written.
        via: String,
    },
    /// Keys or inputs are missing; the text lists them, and other ways.
    #[error("{0}")]
    Incomplete(String),
    /// Several ways fit; the text lists them, each with what chooses it.
    #[error("{0}")]
    Ambiguous(String),
    /// Something was given that the way does not use; the text names it.
    #[error("{0}")]
    Unused(String),
    /// An input or a key that enters is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The derivation takes more than its parent and inputs.
    #[error("{child} does not follow from {parent} alone")]
    NotAlone {
        /// The key that was to be derived.
        child: &'static str,
        /// What it was to be derived from.
        parent: &'static str,
    },
}
