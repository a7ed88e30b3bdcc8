//! The vector path takes nothing from the heap.

use crate::parties::{home, rand, sqn, subscription, supi};
use kaskade_aka::arpf::{self, EapAkaAv, EapAkaPrimeAv, EapAkaPrimeQuintet, EpsAv, FiveGHeAv, Operation, UmtsAv};
use kaskade_aka::auc::{self, verify_auts};
use kaskade_aka::fivegs::ausf::Challenged;
use kaskade_aka::fivegs::cascade::{Binding, Cascade};
use kaskade_aka::fivegs::keys::Selection;
use kaskade_aka::fivegs::udm;
use kaskade_crypto::Auts;
use kaskade_keys::fivegs::ResStar;
use kaskade_keys::{Abba, Plmn};
use std::hint::black_box;

/// How many allocations `work` makes.
fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1);
}

#[test]
fn the_vector_path_allocates_nothing() {
    let (credentials, rand, sqn, home, supi) = (subscription(), rand(1), sqn(1, 0), home(), supi());
    assert_eq!(
        allocations(|| {
            black_box(udm::he_av(black_box(&credentials), &rand, sqn, &home));
        }),
        0
    );
    let he_av = udm::he_av(&credentials, &rand, sqn, &home);
    let res_star = ResStar::from_octets(he_av.xres_star.expose_to_ausf());
    assert_eq!(
        allocations(|| {
            let (se_av, challenged) = Challenged::new(he_av, supi.clone(), home);
            black_box(se_av);
            assert!(challenged.confirm(&res_star).is_ok());
        }),
        0
    );
    let (abba, selection) = (Abba::INITIAL, Selection::default());
    assert_eq!(
        allocations(|| {
            let binding = Binding {
                serving_network_name: &home,
                supi: &supi,
                abba: &abba,
                selection: &selection,
            };
            black_box(Cascade::derive(&credentials, &rand, sqn, binding));
        }),
        0
    );
    let auts = Auts::from_octets([7; 14]);
    assert_eq!(
        allocations(|| assert!(verify_auts(&credentials, &rand, &auts).is_err())),
        0
    );
}

#[test]
fn no_operation_allocates() {
    fn made<O: Operation>(operation: &O) -> u64 {
        let (credentials, rand, sqn) = (subscription(), rand(1), sqn(1, 0));
        allocations(|| {
            let permit = arpf::permit::<O>(|method| method == O::METHOD).expect("its own method");
            black_box(permit.vector(operation, black_box(&credentials), &rand, sqn, &mut ()));
        })
    }
    let (serving_network_name, access) = (home(), "WLAN".parse().expect("a name"));
    let serving_network = "001-01".parse::<Plmn>().expect("a PLMN").into();
    let counts = [
        made(&FiveGHeAv { serving_network_name }),
        made(&EpsAv { serving_network }),
        made(&EapAkaPrimeAv::ServingNetwork(&serving_network_name)),
        made(&EapAkaPrimeAv::AccessNetwork(&access)),
        made(&UmtsAv),
        made(&EapAkaAv),
        made(&EapAkaPrimeQuintet),
    ];
    assert_eq!(counts, [0; 7]);
}

#[test]
fn a_batch_allocates_nothing() {
    let (credentials, serving_network_name) = (subscription(), home());
    let request = udm::Request {
        quintet: auc::Request {
            credentials: &credentials,
            rand: rand(1),
            sqn: sqn(1, 0),
        },
        serving_network_name: &serving_network_name,
    };
    for size in [1, 16, 50] {
        let mut places = [const { None }; 50];
        let (requests, places) = (&[request; 50][..size], &mut places[..size]);
        assert_eq!(allocations(|| assert!(udm::he_avs(requests, places).is_ok())), 0);
        assert!(places.iter().all(Option::is_some));
    }
}
