//! The operator's OP is not the card's OPc.
use kaskade_crypto::{K, Op, milenage::Milenage};

fn main() {
    Milenage::new(&K::from_octets(&[0; 16]), &Op::from_octets(&[0; 16]));
}
