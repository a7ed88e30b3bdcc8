//! `kaskade subscriber allow-reuse`: brings back a card for which no sequence number is left.

use anyhow::{Result, bail};
use kaskade::subscription::Who;
use kaskade_keys::Supi;

use super::{about, open};
use crate::admin::LinkArgs;
use crate::admin::link::Purpose;
use crate::admin::subscriber;
use crate::console::Console;

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
    link: LinkArgs,
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let link = open(console, &args.link, Purpose::Change)?;
    let found = link.ask::<subscriber::Show>(args.who.clone(), Default::default(), Default::default());
    let supi: Supi = found.map_err(|error| about(&args.who, error))?.supi.parse()?;
    if !args.yes {
        bail!(
            "numbers that {} has seen could be issued once more: add --yes if you know why its card went back",
            supi.sbi()
        );
    }
    let allowed = link.ask::<subscriber::AllowReuse>(Who::Supi(supi.clone()), Default::default(), Default::default());
    let allowed = allowed.map_err(|error| about(&args.who, error))?;
    if args.json {
        console.done(serde_json::to_value(&allowed)?)?;
        return Ok(());
    }
    let text = if allowed.sqn_at_its_end {
        "no SQN is left above the highest. It needs a new K (`kaskade subscriber add --replace`), unless its card has gone \
         back: only then the next fresh AUTS helps"
    } else if allowed.was_allowed {
        "was allowed already: the next fresh AUTS of its card is followed wherever that is"
    } else {
        "the next fresh AUTS of its card is followed wherever that is, once; no number has changed yet"
    };
    console.done(format!("{}: {text}", supi.sbi()))
}
