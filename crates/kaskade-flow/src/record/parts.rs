//! Octets and texts of any length in the row of a record: each with its length before it, in 2 octets.

use alloc::vec::Vec;

use super::RowError;

/// Appends octets with their length before them, in 2 octets. What is longer than 65 535 is none that a row should have: it reads back as
/// damaged.
pub fn put_part(part: &[u8], to: &mut Vec<u8>) {
    to.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
    to.extend(part);
}

/// Appends a text in the same way.
pub fn put_text(text: &str, to: &mut Vec<u8>) {
    put_part(text.as_bytes(), to);
}

/// Takes octets off the front that [`put_part`] has appended.
///
/// # Errors
/// [`RowError::Length`] when there are fewer; nothing is taken then.
pub fn part<'c>(from: &mut &'c [u8]) -> Result<&'c [u8], RowError> {
    let (length, rest) = from.split_first_chunk().ok_or(RowError::Length)?;
    let (part, rest) = rest
        .split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(RowError::Length)?;
    *from = rest;
    Ok(part)
}

/// Takes a text off the front that [`put_text`] has appended.
///
/// # Errors
/// As [`part`]; [`RowError::Field`] when it is no UTF-8.
pub fn text<'c>(from: &mut &'c [u8]) -> Result<&'c str, RowError> {
    core::str::from_utf8(part(from)?).map_err(|_| RowError::Field("text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_in_their_order_and_nothing_else_does() {
        let mut row = Vec::new();
        put_text("imsi", &mut row);
        put_part(&[0xff; 300], &mut row);
        put_text("", &mut row);
        let mut rest = &row[..];
        assert_eq!(text(&mut rest), Ok("imsi"));
        let before = rest;
        assert_eq!(text(&mut rest), Err(RowError::Field("text")), "no UTF-8");
        rest = before;
        assert_eq!(part(&mut rest), Ok(&[0xff; 300][..]));
        assert_eq!((text(&mut rest), rest), (Ok(""), &[][..]));
        for cut in 0..6 {
            let mut short = row.get(..cut).unwrap();
            assert_eq!(part(&mut short), Err(RowError::Length), "{cut}");
            assert_eq!(short.len(), cut);
        }
    }
}
