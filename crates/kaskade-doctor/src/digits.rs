//! Octets in hexadecimal, for texts that may hold keys.

use zeroize::Zeroizing;

/// Two lower-case digits for each octet; wiped on drop.
pub(crate) fn text(octets: &[u8]) -> Zeroizing<String> {
    // Of its final size at once: what grows leaves digits behind.
    let mut digits = Vec::with_capacity(2 * octets.len());
    kaskade_codec::hex::push(&mut digits, octets);
    // They are ASCII.
    Zeroizing::new(String::from_utf8(digits).unwrap_or_default())
}
