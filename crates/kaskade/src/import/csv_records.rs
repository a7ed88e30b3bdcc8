//! The records of CSV text as RFC 4180 has them: quoted fields may hold separators, line ends and doubled quotation marks.
//!
//! Comma, semicolon or tab between the fields, as the first record has it. Empty lines and lines that begin with `#` between records
//! say nothing, and blanks around a field do not count. Fields are slices of the text, so that no copy of a secret is made, but for
//! those with doubled marks, which are wiped.

use zeroize::Zeroizing;

/// A field.
pub(super) enum Field<'t> {
    /// As it stands.
    Plain(&'t str),
    /// With a mark for each two.
    Unescaped(Zeroizing<String>),
}

impl Field<'_> {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Plain(text) => text.trim(),
            Self::Unescaped(text) => text.trim(),
        }
    }
}

/// Reads record by record. One that is wrong costs the line where it begins, and no more.
pub(super) struct Records<'t> {
    rest: &'t str,
    line: usize,
    separator: char,
}

impl<'t> Records<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let is_heading = |line: &&str| !says_nothing(line);
        Self {
            rest: text,
            line: 1,
            separator: separator(text.lines().find(is_heading).unwrap_or_default()),
        }
    }

    /// What stands at the beginning of a text: a record, or nothing in a line that says nothing; and what follows.
    fn first(&self, text: &'t str) -> (Option<Result<Vec<Field<'t>>, Wrong>>, &'t str) {
        let (first, others) = text.split_once('\n').unwrap_or((text, ""));
        if says_nothing(first) {
            return (None, others);
        }
        match self.record(text) {
            Ok((fields, rest)) => (Some(Ok(fields)), rest),
            Err(wrong) => (Some(Err(wrong)), others),
        }
    }

    /// A record at the beginning of a text, and what follows its line end.
    fn record(&self, text: &'t str) -> Result<(Vec<Field<'t>>, &'t str), Wrong> {
        let mut fields = Vec::new();
        let mut rest = text;
        loop {
            let (field, after) = self.field(rest)?;
            fields.push(field);
            rest = match (after.strip_prefix(self.separator), after.strip_prefix('\n')) {
                (Some(next), _) => next,
                (None, Some(next)) => return Ok((fields, next)),
                (None, None) => return Ok((fields, "")),
            };
        }
    }

    /// A field at the beginning of a text, and what follows: a separator, a line end or nothing.
    fn field(&self, text: &'t str) -> Result<(Field<'t>, &'t str), Wrong> {
        let blank = |c: char| matches!(c, ' ' | '\t' | '\r') && c != self.separator;
        let ends = |c: char| c == '\n' || c == self.separator;
        let Some(quoted) = text.trim_start_matches(blank).strip_prefix('"') else {
            let (field, after) = text.split_at(text.find(ends).unwrap_or(text.len()));
            return match field.contains('"') {
                true => Err(Wrong::Inside),
                false => Ok((Field::Plain(field), after)),
            };
        };
        let (mut from, mut doubled) = (0, false);
        let (inner, after) = loop {
            let Some(mark) = quoted.get(from..).and_then(|text| text.find('"')) else {
                return Err(Wrong::NotClosed);
            };
            let (inner, after) = quoted.split_at(from + mark);
            let after = after.strip_prefix('"').unwrap_or(after);
            if !after.starts_with('"') {
                break (inner, after);
            }
            doubled = true;
            from += mark + 2;
        };
        let after = after.trim_start_matches(blank);
        if !(after.is_empty() || after.starts_with(ends)) {
            return Err(Wrong::Inside);
        }
        let field = match doubled {
            true => Field::Unescaped(Zeroizing::new(inner.replace("\"\"", "\""))),
            false => Field::Plain(inner),
        };
        Ok((field, after))
    }
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Inside,
    NotClosed,
}

impl Wrong {
    const fn reason(self) -> &'static str {
        match self {
            Self::Inside => {
                "a quotation mark inside a field: the whole field must stand in quotation marks, and each mark in it twice"
            }
            Self::NotClosed => "a quotation mark is not closed",
        }
    }
}

/// What stands between the fields, by the heading.
pub(crate) fn separator(heading: &str) -> char {
    let separator = [';', '\t'].into_iter().find(|separator| heading.contains(*separator));
    separator.unwrap_or(',')
}

/// How long the record, or the line that says nothing, at the beginning of a text is, with its line end; `None` where what it is
/// depends on what comes behind the text, where that is not all: `last`.
pub(crate) fn whole(text: &str, separator: char, last: bool) -> Option<usize> {
    let records = Records {
        rest: text,
        line: 1,
        separator,
    };
    let (record, rest) = records.first(text);
    let len = text.len() - rest.len();
    let has_end = text.get(..len)?.ends_with('\n') || last;
    (has_end && !matches!(record, Some(Err(Wrong::NotClosed)))).then_some(len)
}

/// Whether a line has no record.
pub(crate) fn says_nothing(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

impl<'t> Iterator for Records<'t> {
    /// The line where it begins, and its fields or what is wrong.
    type Item = (usize, Result<Vec<Field<'t>>, String>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let (begin, text) = (self.line, self.rest);
            let (record, rest) = self.first(text);
            let read = text.get(..text.len() - rest.len()).unwrap_or(text);
            (self.rest, self.line) = (rest, begin + read.matches('\n').count());
            let Some(record) = record else { continue };
            let record = record.map_err(|wrong| wrong.reason().to_owned());
            return Some((begin, record));
        }
    }
}

/// A value as a field: in quotation marks where it would be read as something else.
pub fn field(value: &str) -> String {
    let special = |c: char| matches!(c, ',' | ';' | '\t' | '"' | '\n' | '\r');
    match value.contains(special) || value.starts_with('#') || value.trim() != value {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(usize, Result<Vec<String>, String>)> {
        let own = |fields: Vec<Field<'_>>| fields.iter().map(|field| field.text().to_owned()).collect();
        Records::of(text)
            .map(|(line, record)| (line, record.map(own)))
            .collect()
    }

    #[test]
    fn quoted_fields_as_rfc_4180_has_them() {
        let text = "a,b\r\n# no record\r\n\r\n\"1,2\", \"say \"\"x\"\"\" \r\n\"two\nlines\",\"\"\nlast,\"";
        let row = |fields: [&str; 2]| Ok(fields.map(str::to_owned).to_vec());
        assert_eq!(
            read(text),
            [
                (1, row(["a", "b"])),
                (4, row(["1,2", "say \"x\""])),
                (5, row(["two\nlines", ""])),
                (7, Err("a quotation mark is not closed".into())),
            ]
        );
    }

    #[test]
    fn a_wrong_record_costs_one_line() {
        let lines = read("a;b\n\"1;2\n3;4\n5\"6;7\n\"8\"9;0\nc;d\n");
        let wrong: Vec<usize> = lines
            .iter()
            .filter(|(_, fields)| fields.is_err())
            .map(|(line, _)| *line)
            .collect();
        assert_eq!(wrong, [2, 4, 5]);
        assert_eq!(lines.len(), 6);
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(rows in proptest::collection::vec(proptest::collection::vec("[a-z,;\"\n# ]{0,6}", 3), 1..6)) {
            let rows: Vec<Vec<String>> = rows
                .into_iter()
                .map(|row| row.into_iter().map(|value| format!("x{}", value.trim())).collect())
                .collect();
            let mut text = String::from("a,b,c\n");
            for row in &rows {
                let fields: Vec<_> = row.iter().map(|value| field(value)).collect();
                text.push_str(&format!("{}\n", fields.join(",")));
            }
            let back: Vec<_> = read(&text).into_iter().skip(1).map(|(_, row)| row.expect("good")).collect();
            prop_assert_eq!(back, rows);
        }
    }
}
