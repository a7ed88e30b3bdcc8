//! What every method ends with, and what is cut from it: K_encr, MSK, EMSK, PMK (RFC 3748, RFC 5247).

use crate::derivation::{closed_keys, cut, function_rows, keys};
use crate::fivegs::KAusf;

keys! {
    /// K_encr: ciphers attributes. 16 octets (RFC 4187 7, RFC 9048 3.3).
    pub struct KEncr(16) = "K_encr";

    /// MSK: what an EAP method gives to whoever guards the access. 64 octets (RFC 3748, RFC 5247).
    pub struct Msk(64) = "MSK" {
        /// To the authenticator: access point, ePDG, TWAG, NSSAAF.
        expose_to_authenticator,
    }

    /// PMK: what a WLAN's access point starts from. 32 octets (TS 33.402 6.2, TS 33.501 Annex S).
    pub struct Pmk(32) = "PMK" {
        /// To the access point.
        expose_to_access_point,
    }
}

closed_keys! {
    /// EMSK: what an EAP method keeps for later derivations. 64 octets (RFC 3748, RFC 5247, RFC 5295).
    ///
    /// Never leaves the UE and the EAP server: nothing here exposes it, only what derives from it.
    pub struct Emsk(64) = "EMSK";
}

function_rows! {
    /// PMK of a WLAN: of non-seamless offload in 5GS, of a trusted WLAN of EPC, of a device behind a residential gateway.
    row_pmk: Msk.pmk() -> Pmk {
        function: cut::<0>, "octets 0 to 31",
        s: [],
        clause: "TS 33.501 Annex S",
        derived_by: [WlanAccess, Me],
        held_by: [WlanAccess, Me],
        life: EAP_SESSION,
    }

    /// K_AUSF after EAP-AKA', EAP-TLS and EAP-TTLS: the 256 most significant bits of the EMSK.
    row_k_ausf_of_emsk: Emsk.k_ausf() -> KAusf {
        function: cut::<0>, "octets 0 to 31",
        s: [],
        clause: "TS 33.501 6.1.3.1",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ANCHOR,
    }

    /// K_AUSF where an AAA server outside holds the credentials: the 256 most significant bits of the MSK.
    row_k_ausf_of_msk: Msk.k_ausf() -> KAusf {
        function: cut::<0>, "octets 0 to 31",
        s: [],
        clause: "TS 33.501 I.2.2.2",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ANCHOR,
    }
}
