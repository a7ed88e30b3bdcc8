//! H, Q and P: the key of the code of one message.

use crate::wipe::Wiped;

/// H, Q and P of one message: blocks as numbers whose first octet is the lowest.
pub(crate) type MacKey = Wiped<u128, 3>;

/// Octets of H, Q and P.
pub(super) const MAC_KEY: usize = 48;

/// H, Q and P out of the octets of a keystream.
pub(super) fn mac_key(octets: &[u8; MAC_KEY]) -> MacKey {
    let mut key = Wiped([0; 3]);
    for (number, block) in key.0.iter_mut().zip(octets.as_chunks().0) {
        *number = u128::from_le_bytes(*block);
    }
    key
}
