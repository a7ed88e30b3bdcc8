//! JSON bodies of the services. Every body of a service, of requests and of answers, gets the same octets.

use kaskade_net::sbi::service::Service;
use kaskade_net::services::{nausf_auth, nudm_ueau};

/// The services, each with the name of the target that its bodies have.
pub const BODIES: &[(&str, &Service)] = &[
    ("nausf_bodies", &nausf_auth::SERVICE),
    ("nudm_bodies", &nudm_ueau::SERVICE),
];

/// Bodies of Nausf_UEAuthentication. TS 29.509 6.1.6.
pub fn nausf_bodies(data: &[u8]) -> bool {
    bodies_of(&nausf_auth::SERVICE, data)
}

/// Bodies of Nudm_UEAuthentication. TS 29.503 6.3.6.
pub fn nudm_bodies(data: &[u8]) -> bool {
    bodies_of(&nudm_ueau::SERVICE, data)
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
