//! The constants that an operator may choose (TS 35.206 4.1 and 5.3).

/// c1 to c5 and r1 to r5 of MILENAGE (TS 35.206 4.1).
///
/// An operator may replace the standard values (TS 35.206 5.3); card and home network must have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorConstants {
    c: [[u8; 16]; 5],
    r: [u8; 5],
    standard: bool,
}

/// Constants that MILENAGE cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConstants {
    /// A rotation of 128 bits or more.
    #[error("MILENAGE constants: r{index} is {rotation}, but at most 127")]
    Rotation {
        /// Which, 1 to 5.
        index: u8,
        /// The value given.
        rotation: u8,
    },
    /// Two equal pairs: two of the five functions would give the same output.
    #[error("MILENAGE constants: the pairs (c{first}, r{first}) and (c{second}, r{second}) are equal")]
    EqualPairs {
        /// The first of the two, 1 to 4.
        first: u8,
        /// The second of the two, 2 to 5.
        second: u8,
    },
}

impl OperatorConstants {
    /// The values of TS 35.206 4.1: r = 64, 0, 32, 64, 96 and c = 0, 1, 2, 4, 8.
    pub const STANDARD: Self = Self {
        c: [
            last_octet(0),
            last_octet(1),
            last_octet(2),
            last_octet(4),
            last_octet(8),
        ],
        r: [64, 0, 32, 64, 96],
        standard: true,
    };

    /// Takes c1 to c5 (16 octets each, most significant first) and r1 to r5 (bits, to the left).
    ///
    /// # Errors
    ///
    /// When a rotation is above 127, or two pairs (ci, ri) are equal (TS 35.206 5.3).
    pub fn new(c: [[u8; 16]; 5], r: [u8; 5]) -> Result<Self, InvalidConstants> {
        let numbered = || (1_u8..).zip(c.iter().zip(r));
        if let Some((index, (_, rotation))) = numbered().find(|(_, (_, rotation))| *rotation > 127) {
            return Err(InvalidConstants::Rotation { index, rotation });
        }
        for (first, pair) in numbered() {
            for (second, other) in numbered().skip(first.into()) {
                if pair == other {
                    return Err(InvalidConstants::EqualPairs { first, second });
                }
            }
        }
        Ok(Self {
            c,
            r,
            standard: c == Self::STANDARD.c && r == Self::STANDARD.r,
        })
    }

    /// c1 to c5.
    pub const fn c(&self) -> &[[u8; 16]; 5] {
        &self.c
    }

    /// r1 to r5, in bits.
    pub const fn r(&self) -> &[u8; 5] {
        &self.r
    }

    /// Whether they are [`OperatorConstants::STANDARD`].
    #[inline]
    pub const fn are_standard(&self) -> bool {
        self.standard
    }
}

/// Where the framework takes its constants from.
pub(super) trait Constants {
    /// rot(`x`, r) ⊕ c with the pair of index `I`, 0 to 4. `x` has its first octet lowest.
    fn rotate_and_add<const I: usize>(&self, x: u128) -> u128;
}

impl Constants for OperatorConstants {
    #[inline(always)]
    fn rotate_and_add<const I: usize>(&self, x: u128) -> u128 {
        let bits = u32::from(self.r[I]);
        let rotated = if bits.is_multiple_of(8) {
            x.rotate_right(bits)
        } else {
            x.swap_bytes().rotate_left(bits).swap_bytes()
        };
        rotated ^ u128::from_le_bytes(self.c[I])
    }
}

/// [`OperatorConstants::STANDARD`] as a type, for the compiler to fold them in.
pub(super) struct Standard;

impl Constants for Standard {
    #[inline(always)]
    fn rotate_and_add<const I: usize>(&self, x: u128) -> u128 {
        OperatorConstants::STANDARD.rotate_and_add::<I>(x)
    }
}

/// The values of TS 35.206 4.1.
impl Default for OperatorConstants {
    fn default() -> Self {
        Self::STANDARD
    }
}

const fn last_octet(octet: u8) -> [u8; 16] {
    let mut octets = [0; 16];
    octets[15] = octet;
    octets
}
