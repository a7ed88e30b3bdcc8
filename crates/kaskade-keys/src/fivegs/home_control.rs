//! What the home network tells the UE past the serving one: steering of roaming and parameter updates (TS 33.501 A.17
//! to A.20).

use super::authentication::KAusf;
use crate::derivation::{keys, rows};
use crate::id::{Acknowledgement, SorCounter, SorHeader, SorList, UpuCounter, UpuData};

keys! {
    /// SoR-MAC-I_AUSF: proves steering of roaming to the UE. 16 octets (TS 33.501 A.17).
    pub struct SorMacIAusf(16) = "SoR-MAC-I_AUSF" {
        /// To the UE, in the steering of roaming container.
        expose_to_ue,
    }

    /// SoR-MAC-I_UE, SoR-XMAC-I_UE: the UE's acknowledgement. 16 octets (TS 33.501 A.18).
    pub struct SorMacIUe(16) = "SoR-MAC-I_UE" {
        /// To the home network, in the acknowledgement.
        expose_to_home_network,
    }

    /// UPU-MAC-I_AUSF: proves a parameters update to the UE. 16 octets (TS 33.501 A.19).
    pub struct UpuMacIAusf(16) = "UPU-MAC-I_AUSF" {
        /// To the UE, in the UPU container.
        expose_to_ue,
    }

    /// UPU-MAC-I_UE, UPU-XMAC-I_UE: the UE's acknowledgement. 16 octets (TS 33.501 A.20).
    pub struct UpuMacIUe(16) = "UPU-MAC-I_UE" {
        /// To the home network, in the acknowledgement.
        expose_to_home_network,
    }
}

rows! {
    /// SoR-MAC-I_AUSF over the steering container. An empty list is left out, with its length.
    row_sor_mac_i_ausf: KAusf.sor_mac_i_ausf(header: SorHeader, counter: SorCounter, list: &SorList) -> SorMacIAusf {
        fc: 0x77,
        s: [
            "SoR header": SorHeader = &header,
            "CounterSoR": SorCounter = &counter,
            "SoR list": SorList = list,
        ],
        keep: low_128,
        clause: "TS 33.501 A.17",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ONE_EXCHANGE,
    }

    /// SoR-MAC-I_UE; the AUSF computes it as SoR-XMAC-I_UE.
    row_sor_mac_i_ue: KAusf.sor_mac_i_ue(counter: SorCounter) -> SorMacIUe {
        fc: 0x78,
        s: [
            "SoR acknowledgement" fixed: Acknowledgement = &Acknowledgement,
            "CounterSoR": SorCounter = &counter,
        ],
        keep: low_128,
        clause: "TS 33.501 A.18",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ONE_EXCHANGE,
    }

    /// UPU-MAC-I_AUSF over the parameters update.
    row_upu_mac_i_ausf: KAusf.upu_mac_i_ausf(data: &UpuData, counter: UpuCounter) -> UpuMacIAusf {
        fc: 0x7B,
        s: [
            "UPU data": UpuData = data,
            "CounterUPU": UpuCounter = &counter,
        ],
        keep: low_128,
        clause: "TS 33.501 A.19",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ONE_EXCHANGE,
    }

    /// UPU-MAC-I_UE; the AUSF computes it as UPU-XMAC-I_UE.
    row_upu_mac_i_ue: KAusf.upu_mac_i_ue(counter: UpuCounter) -> UpuMacIUe {
        fc: 0x7C,
        s: [
            "UPU acknowledgement" fixed: Acknowledgement = &Acknowledgement,
            "CounterUPU": UpuCounter = &counter,
        ],
        keep: low_128,
        clause: "TS 33.501 A.20",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ONE_EXCHANGE,
    }
}
