//! Two network functions of a slice secure their link with a key below the EMSK of a subscriber: `docs/emsk.md` tells more.
//!
//! ```text
//! cargo run -p kaskade-net --features psk --example slice_link
//! ```
#![allow(clippy::print_stdout, reason = "it prints")]

use std::error::Error;
use std::time::Duration;

use kaskade_anchor::emsk::{DataRule, Grant, Usage, Who};
use kaskade_codec::sbi::usage_keys::UsageKeyRequest;
use kaskade_keys::Supi;
use kaskade_net::psk::UsagePsks;

use self::usage::function::Function;
use self::usage::link::{Link, Listening, PROFILE, refusal};
use self::usage::pki::Pki;
use self::usage::{Home, Ue};

#[allow(clippy::duplicate_mod, reason = "a test has both examples")]
#[path = "usage/mod.rs"]
mod usage;

/// What the keys are for. One usage, one protocol: TLS 1.3.
const LABEL: &str = "slice-link@operator.example";
/// Whose keys they are below: another domain has others.
const DOMAIN: &str = "slices.operator.example";
const SLICE: &str = "1-0000d1";
const OTHER_SLICE: &str = "1-0000d2";

/// SMF and UPF are of the one slice, a second SMF of the other.
fn usage() -> Result<Usage, Box<dyn Error>> {
    let grant = |name: &str, slice: &str| {
        Ok::<_, Box<dyn Error>>(Grant {
            who: Who::Principal(name.to_owned()),
            slices: vec![slice.parse()?],
        })
    };
    Ok(Usage {
        label: LABEL.parse()?,
        domain: Some(DOMAIN.parse()?),
        data: DataRule::Slice,
        grants: vec![
            grant("smf.operator.example", SLICE)?,
            grant("upf.operator.example", SLICE)?,
            grant("smf2.operator.example", OTHER_SLICE)?,
        ],
        lifetime: Duration::from_secs(3600),
    })
}

fn of_slice(supi: &Supi, slice: &str) -> Result<UsageKeyRequest, Box<dyn Error>> {
    Ok(UsageKeyRequest {
        supi: supi.clone(),
        label: LABEL.parse()?,
        domain: Some(DOMAIN.parse()?),
        data_hex: None,
        snssai: Some(slice.parse()?),
        application: None,
        callback_uri: None,
    })
}

/// All of it; a line for each thing that happens.
pub(crate) async fn run() -> Result<Vec<String>, Box<dyn Error>> {
    let mut lines = Vec::new();
    let mut say = |line: String| lines.push(line);
    let pki = Pki::new()?;
    let smf = Function::start(&pki, "smf.operator.example", PROFILE)?;
    let upf = Function::start(&pki, "upf.operator.example", PROFILE)?;
    let smf2 = Function::start(&pki, "smf2.operator.example", PROFILE)?;
    let home = Home::start(pki, usage()?, &[&smf, &upf, &smf2])?;
    let mut ue = Ue::new()?;

    ue.attach(&home).await?;
    say("UE: attached by EAP-AKA'".to_owned());
    let given = smf.ask(&home, of_slice(&ue.supi, SLICE)?).await?;
    say(format!(
        "SMF: DSUSRK {} of slice {SLICE}, print {}",
        given.name.key, given.print
    ));
    let same = upf.ask(&home, of_slice(&ue.supi, SLICE)?).await?;
    say(format!(
        "UPF: DSUSRK {} of slice {SLICE}, print {}",
        same.name.key, same.print
    ));
    let listening = Listening::start(upf.keys.clone()).await?;
    let identity = given.name.identity();
    let mut link = Link::connect(&smf.keys, &identity, listening.address).await?;
    say(format!(
        "SMF over HTTP/2 and TLS 1.3: the UPF {}",
        link.ask("session 17").await?
    ));

    // The other slice.
    match smf2.ask(&home, of_slice(&ue.supi, SLICE)?).await {
        Err(error) => say(format!(
            "SMF of another slice asks for the key of slice {SLICE}: {error}"
        )),
        Ok(_) => return Err("a function of another slice was given the key".into()),
    }
    let other = smf2.ask(&home, of_slice(&ue.supi, OTHER_SLICE)?).await?;
    say(format!(
        "SMF of another slice: DSUSRK {} of slice {OTHER_SLICE}, print {}",
        other.name.key, other.print
    ));
    let tried = Link::connect(&smf2.keys, &other.name.identity(), listening.address).await;
    say(format!("SMF of another slice at the UPF: {}", refusal(tried)?));

    // Whoever was not told of the end.
    let late = UsagePsks::new(PROFILE, 1);
    given.hold(&late)?;
    ue.attach(&home).await?;
    say("UE: attached again".to_owned());
    let why = [smf.told(1).await?, upf.told(1).await?];
    link.ended().await;
    say(format!("SMF and UPF were told: {}; the link is closed", why.join(", ")));
    let tried = Link::connect(&late, &identity, listening.address).await;
    say(format!("the old key at the UPF: {}", refusal(tried)?));
    let given = smf.ask(&home, of_slice(&ue.supi, SLICE)?).await?;
    upf.ask(&home, of_slice(&ue.supi, SLICE)?).await?;
    let mut link = Link::connect(&smf.keys, &given.name.identity(), listening.address).await?;
    say(format!(
        "SMF with DSUSRK {}, print {}: the UPF {}",
        given.name.key,
        given.print,
        link.ask("session 18").await?
    ));
    if listening.requests() != 2 {
        return Err("somebody else was heard".into());
    }
    home.stop().await;
    Ok(lines)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await?.iter().for_each(|line| println!("{line}"));
    Ok(())
}
