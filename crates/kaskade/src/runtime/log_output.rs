//! Where the lines of the log go: an output that takes none fails nobody.
//!
//! A full disk or a closed pipe under standard error is no reason to stop serving, and the place where a failure would be told is
//! that same output. So a line that cannot be written is counted, and the first one that can be is preceded by how many were lost.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use kaskade_faults::fault;
use serde_json::json;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// The log's output, shared by all threads.
pub(crate) struct LogOutput<W> {
    json: bool,
    state: Mutex<State<W>>,
}

struct State<W> {
    output: W,
    /// Lines that were lost and not told yet.
    lost: u64,
    /// The last line was written in part.
    torn: bool,
}

impl<W: Write> LogOutput<W> {
    pub(crate) const fn new(output: W, json: bool) -> Self {
        let (lost, torn) = (0, false);
        Self {
            json,
            state: Mutex::new(State { output, lost, torn }),
        }
    }

    /// Takes one line, whatever becomes of it.
    fn line(&self, line: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = state.told(self.json).and_then(|()| state.whole(line));
        if outcome.is_err() {
            state.lost = state.lost.saturating_add(1);
        }
        match fault!("log-dies-with-its-output") {
            true => outcome,
            false => Ok(()),
        }
    }
}

impl<W: Write> State<W> {
    /// Says first what was lost.
    fn told(&mut self, json: bool) -> io::Result<()> {
        if self.torn {
            self.whole(b"\n")?;
            self.torn = false;
        }
        if self.lost > 0 {
            self.whole(lost(self.lost, json).as_bytes())?;
            self.lost = 0;
        }
        Ok(())
    }

    fn whole(&mut self, mut octets: &[u8]) -> io::Result<()> {
        let begin = octets.len();
        while !octets.is_empty() {
            match self.output.write(octets) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => octets = octets.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.torn |= octets.len() < begin;
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

fn lost(lines: u64, json: bool) -> String {
    let mut now = String::new();
    // Without the time, it is still said.
    let _ = SystemTime.format_time(&mut Writer::new(&mut now));
    let message = format!("lines of the log were lost, since nothing could be written: {lines}");
    match json {
        true => {
            let line = json!({
                "timestamp": now, "level": "WARN", "fields": { "message": message }, "target": module_path!(),
            });
            format!("{line}\n")
        }
        false => format!("{now}  WARN {}: {message}\n", module_path!()),
    }
}

impl<W: Write> Write for &LogOutput<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.line(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many octets, and then nothing.
    struct Disk {
        taken: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let fits = octets.len().min(self.room);
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= fits;
            self.taken.extend_from_slice(&octets[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn after_a_full_disk(json: bool) -> String {
        let room = "one\ntw".len();
        let output = LogOutput::new(
            Disk {
                taken: Vec::new(),
                room,
            },
            json,
        );
        for line in ["one\n", "two\n", "three\n"] {
            (&output).write_all(line.as_bytes()).expect("no error");
        }
        output.state.lock().unwrap().output.room = 1000;
        (&output).write_all(b"four\n").expect("no error");
        (&output).write_all(b"five\n").expect("no error");
        let state = output.state.into_inner().unwrap();
        String::from_utf8(state.output.taken).expect("text")
    }

    #[test]
    fn a_line_that_cannot_be_written_is_counted_and_no_error() {
        let text = after_a_full_disk(false);
        let lines: Vec<&str> = text.lines().collect();
        let [one, torn, lost, four, five] = lines[..] else {
            panic!("{text}");
        };
        assert_eq!([one, torn, four, five], ["one", "tw", "four", "five"]);
        assert!(lost.ends_with("lost, since nothing could be written: 2"), "{lost}");
    }

    #[test]
    fn a_log_in_json_says_in_json_what_was_lost() {
        let text = after_a_full_disk(true);
        let lost = text.lines().nth(2).expect("a line");
        let lost: serde_json::Value = serde_json::from_str(lost).expect("JSON");
        assert_eq!(lost["level"], "WARN");
        let message = lost["fields"]["message"].as_str().expect("a message");
        assert!(message.ends_with(": 2"), "{message}");
    }
}
