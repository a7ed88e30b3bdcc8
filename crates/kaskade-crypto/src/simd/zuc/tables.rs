//! The boxes of ZUC for look-ups in registers, and what takes S1 through the field that the instructions know.

/// Sixteen octets for a look-up by four bits.
pub(super) type Table = [u8; 16];

/// The 4-bit boxes of S0.
pub(super) const P1: Table = [9, 15, 0, 14, 15, 15, 2, 10, 0, 4, 0, 12, 7, 5, 3, 9];
pub(super) const P2: Table = [8, 13, 6, 5, 7, 0, 12, 4, 11, 1, 14, 10, 15, 3, 9, 2];
const P3: Table = [2, 6, 10, 6, 0, 13, 10, 15, 3, 3, 13, 5, 0, 9, 12, 13];

/// What the result of the second round adds to the result of S0: itself as the lower nibble, P3 of itself as the upper
/// one, and the octet turned by five places.
pub(super) const P3_AND_PLACE: Table = {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        table[i as usize] = (P3[i as usize] << 4 | i).rotate_left(5);
        i += 1;
    }
    table
};

/// From the field of S1 to that of AES, which the instructions invert in, as those of GFNI take a matrix.
pub(super) const INTO_AES_FIELD: i64 = 0xdd06_c8f0_1eae_7c70_u64.cast_signed();

/// From the field of AES to that of S1 and through the matrix of S1.
pub(super) const FROM_AES_FIELD: i64 = 0xb903_e536_0f14_f0e3_u64.cast_signed();

/// What S1 adds at last.
pub(super) const S1_CONSTANT: i32 = 0x55;

/// [`INTO_AES_FIELD`] of a lower nibble and of an upper one: their sum is that of the octet.
pub(super) const INTO_AES_FIELD_BY_NIBBLES: [Table; 2] = by_nibbles(false);

/// From what the S-box of AES gives with [`AES_KEY`] added to what S1 gives, of a lower nibble and of an upper one.
pub(super) const FROM_AES_BOX_BY_NIBBLES: [Table; 2] = by_nibbles(true);

/// Added to what the S-box of AES gives: it takes the constant of that box away, and brings the one of S1.
pub(super) const AES_KEY: u8 = {
    let of_s1 = S1_CONSTANT.cast_unsigned().to_le_bytes()[0];
    let mut key = 0;
    while from_aes_box(key ^ AES_CONSTANT) != of_s1 {
        key += 1;
    }
    key
};

/// What the S-box of AES adds at last (FIPS 197 5.1.1).
const AES_CONSTANT: u8 = 0x63;

#[allow(clippy::cast_possible_truncation, reason = "nibbles")]
const fn by_nibbles(from_box: bool) -> [Table; 2] {
    let mut tables = [[0; 16]; 2];
    let mut i = 0;
    while i < 16 {
        let nibble = i as u8;
        [tables[0][i], tables[1][i]] = if from_box {
            [from_aes_box(nibble), from_aes_box(nibble << 4)]
        } else {
            [product(INTO_AES_FIELD, nibble), product(INTO_AES_FIELD, nibble << 4)]
        };
        i += 1;
    }
    tables
}

/// Undoes the matrix of AES's S-box, then [`FROM_AES_FIELD`].
const fn from_aes_box(x: u8) -> u8 {
    product(FROM_AES_FIELD, x.rotate_left(1) ^ x.rotate_left(3) ^ x.rotate_left(6))
}

/// The product of a matrix as the instructions of GFNI take it, the row of bit 7 in its lowest octet, with an octet.
const fn product(matrix: i64, x: u8) -> u8 {
    let rows = matrix.to_le_bytes();
    let mut y = 0;
    let mut bit = 0;
    while bit < 8 {
        if (rows[7 - bit] & x).count_ones() % 2 == 1 {
            y |= 1 << bit;
        }
        bit += 1;
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1 of 0 (TS 35.222 Annex A): the S-box of AES makes its own constant of 0, which is 0 in both fields.
    #[test]
    fn constant_of_s1() {
        let y = AES_CONSTANT ^ AES_KEY;
        let [low, high] = FROM_AES_BOX_BY_NIBBLES;
        assert_eq!(low[usize::from(y & 15)] ^ high[usize::from(y >> 4)], 0x55);
    }
}
