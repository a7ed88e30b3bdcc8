//! Published answers of TS 33.401 Annex A, `vectors/kdf-eps.json`. Every case runs; a case of an unknown form fails.
#![allow(clippy::unwrap_used, missing_docs)]

use kaskade_crypto::milenage::Milenage;
use kaskade_crypto::{Autn, Ck, Ik, K, Opc, Rand};
use kaskade_keys::derivation::{Given, NamedKey, Octets, ParameterSpec, Prepared, Row};
use kaskade_keys::id::{EarfcnDl, EutraPci, ScgCounter, ServingNetworkIdentity};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_keys::{CipheringAlgorithm, IntegrityAlgorithm, NasCount, Plmn, eps, tree};
use serde_json::{Map, Value};

/// The name that a case gives its function, and the row: parent and method.
const ROWS: [(&str, &str, &str); 12] = [
    ("K_ASME (A.2)", "CK||IK", "k_asme"),
    ("K_NASenc", "K_ASME", "k_nas_enc"),
    ("K_NASint", "K_ASME", "k_nas_int"),
    ("K_eNB (A.3)", "K_ASME", "k_enb"),
    ("NH (A.4)", "K_ASME", "nh"),
    ("K_RRCenc", "K_eNB", "k_rrc_enc"),
    ("K_RRCint", "K_eNB", "k_rrc_int"),
    ("K_UPenc", "K_eNB", "k_up_enc"),
    ("K_UPint", "K_eNB", "k_up_int"),
    ("K_eNB* (A.5)", "K_eNB", "k_enb_star"),
    ("S-K_gNB (A.15)", "K_eNB", "s_k_gnb"),
    ("S-K_eNB (A.15)", "K_eNB", "s_k_enb"),
];

struct Case<'c>(&'c Map<String, Value>);

impl Case<'_> {
    fn find(&self, field: &str) -> Option<Vec<u8>> {
        Some(hex::decode(self.0.get(field)?.as_str()?).unwrap())
    }

    fn octets(&self, field: &str) -> Vec<u8> {
        self.find(field)
            .unwrap_or_else(|| panic!("{}: no {field}", self.name()))
    }

    fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.octets(field).try_into().unwrap()
    }

    fn name(&self) -> &str {
        self.0["name"].as_str().unwrap()
    }

    fn row(&self) -> &'static Row {
        let function = self.0["function"].as_str().unwrap();
        let known = ROWS.iter().find(|(name, ..)| function.starts_with(name));
        let (_, parent, method) = known.unwrap_or_else(|| panic!("{}: unknown function {function}", self.name()));
        tree::rows()
            .find(|row| row.parent == *parent && row.method == *method)
            .unwrap_or_else(|| panic!("no row {parent}.{method}"))
    }

    fn key(&self) -> Vec<u8> {
        self.find("key")
            .unwrap_or_else(|| [self.octets("ck"), self.octets("ik")].concat())
    }
}

#[test]
fn every_case() {
    let file = kaskade_oracle::vectors("kdf-eps.json");
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 45);
    for case in cases {
        let case = Case(case.as_object().unwrap());
        by_row(&case);
        by_type(&case);
        if case.find("opc").is_some() {
            from_k(&case);
        }
    }
}

/// The name of an input in the file.
fn field(spec: &ParameterSpec) -> String {
    let field = spec.option().replace('-', "_");
    let plain = ["ciphering_", "integrity_"]
        .iter()
        .find_map(|kind| field.strip_prefix(kind));
    plain.map_or(field.clone(), str::to_owned)
}

/// The row alone, with the octets of the case.
fn by_row(case: &Case<'_>) {
    let row = case.row();
    let transcript = row
        .transcript(|spec| Ok::<_, ()>(Octets::new(case.octets(&field(spec)))))
        .unwrap();
    for (spec, octets) in transcript.present() {
        if let Given::Fixed(_) = spec.given {
            assert_eq!(octets, case.octets(&field(spec)), "{}", case.name());
        }
    }
    assert_eq!(transcript.s()[..1], case.octets("fc"), "{}", case.name());
    let key = NamedKey::from_octets(row.parent, &case.key()).unwrap();
    let child = transcript.derive(&key).unwrap();
    let output = case.octets("output");
    assert!(output.ends_with(child.expose_to_operator().unwrap()), "{}", case.name());
}

/// The typed method, with typed inputs.
fn by_type(case: &Case<'_>) {
    let key: [u8; 32] = case.key().try_into().unwrap();
    let (k_asme, k_enb) = (eps::KAsme::from_octets(&key), eps::KEnb::from_octets(&key));
    let count = case
        .find("uplink_nas_count")
        .map(|_| NasCount::new(u32::from_be_bytes(case.array("uplink_nas_count"))));
    if let Some(Err(_)) = count {
        return; // some sources draw 32 random bits, which is no NAS COUNT; the row has been checked
    }
    let count = || count.unwrap().unwrap();
    let number = |field: &str| {
        case.octets(field)
            .iter()
            .fold(0_u32, |n, octet| n << 8 | u32::from(*octet))
    };
    let nea = || CipheringAlgorithm::ALL[number("algorithm_identity") as usize];
    let nia = || IntegrityAlgorithm::ALL[number("algorithm_identity") as usize];
    let scg = || ScgCounter::new(number("scg_counter").try_into().unwrap());
    let child = match case.row().method {
        "k_asme" => {
            let network = ServingNetworkIdentity(Plmn::from_nas_octets(case.array("sn_id")).unwrap());
            let sqn_xor_ak = SqnXorAk::from_octets(case.array("sqn_xor_ak"));
            CkIk::from_octets(&key)
                .k_asme(&network, &sqn_xor_ak)
                .expose_to_operator()
                .to_vec()
        }
        "k_nas_enc" => k_asme.k_nas_enc(nea()).expose_to_operator().to_vec(),
        "k_nas_int" => k_asme.k_nas_int(nia()).expose_to_operator().to_vec(),
        "k_enb" => k_asme.k_enb(count().into()).expose_to_operator().to_vec(),
        "nh" => k_asme
            .nh(eps::SyncInput::Nh(&eps::Nh::from_octets(&case.array("sync_input"))))
            .expose_to_operator()
            .to_vec(),
        "k_rrc_enc" => k_enb.k_rrc_enc(nea()).expose_to_operator().to_vec(),
        "k_rrc_int" => k_enb.k_rrc_int(nia()).expose_to_operator().to_vec(),
        "k_up_enc" => k_enb.k_up_enc(nea()).expose_to_operator().to_vec(),
        "k_up_int" => k_enb.k_up_int(nia()).expose_to_operator().to_vec(),
        "k_enb_star" => {
            let pci = EutraPci::new(number("pci").try_into().unwrap()).unwrap();
            k_enb
                .k_enb_star(pci, EarfcnDl::new(number("earfcn_dl")).unwrap())
                .expose_to_operator()
                .to_vec()
        }
        "s_k_gnb" => k_enb.s_k_gnb(scg()).expose_to_operator().to_vec(),
        "s_k_enb" => k_enb.s_k_enb(scg()).expose_to_operator().to_vec(),
        other => panic!("{}: {other}", case.name()),
    };
    assert!(case.octets("output").ends_with(&child), "{}: typed", case.name());
}

/// Cases that start from K, with MILENAGE.
fn from_k(case: &Case<'_>) {
    let milenage = Milenage::new(&K::from_octets(&case.array("k")), &Opc::from_octets(&case.array("opc")));
    let (rand, autn) = (
        Rand::from_octets(case.array("rand")),
        Autn::from_octets(case.array("autn")),
    );
    let (_, ck, ik, _) = milenage.f2345(&rand);
    assert_eq!(ck, Ck::from_octets(&case.array("ck")), "{}", case.name());
    assert_eq!(ik, Ik::from_octets(&case.array("ik")), "{}", case.name());
    let network = ServingNetworkIdentity(Plmn::from_nas_octets(case.array("sn_id")).unwrap());
    let k_asme = Prepared::<CkIk>::from_ck_ik(&ck, &ik).k_asme(&network, &SqnXorAk::from(&autn));
    assert_eq!(
        k_asme.expose_to_operator().to_vec(),
        case.octets("output"),
        "{}",
        case.name()
    );
}
