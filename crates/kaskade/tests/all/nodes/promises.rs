//! What is looked at while things happen to nodes: cards that authenticate, all numbers of one card, and what was answered.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use kaskade_aka::sqn::SqnLayout;
use kaskade_crypto::milenage::Milenage;
use kaskade_crypto::{Opc, Rand, Sqn};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::{AKid, HomeRealm, Supi};
use serde_json::{Value, json};

use super::supi;
use crate::akma::{AF_ID, aanf};
use crate::common::{K, OPC, Place, Up};
use crate::postgres::{ask, udm, vector_of};

/// A card authenticates at a node: how often it had to be resynchronised, or why it did not.
pub(super) fn attach(folder: &Path, card: usize, ausf: &str) -> Result<usize, String> {
    let line = format!(
        "ue attach --ausf {ausf} --supi {} --home 001-01 --state card{card}.json",
        supi(card)
    );
    let ran = Command::new(env!("CARGO_BIN_EXE_kaskade"))
        .current_dir(folder)
        .args(line.split_whitespace())
        .envs([("KASKADE_K", K), ("KASKADE_OPC", OPC)])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout).to_lowercase();
    match ran.status.success() {
        true => Ok(said.matches("auts").count()),
        false => Err(String::from_utf8_lossy(&ran.stderr).into_owned()),
    }
}

/// A node gives a card what it needs, soon.
pub(super) fn served(place: &Place, card: usize, ausf: &str) {
    let begun = Instant::now();
    while let Err(why) = attach(&place.path("."), card, ausf) {
        assert!(begun.elapsed() < Duration::from_secs(60), "card {card}: {why}");
        sleep(Duration::from_millis(50));
    }
}

/// Where a node is asked.
pub(super) struct Address {
    pub(super) ausf: String,
    pub(super) udm: String,
    aanf: String,
}

impl Address {
    pub(super) fn of(up: &Up) -> Self {
        Self {
            ausf: up.ausf.clone(),
            udm: udm(up),
            aanf: aanf(up),
        }
    }
}

/// The numbers of a subscriber without a card, as any node gives them: at each IND they rise, so that none is given twice, and a card would take
/// each of them.
#[derive(Default)]
pub(super) struct Numbers {
    last: HashMap<u8, u64>,
    pub(super) count: u64,
}

impl Numbers {
    /// Asks a node for one, if it gives one.
    pub(super) fn ask(&mut self, supi: &str, node: &Address) {
        let (status, body) = vector_of(&node.udm, supi);
        if status != "200" {
            return;
        }
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let octets = |name: &str| {
            let text = body["authenticationVector"][name].as_str();
            let octets = hex::decode(text.unwrap_or_else(|| panic!("{name}: {body}"))).expect("hexadecimal digits");
            <[u8; 16]>::try_from(octets).expect("16 octets")
        };
        let (rand, autn) = (Rand::from_octets(octets("rand")), octets("autn"));
        let key = |text: &str| <[u8; 16]>::try_from(hex::decode(text).expect("digits")).expect("16 octets");
        let milenage = Milenage::new(&kaskade_crypto::K::from_octets(&key(K)), &Opc::from_octets(&key(OPC)));
        let ak = milenage.f5(&rand);
        let mut sqn = *ak.expose_to_derivation();
        sqn.iter_mut()
            .zip(autn)
            .for_each(|(octet, concealed)| *octet ^= concealed);
        let (seq, ind) = SqnLayout::ANNEX_C3.split(Sqn::from_octets(sqn));
        let before = self.last.insert(ind.0, seq.0);
        assert!(
            before.is_none_or(|before| before < seq.0),
            "at IND {} SEQ {} follows {before:?}, from {}",
            ind.0,
            seq.0,
            node.udm
        );
        self.count += 1;
    }
}

/// K_AKMA of a subscriber, again and again another one: the last whose registration was answered is there, or one that was not answered.
#[derive(Default)]
pub(super) struct Anchors {
    runs: u64,
    answered: u64,
    /// Sent, and not answered.
    open: Vec<u64>,
}

impl Anchors {
    /// Registers the next one at a node.
    pub(super) fn register(&mut self, supi: &str, node: &Address) {
        self.runs += 1;
        let (a_kid, k_akma) = anchor_key(supi, self.runs);
        let info = json!({ "supi": supi, "aKId": a_kid, "kAkma": hex::encode(k_akma.expose_to_aanf()) });
        let (status, _) = ask(&format!("{}/register-anchorkey", node.aanf), Some(&info.to_string()));
        match status == "200" {
            true => self.answered = self.runs,
            false => self.open.push(self.runs),
        }
    }

    /// How many were registered.
    pub(super) const fn answered(&self) -> u64 {
        self.answered
    }

    /// All nodes give keys below the same one, which is that.
    pub(super) fn are_found(&mut self, supi: &str, nodes: &[Up]) {
        let found: Vec<u64> = nodes.iter().map(|node| self.found_at(supi, &aanf(node))).collect();
        let first = found.first().copied().unwrap_or_default();
        assert!(found.iter().all(|found| *found == first), "{found:?}");
        // Nothing is on its way any more.
        self.answered = first;
        self.open.clear();
    }

    fn found_at(&self, supi: &str, aanf: &str) -> u64 {
        let begun = Instant::now();
        let mut said = Vec::new();
        while begun.elapsed() < Duration::from_secs(30) {
            said.clear();
            for run in std::iter::once(&self.answered).chain(&self.open) {
                let (a_kid, k_akma) = anchor_key(supi, *run);
                let request = json!({ "afId": AF_ID, "aKId": a_kid });
                let (status, body) = ask(&format!("{aanf}/retrieve-applicationkey"), Some(&request.to_string()));
                if status == "200" {
                    let told: Value = serde_json::from_str(&body).expect("JSON");
                    let k_af = k_akma.k_af(&AF_ID.parse().expect("an AF_ID"));
                    assert_eq!(told["kaf"], hex::encode(k_af.expose_to_af()));
                    return *run;
                }
                said.push((*run, status, body));
            }
            sleep(Duration::from_millis(100));
        }
        panic!(
            "{} was answered, {:?} not, and {aanf} says {said:?}",
            self.answered, self.open
        );
    }
}

/// Of an authentication of this number.
fn anchor_key(supi: &str, run: u64) -> (String, kaskade_keys::akma::KAkma) {
    let mut octets = [0x5a; 32];
    octets[..8].copy_from_slice(&run.to_be_bytes());
    let (k_ausf, supi) = (KAusf::from_octets(&octets), supi.parse::<Supi>().expect("a SUPI"));
    let realm = HomeRealm::new("001-01".parse().expect("a PLMN"), None);
    let a_kid = AKid::new("0".parse().expect("a routing indicator"), &k_ausf.a_tid(&supi), realm);
    (a_kid.encode(), k_ausf.k_akma(&supi))
}
