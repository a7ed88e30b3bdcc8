//! Octets in hexadecimal, as people type and paste them.

use std::fmt::Write;

use zeroize::Zeroizing;

/// Why text is not the octets that a field needs. Never shows the text: it may be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexError {
    /// The wrong number of digits.
    #[error("{field}: {actual} hexadecimal digits, expected {expected} ({octets} octets)")]
    Length {
        /// Which field.
        field: &'static str,
        /// Digits that it needs.
        expected: usize,
        /// Octets that it needs.
        octets: usize,
        /// Digits given.
        actual: usize,
    },
    /// A number of digits outside a range.
    #[error("{field}: {actual} hexadecimal digits, expected an even number from {least} to {most}")]
    Range {
        /// Which field.
        field: &'static str,
        /// The least digits.
        least: usize,
        /// The most digits.
        most: usize,
        /// Digits given.
        actual: usize,
    },
    /// A character that is no hexadecimal digit.
    #[error("{field}: no hexadecimal digit at position {position}, expected 0 to 9 and A to F only{hint}")]
    Character {
        /// Which field.
        field: &'static str,
        /// Counted from 1.
        position: usize,
        /// What probably happened.
        hint: &'static str,
    },
}

/// Reads exactly `N` octets. Blanks around the digits do not matter.
///
/// # Errors
/// [`HexError`] with the field, and the expected and the actual number of digits.
pub fn octets<const N: usize>(field: &'static str, text: &str) -> Result<Zeroizing<[u8; N]>, HexError> {
    let mut octets = Zeroizing::new([0; N]);
    octets.copy_from_slice(&octets_of(field, text, N)?);
    Ok(octets)
}

/// Reads exactly `len` octets, for a length that the program learns as it runs.
///
/// # Errors
/// [`HexError`] with the field, and the expected and the actual number of digits.
pub fn octets_of(field: &'static str, text: &str, len: usize) -> Result<Zeroizing<Vec<u8>>, HexError> {
    let digits = checked(field, text)?;
    if digits.len() != 2 * len {
        return Err(HexError::Length {
            field,
            expected: 2 * len,
            octets: len,
            actual: digits.len(),
        });
    }
    Ok(Zeroizing::new(
        digits.as_bytes().chunks_exact(2).map(octet_of).collect(),
    ))
}

/// Reads between `least` and `most` octets.
///
/// # Errors
/// [`HexError`] with the field, and the expected and the actual number of digits.
pub fn octets_between(
    field: &'static str,
    text: &str,
    least: usize,
    most: usize,
) -> Result<Zeroizing<Vec<u8>>, HexError> {
    let digits = checked(field, text)?;
    if !digits.len().is_multiple_of(2) || !(2 * least..=2 * most).contains(&digits.len()) {
        return Err(HexError::Range {
            field,
            least: 2 * least,
            most: 2 * most,
            actual: digits.len(),
        });
    }
    Ok(Zeroizing::new(
        digits.as_bytes().chunks_exact(2).map(octet_of).collect(),
    ))
}

/// The octets in lower-case hexadecimal; wiped on drop.
pub fn text(octets: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * octets.len()));
    for octet in octets {
        // Writing to a String does not fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

fn checked<'t>(field: &'static str, text: &'t str) -> Result<&'t str, HexError> {
    let digits = text.trim();
    match digits.bytes().position(|c| !c.is_ascii_hexdigit()) {
        None => Ok(digits),
        Some(at) => Err(HexError::Character {
            field,
            position: at + 1,
            hint: hint(digits, at),
        }),
    }
}

/// What people paste besides bare digits.
fn hint(digits: &str, at: usize) -> &'static str {
    let octets = digits.as_bytes();
    match octets.get(at) {
        Some(b'x' | b'X') if at == 1 => "; leave out the 0x",
        Some(b'.' | b',' | b'+') => {
            "; a spreadsheet may have turned the digits into a number: format the column as text"
        }
        Some(b' ' | b':' | b'-') => "; leave out the separators",
        Some(b'"' | b'\'') => "; leave out the quotation marks",
        _ => "",
    }
}

/// Of two characters that were checked.
fn octet_of(pair: &[u8]) -> u8 {
    pair.iter().fold(0, |octet, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => digit.wrapping_sub(b'A').wrapping_add(10),
        };
        octet << 4 | value & 0xF
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let octets = octets::<4>("K", " 00fFa19C\n").expect("hex");
        assert_eq!(*octets, [0x00, 0xFF, 0xA1, 0x9C]);
        assert_eq!(*text(&octets[..]), "00ffa19c");
        assert_eq!(**octets_between("ABBA", "0000", 2, 255).expect("hex"), [0, 0]);
    }

    #[test]
    fn words() {
        let said = |text: &str| octets::<16>("OPc", text).expect_err("refused").to_string();
        assert_eq!(said("00"), "OPc: 2 hexadecimal digits, expected 32 (16 octets)");
        assert!(said("0x00").ends_with("leave out the 0x"), "{}", said("0x00"));
        assert!(said("1.23E+31").contains("spreadsheet"));
        assert!(said("00 11").contains("position 3"));
        let odd = octets_between("ABBA", "000", 2, 255).expect_err("odd");
        assert_eq!(
            odd.to_string(),
            "ABBA: 3 hexadecimal digits, expected an even number from 4 to 510"
        );
    }
}
