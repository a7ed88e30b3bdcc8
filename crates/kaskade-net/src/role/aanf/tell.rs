//! What holders of application keys are told.

use kaskade_anchor::akma::{Disablement, TO_FUNCTIONS};
use kaskade_codec::sbi::akma::ServiceDisableNotif;
use kaskade_crypto::seal::SecretReader;
use kaskade_flow::unit::Lane;
use kaskade_store::records::Records;

use super::Aanf;
use crate::role::callbacks::{Callbacks, Message, Teller, Told};
use crate::role::usage_keys::CallbackRoot;
use crate::sbi::write;

impl Teller for Aanf {
    const LANE: Lane = TO_FUNCTIONS;

    fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    fn records(&self) -> &Records {
        &self.records
    }

    fn message(&self, body: SecretReader<'_>) -> Result<Message, String> {
        let Disablement { holder } = Disablement::read(body).map_err(|error| error.to_string())?;
        let disabled = ServiceDisableNotif { a_kid: holder.a_kid };
        Ok(Message {
            holder: holder.consumer,
            callback: holder.callback.ok_or("it has no callback")?,
            body: write::body(&disabled).map_err(|error| error.to_string())?,
        })
    }

    fn may_be_told(&self, holder: &str, root: &CallbackRoot) -> bool {
        self.policy.with(|policy| policy.may_be_told(holder, root))
    }

    fn count(&self, told: Told) {
        match told {
            Told::Now => self.counters.told.add_one(),
            Told::Later => self.counters.not_told.add_one(),
            Told::Never => self.counters.given_up.add_one(),
        }
    }
}
