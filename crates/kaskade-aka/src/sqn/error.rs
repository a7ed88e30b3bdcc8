//! Why no sequence number can be given.

/// Why the policy refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SqnError {
    /// SEQ has reached its largest value. The subscription needs a new K.
    #[error("the sequence numbers of this subscription are used up")]
    Exhausted,
    /// Every SEQ that the card would still accept may have been issued before.
    #[error("all sequence numbers that the card would accept have been issued before")]
    WindowSpent,
    /// The parameters of a scheme contradict each other or the layout.
    #[error("sequence number parameters out of range")]
    Parameters,
    /// Not a name of TS 29.505.
    #[error("unknown SQN scheme, expected GENERAL, NON_TIME_BASED or TIME_BASED")]
    UnknownScheme,
    /// Not a name of a [`Reuse`](super::Reuse).
    #[error("unknown, expected after-fresh-proof or never")]
    UnknownReuse,
    /// The record is not tied to a clock yet.
    #[error("the time-based record has no offset to the clock yet")]
    Unanchored,
}
