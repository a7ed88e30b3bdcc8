//! What a node does and has done, for whoever watches it.

use std::sync::Arc;

use crate::count::RefusalCounters;
use crate::role::ausf::Ausf;
use crate::role::udm::Udm;
use crate::sbi::server::{House, HouseFigures, Shutdown};
use crate::sbi::service::Api;

/// The figures of a node. Cheap to clone; looking costs the node nothing.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(super) udm: Option<Arc<Udm>>,
    pub(super) ausf: Option<Arc<Ausf>>,
    pub(super) refusals: Arc<RefusalCounters>,
    pub(super) apis: Vec<Api>,
    pub(super) houses: Vec<House>,
    pub(super) retiring: Shutdown,
}

impl Watch {
    /// How often each reason of the table of refusals was told so far.
    pub fn refusals(&self) -> &RefusalCounters {
        &self.refusals
    }

    /// The services that it serves, with what was answered so far.
    pub fn apis(&self) -> &[Api] {
        &self.apis
    }

    /// What its peers use now.
    pub fn peers(&self) -> HouseFigures {
        let all = self.houses.iter().map(House::figures);
        all.fold(HouseFigures::default(), |sum, one| HouseFigures {
            handshakes: sum.handshakes + one.handshakes,
            connections: sum.connections + one.connections,
            octets: sum.octets + one.octets,
        })
    }

    /// Its UDM.
    pub fn udm(&self) -> Option<&Arc<Udm>> {
        self.udm.as_ref()
    }

    /// Its AUSF.
    pub fn ausf(&self) -> Option<&Arc<Ausf>> {
        self.ausf.as_ref()
    }

    /// Whether it is about to end, or ends.
    pub fn is_stopping(&self) -> bool {
        self.retiring.has_begun()
    }
}
