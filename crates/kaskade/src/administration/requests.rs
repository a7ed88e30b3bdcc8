//! Bodies and parameters of what can be asked for.

use kaskade_aka::arpf::Method;
use kaskade_crypto::Amf;
use kaskade_crypto::ecies::Profile;
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Outcome};
use kaskade_keys::id::{AfId, Fqdn};
use kaskade_keys::{Gpsi, Plmn, RoutingIndicator, ServingNetworkName, Supi};
use kaskade_store::{EpsProfile, Subscriber};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::NotDone;
use super::new_subscriber::methods_of;
use super::text::{Best, Count, Digits, Flag, Limit, PeerName, Text, Time};
use crate::card::AlgorithmName;
use crate::subscription::methods_of_card;

/// What is to be changed of a subscriber: what is left out stays, and what is `null` is there no more. K, operator code,
/// algorithm and SQN stay in any case.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    /// Its methods, the preferred one first.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    #[schemars(with = "Vec<Text<Method>>")]
    pub methods: Option<Vec<Text<Method>>>,
    /// GPSI; no two subscribers have the same.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_null")]
    pub gpsi: Option<Option<Text<Gpsi>>>,
    /// Routing indicator of its card.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_null")]
    pub routing_indicator: Option<Option<Text<RoutingIndicator>>>,
    /// Whether keys for applications are made of its authentications.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    #[schemars(with = "bool")]
    pub akma: Option<bool>,
    /// Whether and how keys for battery-powered things are made.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    #[schemars(with = "Text<Best>")]
    pub best: Option<Text<Best>>,
    /// The name of the subscription data that an MME gets.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_null")]
    pub eps_profile: Option<Option<Text<EpsProfile>>>,
    /// AMF of its vectors.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    #[schemars(with = "Text<Amf>")]
    pub amf: Option<Text<Amf>>,
    /// Whether it is suspended: then no vector is made of it, until it is resumed.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    #[schemars(with = "bool")]
    pub suspended: Option<bool>,
}

/// Reads a member that is `null` as one that is there.
///
/// # Errors
/// Those of the value.
pub fn or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Reads a member that cannot be taken away: `null` is refused.
///
/// # Errors
/// Those of the value.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Changes {
    /// Does them to a subscriber.
    ///
    /// # Errors
    /// [`NotDone`]: the card does not know these methods.
    pub fn apply(&self, subscriber: &mut Subscriber) -> Result<(), NotDone> {
        if let Some(methods) = &self.methods {
            let list = methods_of(methods)?;
            let fitting = methods_of_card(Some(list), &subscriber.secrets.algorithm());
            subscriber.methods =
                fitting.map_err(|error| NotDone::of(Refusal::IeIncorrect, "/methods", error.to_string()))?;
        }
        let allowed = &mut subscriber.subscription;
        if let Some(gpsi) = &self.gpsi {
            allowed.gpsi = gpsi.clone().map(|Text(gpsi)| gpsi);
        }
        if let Some(indicator) = &self.routing_indicator {
            allowed.routing_indicator = indicator.clone().map(|Text(indicator)| indicator);
        }
        if let Some(profile) = &self.eps_profile {
            allowed.eps = profile.clone().map(|Text(profile)| profile);
        }
        if let Some(Text(Best(best))) = self.best {
            allowed.best = best;
        }
        allowed.akma_allowed = self.akma.unwrap_or(allowed.akma_allowed);
        allowed.suspended = self.suspended.unwrap_or(allowed.suspended);
        if let Some(Text(amf)) = &self.amf {
            subscriber.amf = *amf;
        }
        Ok(())
    }
}

/// Which subscribers, and how many.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListQuery {
    /// Begin after this SUPI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Text<Supi>>,
    /// At most so many: 100 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Text<Limit>>,
    /// Those of this algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Text<AlgorithmName>>,
    /// Those that may authenticate with this method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Text<Method>>,
    /// Those that are suspended, or those that are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Text<Flag>>,
    /// Those that have AKMA, or those that have not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub akma: Option<Text<Flag>>,
    /// GPSIs in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reveal_gpsi: Option<Text<Flag>>,
}

impl ListQuery {
    /// Whether a subscriber is of the kind that was asked for.
    pub fn takes(&self, subscriber: &Subscriber) -> bool {
        let allowed = &subscriber.subscription;
        let is = |asked: &Option<Text<Flag>>, has: bool| asked.as_ref().is_none_or(|Text(Flag(asked))| *asked == has);
        is(&self.suspended, allowed.suspended)
            && is(&self.akma, allowed.akma_allowed)
            && (self.method.as_ref()).is_none_or(|Text(method)| subscriber.methods.contains(*method))
            && (self.algorithm.as_ref()).is_none_or(|Text(name)| {
                let algorithm = subscriber.secrets.algorithm();
                algorithm.name().eq_ignore_ascii_case(&name.to_string())
            })
    }
}

/// How one is shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShowQuery {
    /// GPSI in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reveal_gpsi: Option<Text<Flag>>,
}

/// How one is added.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AddQuery {
    /// Whether it takes the place of one that has this SUPI. The SQN of the same card never goes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<Text<Flag>>,
}

/// Which contexts.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContextQuery {
    /// Those of this subscriber.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supi: Option<Text<Supi>>,
    /// At most so many: 100 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Text<Limit>>,
}

/// Which application function.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FunctionQuery {
    /// The one of this domain name; all of them if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Text<Fqdn>>,
}

/// Whether somebody may have an application key: who, in whose name, and of whom.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MayQuery {
    /// In whose name, and for which protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub af_id: Option<Text<AfId>>,
    /// Who asks: a group, a peer as in `groups`, or an NF instance ID. Goes with `af_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Text<PeerName>>,
    /// Of whom; without one, of anybody. Goes with `af_id` and `caller`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supi: Option<Text<Supi>>,
}

/// Which entries, and how many.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EntriesQuery {
    /// Begin after the entry of this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Text<Count>>,
    /// At most so many: 100 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Text<Limit>>,
    /// From then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Text<Time>>,
    /// Until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Text<Time>>,
    /// Of this peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<Text<PeerName>>,
    /// About this subscriber.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supi: Option<Text<Supi>>,
    /// Of this action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Text<Action>>,
    /// With this outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Text<Outcome>>,
}

/// Which serving networks may authenticate the subscribers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Networks {
    /// Networks as MCC-MNC, with or without a NID in the name.
    pub serving_networks: Vec<Text<Plmn>>,
    /// Further names, exactly so.
    #[serde(default)]
    pub serving_network_names: Vec<Text<ServingNetworkName>>,
}

/// A new key pair: made here, or taken in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHnKey {
    /// Its identifier, 1 to 255; the lowest that was never given if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub id: Option<u8>,
    /// Its profile; needed where it is made, and where the file does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Text<Profile>>,
    /// The octets of a file with the private key, as hexadecimal digits: PEM, DER, or 64 hexadecimal digits themselves. Left out, a key
    /// pair is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Digits>,
}
