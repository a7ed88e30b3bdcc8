//! Which lines of the log are written: directives as `tracing` reads them, and stricter.
//!
//! To `tracing`, `inof` is a part of the program of that name, of which everything is written, and of all others nothing.

use std::fmt;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

use kaskade_doctor::discretion::{may_be_said, may_be_secret};

/// Levels, for all or by part: `info,kaskade_net=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

/// Not a filter: which directive, counted from 1, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("directive {at} of {of}, `{shown}`: {reason}")]
pub struct NotAFilter {
    at: usize,
    of: usize,
    /// The directive, unless it may be a key.
    shown: String,
    reason: &'static str,
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl LogFilter {
    /// The filter.
    ///
    /// # Errors
    /// When `tracing` does not take it after all.
    pub fn env_filter(&self) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
        EnvFilter::try_new(&self.0)
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl FromStr for LogFilter {
    type Err = NotAFilter;

    fn from_str(text: &str) -> Result<Self, NotAFilter> {
        let of = text.split(',').count();
        let mut directives = Vec::with_capacity(of);
        for (at, directive) in text.split(',').map(str::trim).enumerate() {
            check(directive).map_err(|reason| NotAFilter {
                at: at + 1,
                of,
                shown: match is_said(directive) {
                    true => directive.to_owned(),
                    false => "…".to_owned(),
                },
                reason,
            })?;
            directives.push(directive);
        }
        Ok(Self(directives.join(",")))
    }
}

/// Whether an error may repeat a directive: each word of it is short, or a module's name.
fn is_said(directive: &str) -> bool {
    let lower = |word: &str| word.bytes().all(|c| c.is_ascii_lowercase() || c == b'_') && !may_be_secret(word);
    directive.len() <= 40
        && !may_be_secret(directive)
        && directive
            .split(['=', ':'])
            .all(|word| word.is_empty() || may_be_said(word) || lower(word))
        && !directive.ends_with("==")
}

/// Why this is no directive.
fn check(directive: &str) -> Result<(), &'static str> {
    const LEVEL: &str =
        "expected error, warn, info, debug, trace or off, or a part and its level, such as kaskade_net=debug";
    let is_level = |text: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text));
    if directive.is_empty() {
        return Err("is empty");
    }
    let Some((part, level)) = directive.rsplit_once('=') else {
        return if is_level(directive) { Ok(()) } else { Err(LEVEL) };
    };
    if !is_level(level) {
        return Err(LEVEL);
    }
    // What stands before a bracket is a path of modules; in brackets are spans and fields, which are tracing's to read.
    let path = part.split('[').next().unwrap_or_default();
    let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    let is_named = !path.is_empty() || part.starts_with('[') && part.ends_with(']');
    if !is_named || !path.chars().all(is_path) {
        return Err("the part before = is no path of modules, such as kaskade_net::sbi");
    }
    match directive.parse::<Directive>() {
        Ok(_) => Ok(()),
        Err(_) => Err("spans and fields in brackets are not understood"),
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_and_what_is_not() {
        for good in [
            "info",
            "OFF",
            "info,kaskade_net=debug",
            " warn , kaskade::config=trace ",
            "audit=info,h2=off,[request]=debug",
            "kaskade_net[handle{n=1}]=trace",
        ] {
            let filter: LogFilter = good.parse().unwrap();
            assert!(filter.env_filter().is_ok(), "{good}");
        }
        for (bad, at) in [
            ("", 1),
            ("inof", 1),
            ("info,loud", 2),
            ("kaskade_net", 1),
            ("kaskade_net=", 1),
            ("kaskade_net=loud", 1),
            ("=info", 1),
            ("info,", 2),
            (",info", 1),
            ("info,,debug", 2),
            ("info;kaskade_net=debug", 1),
            ("a b=info", 1),
            ("warn,kaskade::config = trace", 2),
            ("kaskade= trace", 1),
            ("kaskade =trace", 1),
            ("info kaskade_net=debug", 1),
            ("a=b=info", 1),
            ("kaskade_net[x=info", 1),
            ("kaskade_net]x[=info", 1),
            ("kaskade_net[x]y=info", 1),
            ("[x{a=}]z=info", 1),
            ("info,\u{1b}[2J=warn", 2),
        ] {
            let error = bad.parse::<LogFilter>().unwrap_err();
            assert_eq!(error.at, at, "{bad}: {error}");
            assert!(!error.to_string().contains('\u{1b}'), "{error}");
        }
        let key = "465b5ce8b199b49faa5f0a2ee238a6bc";
        let error = format!("info,{key}").parse::<LogFilter>().unwrap_err().to_string();
        assert!(error.starts_with("directive 2 of 2") && !error.contains(key), "{error}");
    }
}
