//! The only place that writes to standard output: knows the terminal, its width, its colours and its alphabet.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use kaskade_doctor::discretion::without_keys;
pub(crate) use kaskade_doctor::sheet::{Sheet, Style};

use crate::exit::{self, ToDo, Untold};
use crate::typed;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    #[default]
    Auto,
    /// Also into a pipe or a file.
    Always,
    /// Not at all.
    Never,
}

/// Standard output and what it can show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    sheet: Sheet,
    colour_of_log: bool,
    json_errors: bool,
}

impl Console {
    /// Looks at standard output and the environment.
    pub(crate) fn new(colour: Colour) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let coloured = |terminal: bool| match colour {
            Colour::Auto => terminal && !set("NO_COLOR") && !dumb,
            Colour::Always => true,
            Colour::Never => false,
        };
        let width = columns
            .or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
            .unwrap_or(120)
            .min(160);
        let sheet = Sheet::new(width);
        Self {
            sheet: sheet
                .with_colour(coloured(io::stdout().is_terminal()))
                .with_unicode(unicode_locale()),
            colour_of_log: coloured(io::stderr().is_terminal()),
            json_errors: false,
        }
    }

    /// The same, whose errors are one JSON object for whoever asked for JSON.
    pub(crate) fn with_json_errors(self, json_errors: bool) -> Self {
        Self { json_errors, ..self }
    }

    /// What standard output can show.
    pub(crate) fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// Whether standard error, where the log goes, is to be coloured.
    pub(crate) fn colours_log(&self) -> bool {
        self.colour_of_log
    }

    /// Text in a style, if colours are on.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        self.sheet.paint(style, text)
    }

    /// The same text in the alphabet of this output.
    pub(crate) fn spell(&self, text: &str) -> String {
        self.sheet.spell(text)
    }

    /// Writes one line.
    pub(crate) fn line(&self, line: impl fmt::Display) -> io::Result<()> {
        writeln!(Output::new(), "{line}")
    }

    /// Writes one line of what a command has changed: it is changed all the same where nobody can be told.
    pub(crate) fn done(&self, line: impl fmt::Display) -> Result<()> {
        self.line(line).context(Untold)
    }

    /// Writes one JSON object.
    pub(crate) fn json(&self, object: &impl serde::Serialize) -> Result<()> {
        Ok(self.line(serde_json::to_string_pretty(&serde_json::to_value(object)?)?)?)
    }

    /// Writes one JSON object of what a command has changed.
    pub(crate) fn json_done(&self, object: &impl serde::Serialize) -> Result<()> {
        self.json(object).context(Untold)
    }

    /// Writes names and values, one pair a line.
    pub(crate) fn facts(&self, facts: &[(&str, String)]) -> io::Result<()> {
        for (name, value) in facts {
            let name = self.paint(Style::Faint, &format!("{name:<12}"));
            self.line(format!("{name}{value}"))?;
        }
        Ok(())
    }

    /// Tells on standard error why the program gives up.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let text = typed::without(&without_keys(&once(error)));
        if self.json_errors {
            let reason = exit::why(error).map(kaskade_flow::Refusal::name);
            let object = serde_json::json!({ "error": text, "exit": exit::status(error), "reason": reason });
            return complain(&object.to_string());
        }
        let label = if self.colour_of_log {
            "\x1b[1;31merror:\x1b[0m"
        } else {
            "error:"
        };
        // There is no other place to complain to.
        let _ = writeln!(io::stderr().lock(), "{label} {text}");
    }

    /// Tells something on standard error that is no result.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Writes text that ends its lines itself.
    pub(crate) fn text(&self, text: &str) -> io::Result<()> {
        let mut stdout = Output::new();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

/// An error and its causes, without those that it tells already; what to do about it is the end.
pub(crate) fn once(error: &anyhow::Error) -> String {
    let to_do = error.downcast_ref().map(ToDo::to_string);
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) || to_do.as_ref() == Some(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    match to_do {
        Some(to_do) if !text.contains(&to_do) => format!("{text}; {to_do}"),
        _ => text,
    }
}

/// Says something on standard error before anything is known of the console.
pub(crate) fn complain(text: &str) {
    // There is no other place to complain to.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// How far something with so many subscribers is, when it takes long: a bar on a terminal, elsewhere a line now and then.
pub(crate) struct Progress {
    count: usize,
    bar: Option<ProgressBar>,
    said: Mutex<Instant>,
}

impl Progress {
    /// From here on it takes long.
    const LONG: usize = 20_000;
    /// How often a line says how far it is.
    const PAUSE: Duration = Duration::from_secs(10);

    pub(crate) fn of(count: usize) -> Self {
        let bar = (count >= Self::LONG && io::stderr().is_terminal()).then(|| {
            let template = "{bar:40} {human_pos} of {human_len} subscribers, {rate}, {eta} left";
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let style = style.with_key("rate", |state: &ProgressState, to: &mut dyn fmt::Write| {
                // A rate that cannot be written is left out.
                let _ = write!(to, "{:.0}/s", state.per_sec());
            });
            ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX)).with_style(style)
        });
        Self {
            count,
            bar,
            said: Mutex::new(Instant::now()),
        }
    }

    /// So many are done.
    pub(crate) fn at(&self, done: usize) {
        let Some(bar) = &self.bar else {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            if said.elapsed() >= Self::PAUSE {
                *said = Instant::now();
                complain(&format!("{done} of {} subscribers", self.count));
            }
            return;
        };
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    }

    /// All are.
    pub(crate) fn end(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }

    /// It goes no further.
    pub(crate) fn stop(&self) {
        self.bar.iter().for_each(ProgressBar::abandon);
    }
}

/// Whether the locale of the environment is UTF-8, by the precedence of POSIX.
fn unicode_locale() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

/// Standard output, whose errors can be told from those of files and sockets.
pub(crate) struct Output(io::StdoutLock<'static>);

impl Output {
    pub(crate) fn new() -> Self {
        Self(io::stdout().lock())
    }
}

/// The reader of standard output went away.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads standard output any more")]
struct NoReader;

/// Standard output takes nothing.
#[derive(Debug, thiserror::Error)]
#[error("standard output: {0}")]
struct NotWritten(io::Error);

fn of_output(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted => error,
        kind @ io::ErrorKind::BrokenPipe => io::Error::new(kind, NoReader),
        kind => io::Error::new(kind, NotWritten(error)),
    }
}

/// Why standard output took nothing, if this is an error of it; `None` also where only its reader went away.
pub(crate) fn failed_output(error: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    let error: &io::Error = error.downcast_ref()?;
    error.get_ref()?.is::<NotWritten>().then(|| error.kind())
}

impl Write for Output {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.write(octets).map_err(of_output)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(of_output)
    }
}

/// Whether the reader of our output went away, as `head` does: no reason to complain. A peer that closes a connection, with
/// the same error of the system, is one.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .filter_map(io::Error::get_ref)
        .any(|inner| inner.is::<NoReader>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("no connection: {source}")]
        struct Outer {
            source: io::Error,
        }
        let error = |source| anyhow::Error::new(Outer { source }).context("no challenge");
        assert_eq!(
            once(&error(io::Error::other("refused"))),
            "no challenge: no connection: refused"
        );
        let plain = anyhow::anyhow!("why").context("what");
        assert_eq!(once(&plain), "what: why");
        let advised = anyhow::anyhow!("why").context(ToDo::from("do this")).context("what");
        assert_eq!(once(&advised), "what: why; do this");
    }

    #[test]
    fn only_our_own_output_may_lose_its_reader() {
        let system = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(
            &anyhow::Error::new(of_output(system())).context("a table")
        ));
        assert!(!is_broken_pipe(&anyhow::Error::new(system()).context("a peer")));
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(!is_broken_pipe(&of_output(full).into()));
    }
}
