//! What somebody gives for a derivation: keys, inputs, and options of the command line that are inputs too.

use anyhow::{Result, bail};
use kaskade_keys::derivation::{self, NamedKey, Octets, ParameterSpec, Row};
use kaskade_keys::tree;

use crate::explain::{facts, lookup};

/// What somebody has.
#[derive(Default)]
pub(crate) struct Given {
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
pub(crate) struct Of(pub(crate) fn(&Row) -> bool);

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
pub(crate) enum Named {
    /// `--from` or `--input`: it says which way is meant.
    Explicit(String),
    /// Another option: people write it out of habit, so it does not choose a way.
    Option(&'static str),
}

impl Named {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Explicit(text) => text,
            Self::Option(option) => option,
        }
    }
}

impl Given {
    /// A key that was named.
    pub(crate) fn name_key(&mut self, name: &'static str, octets: Octets) -> Result<()> {
        if self.has(name) {
            bail!("{name} is given twice: give --from {}=… once", facts::option(name));
        }
        self.keys.push(Key {
            name,
            octets,
            by: By::Name,
        });
        Ok(())
    }

    /// Puts keys together that are given in parts: CK and IK to CK||IK.
    pub(crate) fn join_keys(&mut self) -> Result<()> {
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
    pub(crate) fn know_key(&mut self, name: &'static str, octets: Octets, by: &[&'static str]) -> Result<()> {
        match self.octets(name) {
            Some(known) if known != octets.as_slice() => bail!(
                "--from {} contradicts {}, from which another {name} follows: give one of them",
                facts::option(name),
                by.join(", ")
            ),
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
    pub(crate) fn name_input(&mut self, option: &str, text: &str) -> Result<()> {
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
                Ok(key) => format!("; {key} is a key: --from {}=…", facts::option(key)),
                Err(_) => lookup::nearest(
                    bare,
                    options.into_iter(),
                    "`kaskade explain KEY` shows what enters a derivation",
                ),
            };
            bail!("{} is no input{of}{hint}", lookup::shown(bare));
        }
        let mut others = self.inputs.iter();
        if others.any(|input| input.by == By::Name && input.option == bare && input.scope == scope) {
            bail!("--input {option} is given twice; give it once, or for each derivation by its key: k-gnb.{bare}=…");
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
    pub(crate) fn name_option(&mut self, option: &'static str) {
        if !self.options.contains(&option) {
            self.options.push(option);
        }
    }

    /// An input that these options say.
    pub(crate) fn know_input(&mut self, option: &str, octets: Octets, by: &[&'static str]) {
        self.know(option, Value::Octets(octets), By::Options(by.to_vec()), Of(|_| true));
    }

    /// The same, as text.
    pub(crate) fn know_text(&mut self, option: &str, text: &str, by: &[&'static str]) {
        self.know(
            option,
            Value::Text(text.to_owned()),
            By::Options(by.to_vec()),
            Of(|_| true),
        );
    }

    /// An input that an option says of some derivations.
    pub(crate) fn know_of(&mut self, option: &str, octets: Octets, by: &'static str, of: Of) {
        self.know(option, Value::Octets(octets), By::Options(vec![by]), of);
    }

    /// An input of some derivations by the documented default of an option.
    pub(crate) fn default_of(&mut self, option: &str, octets: Octets, default: &'static str, of: Of) {
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

    pub(crate) fn has(&self, name: &str) -> bool {
        self.octets(name).is_some()
    }

    /// The key of this name, to derive from.
    pub(crate) fn key(&self, name: &str) -> Option<NamedKey> {
        NamedKey::from_octets(name, self.octets(name)?)
    }

    pub(crate) fn octets(&self, name: &str) -> Option<&[u8]> {
        let key = self.keys.iter().find(|key| key.name == name)?;
        Some(key.octets.as_slice())
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
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
    pub(crate) fn used(&self, keys: &[&str], rows: &[&'static Row]) -> Vec<Named> {
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
    pub(crate) fn unused(&self, used: &[Named]) -> Vec<Named> {
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
    pub(crate) fn defaults(&self, rows: &[&'static Row]) -> Vec<&'static str> {
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

    /// The octets of an input.
    pub(crate) fn value(&self, row: &Row, spec: &ParameterSpec) -> Result<Option<Octets>> {
        let mut said = self.inputs(row, spec).into_iter();
        let Some(first) = said.next() else { return Ok(None) };
        let octets = first.octets(spec)?;
        for other in said.filter(|input| matches!(input.by, By::Options(_))) {
            if other.octets(spec)? != octets {
                bail!(
                    "{} contradicts {}: both say what {} is for {}; give one of them",
                    first.title(),
                    other.title(),
                    spec.name,
                    row.named
                );
            }
        }
        Ok(Some(octets))
    }
}

impl Key {
    fn written(&self) -> String {
        format!("--from {}", facts::option(self.name))
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

    fn octets(&self, spec: &ParameterSpec) -> Result<Octets> {
        match (&self.value, spec.given) {
            (Value::Octets(octets), _) => Ok(octets.clone()),
            (Value::Text(text), derivation::Given::Text(form)) => match (form.parse)(text) {
                Ok(octets) => Ok(octets),
                Err(error) => bail!("{}: {error}; expected {}", self.title(), form.form),
            },
            _ => bail!("{} is no input but a key: give it with --from", spec.name),
        }
    }
}
