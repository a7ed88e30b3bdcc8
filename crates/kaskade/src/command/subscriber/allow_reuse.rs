//! `kaskade subscriber allow-reuse`: brings back a card for which no sequence number is left.

use anyhow::{Result, bail};
use kaskade_flow::event::Action as Audited;
use serde_json::json;

use super::subscription::supi_of;
use super::{highest_sqn, is_at_its_end, unknown};
use crate::command::store::audit;
use crate::console::Console;
use crate::data_dir::{DataArgs, DataDir};
use crate::record::{Much, change, open_audit_of, told};
use crate::runtime::store::open_store;
use kaskade::hex_field;
use kaskade::subscription::Who;

/// Lets a card be followed back once, even to sequence numbers that were used before
///
/// A card that has gone back (restored, cloned for a test, migrated) says so in an AUTS, and is followed by itself, unless it went
/// back too often lately. With `[sqn] reuse = "never"` it is not followed below an SQN that it has shown in an AUTS before, and
/// not where no number is left that was never used. In these cases the log names this command. It changes no number: the next
/// fresh AUTS of this card, and only that one, is followed wherever the card is, to numbers that were never used as far as
/// there are any, and each number is issued with a new RAND.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  kaskade subscriber allow-reuse imsi-001010000000001 --yes

If the card was not restored or replaced by anybody you know of, somebody may have a copy of it: give it a new K instead
(`kaskade subscriber add --replace`).")]
pub(super) struct Args {
    /// SUPI or GPSI, such as imsi-001010000000001 or msisdn-491701234567
    #[arg(value_name = "SUPI|GPSI")]
    who: Who,
    /// Really allow it
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let config = args.data.config()?;
    let data = DataDir::open(&config.data_dir)?;
    let store = open_store(&data, &config)?;
    let supi = supi_of(&store, &args.who)?;
    let before = store.subscriber(&supi)?.ok_or_else(|| unknown(&args.who))?;
    if !args.yes {
        bail!(
            "numbers that {} has seen could be issued once more: add --yes if you know why its card went back",
            supi.sbi()
        );
    }
    let audit_log = open_audit_of(&store, &data, &config, Much::No)?;
    audit(|| {
        let event = change(&audit_log, Audited::ReuseAllowed).map(|event| event.about(audit_log.subject(&supi)));
        store.allow_reuse_on_record(&supi, event)?;
        told(&audit_log)?;
        tracing::warn!(target: "audit", supi = %supi.masked(), "the next fresh AUTS may be followed to used numbers");
        Ok(())
    })?;
    let back = before.sqn.back();
    if args.json {
        let highest = highest_sqn(&before.sqn).octets();
        console.done(json!({
            "supi": supi.sbi(),
            "sqn_reuse_allowed": true,
            "was_allowed": back.granted,
            "sqn_reused": back.reuses,
            "highest_sqn": *hex_field::text(&highest),
            "sqn_at_its_end": is_at_its_end(&before.sqn),
        }))?;
        return Ok(());
    }
    let text = if is_at_its_end(&before.sqn) {
        "no SQN is left above the highest. It needs a new K (`kaskade subscriber add --replace`), unless its card has gone \
         back: only then the next fresh AUTS helps"
    } else if back.granted {
        "was allowed already: the next fresh AUTS of its card is followed wherever that is"
    } else {
        "the next fresh AUTS of its card is followed wherever that is, once; no number has changed yet"
    };
    console.done(format!("{}: {text}", supi.sbi()))
}
