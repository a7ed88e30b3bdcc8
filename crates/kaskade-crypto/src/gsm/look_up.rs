//! Tables read in constant time.

/// What `table` has at each of 16 secret indices; 0 where an index is beyond it. The table has whole rows of 16.
#[inline(always)]
pub(super) fn look_up(table: &[u8], indices: &[u8; 16]) -> [u8; 16] {
    indices.map(|index| value(table.as_chunks().0, index))
}

/// Reads every row and keeps the right one by masks; the octet in it is found by shifting.
#[inline(always)]
fn value(rows: &[[u8; 16]], index: u8) -> u8 {
    let (mut low, mut high) = (0, 0);
    for (row, number) in rows.iter().zip(0..) {
        let mask = mask_if_zero(number ^ index >> 4);
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *row;
        low |= u64::from_le_bytes([a, b, c, d, e, f, g, h]) & mask;
        high |= u64::from_le_bytes([i, j, k, l, m, n, o, p]) & mask;
    }
    let half = high ^ (low ^ high) & mask_if_zero(index & 8);
    let [octet, ..] = (half >> (index % 8 * 8)).to_le_bytes();
    octet
}

/// All ones for 0, and 0 for any other number, without a comparison that could become a branch.
#[inline(always)]
fn mask_if_zero(number: u8) -> u64 {
    (u64::from(number).wrapping_sub(1).cast_signed() >> 63).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_found() {
        let table: [u8; 256] = core::array::from_fn(|index| (index * 7 % 256) as u8 ^ 0x5a);
        for index in 0..=u8::MAX {
            let indices = core::array::from_fn(|lane| index.wrapping_add(lane as u8 * 11));
            let expected = indices.map(|index: u8| table[usize::from(index)]);
            assert_eq!(look_up(&table, &indices), expected);
            let expected = indices.map(|index: u8| table[..64].get(usize::from(index)).copied().unwrap_or(0));
            assert_eq!(look_up(&table[..64], &indices), expected);
        }
    }
}
