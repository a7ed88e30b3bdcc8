//! The cascade as a tree: each key with its holders, its derivation, and whether both sides have the same.
//!
//! Shape and words come from the rows of [`kaskade_keys::tree`] alone; a key of a new branch appears here by itself as soon
//! as a side knows it.

use kaskade_keys::derivation::{Given, Holder, Row};
use kaskade_keys::tree;
use zeroize::Zeroizing;

use crate::digits;
use crate::hierarchy;
use crate::sheet::{Sheet, Style};
use crate::side::{KnownKey, Side};

/// What two sides know.
#[derive(Clone, Copy)]
pub struct Sides<'s> {
    /// The device's.
    pub ue: &'s Side,
    /// `None` when nothing was compared: then there are no ticks.
    pub network: Option<&'s Side>,
}

/// How a key compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Both sides have it, and it is the same.
    Agrees,
    /// Both sides have it, and it is not the same.
    Differs,
    /// One side has it.
    OneSided,
}

/// One line of the tree.
pub struct Node {
    /// One row, or two that make the same value on the two sides, such as RES* and XRES*.
    pub rows: Vec<&'static Row>,
    /// What is derived from it.
    pub children: Vec<Node>,
}

/// The tree of everything that a side knows, in the order in which it is read best: leaves before branches.
pub fn nodes(sides: Sides<'_>) -> Vec<Node> {
    known(children(&[tree::ROOT], sides), sides)
}

fn children(parents: &[&str], sides: Sides<'_>) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    // Each key has one place, and no key is below itself.
    let rows = parents.iter().flat_map(|parent| tree::children(parent));
    for row in rows.filter(|row| is_place(row, sides)) {
        match nodes.iter_mut().find(|node| same_value(&node.rows, row)) {
            Some(node) => node.rows.push(row),
            None => nodes.push(Node {
                rows: vec![row],
                children: Vec::new(),
            }),
        }
    }
    for node in &mut nodes {
        let names: Vec<&str> = node.names().collect();
        node.children = children(&names, sides);
    }
    nodes.sort_by_key(Node::height);
    nodes
}

/// Whether a derivation gives its key its place: the usual one, or the one that a side knows.
fn is_place(row: &'static Row, sides: Sides<'_>) -> bool {
    let known = sides.ue.made_of(row.child);
    match known.or_else(|| sides.network?.made_of(row.child)) {
        Some(parent) => row.parent == parent,
        None => hierarchy::is_home(row),
    }
}

/// Drops what no side knows.
fn known(mut nodes: Vec<Node>, sides: Sides<'_>) -> Vec<Node> {
    for node in &mut nodes {
        node.children = known(std::mem::take(&mut node.children), sides);
    }
    nodes.retain(|node| node.is_known(sides) || !node.children.is_empty());
    nodes
}

/// Whether a row is the other side's name for what `rows` make: the same function over the same inputs by other parties.
fn same_value(rows: &[&Row], row: &Row) -> bool {
    rows.iter().any(|known| {
        known.rule == row.rule
            && known.kept == row.kept
            && known.clause == row.clause
            && known.parameters.len() == row.parameters.len()
            && !known.derived_by.iter().any(|holder| row.derived_by.contains(holder))
    })
}

/// The inputs besides the parent, but for what the row itself fixes.
fn further_inputs(row: &Row) -> impl Iterator<Item = &'static str> {
    let given = row
        .parameters
        .iter()
        .filter(|spec| !matches!(spec.given, Given::Fixed(_)));
    given.map(|spec| spec.name)
}

impl Node {
    /// The names of its key.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().map(|row| row.child)
    }

    /// What each side has.
    pub fn keys<'s>(&self, sides: Sides<'s>) -> (Option<&'s KnownKey>, Option<&'s KnownKey>) {
        let both = |name| Some((sides.ue.of(name)?, sides.network?.of(name)?));
        if let Some((ue, network)) = self.names().find_map(both) {
            return (Some(ue), Some(network));
        }
        let ue = self.names().find_map(|name| sides.ue.of(name));
        let network = self.names().find_map(|name| sides.network?.of(name));
        (ue, network)
    }

    /// How they compare.
    pub fn agreement(&self, sides: Sides<'_>) -> Agreement {
        match self.keys(sides) {
            (Some(ue), Some(network)) if ue.fingerprint() == network.fingerprint() => Agreement::Agrees,
            (Some(_), Some(_)) => Agreement::Differs,
            _ => Agreement::OneSided,
        }
    }

    fn is_known(&self, sides: Sides<'_>) -> bool {
        matches!(self.keys(sides), (Some(_), _) | (_, Some(_)))
    }

    fn height(&self) -> usize {
        self.children.iter().map(|child| child.height() + 1).max().unwrap_or(0)
    }

    /// Visits it and all that is derived from it, as far as a side knows it.
    pub fn walk<'n>(&'n self, sides: Sides<'_>, visit: &mut impl FnMut(&'n Self)) {
        if self.is_known(sides) {
            visit(self);
        }
        self.children.iter().for_each(|child| child.walk(sides, visit));
    }
}

/// How many keys agree, how many one side alone has, and which is the first that differs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    /// Keys that both sides have, equal.
    pub agree: usize,
    /// Keys that both sides have, not equal.
    pub differ: usize,
    /// Keys that one side has.
    pub one_sided: usize,
    /// The derivation at which the sides part: the first in the order of the tree.
    pub first_difference: Option<&'static Row>,
}

impl Verdict {
    /// Compares every key of the tree.
    pub fn of(sides: Sides<'_>) -> Self {
        let mut verdict = Self::default();
        for node in &nodes(sides) {
            node.walk(sides, &mut |node| match node.agreement(sides) {
                Agreement::Agrees => verdict.agree += 1,
                Agreement::OneSided => verdict.one_sided += 1,
                Agreement::Differs => {
                    verdict.differ += 1;
                    verdict.first_difference = verdict.first_difference.or(node.rows.first().copied());
                }
            });
        }
        verdict
    }

    /// In one sentence.
    pub fn sentence(&self) -> String {
        let Self {
            agree,
            differ,
            one_sided,
            first_difference,
        } = *self;
        let mut sentence = match first_difference {
            None => format!("All {agree} keys that both sides have agree"),
            Some(row) => {
                let inputs: Vec<&str> = further_inputs(row).collect();
                format!(
                    "{differ} of {} keys differ, first {}: compare {}, {}",
                    agree + differ,
                    row.child,
                    row.parent,
                    inputs.join(", "),
                )
            }
        };
        if one_sided > 0 {
            sentence.push_str(&format!("; {one_sided} known to one side only"));
        }
        sentence
    }
}

/// What the ticks mean, and what came out.
pub fn conclusion(sheet: &Sheet, verdict: Verdict) -> String {
    let mark = |style, mark: &str| sheet.paint(style, &sheet.spell(mark));
    let mut legend = format!(
        "{} derived on both sides and equal   {} not equal",
        mark(Style::Good, "✓"),
        mark(Style::Bad, "✗")
    );
    if verdict.one_sided > 0 {
        legend.push_str(&format!("   {} known to one side only", mark(Style::Faint, "–")));
    }
    let style = if verdict.differ == 0 { Style::Good } else { Style::Bad };
    let sentence = sheet.spell(&verdict.sentence());
    format!("\n{legend}\n{}\n", sheet.paint(style, &sentence))
}

/// The tree in columns that fit the sheet; wiped on drop, as it may hold octets of keys.
pub fn render(sheet: &Sheet, sides: Sides<'_>) -> Zeroizing<String> {
    let mut lines = vec![root()];
    let nodes = nodes(sides);
    push(&mut lines, &nodes, "", sides);
    for line in &mut lines {
        line.spell(sheet);
    }
    let layout = Layout::new(sheet, &lines, sides.network.is_some());
    let mut text = Zeroizing::new(layout.heading(sheet));
    for line in &lines {
        layout.push(sheet, line, &mut text);
    }
    text
}

/// The cells of one key.
#[derive(Default)]
struct Line {
    /// Lines of the tree before the name, and before what follows below the name.
    stem: String,
    below: String,
    name: String,
    ue: String,
    network: String,
    fingerprint: String,
    /// The other side's, when it differs.
    other: String,
    agreement: Option<Agreement>,
    clause: String,
    function: String,
    value: Zeroizing<String>,
}

fn root() -> Line {
    let holders = tree::children(tree::ROOT).flat_map(|row| row.derived_by.iter().copied());
    let (ue, network) = split_holders(holders);
    Line {
        name: tree::ROOT.into(),
        below: "│".into(),
        ue,
        network,
        function: "the long-term secret: never shown".into(),
        ..Line::default()
    }
}

fn push(lines: &mut Vec<Line>, nodes: &[Node], stem: &str, sides: Sides<'_>) {
    for (at, node) in (1..).zip(nodes) {
        let last = at == nodes.len();
        let (branch, below) = if last { ("└─", "  ") } else { ("├─", "│ ") };
        let below = format!("{stem}{below}");
        let mut line = cells(node, sides);
        line.stem = format!("{stem}{branch}");
        line.below = if node.children.is_empty() {
            below.clone()
        } else {
            format!("{below}│")
        };
        lines.push(line);
        push(lines, &node.children, &below, sides);
    }
}

fn cells(node: &Node, sides: Sides<'_>) -> Line {
    let mut line = Line {
        name: node.names().collect::<Vec<_>>().join(" = "),
        ..Line::default()
    };
    (line.ue, line.network) = split_holders(node.rows.iter().flat_map(|row| row.held_by.iter().copied()));
    if let Some(row) = node.rows.first() {
        let inputs: Vec<&str> = further_inputs(row).collect();
        line.function = format!("{}  {}", hierarchy::function(row), inputs.join(", "));
        line.clause = clause(row.clause).into();
    }
    let (ue, network) = node.keys(sides);
    let agreement = node.agreement(sides);
    if let Some(key) = ue.or(network) {
        line.fingerprint = key.fingerprint().to_string();
    }
    if let (Agreement::Differs, Some(key)) = (agreement, network) {
        line.other = key.fingerprint().to_string();
    }
    if let Some(octets) = [ue, network].into_iter().flatten().find_map(KnownKey::octets) {
        line.value = digits::text(octets);
    }
    // What nobody kept is there for its children alone.
    line.agreement = sides.network.filter(|_| node.is_known(sides)).map(|_| agreement);
    line
}

/// As short as a column is; `kaskade explain` has the whole.
fn clause(whole: &'static str) -> &'static str {
    match whole.strip_prefix("Project profile ") {
        Some(profile) => profile.split(',').next().unwrap_or(profile),
        None => whole.trim_start_matches("TS "),
    }
}

/// The device's side and the network's.
fn split_holders(holders: impl Iterator<Item = Holder>) -> (String, String) {
    let (mut ue, mut network): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for holder in holders {
        let side = if holder.is_ue() { &mut ue } else { &mut network };
        if !side.contains(&holder.name()) {
            side.push(holder.name());
        }
    }
    (ue.join(" "), network.join(" "))
}

impl Line {
    fn spell(&mut self, sheet: &Sheet) {
        for cell in [&mut self.stem, &mut self.below, &mut self.function] {
            *cell = sheet.spell(cell);
        }
    }
}

/// Widths of the columns.
struct Layout {
    name: usize,
    ue: usize,
    network: usize,
    clause: usize,
    function: usize,
    mark: usize,
    arrow: String,
}

const FINGERPRINT: usize = 8;
const NO_FUNCTION: usize = 24;

impl Layout {
    fn new(sheet: &Sheet, lines: &[Line], compared: bool) -> Self {
        let widest = |cell: fn(&Line) -> usize| lines.iter().map(cell).max().unwrap_or(0);
        let mut layout = Self {
            name: widest(|line| width(&line.stem) + width(&line.name)),
            ue: widest(|line| width(&line.ue)),
            network: widest(|line| width(&line.network)),
            clause: widest(|line| width(&line.clause)),
            function: 0,
            mark: if compared { 1 + width(&sheet.spell("✓")) } else { 0 },
            arrow: sheet.spell(" ⇄ "),
        };
        layout.function = sheet.width().saturating_sub(layout.before_function()).max(NO_FUNCTION);
        layout
    }

    fn holders(&self) -> usize {
        self.ue + width(&self.arrow) + self.network
    }

    fn before_fingerprint(&self) -> usize {
        self.name + 2 + self.holders() + 2
    }

    fn before_function(&self) -> usize {
        self.before_fingerprint() + FINGERPRINT + self.mark + 2 + self.clause + 2
    }

    fn heading(&self, sheet: &Sheet) -> String {
        let heading = format!(
            "{}  {}  {}  {}  {}",
            padded("Key", self.name),
            padded("Held by", self.holders()),
            padded("Print", FINGERPRINT + self.mark),
            padded("TS, clause", self.clause),
            "Function and further inputs",
        );
        sheet.paint(Style::Faint, heading.trim_end()) + "\n"
    }

    fn push(&self, sheet: &Sheet, line: &Line, text: &mut String) {
        let mut functions = wrap(&line.function, self.function).into_iter();
        let name_style = match line.agreement {
            Some(Agreement::Differs) => Style::Bad,
            _ => Style::Strong,
        };
        text.push_str(&sheet.paint(Style::Faint, &line.stem));
        text.push_str(&sheet.paint(name_style, &line.name));
        text.push_str(&blank(self.name - width(&line.stem) - width(&line.name) + 2));
        let between = if line.ue.is_empty() || line.network.is_empty() {
            blank(width(&self.arrow))
        } else {
            self.arrow.clone()
        };
        text.push_str(&blank(self.ue - width(&line.ue)));
        text.push_str(&sheet.paint(Style::Ue, &line.ue));
        text.push_str(&sheet.paint(Style::Faint, &between));
        text.push_str(&sheet.paint(Style::Network, &line.network));
        text.push_str(&blank(self.network - width(&line.network) + 2));
        text.push_str(&padded(&line.fingerprint, FINGERPRINT));
        text.push_str(&self.mark(sheet, line));
        text.push_str("  ");
        text.push_str(&sheet.paint(Style::Faint, &padded(&line.clause, self.clause)));
        text.push_str("  ");
        text.push_str(&functions.next().unwrap_or_default());
        end_line(text);
        if !line.other.is_empty() {
            self.stem_below(sheet, line, self.before_fingerprint(), text);
            let note = format!("{} in the network", line.other);
            text.push_str(&sheet.paint(Style::Bad, &note));
            end_line(text);
        }
        for function in functions {
            self.stem_below(sheet, line, self.before_function(), text);
            text.push_str(&function);
            end_line(text);
        }
        if !line.value.is_empty() {
            self.stem_below(sheet, line, self.name + 2, text);
            text.push_str(&sheet.paint(Style::Note, &line.value));
            end_line(text);
        }
    }

    fn stem_below(&self, sheet: &Sheet, line: &Line, column: usize, text: &mut String) {
        text.push_str(&sheet.paint(Style::Faint, &line.below));
        text.push_str(&blank(column.saturating_sub(width(&line.below))));
    }

    fn mark(&self, sheet: &Sheet, line: &Line) -> String {
        let (style, mark) = match line.agreement {
            Some(Agreement::Agrees) => (Style::Good, "✓"),
            Some(Agreement::Differs) => (Style::Bad, "✗"),
            Some(Agreement::OneSided) => (Style::Faint, "–"),
            None => return blank(self.mark),
        };
        let mark = sheet.spell(mark);
        let rest = blank(self.mark.saturating_sub(1 + width(&mark)));
        format!(" {}{rest}", sheet.paint(style, &mark))
    }
}

/// Breaks text at blanks into lines of at most `columns`; a word that is longer has a line of its own.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    // The function and its blanks stay with the first input.
    let (function, inputs) = text.split_once("  ").unwrap_or(("", text));
    let indent = if function.is_empty() { 0 } else { width(function) + 2 };
    let mut line = if function.is_empty() {
        String::new()
    } else {
        format!("{function}  ")
    };
    let mut empty = true;
    for word in inputs.split(' ') {
        if !empty && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::replace(&mut line, blank(indent)));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn blank(columns: usize) -> String {
    " ".repeat(columns)
}

fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", blank(columns.saturating_sub(width(text))))
}

fn end_line(text: &mut String) {
    let end = text.trim_end_matches(' ').len();
    text.truncate(end);
    text.push('\n');
}
