//! The configuration file as a tree with places, for refusals that say where.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::{ConfigError, NumberRange};
use crate::place::{Place, without_values};

/// A file, parsed but not understood.
pub(super) struct Document<'t> {
    text: &'t str,
    path: &'t Path,
    root: Spanned<DeTable<'t>>,
}

impl<'t> Document<'t> {
    /// Parses the text of a file that is called `path` in errors.
    pub(super) fn parse(text: &'t str, path: &'t Path) -> Result<Self, ConfigError> {
        let root = DeTable::parse(text).map_err(|error| toml_error(text, path, &error))?;
        Ok(Self { text, path, root })
    }

    /// A refusal by the decoder.
    pub(super) fn refused(&self, error: &toml::de::Error) -> ConfigError {
        toml_error(self.text, self.path, error)
    }

    /// Refuses a number outside its range, and what is no whole number in its place.
    pub(super) fn check_number(&self, range: &NumberRange) -> Result<(), ConfigError> {
        let Some((_, found)) = self.find(&range.name) else {
            return Ok(());
        };
        let value = match found.get_ref() {
            DeValue::Integer(number) => match whole(number) {
                Some(number) if (i128::from(range.least)..=i128::from(range.most)).contains(&number) => return Ok(()),
                Some(number) if i64::try_from(number).is_ok() => number.to_string(),
                // So many digits may be a key.
                _ => "a number of more than 64 bits".to_owned(),
            },
            other => format!("a value of type {}", other.type_str()),
        };
        let error = ConfigError::Range {
            name: range.name.clone(),
            value,
            least: range.least,
            most: range.most,
        };
        Err(self.at(found.span().start, error))
    }

    /// Adds to a refusal which file it is about, and where its setting stands, if it stands there.
    pub(super) fn locate(&self, error: ConfigError) -> ConfigError {
        let name = match &error {
            ConfigError::Value { name, .. } => *name,
            ConfigError::Fixed { name } | ConfigError::File { name, .. } | ConfigError::Entry { name, .. } => {
                name.as_str()
            }
            _ => return error,
        };
        match self.find(name) {
            Some((at, _)) => self.at(at, error),
            None => ConfigError::In {
                path: self.path.to_owned(),
                source: Box::new(error),
            },
        }
    }

    /// The same for the file of this path, as far as it can be read again.
    pub(super) fn locate_in(path: &Path, error: ConfigError) -> ConfigError {
        let Ok(text) = std::fs::read_to_string(path) else {
            return error;
        };
        match Document::parse(&text, path) {
            Ok(document) => document.locate(error),
            Err(_) => error,
        }
    }

    fn at(&self, at: usize, error: ConfigError) -> ConfigError {
        ConfigError::At {
            path: self.path.to_owned(),
            place: Place::of(self.text, at),
            source: Box::new(error),
        }
    }

    /// Whether a table or value of this name is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Where the name of a setting begins, and its value.
    fn find(&self, name: &str) -> Option<(usize, &Spanned<DeValue<'t>>)> {
        let mut table = self.root.get_ref();
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            let (key, value) = table.iter().find(|(key, _)| key.get_ref() == part)?;
            if parts.peek().is_none() {
                return Some((key.span().start, value));
            }
            table = value.get_ref().as_table()?;
        }
        None
    }
}

fn whole(number: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(number.as_str(), number.radix()).ok()
}

fn toml_error(text: &str, path: &Path, error: &toml::de::Error) -> ConfigError {
    ConfigError::Toml {
        path: path.to_owned(),
        place: Place::of(text, error.span().map_or(0, |span| span.start)),
        reason: match error.message() {
            "invalid socket address syntax" => {
                "expected an address and its port, such as \"127.0.0.1:7777\"".to_owned()
            }
            message => without_values(message).replace("expected a sequence", "expected a list, such as [\"001-01\"]"),
        },
    }
}
