//! K_eNB is a child of K_ASME, not of K_SEAF.
use kaskade_keys::{NasCount, fivegs::KSeaf};

fn main() {
    KSeaf::from_octets(&[0; 32]).k_enb(NasCount::default());
}
