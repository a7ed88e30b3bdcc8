//! The NH of EPS is not that of 5GS.
use kaskade_keys::{eps, fivegs};

fn main() {
    let nh = eps::Nh::from_octets(&[0; 32]);
    fivegs::KAmf::from_octets(&[0; 32]).nh(fivegs::SyncInput::Nh(&nh));
}
