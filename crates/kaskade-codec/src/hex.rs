//! Hexadecimal digits of secrets: neither an address nor a branch depends on the digits, only on how many there are and on
//! whether all of them are digits.

use alloc::vec::Vec;

/// Appends two lower-case digits for each octet.
///
/// ```
/// let mut out = b"0x".to_vec();
/// kaskade_codec::hex::push(&mut out, &[0x0a, 0xff]);
/// assert_eq!(out, b"0x0aff");
/// ```
pub fn push(out: &mut Vec<u8>, octets: &[u8]) {
    let begin = out.len();
    out.resize(begin.saturating_add(octets.len().saturating_mul(2)), 0);
    // The room is there: `encode` has no other error.
    if let Some(room) = out.get_mut(begin..) {
        let _ = base16ct::lower::encode(octets, room);
    }
}

/// Writes two lower-case digits for each octet into the beginning of `digits`, and gives that; nothing where there is no room.
///
/// ```
/// let mut digits = [0; 8];
/// assert_eq!(kaskade_codec::hex::encode(&[0x0a, 0xff], &mut digits), b"0aff");
/// ```
pub fn encode<'d>(octets: &[u8], digits: &'d mut [u8]) -> &'d [u8] {
    base16ct::lower::encode(octets, digits).unwrap_or_default()
}

/// Reads exactly `2 N` digits of either case into `octets`; whether that is what they are. If not, `octets` holds nothing.
///
/// ```
/// let mut octets = [0; 2];
/// assert!(kaskade_codec::hex::read(b"0AfF", &mut octets));
/// assert_eq!(octets, [0x0a, 0xff]);
/// assert!(!kaskade_codec::hex::read(b"0Af", &mut octets));
/// assert!(!kaskade_codec::hex::read(b"0Afg", &mut octets));
/// ```
#[must_use]
pub fn read<const N: usize>(digits: &[u8], octets: &mut [u8; N]) -> bool {
    let all = digits.len() == N.saturating_mul(2) && base16ct::mixed::decode(digits, octets).is_ok();
    if !all {
        *octets = [0; N];
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn every_octet_is_read_as_it_is_written() {
        let all: [u8; 256] = std::array::from_fn(|n| n.to_le_bytes()[0]);
        let mut digits = Vec::new();
        super::push(&mut digits, &all);
        assert_eq!(String::from_utf8_lossy(&digits), hex::encode(all));
        let mut octets = [0; 256];
        assert!(super::read(&digits, &mut octets) && octets == all);
        assert!(super::read(&digits.to_ascii_uppercase(), &mut octets) && octets == all);
    }

    #[test]
    fn every_other_character_is_refused_in_every_place() {
        for c in 0..=u8::MAX {
            for place in 0..2 {
                let mut digits = *b"00";
                digits.iter_mut().skip(place).take(1).for_each(|digit| *digit = c);
                let mut octets = [1];
                assert_eq!(super::read(&digits, &mut octets), c.is_ascii_hexdigit(), "{c}");
                assert!(c.is_ascii_hexdigit() || octets == [0]);
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_what_another_crate_says(text in "[0-9a-fA-Fg ]{0,40}") {
            let mut octets = [0; 16];
            let expected: Option<[u8; 16]> = hex::decode(&text).ok().and_then(|found| found.try_into().ok());
            let read = super::read(text.as_bytes(), &mut octets);
            prop_assert_eq!(read.then_some(octets), expected);
        }
    }
}
