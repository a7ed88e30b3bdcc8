//! K_AKMA is a child of K_AUSF: the serving network's K_SEAF cannot make it.
use kaskade_keys::{Supi, fivegs::KSeaf};

fn main() {
    let supi: Supi = "imsi-001010000000001".parse().unwrap();
    KSeaf::from_octets(&[0; 32]).k_akma(&supi);
}
