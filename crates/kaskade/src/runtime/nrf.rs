//! The roles that run, as the NRF of the configuration hears of them.

use anyhow::{Context, Result};
use kaskade::config::{Config, Role};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_keys::RoutingIndicator;
use kaskade_net::node::Node;
use kaskade_net::nrf::{Address, NfProfile, Registration, RegistrationState};
use kaskade_net::sbi::client::SbiClient;
use kaskade_net::sbi::tls::ClientTls;

/// Seconds between heart-beats, unless the NRF says otherwise.
const HEART_BEAT_TIMER: u32 = 10;

/// The routing indicators of the subscribers of the AAnF.
fn indicators(config: &Config) -> Vec<RoutingIndicator> {
    config
        .aanf
        .routing_indicators
        .iter()
        .map(|indicator| indicator.0)
        .collect()
}

/// What is registered.
#[derive(Default)]
pub(super) struct Registrations {
    tls: Option<ClientTls>,
    all: Vec<(Role, Registration)>,
}

impl Registrations {
    /// Registers each role that runs, under its name; none where there is no NRF.
    pub(super) fn start(config: &Config, node: &Node, name: impl Fn(Role) -> NfInstanceId) -> Result<Self> {
        let Some(url) = &config.nrf.url else {
            return Ok(Self::default());
        };
        let options = config.nrf.client_options("nrf")?;
        let client = SbiClient::new(url, options.clone()).context("nrf.url")?;
        let mut profiles = Vec::new();
        for role in config.roles() {
            // The services of a role begin with its name, as nudm-ueau does; those outside with whose they are.
            let prefix = match role {
                Role::Nef => "3gpp-".to_owned(),
                _ => format!("n{role}-"),
            };
            let (services, roots): (Vec<_>, Vec<_>) = node.services(&prefix).unzip();
            let configured = config.listening(role).and_then(|listening| listening.api_root);
            let Some(root) = configured.or(roots.first().copied()) else {
                continue;
            };
            let address = Address::of_root(root).with_context(|| format!("{role}.api_root"))?;
            let profile = NfProfile::new(name(role), role.nf_type(), &address, &services, HEART_BEAT_TIMER);
            let profile = match role {
                Role::Aanf => profile.for_akma_of(&indicators(config)),
                _ => profile,
            };
            profiles.push((role, profile));
        }
        // All are in order: none is registered without the others.
        let start = |(role, profile)| (role, Registration::start(client.clone(), profile));
        Ok(Self {
            tls: options.tls,
            all: profiles.into_iter().map(start).collect(),
        })
    }

    /// From the next connection on other certificates; what was clear text stays so.
    pub(super) fn renew(&self, tls: Option<&ClientTls>) {
        if let (Some(own), Some(tls)) = (&self.tls, tls) {
            own.replace_by(tls);
        }
    }

    /// Which roles the NRF has, as far as is known.
    pub(super) fn states(&self) -> Vec<(Role, RegistrationState)> {
        let states = self.all.iter().map(|(role, one)| (*role, one.state().clone()));
        states.collect()
    }

    /// Takes all of it back.
    pub(super) async fn end(self) {
        // An NRF that is slow is waited for once.
        for (_, registration) in &self.all {
            registration.leave();
        }
        for (_, registration) in self.all {
            registration.end().await;
        }
    }
}
