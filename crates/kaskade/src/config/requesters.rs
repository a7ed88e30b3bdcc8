//! Who is who, and who may ask for what, as the roles and the gate take it.

use kaskade_codec::sbi::NfInstanceId;
use kaskade_net::role::aanf::AkmaPolicy;
use kaskade_net::role::access::Asked;
use kaskade_net::role::nef::NefPolicy;
use kaskade_net::role::policy::{Groups, Member, ServingNetwork, ServingNetworkPolicy};
use kaskade_net::role::udm::AmfPolicy;
use kaskade_net::role::usage_keys::UsagePolicy;
use kaskade_net::sbi::peer::{Requester, RequesterId};
use kaskade_net::services;

use super::{Config, ConfigError, Parsed};

/// What the configuration says of requesters.
#[derive(Clone, Debug)]
pub struct Requesters {
    /// Which peers count as one.
    pub groups: Groups,
    /// Which serving networks they may ask for.
    pub serving_networks: ServingNetworkPolicy,
    /// Which operations they may ask for; empty: everybody for everything.
    pub access: Vec<(RequesterId, Vec<Asked>)>,
    /// Which keys below the EMSK they may have.
    pub usage_keys: UsagePolicy,
    /// Which application keys of AKMA they may have.
    pub akma: AkmaPolicy,
    /// Where AMFs are told to authenticate a subscriber again.
    pub amfs: AmfPolicy,
    /// Which application functions outside there are, and what they may have.
    pub nef: NefPolicy,
}

/// The groups of a configuration, and a group of one for each peer that is named beside them.
struct Known<'c> {
    config: &'c Config,
    groups: Groups,
    members: Vec<(&'c Member, &'c str)>,
    alone: Vec<Member>,
}

fn refused<T>(name: &'static str, reason: String) -> Result<T, ConfigError> {
    Err(ConfigError::Value { name, reason })
}

impl<'c> Known<'c> {
    fn of(config: &'c Config) -> Result<Self, ConfigError> {
        let mut groups = Groups::default();
        let mut members: Vec<(&Member, &str)> = Vec::new();
        for (name, listed) in &config.groups.0 {
            for Parsed(member) in listed {
                let of_others = members
                    .iter()
                    .find(|(known, group)| *known == member || (*group != name.as_str() && known.overlaps(member)));
                if let Some((known, other)) = of_others {
                    let reason = if *known == member {
                        format!("{member} is in {other} and in {name}: decide for one of them")
                    } else {
                        format!("{member} in {name} overlaps {known} in {other}: decide for one of them")
                    };
                    return refused("groups", reason);
                }
                members.push((member, name));
            }
            groups = groups.with(name, listed.iter().map(|member| member.0.clone()));
        }
        Ok(Self {
            config,
            groups,
            members,
            alone: Vec::new(),
        })
    }

    /// The requester that is named so: a group, or a peer, which is then a group of one. `place` stands before what is wrong.
    fn id(&mut self, setting: &'static str, place: &str, named: &str) -> Result<RequesterId, ConfigError> {
        if self.config.groups.0.iter().any(|(group, _)| group == named) {
            return Ok(Requester::group(named).id());
        }
        let member: Member = match named.parse() {
            Ok(member) => member,
            // Not what was named: a key may stand there by mistake.
            Err(error) => {
                let reason = format!("{place}one of its names is neither a group nor a peer: it is {error}");
                return refused(setting, reason);
            }
        };
        if let Some((_, group)) = self.members.iter().find(|(known, _)| **known == member) {
            return refused(
                setting,
                format!("{place}{member} is in the group {group}: name the group"),
            );
        }
        if let Some((known, group)) = self.members.iter().find(|(known, _)| known.overlaps(&member)) {
            let reason = format!("{place}{member} overlaps {known} in the group {group}: name the group");
            return refused(setting, reason);
        }
        let mut alone = self.alone.iter();
        if let Some(known) = alone.find(|known| **known != member && known.overlaps(&member)) {
            let reason = format!("{place}{member} overlaps {known}: make one group of them, and name it");
            return refused(setting, reason);
        }
        // Logs call it what the configuration does.
        let name = member.to_string();
        if self.config.groups.0.iter().any(|(group, _)| *group == name) {
            return refused(
                setting,
                format!("{place}{member} is also the name of a group: call that otherwise"),
            );
        }
        if !self.alone.contains(&member) {
            self.groups = std::mem::take(&mut self.groups).with(&name, [member.clone()]);
            self.alone.push(member);
        }
        Ok(Requester::group(&name).id())
    }

    /// The same, or whom an access token names by its NF instance ID.
    fn principal(&mut self, setting: &'static str, named: &str) -> Result<RequesterId, ConfigError> {
        match named.parse::<NfInstanceId>() {
            Ok(instance) if self.config.oauth2.keys.0.is_empty() => {
                let reason =
                    format!("{instance} is an NF instance ID, and without oauth2.keys no token says who that is");
                refused(setting, reason)
            }
            Ok(instance) => Ok(Requester::subject(&instance.to_string()).id()),
            Err(_) => self.id(setting, "", named),
        }
    }
}

impl Config {
    /// Who may have which keys below the EMSK, and is told of their end where.
    fn usage_policy(&self, known: &mut Known<'_>) -> Result<UsagePolicy, ConfigError> {
        if !self.has_usage_keys() {
            return Ok(UsagePolicy::default());
        }
        let mut policy = UsagePolicy::new(self.usages()?);
        for (setting, named) in self.emsk.named() {
            policy = policy.with(known.principal(setting, named)?, &self.called(named));
        }
        let roots = self.emsk.callbacks.roots.0.iter();
        Ok(roots.fold(policy, |policy, (named, roots)| {
            policy.with_callbacks(&self.called(named), roots.iter().map(|root| root.0.clone()))
        }))
    }

    /// Where AMFs may be told to authenticate a subscriber again.
    fn amf_policy(&self, known: &mut Known<'_>) -> Result<AmfPolicy, ConfigError> {
        let mut policy = AmfPolicy::default();
        for (named, roots) in &self.udm.callbacks.roots.0 {
            let id = known.principal("udm.callbacks.roots", named)?;
            policy = policy.with(id, named, roots.iter().map(|root| root.0.clone()));
        }
        Ok(policy)
    }

    /// Who may have which application keys of AKMA, and is told of their end where.
    fn akma_policy(&self, known: &mut Known<'_>) -> Result<AkmaPolicy, ConfigError> {
        if !self.aanf.runs() {
            return Ok(AkmaPolicy::default());
        }
        let barred = self.aanf.barred_networks.iter().map(|network| network.0);
        let mut policy = AkmaPolicy::new(self.application_functions()?).barring(barred);
        for (setting, named) in self.aanf.named() {
            policy = policy.with(known.principal(setting, named)?, &self.called(named));
        }
        for named in &self.aanf.ausfs {
            policy = policy.with_ausf(&self.called(named));
        }
        let roots = self.aanf.callbacks.roots.0.iter();
        Ok(roots.fold(policy, |policy, (named, roots)| {
            policy.with_callbacks(&self.called(named), roots.iter().map(|root| root.0.clone()))
        }))
    }

    /// Who is which application function, and what it may have.
    fn nef_policy(&self, known: &mut Known<'_>) -> Result<NefPolicy, ConfigError> {
        if !self.nef.runs() {
            return Ok(NefPolicy::default());
        }
        let afs = self.nef.afs.0.iter();
        let mut policy = afs.fold(NefPolicy::default(), |policy, (name, af)| policy.with(name, af.af()));
        let mut ids: Vec<(RequesterId, &str)> = Vec::new();
        for (name, client) in self.nef.named() {
            let id = known.principal("nef.afs", client)?;
            if let Some((_, other)) = ids.iter().find(|(other, of)| *other == id && *of != name) {
                return refused(
                    "nef.afs",
                    format!("{client} is of {other} and of {name}: decide for one of them"),
                );
            }
            ids.push((id, name));
            policy = policy.known_as(id, name);
        }
        Ok(policy)
    }

    /// Which peers count as one requester, which serving networks they may ask for, and which operations.
    ///
    /// # Errors
    /// [`ConfigError::Value`] where a peer would be in two groups, or a name under `policy.reserved` or `policy.access` is none.
    pub fn requesters(&self) -> Result<Requesters, ConfigError> {
        let mut known = Known::of(self)?;
        let mut serving_networks = match self.policy.any_serving_network {
            true => ServingNetworkPolicy::any(),
            false => {
                let plmns = self.policy.serving_networks.iter();
                let plmns = plmns.map(|plmn| ServingNetwork::Of(plmn.0));
                let names = self.policy.serving_network_names.iter();
                let names = names.map(|name| ServingNetwork::Named(name.0));
                ServingNetworkPolicy::listed(plmns.chain(names).collect::<Vec<_>>())
            }
        };
        for (network, requesters) in &self.policy.reserved.0 {
            let place = format!("{network}: ");
            let ids = requesters
                .iter()
                .map(|named| known.id("policy.reserved", &place, named));
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            serving_networks = serving_networks.reserve(*network, ids);
        }
        let mut access = Vec::new();
        for (named, asked) in &self.policy.access.0 {
            let id = known.principal("policy.access", named)?;
            let asked = asked.iter().map(|name| Asked::of(name, &services::ALL)).collect();
            match asked {
                Ok(asked) => access.push((id, asked)),
                Err(error) => return refused("policy.access", format!("{named}: one of its names is {error}")),
            }
        }
        let usage_keys = self.usage_policy(&mut known)?;
        let akma = self.akma_policy(&mut known)?;
        let amfs = self.amf_policy(&mut known)?;
        let nef = self.nef_policy(&mut known)?;
        Ok(Requesters {
            usage_keys,
            akma,
            amfs,
            nef,
            groups: known.groups,
            serving_networks,
            access,
        })
    }
}
