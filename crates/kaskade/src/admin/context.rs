//! Authentication contexts of the AUSF of a node that runs: how many, and whose, by fingerprint.

use kaskade::administration::ContextQuery;
use kaskade_flow::Refusal;
use kaskade_flow::event::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Nothing, Operation};
use super::text::{Limit, Text};
use super::{Admin, NotDone, Principal, Role};

/// The contexts of an AUSF.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Contexts {
    /// How many challenges wait for their answer.
    pub(crate) pending: u64,
    /// How many results are remembered.
    pub(crate) results: u64,
    /// Some of them, those that wait first.
    pub(crate) contexts: Vec<ContextView>,
}

/// A context, without what opens it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ContextView {
    /// SUPI, masked.
    pub(crate) supi: String,
    /// Where the user is authenticated, or was.
    pub(crate) serving_network_name: String,
    /// `pending`: a challenge that waits. `result`: the user was authenticated, which can be taken back.
    pub(crate) state: String,
    /// The keys in it.
    pub(crate) keys: Vec<KeyView>,
    /// Milliseconds that it stays; none: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_in_ms: Option<u64>,
}

/// A key by its fingerprint.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct KeyView {
    /// What 3GPP calls it.
    pub(crate) name: String,
    /// Its fingerprint: 4 octets as hexadecimal digits.
    pub(crate) fingerprint: String,
}

const USUAL: usize = 100;

/// Lists contexts.
pub(crate) struct List;

impl Operation for List {
    const NAME: &'static str = "listContexts";
    const TITLE: &'static str = "Counts authentication contexts, and lists some of them by fingerprint.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/contexts";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = &[Refusal::DataNotFound];
    const ACTION: Action = Action::ContextsShown;
    type Of = ();
    type Query = ContextQuery;
    type Body = Nothing;
    type Answer = Contexts;

    fn run(admin: &Admin, _: &Principal, (): (), query: ContextQuery, _: Nothing) -> Result<Contexts, NotDone> {
        let none = || {
            NotDone::because(
                Refusal::DataNotFound,
                "no AUSF runs here: contexts are in the memory of one that does",
            )
        };
        let ausf = admin
            .running()
            .and_then(|running| running.ausf.as_ref())
            .ok_or_else(none)?;
        let limit = query.limit.map_or(USUAL, |Text(Limit(limit))| limit);
        let seen = ausf.look(query.supi.as_ref().map(|Text(supi)| supi), limit);
        let views = seen.into_iter().map(|context| ContextView {
            supi: context.supi.masked(),
            serving_network_name: context.serving_network_name.to_string(),
            state: if context.is_pending { "pending" } else { "result" }.to_owned(),
            keys: (context.keys.into_iter())
                .map(|(name, fingerprint)| KeyView {
                    name: name.to_owned(),
                    fingerprint: fingerprint.to_string(),
                })
                .collect(),
            expires_in_ms: context
                .left
                .map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        });
        Ok(Contexts {
            pending: ausf.pending() as u64,
            results: ausf.results() as u64,
            contexts: views.collect(),
        })
    }
}
