//! Speed of 5G AKA derivations against the primitives that they consist of, measured in the same run.
//!
//! | Row | SHA-256 compressions |
//! |---|---|
//! | 5G home vector | CK ‖ IK pads 2, K_AUSF 2, XRES* 3: 7 |
//! | chain to K_UPint | home vector 7, HXRES* 1, K_SEAF 2 + 2, K_AMF 2 + 2, K_AMF pads 2, K_NASenc 2, K_NASint 2, K_gNB 2, K_gNB pads 2, four AS keys 8: 34 |
//! | with NH and K_N3IWF | 2 + 2 more: 38 |
//!
//! Each with one AES key schedule and five AES blocks.
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

use core::mem::ManuallyDrop;
use std::hint::black_box;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use kaskade_aka::auc::{self, Credentials};
use kaskade_aka::fivegs::ausf::Challenged;
use kaskade_aka::fivegs::cascade::{Binding, Cascade};
use kaskade_aka::fivegs::keys::{AsKeys, NasKeys, Selection};
use kaskade_aka::fivegs::udm::{self, HeAv5g};
use kaskade_crypto::{K, Opc, Rand, Sqn};
use kaskade_keys::derivation::Prepared;
use kaskade_keys::fivegs::ResStar;
use kaskade_keys::{Abba, ServingNetworkName, Supi};
use rounds::Table;
use sha2::block_api::compress256;

fn main() {
    let credentials = Credentials::new(K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]));
    let (rand, sqn) = (Rand::from_octets([0x23; 16]), Sqn::from_octets([1, 2, 3, 4, 5, 6]));
    let home: ServingNetworkName = "5G:mnc001.mcc001.3gppnetwork.org".parse().expect("a name");
    let supi: Supi = "imsi-001010000000001".parse().expect("a SUPI");
    let (abba, selection) = (Abba::INITIAL, Selection::default());
    let mut table = Table::new();

    table.row(
        "5G home vector: MILENAGE, K_AUSF, XRES*",
        "1 schedule, 5 blocks, 7 compressions",
        1.3,
        1,
        || {
            udm::he_av(
                black_box(&credentials),
                black_box(&rand),
                black_box(sqn),
                black_box(&home),
            )
        },
        || (five_blocks(&[0x46; 16]), compressions::<7>()),
    );
    let he_av = udm::he_av(&credentials, &rand, sqn, &home);
    let res_star = ResStar::from_octets(he_av.xres_star.expose_to_ausf());
    table.row(
        "chain K to K_UPenc, stage by stage",
        "1 schedule, 5 blocks, 34 compressions",
        1.3,
        1,
        || {
            let he_av = udm::he_av(
                black_box(&credentials),
                black_box(&rand),
                black_box(sqn),
                black_box(&home),
            );
            let (se_av, challenged) = Challenged::new(he_av, black_box(&supi).clone(), home);
            let confirmed = challenged.confirm(black_box(&res_star)).expect("the right RES*");
            let k_amf = Prepared::new(&confirmed.k_seaf.k_amf(&confirmed.supi, black_box(&abba)));
            let nas = NasKeys::derive(&k_amf, black_box(selection.nas));
            let k_gnb = k_amf.k_gnb(black_box(selection.ul_nas_count).into());
            let access_stratum = AsKeys::derive(&k_gnb, black_box(selection.access_stratum));
            (se_av, nas, k_gnb, access_stratum)
        },
        || (five_blocks(&[0x46; 16]), compressions::<34>()),
    );
    table.row(
        "whole tree with NH and K_N3IWF",
        "1 schedule, 5 blocks, 38 compressions",
        1.3,
        1,
        || {
            let binding = Binding {
                serving_network_name: black_box(&home),
                supi: black_box(&supi),
                abba: black_box(&abba),
                selection: black_box(&selection),
            };
            Cascade::derive(black_box(&credentials), black_box(&rand), black_box(sqn), binding)
        },
        || (five_blocks(&[0x46; 16]), compressions::<38>()),
    );
    batches(&mut table);
    table.finish();
}

/// Home vectors of as many subscriptions, all at once against one by one; then against their parts. Fewer than 8 are made
/// one by one anyway. From 16 on all lanes are in use, where the processor has AVX-512 F and BW; where it has not, all
/// are made one by one, and the bounds are missed.
fn batches(table: &mut Table) {
    let subscriptions: Vec<_> = (0..1000_u16)
        .map(|n| {
            let number = n.to_be_bytes();
            let octets = |first: u8| std::array::from_fn(|at| if at < 2 { number[at] } else { first });
            Credentials::new(K::from_octets(&octets(0x46)), Opc::from_octets(&octets(0xcd)))
        })
        .collect();
    let names = ["5G:mnc001.mcc001.3gppnetwork.org", "5G:mnc070.mcc901.3gppnetwork.org"]
        .map(|name| name.parse::<ServingNetworkName>().expect("a name"));
    let requests: Vec<_> = subscriptions
        .iter()
        .zip(names.iter().cycle())
        .map(|(credentials, serving_network_name)| udm::Request {
            quintet: auc::Request {
                credentials,
                rand: Rand::from_octets([0x23; 16]),
                sqn: Sqn::from_octets([1, 2, 3, 4, 5, 6]),
            },
            serving_network_name,
        })
        .collect();
    let (mut at_once, mut in_turn, mut quintets) = (vec![None; 1000], vec![None; 1000], vec![None; 1000]);
    for (size, at_most) in [(1, 1.2), (5, 1.1), (8, 1.0), (16, 0.6), (64, 0.6), (1000, 0.6)] {
        let requests = &requests[..size];
        table.row(
            &format!("5G home vectors, {size} at once"),
            "one by one",
            at_most,
            size,
            || udm::he_avs(black_box(requests), black_box(&mut at_once[..size])),
            || one_by_one(black_box(requests), black_box(&mut in_turn[..size])),
        );
    }
    let of_auc: Vec<_> = requests.iter().map(|request| request.quintet).collect();
    table.row(
        "5G home vectors, 1000 at once",
        "UMTS vectors at once, 7 compressions each",
        1.0,
        1000,
        || udm::he_avs(black_box(&requests), black_box(&mut at_once)),
        || {
            auc::quintets(black_box(&of_auc), black_box(&mut quintets)).expect("as many");
            for _ in 0..1000 {
                black_box(compressions::<7>());
            }
        },
    );
}

fn one_by_one(requests: &[udm::Request<'_>], places: &mut [Option<HeAv5g>]) {
    for (request, place) in requests.iter().zip(places) {
        let auc::Request { credentials, rand, sqn } = &request.quintet;
        *place = Some(udm::he_av(credentials, rand, *sqn, request.serving_network_name));
    }
}

/// One key schedule, one block, and four that depend on it, side by side; nothing is wiped.
fn five_blocks(key: &[u8; 16]) -> [Block; 4] {
    let cipher = ManuallyDrop::new(Aes128Enc::new(black_box(key).into()));
    let mut first = Block::default();
    cipher.encrypt_block(black_box(&mut first));
    let mut blocks = [first; 4];
    cipher.encrypt_blocks(&mut blocks);
    blocks
}

/// `N` compressions, one after the other.
fn compressions<const N: usize>() -> [u32; 8] {
    let mut state = black_box([0x5a5a_5a5a; 8]);
    let block = black_box([[0x3c; 64]]);
    for _ in 0..N {
        compress256(&mut state, &block);
    }
    state
}
