//! Many derivations: a tree, a list, a path, a table for documentation, JSON.

use kaskade_keys::derivation::Row;
use kaskade_keys::tree;
use serde_json::{Value, json};

use crate::explain::facts;
use crate::hierarchy::{self, Place};
use crate::sheet::{Sheet, Style, wrap};

/// One line of the tree.
struct Line {
    stem: String,
    name: String,
    /// Shown elsewhere: a reference only.
    reference: bool,
    function: String,
    clause: String,
    holders: String,
}

/// Keys as trees; a key that can be made in several ways stands in one place, and is referred to from the
/// others.
pub fn text(sheet: &Sheet, trees: &[Vec<Place>]) -> String {
    let mut lines: Vec<Line> = Vec::new();
    for places in trees {
        let Some(root) = places.first() else { continue };
        lines.push(Line {
            stem: String::new(),
            name: root.key.to_owned(),
            reference: false,
            function: String::new(),
            clause: String::new(),
            holders: hierarchy::holder_names(root.key).join(" "),
        });
        branch(&mut lines, root.key, "", places);
    }
    let width = |cell: fn(&Line) -> usize| lines.iter().map(cell).max().unwrap_or(0);
    let name = width(|line| line.stem.chars().count() + line.name.chars().count());
    let function = width(|line| line.function.chars().count()).min(22);
    let clause = width(|line| line.clause.chars().count()).min(14);
    let mut text = String::new();
    for line in &lines {
        let stem = sheet.spell(&line.stem);
        let style = if line.reference { Style::Faint } else { Style::Strong };
        let fill = " ".repeat(name.saturating_sub(line.stem.chars().count() + line.name.chars().count()));
        let mut row = format!(
            "{}{}{fill}  {:<function$}  {}  {}",
            sheet.paint(Style::Faint, &stem),
            sheet.paint(style, &sheet.spell(&line.name)),
            sheet.spell(&cut(&line.function, function)),
            sheet.paint(
                Style::Faint,
                &sheet.spell(&format!("{:<clause$}", cut(&line.clause, clause)))
            ),
            line.holders,
        );
        row.truncate(row.trim_end().len());
        text.push_str(&row);
        text.push('\n');
    }
    text
}

fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        text.to_owned()
    } else {
        let mut cut: String = text.chars().take(columns.saturating_sub(1)).collect();
        cut.push('…');
        cut
    }
}

fn branch(lines: &mut Vec<Line>, key: &'static str, stem: &str, places: &[Place]) {
    let is_home = |row: &Row| {
        places
            .iter()
            .any(|place| place.row.is_some_and(|home| std::ptr::eq(home, row)))
    };
    let mut rows: Vec<&'static Row> = tree::children(key).collect();
    // What ends here first, then what goes on, references last.
    rows.sort_by_key(|row| {
        let goes_on = places
            .iter()
            .any(|place| place.row.is_some_and(|other| other.parent == row.child));
        (!is_home(row), goes_on)
    });
    for (at, row) in (1..).zip(&rows) {
        let (fork, below) = if at == rows.len() {
            ("└─", "  ")
        } else {
            ("├─", "│ ")
        };
        let home = is_home(row);
        let name = match (home, row.named == row.child) {
            (true, true) => row.child.to_owned(),
            (true, false) => format!("{} = {}", row.child, row.named),
            (false, true) => format!("→ {}", row.child),
            (false, false) => format!("→ {} as {}", row.child, row.named),
        };
        lines.push(Line {
            stem: format!("{stem}{fork}"),
            name,
            reference: !home,
            function: hierarchy::function(row),
            clause: row.clause.trim_start_matches("TS ").to_owned(),
            holders: if home {
                hierarchy::holder_names(row.child).join(" ")
            } else {
                String::new()
            },
        });
        if home {
            branch(lines, row.child, &format!("{stem}{below}"), places);
        }
    }
}

/// All derivations as a table in Markdown.
pub fn markdown() -> String {
    let mut text = String::from(
        "| Key | From | Function | Further inputs | Octets | Held by | Clause |\n|---|---|---|---|---|---|---|\n",
    );
    for row in tree::rows() {
        let inputs: Vec<&str> = row.parameters.iter().map(|spec| spec.name).collect();
        let named = if row.named == row.child {
            String::new()
        } else {
            format!(" as {}", row.named)
        };
        let held: Vec<&str> = row.held_by.iter().map(|holder| holder.name()).collect();
        let cells = [
            format!("{}{named}", row.child),
            row.parent.to_owned(),
            hierarchy::function(row),
            inputs.join(", "),
            hierarchy::length(&(row.child_least_octets..=row.child_octets)),
            held.join(", "),
            row.clause.to_owned(),
        ];
        let cells: Vec<String> = cells
            .iter()
            .map(|cell| cell.replace('|', "\\|").replace('*', "\\*"))
            .collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

/// The chain of derivations from one key to another, a line each.
pub fn path(sheet: &Sheet, rows: &[&'static Row]) -> String {
    let mut text = String::new();
    if let Some(first) = rows.first() {
        text.push_str(&format!("{}\n", sheet.paint(Style::Strong, &sheet.spell(first.parent))));
    }
    for row in rows {
        let inputs: Vec<&str> = row.parameters.iter().map(|spec| spec.name).collect();
        let line = format!("→ {}  {}  {}  {}", row.child, row.rule, row.clause, inputs.join(", "));
        for (at, line) in wrap(&sheet.spell(&line), sheet.width()).iter().enumerate() {
            let indent = if at == 0 { "" } else { "    " };
            text.push_str(&format!("{indent}{line}\n"));
        }
    }
    text
}

/// Derivations, a line each.
pub fn list(sheet: &Sheet, rows: &[&'static Row]) -> String {
    let width = |cell: &dyn Fn(&&Row) -> usize| rows.iter().map(cell).max().unwrap_or(0);
    let clause = width(&|row| row.clause.chars().count());
    let child = width(&|row| row.child.chars().count());
    let parent = width(&|row| row.parent.chars().count());
    let mut text = String::new();
    for row in rows {
        let line = format!(
            "{:<clause$}  {:<child$}  from {:<parent$}  {}",
            row.clause,
            row.child,
            row.parent,
            hierarchy::function(row)
        );
        text.push_str(&format!("{}\n", sheet.spell(&line)));
    }
    text
}

/// Derivations as JSON, with the keys that they are between.
pub fn document(rows: &[&'static Row]) -> Value {
    let mut names: Vec<&'static str> = Vec::new();
    let enter = rows.iter().flat_map(|row| row.keys().flatten().copied());
    for name in rows.iter().flat_map(|row| [row.parent, row.child]).chain(enter) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let keys: Vec<Value> = names
        .iter()
        .map(|key| {
            let groups: Vec<&str> = hierarchy::groups(key).iter().map(|group| group.name()).collect();
            json!({
                "name": key,
                "octets": hierarchy::octets(key),
                "octets_least": hierarchy::lengths(key).start(),
                "held_by": hierarchy::holder_names(key),
                "groups": groups,
            })
        })
        .collect();
    let derivations: Vec<Value> = rows.iter().map(|row| facts::document(row)).collect();
    json!({ "keys": keys, "derivations": derivations })
}
