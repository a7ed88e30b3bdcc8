//! The lives that many keys share, for rows.

use super::Life;

/// Of what one authentication vector brings.
pub(crate) const VECTOR: Life = Life {
    renewed: "with every authentication vector",
    deleted: "as soon as what is derived from it exists",
};
/// Of what is used once, in one exchange.
pub(crate) const ONE_EXCHANGE: Life = Life {
    renewed: "for every exchange",
    deleted: "when the exchange ends",
};
/// Of what lives as long as its parent.
pub(crate) const PARENT: Life = Life {
    renewed: "when its parent is",
    deleted: "with its parent",
};
/// Of an anchor that one primary authentication makes.
pub(crate) const ANCHOR: Life = Life {
    renewed: "by the next successful primary authentication",
    deleted: "when a newer one replaces it, or the subscription ends",
};
/// Of a NAS security context.
pub(crate) const NAS_CONTEXT: Life = Life {
    renewed: "when a security mode command takes a new NAS security context into use",
    deleted: "with the NAS security context",
};
/// Of a UMTS or GSM security context.
pub(crate) const UMTS_CONTEXT: Life = Life {
    renewed: "by the next authentication of the domain",
    deleted: "with the key set that CKSN or KSI names",
};
/// Of the access stratum.
pub(crate) const ACCESS_STRATUM: Life = Life {
    renewed: "at every transition to connected mode, and at handover",
    deleted: "when the UE goes idle",
};
/// Of what an application function uses.
pub(crate) const APPLICATION: Life = Life {
    renewed: "after a new authentication of the UE",
    deleted: "when the lifetime that the home network gave it ends",
};
/// Of GBA's bootstrapping.
pub(crate) const BOOTSTRAPPING: Life = Life {
    renewed: "by the next bootstrapping over Ub",
    deleted: "when the lifetime that the BSF gave it ends",
};
/// Of a link between UEs.
pub(crate) const DIRECT_LINK: Life = Life {
    renewed: "when a UE rekeys the link",
    deleted: "when the link is released",
};
/// Of one run of an EAP method.
pub(crate) const EAP_SESSION: Life = Life {
    renewed: "by the next run of the EAP method, full or fast",
    deleted: "when the EAP session ends",
};
/// Of what is needed only while an EAP method runs.
pub(crate) const EAP_RUN: Life = Life {
    renewed: "by every run of the EAP method",
    deleted: "when the run ends",
};
