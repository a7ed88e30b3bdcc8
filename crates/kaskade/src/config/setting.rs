//! One declaration per setting: from it come the field, its default, its documentation and its lines in the print-out.

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

/// Where a setting writes itself: values stand before tables in TOML.
#[derive(Default)]
pub(super) struct Printed {
    pub(super) values: String,
    pub(super) tables: String,
}

/// Something that can stand in the file.
pub(super) trait Setting {
    /// Writes itself under `name`, with `comments` above; `path` is that of the table around it, with its dot.
    fn print(&self, path: &str, name: &str, comments: &[&str], example: Option<&str>, to: &mut Printed);
}

pub(super) fn print_comments(comments: &[&str], to: &mut String) {
    for comment in comments {
        to.push('#');
        to.push_str(comment);
        to.push('\n');
    }
}

/// A value as TOML writes it.
trait Value {
    fn toml(&self) -> String;
}

impl<T: Value> Setting for T {
    fn print(&self, _: &str, name: &str, comments: &[&str], _: Option<&str>, to: &mut Printed) {
        print_comments(comments, &mut to.values);
        to.values.push_str(&format!("{name} = {}\n\n", self.toml()));
    }
}

impl<T: Value> Setting for Option<T> {
    fn print(&self, path: &str, name: &str, comments: &[&str], example: Option<&str>, to: &mut Printed) {
        match self {
            Some(value) => value.print(path, name, comments, example, to),
            None => {
                print_comments(comments, &mut to.values);
                to.values
                    .push_str(&format!("# {name} = {}\n\n", example.unwrap_or_default()));
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

impl<T: Value> Value for Vec<T> {
    fn toml(&self) -> String {
        let values: Vec<String> = self.iter().map(Value::toml).collect();
        format!("[{}]", values.join(", "))
    }
}

/// Declares tables of settings: `field: Type = default`, and for an absent value `=> "what it could be"`.
macro_rules! settings {
    ($(
        $(#[doc = $table_doc:literal])*
        $Table:ident {
            $(
                $(#[doc = $doc:literal])*
                $field:ident: $Type:ty = $default:expr $(=> $example:literal)?
            ),* $(,)?
        }
    )*) => {$(
        $(#[doc = $table_doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Table {
            $(
                $(#[doc = $doc])*
                pub $field: $Type,
            )*
        }

        impl Default for $Table {
            fn default() -> Self {
                Self { $( $field: $default ),* }
            }
        }

        impl $Table {
            fn print_fields(&self, path: &str) -> $crate::config::setting::Printed {
                let mut printed = $crate::config::setting::Printed::default();
                $(
                    let example: Option<&str> = [$($example)?].first().copied();
                    $crate::config::setting::Setting::print(
                        &self.$field, path, stringify!($field), &[$($doc),*], example, &mut printed,
                    );
                )*
                printed
            }
        }

        impl $crate::config::setting::Setting for $Table {
            fn print(
                &self, path: &str, name: &str, comments: &[&str], _: Option<&str>,
                to: &mut $crate::config::setting::Printed,
            ) {
                let path = format!("{path}{name}");
                let printed = self.print_fields(&format!("{path}."));
                $crate::config::setting::print_comments(comments, &mut to.tables);
                to.tables.push_str(&format!("[{path}]\n{}{}", printed.values, printed.tables));
            }
        }
    )*};
}

pub(super) use settings;
