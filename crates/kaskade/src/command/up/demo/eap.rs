//! The second UE of the demonstration: EAP-AKA' over the AUSF.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use kaskade_aka::arpf::Method;
use kaskade_aka::eap_aka::NetworkName;
use kaskade_aka::eap_aka::peer::{PeerName, PeerPolicy, PeerSuccess};
use kaskade_aka::visit::KeyVisitor as _;
use kaskade_crypto::KeyMaterial as _;
use kaskade_doctor::side::Side;
use kaskade_doctor::tree_view::Sides;
use kaskade_keys::ServingNetworkName;
use kaskade_keys::eap::Emsk;
use kaskade_keys::fivegs::KAusf;
use kaskade_net::random::SystemEntropy;
use kaskade_net::role::seaf::AusfClient;
use kaskade_ue::{EapDevice, MobileIdentity};

use super::akma::{self, Application};
use super::{Args, Demo, Ue, compare, demo_client, demo_plmn, say_login, slice, subscriber, usim};
use crate::command::eap::{NetworkKey, Run};
use crate::command::ue::state::StateFile;
use crate::console::{Console, Style};
use crate::runtime::running::Running;

impl Demo {
    /// Attaches the second UE, and shows the keys of both sides.
    pub(super) async fn show_eap(
        &self,
        console: &Console,
        args: &Args,
        running: &Running,
        application: Option<&Application>,
    ) -> Result<()> {
        let [_, Ue { supi, state }] = &self.ues;
        let subscriber = subscriber(supi, &running.parts.store)?;
        console.line("")?;
        // The folder may be older, and anybody may have given this subscriber another card.
        if subscriber.methods.first() != Some(Method::EapAkaPrime) {
            let note = format!(
                "{} is not attached: EAP-AKA' is not its first method (subscriber change --methods eap-aka-prime)",
                supi.masked()
            );
            return Ok(console.line(console.paint(Style::Note, &note))?);
        }
        let mut state = Some(StateFile::open(state, supi)?);
        let usim = usim(&subscriber, state.as_ref().context("a state")?)?;
        let serving_network_name = ServingNetworkName::new(demo_plmn()?, None);
        let identity = self.identity()?;
        let name = || identity.of(supi, &mut SystemEntropy);
        let MobileIdentity::Suci(suci) = name()? else {
            bail!("this identity conceals nothing");
        };
        let device = EapDevice::new(
            usim,
            supi.clone(),
            PeerPolicy::five_gs(NetworkName::Serving(serving_network_name)),
            PeerName::FiveGs(supi.clone(), suci.nai().parse().context("SUCI in NAI form")?),
        )
        .with_home(akma::home()?);
        let url = running.node.ausf_url().context("no AUSF")?;
        let ausf = AusfClient::new(url, demo_client(args)?)?;
        let begin = Instant::now();
        let mut run = Run::begin(device, &mut state);
        run.seen = Some(Side::new(args.reveal));
        let ended = run.over_ausf(&ausf, MobileIdentity::Suci(suci), serving_network_name);
        let (mut success, key) = ended.await?;
        let elapsed = begin.elapsed();
        let mut ue = run.seen.take().context("what the card gave")?;
        note(&mut ue, &success, &serving_network_name);
        let mut network = self.taps.home(supi);
        // What the serving network was told.
        match &key {
            NetworkKey::KSeaf(key) => network.key(key),
            NetworkKey::Msk(key) => network.key(key),
        }
        let mut device = run.end(&mut success);
        if let Some(url) = running.node.usage_keys_url() {
            let key = slice::ask(url, demo_client(args)?, supi).await?;
            slice::note_eap(&mut device, &mut ue, &mut network, &key)?;
        }
        let login = match application.filter(|_| subscriber.subscription.akma_allowed) {
            Some(application) => {
                let akma = device.akma()?;
                Some(application.session(supi, &akma, &mut ue, &mut network).await?)
            }
            None => None,
        };
        let title = format!("{} attached in {serving_network_name}", supi.masked());
        console.line(console.paint(Style::Strong, &title))?;
        let milliseconds = elapsed.as_secs_f64() * 1e3;
        console.line(format!(
            "EAP-AKA' over HTTP/2, {}, {milliseconds:.2} ms",
            identity.name()
        ))?;
        say_login(console, application, login)?;
        console.line("")?;
        compare(
            console,
            Sides {
                ue: &ue,
                network: Some(&network),
            },
        )
    }
}

/// What the device has after a success.
fn note(side: &mut Side, success: &PeerSuccess, serving_network_name: &ServingNetworkName) {
    side.key(&success.msk);
    side.note(Emsk::NAME, success.emsk.fingerprint());
    if let Some(k_ausf) = &success.k_ausf {
        side.made(KAusf::NAME, Emsk::NAME);
        side.key(k_ausf);
        side.key(&k_ausf.k_seaf(serving_network_name));
    }
}
