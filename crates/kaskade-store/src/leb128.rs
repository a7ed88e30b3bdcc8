//! Numbers as unsigned LEB128: 7 bits in an octet, the lowest first, and the top bit says that another one follows.

/// Takes the next number: of at most 64 bits, in the fewest octets.
#[inline]
pub(crate) fn take(input: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (octet, rest) = input.split_first()?;
        *input = rest;
        let bits = u64::from(octet & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if octet & 0x80 == 0 {
            // What has one form is written alike again.
            return (*octet != 0 || shift == 0).then_some(value);
        }
    }
    None
}

/// Appends a number.
#[inline]
pub(crate) fn push(octets: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        octets.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    octets.push(u8::try_from(value).unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_have_one_form() {
        // The examples of DWARF 5, 7.6, and both ends of 64 bits.
        let known: [(u64, &[u8]); 7] = [
            (2, &[2]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (129, &[0x81, 1]),
            (12_857, &[0xb9, 0x64]),
            (0, &[0]),
            (u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ];
        for (value, octets) in known {
            let mut written = Vec::new();
            push(&mut written, value);
            assert_eq!(written, octets);
            written.push(9);
            let mut rest = &written[..];
            assert_eq!((take(&mut rest), rest), (Some(value), &[9][..]));
            assert_eq!(take(&mut &octets[..octets.len() - 1]), None, "{value} is cut");
        }
        for wrong in [
            &[0x80, 0][..],
            &[0xff, 0x80, 0],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0],
        ] {
            assert_eq!(take(&mut &wrong[..]), None, "{wrong:x?}");
        }
    }
}
