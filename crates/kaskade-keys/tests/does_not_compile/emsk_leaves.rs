//! EMSK has no way out: neither text nor octets.
use kaskade_keys::eap::Emsk;

fn main() {
    let emsk = Emsk::from_octets(&[0; 64]);
    println!("{emsk}");
    emsk.expose_to_operator();
}
