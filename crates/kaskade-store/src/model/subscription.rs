//! What a subscription allows beside its methods: all of it may be left out.

use core::fmt;

use kaskade_keys::{Gpsi, RoutingIndicator};

/// The services of a subscription. The default allows none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// How those outside call it; no two subscribers have the same.
    pub gpsi: Option<Gpsi>,
    /// The routing indicator of its card, which leads to the right AUSF and UDM (TS 23.003 2.2B).
    pub routing_indicator: Option<RoutingIndicator>,
    /// Whether keys for applications are made of its authentications (`akmaInd`, TS 33.535 6.1).
    pub akma_allowed: bool,
    /// Keys for battery-powered things are made of its authentications, and how (TR 33.863, TS 33.163).
    pub best: Option<BestSubscription>,
    /// The name of the subscription data that an MME gets (TS 29.272 7.3.2).
    pub eps: Option<EpsProfile>,
    /// Whether it is barred for the time being: nothing is made of its K until it is resumed.
    pub suspended: bool,
}

/// Where BEST keys of a subscriber come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BestSubscription {
    /// An SGSN gets CK' and IK' in place of CK and IK, as the ME of this subscriber expects.
    pub separated_umts: bool,
}

/// The name of a profile of EPS subscription data: 1 to 64 printable ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct EpsProfile(Box<str>);

impl EpsProfile {
    /// The most characters.
    pub const MAX: usize = 64;

    /// Takes a name; `None` when it is not of that form.
    pub fn new(name: &str) -> Option<Self> {
        let good = (1..=Self::MAX).contains(&name.len()) && name.bytes().all(|octet| octet.is_ascii_graphic());
        good.then(|| Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EpsProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EpsProfile({})", self.0)
    }
}
