//! What a node does and has done, for whoever watches it.

use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::count::RefusalCounters;
use crate::radius::RadiusServer;
use crate::role::aaa::Aaa;
use crate::role::aanf::Aanf;
use crate::role::ausf::Ausf;
use crate::role::nef::Nef;
use crate::role::udm::{Udm, Uecm};
use crate::role::usage_keys::UsageKeys;
use crate::sbi::server::{House, HouseFigures, Shutdown};
use crate::sbi::service::Api;

/// The figures of a node. Cheap to clone; looking costs the node nothing.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(super) udm: Option<Arc<Udm>>,
    pub(super) uecm: Option<Arc<Uecm>>,
    pub(super) ausf: Option<Arc<Ausf>>,
    pub(super) aaa: Option<Arc<RadiusServer<Aaa>>>,
    pub(super) usage_keys: Option<Arc<UsageKeys>>,
    pub(super) aanf: Option<Arc<Aanf>>,
    pub(super) nef: Option<Arc<Nef>>,
    pub(super) refusals: Arc<RefusalCounters>,
    pub(super) apis: Vec<Api>,
    pub(super) houses: Vec<House>,
    pub(super) retiring: Shutdown,
    pub(super) tasks: Arc<[AbortHandle]>,
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

    /// Which AMFs serve the subscribers of its UDM.
    pub fn uecm(&self) -> Option<&Arc<Uecm>> {
        self.uecm.as_ref()
    }

    /// Its AUSF.
    pub fn ausf(&self) -> Option<&Arc<Ausf>> {
        self.ausf.as_ref()
    }

    /// Its AAA server, behind RADIUS.
    pub fn aaa(&self) -> Option<&Arc<RadiusServer<Aaa>>> {
        self.aaa.as_ref()
    }

    /// The EMSKs of its process, and who has keys below them.
    pub fn usage_keys(&self) -> Option<&Arc<UsageKeys>> {
        self.usage_keys.as_ref()
    }

    /// Its AAnF.
    pub fn aanf(&self) -> Option<&Arc<Aanf>> {
        self.aanf.as_ref()
    }

    /// Its NEF.
    pub fn nef(&self) -> Option<&Arc<Nef>> {
        self.nef.as_ref()
    }

    /// Whether a listener, or what works beside them, has ended before the node was to.
    pub fn has_lost_a_part(&self) -> bool {
        !self.is_stopping() && self.tasks.iter().any(AbortHandle::is_finished)
    }

    /// Whether it is about to end, or ends.
    pub fn is_stopping(&self) -> bool {
        self.retiring.has_begun()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_before_the_node_is_missed() {
        let lasting = tokio::spawn(std::future::pending::<()>());
        let watch = |tasks: &[AbortHandle]| Watch {
            udm: None,
            ausf: None,
            aaa: None,
            usage_keys: None,
            aanf: None,
            nef: None,
            uecm: None,
            refusals: Arc::new(RefusalCounters::new()),
            apis: Vec::new(),
            houses: Vec::new(),
            retiring: Shutdown::new(),
            tasks: tasks.into(),
        };
        assert!(!watch(&[lasting.abort_handle()]).has_lost_a_part());
        let lost = tokio::spawn(async {});
        let tasks = [lasting.abort_handle(), lost.abort_handle()];
        assert!(lost.await.is_ok());
        let watch = watch(&tasks);
        assert!(watch.has_lost_a_part());
        watch.retiring.begin();
        assert!(!watch.has_lost_a_part(), "they all end then");
    }
}
