//! Who derives and who holds keys.

macro_rules! holders {
    ($( $(#[$meta:meta])* $Variant:ident = $name:literal in $Group:ident; )*) => {
        /// Who derives or holds a key: a function of the device or of the network.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Holder { $( $(#[$meta])* $Variant ),* }

        impl Holder {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$Variant ),*];

            /// The name as 3GPP or the IETF writes it.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$Variant => $name ),* }
            }

            /// Where it stands.
            pub const fn group(self) -> HolderGroup {
                match self { $( Self::$Variant => HolderGroup::$Group ),* }
            }

            /// Whether it is on the device's side.
            pub const fn is_ue(self) -> bool {
                matches!(self.group(), HolderGroup::Usim | HolderGroup::Me)
            }
        }
    };
}

/// Where a holder stands: what keys are grouped by in pictures and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolderGroup {
    /// The application on the card.
    Usim,
    /// The device around the card.
    Me,
    /// The subscriber's own network.
    HomeNetwork,
    /// The network that serves the subscriber, but for its radio.
    ServingNetwork,
    /// Radio and other access nodes.
    Ran,
    /// Whoever serves an application.
    Application,
}

impl HolderGroup {
    /// All of them, from the card outwards.
    pub const ALL: [Self; 6] = [
        Self::Usim,
        Self::Me,
        Self::HomeNetwork,
        Self::ServingNetwork,
        Self::Ran,
        Self::Application,
    ];

    /// As people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usim => "USIM",
            Self::Me => "ME",
            Self::HomeNetwork => "home network",
            Self::ServingNetwork => "serving network",
            Self::Ran => "RAN",
            Self::Application => "application",
        }
    }
}

holders! {
    /// USIM: the application on the card.
    Usim = "USIM" in Usim;
    /// ME: the device around the card.
    Me = "ME" in Me;
    /// The other UE of a PC5 link.
    PeerUe = "peer UE" in Me;
    /// ARPF, in the UDM.
    Arpf = "ARPF" in HomeNetwork;
    /// AuC, in the HSS.
    Auc = "AuC" in HomeNetwork;
    /// AUSF.
    Ausf = "AUSF" in HomeNetwork;
    /// AAnF: the anchor function of AKMA.
    Aanf = "AAnF" in HomeNetwork;
    /// 3GPP AAA server.
    AaaServer = "AAA server" in HomeNetwork;
    /// ER server: the re-authentication server of ERP, in the home or a visited domain.
    ErServer = "ER server" in ServingNetwork;
    /// BSF: the bootstrapping server function of GBA.
    Bsf = "BSF" in HomeNetwork;
    /// EMKS: the key server of TR 33.863.
    Emks = "EMKS" in HomeNetwork;
    /// HSE: the home security endpoint of BEST.
    Hse = "HSE" in HomeNetwork;
    /// PKMF: the key management of 5G ProSe over the user plane.
    Pkmf = "PKMF" in HomeNetwork;
    /// PAnF: the anchor function of 5G ProSe over the control plane.
    Panf = "PAnF" in HomeNetwork;
    /// SLPKMF: the key management of ranging and sidelink positioning.
    Slpkmf = "SLPKMF" in HomeNetwork;
    /// SEAF, in the AMF.
    Seaf = "SEAF" in ServingNetwork;
    /// AMF.
    Amf = "AMF" in ServingNetwork;
    /// MME.
    Mme = "MME" in ServingNetwork;
    /// VLR or SGSN.
    VlrSgsn = "VLR/SGSN" in ServingNetwork;
    /// MSC server that is enhanced for SRVCC.
    Msc = "MSC" in ServingNetwork;
    /// ePDG.
    Epdg = "ePDG" in ServingNetwork;
    /// N3IWF.
    N3iwf = "N3IWF" in Ran;
    /// TNGF.
    Tngf = "TNGF" in Ran;
    /// TWIF.
    Twif = "TWIF" in Ran;
    /// W-AGF.
    Wagf = "W-AGF" in Ran;
    /// TNAP: the access point of a trusted non-3GPP network.
    Tnap = "TNAP" in Ran;
    /// The access point or gateway of a trusted WLAN, the authenticator of EAP.
    WlanAccess = "WLAN access" in Ran;
    /// gNB.
    Gnb = "gNB" in Ran;
    /// ng-eNB.
    NgEnb = "ng-eNB" in Ran;
    /// The secondary node of dual connectivity.
    SecondaryNode = "SN" in Ran;
    /// eNB.
    Enb = "eNB" in Ran;
    /// RNC.
    Rnc = "RNC" in Ran;
    /// BSS, the base stations of GSM.
    Bss = "BSS" in Ran;
    /// IAB-donor.
    IabDonor = "IAB-donor" in Ran;
    /// IAB-node.
    IabNode = "IAB-node" in Ran;
    /// AF: an application function.
    Af = "AF" in Application;
    /// NAF: the application function of GBA.
    Naf = "NAF" in Application;
    /// EMSE or EAS: the enterprise's endpoint.
    Emse = "EMSE" in Application;
    /// Whoever serves a usage of the EMSK (RFC 5295).
    UsageServer = "usage server" in Application;
}
