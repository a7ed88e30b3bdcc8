//! CSV: one subscriber per line. Fields are slices of the text, so that no copy of a secret is made.

use super::{Fields, ImportError, Reading, UNTYPED, untyped};
use kaskade_doctor::discretion::may_be_secret;

const COLUMNS: &str = "supi (or imsi), k, opc (or op, topc, top), algorithm, tuak_iterations, res_octets, amf, sqn_scheme, sqn, \
                       methods, gpsi, routing_indicator, akma, best, eps_profile, sealed";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Supi,
    Imsi,
    K,
    Op,
    Opc,
    Top,
    Topc,
    Algorithm,
    ResOctets,
    TuakIterations,
    Amf,
    SqnScheme,
    Sqn,
    Sealed,
    Methods,
    Gpsi,
    RoutingIndicator,
    Akma,
    Best,
    EpsProfile,
}

impl Column {
    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "supi" => Self::Supi,
            "imsi" => Self::Imsi,
            "k" | "ki" => Self::K,
            "op" => Self::Op,
            "opc" => Self::Opc,
            "top" => Self::Top,
            "topc" => Self::Topc,
            "algorithm" => Self::Algorithm,
            "res_octets" => Self::ResOctets,
            "tuak_iterations" => Self::TuakIterations,
            "amf" => Self::Amf,
            "sqn_scheme" => Self::SqnScheme,
            "sqn" => Self::Sqn,
            "sealed" => Self::Sealed,
            "methods" => Self::Methods,
            "gpsi" => Self::Gpsi,
            "routing_indicator" => Self::RoutingIndicator,
            "akma" => Self::Akma,
            "best" => Self::Best,
            "eps_profile" => Self::EpsProfile,
            _ => return None,
        })
    }
}

pub(super) fn read(text: &str, reading: &mut Reading) -> Result<(), ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    let Some((line, heading)) = lines.next() else {
        return Err(ImportError::at(
            1,
            format!("the file is empty, expected a line with the names of the columns: {COLUMNS}"),
        ));
    };
    let separator = [';', '\t']
        .into_iter()
        .find(|separator| heading.contains(*separator))
        .unwrap_or(',');
    let columns = columns(heading, separator).map_err(|reason| ImportError::at(line, reason))?;
    for (line, record) in lines {
        match fields(record, separator, &columns) {
            Ok(fields) => reading.take(line, &fields),
            Err(reason) => reading.refuse(line, reason),
        }
    }
    Ok(())
}

fn columns(heading: &str, separator: char) -> Result<Vec<Column>, String> {
    let mut columns: Vec<Column> = Vec::new();
    for name in heading.split(separator) {
        let name = unquoted(name).map(str::to_ascii_lowercase)?;
        let plain = name.replace([' ', '-'], "_");
        if UNTYPED.contains(&plain.as_str()) {
            return Err(untyped(&name));
        }
        let column = Column::of_name(&plain).ok_or_else(|| {
            if plain.bytes().filter(u8::is_ascii_digit).count() > 4 || may_be_secret(&plain) {
                format!("the first line must name the columns: {COLUMNS}")
            } else {
                format!("unknown column `{name}`, expected {COLUMNS}")
            }
        })?;
        if columns.contains(&column) {
            return Err(format!("column `{name}` comes twice"));
        }
        columns.push(column);
    }
    Ok(columns)
}

fn fields<'t>(record: &'t str, separator: char, columns: &[Column]) -> Result<Fields<'t>, String> {
    let mut fields = Fields::default();
    let mut count = 0;
    for field in record.split(separator) {
        let value = unquoted(field)?;
        let value = (!value.is_empty()).then_some(value);
        match columns.get(count) {
            Some(Column::Supi) => fields.supi = value,
            Some(Column::Imsi) => fields.imsi = value,
            Some(Column::K) => fields.k = value,
            Some(Column::Op) => fields.op = value,
            Some(Column::Opc) => fields.opc = value,
            Some(Column::Top) => fields.top = value,
            Some(Column::Topc) => fields.topc = value,
            Some(Column::Algorithm) => fields.algorithm = value,
            Some(Column::ResOctets) => fields.res_octets = value,
            Some(Column::TuakIterations) => fields.tuak_iterations = value,
            Some(Column::Amf) => fields.amf = value,
            Some(Column::SqnScheme) => fields.sqn_scheme = value,
            Some(Column::Sqn) => fields.sqn = value,
            Some(Column::Sealed) => fields.sealed = value,
            Some(Column::Methods) => fields.methods = value,
            Some(Column::Gpsi) => fields.gpsi = value,
            Some(Column::RoutingIndicator) => fields.routing_indicator = value,
            Some(Column::Akma) => fields.akma = value,
            Some(Column::Best) => fields.best = value,
            Some(Column::EpsProfile) => fields.eps_profile = value,
            None => {}
        }
        count += 1;
    }
    if count == columns.len() {
        Ok(fields)
    } else {
        Err(format!("{count} fields, expected {}", columns.len()))
    }
}

/// A field without blanks and quotation marks around it. No value of ours has any inside.
fn unquoted(field: &str) -> Result<&str, String> {
    let field = field.trim();
    let inner = match field.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or("a quotation mark is not closed")?.trim(),
        None => field,
    };
    if inner.contains('"') {
        Err("a quotation mark inside a field".into())
    } else {
        Ok(inner)
    }
}
