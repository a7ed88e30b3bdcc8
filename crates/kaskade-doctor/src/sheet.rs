//! What the output can show: columns, colours and alphabet, as values. Whoever knows the terminal fills it in.

/// What a piece of text is, as far as its looks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// A heading or a name.
    Strong,
    /// Something that may be overlooked.
    Faint,
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
    /// Something to take note of.
    Note,
    /// The device's side.
    Ue,
    /// The network's side.
    Network,
}

impl Style {
    /// The SGR parameters of ECMA-48.
    fn sgr(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Note => "33",
            Self::Ue => "36",
            Self::Network => "35",
        }
    }
}

/// What texts are written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sheet {
    colour: bool,
    unicode: bool,
    width: usize,
}

impl Sheet {
    /// A sheet of so many columns; 60 at the least, as names and clauses need room.
    pub const fn new(width: usize) -> Self {
        Self {
            colour: false,
            unicode: true,
            width: if width < 60 { 60 } else { width },
        }
    }

    /// With colours by the sequences of ECMA-48, or without; a new sheet has none.
    pub const fn with_colour(self, colour: bool) -> Self {
        Self { colour, ..self }
    }

    /// With the lines and signs of Unicode, or in ASCII; a new sheet has Unicode.
    pub const fn with_unicode(self, unicode: bool) -> Self {
        Self { unicode, ..self }
    }

    /// Columns to fill.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Text in a style, if there are colours.
    pub fn paint(&self, style: Style, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", style.sgr())
        } else {
            text.to_owned()
        }
    }

    /// The same text in the alphabet of this sheet.
    pub fn spell(&self, text: &str) -> String {
        if self.unicode { text.to_owned() } else { ascii(text) }
    }

    /// Prose in lines that fit, each with its end.
    pub fn paragraph(&self, text: &str) -> String {
        wrap(&self.spell(text), self.width).join("\n") + "\n"
    }
}

/// Breaks text at blanks into lines of at most `columns` characters; a longer word has a line of its own.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

fn ascii(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '├' | '│' => spelled.push('|'),
            '└' => spelled.push('`'),
            '─' => spelled.push('-'),
            '⇄' => spelled.push_str("<>"),
            '⊕' => spelled.push_str("xor"),
            '‖' => spelled.push_str("||"),
            '✓' => spelled.push_str("ok"),
            '✗' => spelled.push_str("NO"),
            '–' | '—' => spelled.push('-'),
            '·' => spelled.push(','),
            '…' => spelled.push_str("..."),
            '→' => spelled.push_str("->"),
            '←' => spelled.push_str("<-"),
            other if other.is_ascii() => spelled.push(other),
            _ => spelled.push('?'),
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_shows_what_it_can() {
        let plain = Sheet::new(10);
        assert_eq!((plain.width(), plain.paint(Style::Bad, "✗")), (60, "✗".to_owned()));
        assert_eq!(plain.with_colour(true).paint(Style::Bad, "x"), "\x1b[1;31mx\x1b[0m");
        assert_eq!(plain.with_colour(true).paint(Style::Bad, ""), "");
        assert_eq!(
            plain.with_unicode(false).spell("└─ SQN ⊕ AK → ✓ é"),
            "`- SQN xor AK -> ok ?"
        );
    }

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("a bc  def", 4), ["a bc", "def"]);
        assert_eq!(wrap("abcdef g", 3), ["abcdef", "g"]);
        assert_eq!(wrap("", 3), [""]);
        assert!(
            Sheet::new(60)
                .paragraph(&"word ".repeat(40))
                .lines()
                .all(|line| line.len() <= 60)
        );
    }
}
