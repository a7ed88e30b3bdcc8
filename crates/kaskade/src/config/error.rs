//! Why a configuration is refused.

use std::path::PathBuf;

use super::Place;

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Everybody may change it.
    #[error("{}: every user may change this file: run `chmod o-w {}`", .0.display(), .0.display())]
    Writable(PathBuf),
    /// It is not TOML, has an unknown name, or a value of the wrong kind. The text of the file is not shown: it may be
    /// a secret in the wrong place.
    #[error("{path}: {place}: {reason}", path = path.display())]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where.
        place: Place,
        /// Why.
        reason: String,
    },
    /// A value that was refused, and where it stands.
    #[error("{path}: {place}: {source}", path = path.display())]
    At {
        /// Which file.
        path: PathBuf,
        /// Where.
        place: Place,
        /// Why.
        source: Box<ConfigError>,
    },
    /// A value that was refused and stands nowhere in the file: it is the default, or missing.
    #[error("{path}: {source}", path = path.display())]
    In {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<ConfigError>,
    },
    /// A number outside its range.
    #[error("{name}: {value} is out of range: expected a whole number from {least} to {most}")]
    Range {
        /// The name, with its table.
        name: String,
        /// What was given: the number, or what kind of value it is.
        value: String,
        /// The least that is allowed.
        least: u64,
        /// The most that is allowed.
        most: u64,
    },
    /// Two values that do not go together, or one outside its range.
    #[error("{name}: {reason}")]
    Value {
        /// The name, with its table.
        name: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A file that cannot be read, or in which something else is than should be.
    #[error("{name}: {reason}")]
    File {
        /// The setting that names it, with its table.
        name: String,
        /// The file, and what is wrong with it.
        reason: String,
    },
    /// The same of an entry in a table whose names are the user's.
    #[error("{name}: {reason}")]
    Entry {
        /// The name, with its table.
        name: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A setting that a running node does not take over.
    #[error("{name}: only a new start changes it: put it back, or stop and start")]
    Fixed {
        /// The name, with its table.
        name: String,
    },
    /// An environment variable that does not parse.
    #[error("{name} (environment): {reason}")]
    Environment {
        /// Which variable.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
}
