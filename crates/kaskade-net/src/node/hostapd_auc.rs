//! The sockets of a node that hostapd asks for vectors.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::NodeError;
use crate::hostapd_auc::{AucListener, AucSocket};
use crate::role::udm::Udm;
use crate::sbi::server::Shutdown;

/// An AuC that hostapd asks, in a laboratory: CK and IK leave the home.
#[derive(Clone, Debug, Default)]
pub struct HostapdAuc {
    /// Its sockets; without any there is none.
    pub sockets: Vec<AucSocket>,
    /// What waits has so long at the end.
    pub drain: Duration,
}

impl HostapdAuc {
    pub(super) fn open(&self, udm: Option<&Arc<Udm>>) -> Result<Vec<(AucListener, Arc<Udm>)>, NodeError> {
        let listener = |at: &AucSocket| {
            let udm = udm.ok_or(NodeError::NoUdmForHostapd)?;
            let listener = AucListener::bind(at).map_err(|source| NodeError::AucSocket {
                path: at.path.clone(),
                source,
            })?;
            tracing::warn!(path = %at.path.display(), "hostapd is given CK and IK themselves there: for laboratories only");
            Ok((listener, udm.clone()))
        };
        self.sockets.iter().map(listener).collect()
    }

    pub(super) fn serve(
        &self,
        opened: Vec<(AucListener, Arc<Udm>)>,
        shutdown: &Shutdown,
        tasks: &mut Vec<JoinHandle<()>>,
    ) {
        for (listener, udm) in opened {
            tasks.push(tokio::spawn(listener.serve(udm, self.drain, shutdown.clone())));
        }
    }
}
