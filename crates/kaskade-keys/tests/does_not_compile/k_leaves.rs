//! K, OP, OPc, TOP and TOPc have no way out: no text, no octets, no order and no hash that would tell them.
use kaskade_crypto::{FromOctets, K, K256, KeyMaterial, Op, Opc, Top, Topc};

fn main() {
    let k = K::from_octets(&[0; 16]);
    println!("{k}");
    k.expose_to_operator();
    k.expose_to_seal();
    k.derivation_octets();
    k.secret_octets();
    let _: [u8; 16] = k.0;
    let _: [u8; 16] = k.clone().into();
    let _: &[u8] = k.as_ref();
    let _ = k < k;
    std::hash::Hash::hash(&k, &mut std::hash::DefaultHasher::new());
    K256::from_octets(&[0; 32]).secret_octets();
    Op::from_octets(&[0; 16]).secret_octets();
    Opc::from_octets(&[0; 16]).secret_octets();
    Top::from_octets(&[0; 32]).secret_octets();
    Topc::from_octets(&[0; 32]).secret_octets();
}

fn of_any<T: KeyMaterial>(key: &T) -> &[u8] {
    key.derivation_octets()
}

fn of_any_that_is_made<T: FromOctets>(key: &T) -> &[u8] {
    key.secret_octets()
}
