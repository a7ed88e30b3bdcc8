//! Derivations by their rows against the SHA-256 compressions that they need, measured in the same run.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "a benchmark fails by panicking, prints what it saw, and casts its own constants"
)]
#![allow(clippy::print_stdout, reason = "the table is the purpose of this program")]

#[path = "../../kaskade-crypto/benches/rounds/mod.rs"]
mod rounds;

use std::hint::black_box;

use kaskade_keys::derivation::Prepared;
use kaskade_keys::eps::{KAsme, KEnb};
use kaskade_keys::fivegs::{KAmf, KAusf, KGnb, KSeaf, SyncInput};
use kaskade_keys::id::{ArfcnDl, Pci, ServingNetworkIdentity};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_keys::{Abba, CipheringAlgorithm, IntegrityAlgorithm, NasCount, ServingNetworkName, Supi};
use rounds::Table;
use sha2::block_api::compress256;

/// At most this many times its compressions.
const BOUND: f64 = 1.15;

/// A hash chain of this many compressions.
fn compressions(count: usize) -> impl FnMut() -> [u32; 8] {
    move || {
        let mut state = [7; 8];
        for _ in 0..count {
            compress256(&mut state, core::slice::from_ref(black_box(&[0x5a; 64])));
        }
        state
    }
}

fn main() {
    let mut table = Table::new();
    let network = ServingNetworkName::new("001-01".parse().expect("a PLMN"), None);
    let sn_id = ServingNetworkIdentity("001-01".parse().expect("a PLMN"));
    let supi: Supi = "imsi-001010000000001".parse().expect("a SUPI");
    let sqn_xor_ak = SqnXorAk::from_octets([1, 2, 3, 4, 5, 6]);
    let (nea, nia) = (CipheringAlgorithm::Nea2, IntegrityAlgorithm::Nia2);
    let count = NasCount::default();
    let octets = [0x46; 32];

    let ck_ik = CkIk::from_octets(&octets);
    let four = "4 compressions";
    table.row(
        "K_AUSF",
        four,
        BOUND,
        1,
        || black_box(&ck_ik).k_ausf(&network, &sqn_xor_ak),
        compressions(4),
    );
    table.row(
        "K_ASME",
        four,
        BOUND,
        1,
        || black_box(&ck_ik).k_asme(&sn_id, &sqn_xor_ak),
        compressions(4),
    );
    let k_ausf = KAusf::from_octets(&octets);
    table.row(
        "K_SEAF",
        four,
        BOUND,
        1,
        || black_box(&k_ausf).k_seaf(&network),
        compressions(4),
    );
    let k_seaf = KSeaf::from_octets(&octets);
    table.row(
        "K_AMF",
        four,
        BOUND,
        1,
        || black_box(&k_seaf).k_amf(&supi, &Abba::INITIAL),
        compressions(4),
    );
    let k_gnb = KGnb::from_octets(&octets);
    let (pci, arfcn) = (Pci::new(1).expect("a PCI"), ArfcnDl::new(632_628).expect("an ARFCN"));
    table.row(
        "K_NG-RAN*",
        four,
        BOUND,
        1,
        || black_box(&k_gnb).k_ng_ran_star(pci, arfcn),
        compressions(4),
    );
    table.row(
        "K_UPenc",
        four,
        BOUND,
        1,
        || black_box(&k_gnb).k_up_enc(nea),
        compressions(4),
    );

    // Two pads of two keys each, and eight derivations of two compressions.
    let k_amf = KAmf::from_octets(&octets);
    let all_of_5gs = || {
        let k_amf = Prepared::new(black_box(&k_amf));
        let k_gnb = k_amf.k_gnb(count.into());
        let below = Prepared::new(&k_gnb);
        (
            (
                k_amf.k_nas_enc(nea),
                k_amf.k_nas_int(nia),
                k_amf.nh(SyncInput::KGnb(&k_gnb)),
            ),
            (
                below.k_rrc_enc(nea),
                below.k_rrc_int(nia),
                below.k_up_enc(nea),
                below.k_up_int(nia),
            ),
        )
    };
    table.row(
        "all NAS and AS keys of a UE, 5GS",
        "20 compressions",
        BOUND,
        1,
        all_of_5gs,
        compressions(20),
    );
    let k_asme = KAsme::from_octets(&octets);
    let all_of_eps = || {
        let k_asme = Prepared::new(black_box(&k_asme));
        let k_enb: KEnb = k_asme.k_enb(count.into());
        let below = Prepared::new(&k_enb);
        (
            (k_asme.k_nas_enc(nea), k_asme.k_nas_int(nia)),
            (below.k_rrc_enc(nea), below.k_rrc_int(nia), below.k_up_enc(nea)),
        )
    };
    table.row(
        "all NAS and AS keys of a UE, EPS",
        "16 compressions",
        BOUND,
        1,
        all_of_eps,
        compressions(16),
    );
    table.finish();
}
