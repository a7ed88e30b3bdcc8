//! The initialisation vector of one message.

/// The IV of one message: 16 octets, of which the last four are zero, the room of the block counter.
///
/// Bit 0 of octet 0 is zero too: AES-256 sets it for H, Q and P, so that an IV which has it already would give them
/// away as keystream. It is refused for all three families, so that an IV which is good for one is good for each.
///
/// How COUNT, BEARER and DIRECTION are laid out in it is not published: see [the module](super).
///
/// Never use one for two messages under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Iv256([u8; 16]);

/// An IV that would collide with the octets or the bit which the algorithms count with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIv256 {
    /// The last four octets are not all zero.
    #[error("the last four octets of the IV are {0:02x?}, but they are the room of the block counter: zero")]
    CounterNotZero([u8; 4]),
    /// Bit 0 of octet 0 is set.
    #[error("octet 0 of the IV is {0:#04x}, but its bit 0 is set only inside the algorithm")]
    ReservedBit(u8),
}

impl Iv256 {
    /// Takes the octets as the algorithm takes them.
    pub const fn from_octets(octets: [u8; 16]) -> Result<Self, InvalidIv256> {
        let [first, .., a, b, c, d] = octets;
        if a | b | c | d != 0 {
            return Err(InvalidIv256::CounterNotZero([a, b, c, d]));
        }
        if first & 1 != 0 {
            return Err(InvalidIv256::ReservedBit(first));
        }
        Ok(Self(octets))
    }

    /// The octets.
    pub const fn octets(&self) -> &[u8; 16] {
        &self.0
    }
}
