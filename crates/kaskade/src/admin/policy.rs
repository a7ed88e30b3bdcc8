//! Which serving networks may authenticate the subscribers, decided while a node runs and kept in the store.
//!
//! What was decided here takes the place of the two lists in the configuration, until it is given up. Groups and reservations stay
//! what the configuration says.

use kaskade::administration::Networks;
use kaskade::config::{Config, Parsed};
use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_faults::fault;
use kaskade_flow::event::Action;
use kaskade_flow::record::{Expect, Kind, Protection, Record, RowError};
use kaskade_flow::unit::Unit;
use kaskade_flow::{Durable, Guarded, Refusal};
use kaskade_keys::{Plmn, ServingNetworkName};
use kaskade_net::role::policy::ServingNetworkPolicy;
use kaskade_store::{StoreError, SubscriberStore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Nothing, Operation};
use super::text::Text;
use super::{Admin, NotDone, Principal, Role};

/// The most networks that a policy names.
const MOST: usize = 1000;

/// The decision, as it is kept.
pub(crate) struct Decided {
    plmns: Vec<Plmn>,
    names: Vec<ServingNetworkName>,
}

/// There is one.
const ONLY: u8 = 0;

impl Record for Decided {
    const KIND: Kind = Kind::new(128, "serving networks", 1, Protection::Coded);
    type Key = u8;

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        for plmn in &self.plmns {
            clear.extend(format!("{plmn}\n").bytes());
        }
        for name in &self.names {
            clear.extend(format!("{name}\n").bytes());
        }
    }

    fn decode(_: u8, clear: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
        let wrong = RowError::Field("serving network");
        let text = std::str::from_utf8(clear).map_err(|_| wrong)?;
        let mut decided = Self {
            plmns: Vec::new(),
            names: Vec::new(),
        };
        for line in text.lines() {
            match line.contains(':') {
                true => decided.names.push(line.parse().map_err(|_| wrong)?),
                false => decided.plmns.push(line.parse().map_err(|_| wrong)?),
            }
        }
        Ok(decided)
    }
}

/// What was decided, if anything was.
fn decided(store: &SubscriberStore) -> Result<Option<Decided>, NotDone> {
    let records = store.records();
    let failed = |error: String| NotDone::because(Refusal::StoreFailed, error);
    records
        .declare(&[Decided::KIND])
        .map_err(|error| failed(error.to_string()))?;
    let found = pollster::block_on(records.read::<Decided>(&ONLY)).map_err(|error| failed(error.to_string()))?;
    Ok(found.map(|found| found.record))
}

/// A configuration with what was decided in place of its lists.
pub(crate) fn applied(store: &SubscriberStore, config: &Config) -> Result<Config, NotDone> {
    Ok(with(config, decided(store)?.as_ref()))
}

fn with(config: &Config, decided: Option<&Decided>) -> Config {
    let mut config = config.clone();
    if let Some(decided) = decided {
        config.policy.any_serving_network = false;
        config.policy.serving_networks = decided.plmns.iter().copied().map(Parsed).collect();
        config.policy.serving_network_names = decided.names.iter().copied().map(Parsed).collect();
    }
    config
}

/// The policy that is in force.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PolicyView {
    /// Whether every serving network may.
    pub(crate) any_serving_network: bool,
    /// Those that may.
    #[serde(flatten)]
    pub(crate) networks: Networks,
    /// Networks for which only some peers may ask: from the configuration.
    pub(crate) reserved: Vec<String>,
    /// `administration` where it was decided here, `configuration` where it is that of the file.
    pub(crate) from: String,
}

fn view(admin: &Admin) -> Result<PolicyView, NotDone> {
    // Read once: what is told is what was in force at one moment.
    let decided = decided(admin.store()?)?;
    let policy = with(&admin.config(), decided.as_ref()).policy;
    Ok(PolicyView {
        any_serving_network: policy.any_serving_network,
        networks: Networks {
            serving_networks: policy
                .serving_networks
                .into_iter()
                .map(|Parsed(plmn)| Text(plmn))
                .collect(),
            serving_network_names: (policy.serving_network_names.into_iter())
                .map(|Parsed(name)| Text(name))
                .collect(),
        },
        reserved: policy
            .reserved
            .0
            .iter()
            .map(|(network, _)| network.to_string())
            .collect(),
        from: if decided.is_some() {
            "administration"
        } else {
            "configuration"
        }
        .to_owned(),
    })
}

/// Shows the policy.
pub(crate) struct Show;

impl Operation for Show {
    const NAME: &'static str = "showPolicy";
    const TITLE: &'static str = "Shows which serving networks may authenticate the subscribers.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/policy";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = &[];
    const ACTION: Action = Action::Shown;
    type Of = ();
    type Query = Nothing;
    type Body = Nothing;
    type Answer = PolicyView;

    fn run(admin: &Admin, _: &Principal, (): (), _: Nothing, _: Nothing) -> Result<PolicyView, NotDone> {
        view(admin)
    }
}

/// Sets the serving networks.
pub(crate) struct Set;

impl Operation for Set {
    const NAME: &'static str = "setPolicy";
    const TITLE: &'static str = "Decides which serving networks may authenticate the subscribers, in place of the configuration; effective at once.";
    const METHOD: &'static str = "PUT";
    const PATH: &'static str = "/policy";
    const ROLE: Role = Role::Operator;
    const REFUSALS: &'static [Refusal] = &[];
    const ACTION: Action = Action::PolicyChanged;
    type Of = ();
    type Query = Nothing;
    type Body = Networks;
    type Answer = PolicyView;

    fn run(admin: &Admin, by: &Principal, (): (), _: Nothing, networks: Networks) -> Result<PolicyView, NotDone> {
        let count = networks.serving_networks.len() + networks.serving_network_names.len();
        if count > MOST {
            let detail = format!("{count} networks, at most {MOST}");
            return Err(NotDone::of(Refusal::IeIncorrect, "/serving_networks", detail));
        }
        let decision = Decided {
            plmns: networks.serving_networks.iter().map(|Text(plmn)| *plmn).collect(),
            names: networks.serving_network_names.iter().map(|Text(name)| *name).collect(),
        };
        admin.decide(by, Some(&decision))
    }
}

/// Gives the decision up.
pub(crate) struct Reset;

impl Operation for Reset {
    const NAME: &'static str = "resetPolicy";
    const TITLE: &'static str =
        "Gives up what was decided: the serving networks of the configuration are in force again, at once.";
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/policy";
    const ROLE: Role = Role::Operator;
    const REFUSALS: &'static [Refusal] = &[];
    const ACTION: Action = Action::PolicyReset;
    type Of = ();
    type Query = Nothing;
    type Body = Nothing;
    type Answer = PolicyView;

    fn run(admin: &Admin, by: &Principal, (): (), _: Nothing, _: Nothing) -> Result<PolicyView, NotDone> {
        admin.decide(by, None)
    }
}

impl Admin {
    /// Makes a decision durable and on record, and then effective.
    fn decide(&self, by: &Principal, decision: Option<&Decided>) -> Result<PolicyView, NotDone> {
        let _one_by_one = self.changing();
        let store = self.store()?;
        decided(store)?;
        // Whatever may be wrong with it is known before it is durable.
        let requesters = with(&self.config(), decision).requesters();
        let policy = requesters
            .map_err(|error| NotDone::because(Refusal::Internal, error.to_string()))?
            .serving_networks;
        let mut unit = Unit::new();
        match decision {
            Some(decision) => unit.put(&ONLY, decision, Expect::Any),
            None => unit.remove::<Decided>(&ONLY, Expect::Any),
        }
        let action = match decision {
            Some(_) => Action::PolicyChanged,
            None => Action::PolicyReset,
        };
        if let Some(event) = self.change(by, action)? {
            unit.event(event);
        }
        let committed = store.records().commit(unit, Guarded::new(())).wait();
        let _: Durable<()> = committed.map_err(StoreError::from)?;
        if fault!("admin-policy-behind-the-log") {
            self.told()?;
        }
        self.put_in_force(policy);
        // It is in force whatever the log says.
        self.told()?;
        view(self)
    }

    /// From now on the roles ask this policy.
    fn put_in_force(&self, policy: ServingNetworkPolicy) {
        let Some(running) = self.running().filter(|_| !fault!("admin-policy-at-the-next-start")) else {
            return;
        };
        if let Some(udm) = &running.udm {
            udm.serving_networks().replace(policy.clone());
        }
        if let Some(ausf) = &running.ausf {
            ausf.serving_networks().replace(policy);
        }
    }
}

#[cfg(test)]
mod tests {
    use kaskade_crypto::seal::OpenedSecrets;

    use super::*;

    #[test]
    fn a_decision_reads_back_and_garbage_does_not() {
        let decided = Decided {
            plmns: vec!["001-01".parse().unwrap(), "310-410".parse().unwrap()],
            names: vec!["5G:mnc002.mcc001.3gppnetwork.org".parse().unwrap()],
        };
        let (mut clear, mut secret) = (Vec::new(), SecretWriter::default());
        decided.encode(&mut clear, &mut secret);
        let read = |octets: &[u8]| Decided::decode(1, octets, OpenedSecrets::default().reader());
        let again = read(&clear).unwrap();
        assert_eq!((again.plmns, again.names), (decided.plmns, decided.names));
        for wrong in [&b"001"[..], b"5G:x\xff\n", b"5G:nowhere\n"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
