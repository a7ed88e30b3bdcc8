//! What is sealed opens again as what it was and as nothing else, and as another program would seal it.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use kaskade_crypto::ecies::{HnPrivateKey, Profile};
use kaskade_crypto::gsm::Ki;
use kaskade_crypto::milenage::OperatorConstants;
use kaskade_crypto::seal::{DataKey, HnOpenError, NONCE_LEN, OpenError, RootKey, SealedSecrets, TAG_LEN};
use kaskade_crypto::subscription::{
    AlgorithmKeys, GsmAlgorithm, GsmKeys, Layout, LayoutError, OpOrOpc, SubscriberSecrets, TopOrTopc,
};
use kaskade_crypto::tuak::{Iterations, Parameters, TuakKey, VectorRes};
use kaskade_crypto::xor_test::{ResLength, TestK};
use kaskade_crypto::{K, K256, Op, Opc, Top, Topc};
use proptest::prelude::*;

const OWNER: &[u8] = b"imsi-001010000000001";

fn any_secrets() -> impl Strategy<Value = SubscriberSecrets> {
    let milenage = (any::<[u8; 16]>(), any::<bool>(), any::<[u8; 16]>(), 0_u8..128).prop_map(|(k, op, code, r1)| {
        let mut r = *OperatorConstants::STANDARD.r();
        r[0] = if r1 < 64 { r[0] } else { r1 };
        SubscriberSecrets::Milenage {
            k: K::from_octets(&k),
            operator: if op {
                OpOrOpc::Op(Op::from_octets(&code))
            } else {
                OpOrOpc::Opc(Opc::from_octets(&code))
            },
            constants: OperatorConstants::new(*OperatorConstants::STANDARD.c(), r).expect("c1 differs from all others"),
        }
    });
    let key = prop_oneof![
        any::<[u8; 16]>().prop_map(|k| TuakKey::from(K::from_octets(&k))),
        any::<[u8; 32]>().prop_map(|k| TuakKey::from(K256::from_octets(&k))),
    ];
    let tuak = (key, any::<bool>(), any::<[u8; 32]>(), 1..=u8::MAX).prop_map(|(k, top, code, count)| {
        SubscriberSecrets::Tuak {
            k,
            operator: if top {
                TopOrTopc::Top(Top::from_octets(&code))
            } else {
                TopOrTopc::Topc(Topc::from_octets(&code))
            },
            parameters: Parameters {
                res: VectorRes::Octets16,
                iterations: Iterations::new(count).expect("not 0"),
            },
        }
    });
    let xor = (any::<[u8; 16]>(), 4_usize..=16).prop_map(|(k, octets)| SubscriberSecrets::Xor {
        k: TestK::from_octets(&k),
        res_length: ResLength::new(octets).expect("in range"),
    });
    let gsm = (any::<[u8; 16]>(), prop::sample::select(GsmAlgorithm::ALL.to_vec())).prop_map(|(k, algorithm)| {
        SubscriberSecrets::Gsm(GsmKeys {
            k: Ki::from_octets(&k),
            algorithm,
        })
    });
    prop_oneof![milenage, tuak, xor, gsm]
}

fn root() -> RootKey {
    RootKey::from_octets(&[0x4d; 32])
}

fn data_key() -> DataKey {
    root().create_data_key(&[0x5a; 32], &[1; 12]).0
}

/// The clear part of a row as the store writes it, with what the secrets are in its octets 1 and 5.
fn clear(layout: &Layout) -> Vec<u8> {
    let mut clear = vec![1, layout.number(), 1, 0x80, 0, layout.flags()];
    layout.push_parameters(&mut clear);
    clear
}

/// A row, and how to open it as another layout under another clear part.
struct Row {
    octets: Vec<u8>,
    clear: usize,
}

impl Row {
    fn seal(key: &DataKey, random: &[u8; 12], secrets: &SubscriberSecrets) -> Self {
        let mut octets = clear(&secrets.layout());
        let clear = octets.len();
        key.append_sealed(random, &mut octets, OWNER, secrets)
            .expect("a clear part that says so");
        Self { octets, clear }
    }

    fn sealed<'a>(&'a self, layout: Layout, clear: &'a [u8], owner: &'a [u8]) -> SealedSecrets<'a> {
        let rest = &self.octets[self.clear..];
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().expect("a nonce");
        let (octets, tag) = rest.split_last_chunk::<TAG_LEN>().expect("a tag");
        SealedSecrets {
            layout,
            clear,
            owner,
            nonce,
            octets,
            tag,
        }
    }
}

proptest! {
    #[test]
    fn a_row_opens_as_what_it_is_and_as_nothing_else(secrets in any_secrets(), other in any_secrets(), random: [u8; 12], at: prop::sample::Index) {
        let key = data_key();
        let row = Row::seal(&key, &random, &secrets);
        let layout = secrets.layout();
        let clear_part = clear(&layout);
        prop_assert_eq!(key.open(&row.sealed(layout, &clear_part, OWNER)), Ok(secrets.clone()));
        prop_assert_eq!(key.open_keys(&row.sealed(layout, &clear_part, OWNER)), Ok(secrets.algorithm_keys()));
        prop_assert_eq!(key.open(&row.sealed(layout, &clear_part, b"imsi-2")), Err(OpenError::NotAuthentic));

        // As another set: neither with the clear part it was sealed with, nor with that of the other.
        if (other.layout().number(), other.layout().flags()) != (layout.number(), layout.flags()) {
            let as_other = key.open(&row.sealed(other.layout(), &clear_part, OWNER));
            prop_assert_eq!(as_other, Err(LayoutError::Field("layout").into()));
            let renamed = clear(&other.layout());
            prop_assert_eq!(key.open(&row.sealed(other.layout(), &renamed, OWNER)), Err(OpenError::NotAuthentic));
            let mut wrongly_named = renamed;
            let before = wrongly_named.clone();
            let refused = key.append_sealed(&random, &mut wrongly_named, OWNER, &secrets);
            prop_assert_eq!(refused, Err(LayoutError::Field("layout")));
            prop_assert_eq!(wrongly_named, before);
        }

        let mut changed = Row { octets: row.octets.clone(), clear: row.clear };
        let bit = row.clear * 8 + at.index((row.octets.len() - row.clear) * 8);
        changed.octets[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(key.open(&changed.sealed(layout, &clear_part, OWNER)), Err(OpenError::NotAuthentic));
        let another = root().create_data_key(&[0x5b; 32], &[1; 12]).0;
        prop_assert_eq!(another.open(&row.sealed(layout, &clear_part, OWNER)), Err(OpenError::NotAuthentic));
    }

    /// Two ciphertexts under one nonce would give the one clear text to whoever knows the other.
    #[test]
    fn the_same_random_octets_twice_give_two_nonces(one in any_secrets(), other in any_secrets(), random: [u8; 12]) {
        prop_assume!(one != other);
        let key = data_key();
        let nonce = |row: &Row| row.octets[row.clear..][..NONCE_LEN].to_vec();
        let (first, again, second) = (
            Row::seal(&key, &random, &one),
            Row::seal(&key, &random, &one),
            Row::seal(&key, &random, &other),
        );
        prop_assert_eq!(&first.octets, &again.octets);
        prop_assert_ne!(nonce(&first), nonce(&second));
        prop_assert_ne!(nonce(&first), random.to_vec());
    }

    #[test]
    fn an_exported_subscriber_comes_back(secrets in any_secrets(), random: [u8; 12], at: prop::sample::Index) {
        let key = root().export_key();
        let sealed = key.seal(&random, OWNER, &secrets);
        prop_assert_eq!(key.open(OWNER, &sealed), Ok(secrets));
        prop_assert_eq!(key.open(b"imsi-2", &sealed), Err(OpenError::NotAuthentic));
        let mut changed = sealed.clone();
        let bit = at.index(sealed.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(key.open(OWNER, &changed), Err(OpenError::NotAuthentic));
        prop_assert_eq!(key.open(OWNER, &sealed[..sealed.len() - 1]), Err(OpenError::NotAuthentic));
        let another = RootKey::from_octets(&[0x4e; 32]).export_key();
        prop_assert_eq!(another.open(OWNER, &sealed), Err(OpenError::NotAuthentic));
    }

    #[test]
    fn garbage_is_an_error(octets in any::<Vec<u8>>()) {
        prop_assert!(root().export_key().open(OWNER, &octets).is_err());
        prop_assert!(root().open_data_key(&octets).is_none());
        prop_assert!(root().hn_key_sealer().open(Profile::A, b"head", &octets).is_err());
    }

    #[test]
    fn lives_of_one_card_have_one_name(secrets in any_secrets(), other in any_secrets()) {
        let key = data_key();
        let name = |owner: &[u8], secrets: &SubscriberSecrets| key.life(owner, secrets);
        // Given as OP or as the OPc that it makes: the same card.
        let derived = match secrets.algorithm_keys() {
            Some(AlgorithmKeys::Milenage { k, opc, constants }) => SubscriberSecrets::Milenage {
                k,
                operator: OpOrOpc::Opc(opc),
                constants,
            },
            Some(AlgorithmKeys::Tuak { k, topc, parameters }) => SubscriberSecrets::Tuak {
                k,
                operator: TopOrTopc::Topc(topc),
                parameters,
            },
            _ => secrets.clone(),
        };
        prop_assert_eq!(name(OWNER, &secrets), name(OWNER, &derived));
        prop_assert_eq!(name(OWNER, &secrets), name(OWNER, &with_another_res(&secrets)));
        prop_assert_ne!(name(OWNER, &secrets), name(b"imsi-2", &secrets));
        if other != secrets && other != derived && other != with_another_res(&secrets) {
            prop_assert_ne!(name(OWNER, &secrets), name(OWNER, &other));
        }
        // A row has the same name as what is in it.
        let row = Row::seal(&key, &[9; 12], &secrets);
        let sealed = row.sealed(secrets.layout(), &row.octets[..row.clear], OWNER);
        prop_assert_eq!(key.life_of(&sealed), Ok(name(OWNER, &secrets)));
    }
}

/// The same card, of whose RES the operator has another idea; another card's where the set has no length to choose.
fn with_another_res(secrets: &SubscriberSecrets) -> SubscriberSecrets {
    match secrets.clone() {
        SubscriberSecrets::Tuak {
            k,
            operator,
            mut parameters,
        } => {
            parameters.res = VectorRes::Octets8;
            SubscriberSecrets::Tuak {
                k,
                operator,
                parameters,
            }
        }
        SubscriberSecrets::Xor { k, res_length } => SubscriberSecrets::Xor {
            k,
            res_length: ResLength::new(20 - usize::from(res_length.octets())).expect("in range"),
        },
        others => others,
    }
}

/// What the operator chose in a set makes another card where it enters f1.
#[test]
fn lives_tell_cards_apart() {
    let key = data_key();
    let milenage = |constants| SubscriberSecrets::Milenage {
        k: K::from_octets(&[1; 16]),
        operator: OpOrOpc::Opc(Opc::from_octets(&[2; 16])),
        constants,
    };
    let tuak = |count, octets: [u8; 16]| SubscriberSecrets::Tuak {
        k: TuakKey::from(K::from_octets(&octets)),
        operator: TopOrTopc::Topc(Topc::from_octets(&[2; 32])),
        parameters: Parameters {
            res: VectorRes::Octets16,
            iterations: Iterations::new(count).expect("not 0"),
        },
    };
    let gsm = |algorithm| {
        SubscriberSecrets::Gsm(GsmKeys {
            k: Ki::from_octets(&[1; 16]),
            algorithm,
        })
    };
    let mut r = *OperatorConstants::STANDARD.r();
    r[0] = 8;
    let own = OperatorConstants::new(*OperatorConstants::STANDARD.c(), r).expect("c1 differs from all others");
    let mut cards = vec![
        milenage(OperatorConstants::STANDARD),
        milenage(own),
        tuak(1, [1; 16]),
        tuak(2, [1; 16]),
        tuak(1, [3; 16]),
        SubscriberSecrets::Xor {
            k: TestK::from_octets(&[1; 16]),
            res_length: ResLength::new(8).expect("in range"),
        },
    ];
    cards.extend(GsmAlgorithm::ALL.map(gsm));
    let names: std::collections::BTreeSet<_> = cards.iter().map(|card| key.life(OWNER, card)).collect();
    assert_eq!(names.len(), cards.len());
}

#[test]
fn private_keys_of_the_home_network_come_back() {
    let sealer = root().hn_key_sealer();
    for profile in Profile::ALL {
        let key = HnPrivateKey::from_octets(profile, &[0x21; 32]).expect("a key");
        let sealed = sealer.seal(&[3; 12], b"head", &key);
        assert_eq!(sealed.len(), NONCE_LEN + 32 + TAG_LEN);
        assert!(sealer.open(profile, b"head", &sealed).expect("the same") == key);
        let moved = sealer.open(profile, b"tail", &sealed).map(drop);
        assert_eq!(moved, Err(HnOpenError::NotAuthentic));
        // The key of one purpose does not open what was sealed for another.
        assert_eq!(root().export_key().open(b"head", &sealed), Err(OpenError::NotAuthentic));
    }
}

#[test]
fn sealing_keys_are_silent() {
    let root = root();
    assert_eq!(
        format!(
            "{root:?} {:?} {:?} {:?}",
            data_key(),
            root.export_key(),
            root.hn_key_sealer()
        ),
        "RootKey(…) DataKey(…) ExportKey(…) HnKeySealer(…)"
    );
}

/// What the first programs sealed, by another implementation, opens here: the formats stayed.
#[cfg(feature = "aws-lc")]
mod by_the_book {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use aws_lc_rs::hmac;
    use kaskade_crypto::seal::StoreKind;

    use super::*;

    const ROOT: [u8; 32] = [0x4d; 32];

    fn sealed(key: &[u8], associated: &[u8], clear: &[u8]) -> Vec<u8> {
        let nonce = [9; NONCE_LEN];
        let mut octets = clear.to_vec();
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key"))
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut octets)
            .expect("sealed");
        [&nonce[..], &octets].concat()
    }

    fn of_purpose(purpose: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &ROOT);
        hmac::sign(&key, &[b"kaskade seal 1 ", purpose].concat())
            .as_ref()
            .to_vec()
    }

    #[test]
    fn data_keys_rows_exports_and_private_keys() {
        let root = RootKey::from_octets(&ROOT);
        let key = root
            .open_data_key_of(StoreKind::First, &sealed(&ROOT, b"kaskade data key 1", &[0x5a; 32]))
            .expect("the data key");
        let of_the_second = sealed(&ROOT, b"kaskade data key 2", &[0x5a; 32]);
        let of_the_newest = sealed(&ROOT, b"kaskade data key 3", &[0x5a; 32]);
        assert!(root.open_data_key(&of_the_newest).is_some() && root.open_data_key(&of_the_second).is_none());
        assert!(root.open_data_key_of(StoreKind::Coded, &of_the_second).is_some());
        assert!(root.open_data_key_of(StoreKind::Coded, &of_the_newest).is_none());
        assert!(root.open_data_key_of(StoreKind::First, &of_the_newest).is_none());
        let (k, opc) = ([0x46; 16], [0xcd; 16]);
        let secrets = SubscriberSecrets::milenage(K::from_octets(&k), OpOrOpc::Opc(Opc::from_octets(&opc)));
        let layout = secrets.layout();
        let clear_part = clear(&layout);
        let octets = sealed(&[0x5a; 32], &[&clear_part, OWNER].concat(), &[k, opc].concat());
        let row = Row {
            octets: [&clear_part[..], &octets].concat(),
            clear: clear_part.len(),
        };
        assert_eq!(key.open(&row.sealed(layout, &clear_part, OWNER)), Ok(secrets.clone()));

        let export = of_purpose(b"exported subscriber");
        let of_opc = sealed(&export, OWNER, &[&[1][..], &k, &opc].concat());
        assert_eq!(root.export_key().open(OWNER, &of_opc), Ok(secrets));
        let xor = sealed(&export, OWNER, &[&[3, 4, 0, 8][..], &k].concat());
        let test_k = SubscriberSecrets::Xor {
            k: TestK::from_octets(&k),
            res_length: ResLength::new(8).expect("8"),
        };
        assert_eq!(root.export_key().open(OWNER, &xor), Ok(test_k));
        let later = sealed(&export, OWNER, &[&[4][..], &k].concat());
        assert_eq!(root.export_key().open(OWNER, &later), Err(OpenError::Kind(4)));
        for broken in [
            &[][..],
            &[1],
            &[1; 32],
            &[1; 34],
            &[3, 4],
            &[3, 9, 0],
            &[3, 4, 1, 8],
            &[3, 4, 0, 8, 1],
        ] {
            let error = root.export_key().open(OWNER, &sealed(&export, OWNER, broken));
            assert!(matches!(error, Err(OpenError::Layout(_))), "{broken:?}: {error:?}");
        }

        let private = sealed(&of_purpose(b"home network key"), b"head", &[0x21; 32]);
        let expected = HnPrivateKey::from_octets(Profile::A, &[0x21; 32]).expect("a key");
        assert!(root.hn_key_sealer().open(Profile::A, b"head", &private).expect("opens") == expected);

        let identifier = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &ROOT),
            b"kaskade master key identifier",
        );
        assert_eq!(root.identifier(), identifier.as_ref()[..8]);
    }
}
