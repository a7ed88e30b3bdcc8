//! What somebody gives for a derivation: keys, inputs, and options that are inputs too, each by the name that errors call it.

use kaskade_keys::derivation::{self, NamedKey, Octets, ParameterSpec, Row};
use kaskade_keys::tree;

use crate::discretion::shown;
use crate::lookup::{self, LookupError};
use crate::notation;

/// Why what is given makes no sense. Names options; never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    /// A name that no key has.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The same key twice.
    #[error("{0} is given twice: give --from {option}=… once", option = notation::option(.0))]
    KeyTwice(&'static str),
    /// A key that differs from what other options make.
    #[error("--from {option} contradicts {by}, from which another {key} follows: give one of them", option = notation::option(key))]
    KeyContradicts {
        /// The key.
        key: &'static str,
        /// The options from which it follows.
        by: String,
    },
    /// No derivation takes an input of this name.
    #[error("{input} is no input{of}{hint}")]
    NoInput {
        /// The input, as it was written.
        input: String,
        /// The key that it was said to be for.
        of: String,
        /// What was probably meant.
        hint: String,
    },
    /// The same input twice.
    #[error("--input {input} is given twice; give it once, or for each derivation by its key: k-gnb.{bare}=…")]
    InputTwice {
        /// The input, as it was written.
        input: String,
        /// The same without its key.
        bare: String,
    },
    /// Two options say different things.
    #[error("{one} contradicts {other}: both say what {input} is for {key}; give one of them")]
    InputsContradict {
        /// An option.
        one: String,
        /// Another.
        other: String,
        /// The input that both are about.
        input: &'static str,
        /// The key whose derivation it enters.
        key: &'static str,
    },
    /// The text of an input is malformed.
    #[error("{option}: {error}; expected {form}")]
    Form {
        /// The option.
        option: String,
        /// What is wrong.
        error: String,
        /// What is expected.
        form: &'static str,
    },
    /// A key where an input is expected.
    #[error("{0} is no input but a key: give it with --from")]
    NotAnInput(&'static str),
}

/// What somebody has.
#[derive(Default)]
pub struct Given {
    keys: Vec<Key>,
    inputs: Vec<Input>,
    /// The options that were written, each of which must be of use.
    options: Vec<&'static str>,
}

struct Key {
    name: &'static str,
    octets: Octets,
    by: By,
}

/// An input by its name, for all derivations or for some.
pub(crate) struct Input {
    option: String,
    /// The option as it was written, for errors.
    written: String,
    scope: Scope,
    value: Value,
    by: By,
}

/// The derivations that an input is for.
#[derive(PartialEq)]
enum Scope {
    All,
    /// Those that make a key of this name, in any form, or that have it as their own.
    Name(String),
    /// Those that an option is about.
    Of(Of),
}

/// Whether an option is about a derivation.
#[derive(Clone, Copy)]
pub struct Of(pub fn(&Row) -> bool);

impl PartialEq for Of {
    /// Two options are never about the same: what they say is compared.
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

enum Value {
    Text(String),
    Octets(Octets),
}

/// Who says it.
#[derive(PartialEq)]
enum By {
    /// `--from` or `--input`.
    Name,
    /// These options of the command line.
    Options(Vec<&'static str>),
    /// An option that was not written, by its documented default.
    Default(&'static str),
}

/// One thing that was written and must be of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// `--from` or `--input`: it says which way is meant.
    Explicit(String),
    /// Another option: people write it out of habit, so it does not choose a way.
    Option(&'static str),
}

impl Named {
    /// The option, as it was written.
    pub fn text(&self) -> &str {
        match self {
            Self::Explicit(text) => text,
            Self::Option(option) => option,
        }
    }
}

impl Given {
    /// A key that was named.
    ///
    /// # Errors
    /// [`GivenError::KeyTwice`].
    pub fn name_key(&mut self, name: &'static str, octets: Octets) -> Result<(), GivenError> {
        if self.has(name) {
            return Err(GivenError::KeyTwice(name));
        }
        self.keys.push(Key {
            name,
            octets,
            by: By::Name,
        });
        Ok(())
    }

    /// Puts keys together that are given in parts: CK and IK to CK||IK.
    ///
    /// # Errors
    /// [`GivenError::KeyTwice`]: the whole is given too.
    pub fn join_keys(&mut self) -> Result<(), GivenError> {
        for whole in tree::keys().into_iter().filter(|key| key.contains("||")) {
            let parts: Vec<&str> = whole.split("||").collect();
            let octets: Option<Vec<&[u8]>> = parts.iter().map(|part| self.octets(part)).collect();
            if let Some(octets) = octets {
                let octets = Octets::new(octets.concat());
                self.keys.retain(|key| !parts.contains(&key.name));
                self.name_key(whole, octets)?;
            }
        }
        Ok(())
    }

    /// A key that follows from these options.
    ///
    /// # Errors
    /// [`GivenError::KeyContradicts`]: it was named, with another value.
    pub fn know_key(&mut self, name: &'static str, octets: Octets, by: &[&'static str]) -> Result<(), GivenError> {
        match self.octets(name) {
            Some(known) if known != octets.as_slice() => {
                return Err(GivenError::KeyContradicts {
                    key: name,
                    by: by.join(", "),
                });
            }
            Some(_) => {}
            None => self.keys.push(Key {
                name,
                octets,
                by: By::Options(by.to_vec()),
            }),
        }
        Ok(())
    }

    /// An input that was named: `uplink-nas-count`, or `k-gnb.uplink-nas-count` for one derivation only.
    ///
    /// # Errors
    /// [`GivenError`]: no derivation takes it, or it is given twice. Its text is read when it enters a derivation.
    pub fn name_input(&mut self, option: &str, text: &str) -> Result<(), GivenError> {
        let (key, bare) = match option.split_once('.') {
            Some((key, bare)) => (Some(lookup::any_form(key)?), bare),
            None => (None, option),
        };
        let scope = key.map_or(Scope::All, |key| Scope::Name(tree::plain(key)));
        let rows = tree::rows().filter(|row| scope.holds(row));
        let options: Vec<String> = rows.flat_map(Row::texts).map(|(spec, _)| spec.option()).collect();
        if !options.iter().any(|known| known == bare) {
            let of = key.map_or_else(String::new, |key| format!(" of {key}"));
            let hint = match lookup::key(bare) {
                Ok(key) => format!("; {key} is a key: --from {}=…", notation::option(key)),
                Err(_) => lookup::nearest(
                    bare,
                    options.into_iter(),
                    "`kaskade explain KEY` shows what enters a derivation",
                ),
            };
            return Err(GivenError::NoInput {
                input: shown(bare),
                of,
                hint,
            });
        }
        let mut others = self.inputs.iter();
        if others.any(|input| input.by == By::Name && input.option == bare && input.scope == scope) {
            return Err(GivenError::InputTwice {
                input: option.to_owned(),
                bare: bare.to_owned(),
            });
        }
        self.inputs.push(Input {
            option: bare.to_owned(),
            written: option.to_owned(),
            scope,
            value: Value::Text(text.to_owned()),
            by: By::Name,
        });
        Ok(())
    }

    /// Takes note that an option was written.
    pub fn name_option(&mut self, option: &'static str) {
        if !self.options.contains(&option) {
            self.options.push(option);
        }
    }

    /// An input that these options say.
    pub fn know_input(&mut self, option: &str, octets: Octets, by: &[&'static str]) {
        self.know(option, Value::Octets(octets), By::Options(by.to_vec()), Of(|_| true));
    }

    /// The same, as text.
    pub fn know_text(&mut self, option: &str, text: &str, by: &[&'static str]) {
        self.know(
            option,
            Value::Text(text.to_owned()),
            By::Options(by.to_vec()),
            Of(|_| true),
        );
    }

    /// An input that an option says of some derivations.
    pub fn know_of(&mut self, option: &str, octets: Octets, by: &'static str, of: Of) {
        self.know(option, Value::Octets(octets), By::Options(vec![by]), of);
    }

    /// An input of some derivations by the documented default of an option.
    pub fn default_of(&mut self, option: &str, octets: Octets, default: &'static str, of: Of) {
        self.know(option, Value::Octets(octets), By::Default(default), of);
    }

    fn know(&mut self, option: &str, value: Value, by: By, of: Of) {
        self.inputs.push(Input {
            option: option.to_owned(),
            written: option.to_owned(),
            scope: Scope::Of(of),
            value,
            by,
        });
    }

    /// Whether a key of this name is given.
    pub fn has(&self, name: &str) -> bool {
        self.octets(name).is_some()
    }

    /// The key of this name, to derive from.
    pub fn key(&self, name: &str) -> Option<NamedKey> {
        NamedKey::from_octets(name, self.octets(name)?)
    }

    /// The octets of the key of this name.
    pub(crate) fn octets(&self, name: &str) -> Option<&[u8]> {
        let key = self.keys.iter().find(|key| key.name == name)?;
        Some(key.octets.as_slice())
    }

    /// The keys that are given, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }

    /// The inputs that say something of this one, the one that counts first: named for this derivation, named for all,
    /// said by an option, its default.
    fn inputs(&self, row: &Row, spec: &ParameterSpec) -> Vec<&Input> {
        let option = spec.option();
        let said = self.inputs.iter();
        let mut said: Vec<&Input> = said
            .filter(|input| input.option == option && input.scope.holds(row))
            .collect();
        said.sort_by_key(|input| match (&input.by, &input.scope) {
            (By::Name, Scope::Name(_)) => 0,
            (By::Name, _) => 1,
            (By::Options(_), _) => 2,
            (By::Default(_), _) => 3,
        });
        said
    }

    /// The input that counts.
    pub(crate) fn input(&self, row: &Row, spec: &ParameterSpec) -> Option<&Input> {
        self.inputs(row, spec).first().copied()
    }

    /// What these derivations use of what was written.
    pub fn used(&self, keys: &[&str], rows: &[&'static Row]) -> Vec<Named> {
        let mut used: Vec<Named> = Vec::new();
        let mut note = |by: &By, written: String| match by {
            By::Name => used.push(Named::Explicit(written)),
            By::Options(options) => used.extend(options.iter().map(|option| Named::Option(option))),
            By::Default(_) => {}
        };
        for key in self.keys.iter().filter(|key| keys.contains(&key.name)) {
            note(&key.by, key.written());
        }
        for row in rows {
            for (spec, _) in row.texts() {
                let said = self.inputs(row, spec);
                let named = said.iter().find(|input| input.by == By::Name);
                let options = said.iter().filter(|input| matches!(input.by, By::Options(_)));
                for input in named.into_iter().chain(options) {
                    note(&input.by, format!("--input {}", input.written));
                }
            }
        }
        used
    }

    /// What was written and is not among these.
    pub fn unused(&self, used: &[Named]) -> Vec<Named> {
        let keys = self.keys.iter().filter(|key| key.by == By::Name);
        let keys = keys.map(|key| Named::Explicit(key.written()));
        let inputs = self.inputs.iter().filter(|input| input.by == By::Name);
        let inputs = inputs.map(|input| Named::Explicit(format!("--input {}", input.written)));
        let options = self.options.iter().map(|option| Named::Option(option));
        let all = keys.chain(inputs).chain(options);
        all.filter(|named| !used.contains(named)).collect()
    }

    /// Whether all inputs of `own` are given, not by default, and one of them by something that `common` does not use.
    pub(crate) fn says(&self, own: &[&'static Row], common: &[&'static Row]) -> bool {
        let of_common = self.used(&[], common);
        let given = |row: &&'static Row| {
            row.texts().all(|(spec, _)| {
                let input = self.input(row, spec);
                input.is_some_and(|input| !matches!(input.by, By::Default(_)))
            })
        };
        own.iter().all(given) && self.used(&[], own).iter().any(|named| !of_common.contains(named))
    }

    /// The defaults of options that these derivations take.
    pub fn defaults(&self, rows: &[&'static Row]) -> Vec<&'static str> {
        let mut defaults = Vec::new();
        for row in rows {
            for (spec, _) in row.texts() {
                match self.input(row, spec).map(|input| &input.by) {
                    Some(By::Default(default)) if !defaults.contains(default) => defaults.push(*default),
                    _ => {}
                }
            }
        }
        defaults
    }

    /// The octets of an input, of the encoding that the derivation takes; `None` when it is not given.
    ///
    /// # Errors
    /// [`GivenError`]: its text is malformed, or two options contradict each other.
    pub fn value(&self, row: &Row, spec: &ParameterSpec) -> Result<Option<Octets>, GivenError> {
        let mut said = self.inputs(row, spec).into_iter();
        let Some(first) = said.next() else { return Ok(None) };
        let octets = first.octets(spec)?;
        for other in said.filter(|input| matches!(input.by, By::Options(_))) {
            if other.octets(spec)? != octets {
                return Err(GivenError::InputsContradict {
                    one: first.title(),
                    other: other.title(),
                    input: spec.name,
                    key: row.named,
                });
            }
        }
        Ok(Some(octets))
    }
}

impl Key {
    fn written(&self) -> String {
        format!("--from {}", notation::option(self.name))
    }
}

impl Scope {
    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::Name(name) => {
                let names = [row.child, row.named];
                names.iter().any(|known| tree::plain(known) == *name) || tree::forms(name).contains(&row.child)
            }
            Self::Of(Of(holds)) => holds(row),
        }
    }
}

impl Input {
    /// As an error names it.
    fn title(&self) -> String {
        match &self.by {
            By::Name => format!("--input {}", self.written),
            By::Options(options) => options.join(", "),
            By::Default(default) => (*default).to_owned(),
        }
    }

    fn octets(&self, spec: &ParameterSpec) -> Result<Octets, GivenError> {
        match (&self.value, spec.given) {
            (Value::Octets(octets), _) => Ok(octets.clone()),
            (Value::Text(text), derivation::Given::Text(form)) => match (form.parse)(text) {
                Ok(octets) => Ok(octets),
                Err(error) => Err(GivenError::Form {
                    option: self.title(),
                    error: error.to_string(),
                    form: form.form,
                }),
            },
            _ => Err(GivenError::NotAnInput(spec.name)),
        }
    }
}
