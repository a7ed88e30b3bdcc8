//! What somebody typed, and messages without it: it may be K in the wrong place, in whatever alphabet.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};
use kaskade::subscription::Who;
use kaskade_doctor::discretion::{may_be_said, may_be_secret};
use zeroize::Zeroizing;

use crate::Program;

/// Stands for what is not repeated.
const WITHHELD: &str = "…";

/// Takes the values out of a refusal of clap, unless they are words of the program or too short for a key.
pub(crate) fn withhold(error: &mut clap::Error) {
    let words = words();
    let is_said =
        |text: &str| may_be_said(text) || words.contains(text) || words.contains(text.trim_start_matches('-'));
    let unknown = error.kind() == ErrorKind::UnknownArgument;
    let mut changed: Vec<(ContextKind, ContextValue)> = Vec::new();
    for (kind, value) in error.context() {
        match (kind, value) {
            (ContextKind::InvalidValue | ContextKind::InvalidSubcommand, ContextValue::String(text))
                if !is_said(text) =>
            {
                changed.push((kind, ContextValue::String(WITHHELD.into())));
            }
            (ContextKind::InvalidArg, ContextValue::String(text)) if unknown && !is_said(text) => {
                changed.push((kind, ContextValue::String(WITHHELD.into())));
                // The hint says it once more.
                changed.push((ContextKind::Suggested, ContextValue::None));
            }
            _ => {}
        }
    }
    for (kind, value) in changed {
        let _ = error.insert(kind, value);
    }
}

/// A message without the arguments of this process that may be secrets.
pub(crate) fn without(message: &str) -> String {
    let words = words();
    let arguments = std::env::args_os().skip(1);
    let mut parts: Vec<Zeroizing<String>> = Vec::new();
    for argument in arguments {
        let argument = Zeroizing::new(argument.to_string_lossy().into_owned());
        let value = argument.split_once('=').map(|(_, value)| value);
        for text in [Some(argument.as_str()), value].into_iter().flatten() {
            let pieces = text.split([',', '=', '@']).chain([text, text.trim()]);
            parts.extend(
                pieces
                    .filter(|piece| !may_stay(piece, &words))
                    .flat_map(|piece| [piece.to_owned(), piece.escape_debug().to_string()])
                    .map(Zeroizing::new),
            );
        }
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let mut text = message.to_owned();
    for part in &parts {
        text = text.replace(part.as_str(), WITHHELD);
    }
    text
}

/// Whether a message may repeat this argument, or part of one.
fn may_stay(text: &str, words: &HashSet<String>) -> bool {
    let plain = |text: &str| {
        text.bytes()
            .all(|c| c.is_ascii_lowercase() || matches!(c, b'-' | b'.' | b'_' | b'/'))
            && !may_be_secret(text)
    };
    // No key is so short.
    text.len() <= 12
        || plain(text)
        || words.contains(text)
        || text.parse::<Who>().is_ok()
        || text.parse::<SocketAddr>().is_ok()
        || ["http://", "https://", "5G:"]
            .iter()
            .any(|start| text.starts_with(start))
        || is_path(Path::new(text))
}

/// Whether this names a file or folder: it is there, or would be in a folder that is there, by a name that no key looks like.
fn is_path(path: &Path) -> bool {
    if path.symlink_metadata().is_ok() {
        return true;
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return false;
    };
    let has_kind = path
        .extension()
        .is_some_and(|end| (1..=8).contains(&end.len()) && end.as_encoded_bytes().iter().all(u8::is_ascii_lowercase));
    (parent.as_os_str().is_empty() || parent.is_dir()) && (may_be_said(name) || has_kind && !may_be_secret(name))
}

/// The words of the command line: commands, options, and the values that are listed for them.
fn words() -> HashSet<String> {
    fn collect(command: &Command, words: &mut HashSet<String>) {
        words.extend(command.get_name_and_visible_aliases().into_iter().map(str::to_owned));
        for argument in command.get_arguments() {
            words.extend(argument.get_long().map(|long| format!("--{long}")));
            words.extend(argument.get_long().map(str::to_owned));
            let values = argument.get_possible_values();
            words.extend(values.iter().map(|value| value.get_name().to_owned()));
        }
        for below in command.get_subcommands() {
            collect(below, words);
        }
    }
    let mut words = HashSet::new();
    collect(&Program::command(), &mut words);
    words
}
