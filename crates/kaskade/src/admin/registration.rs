//! The registration of an AMF ends with the subscription.

use kaskade_faults::fault;
use kaskade_flow::Unit;
use kaskade_flow::event::Event;
use kaskade_keys::Supi;
use kaskade_net::role::udm::{
    declare_serving_amfs, deregistrations_full, end_registration, withdraw_registration, withdraw_registration_untold,
};
use kaskade_store::StoreError;

use super::{Admin, NotDone};

/// How often a subscriber who is registered anew meanwhile is removed anew.
const TRIES: usize = 8;

impl Admin {
    /// Removes a subscriber, and in the same commit the registration of its AMF, which is told; whether there was such a subscriber.
    pub(super) fn removes(&self, supi: &Supi, event: Option<Event>) -> Result<bool, NotDone> {
        let store = self.store()?;
        if fault!("serving-amf-outlives-the-subscriber") {
            return Ok(store.remove_on_record(supi, event)?);
        }
        let records = store.records();
        // Nobody may have asked for them since the store was opened.
        declare_serving_amfs(&records)
            .map_err(|error| NotDone::because(kaskade_flow::Refusal::StoreFailed, error.to_string()))?;
        let (mut conflict, mut is_full) = (None, false);
        for _ in 0..TRIES {
            let mut unit = Unit::new();
            event.into_iter().for_each(|event| unit.event(event));
            let withdrawn = match is_full {
                false => pollster::block_on(withdraw_registration(&records, supi, &mut unit)),
                true => pollster::block_on(withdraw_registration_untold(&records, supi, &mut unit)),
            };
            withdrawn.map_err(StoreError::Record)?;
            match store.remove_with(supi, unit) {
                Err(error @ StoreError::Conflict(_)) => conflict = Some(error),
                // The removal counts for more than its message.
                Err(error) if !is_full && deregistrations_full(&error) => {
                    is_full = true;
                    conflict = Some(error);
                }
                done => return Ok(done?),
            }
        }
        Err(conflict.unwrap_or(StoreError::Closed).into())
    }

    /// A subscriber is suspended: no AMF serves it, and the one that did is told. Where that cannot be kept, it stays registered.
    pub(super) fn registration_ends_of(&self, supi: &Supi) {
        let Some(store) = &self.store else { return };
        let records = store.records();
        let ended = declare_serving_amfs(&records)
            .map_err(|error| error.to_string())
            .and_then(|()| pollster::block_on(end_registration(&records, supi)).map_err(|error| error.to_string()));
        if let Err(error) = ended {
            tracing::error!(supi = %supi.masked(), error, "the AMF of a suspended subscriber is not told");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kaskade::config::Config;
    use kaskade_codec::sbi::Body as _;
    use kaskade_codec::sbi::nudm_uecm::{AmfRegistration, AuthTriggerInfo};
    use kaskade_flow::Refusal;
    use kaskade_net::role::policy::ServingNetworkPolicy;
    use kaskade_net::role::udm::{AmfPolicy, Udm, UdmOptions, Uecm, UecmOptions};
    use kaskade_net::sbi::peer::Requester;
    use kaskade_net::sbi::service::Caller;
    use kaskade_net::services::nudm_uecm::NudmUecm as _;
    use kaskade_store::audit::AuditLog;
    use kaskade_store::{StoreOptions, SubscriberStore};

    use super::*;
    use crate::admin::operation::Operation as _;
    use crate::admin::subscriber::{Add, Change, Remove};
    use crate::admin::{Log, Principal, body};
    use crate::data_dir::DataDir;

    const REGISTRATION: &[u8] = br#"{"amfInstanceId":"01020304-0506-4708-890a-0b0c0d0e0f10",
        "deregCallbackUri":"http://127.0.0.1:9/dereg","guami":{"plmnId":{"mcc":"001","mnc":"01"},"amfId":"020040"},
        "ratType":"NR","reauthNotifyCallbackUri":"http://127.0.0.1:9/again"}"#;

    fn supi() -> Supi {
        "imsi-001010000000001".parse().expect("a SUPI")
    }

    #[test]
    fn no_registration_outlives_the_subscription() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataDir::open_or_create(&folder.path().join("data")).expect("a data folder");
        let store = SubscriberStore::open(&data.subscribers(), data.master(), StoreOptions::default());
        let store = Arc::new(store.expect("a store"));
        let log = Log::Open(AuditLog::off());
        let admin = Admin::new(Some(Arc::clone(&store)), log, &data, &Config::default()).expect("its parts");
        let by = Principal::user(0);
        let add = || {
            let new = br#"{"supi":"imsi-001010000000001","k":"465b5ce8b199b49faa5f0a2ee238a6bc","opc":"cd63cb71954a9f4e48a5994e37a02baf"}"#;
            let new = body::read(new).expect("a subscriber");
            Add::run(&admin, &by, (), Default::default(), new).expect("added");
        };
        let who = || supi().sbi().parse().expect("a subscriber");
        let remove = || {
            Remove::run(&admin, &by, who(), Default::default(), Default::default()).expect("removed");
        };
        // Where nobody was ever registered.
        add();
        remove();
        let udm = UdmOptions {
            serving_networks: ServingNetworkPolicy::any(),
            ..UdmOptions::default()
        };
        let amf = Requester::group("amf");
        let root = "http://127.0.0.1:9".parse().expect("a root");
        let options = UecmOptions {
            amfs: AmfPolicy::default().with(amf.id(), "amf", [root]),
            ..UecmOptions::default()
        };
        let udm = Arc::new(Udm::new(Arc::clone(&store), udm));
        let uecm = Arc::new(Uecm::new(udm, options).expect("a table"));
        let caller = Caller::new(amf);
        let register = || {
            let registration = AmfRegistration::from_json(REGISTRATION).expect("a registration");
            let done = pollster::block_on(uecm.register_amf(&caller, supi(), registration));
            assert!(done.expect("registered").is_some(), "it is the first");
        };
        let triggered = || {
            let told = pollster::block_on(uecm.trigger_auth(&caller, supi(), AuthTriggerInfo { supi: None }));
            told.map_err(|error| error.why())
        };
        add();
        register();
        assert_eq!(triggered(), Ok(()));
        remove();
        add();
        assert_eq!(
            triggered(),
            Err(Refusal::ContextNotFound),
            "it went with the subscriber"
        );
        register();
        for (changes, is_there) in [
            (r#"{"akma":true}"#, true),
            (r#"{"suspended":true}"#, false),
            (r#"{"suspended":false}"#, false),
        ] {
            let changes = body::read(changes.as_bytes()).expect("changes");
            Change::run(&admin, &by, who(), Default::default(), changes).expect("changed");
            let told = triggered();
            assert_eq!(told.is_ok(), is_there, "{told:?}");
        }
    }
}
