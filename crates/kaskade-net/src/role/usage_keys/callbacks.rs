//! What holders of keys below EMSKs are told.

use kaskade_anchor::emsk::{Retirement, TO_HOLDERS};
use kaskade_codec::sbi::usage_keys::KeyEnded;
use kaskade_codec::sbi::values::Text;
use kaskade_crypto::seal::SecretReader;
use kaskade_flow::unit::Lane;
use kaskade_store::records::Records;

use super::{CallbackRoot, UsageKeys};
use crate::role::callbacks::{Callbacks, Message, Teller, Told};
use crate::sbi::write;

impl Teller for UsageKeys {
    const LANE: Lane = TO_HOLDERS;

    fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    fn records(&self) -> &Records {
        &self.records
    }

    fn message(&self, body: SecretReader<'_>) -> Result<Message, String> {
        let Retirement { supi, why, holder } = Retirement::read(body).map_err(|error| error.to_string())?;
        let ended = KeyEnded {
            supi,
            emsk_name: holder.emsk_name,
            key_name: holder.key_name,
            label: holder.label,
            domain: holder.domain,
            reason: Text(why.name().to_owned()),
        };
        Ok(Message {
            holder: holder.principal,
            callback: holder.callback.ok_or("it has no callback")?,
            body: write::body(&ended).map_err(|error| error.to_string())?,
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
