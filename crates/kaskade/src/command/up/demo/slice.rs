//! A slice key of each UE: the demonstration asks the AUSF for it, as a network function of that slice does.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context, Result};
use kaskade::config::Config;
use kaskade_aka::visit::KeyVisitor as _;
use kaskade_anchor::emsk::{KeyOf, UsageKey};
use kaskade_codec::sbi::usage_keys::UsageKeyRequest;
use kaskade_crypto::KeyMaterial as _;
use kaskade_doctor::side::Side;
use kaskade_keys::Supi;
use kaskade_keys::emsk::Usrk;
use kaskade_keys::emsk::of_5g_aka::Emsk5gAka;
use kaskade_keys::id::{Snssai, UsageData, UsageLabel};
use kaskade_net::sbi::client::{ClientOptions, SbiClient};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::Caller;
use kaskade_net::services::usage_keys::Client;
use kaskade_ue::EapDevice;

use crate::command::attach::Attached;

const LABEL: &str = "slice@kaskade.example";
const SLICE: &str = "1-000001";

fn label() -> Result<UsageLabel> {
    Ok(LABEL.parse()?)
}

fn slice() -> Result<Snssai> {
    Ok(SLICE.parse()?)
}

/// Lets this machine have the keys of one slice, and nobody anything else. Where peers have names of their own, there are none.
pub(super) fn prepare(config: &mut Config) -> Result<()> {
    if !config.groups.0.is_empty() {
        config.emsk = Config::default().emsk;
        return Ok(());
    }
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let own = config.ausf.listen.ip();
    let peers: BTreeSet<IpAddr> = loopback
        .into_iter()
        .chain((!own.is_unspecified()).then_some(own))
        .collect();
    let grants: Vec<String> = peers.iter().map(|peer| format!("\"{peer}\" = [\"{SLICE}\"]")).collect();
    let text = format!(
        "[emsk.usages.demonstration]\nlabel = \"{LABEL}\"\ndata = \"slice\"\ngrants = {{ {} }}\n",
        grants.join(", ")
    );
    config.emsk = Config::parse(&text, Path::new("the demonstration"))?.emsk;
    Ok(())
}

/// The key that the AUSF gives.
pub(super) async fn ask(url: &str, client: ClientOptions, supi: &Supi) -> Result<Usrk> {
    let client = Client::new(SbiClient::new(url, client)?);
    let request = UsageKeyRequest {
        supi: supi.clone(),
        label: label()?,
        domain: None,
        data_hex: None,
        snssai: Some(slice()?),
        application: None,
        callback_uri: None,
    };
    let caller = Caller::new(Requester::subject("demonstration"));
    let given = client.usage_key(&caller, request).await;
    let given = given.map_err(|error| anyhow::anyhow!("the AUSF gave no slice key: {error:?}"))?;
    Ok(Usrk::from_octets(given.key.expose_to_its_server()))
}

fn of() -> Result<KeyOf> {
    Ok(KeyOf::usage(label()?, UsageData::slice(&slice()?, None)))
}

/// What both ends have of it after 5G AKA, with MSK and EMSK of the project profile.
pub(super) fn note_5g_aka(attached: &mut Attached, network: &mut Side, given: &Usrk) -> Result<()> {
    let supi = attached.device.supi().clone();
    let k_ausf = &attached.device.anchor().context("no K_AUSF")?.k_ausf();
    let mk = k_ausf.mk_5g_aka(&supi);
    attached.ue.key(&mk.msk());
    attached.ue.note(Emsk5gAka::NAME, mk.emsk().fingerprint());
    attached.ue.made(Usrk::NAME, Emsk5gAka::NAME);
    let key = attached.device.usage_key(&of()?).context("no EMSK in the UE")?;
    note(&mut attached.ue, &key.key);
    network.key(given);
    Ok(())
}

/// The same after EAP-AKA'.
pub(super) fn note_eap(device: &mut EapDevice, ue: &mut Side, network: &mut Side, given: &Usrk) -> Result<()> {
    let key = device.usage_key(&of()?).context("no EMSK in the UE")?;
    note(ue, &key.key);
    network.key(given);
    Ok(())
}

fn note(ue: &mut Side, key: &UsageKey) {
    match key {
        UsageKey::Usrk(key) => ue.key(key),
        UsageKey::Dsusrk(key) => ue.key(key),
    }
}
