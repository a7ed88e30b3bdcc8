//! One declaration per setting: from it come the field, its default, its documentation and its lines in the print-out.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// A value that is text in the file and parsed by its own type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed<T>(pub T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// A table whose names are the user's, in the order of the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<K, V>(pub Vec<(K, V)>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, K: FromStr<Err: Display>, V: Deserialize<'de>> Deserialize<'de> for Table<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = BTreeMap::<String, V>::deserialize(deserializer)?;
        let entries = table.into_iter().map(|(name, value)| {
            let key = name
                .parse()
                .map_err(|error| serde::de::Error::custom(format!("name: {error}")))?;
            Ok((key, value))
        });
        entries.collect::<Result<_, _>>().map(Self)
    }
}

/// Where a setting writes itself: values stand before tables in TOML.
#[derive(Default)]
pub(super) struct Printed {
    pub(super) values: String,
    pub(super) tables: String,
}

/// What is said about a setting beside its value.
pub(super) struct About<'a> {
    /// Lines of its documentation.
    pub(super) comments: &'a [&'a str],
    /// What it could be, where it has no default.
    pub(super) example: Option<&'a str>,
    /// The least and the most, of a number.
    pub(super) range: Option<(u64, u64)>,
}

/// Something that can stand in the file.
pub(super) trait Setting {
    /// Writes itself under `name`; `path` is that of the table around it, with its dot.
    fn print(&self, path: &str, name: &str, about: &About<'_>, to: &mut Printed);

    /// The values in it by their names, to compare two files.
    fn leaves(&self, path: &str, name: &str, to: &mut Vec<(String, String)>) {
        let mut printed = Printed::default();
        let about = About {
            comments: &[],
            example: None,
            range: None,
        };
        self.print(path, name, &about, &mut printed);
        to.push((format!("{path}{name}"), printed.values + &printed.tables));
    }

    /// The ranges of the numbers in it.
    fn ranges(&self, path: &str, name: &str, about: &About<'_>, to: &mut Vec<NumberRange>) {
        if let Some((least, most)) = about.range {
            let name = format!("{path}{name}");
            to.push(NumberRange { name, least, most });
        }
    }
}

/// What a number in the file may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberRange {
    /// Its name, with its table: `store.cache_mib`.
    pub name: String,
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
}

pub(super) fn print_comments(about: &About<'_>, to: &mut String) {
    for comment in about.comments {
        to.push('#');
        to.push_str(comment);
        to.push('\n');
    }
    if let Some((least, most)) = about.range {
        to.push_str(&format!("# From {least} to {most}.\n"));
    }
}

/// A value as TOML writes it.
trait Value {
    fn toml(&self) -> String;
}

impl<T: Value> Setting for T {
    fn print(&self, _: &str, name: &str, about: &About<'_>, to: &mut Printed) {
        print_comments(about, &mut to.values);
        to.values.push_str(&format!("{name} = {}\n\n", self.toml()));
    }
}

impl<T: Value> Setting for Option<T> {
    fn print(&self, path: &str, name: &str, about: &About<'_>, to: &mut Printed) {
        match self {
            Some(value) => value.print(path, name, about, to),
            None => {
                print_comments(about, &mut to.values);
                to.values
                    .push_str(&format!("# {name} = {}\n\n", about.example.unwrap_or_default()));
            }
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}

macro_rules! plain {
    ($($Type:ty),*) => {$(
        impl Value for $Type {
            fn toml(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

plain!(bool, u8, u32, u64);

impl Value for String {
    fn toml(&self) -> String {
        quoted(self)
    }
}

impl Value for PathBuf {
    fn toml(&self) -> String {
        quoted(&self.to_string_lossy())
    }
}

impl Value for SocketAddr {
    fn toml(&self) -> String {
        quoted(&self.to_string())
    }
}

impl<T: Display> Value for Parsed<T> {
    fn toml(&self) -> String {
        quoted(&self.0.to_string())
    }
}

impl<K: Display, V: Value> Setting for Table<K, V> {
    fn print(&self, path: &str, name: &str, about: &About<'_>, to: &mut Printed) {
        print_comments(about, &mut to.tables);
        to.tables.push_str(&format!("[{path}{name}]\n"));
        for (key, value) in &self.0 {
            to.tables
                .push_str(&format!("{} = {}\n", quoted(&key.to_string()), value.toml()));
        }
        if self.0.is_empty() {
            to.tables
                .push_str(&format!("# {}\n", about.example.unwrap_or_default()));
        }
        to.tables.push('\n');
    }
}

/// Tables whose names are the user's, in the order of the names: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables<T>(pub Vec<(String, T)>);

impl<T> Default for Tables<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tables<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tables = BTreeMap::<String, T>::deserialize(deserializer)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match tables.keys().all(|name| !name.is_empty() && name.chars().all(plain)) {
            true => Ok(Self(tables.into_iter().collect())),
            false => Err(serde::de::Error::custom("name: expected letters, digits, - and _")),
        }
    }
}

impl<T: Setting + Default> Setting for Tables<T> {
    fn print(&self, path: &str, name: &str, about: &About<'_>, to: &mut Printed) {
        let path = format!("{path}{name}.");
        for (name, table) in &self.0 {
            table.print(&path, name, about, to);
        }
        if self.0.is_empty() {
            let mut printed = Printed::default();
            T::default().print(&path, about.example.unwrap_or_default(), about, &mut printed);
            for line in printed.tables.lines() {
                let sign = if line.is_empty() || line.starts_with('#') {
                    ""
                } else {
                    "# "
                };
                to.tables.push_str(&format!("{sign}{line}\n"));
            }
        }
    }

    fn leaves(&self, path: &str, name: &str, to: &mut Vec<(String, String)>) {
        let mut printed = Printed::default();
        let about = About {
            comments: &[],
            example: None,
            range: None,
        };
        self.print(path, name, &about, &mut printed);
        to.push((format!("{path}{name}"), printed.tables));
    }

    fn ranges(&self, _: &str, _: &str, _: &About<'_>, _: &mut Vec<NumberRange>) {}
}

impl<T: Value> Value for Vec<T> {
    fn toml(&self) -> String {
        let values: Vec<String> = self.iter().map(Value::toml).collect();
        format!("[{}]", values.join(", "))
    }
}

/// Declares tables of settings: `field: Type = default`, for a number `field: Type [least..=most] = default`, and for an
/// absent value `=> "what it could be"`.
macro_rules! settings {
    ($(
        $(#[doc = $table_doc:literal])*
        $Table:ident {
            $(
                $(#[doc = $doc:literal])*
                $field:ident: $Type:ty $([$least:literal ..= $most:literal])? = $default:expr $(=> $example:literal)?
            ),* $(,)?
        }
    )*) => {$(
        $(#[doc = $table_doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Table {
            $(
                $(#[doc = $doc])*
                $(#[doc = concat!(" From ", stringify!($least), " to ", stringify!($most), ".")])?
                pub $field: $Type,
            )*
        }

        impl Default for $Table {
            fn default() -> Self {
                Self { $( $field: $default ),* }
            }
        }

        impl $Table {
            fn each(&self, mut visit: impl FnMut(&dyn $crate::config::setting::Setting, &str, &$crate::config::setting::About<'_>)) {
                $(
                    let about = $crate::config::setting::About {
                        comments: &[$($doc),*],
                        example: [$($example)?].first().copied(),
                        range: [$(($least, $most))?].first().copied(),
                    };
                    visit(&self.$field, stringify!($field), &about);
                )*
            }

            fn print_fields(&self, path: &str) -> $crate::config::setting::Printed {
                let mut printed = $crate::config::setting::Printed::default();
                self.each(|setting, name, about| setting.print(path, name, about, &mut printed));
                printed
            }
        }

        impl $crate::config::setting::Setting for $Table {
            fn print(
                &self, path: &str, name: &str, about: &$crate::config::setting::About<'_>,
                to: &mut $crate::config::setting::Printed,
            ) {
                let path = format!("{path}{name}");
                let printed = self.print_fields(&format!("{path}."));
                $crate::config::setting::print_comments(about, &mut to.tables);
                to.tables.push_str(&format!("[{path}]\n{}{}", printed.values, printed.tables));
            }

            fn leaves(&self, path: &str, name: &str, to: &mut Vec<(String, String)>) {
                let path = format!("{path}{name}.");
                self.each(|setting, name, _| setting.leaves(&path, name, to));
            }

            fn ranges(
                &self, path: &str, name: &str, _: &$crate::config::setting::About<'_>,
                to: &mut Vec<$crate::config::setting::NumberRange>,
            ) {
                let path = format!("{path}{name}.");
                self.each(|setting, name, about| setting.ranges(&path, name, about, to));
            }
        }
    )*};
}

pub(super) use settings;
