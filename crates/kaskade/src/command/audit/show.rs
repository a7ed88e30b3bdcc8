//! `kaskade audit show`: the entries that somebody asks for.

use std::collections::VecDeque;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kaskade_codec::sbi::Timestamp;
use kaskade_flow::UnixMillis;
use kaskade_flow::event::{Action, Entry, Event, Gap, Outcome, PeerId};
use kaskade_keys::Supi;
use kaskade_net::time::unix_millis;
use kaskade_store::audit::PeerNames;

use super::{open, unreadable};
use crate::admin::audit::{Asked, AskedPeer, EntryView, proved};
use crate::console::{Console, Style};
use crate::data_dir::DataArgs;

/// Shows entries: who got, changed or was refused what, about whom. Subscribers are masked
///
/// SUPIs are not in the log: each subscriber has a pseudonym that only this log's master key makes. --supi computes it and
/// finds all entries about one subscriber.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade audit show --last 20
  kaskade audit show --since 2h --action vector-given
  kaskade audit show --supi imsi-001010000000001 --json

The first line names the columns; what follows them is name=value. Both have the names of --json. Times are UTC.
A gap says from when until when entries may be missing, for at most how many milliseconds of that, or how many are.")]
pub(super) struct Args {
    /// Folder of the log, instead of the configured one
    folder: Option<PathBuf>,
    /// From then on: 2026-11-28, 2026-11-28T10:00:00Z, or how long ago: 90s, 15m, 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<UnixMillis>,
    /// Until then
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<UnixMillis>,
    /// Of this peer: its name or address, or its 16 digits
    #[arg(long, value_name = "NAME")]
    peer: Option<String>,
    /// About this subscriber, such as imsi-001010000000001; takes the master key
    #[arg(long)]
    supi: Option<Supi>,
    /// Of this action
    #[arg(long, value_name = "ACTION", value_parser = actions())]
    action: Option<Action>,
    /// With this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = outcomes())]
    outcome: Option<Outcome>,
    /// The last N of them
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// It is a part of a log: segments before the first one here are elsewhere, and not missed
    #[arg(long, requires = "folder")]
    part: bool,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

fn actions() -> impl TypedValueParser<Value = Action> {
    let names = Action::ALL.iter().map(|action| action.name());
    PossibleValuesParser::new(names).map(|name| Action::named(&name).unwrap_or(Action::Other))
}

fn outcomes() -> impl TypedValueParser<Value = Outcome> {
    let names = Outcome::ALL.iter().map(|outcome| outcome.name());
    PossibleValuesParser::new(names).map(|name| Outcome::named(&name).unwrap_or(Outcome::Noted))
}

fn time(text: &str) -> Result<UnixMillis> {
    let unit = match text.bytes().last() {
        Some(b's') => Some(1),
        Some(b'm') => Some(60),
        Some(b'h') => Some(3600),
        Some(b'd') => Some(86_400),
        _ => None,
    };
    let count = text
        .get(..text.len().saturating_sub(1))
        .and_then(|count| count.parse::<u64>().ok());
    if let (Some(unit), Some(count)) = (unit, count) {
        let ago = count.saturating_mul(unit).saturating_mul(1000);
        return Ok(UnixMillis::new(unix_millis().get().saturating_sub(ago)));
    }
    let whole = if text.len() == 10 {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    let at: Timestamp = whole
        .parse()
        .context("expected 2026-11-28, 2026-11-28T10:00:00Z, or how long ago: 90s, 15m, 2h, 7d")?;
    Ok(UnixMillis::new(u64::try_from(at.unix_millis()).unwrap_or(0)))
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let (_, reader, _) = open(console, args.folder.as_deref(), &args.data)?;
    let reader = if args.part { reader.part() } else { reader };
    let pseudonym = match &args.supi {
        Some(supi) => Some(
            reader
                .pseudonym(supi)
                .ok_or_else(|| anyhow!("--supi takes the master key: name the data folder of the log with --data"))?,
        ),
        None => None,
    };
    let asked = Asked {
        since: args.since,
        until: args.until,
        peer: args.peer.clone().map(AskedPeer::new),
        pseudonym,
        action: args.action,
        outcome: args.outcome,
    };
    let mut names = PeerNames::default();
    let mut last = VecDeque::new();
    let mut outcome = Ok(());
    let (mut any, mut introducing) = (false, 0_u64);
    let read = reader.read(None, &mut |_, _| (), &mut |number, entry| {
        names.see(entry);
        introducing += u64::from(matches!(entry, Entry::Name(_)));
        if outcome.is_err() || !asked.wants(entry, &names) {
            return;
        }
        let line = match args.json {
            true => as_json(number, entry, &names),
            false => as_text(console, entry, &names),
        };
        if !core::mem::replace(&mut any, true) && !args.json {
            outcome = console.line(HEADER);
        }
        match args.last {
            Some(most) => {
                last.push_back(line);
                if last.len() > most {
                    last.pop_front();
                }
            }
            None if outcome.is_ok() => outcome = console.line(line),
            None => {}
        }
    });
    outcome?;
    for line in last {
        console.line(line)?;
    }
    unreadable(read)?;
    if !any && !args.json {
        console.note(match args.outcome {
            Some(Outcome::Refused) => "no such entries: refusals of the last minute may not be written yet",
            _ => "no such entries",
        });
    }
    if asked.for_all() && args.last.is_none() && introducing > 0 {
        console.note(format!(
            "{introducing} entries are not shown: they only introduce the names of peers, and have numbers as all have"
        ));
    }
    Ok(())
}

/// The names of the columns, as wide as they are.
const HEADER: &str = "at                       outcome  action               peer                 subject";

/// As people read it.
fn as_text(console: &Console, entry: &Entry, names: &PeerNames) -> String {
    match entry {
        Entry::Event(event) => event_text(console, event, names),
        Entry::Gap(gap) => console.paint(Style::Note, &gap_text(gap)),
        Entry::Name(_) => String::new(),
    }
}

fn gap_text(gap: &Gap) -> String {
    let lost = match gap.lost {
        Some(lost) => format!("lost={lost}"),
        None => format!("at_most_ms={}", gap.at_most_ms),
    };
    let refusals = match gap.refusals {
        Some(from) => format!(" refusals_from={}", Timestamp::from(from)),
        None => String::new(),
    };
    format!(
        "{} gap      {} until={} {lost}{refusals}",
        Timestamp::from(gap.from),
        gap.reason.name(),
        Timestamp::from(gap.until),
    )
}

fn event_text(console: &Console, event: &Event, names: &PeerNames) -> String {
    let outcome = format!("{:<8}", event.outcome().name());
    let outcome = match event.outcome() {
        Outcome::Refused => console.paint(Style::Note, &outcome),
        _ => outcome,
    };
    let mut line = format!(
        "{} {outcome} {:<20} {:<20} {:<20}",
        Timestamp::from(event.at()),
        event.action().name(),
        peer_name(event.peer(), names),
        event.subject().masked(),
    );
    if let Some((name, [a, b, c, d])) = event.key_name() {
        line.push_str(&format!(" key={name} fingerprint={a:02x}{b:02x}{c:02x}{d:02x}"));
    }
    if !event.reason().name().is_empty() {
        line.push_str(&format!(" reason={}", event.reason().name()));
    }
    if event.count() != 1 {
        line.push_str(&format!(" count={}", event.count()));
    }
    if !event.subject().masked().is_empty() {
        let pseudonym: String = event
            .subject()
            .pseudonym()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        line.push_str(&format!(" pseudonym={pseudonym}"));
    }
    if event.action() == Action::LogAccepted {
        line.push_str(&format!(" known_up_to={}", event.correlation()));
    } else if event.correlation() != 0 {
        line.push_str(&format!(" correlation={:016x}", event.correlation()));
    }
    line.trim_end().to_owned()
}

fn as_json(number: u64, entry: &Entry, names: &PeerNames) -> String {
    let view = EntryView::of(number, entry, names).map(serde_json::to_value);
    view.and_then(Result::ok)
        .map(|view| view.to_string())
        .unwrap_or_default()
}

/// What is bare is an address that the log had from the connection, a user of this machine, a number, nobody or many; what a certificate or a group calls
/// itself is in quotes, whatever it looks like.
fn peer_name(peer: PeerId, names: &PeerNames) -> String {
    match (peer, names.name(peer)) {
        (PeerId::NOBODY, _) => "-".into(),
        (PeerId::MANY, _) => "many peers".into(),
        (peer, Some(name)) if proved(peer, name).is_some() => name.to_owned(),
        (_, Some(name)) => format!("{name:?}"),
        (peer, _) => peer.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use kaskade_net::sbi::peer::Requester;

    use super::super::named;
    use super::*;

    #[test]
    fn no_name_looks_like_somebody_else() {
        for address in ["127.0.0.1", "2001:db8::1"] {
            let requester = Requester::address(address.parse().unwrap());
            let peer = PeerId::from_octets(requester.id().short());
            assert_eq!(
                peer_name(peer, &named(peer, &requester.to_string())),
                requester.to_string()
            );
        }
        let user = Requester::user(0);
        let peer = PeerId::from_octets(user.id().short());
        assert_eq!(peer_name(peer, &named(peer, "uid:0")), "uid:0");
        let peer = PeerId::of("a certificate");
        for name in [
            "uid:0",
            "-",
            "many peers",
            "127.0.0.1",
            "2001:db8::/64",
            "0011223344556677",
            "a  imsi-00101********01",
            "a\"b",
        ] {
            let shown = peer_name(peer, &named(peer, name));
            assert!(
                shown.starts_with('"') && shown.ends_with('"') && shown.len() >= name.len() + 2,
                "{shown}"
            );
        }
    }
}
