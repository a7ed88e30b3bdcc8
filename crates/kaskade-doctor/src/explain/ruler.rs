//! Octets with a ruler under them that says what each is.

use kaskade_keys::derivation::{Rule, Transcript};

use crate::digits;
use crate::sheet::{Sheet, Style};

/// A stretch of octets with one meaning.
struct Part {
    label: String,
    octets: Vec<String>,
}

/// S octet by octet (TS 33.220 B.2.0), each octet over the label of its part; secret octets as `**`.
pub fn ruler(sheet: &Sheet, transcript: &Transcript, reveal: bool, indent: usize) -> String {
    let per_line = (sheet.width().saturating_sub(indent) / 3).max(8);
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut on_line = per_line;
    for part in parts(transcript, reveal) {
        let mut label = part.label.as_str();
        let mut rest = part.octets.as_slice();
        while !rest.is_empty() {
            if on_line == per_line {
                lines.push(Default::default());
                on_line = 0;
            }
            let (here, next) = rest.split_at(rest.len().min(per_line - on_line));
            if let Some((octets, marks)) = lines.last_mut() {
                octets.push_str(&here.join(" "));
                octets.push(' ');
                let columns = 3 * here.len() - 1;
                marks.push_str(label);
                marks.push_str(&"─".repeat(columns.saturating_sub(label.chars().count())));
                marks.push(' ');
            }
            on_line += here.len();
            label = "";
            rest = next;
        }
    }
    let blank = " ".repeat(indent);
    let mut text = String::new();
    for (octets, marks) in lines {
        let marks = sheet.paint(Style::Faint, &sheet.spell(marks.trim_end()));
        text.push_str(&format!("{blank}{}\n{blank}{marks}\n", octets.trim_end()));
    }
    text
}

fn parts(transcript: &Transcript, reveal: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    let hex = |octets: &[u8]| octets.iter().map(|octet| digits::text(&[*octet]).to_string()).collect();
    let is_kdf = if let Rule::Kdf(fc) = transcript.row.rule {
        parts.push(Part {
            label: "FC".into(),
            octets: hex(fc.octets()),
        });
        true
    } else {
        false
    };
    for (at, (spec, octets)) in transcript.present().enumerate() {
        let shown = if spec.encoding.is_secret() && !reveal {
            vec!["**".to_owned(); octets.len()]
        } else {
            hex(octets)
        };
        parts.push(Part {
            label: format!("P{at}"),
            octets: shown,
        });
        if let (true, Ok(length)) = (is_kdf, u16::try_from(octets.len())) {
            parts.push(Part {
                label: format!("L{at}"),
                octets: hex(&length.to_be_bytes()),
            });
        }
    }
    parts
}
