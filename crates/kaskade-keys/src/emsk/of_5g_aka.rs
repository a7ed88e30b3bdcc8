//! MSK and EMSK of 5G AKA: a project profile, 5G-AKA-EMSK version 1. No specification of 3GPP has them.
//!
//! ```text
//! K_AUSF ─── MK (5G AKA) ─┬─ MSK (5G AKA)
//!                         └─ EMSK (5G AKA) ─┬─ USRK
//!                                           └─ DSRK ─── DSUSRK
//! ```
//!
//! 5G AKA ends with K_AUSF; MSK and EMSK exist in EAP methods only (TS 33.501 6.1.3). So that services and slices have the same
//! keys whatever the method was, UE and AUSF make both of the K_AUSF of one run, by prf+ under a label of their own and bound to
//! the SUPI. K_AUSF stays as it is, and so does everything that 3GPP makes of it.
//!
//! No key of 3GPP is computable from what stands here, nor the other way: each block of prf+ hashes a text whose last two octets
//! are 0x80 and the block's number, and the KDF of TS 33.220 one that ends with the length of its last parameter. To be the same
//! text, that parameter would have 32768 octets or more, and the text here has not four hundred.
//!
//! Whoever knows K_AUSF knows these keys: the UDM too, which makes K_AUSF of 5G AKA. After EAP-AKA' K_AUSF *is* half of the EMSK;
//! after 5G AKA it is above the EMSK, and [`Emsk5gAka`] has no K_AUSF to give. ERP needs an EAP session: there is no rRK here.

use super::{Dsrk, Usrk, usage_kdf};
use crate::Supi;
use crate::derivation::{closed_keys, cut, function_rows, keys};
use crate::fivegs::KAusf;
use crate::id::{Fqdn, Label, UsageData, UsageLabel};

keys! {
    /// MSK of 5G AKA: the counterpart of an EAP method's. 64 octets (project profile 5G-AKA-EMSK-1).
    pub struct Msk5gAka(64) = "MSK (5G AKA)";
}

closed_keys! {
    /// MK of 5G AKA: MSK ‖ EMSK. 128 octets (project profile 5G-AKA-EMSK-1).
    pub struct Mk5gAka(128) = "MK (5G AKA)";

    /// EMSK of 5G AKA: the root of usages after 5G AKA. 64 octets (project profile 5G-AKA-EMSK-1).
    ///
    /// Never leaves the UE and the AUSF: nothing here exposes it, only what derives from it.
    pub struct Emsk5gAka(64) = "EMSK (5G AKA)";
}

function_rows! {
    /// MK of 5G AKA. The UDM knows K_AUSF, and so it could make this too.
    row_mk_5g_aka: KAusf.mk_5g_aka(supi: &Supi) -> Mk5gAka {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ SUPI ‖ 128",
        s: [
            "label" fixed: Label = &Label("Kaskade MSK and EMSK of 5G AKA 1"),
            "SUPI": Supi = supi,
        ],
        clause: "Project profile 5G-AKA-EMSK-1, after RFC 5295 3.1",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: VECTOR,
    }

    /// MSK of 5G AKA.
    row_msk_5g_aka: Mk5gAka.msk() -> Msk5gAka {
        function: cut::<0>, "octets 0 to 63",
        s: [],
        clause: "Project profile 5G-AKA-EMSK-1, after RFC 9048 3.3",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ANCHOR,
    }

    /// EMSK of 5G AKA. K_AUSF is above it here; after EAP-AKA' K_AUSF is half of the EMSK.
    row_emsk_5g_aka: Mk5gAka.emsk() -> Emsk5gAka {
        function: cut::<64>, "octets 64 to 127",
        s: [],
        clause: "Project profile 5G-AKA-EMSK-1, after RFC 9048 3.3",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ANCHOR,
    }

    /// USRK of a usage after 5G AKA.
    row_usrk_5g_aka: Emsk5gAka.usrk(label: &UsageLabel, data: &UsageData) -> Usrk {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ data ‖ 64",
        s: [
            "usage label": UsageLabel = label,
            "usage data": UsageData = data,
        ],
        clause: "Project profile 5G-AKA-EMSK-1, after RFC 5295 3.1",
        derived_by: [Ausf, Me],
        held_by: [UsageServer, Me],
        life: ANCHOR,
    }

    /// DSRK of a domain after 5G AKA.
    row_dsrk_5g_aka: Emsk5gAka.dsrk(domain: &Fqdn) -> Dsrk {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ domain ‖ 64",
        s: [
            "label" fixed: Label = &Label("dsrk@ietf.org"),
            "domain": Fqdn = domain,
        ],
        clause: "Project profile 5G-AKA-EMSK-1, after RFC 5295 3.1",
        derived_by: [Ausf, Me],
        held_by: [ErServer, Me],
        life: ANCHOR,
    }
}
