//! The EMSK and the keys that it is cut or made from have no way out: neither text nor octets.
use kaskade_keys::derivation::{Parent, Prepared};
use kaskade_keys::emsk::of_5g_aka::{Emsk5gAka, Mk5gAka};
use kaskade_keys::eap::{Emsk, MkAka, MkAkaPrime, MkEcdhe, MkReauthentication, XkeyPrime};

fn main() {
    let emsk = Emsk::from_octets(&[0; 64]);
    println!("{emsk}");
    emsk.expose_to_operator();
    emsk.derivation_octets();
    emsk.secret_octets();
    let _: [u8; 64] = emsk.0;
    MkAkaPrime::from_octets(&[0; 208]).secret_octets();
    MkEcdhe::from_octets(&[0; 160]).secret_octets();
    MkReauthentication::from_octets(&[0; 128]).secret_octets();
    MkAka::from_octets(&[0; 20]).secret_octets();
    XkeyPrime::from_octets(&[0; 20]).secret_octets();
    Mk5gAka::from_octets(&[0; 128]).secret_octets();
    let emsk = Emsk5gAka::from_octets(&[0; 64]);
    println!("{emsk}");
    emsk.secret_octets();
    // K_AUSF is above it, and ERP needs an EAP session.
    emsk.k_ausf();
    emsk.r_rk();
}

fn of_any<P: Parent>(key: &P) -> &[u8] {
    key.secret_octets()
}

fn of_prepared(prepared: &Prepared<Emsk>) {
    prepared.hmac.mac(b"anything");
}
