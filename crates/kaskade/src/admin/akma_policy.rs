//! AKMA: what the configuration lets application functions have, and what comes of one question.

use kaskade::administration::MayQuery;
use kaskade::config::{Config, ConfigError, Parsed, Told};
use kaskade_anchor::akma::{Admitted, Party};
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, PeerId, Subject};
use kaskade_keys::Supi;
use kaskade_keys::id::AfId;
use kaskade_net::role::aanf::{AanfError, AkmaPolicy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::akma::{failed, records, state_of};
use super::operation::{Nothing, Operation};
use super::text::{PeerName, Text};
use super::{Admin, NotDone, Principal, Role};

/// Who may have application keys.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AkmaPolicyView {
    /// Whether there is an AAnF in this process: what follows counts only then.
    pub(crate) runs: bool,
    /// Application functions, by name.
    pub(crate) functions: Vec<FunctionView>,
    /// AUSFs of other processes that may register anchor keys.
    pub(crate) ausfs: Vec<String>,
    /// Serving networks where no application keys are given of a subscriber.
    pub(crate) barred_networks: Vec<String>,
    /// How many keys below one anchor key may be held.
    pub(crate) holders: u64,
    /// Seconds that an anchor key is of use at most; 0: until the next authentication.
    pub(crate) context_lifetime_s: u64,
    /// What comes of the question in the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verdict: Option<Verdict>,
}

/// An application function.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FunctionView {
    /// What the configuration calls it.
    pub(crate) name: String,
    /// Its domain name.
    pub(crate) fqdn: String,
    /// What is spoken with it.
    pub(crate) protocols: Vec<String>,
    /// Who asks in its name.
    pub(crate) callers: Vec<String>,
    /// What those are told of the user at most: `none`, `gpsi` or `supi`.
    pub(crate) identity: String,
    /// Whose keys it may have.
    pub(crate) subscribers: Vec<String>,
    /// Seconds that a key lives.
    pub(crate) lifetime_s: u64,
    /// Whether a key whose life is over may have another one.
    pub(crate) renews: bool,
}

/// What comes of a question. Nothing is given or written for it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Verdict {
    /// Whether the key would be given now.
    pub(crate) given: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why_not: Option<String>,
    /// What whoever asks would be told of the user at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<String>,
}

/// Shows it.
pub(crate) struct Show;

impl Operation for Show {
    const NAME: &'static str = "showAkmaPolicy";
    const TITLE: &'static str =
        "Shows who may have application keys of AKMA, and whether one would be given to whoever the query names.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/akma/policy";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = &[Refusal::OptionalIeIncorrect];
    const ACTION: Action = Action::AkmaShown;
    type Of = ();
    type Query = MayQuery;
    type Body = Nothing;
    type Answer = AkmaPolicyView;

    fn run(admin: &Admin, _: &Principal, (): (), query: MayQuery, _: Nothing) -> Result<AkmaPolicyView, NotDone> {
        let config = admin.config();
        let verdict = match query {
            MayQuery {
                af_id: None,
                caller: None,
                supi: None,
            } => None,
            MayQuery {
                af_id: Some(Text(af_id)),
                caller: Some(Text(PeerName(caller))),
                supi,
            } => Some(admin.would_give(&config, &af_id, &caller, supi.map(|Text(supi)| supi))?),
            _ => {
                let detail = "af_id and caller go together, and supi goes with them";
                return Err(NotDone::of(Refusal::OptionalIeIncorrect, "af_id", detail.to_owned()));
            }
        };
        let aanf = &config.aanf;
        let functions = aanf.functions.0.iter().map(|(name, function)| FunctionView {
            name: name.clone(),
            fqdn: (function.fqdn.as_ref()).map_or_else(String::new, |Parsed(fqdn)| fqdn.to_string()),
            protocols: texts(&function.protocols),
            callers: function.callers.clone(),
            identity: function.identity.0.to_string(),
            subscribers: texts(&function.subscribers),
            lifetime_s: function.lifetime,
            renews: function.renews,
        });
        Ok(AkmaPolicyView {
            runs: aanf.runs(),
            functions: functions.collect(),
            ausfs: aanf.ausfs.clone(),
            barred_networks: texts(&aanf.barred_networks),
            holders: aanf.holders,
            context_lifetime_s: aanf.context_lifetime,
            verdict,
        })
    }
}

fn texts<T: ToString>(parsed: &[Parsed<T>]) -> Vec<String> {
    parsed.iter().map(|Parsed(value)| value.to_string()).collect()
}

impl Admin {
    /// Asks what the AAnF asks, in its order, and makes the key that it would give; the key goes nowhere.
    fn would_give(&self, config: &Config, af_id: &AfId, caller: &str, supi: Option<Supi>) -> Result<Verdict, NotDone> {
        let not = |why: String| Verdict {
            given: false,
            why_not: Some(why),
            identity: None,
        };
        if !config.aanf.runs() {
            return Ok(not("there is no AAnF in this process".to_owned()));
        }
        let internal = |error: ConfigError| NotDone::because(Refusal::Internal, error.to_string());
        let policy = config.requesters().map_err(internal)?.akma;
        let names = policy.names_of(config.requester(caller).id());
        let admitted = match policy.functions.admit(&names, af_id) {
            Ok(admitted) => admitted,
            Err(error) => return Ok(not(error.to_string())),
        };
        if let Some(supi) = supi
            && !fault!("akma-policy-of-nobody")
            && let Some(why) = self.would_not_give_of(config, &policy, &admitted, &supi)?
        {
            return Ok(not(why));
        }
        Ok(Verdict {
            given: true,
            why_not: None,
            identity: Some(Told(admitted.identity()).to_string()),
        })
    }

    /// Why no key of this subscriber would be given.
    fn would_not_give_of(
        &self,
        config: &Config,
        policy: &AkmaPolicy,
        admitted: &Admitted,
        supi: &Supi,
    ) -> Result<Option<String>, NotDone> {
        if let Err(error) = admitted.of(supi) {
            return Ok(Some(error.to_string()));
        }
        if config.udm.runs() {
            let allowed = match self.store()?.card(supi) {
                Ok(card) => AkmaPolicy::allows_card(card.as_ref()),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = allowed {
                return Ok(Some(error.to_string()));
            }
        }
        let records = records(self)?;
        let state = state_of(&records, supi).map_err(failed)?;
        let Some(context) = state.context() else {
            let why = "the subscriber has no anchor key: none was registered, or it has ended";
            return Ok(Some(why.to_owned()));
        };
        if !policy.allows_roaming(context.serving) {
            return Ok(Some(AanfError::Roaming.to_string()));
        }
        let party = Party {
            by: PeerId::NOBODY,
            about: Subject::NOBODY,
            correlation: 0,
            at: records.now(),
        };
        let got = state.get(&context.a_kid, admitted, None, config.aanf.limits(), &party);
        Ok(got.err().map(|error| error.to_string()))
    }
}
