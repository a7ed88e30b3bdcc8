//! What falls when a key leaks, and what near it does not.

use kaskade_keys::derivation::HolderGroup;
use kaskade_keys::tree;
use serde_json::{Value, json};

use crate::hierarchy;
use crate::sheet::{Sheet, Style, wrap};

/// The consequences of a leak.
pub struct Leak {
    leaked: Vec<&'static str>,
    fallen: Vec<&'static str>,
    safe: Vec<Safe>,
}

/// A key that is near but does not fall.
struct Safe {
    key: &'static str,
    why: Why,
}

enum Why {
    /// The leaked key is derived from it.
    Above(&'static str),
    /// It has a parent in common with a leaked key.
    Beside(&'static str),
    /// A fallen key enters its derivation, but so does another secret.
    Needs(Vec<&'static str>),
}

impl Leak {
    /// What follows when these keys are known to somebody who should not have them.
    pub fn of(leaked: Vec<&'static str>) -> Self {
        let joined = joined(&leaked);
        let known: Vec<&str> = leaked.iter().chain(&joined).copied().collect();
        let mut fallen = joined;
        fallen.extend(tree::fallen(&known));
        let known = |key: &str| leaked.contains(&key) || fallen.contains(&key);
        let mut safe: Vec<Safe> = Vec::new();
        let mut push = |key: &'static str, why: Why| {
            if !known(key) && safe.iter().all(|safe| safe.key != key) {
                safe.push(Safe { key, why });
            }
        };
        for row in leaked.iter().flat_map(|key| tree::makers(key)) {
            push(row.parent, Why::Above(row.child));
        }
        for row in tree::rows().filter(|row| known(row.parent) || row.keys().flatten().any(|key| known(key))) {
            let parent = (!known(row.parent)).then_some(row.parent).into_iter();
            let keys = row.keys().filter(|names| !names.iter().any(|name| known(name)));
            let missing = parent.chain(keys.flatten().copied()).collect();
            push(row.child, Why::Needs(missing));
        }
        for key in &leaked {
            let parents: Vec<&str> = tree::makers(key).map(|row| row.parent).collect();
            for row in parents.iter().flat_map(|parent| tree::children(parent)) {
                push(row.child, Why::Beside(row.parent));
            }
        }
        Self { leaked, fallen, safe }
    }

    /// As text: the keys that fall, by who holds them, and those near them that do not.
    pub fn text(&self, sheet: &Sheet) -> String {
        let names = self.leaked.join(" and ");
        let title = match self.fallen.len() {
            0 => format!("If {names} leaks, no other key falls"),
            1 => format!("If {names} leaks, 1 other key falls"),
            count => format!("If {names} leaks, {count} other keys fall"),
        };
        let mut text = sheet.paint(Style::Strong, &sheet.spell(&title)) + "\n";
        for (group, keys) in self.by_group() {
            push(sheet, &mut text, Style::Bad, group.name(), &keys.join(", "));
        }
        if !self.fallen.is_empty() {
            text.push_str(&sheet.paint(
                Style::Faint,
                "A key stands at each group that holds it. What is no key counts as known: it travels in clear or can be guessed.",
            ));
            text.push('\n');
        }
        if self.safe.is_empty() {
            return text;
        }
        text.push('\n');
        text.push_str(&sheet.paint(Style::Strong, "Near it, and not fallen"));
        text.push('\n');
        let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
        for safe in &self.safe {
            let why = safe.why.sentence();
            match reasons.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, keys)) => keys.push(safe.key),
                None => reasons.push((why, vec![safe.key])),
            }
        }
        for (why, keys) in reasons {
            let columns = sheet.width();
            for (at, line) in wrap(&sheet.spell(&format!("{}: {why}", keys.join(", "))), columns)
                .iter()
                .enumerate()
            {
                let line = if at == 0 { line.clone() } else { format!("  {line}") };
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }

    /// As JSON.
    pub fn document(&self) -> Value {
        let groups: serde_json::Map<String, Value> = self
            .by_group()
            .into_iter()
            .map(|(group, keys)| (group.name().to_owned(), json!(keys)))
            .collect();
        let safe: Vec<Value> = self
            .safe
            .iter()
            .map(|safe| json!({ "key": safe.key, "why": safe.why.sentence() }))
            .collect();
        json!({ "leaked": self.leaked, "fallen": self.fallen, "by_holder": groups, "not_fallen": safe })
    }

    fn by_group(&self) -> Vec<(HolderGroup, Vec<&'static str>)> {
        let keys = |group| -> Vec<&'static str> {
            let fallen = self.fallen.iter().copied();
            fallen.filter(|key| hierarchy::groups(key).contains(&group)).collect()
        };
        let groups = HolderGroup::ALL.into_iter().map(|group| (group, keys(group)));
        groups.filter(|(_, keys)| !keys.is_empty()).collect()
    }
}

impl Why {
    fn sentence(&self) -> String {
        match self {
            Self::Above(child) => format!("{child} is derived from it, and a derivation cannot be turned round"),
            Self::Beside(parent) => format!("also derived from {parent}, which is not known"),
            Self::Needs(keys) => match keys.as_slice() {
                [key] => format!("needs {key} too"),
                keys => format!("needs {} too", keys.join(" or ")),
            },
        }
    }
}

/// Keys that are nothing but leaked keys put together, such as CK||IK.
fn joined(leaked: &[&'static str]) -> Vec<&'static str> {
    let keys = tree::keys()
        .into_iter()
        .filter(|key| !leaked.contains(key) && key.contains("||"));
    keys.filter(|key| key.split("||").all(|part| leaked.contains(&part)))
        .collect()
}

fn push(sheet: &Sheet, text: &mut String, style: Style, label: &str, value: &str) {
    const LABEL: usize = 17;
    let columns = sheet.width().saturating_sub(LABEL);
    for (at, line) in wrap(&sheet.spell(value), columns).iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        text.push_str(&sheet.paint(style, &format!("{label:<LABEL$}")));
        text.push_str(line);
        text.push('\n');
    }
}
