//! A UE and an application server secure a session with a key below the EMSK of the UE's authentication: `docs/emsk.md` tells more.
//!
//! ```text
//! cargo run -p kaskade-net --features psk --example ue_application
//! ```
#![allow(clippy::print_stdout, reason = "it prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use kaskade_anchor::emsk::{DataRule, Grant, KeyOf, Usage, Who};
use kaskade_codec::sbi::usage_keys::UsageKeyRequest;
use kaskade_keys::Supi;
use kaskade_keys::id::UsageData;
use kaskade_net::psk::{
    MAX_MESSAGE, Profile, PskClient, PskDatagramServer, PskDatagrams, PskKey, PskLimits, PskServer, PskSuite,
    UsageKeyName,
};
use kaskade_ue::NamedKey;
use tokio::net::UdpSocket;

use self::usage::function::Function;
use self::usage::pki::Pki;
use self::usage::{Home, Ue};

#[allow(clippy::duplicate_mod, reason = "a test has both examples")]
#[path = "usage/mod.rs"]
mod usage;

/// What the keys are for. One usage, one protocol: DTLS 1.2 with this suite, which has forward secrecy.
const LABEL: &str = "meter@operator.example";
const PROFILE: Profile = Profile::Dtls12(PskSuite::EcdheChaCha20Poly1305);
const SLICE: &str = "2-00a001";
const OTHER_SLICE: &str = "2-00a002";
const APPLICATION: &str = "readings";
const OTHER_APPLICATION: &str = "firmware";

/// The application server serves one slice.
fn usage() -> Result<Usage, Box<dyn Error>> {
    Ok(Usage {
        label: LABEL.parse()?,
        domain: None,
        data: DataRule::Slice,
        grants: vec![Grant {
            who: Who::Principal("af.operator.example".to_owned()),
            slices: vec![SLICE.parse()?],
        }],
        lifetime: Duration::from_secs(3600),
    })
}

fn asked(supi: &Supi, slice: &str) -> Result<UsageKeyRequest, Box<dyn Error>> {
    Ok(UsageKeyRequest {
        supi: supi.clone(),
        label: LABEL.parse()?,
        domain: None,
        data_hex: None,
        snssai: Some(slice.parse()?),
        application: Some(APPLICATION.parse()?),
        callback_uri: None,
    })
}

/// What the UE derives by itself.
fn derived(ue: &mut Ue, slice: &str, application: &str) -> Result<NamedKey, Box<dyn Error>> {
    let data = UsageData::slice(&slice.parse()?, Some(&application.parse()?));
    let key = ue.device()?.usage_key(&KeyOf::usage(LABEL.parse()?, data));
    key.ok_or_else(|| "the UE is not attached".into())
}

/// The UE begins a session with a key.
async fn connect(key: &NamedKey, to: std::net::SocketAddr, patience: Duration) -> Result<PskDatagrams, Box<dyn Error>> {
    let name = UsageKeyName {
        emsk: key.emsk_name,
        key: key.name,
        domain: None,
    };
    let psk = PskKey::from_octets(key.key.expose_to_usage_server())?;
    let client = PskClient::new(PROFILE, name.identity(), psk)?.with_patience(patience);
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(to).await?;
    Ok(client.connect_datagrams(socket).await?)
}

/// How a session is refused that must not be.
async fn refused(key: &NamedKey, to: std::net::SocketAddr) -> Result<String, Box<dyn Error>> {
    match connect(key, to, Duration::from_secs(2)).await {
        Ok(_) => Err("the key opens what it must not open".into()),
        Err(error) => Ok(error.to_string()),
    }
}

async fn heard(end: &mut PskDatagrams) -> Result<String, Box<dyn Error>> {
    let mut message = [0; MAX_MESSAGE];
    let len = end.recv(&mut message).await?;
    Ok(String::from_utf8(message[..len].to_vec())?)
}

/// All of it; a line for each thing that happens.
pub(crate) async fn run() -> Result<Vec<String>, Box<dyn Error>> {
    let mut lines = Vec::new();
    let mut say = |line: String| lines.push(line);
    let pki = Pki::new()?;
    let af = Function::start(&pki, "af.operator.example", PROFILE)?;
    let home = Home::start(pki, usage()?, &[&af])?;
    let mut ue = Ue::new()?;

    ue.attach(&home).await?;
    let key = derived(&mut ue, SLICE, APPLICATION)?;
    say(format!(
        "UE: attached by EAP-AKA', derives USRK {} of slice {SLICE}, application {APPLICATION}, print {}",
        key.name,
        key.key.fingerprint()
    ));
    let given = af.ask(&home, asked(&ue.supi, SLICE)?).await?;
    say(format!("AF: is given USRK {}, print {}", given.name.key, given.print));

    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let address = socket.local_addr()?;
    let server = PskServer::new(PROFILE, None, Arc::clone(&af.keys) as _, PskLimits::default())?;
    let mut listening = PskDatagramServer::new(server, socket);
    let (at_ue, at_af) = tokio::join!(connect(&key, address, Duration::from_secs(20)), listening.accept());
    let (mut at_ue, (mut at_af, _)) = (at_ue?, at_af.ok_or("the server has ended")?);
    at_ue.send(b"42.7 kWh").await?;
    let reading = heard(&mut at_af).await?;
    at_af.send(b"noted").await?;
    let answer = heard(&mut at_ue).await?;
    let suite = at_af.cipher_suite();
    say(format!(
        "DTLS 1.2, suite {suite:#06x}: the AF read {reading:?}, the UE read {answer:?}"
    ));

    // Everything else.
    for (slice, application) in [(SLICE, OTHER_APPLICATION), (OTHER_SLICE, APPLICATION)] {
        let key = derived(&mut ue, slice, application)?;
        let why = refused(&key, address).await?;
        say(format!(
            "UE with USRK {} of slice {slice}, application {application}: {why}",
            key.name
        ));
    }
    match af.ask(&home, asked(&ue.supi, OTHER_SLICE)?).await {
        Err(error) => say(format!("AF asks for slice {OTHER_SLICE}: {error}")),
        Ok(_) => return Err("the application server was given the key of another slice".into()),
    }

    // The session ends with its key, and the key with the authentication.
    let identity = at_af.identity().cloned().ok_or("nobody has proved a key")?;
    let end = af.keys.ended(&identity);
    ue.attach(&home).await?;
    let why = af.told(1).await?;
    end.await;
    at_af.shutdown().await?;
    let words = heard(&mut at_ue).await?;
    say(format!(
        "UE: attached again; the AF was told: {why}, and says the end: {words:?}"
    ));
    say(format!("UE with the old key: {}", refused(&key, address).await?));
    home.stop().await;
    Ok(lines)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await?.iter().for_each(|line| println!("{line}"));
    Ok(())
}
