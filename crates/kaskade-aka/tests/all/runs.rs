//! 5G AKA from end to end in memory: right runs agree in every key, wrong ones end with their error and change nothing.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use crate::parties::{cascade_rows, elsewhere, home, rand, sqn, subscription, supi, ue};
use kaskade_aka::auc::{self, AucError};
use kaskade_aka::fivegs::ausf::{Challenged, Confirmed, WrongResStar};
use kaskade_aka::fivegs::keys::{Algorithms, FiveGsKeys, Selection};
use kaskade_aka::fivegs::seaf::{Anchored, AwaitingResponse, Resynchronisation, SeafError};
use kaskade_aka::fivegs::udm;
use kaskade_aka::fivegs::ue::{Ue, UeReject};
use kaskade_aka::sqn::{Seq, SqnLayout};
use kaskade_aka::usim::{Usim, UsimError, UsimOptions, UsimStateError};
use kaskade_aka::visit::{Fingerprints, VisitKeys};
use kaskade_crypto::{Autn, Auts, Rand, Sqn};
use kaskade_keys::fivegs::ResStar;
use kaskade_keys::{Abba, CipheringAlgorithm, IntegrityAlgorithm, NasCount, tree};

/// UDM and AUSF have made a challenge for the home network, and the SEAF has it.
fn challenge(octet: u8, sqn: Sqn) -> (AwaitingResponse, Challenged) {
    let he_av = udm::he_av(&subscription(), &rand(octet), sqn, &home());
    let (se_av, challenged) = Challenged::new(he_av, supi(), home());
    (AwaitingResponse::new(se_av), challenged)
}

/// The same challenge for the UE alone.
fn rand_and_autn(octet: u8, sqn: Sqn) -> (Rand, Autn) {
    let (awaiting, _) = challenge(octet, sqn);
    (*awaiting.rand(), *awaiting.autn())
}

#[test]
fn both_sides_see_every_row_of_the_tree_and_agree() {
    let selection = Selection {
        nas: Algorithms {
            ciphering: CipheringAlgorithm::Nea1,
            integrity: IntegrityAlgorithm::Nia3,
        },
        access_stratum: Algorithms {
            ciphering: CipheringAlgorithm::Nea3,
            integrity: IntegrityAlgorithm::Nia1,
        },
        ul_nas_count: NasCount::new(0x01_0203).expect("24 bits"),
        ul_nas_count_non_3gpp: NasCount::MAX,
    };
    let abba = Abba::from_octets(&[0, 1, 2]).expect("an ABBA");
    let (mut network, mut device) = (Fingerprints::default(), Fingerprints::default());

    let he_av = udm::he_av_visited(&subscription(), &rand(1), sqn(1, 3), &home(), &mut network);
    let (se_av, challenged) = Challenged::new(he_av, supi(), home());
    challenged.visit_keys(&mut network);
    se_av.visit_keys(&mut network);
    let awaiting = AwaitingResponse::new(se_av);
    let mut ue = ue(&subscription());
    let (challenge_rand, autn) = (*awaiting.rand(), *awaiting.autn());
    let authenticated = ue
        .challenge_visited(&challenge_rand, &autn, &home(), &abba, &mut device)
        .expect("a fresh challenge");
    let awaiting = awaiting
        .response(authenticated.res_star.clone())
        .expect("the right RES*");
    awaiting.visit_keys(&mut network);
    let confirmed = challenged.confirm(awaiting.res_star()).expect("the right RES*");
    confirmed.visit_keys(&mut network);
    let Confirmed {
        supi: authenticated_supi,
        serving_network_name,
        k_ausf,
        k_seaf,
    } = confirmed;
    assert_eq!((&authenticated_supi, serving_network_name), (&supi(), home()));
    assert_eq!((&k_ausf, &k_seaf), (&authenticated.k_ausf, &authenticated.k_seaf));
    let anchored = awaiting.accepted(authenticated_supi, k_seaf, abba.clone());
    anchored.visit_keys(&mut network);
    let Anchored { k_amf, .. } = &anchored;
    assert_eq!(k_amf, &authenticated.k_amf);

    let below = FiveGsKeys::derive(k_amf, &selection);
    assert_eq!(below, FiveGsKeys::derive(&authenticated.k_amf, &selection));
    assert_eq!(below.nas.k_nas_enc, k_amf.k_nas_enc(CipheringAlgorithm::Nea1));
    assert_eq!(below.nas.k_nas_int, k_amf.k_nas_int(IntegrityAlgorithm::Nia3));
    assert_eq!(
        below.access_stratum.k_up_enc,
        below.k_gnb.k_up_enc(CipheringAlgorithm::Nea3)
    );
    assert_eq!(
        below.access_stratum.k_rrc_int,
        below.k_gnb.k_rrc_int(IntegrityAlgorithm::Nia1)
    );
    assert_eq!(below.k_gnb, k_amf.k_gnb(selection.ul_nas_count.into()));
    assert_eq!(below.k_n3iwf, k_amf.k_n3iwf(selection.ul_nas_count_non_3gpp));
    below.visit_keys(&mut network);
    FiveGsKeys::derive(&authenticated.k_amf, &selection).visit_keys(&mut device);

    for row in cascade_rows() {
        let (there, here) = (network.of(row.child), device.of(row.child));
        if row.derived_by.iter().any(|holder| !holder.is_ue()) {
            assert!(there.is_some(), "the network shows no {}", row.child);
        }
        if row.derived_by.iter().any(|holder| holder.is_ue()) {
            assert!(here.is_some(), "the UE shows no {}", row.child);
        }
        if let (Some(there), Some(here)) = (there, here) {
            assert_eq!(there, here, "{}", row.child);
        }
    }
    // Nothing is shown that has no row; K and OPc cannot be.
    for (name, _) in network.iter().chain(device.iter()) {
        assert!(tree::parent(name).is_some(), "{name} has no row");
    }
    assert_eq!(ue.usim().sqn_ms(), sqn(1, 3));
}

#[test]
fn the_cascade_in_one_place_equals_the_stages() {
    use kaskade_aka::fivegs::cascade::{Binding, Cascade};
    let selection = Selection::default();
    let mut seen = Fingerprints::default();
    let cascade = Cascade::derive(
        &subscription(),
        &rand(9),
        sqn(7, 1),
        Binding {
            serving_network_name: &home(),
            supi: &supi(),
            abba: &Abba::INITIAL,
            selection: &selection,
        },
    );
    cascade.visit_keys(&mut seen);
    let mut device = Fingerprints::default();
    let authenticated = ue(&subscription())
        .challenge_visited(&rand(9), &cascade.quintet.autn, &home(), &Abba::INITIAL, &mut device)
        .expect("a fresh challenge");
    FiveGsKeys::derive(&authenticated.k_amf, &selection).visit_keys(&mut device);
    for row in cascade_rows() {
        assert!(seen.of(row.child).is_some(), "no {}", row.child);
        if let Some(fingerprint) = device.of(row.child) {
            assert_eq!(seen.of(row.child), Some(fingerprint), "{}", row.child);
        }
    }
}

/// Expects a refusal that changes nothing in the card.
fn refused(ue: &mut Ue, rand: &Rand, autn: &Autn) -> UeReject {
    let before = ue.usim().seq_ms().to_vec();
    let mut seen = Fingerprints::default();
    let reject = ue
        .challenge_visited(rand, autn, &home(), &Abba::INITIAL, &mut seen)
        .map(|_| ())
        .expect_err("a refusal");
    assert_eq!(ue.usim().seq_ms(), before);
    assert_eq!(seen.iter().count(), 0);
    reject
}

#[test]
fn a_changed_challenge_is_a_mac_failure() {
    let mut ue = ue(&subscription());
    let (challenge_rand, autn) = rand_and_autn(1, sqn(1, 0));
    for bit in 0..Autn::LEN * 8 {
        let mut octets = *autn.octets();
        octets[bit / 8] ^= 0x80 >> (bit % 8);
        // Bit 48 is the separation bit, which the ME sees before the card sees MAC-A.
        let expected = match bit {
            48 => UeReject::Non5gAuthenticationUnacceptable,
            _ => UeReject::MacFailure,
        };
        assert_eq!(
            refused(&mut ue, &challenge_rand, &Autn::from_octets(octets)),
            expected,
            "bit {bit}"
        );
    }
    for bit in 0..Rand::LEN * 8 {
        let mut octets = *challenge_rand.octets();
        octets[bit / 8] ^= 0x80 >> (bit % 8);
        assert_eq!(
            refused(&mut ue, &Rand::from_octets(octets), &autn),
            UeReject::MacFailure,
            "bit {bit}"
        );
    }
    assert!(ue.challenge(&challenge_rand, &autn, &home(), &Abba::INITIAL).is_ok());
}

#[test]
fn a_wrong_mac_tells_nothing_of_freshness() {
    let mut ue = ue(&subscription());
    let (challenge_rand, autn) = rand_and_autn(1, sqn(1, 0));
    assert!(ue.challenge(&challenge_rand, &autn, &home(), &Abba::INITIAL).is_ok());
    let mut octets = *autn.octets();
    octets[15] ^= 1;
    assert_eq!(
        refused(&mut ue, &challenge_rand, &Autn::from_octets(octets)),
        UeReject::MacFailure
    );
}

#[test]
fn a_vector_for_another_generation_is_unacceptable() {
    let mut credentials = subscription();
    credentials.amf = kaskade_crypto::Amf::from_octets([0x7f, 0xff]);
    let quintet = auc::quintet(&credentials, &rand(1), sqn(1, 0));
    let mut ue = ue(&credentials);
    let reject = refused(&mut ue, &rand(1), &quintet.autn);
    assert_eq!(
        (reject, reject.five_gmm_cause()),
        (UeReject::Non5gAuthenticationUnacceptable, 26)
    );
    // The card itself would have taken it.
    assert!(ue.into_usim().authenticate(&rand(1), &quintet.autn).is_ok());
}

#[test]
fn a_replay_is_a_synchronisation_failure_that_names_sqn_ms() {
    let mut ue = ue(&subscription());
    let (first_rand, first) = rand_and_autn(1, sqn(5, 2));
    let (second_rand, second) = rand_and_autn(2, sqn(9, 7));
    assert!(ue.challenge(&first_rand, &first, &home(), &Abba::INITIAL).is_ok());
    assert!(ue.challenge(&second_rand, &second, &home(), &Abba::INITIAL).is_ok());

    let reject = refused(&mut ue, &first_rand, &first);
    assert_eq!(reject.five_gmm_cause(), 21);
    let UeReject::SynchronisationFailure(auts) = reject else {
        panic!("{reject}");
    };
    let (awaiting, _) = challenge(1, sqn(5, 2));
    let resynchronisation = awaiting.synchronisation_failure(auts);
    assert_eq!(resynchronisation, Resynchronisation { rand: first_rand, auts });
    assert_eq!(
        auc::verify_auts(&subscription(), &resynchronisation.rand, &auts),
        Ok(sqn(9, 7))
    );

    for bit in 0..Auts::LEN * 8 {
        let mut octets = *auts.octets();
        octets[bit / 8] ^= 0x80 >> (bit % 8);
        let changed = Auts::from_octets(octets);
        assert_eq!(
            auc::verify_auts(&subscription(), &first_rand, &changed),
            Err(AucError::WrongMacS)
        );
    }
    // Not for another RAND, nor with another K.
    assert_eq!(
        auc::verify_auts(&subscription(), &second_rand, &auts),
        Err(AucError::WrongMacS)
    );
    let other = crate::parties::credentials(&[0x47; 16], &[0xcd; 16], [0x80, 0]);
    assert_eq!(auc::verify_auts(&other, &first_rand, &auts), Err(AucError::WrongMacS));
}

#[test]
fn a_ue_elsewhere_answers_something_else() {
    // A network that pretends to be another: the UE binds its answer to the network that it sees.
    let (awaiting, challenged) = challenge(1, sqn(1, 0));
    let authenticated = ue(&subscription())
        .challenge(awaiting.rand(), awaiting.autn(), &elsewhere(), &Abba::INITIAL)
        .expect("authentic and fresh");
    assert_eq!(
        awaiting.response(authenticated.res_star.clone()).map(|_| ()),
        Err(SeafError::WrongHresStar)
    );
    let wrong = challenged
        .confirm(&authenticated.res_star)
        .map(|_| ())
        .expect_err("a refusal");
    let serving_network_name = home();
    assert_eq!(
        wrong,
        WrongResStar {
            supi: supi(),
            serving_network_name
        }
    );
    assert!(
        !format!("{wrong} {wrong:?}").contains("0000000001"),
        "the subscriber is not named"
    );
}

#[test]
fn one_bit_of_res_star_is_enough_to_fail() {
    let expected = {
        let he_av = udm::he_av(&subscription(), &rand(1), sqn(1, 0), &home());
        *he_av.xres_star.expose_to_ausf()
    };
    for bit in 0..128 {
        let mut octets = expected;
        octets[bit / 8] ^= 0x80 >> (bit % 8);
        let wrong = ResStar::from_octets(&octets);
        let (awaiting, challenged) = challenge(1, sqn(1, 0));
        assert!(awaiting.response(wrong.clone()).is_err(), "bit {bit}");
        assert!(challenged.confirm(&wrong).is_err(), "bit {bit}");
    }
    let (awaiting, challenged) = challenge(1, sqn(1, 0));
    assert!(awaiting.response(ResStar::from_octets(&expected)).is_ok());
    assert!(challenged.confirm(&ResStar::from_octets(&expected)).is_ok());
}

#[test]
fn another_subscriber_or_abba_gives_another_k_amf() {
    let k_seaf = kaskade_keys::fivegs::KSeaf::from_octets(&[5; 32]);
    let other: kaskade_keys::Supi = "imsi-001010000000002".parse().expect("a SUPI");
    let k_amf = k_seaf.k_amf(&supi(), &Abba::INITIAL);
    assert_ne!(k_amf, k_seaf.k_amf(&other, &Abba::INITIAL));
    assert_ne!(
        k_amf,
        k_seaf.k_amf(&supi(), &Abba::from_octets(&[0, 1]).expect("an ABBA"))
    );
}

#[test]
fn limits_of_freshness() {
    let delta = UsimOptions::DELTA;
    let with = |options: UsimOptions, entries: &[(usize, u64)]| {
        let mut seq_ms = vec![Seq(0); options.layout.array_size()];
        for (ind, seq) in entries {
            seq_ms[*ind] = Seq(*seq);
        }
        let credentials = subscription();
        Usim::restore(&credentials.keys, options, &seq_ms).expect("it fits")
    };
    let accepts = |mut usim: Usim, sqn: Sqn| {
        let quintet = auc::quintet(&subscription(), &rand(3), sqn);
        let sqn_ms = usim.sqn_ms();
        match usim.authenticate(&rand(3), &quintet.autn) {
            Ok(answer) => {
                assert_eq!((answer.sqn, &answer.res), (sqn, &quintet.xres));
                true
            }
            Err(UsimError::SynchronisationFailure(auts)) => {
                assert_eq!(auc::verify_auts(&subscription(), &rand(3), &auts), Ok(sqn_ms));
                false
            }
            Err(error) => panic!("{error}"),
        }
    };
    let default = UsimOptions::default();
    // A new card: SEQ 0 is not above the array, Δ itself is still allowed.
    assert!(!accepts(with(default, &[]), sqn(0, 0)));
    assert!(!accepts(with(default, &[]), sqn(0, 31)));
    assert!(accepts(with(default, &[]), sqn(1, 31)));
    assert!(accepts(with(default, &[]), sqn(delta, 4)));
    assert!(!accepts(with(default, &[]), sqn(delta + 1, 4)));
    // Δ counts from the highest entry, freshness from the entry of the same IND.
    assert!(accepts(with(default, &[(2, 1000)]), sqn(1000 + delta, 4)));
    assert!(!accepts(with(default, &[(2, 1000)]), sqn(1001 + delta, 4)));
    assert!(accepts(with(default, &[(2, 1000)]), sqn(1, 4)));
    assert!(!accepts(with(default, &[(2, 1000)]), sqn(1000, 2)));
    assert!(accepts(with(default, &[(2, 1000)]), sqn(1000, 4)));
    let unlimited = UsimOptions { delta: None, ..default };
    let max = SqnLayout::ANNEX_C3.max_seq().0;
    assert!(accepts(with(unlimited, &[]), sqn(max, 4)));
    // At the end of the range nothing is above the entry any more.
    assert!(!accepts(with(default, &[(4, max)]), sqn(max, 4)));
    assert!(accepts(with(default, &[(4, max)]), sqn(max, 5)));
    assert!(accepts(with(default, &[(4, max - delta)]), sqn(max, 4)));
    // L: SEQ_MS − SEQ < L.
    let aged = UsimOptions {
        l_limit: Some(10),
        ..default
    };
    assert!(accepts(with(aged, &[(2, 1000)]), sqn(991, 4)));
    assert!(!accepts(with(aged, &[(2, 1000)]), sqn(990, 4)));
    assert!(accepts(with(aged, &[(2, 1000)]), sqn(1001, 4)));
}

#[test]
fn a_card_remembers_what_it_accepted() {
    let credentials = subscription();
    let mut usim = crate::parties::usim(&credentials, UsimOptions::default());
    for (octet, (seq, ind)) in [(3, 0), (1, 1), (7, 31)].into_iter().enumerate() {
        let quintet = auc::quintet(&credentials, &rand(u8::try_from(octet).expect("small")), sqn(seq, ind));
        assert!(usim.authenticate(&quintet.rand, &quintet.autn).is_ok());
    }
    let seq_ms = usim.seq_ms().to_vec();
    assert_eq!((seq_ms[0], seq_ms[1], seq_ms[31]), (Seq(3), Seq(1), Seq(7)));
    assert_eq!(seq_ms.iter().filter(|seq| **seq == Seq(0)).count(), 29);
    let restored = Usim::restore(&credentials.keys, *usim.options(), &seq_ms).expect("its own state");
    assert_eq!((restored.sqn_ms(), restored.seq_ms()), (sqn(7, 31), &seq_ms[..]));

    let restore = |seq_ms: &[Seq]| Usim::restore(&credentials.keys, UsimOptions::default(), seq_ms).map(|_| ());
    assert_eq!(
        restore(&seq_ms[1..]),
        Err(UsimStateError::Entries {
            expected: 32,
            actual: 31
        })
    );
    let mut too_large = seq_ms.clone();
    too_large[6] = Seq(1 << 43);
    let (max, actual) = ((1 << 43) - 1, 1 << 43);
    assert_eq!(restore(&too_large), Err(UsimStateError::Seq { ind: 6, max, actual }));
}

#[test]
fn nothing_secret_is_printed() {
    let credentials = subscription();
    let he_av = udm::he_av(&credentials, &rand(1), sqn(1, 0), &home());
    let ue = ue(&credentials);
    let printed = format!("{credentials:?} {he_av:?} {ue:?}");
    assert!(printed.contains("K(…)") && printed.contains("OPc(…)") && printed.contains("K_AUSF(…)"));
    assert!(!printed.contains("70, 70") && !printed.contains("205, 205") && !printed.contains("0000000001"));
}
