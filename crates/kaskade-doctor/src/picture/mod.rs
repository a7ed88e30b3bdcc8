//! The hierarchy as a picture: an SVG, and a page to explore it, both without anything from elsewhere.

mod layout;

use kaskade_keys::derivation::{HolderGroup, Row, Rule};
use kaskade_keys::tree;
use serde_json::{Value, json};

use crate::explain::facts;
use crate::hierarchy;
use layout::{Box, GAP, HEIGHT, Layout, text_width};

const STYLE: &str = include_str!("style.css");
const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");

const MARGIN: f32 = 24.0;
/// Height of title and legend.
const HEAD: f32 = 118.0;

/// The picture as a file of its own.
pub fn svg() -> String {
    drawing(Some(STYLE))
}

/// The page.
pub fn html() -> String {
    let data = data().to_string().replace("</", "<\\/");
    PAGE.replace("/*STYLE*/", STYLE)
        .replace("<!--SVG-->", &drawing(None))
        .replace("/*DATA*/", &data)
        .replace("/*SCRIPT*/", SCRIPT)
}

fn drawing(style: Option<&str>) -> String {
    let layout = Layout::new(MARGIN + HEAD, MARGIN);
    let (width, height) = (layout.width + MARGIN, layout.height + MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-labelledby=\"title desc\">\n"
    );
    let count = tree::keys().len();
    svg.push_str("<title id=\"title\">The key hierarchy, from K to every derived key</title>\n");
    svg.push_str(&format!(
        "<desc id=\"desc\">{count} keys in columns by their distance from K. A line leads from each key to those that are \
         derived from it, with the FC of the derivation; colours tell who holds a key furthest from the card.</desc>\n"
    ));
    if let Some(style) = style {
        svg.push_str(&format!("<style>\n{style}</style>\n"));
    }
    svg.push_str("<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n");
    svg.push_str(&head(count));
    svg.push_str("<g class=\"edges\">\n");
    for frame in &layout.frames {
        svg.push_str(&format!(
            "<rect class=\"frame\" x=\"{:.0}\" y=\"{:.0}\" width=\"{:.0}\" height=\"{:.0}\" rx=\"10\"/>\n",
            frame.x, frame.y, frame.width, frame.height
        ));
        if let Some(parent) = layout.of(frame.parent) {
            let to = (frame.x, frame.y + frame.height / 2.0);
            svg.push_str(&edge(&layout, parent, to, None));
        }
    }
    for place in layout.boxes.iter().filter(|place| !place.framed) {
        let parent = place.row.and_then(|row| layout.of(row.parent));
        if let (Some(row), Some(parent)) = (place.row, parent) {
            let to = (place.x, place.y + HEIGHT / 2.0);
            svg.push_str(&edge(&layout, parent, to, Some(row)));
        }
    }
    for (from, row) in &layout.others {
        svg.push_str(&other_edge(&layout, from, row));
    }
    svg.push_str("</g>\n<g class=\"keys\">\n");
    let mut order: Vec<&Box> = layout.boxes.iter().collect();
    // As people read: by column, then from top to bottom.
    order.sort_by(|a, b| (a.x, a.y).partial_cmp(&(b.x, b.y)).unwrap_or(std::cmp::Ordering::Equal));
    for place in order {
        svg.push_str(&key(&layout, place));
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn head(count: usize) -> String {
    let mut head = format!(
        "<text class=\"heading\" x=\"{MARGIN}\" y=\"{:.0}\">Key hierarchy: {count} keys</text>\n",
        MARGIN + 22.0
    );
    head.push_str(&format!(
        "<text class=\"small\" x=\"{MARGIN}\" y=\"{:.0}\">A line leads from a key to what is derived from it; on it, or in the \
         box, the FC (TS 33.220 Annex B) or the function. Dashed: another way to the same key, or a key that enters besides. ↻: the next key of the same \
         name comes from this one.</text>\n",
        MARGIN + 46.0
    ));
    let mut x = MARGIN;
    let keys = tree::keys();
    let shown = |group: &HolderGroup| keys.iter().any(|key| outermost(key) == *group);
    for group in HolderGroup::ALL.into_iter().filter(shown) {
        let name = group.name();
        head.push_str(&format!(
            "<g class=\"{}\"><rect class=\"box\" x=\"{x:.0}\" y=\"{1:.0}\" width=\"26\" height=\"18\" rx=\"4\"/><rect \
             class=\"stripe\" x=\"{x:.0}\" y=\"{1:.0}\" width=\"6\" height=\"18\" rx=\"2\"/><text class=\"small\" \
             x=\"{2:.0}\" y=\"{3:.0}\">{name}</text></g>\n",
            class(group),
            MARGIN + 62.0,
            x + 34.0,
            MARGIN + 75.0,
        ));
        x += 34.0 + text_width(name, 6.8) + 26.0;
    }
    head.push_str(&format!(
        "<text class=\"small\" x=\"{x:.0}\" y=\"{:.0}\">The colour tells who holds it furthest from the card; below the name stand all holders.</text>\n",
        MARGIN + 75.0
    ));
    head
}

/// The group of holders that is furthest from the card.
fn outermost(key: &str) -> HolderGroup {
    hierarchy::groups(key).last().copied().unwrap_or(HolderGroup::Me)
}

/// The class that gives the colour.
fn class(group: HolderGroup) -> &'static str {
    match group {
        HolderGroup::Usim => "usim",
        HolderGroup::Me => "me",
        HolderGroup::HomeNetwork => "home",
        HolderGroup::ServingNetwork => "serving",
        HolderGroup::Ran => "ran",
        HolderGroup::Application => "application",
    }
}

fn edge(layout: &Layout, from: &Box, to: (f32, f32), row: Option<&'static Row>) -> String {
    let start = (from.x + layout.box_width, from.y + HEIGHT / 2.0);
    let bend = start.0 + GAP * 0.5;
    let mut edge = format!(
        "<path class=\"edge\" data-from=\"{}\" data-to=\"{}\" d=\"M{:.0} {:.0}C{:.0} {:.0} {:.0} {:.0} {bend:.0} {:.0}H{:.0}\"/>\n",
        escape(from.key),
        escape(row.map_or("", |row| row.child)),
        start.0,
        start.1,
        start.0 + GAP * 0.4,
        start.1,
        start.0 + GAP * 0.15,
        to.1,
        to.1,
        to.0,
    );
    if let Some(row) = row {
        edge.push_str(&format!(
            "<text class=\"fc\" x=\"{:.0}\" y=\"{:.0}\">{}</text>\n",
            to.0 - 5.0,
            to.1 - 4.0,
            escape(&short(row))
        ));
    }
    edge
}

/// A derivation besides the usual one: round the boxes, between the columns.
fn other_edge(layout: &Layout, from: &str, row: &'static Row) -> String {
    let (Some(from), Some(to)) = (layout.of(from), layout.of(row.child)) else {
        return String::new();
    };
    let middle = |place: &Box| place.y + HEIGHT / 2.0;
    let (start, end) = ((from.x + layout.box_width, middle(from)), (to.x, middle(to)));
    let shape = if start.0 < end.0 {
        let bend = (end.0 - start.0) / 2.0;
        format!(
            "M{:.0} {:.0}C{:.0} {:.0} {:.0} {:.0} {:.0} {:.0}",
            start.0,
            start.1,
            start.0 + bend,
            start.1,
            end.0 - bend,
            end.1,
            end.0,
            end.1
        )
    } else {
        // Backwards, or within a column: from the lower or upper side to the one that faces it.
        let (from_y, to_y, away) = if from.y > to.y {
            (from.y, to.y + HEIGHT, -1.0)
        } else {
            (from.y + HEIGHT, to.y, 1.0)
        };
        let (from_x, to_x) = (from.x + layout.box_width * 0.25, to.x + layout.box_width * 0.75);
        let bend = away * ((to_y - from_y).abs() / 2.0).max(20.0);
        format!(
            "M{from_x:.0} {from_y:.0}C{from_x:.0} {:.0} {to_x:.0} {:.0} {to_x:.0} {to_y:.0}",
            from_y + bend,
            to_y - bend
        )
    };
    format!(
        "<path class=\"other\" data-from=\"{}\" data-to=\"{}\" d=\"{shape}\"><title>{} from {}: {}</title></path>\n",
        escape(from.key),
        escape(row.child),
        escape(row.child),
        escape(from.key),
        escape(row.clause)
    )
}

/// The FC, or the first word of what the function is.
fn short(row: &Row) -> String {
    let function = hierarchy::function(row);
    match row.rule {
        Rule::Kdf(_) | Rule::AlgorithmSet(_) => function,
        Rule::Function(..) => function.split([' ', '(']).next().unwrap_or_default().to_owned(),
    }
}

fn key(layout: &Layout, place: &Box) -> String {
    let group = class(outermost(place.key));
    let holders = match hierarchy::holder_names(place.key).join(" · ") {
        nobody if nobody.is_empty() => "from elsewhere".to_owned(),
        holders => holders,
    };
    let about = match place.row {
        Some(row) => row.about.trim(),
        None if place.key == tree::ROOT => "the long-term secret of the card",
        None => "comes from elsewhere",
    };
    let again = tree::children(place.key).any(|row| row.child == place.key);
    let fc = place.row.filter(|_| place.framed).map(short);
    let room = layout.box_width - 24.0 - fc.as_deref().map_or(0.0, |fc| text_width(fc, 7.0) + 6.0);
    let mut shown = holders.clone();
    while text_width(&shown, 6.3) > room && shown.pop().is_some() {}
    if shown != holders {
        shown.pop();
        shown.push('…');
    }
    let mut text = format!(
        "<g class=\"key {group}\" data-key=\"{0}\" transform=\"translate({1:.0} {2:.0})\"><title>{0}: {3}</title><rect \
         class=\"box\" width=\"{4:.0}\" height=\"{HEIGHT}\" rx=\"7\"/><rect class=\"stripe\" width=\"7\" height=\"{HEIGHT}\" \
         rx=\"3\"/><text class=\"name\" x=\"15\" y=\"19\">{0}</text><text class=\"small\" x=\"15\" y=\"35\">{5}</text>",
        escape(place.key),
        place.x,
        place.y,
        escape(about),
        layout.box_width,
        escape(&shown),
    );
    if let Some(fc) = fc {
        text.push_str(&format!(
            "<text class=\"fc\" x=\"{:.0}\" y=\"35\">{}</text>",
            layout.box_width - 8.0,
            escape(&fc)
        ));
    }
    if again {
        text.push_str(&format!(
            "<text class=\"fc\" x=\"{:.0}\" y=\"19\">↻</text>",
            layout.box_width - 8.0
        ));
    }
    text.push_str("</g>\n");
    text
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What the page shows of each key.
fn data() -> Value {
    let keys: Vec<Value> = tree::keys()
        .iter()
        .map(|key| {
            let groups: Vec<&str> = hierarchy::groups(key).iter().map(|group| group.name()).collect();
            let below: Vec<&str> = hierarchy::places(key).iter().skip(1).map(|place| place.key).collect();
            let rows: Vec<Value> = tree::makers(key).map(facts::document).collect();
            json!({
                "name": key,
                "octets": hierarchy::length(&hierarchy::lengths(key)),
                "held_by": hierarchy::holder_names(key),
                "groups": groups,
                "parent": tree::parent(key).map(|row| row.parent),
                "below": below,
                "fallen": tree::fallen(&[key]),
                "rows": rows,
            })
        })
        .collect();
    let groups: Vec<&str> = HolderGroup::ALL.iter().map(|group| group.name()).collect();
    json!({ "keys": keys, "groups": groups })
}
