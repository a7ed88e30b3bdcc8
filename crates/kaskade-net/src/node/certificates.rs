//! The certificates of a node and of its ways to others, which are replaced while it runs.

use super::{NodeError, NodeOptions};
use crate::sbi::tls::{ClientTls, ServerTls};

/// What is shown to peers and asked of them, to be replaced while it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Certificates {
    pub(super) udm: Option<ServerTls>,
    pub(super) ausf: Option<ServerTls>,
    pub(super) usage_keys: Option<ServerTls>,
    pub(super) callbacks: Option<ClientTls>,
    pub(super) aanf: Option<ServerTls>,
    pub(super) to_functions: Option<ClientTls>,
    pub(super) to_udm: Option<ClientTls>,
    pub(super) to_aanf: Option<ClientTls>,
    pub(super) to_amfs: Option<ClientTls>,
    pub(super) to_udm_of_aanf: Option<ClientTls>,
    pub(super) to_nrf: Option<ClientTls>,
    pub(super) nef: Option<ServerTls>,
    pub(super) nef_notices: Option<ServerTls>,
    pub(super) to_afs: Option<ClientTls>,
    /// In the order of the AAnFs, which a running node keeps.
    pub(super) to_aanfs: Vec<Option<ClientTls>>,
}

impl Certificates {
    /// Those of these options.
    pub(super) fn of(options: &NodeOptions) -> Self {
        let ausf = options.ausf.as_ref();
        let to_udm = ausf.and_then(|role| role.udm.as_ref());
        Self {
            udm: options.udm.as_ref().and_then(|role| role.server.tls.clone()),
            ausf: ausf.and_then(|role| role.server.tls.clone()),
            usage_keys: options
                .usage_keys
                .as_ref()
                .and_then(|role| role.listen.as_ref()?.1.tls.clone()),
            callbacks: options
                .usage_keys
                .as_ref()
                .and_then(|role| role.options.callbacks.tls.clone()),
            aanf: options.aanf.as_ref().and_then(|role| role.server.tls.clone()),
            to_functions: options
                .aanf
                .as_ref()
                .and_then(|role| role.options.callbacks.tls.clone()),
            to_udm: to_udm.and_then(|remote| remote.options.tls.clone()),
            to_amfs: options
                .udm
                .as_ref()
                .and_then(|role| role.uecm.as_ref()?.callbacks.tls.clone()),
            to_udm_of_aanf: options
                .aanf
                .as_ref()
                .and_then(|role| role.reauthentication.as_ref()?.udm.options()?.tls.clone()),
            to_aanf: ausf.and_then(|role| role.akma.as_ref()?.aanf.options()?.tls.clone()),
            to_nrf: options.nrf.as_ref().and_then(|nrf| nrf.options.tls.clone()),
            ..Self::default()
        }
        .with_nef(options.nef.as_ref())
    }

    /// Takes over all of the others, or none where one would come or go.
    pub(super) fn renew(&self, by: &Self) -> Result<(), NodeError> {
        for (name, have, get) in [
            ("TLS of the UDM", self.udm.is_some(), by.udm.is_some()),
            ("TLS of the AUSF", self.ausf.is_some(), by.ausf.is_some()),
            ("TLS of usage keys", self.usage_keys.is_some(), by.usage_keys.is_some()),
            ("TLS to holders", self.callbacks.is_some(), by.callbacks.is_some()),
            ("TLS of the AAnF", self.aanf.is_some(), by.aanf.is_some()),
            (
                "TLS to application functions",
                self.to_functions.is_some(),
                by.to_functions.is_some(),
            ),
            ("TLS to the UDM", self.to_udm.is_some(), by.to_udm.is_some()),
            ("TLS to AMFs", self.to_amfs.is_some(), by.to_amfs.is_some()),
            (
                "TLS of the AAnF to the UDM",
                self.to_udm_of_aanf.is_some(),
                by.to_udm_of_aanf.is_some(),
            ),
            ("TLS to the NRF", self.to_nrf.is_some(), by.to_nrf.is_some()),
            ("TLS to the AAnF", self.to_aanf.is_some(), by.to_aanf.is_some()),
            ("TLS of the NEF", self.nef.is_some(), by.nef.is_some()),
            (
                "TLS of the NEF for AAnFs",
                self.nef_notices.is_some(),
                by.nef_notices.is_some(),
            ),
            (
                "TLS to application functions outside",
                self.to_afs.is_some(),
                by.to_afs.is_some(),
            ),
        ] {
            if have != get {
                return Err(NodeError::Fixed(name));
            }
        }
        let some = |all: &[Option<ClientTls>]| all.iter().map(Option::is_some).collect::<Vec<_>>();
        if some(&self.to_aanfs) != some(&by.to_aanfs) {
            return Err(NodeError::Fixed("TLS to AAnFs"));
        }
        let servers = [
            (&self.udm, &by.udm),
            (&self.ausf, &by.ausf),
            (&self.usage_keys, &by.usage_keys),
            (&self.aanf, &by.aanf),
            (&self.nef, &by.nef),
            (&self.nef_notices, &by.nef_notices),
        ];
        for (tls, by) in servers {
            if let (Some(tls), Some(by)) = (tls, by) {
                tls.replace_by(by);
            }
        }
        let clients = [
            (&self.to_udm, &by.to_udm),
            (&self.to_aanf, &by.to_aanf),
            (&self.to_amfs, &by.to_amfs),
            (&self.to_udm_of_aanf, &by.to_udm_of_aanf),
            (&self.to_nrf, &by.to_nrf),
            (&self.callbacks, &by.callbacks),
            (&self.to_functions, &by.to_functions),
            (&self.to_afs, &by.to_afs),
        ];
        for (tls, by) in clients.into_iter().chain(self.to_aanfs.iter().zip(&by.to_aanfs)) {
            if let (Some(tls), Some(by)) = (tls, by) {
                tls.replace_by(by);
            }
        }
        Ok(())
    }
}
