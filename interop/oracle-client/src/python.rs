//! The Python reference as a child process: one JSON question a line, one JSON answer a line.

use crate::{missing, to_hex};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// A running `interop/oracle/reference.py`; it ends when this value is dropped.
///
/// Calls from several threads are answered one after the other.
pub struct Oracle {
    conversation: Mutex<Conversation>,
}

struct Conversation {
    child: Child,
    /// `None` once closed, which ends the child.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// One argument of a reference function. Octets, numbers and text convert with `from`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg<'a> {
    /// A Python `bytes`.
    Octets(&'a [u8]),
    /// A Python `int`.
    Number(u64),
    /// A Python `str`. A text that begins with `h:` cannot be sent: that is how octets are written.
    Text(&'a str),
    /// A Python `bool`.
    Flag(bool),
    /// Python's `None`.
    Nothing,
}

impl Oracle {
    /// Starts the reference, or returns `None` if it is missing and `KASKADE_SKIP_INTEROP` is set.
    ///
    /// The interpreter is the first of `$KASKADE_PYTHON`, `python3` and `/usr/bin/python3` that has the module
    /// `cryptography`.
    ///
    /// # Panics
    /// If Python or the module is missing and skipping is not allowed.
    #[must_use]
    pub fn start() -> Option<Oracle> {
        Self::start_script("reference.py")
    }

    /// As [`Oracle::start`], but `interop/oracle/other_kdfs.py`: other people's key derivations.
    ///
    /// # Panics
    /// As [`Oracle::start`].
    #[must_use]
    pub fn start_other_kdfs() -> Option<Oracle> {
        Self::start_script("other_kdfs.py")
    }

    fn start_script(name: &str) -> Option<Oracle> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../oracle").join(name);
        let Some(python) = python() else {
            return missing(
                "Python 3 with the module `cryptography`",
                "apt-get install python3-cryptography",
            );
        };
        let spawned = Command::new(&python)
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => panic!("cannot start {}: {error}", python.display()),
        };
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("standard output is piped above"));
        Some(Oracle {
            conversation: Mutex::new(Conversation {
                child,
                questions,
                answers,
            }),
        })
    }

    /// Calls the function `name` of the reference. Octets in the answer are lower-case hex: see [`octets`](crate::octets).
    ///
    /// # Panics
    /// If the function does not exist or raises an exception; Python's traceback is then on standard error.
    #[must_use]
    pub fn call(&self, name: &str, args: &[Arg<'_>]) -> Value {
        let question = json!({ "fn": name, "args": args.iter().map(|arg| arg.to_json()).collect::<Vec<_>>() });
        // A panic in another test thread leaves no half-read answer behind unless the child has died, which shows below.
        let mut conversation = self
            .conversation
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match conversation.ask(&question) {
            Ok(answer) => answer,
            Err(error) => panic!("the oracle's function {name} failed ({error}); see Python's traceback above"),
        }
    }

    /// Calls a function whose answer is one octet string.
    ///
    /// # Panics
    /// As [`Oracle::call`], or if the answer is something else.
    #[must_use]
    pub fn octets(&self, name: &str, args: &[Arg<'_>]) -> Vec<u8> {
        crate::octets(&self.call(name, args))
    }
}

impl Conversation {
    fn ask(&mut self, question: &Value) -> std::io::Result<Value> {
        let Some(questions) = &mut self.questions else {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        questions.write_all(format!("{question}\n").as_bytes())?;
        questions.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        drop(self.questions.take());
        // End of input ends the reference; the result is of no use to a test that is over.
        let _ = self.child.wait();
    }
}

impl Arg<'_> {
    fn to_json(self) -> Value {
        match self {
            Arg::Octets(octets) => format!("h:{}", to_hex(octets)).into(),
            Arg::Number(number) => number.into(),
            Arg::Text(text) => {
                assert!(
                    !text.starts_with("h:"),
                    "text that begins with h: would be read as octets"
                );
                text.into()
            }
            Arg::Flag(flag) => flag.into(),
            Arg::Nothing => Value::Null,
        }
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(octets: &'a [u8]) -> Self {
        Arg::Octets(octets)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Arg<'a> {
    fn from(octets: &'a [u8; N]) -> Self {
        Arg::Octets(octets)
    }
}

impl<'a> From<&'a Vec<u8>> for Arg<'a> {
    fn from(octets: &'a Vec<u8>) -> Self {
        Arg::Octets(octets)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Arg::Text(text)
    }
}

impl From<u64> for Arg<'_> {
    fn from(number: u64) -> Self {
        Arg::Number(number)
    }
}

/// The first interpreter that can import `cryptography`.
fn python() -> Option<OsString> {
    let chosen = std::env::var_os("KASKADE_PYTHON");
    chosen
        .into_iter()
        .chain(["python3".into(), "/usr/bin/python3".into()])
        .find(|python| {
            let probe = Command::new(python)
                .args(["-c", "import cryptography"])
                .stderr(Stdio::null())
                .status();
            probe.is_ok_and(|status| status.success())
        })
}
