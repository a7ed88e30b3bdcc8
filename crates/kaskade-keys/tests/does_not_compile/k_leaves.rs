//! K has no way out but to sealing.
use kaskade_crypto::K;

fn main() {
    let k = K::from_octets(&[0; 16]);
    println!("{k}");
    k.expose_to_operator();
}
