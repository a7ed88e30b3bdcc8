//! What the options of `kaskade derive` say of the inputs of any derivation, their documented defaults too.

use anyhow::{Result, bail};
use kaskade_aka::auc::{self, Credentials};
use kaskade_aka::visit::{KeyVisitor, ShownKey, VisitKeys};
use kaskade_crypto::Sqn;
use kaskade_doctor::given::{Given, GivenError, Of};
use kaskade_keys::derivation::{KdfParameter, Octets, Row};
use kaskade_keys::tree;
use kaskade_keys::umts::SqnXorAk;
use kaskade_keys::{Abba, CipheringAlgorithm, IntegrityAlgorithm, NasCount};

use super::{Args, SelectionArgs};

/// The options, read.
pub(crate) struct Known<'a> {
    args: &'a Args,
    subscriber: Option<(Credentials, Option<Sqn>)>,
}

impl<'a> Known<'a> {
    /// Reads K and the operator code, if they are given.
    pub(super) fn read(args: &'a Args) -> Result<Self> {
        let subscriber = match &args.challenge.rand {
            Some(rand) if args.secrets.has_k() => Some(args.subscriber(rand)?),
            Some(_) => None,
            None => match args.secrets.named().first() {
                Some(option) => bail!("{option} needs --rand: CK and IK come from K and a challenge"),
                None => None,
            },
        };
        Ok(Self { args, subscriber })
    }

    /// Whether there is K and a challenge.
    pub(crate) fn has_challenge(&self) -> bool {
        self.subscriber.is_some()
    }

    /// The challenge at hand, with what it is called.
    pub(crate) fn say_to(&self, given: &mut Given) -> Result<()> {
        self.named().into_iter().for_each(|option| given.name_option(option));
        self.challenge(given)?;
        self.network(given);
        self.selection(given);
        Ok(())
    }

    /// Every option that was written.
    fn named(&self) -> Vec<&'static str> {
        let Args { challenge, network, .. } = self.args;
        let mut named = self.args.secrets.named();
        let written = [
            (challenge.rand.is_some(), "--rand"),
            (challenge.sqn.is_some(), "--sqn"),
            (challenge.amf.is_some(), "--amf"),
            (challenge.autn.is_some(), "--autn"),
            (network.plmn.is_some(), "--plmn"),
            (network.serving_network_name.is_some(), "--serving-network-name"),
            (network.nid.is_some(), "--nid"),
            (network.supi.is_some(), "--supi"),
            (network.abba.is_some(), "--abba"),
        ];
        named.extend(written.iter().filter(|(is, _)| *is).map(|(_, option)| *option));
        named.extend(self.args.selection.named());
        named
    }

    fn challenge(&self, given: &mut Given) -> Result<()> {
        let challenge = &self.args.challenge;
        if let Some(rand) = &challenge.rand {
            given.know_input("rand", octets_of(rand), &["--rand"]);
        }
        let (Some((credentials, sqn)), Some(rand)) = (&self.subscriber, &challenge.rand) else {
            if let Some(autn) = &challenge.autn {
                given.know_input("sqn-xor-ak", octets_of(&SqnXorAk::from(autn)), &["--autn"]);
            }
            return Ok(());
        };
        let mut by = self.args.secrets.sources();
        by.push("--rand");
        // Its MAC-A was checked.
        by.extend(challenge.autn.is_some().then_some("--autn"));
        // CK, IK, AK and RES do not depend on SQN.
        let quintet = auc::quintet(credentials, rand, sqn.unwrap_or(Sqn::MAX));
        let mut vector = Vector {
            given,
            by: &by,
            result: Ok(()),
        };
        quintet.visit_keys(&mut vector);
        vector.result?;
        for option in ["res", "xres"] {
            given.know_input(option, octets_of(&quintet.xres), &by);
        }
        if sqn.is_some() {
            by.extend(challenge.sqn.is_some().then_some("--sqn"));
            given.know_input("sqn-xor-ak", octets_of(&SqnXorAk::from(&quintet.autn)), &by);
        }
        Ok(())
    }

    fn network(&self, given: &mut Given) {
        let network = &self.args.network;
        if let Some(name) = network.name() {
            let by: &[&'static str] = match (network.serving_network_name, network.nid) {
                (Some(_), _) => &["--serving-network-name"],
                (None, Some(_)) => &["--plmn", "--nid"],
                (None, None) => &["--plmn"],
            };
            given.know_input("serving-network-name", octets_of(&name), by);
        }
        if let Some(plmn) = network.plmn {
            given.know_text("sn-id", &plmn.to_string(), &["--plmn"]);
        }
        if let Some(supi) = &network.supi {
            given.know_input("supi", octets_of(supi), &["--supi"]);
        }
        match &network.abba {
            Some(abba) => given.know_of("abba", octets_of(abba), "--abba", ALL),
            None => given.default_of("abba", octets_of(&Abba::INITIAL), "--abba 0000", ALL),
        }
    }

    fn selection(&self, given: &mut Given) {
        let SelectionArgs {
            nea,
            nia,
            as_nea,
            as_nia,
            ul_nas_count,
        } = self.args.selection;
        let ciphering = "ciphering-algorithm-identity";
        let default = octets_of(&CipheringAlgorithm::Nea2);
        say(given, ciphering, ("--nea", nea), (&default, "--nea 2"), NAS);
        // What protects the access stratum is what protects NAS, unless another option says it.
        let of_as = as_nea.map_or(("--nea", nea), |own| ("--as-nea", Some(own)));
        say(given, ciphering, of_as, (&default, "--nea 2"), ACCESS_STRATUM);
        let integrity = "integrity-algorithm-identity";
        let default = octets_of(&IntegrityAlgorithm::Nia2);
        say(given, integrity, ("--nia", nia), (&default, "--nia 2"), NAS);
        let of_as = as_nia.map_or(("--nia", nia), |own| ("--as-nia", Some(own)));
        say(given, integrity, of_as, (&default, "--nia 2"), ACCESS_STRATUM);
        let count = "uplink-nas-count";
        match ul_nas_count {
            Some(value) => given.know_of(count, octets_of(&value), "--ul-nas-count", ALL),
            None => given.default_of(count, octets_of(&NasCount::default()), "--ul-nas-count 0", INITIAL),
        }
    }
}

const ALL: Of = Of(|_| true);
const NAS: Of = Of(|row| row.child.starts_with("K_NAS"));
const ACCESS_STRATUM: Of = Of(|row| row.child.starts_with("K_RRC") || row.child.starts_with("K_UP"));
/// What the first message of a UE derives. Elsewhere the count is that of another message, so that it has no default.
const INITIAL: Of = Of(|row: &Row| matches!(row.clause, "TS 33.501 A.9" | "TS 33.401 A.3"));

/// An input by its option, or by the option's default.
fn say<P: KdfParameter>(
    given: &mut Given,
    input: &str,
    (option, value): (&'static str, Option<P>),
    (default, words): (&Octets, &'static str),
    of: Of,
) {
    match value {
        Some(value) => given.know_of(input, octets_of(&value), option, of),
        None => given.default_of(input, default.clone(), words, of),
    }
}

fn octets_of<P: KdfParameter>(parameter: &P) -> Octets {
    parameter.with_octets(|octets| Octets::new(octets.to_vec()))
}

/// Takes the keys of an authentication vector.
struct Vector<'g> {
    given: &'g mut Given,
    by: &'g [&'static str],
    result: Result<(), GivenError>,
}

impl KeyVisitor for Vector<'_> {
    fn key<T: ShownKey>(&mut self, key: &T) {
        if let (Some(name), Ok(())) = (tree::find(T::NAME), &self.result) {
            let octets = Octets::new(key.expose_to_operator().to_vec());
            self.result = self.given.know_key(name, octets, self.by);
        }
    }
}
