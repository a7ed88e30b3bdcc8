//! CSV: one subscriber per record.

use super::csv_records::{Field, Records};
use super::{Fields, ImportError, Reading, UNTYPED, untyped};
use kaskade_doctor::discretion::may_be_said;

/// What a file may say of a subscriber.
pub(super) const COLUMNS: &str = "supi (or imsi), k, opc (or op, topc, top), algorithm, tuak_iterations, res_octets, amf, sqn_scheme, sqn, \
                       methods, gpsi, routing_indicator, akma, best, eps_profile, suspended, sealed";

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
    Suspended,
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
            "suspended" => Self::Suspended,
            _ => return None,
        })
    }
}

pub(super) fn read(text: &str, reading: &mut Reading) -> Result<(), ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records = Records::of(text);
    let Some((line, heading)) = records.next() else {
        return Err(ImportError::at(
            1,
            format!("the file is empty, expected a line with the names of the columns: {COLUMNS}"),
        ));
    };
    let heading = heading.and_then(|heading| columns(&heading));
    let columns = heading.map_err(|reason| ImportError::at(line, reason))?;
    reading.names_k = columns.contains(&Column::K);
    for (line, record) in records {
        match record.and_then(|record| fields(&columns, &record).map(|fields| reading.take(line, &fields))) {
            Ok(()) => {}
            Err(reason) => reading.refuse(line, reason),
        }
    }
    Ok(())
}

fn columns(heading: &[Field<'_>]) -> Result<Vec<Column>, String> {
    let mut columns: Vec<Column> = Vec::new();
    for name in heading {
        let name = name.text().to_ascii_lowercase();
        let plain = name.replace([' ', '-'], "_");
        if UNTYPED.contains(&plain.as_str()) {
            return Err(untyped(&name));
        }
        let column = Column::of_name(&plain).ok_or_else(|| {
            if name.bytes().filter(u8::is_ascii_digit).count() > 4 {
                format!("the first line must name the columns: {COLUMNS}")
            } else if may_be_said(&name) {
                format!("unknown column `{name}`, expected {COLUMNS}")
            } else {
                let at = columns.len() + 1;
                format!("unknown column {at}, whose name is not shown as it may be a secret, expected {COLUMNS}")
            }
        })?;
        if columns.contains(&column) {
            return Err(format!("column `{name}` comes twice"));
        }
        columns.push(column);
    }
    Ok(columns)
}

fn fields<'t>(columns: &[Column], record: &'t [Field<'_>]) -> Result<Fields<'t>, String> {
    let mut fields = Fields::default();
    for (at, field) in record.iter().enumerate() {
        let value = field.text();
        let value = (!value.is_empty()).then_some(value);
        match columns.get(at) {
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
            Some(Column::Suspended) => fields.suspended = value,
            None => {}
        }
    }
    if record.len() == columns.len() {
        Ok(fields)
    } else {
        Err(format!("{} fields, expected {}", record.len(), columns.len()))
    }
}
