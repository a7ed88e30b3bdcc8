//! JSON bodies of the services. Every body of a service, of requests and of answers, gets the same octets. And where a holder of a key
//! wants to be told of its end.

use kaskade_net::role::usage_keys::CallbackRoot;
use kaskade_net::sbi::service::Service;
use kaskade_net::services::{naanf_akma, nausf_auth, nnef_akma, nudm_ueau, usage_keys};

/// The services, each with the name of the target that its bodies have.
pub const BODIES: &[(&str, &Service)] = &[
    ("nausf_bodies", &nausf_auth::SERVICE),
    ("nudm_bodies", &nudm_ueau::SERVICE),
    ("naanf_bodies", &naanf_akma::SERVICE),
    ("nnef_bodies", &nnef_akma::SERVICE),
    ("usage_key_bodies", &usage_keys::SERVICE),
];

/// Bodies of Nausf_UEAuthentication. TS 29.509 6.1.6.
pub fn nausf_bodies(data: &[u8]) -> bool {
    bodies_of(&nausf_auth::SERVICE, data)
}

/// Bodies of Nudm_UEAuthentication. TS 29.503 6.3.6.
pub fn nudm_bodies(data: &[u8]) -> bool {
    bodies_of(&nudm_ueau::SERVICE, data)
}

/// Bodies of Naanf_AKMA. TS 29.535 6.1.6.
pub fn naanf_bodies(data: &[u8]) -> bool {
    bodies_of(&naanf_akma::SERVICE, data)
}

/// Bodies of the AKMA service of the NEF. TS 29.522.
pub fn nnef_bodies(data: &[u8]) -> bool {
    bodies_of(&nnef_akma::SERVICE, data)
}

/// Bodies of the usage-key service. Project profile.
pub fn usage_key_bodies(data: &[u8]) -> bool {
    bodies_of(&usage_keys::SERVICE, data)
}

/// The URI of a callback: its root is read again as it is written, and has neither user nor path.
pub fn callback_uri(data: &[u8]) -> bool {
    let Some((root, path)) = std::str::from_utf8(data)
        .ok()
        .and_then(|uri| CallbackRoot::of(uri).ok())
    else {
        return false;
    };
    let text = root.to_string();
    assert_eq!(text.parse().as_ref(), Ok(&root), "{text}");
    assert!(!text.contains('@') && path.starts_with('/'), "{text} {path}");
    true
}

/// What was read, written and read again is written as it was.
fn bodies_of(service: &Service, data: &[u8]) -> bool {
    let mut accepted = false;
    for body in service.bodies() {
        let Some(written) = body.rewrite(data) else { continue };
        accepted = true;
        // Of a method that this program does not know the name is not kept: that body has no form.
        if !written.is_empty() {
            assert_eq!(body.rewrite(&written).as_ref(), Some(&written), "{body:?}");
        }
    }
    accepted
}
