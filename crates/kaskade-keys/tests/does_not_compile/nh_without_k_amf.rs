//! NH comes from K_AMF; the previous NH, or K_gNB, only enters besides it.
use kaskade_keys::fivegs::{KGnb, SyncInput};

fn main() {
    let k_gnb = KGnb::from_octets(&[0; 32]);
    k_gnb.nh(SyncInput::KGnb(&k_gnb));
}
