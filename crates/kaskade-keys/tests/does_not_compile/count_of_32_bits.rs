//! A NAS COUNT is made and checked, not assumed.
use kaskade_keys::fivegs::KAmf;

fn main() {
    KAmf::from_octets(&[0; 32]).k_gnb(7_u32);
}
