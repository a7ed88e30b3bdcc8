//! What application functions are told of the end of their keys.

use kaskade_codec::sbi::akma::ServiceDisableNotif;
use kaskade_crypto::seal::SecretReader;
use kaskade_flow::unit::Lane;
use kaskade_store::records::Records;

use super::Nef;
use super::notice::{Notice, TO_AFS};
use crate::role::callbacks::{Callbacks, Message, Teller, Told};
use crate::role::usage_keys::CallbackRoot;
use crate::sbi::write;

impl Teller for Nef {
    const LANE: Lane = TO_AFS;

    fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    fn records(&self) -> &Records {
        &self.records
    }

    fn message(&self, body: SecretReader<'_>) -> Result<Message, String> {
        let Notice { af, a_kid, uri, .. } = Notice::of_message(body).map_err(|error| error.to_string())?;
        Ok(Message {
            holder: af,
            callback: uri,
            body: write::body(&ServiceDisableNotif { a_kid }).map_err(|error| error.to_string())?,
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
