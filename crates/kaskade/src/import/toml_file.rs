//! TOML: a `[[subscriber]]` table for each.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::csv::COLUMNS;
use super::{Fields, ImportError, Reading, untyped};
use crate::place::{Place, without_values};
use crate::subscription::yes_or_no_text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    subscriber: Vec<Spanned<Table>>,
}

#[derive(Deserialize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Table {
    supi: Option<String>,
    imsi: Option<String>,
    k: Option<String>,
    op: Option<String>,
    opc: Option<String>,
    top: Option<String>,
    topc: Option<String>,
    algorithm: Option<String>,
    #[serde(default, deserialize_with = "number")]
    res_octets: Option<String>,
    #[serde(default, deserialize_with = "number")]
    tuak_iterations: Option<String>,
    amf: Option<String>,
    sqn_scheme: Option<String>,
    sqn: Option<String>,
    sealed: Option<String>,
    methods: Option<String>,
    gpsi: Option<String>,
    routing_indicator: Option<String>,
    #[serde(default, deserialize_with = "yes_or_no")]
    akma: Option<String>,
    #[serde(default, deserialize_with = "yes_or_no")]
    best: Option<String>,
    eps_profile: Option<String>,
    #[serde(default, deserialize_with = "yes_or_no")]
    suspended: Option<String>,
    #[serde(
        rename = "op_or_opc",
        alias = "op_opc",
        alias = "opc_op",
        alias = "opc_or_op",
        alias = "opx",
        alias = "operator",
        alias = "operator_code",
        alias = "op_type",
        alias = "use_opc",
        alias = "is_opc"
    )]
    #[zeroize(skip)]
    untyped: Option<IgnoredAny>,
}

/// Text, or a boolean of TOML.
fn yes_or_no<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected yes, no, true or false")]
    enum Either {
        Is(bool),
        Text(String),
    }
    Either::deserialize(deserializer).map(|either| match either {
        Either::Is(is) => Some(yes_or_no_text(is).to_owned()),
        Either::Text(text) => Some(text),
    })
}

/// Text, or a whole number of TOML.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a whole number, or its digits as text")]
    enum Either {
        Number(u64),
        Text(String),
    }
    Either::deserialize(deserializer).map(|either| match either {
        Either::Number(number) => Some(number.to_string()),
        Either::Text(text) => Some(text),
    })
}

pub(super) fn read(text: &str, reading: &mut Reading) -> Result<(), ImportError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let place = Place::of(text, error.span().map_or(0, |span| span.start));
        // The message alone: the rest of the error quotes the line, which may hold K.
        ImportError::at(place.line, reason(error.message()))
    })?;
    if file.subscriber.is_empty() {
        return Err(ImportError::at(1, "the file has no [[subscriber]] table"));
    }
    // Counted on, not from the start for each table.
    let (mut line, mut counted) = (1, 0);
    for table in file.subscriber {
        let start = table.span().start;
        line += text
            .get(counted..start)
            .map_or(0, |between| between.matches('\n').count());
        counted = counted.max(start);
        let table = table.into_inner();
        if table.untyped.is_some() {
            reading.refuse(line, untyped("op_or_opc (or a name like it)"));
            continue;
        }
        reading.take(line, &table.fields());
    }
    Ok(())
}

/// See [`super::toml_as_csv`].
pub(super) fn as_csv(text: &str) -> Zeroizing<String> {
    // What a text can become: every field in quotation marks.
    let mut csv = Zeroizing::new(String::with_capacity(1024 + 2 * text.len()));
    let Ok(file) = toml::from_str::<File>(text) else {
        return csv;
    };
    csv.push_str(&NAMES.join(","));
    csv.push('\n');
    for table in file.subscriber {
        let table = table.into_inner();
        for (at, field) in table.all().into_iter().enumerate() {
            if at > 0 {
                csv.push(',');
            }
            csv.push_str(&Zeroizing::new(super::csv_field(field.as_deref().unwrap_or_default())));
        }
        csv.push('\n');
    }
    csv
}

/// The names of all fields, in the order of [`Table::all`].
const NAMES: [&str; 21] = [
    "supi",
    "imsi",
    "k",
    "op",
    "opc",
    "top",
    "topc",
    "algorithm",
    "res_octets",
    "tuak_iterations",
    "amf",
    "sqn_scheme",
    "sqn",
    "sealed",
    "methods",
    "gpsi",
    "routing_indicator",
    "akma",
    "best",
    "eps_profile",
    "suspended",
];

impl Table {
    fn all(&self) -> [&Option<String>; NAMES.len()] {
        [
            &self.supi,
            &self.imsi,
            &self.k,
            &self.op,
            &self.opc,
            &self.top,
            &self.topc,
            &self.algorithm,
            &self.res_octets,
            &self.tuak_iterations,
            &self.amf,
            &self.sqn_scheme,
            &self.sqn,
            &self.sealed,
            &self.methods,
            &self.gpsi,
            &self.routing_indicator,
            &self.akma,
            &self.best,
            &self.eps_profile,
            &self.suspended,
        ]
    }

    fn fields(&self) -> Fields<'_> {
        Fields {
            supi: present_text(&self.supi),
            imsi: present_text(&self.imsi),
            k: present_text(&self.k),
            op: present_text(&self.op),
            opc: present_text(&self.opc),
            top: present_text(&self.top),
            topc: present_text(&self.topc),
            algorithm: present_text(&self.algorithm),
            res_octets: present_text(&self.res_octets),
            tuak_iterations: present_text(&self.tuak_iterations),
            amf: present_text(&self.amf),
            sqn_scheme: present_text(&self.sqn_scheme),
            sqn: present_text(&self.sqn),
            sealed: present_text(&self.sealed),
            methods: present_text(&self.methods),
            gpsi: present_text(&self.gpsi),
            routing_indicator: present_text(&self.routing_indicator),
            akma: present_text(&self.akma),
            best: present_text(&self.best),
            eps_profile: present_text(&self.eps_profile),
            suspended: present_text(&self.suspended),
        }
    }
}

fn present_text(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

fn reason(message: &str) -> String {
    if message.starts_with("invalid type") || message.starts_with("invalid value") {
        return "a value that is not text: put it in quotation marks".into();
    }
    if message.starts_with("unknown field ") {
        let shown = without_values(message);
        // The decoder lists the names that are there to be refused as well.
        let name = shown.split_once(", expected ").map_or(&*shown, |(name, _)| name);
        return match message.ends_with(", expected `subscriber`") {
            true => format!("{name}, expected [[subscriber]] tables"),
            false => format!("{name}, expected {COLUMNS}"),
        };
    }
    without_values(message)
}
