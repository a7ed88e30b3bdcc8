//! Whole pages: an overview of the hierarchy, a key with all that makes it, what a word stands for.

use kaskade_keys::derivation::{HolderGroup, Row, Source};
use kaskade_keys::tree;

use crate::explain::{facts, table};
use crate::lookup::Found;
use crate::sheet::{Sheet, Style};
use crate::{hierarchy, notation};

const SOURCES: [Source; 3] = [Source::ThreeGpp, Source::Ietf, Source::ProjectProfile];

/// More derivations than that are listed, a line each.
const MANY: usize = 6;

/// What was found, each derivation with its facts; many of them as a list.
pub fn found(sheet: &Sheet, found: &Found) -> String {
    let rows = found.rows();
    match found {
        Found::Key(key) => of_key(sheet, key, &rows),
        Found::Rows { title, .. } => {
            let count = if rows.len() == 1 {
                "1 derivation".into()
            } else {
                format!("{} derivations", rows.len())
            };
            let mut text = line(&sheet.paint(Style::Note, &sheet.spell(&format!("{title}: {count}"))));
            if rows.len() > MANY {
                text.push_str(&table::list(sheet, &rows));
                text.push_str(&line(
                    &sheet.paint(Style::Faint, "More: kaskade explain KEY, or a clause with its number"),
                ));
            } else {
                for row in rows {
                    text.push_str(&format!("\n{}", facts::text(sheet, row)));
                }
            }
            text
        }
    }
}

fn of_key(sheet: &Sheet, key: &'static str, rows: &[&'static Row]) -> String {
    let mut text = String::new();
    match rows {
        [] => {
            let title = sheet.paint(Style::Strong, key);
            let octets = hierarchy::length(&hierarchy::lengths(key));
            if *key == *tree::ROOT {
                text.push_str(&format!(
                    "{title}  the secret of the card, {octets} octets: the hierarchy starts here\n"
                ));
                text.push_str(&format!("Held by     {}\n", hierarchy::holder_names(key).join(", ")));
            } else {
                text.push_str(&format!(
                    "{title}  comes from elsewhere, {octets} octets: no derivation makes it\n"
                ));
            }
        }
        [row] => text.push_str(&facts::text(sheet, row)),
        rows => {
            let title = format!("{key} is made in {} ways, the usual one first", rows.len());
            text.push_str(&line(&sheet.paint(Style::Note, &sheet.spell(&title))));
            for row in rows {
                text.push_str(&format!("\n{}", facts::text(sheet, row)));
            }
        }
    }
    text.push_str(&format!("\n{}", facts::place_in_hierarchy(sheet, key)));
    let more = format!("More: kaskade explain {0} --tree, --if-leaked", notation::quoted(key));
    text.push_str(&line(&sheet.paint(Style::Faint, &more)));
    text
}

/// The hierarchy in a page: how many keys, its branches, who holds them, who says so, and where to go on.
pub fn overview(sheet: &Sheet) -> String {
    let rows: Vec<&'static Row> = tree::rows().collect();
    let keys = tree::keys();
    let title = format!("{} keys and {} derivations", keys.len(), rows.len());
    let heading = |text: &str| line(&sheet.paint(Style::Strong, text));
    let mut text = heading(&title);
    text.push_str(&sheet.paragraph(
        "Each key is derived from the one above it, mostly by one function: HMAC-SHA-256 keyed with the parent over a string \
         S that begins with FC, the number of the derivation, and goes on with the parameters P0, L0, P1, L1 … (TS 33.220 \
         Annex B). It all begins with K, the secret of the card. Nobody gets from a key to its parent: whoever holds a key holds all below it and none above.",
    ));
    text.push('\n');
    text.push_str(&heading("Branches, and how many keys are below"));
    let mut branches: Vec<(&'static str, usize)> = keys
        .iter()
        .map(|key| (*key, hierarchy::places(key).len() - 1))
        .filter(|(_, below)| *below >= 4)
        .collect();
    branches.sort_by_key(|(_, below)| std::cmp::Reverse(*below));
    let names = branches
        .iter()
        .map(|(name, _)| *name)
        .chain(HolderGroup::ALL.map(HolderGroup::name));
    let column = names.map(|name| name.chars().count()).max().unwrap_or(0);
    for (key, below) in &branches {
        let holders = hierarchy::holder_names(key).join(", ");
        text.push_str(&line(format!("  {key:<column$}  {below:>3}  {holders}").trim_end()));
    }
    let outside: Vec<&str> = hierarchy::roots()
        .into_iter()
        .filter(|key| *key != tree::ROOT)
        .collect();
    if !outside.is_empty() {
        text.push_str(&sheet.paragraph(&format!("From elsewhere, not from K: {}.", outside.join(", "))));
    }
    text.push('\n');
    text.push_str(&heading("Held by"));
    for group in HolderGroup::ALL {
        let held = keys
            .iter()
            .filter(|key| hierarchy::groups(key).contains(&group))
            .count();
        text.push_str(&line(&format!("  {:<column$}  {held:>3}", group.name())));
    }
    text.push('\n');
    text.push_str(&heading("Said by"));
    for source in SOURCES {
        let said = rows.iter().filter(|row| row.source() == source).count();
        if said > 0 {
            text.push_str(&line(&format!("  {:<column$}  {said:>3} derivations", source.name())));
        }
    }
    text.push('\n');
    text.push_str(&heading("Go on with"));
    for (command, what) in [
        ("kaskade explain --tree", "all keys"),
        (
            "kaskade explain K_gNB",
            "one key: what enters, who holds it, when it is renewed",
        ),
        ("kaskade explain 0x6E", "an FC"),
        ("kaskade explain 33.501 A.9", "a clause"),
        ("kaskade explain K_gNB --if-leaked", "what an attacker has who has it"),
        ("kaskade derive K_gNB --from k-amf=-", "compute it"),
    ] {
        text.push_str(&line(&format!("  {command:<36}{}", sheet.paint(Style::Faint, what))));
    }
    text
}

fn line(text: &str) -> String {
    format!("{text}\n")
}
