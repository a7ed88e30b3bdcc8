//! Which serving networks may authenticate the home network's users (TS 33.501 6.1.2, 6.1.3.2.0 step 3).

use kaskade_keys::{Plmn, ServingNetworkName};

/// Which serving network names are authorised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServingNetworkPolicy {
    /// Every well-formed one. For tests and closed networks: TS 33.501 wants the home network to decide.
    Any,
    /// Those of these PLMNs, with any NID, and those named one by one.
    Listed {
        /// Home and roaming partners. A name with a NID is one of its PLMN.
        plmns: Vec<Plmn>,
        /// Further names, exactly.
        names: Vec<ServingNetworkName>,
    },
}

impl ServingNetworkPolicy {
    /// Only these PLMNs.
    pub fn plmns(plmns: impl Into<Vec<Plmn>>) -> Self {
        Self::Listed {
            plmns: plmns.into(),
            names: Vec::new(),
        }
    }

    /// Whether a name is authorised.
    pub fn authorises(&self, name: &ServingNetworkName) -> bool {
        match self {
            Self::Any => true,
            Self::Listed { plmns, names } => plmns.iter().any(|plmn| name.is_of(*plmn)) || names.contains(name),
        }
    }
}

/// Nobody.
impl Default for ServingNetworkPolicy {
    fn default() -> Self {
        Self::plmns([])
    }
}
