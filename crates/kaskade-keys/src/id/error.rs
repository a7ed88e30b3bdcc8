//! Why an identity was refused.

/// Why text or octets are not the identity that they should be. Names the field, never the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// A field has the wrong number of characters, digits or octets.
    #[error("{field}: {actual} {unit}, expected {expected}")]
    Length {
        /// Which field.
        field: &'static str,
        /// What is counted.
        unit: &'static str,
        /// What the field allows.
        expected: &'static str,
        /// What was given.
        actual: usize,
    },
    /// A character or octet that the field does not allow.
    #[error("{field}: unexpected character at position {position}, expected {expected}")]
    Character {
        /// Which field.
        field: &'static str,
        /// What the field allows.
        expected: &'static str,
        /// Counted from 0.
        position: usize,
    },
    /// The whole does not have the form of its kind.
    #[error("{field}: not of the form {expected}")]
    Form {
        /// Which field.
        field: &'static str,
        /// The form.
        expected: &'static str,
    },
    /// A number outside its range.
    #[error("{field}: {actual} is outside {expected}")]
    Range {
        /// Which field.
        field: &'static str,
        /// The range.
        expected: &'static str,
        /// What was given.
        actual: u64,
    },
}

/// Checks that every octet is a decimal digit.
pub(super) fn digits(field: &'static str, text: &[u8]) -> Result<(), ParseError> {
    match text.iter().position(|c| !c.is_ascii_digit()) {
        Some(position) => Err(ParseError::Character {
            field,
            expected: "a decimal digit",
            position,
        }),
        None => Ok(()),
    }
}
