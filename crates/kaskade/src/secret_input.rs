//! K and the operator code from the command line, a file, standard input or the environment.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kaskade::card::{AlgorithmName, Card, FieldNames};
use kaskade_aka::auc::AlgorithmKeys;
use kaskade_flow::Refusal;
use kaskade_keys::Supi;
use kaskade_store::{SubscriberSecrets, private};
use zeroize::Zeroizing;

use crate::admin::subscriber::NewSubscriber;
use crate::admin::text::{Digits, Text};
use crate::exit;

/// Text that may be a secret: `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct SecretText(Zeroizing<String>);

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl SecretText {
    /// The text.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

/// Options that name the algorithm, K and the operator code.
#[derive(clap::Args, Clone, Debug)]
#[command(
    next_help_heading = "Secrets of the SIM (one K; with MILENAGE one of OPc or OP, with TUAK one of TOPc or TOP)"
)]
pub(crate) struct SecretArgs {
    /// K, 32 hexadecimal digits (TUAK: 32 or 64). Other users of this machine can see it in the process list: prefer
    /// --k-file or the environment variable KASKADE_K
    #[arg(long, value_name = "HEX", conflicts_with = "k_file")]
    k: Option<SecretText>,
    /// File with K in hexadecimal, mode 0600; `-` reads a line of standard input
    #[arg(long, value_name = "FILE")]
    k_file: Option<PathBuf>,
    /// OPc (derived from OP and K, different on every card), 32 hexadecimal digits. See --k for who can see it
    #[arg(long, value_name = "HEX", conflicts_with_all = ["opc_file", "op", "op_file"])]
    opc: Option<SecretText>,
    /// File with OPc; `-` reads a line of standard input, after K's
    #[arg(long, value_name = "FILE", conflicts_with_all = ["op", "op_file"])]
    opc_file: Option<PathBuf>,
    /// OP (the operator's own, the same for all cards), 32 hexadecimal digits. It is not OPc: mixing them up gives
    /// wrong keys, not an error
    #[arg(long, value_name = "HEX", conflicts_with = "op_file")]
    op: Option<SecretText>,
    /// File with OP; `-` reads a line of standard input, after K's
    #[arg(long, value_name = "FILE")]
    op_file: Option<PathBuf>,
    /// Algorithm of the card: milenage, tuak, xor (test networks only), comp128v1, comp128v2, comp128v3 (GSM only)
    /// [default: milenage]
    #[arg(long, value_name = "NAME")]
    algorithm: Option<AlgorithmName>,
    #[command(flatten)]
    tuak: TuakArgs,
}

/// What only some algorithms have.
#[derive(clap::Args, Clone, Debug)]
struct TuakArgs {
    /// TOPc: what OPc is to MILENAGE, 64 hexadecimal digits. See --k for who can see it
    #[arg(long, value_name = "HEX", conflicts_with_all = ["topc_file", "top", "top_file"])]
    topc: Option<SecretText>,
    /// File with TOPc; `-` reads a line of standard input, after K's
    #[arg(long, value_name = "FILE", conflicts_with_all = ["top", "top_file"])]
    topc_file: Option<PathBuf>,
    /// TOP: what OP is to MILENAGE, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", conflicts_with = "top_file")]
    top: Option<SecretText>,
    /// File with TOP; `-` reads a line of standard input, after K's
    #[arg(long, value_name = "FILE")]
    top_file: Option<PathBuf>,
    /// How often TUAK applies its permutation, 1 to 255; 1 if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    tuak_iterations: Option<u8>,
    /// Octets of RES: 4, 8 or 16 with TUAK (8 if not given), 4 to 16 with XOR (16 if not given)
    #[arg(long, value_name = "N")]
    res_octets: Option<u8>,
}

const NAMES: FieldNames = FieldNames {
    k: "K",
    op: "OP",
    opc: "OPc",
    top: "TOP",
    topc: "TOPc",
    res_octets: "--res-octets",
    tuak_iterations: "--tuak-iterations",
};

/// The secrets of a card as somebody gave them.
#[derive(Debug)]
pub(crate) struct CardTexts {
    pub(crate) algorithm: AlgorithmName,
    k: SecretText,
    opc: Option<SecretText>,
    op: Option<SecretText>,
    topc: Option<SecretText>,
    top: Option<SecretText>,
    res_octets: Option<u8>,
    tuak_iterations: Option<u8>,
}

impl CardTexts {
    /// What they say.
    pub(crate) fn secrets(&self) -> Result<SubscriberSecrets> {
        let [opc, op, topc, top] =
            [&self.opc, &self.op, &self.topc, &self.top].map(|text| text.as_ref().map(SecretText::expose));
        let card = Card {
            algorithm: self.algorithm,
            k: Some(self.k.expose()),
            op,
            opc,
            top,
            topc,
            res_octets: self.res_octets,
            tuak_iterations: self.tuak_iterations,
        };
        Ok(card.secrets(&NAMES)?)
    }

    /// A new subscriber with this card, for the store of this folder.
    pub(crate) fn new_subscriber(&self, supi: &Supi) -> NewSubscriber {
        let digits = |text: &Option<SecretText>| text.as_ref().map(|text| Digits::from(text.expose().trim()));
        NewSubscriber {
            supi: Text(supi.clone()),
            algorithm: Some(Text(self.algorithm)),
            k: Some(Digits::from(self.k.expose().trim())),
            opc: digits(&self.opc),
            op: digits(&self.op),
            topc: digits(&self.topc),
            top: digits(&self.top),
            sealed: None,
            res_octets: self.res_octets,
            tuak_iterations: self.tuak_iterations,
            amf: None,
            sqn_scheme: None,
            sqn: None,
            methods: None,
            gpsi: None,
            routing_indicator: None,
            akma: None,
            best: None,
            eps_profile: None,
            suspended: None,
        }
    }
}

/// Where one secret may come from.
struct Source<'a> {
    text: &'a Option<SecretText>,
    file: Option<&'a Path>,
    variable: &'static str,
    field: &'static str,
}

impl Source<'_> {
    fn is_an_option(&self) -> bool {
        self.text.is_some() || self.file.is_some()
    }

    fn is_in_environment(&self) -> bool {
        std::env::var_os(self.variable).is_some()
    }
}

impl SecretArgs {
    /// Whether somebody gave K.
    pub(crate) fn has_k(&self) -> bool {
        self.k.is_some() || self.k_file.is_some() || std::env::var_os("KASKADE_K").is_some()
    }

    fn algorithm(&self) -> AlgorithmName {
        self.algorithm.unwrap_or_default()
    }

    /// The options that were written.
    pub(crate) fn named(&self) -> Vec<&'static str> {
        let Self { tuak, .. } = self;
        let written = [
            (self.k.is_some(), "--k"),
            (self.k_file.is_some(), "--k-file"),
            (self.opc.is_some(), "--opc"),
            (self.opc_file.is_some(), "--opc-file"),
            (self.op.is_some(), "--op"),
            (self.op_file.is_some(), "--op-file"),
            (self.algorithm.is_some(), "--algorithm"),
            (tuak.topc.is_some(), "--topc"),
            (tuak.topc_file.is_some(), "--topc-file"),
            (tuak.top.is_some(), "--top"),
            (tuak.top_file.is_some(), "--top-file"),
            (tuak.tuak_iterations.is_some(), "--tuak-iterations"),
            (tuak.res_octets.is_some(), "--res-octets"),
        ];
        written
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, option)| *option)
            .collect()
    }

    /// The same, and the environment, if K comes from there.
    pub(crate) fn sources(&self) -> Vec<&'static str> {
        let mut sources = self.named();
        if self.k.is_none() && self.k_file.is_none() {
            sources.push("KASKADE_K");
        }
        sources
    }

    /// Reads them.
    pub(crate) fn read(&self) -> Result<SubscriberSecrets> {
        self.texts()?.secrets()
    }

    /// Reads them as text.
    pub(crate) fn texts(&self) -> Result<CardTexts> {
        let mut lines = Lines::default();
        let source = self.source_of_k();
        let Some(k) = lines.first(&source)? else {
            let text = "K is missing: give --k-file FILE (or - for standard input), --k HEX, or set KASKADE_K";
            return Err(exit::refused(Refusal::IeMissing, text));
        };
        let [opc, op, topc, top] = self.operator_codes(&mut lines)?;
        Ok(CardTexts {
            algorithm: self.algorithm(),
            k,
            opc,
            op,
            topc,
            top,
            res_octets: self.tuak.res_octets,
            tuak_iterations: self.tuak.tuak_iterations,
        })
    }

    /// Reads them, for an authentication with vectors.
    pub(crate) fn read_for_vectors(&self) -> Result<(SubscriberSecrets, AlgorithmKeys)> {
        let secrets = self.read()?;
        let Some(keys) = secrets.algorithm_keys() else {
            bail!(
                "{} is of GSM-only cards: there are no vectors of it, and no keys of 5G",
                self.algorithm()
            );
        };
        Ok((secrets, keys))
    }

    /// OPc, OP, TOPc and TOP, as far as they are given and the algorithm has them.
    fn operator_codes(&self, lines: &mut Lines) -> Result<[Option<SecretText>; 4]> {
        let (milenage, tuak) = self.operator_sources();
        let (mine, others) = match self.algorithm() {
            AlgorithmName::Milenage => (Some(milenage), vec![tuak]),
            AlgorithmName::Tuak => (Some(tuak), vec![milenage]),
            AlgorithmName::Xor | AlgorithmName::Gsm(_) => (None, vec![milenage, tuak]),
        };
        // Only an option is a mistake: the environment may be there for other cards.
        if let Some(source) = others.iter().flatten().find(|source| source.is_an_option()) {
            let (field, algorithm) = (source.field, self.algorithm());
            let text = format!("{field} is given, but {algorithm} has none: is --algorithm right?");
            return Err(exit::refused(Refusal::IeIncorrect, text));
        }
        let Some([derived, own]) = mine else {
            return Ok([const { None }; 4]);
        };
        if !derived.is_an_option() && !own.is_an_option() && derived.is_in_environment() && own.is_in_environment() {
            bail!(
                "both {} and {} are set in the environment: one code follows from the other, so set only one",
                derived.variable,
                own.variable
            );
        }
        let derived_text = if own.is_an_option() {
            None
        } else {
            lines.first(&derived)?
        };
        let own_text = if derived_text.is_some() {
            None
        } else {
            lines.first(&own)?
        };
        match (derived_text, own_text) {
            (None, None) => Err(exit::refused(Refusal::IeMissing, missing(self.algorithm()))),
            (derived, own) if self.algorithm() == AlgorithmName::Milenage => Ok([derived, own, None, None]),
            (derived, own) => Ok([None, None, derived, own]),
        }
    }

    fn source_of_k(&self) -> Source<'_> {
        Source {
            text: &self.k,
            file: self.k_file.as_deref(),
            variable: "KASKADE_K",
            field: NAMES.k,
        }
    }

    /// OPc and OP, TOPc and TOP.
    fn operator_sources(&self) -> ([Source<'_>; 2], [Source<'_>; 2]) {
        let source = |(text, file, variable, field)| Source {
            text,
            file: Option::as_deref(file),
            variable,
            field,
        };
        let Self { tuak, .. } = self;
        (
            [
                (&self.opc, &self.opc_file, "KASKADE_OPC", NAMES.opc),
                (&self.op, &self.op_file, "KASKADE_OP", NAMES.op),
            ]
            .map(source),
            [
                (&tuak.topc, &tuak.topc_file, "KASKADE_TOPC", NAMES.topc),
                (&tuak.top, &tuak.top_file, "KASKADE_TOP", NAMES.top),
            ]
            .map(source),
        )
    }
}

/// What to do when there is no operator code.
const fn missing(algorithm: AlgorithmName) -> &'static str {
    match algorithm {
        AlgorithmName::Tuak => {
            "the operator code is missing: give TOPc (--topc-file, --topc, KASKADE_TOPC) or TOP (--top-file, --top, \
             KASKADE_TOP). Ask the card's maker which of the two you have: TOPc differs from card to card, TOP is the same on all"
        }
        _ => {
            "the operator code is missing: give OPc (--opc-file, --opc, KASKADE_OPC) or OP (--op-file, --op, KASKADE_OP). \
             Ask the card's maker which of the two you have: OPc differs from card to card, OP is the same on all"
        }
    }
}

/// Standard input is read once, line by line.
#[derive(Default)]
pub(crate) struct Lines {
    stdin: Option<io::StdinLock<'static>>,
}

impl Lines {
    /// A value as it stands, or behind `@FILE`, or behind `-` a line of standard input.
    pub(crate) fn value(&mut self, text: &str) -> Result<Zeroizing<String>> {
        match text.strip_prefix('@') {
            Some(path) => self.line(Path::new(path)).with_context(|| path.to_owned()),
            None if text == "-" => self.line(Path::new(text)).context("standard input"),
            None => Ok(Zeroizing::new(text.to_owned())),
        }
    }

    fn first(&mut self, source: &Source<'_>) -> Result<Option<SecretText>> {
        let Source {
            text,
            file,
            variable,
            field,
        } = source;
        if let Some(text) = text {
            return Ok(Some(text.clone()));
        }
        if let Some(path) = file {
            let line = self.line(path).with_context(|| {
                format!(
                    "{field} from {}",
                    kaskade_doctor::discretion::shown(&path.display().to_string())
                )
            })?;
            return Ok(Some(SecretText(line)));
        }
        match std::env::var(variable) {
            Ok(value) => Ok(Some(SecretText(Zeroizing::new(value)))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => bail!("{variable} is not text"),
        }
    }

    fn line(&mut self, path: &Path) -> Result<Zeroizing<String>> {
        let mut line = Zeroizing::new(String::new());
        if path == Path::new("-") {
            self.stdin
                .get_or_insert_with(|| io::stdin().lock())
                .read_line(&mut line)?;
        } else {
            let file = File::open(path)?;
            // A pipe of the shell is nobody else's.
            if file.metadata()?.is_file() {
                private::check(path, &file)?;
            }
            BufReader::new(file).read_line(&mut line)?;
        }
        if line.trim().is_empty() {
            return Err(exit::refused(Refusal::IeMissing, "the line is empty"));
        }
        Ok(line)
    }
}
