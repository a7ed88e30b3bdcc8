//! The pseudo-random function of EAP-AKA: the generator of FIPS 186-2 with change notice 1 (RFC 4187 7, appendix A).
//!
//! SHA-1 is used as a bare compression here: the 20 octets of XVAL with zeros behind them, and no padding. Its weakness
//! against collisions does not matter to this use; EAP-AKA' has replaced it all the same.

use sha1::block_api::compress;
use sha1::{Digest, Sha1};

use crate::wipe::wipe;

/// The state before the first block of SHA-1 (FIPS 180-4 5.3.1).
const INITIAL_STATE: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

/// Fills `output` from the seed XKEY of 20 octets, which is the MK of EAP-AKA.
pub fn fips_186_2_prf(xkey: &[u8; 20], output: &mut [u8]) {
    let mut xkey = *xkey;
    for place in output.chunks_mut(20) {
        let mut block = [0; 64];
        block[..20].copy_from_slice(&xkey);
        let mut state = INITIAL_STATE;
        compress(&mut state, core::slice::from_ref(&block));
        let mut w = [0; 20];
        for (octets, word) in w.as_chunks_mut().0.iter_mut().zip(state) {
            *octets = word.to_be_bytes();
        }
        place.copy_from_slice(&w[..place.len()]);
        add_with_one(&mut xkey, &w);
        wipe(&mut block);
        wipe(&mut state);
        wipe(&mut w);
    }
    wipe(&mut xkey);
}

/// SHA-1 of the parts, one after the other: 20 octets. For the MK of EAP-AKA (RFC 4187 7); nothing newer uses it.
pub fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// XKEY = (1 + XKEY + w) mod 2^160.
fn add_with_one(xkey: &mut [u8; 20], w: &[u8; 20]) {
    let mut carry = 1_u16;
    for (octet, addend) in xkey.iter_mut().zip(w).rev() {
        let [high, low] = (u16::from(*octet) + u16::from(*addend) + carry).to_be_bytes();
        *octet = low;
        carry = u16::from(high);
    }
}
