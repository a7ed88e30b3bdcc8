//! The EMSK in custody: silent, sealed only where that is wanted, made after 5G AKA only when it is asked for; its branches are apart.

use kaskade_anchor::emsk::{
    Anchor, AnchorInput, Custody, KeyOf, Limits, Method, Origin, Root, SealedRoot, UsageKey, Why,
};
use kaskade_crypto::seal::{RecordPlace, RootKey as Sealer, SecretWriter};
use kaskade_crypto::{Autn, Rand};
use kaskade_flow::Machine;
use kaskade_flow::event::PeerId;
use kaskade_flow::record::{Record, RowError};
use kaskade_keys::eap::Emsk;
use kaskade_keys::id::{SessionId, UsageData};

use crate::common::{
    AT, HOUR, NOW, Nothing, about, anchor, case, cases, handle, k_ausf, life, octets, one, root, root_of_5g_aka, supi,
    told,
};

/// All texts that a program could write of them, and no octet of the EMSK in one.
#[test]
fn the_emsk_is_in_no_text() {
    let emsk = octets(&case("key", "USRK"), "key");
    let anchor = anchor();
    let text = format!("{:?} {:?} {anchor:?} {anchor:#?}", root(), root_of_5g_aka());
    let digits = hex::encode(&emsk);
    let decimal: Vec<String> = emsk.iter().map(u8::to_string).collect();
    for end in 4..=8 {
        assert!(!text.contains(&digits[..end]) && !text.contains(&digits[end..end * 2]));
        assert!(!text.contains(&decimal[..end].join(", ")));
    }
    assert!(text.contains("Root(EMSK)") && text.contains("Root(EMSK of 5G AKA, not made)"));
    let sealed = Anchor::begin(supi(), root(), life(HOUR), limits(Custody::Sealed))
        .1
        .unwrap();
    let text = format!("{sealed:?}");
    assert!(
        text.contains("SecretWriter(…)") && !text.contains(&digits[..8]) && !text.contains(&decimal[..5].join(", "))
    );
}

const fn limits(custody: Custody) -> Limits {
    Limits {
        holders: 8,
        of_one: 8,
        custody,
    }
}

/// One row of a kind of a unit, as the store would seal it, opened again.
fn through_a_record(anchor_unit: kaskade_flow::Unit) -> Result<SealedRoot, RowError> {
    let mut parts = anchor_unit.into_parts().unwrap();
    let of_kind = parts.changes.iter().position(|change| change.kind == SealedRoot::KIND);
    let value = parts.changes.remove(of_kind.unwrap()).value.unwrap();
    let (data_key, _) = Sealer::from_octets(&[1; 32]).create_data_key(&[2; 32], &[3; 12]);
    let place = RecordPlace {
        kind: SealedRoot::KIND.number,
        expires: value.expires,
        key: b"somebody",
    };
    let version = SealedRoot::KIND.version;
    let row = data_key.seal_record(&[6; 12], &place, version, &value.clear, &value.secret);
    let emsk = octets(&case("key", "USRK"), "key");
    assert!(
        !row.windows(8).any(|window| window == &emsk[..8])
            && !value.clear.windows(8).any(|window| window == &emsk[..8])
    );
    let opened = data_key.open_record(&place, &row).unwrap();
    SealedRoot::decode(opened.version, opened.clear, opened.secrets.reader())
}

#[test]
fn by_default_it_dies_with_its_process() {
    assert_eq!(Limits::default().custody, Custody::Process);
    assert_eq!(Custody::default(), Custody::Process);
    let (anchor, unit) = Anchor::begin(supi(), root(), life(HOUR), Limits::default());
    assert!(unit.is_none(), "nothing is written");
    let step = handle(anchor, one());
    let parts = step.unit.unwrap().into_parts().unwrap();
    assert!(parts.changes.iter().all(|change| change.kind != SealedRoot::KIND));
    assert!(
        parts
            .changes
            .iter()
            .all(|change| change.value.as_ref().is_none_or(|value| value.secret.is_empty()))
    );
}

#[test]
fn where_it_is_wanted_it_is_a_sealed_record_and_comes_back_as_what_it_was() {
    let (anchor, unit) = Anchor::begin(supi(), root(), life(HOUR), limits(Custody::Sealed));
    let sealed = through_a_record(unit.unwrap()).unwrap();
    assert_eq!((sealed.name(), sealed.born()), (anchor.name(), AT));
    let later = AT.after(HOUR / 2);
    let mut restored = Anchor::restore(supi(), sealed, [], limits(Custody::Sealed), later, NOW);
    assert_eq!(restored.name(), anchor.name());
    assert_eq!((restored.life().born, restored.life().until), (AT, AT.after(HOUR)));
    assert_eq!(
        restored.life().deadline,
        NOW.after(HOUR / 2),
        "by the clock of this process"
    );
    assert_eq!(restored.k_ausf(), anchor.k_ausf());
    for kept in [anchor, restored] {
        restored = kept;
        let step = handle(restored, one());
        assert!(format!("{:?}", told(step.out)).contains("USRK(…)"));
    }
    // Once more it is not written with a key: it is there.
    let step = handle(
        Anchor::begin(supi(), root(), life(HOUR), limits(Custody::Sealed)).0,
        one(),
    );
    let changes = step.unit.unwrap().into_parts().unwrap().changes;
    assert!(changes.iter().all(|change| change.kind != SealedRoot::KIND));
}

/// So that after a restart whoever had a user authenticated can end it, and another card does not go on with it.
#[test]
fn its_record_says_who_began_it_and_with_which_card() {
    let of_whom = [None, Some(PeerId::of("amf.example.org"))];
    for (by, card) in of_whom.into_iter().zip([Some([0xca; 16]), None]) {
        let origin = Origin { by, card };
        let (anchor, unit) = Anchor::begin_of(origin, supi(), root(), life(HOUR), limits(Custody::Sealed));
        assert_eq!(anchor.origin(), origin);
        let sealed = through_a_record(unit.unwrap()).unwrap();
        assert_eq!(sealed.origin(), origin);
        let restored = Anchor::restore(supi(), sealed, [], limits(Custody::Sealed), AT, NOW);
        assert_eq!(restored.origin(), origin);
        // After 5G AKA the record is written with the first key.
        let (anchor, _) = Anchor::begin_of(origin, supi(), root_of_5g_aka(), life(HOUR), limits(Custody::Sealed));
        let sealed = through_a_record(*handle(anchor, one()).unit.unwrap()).unwrap();
        assert_eq!(sealed.origin(), origin);
    }
}

#[test]
fn the_record_of_an_emsk_goes_with_it_whatever_is_configured_by_then() {
    let unit = Anchor::begin(supi(), root(), life(HOUR), limits(Custody::Sealed)).1;
    let sealed = through_a_record(unit.unwrap()).unwrap();
    let restored = Anchor::restore(supi(), sealed, [], limits(Custody::Process), AT, NOW);
    let retired = AnchorInput::Retired {
        why: Why::Administered,
        at: AT,
        about: about(),
    };
    let step = restored.handle(NOW, &mut Nothing, Some(retired));
    let changes = step.unit.unwrap().into_parts().unwrap().changes;
    let removed = |change: &kaskade_flow::unit::Change| change.kind == SealedRoot::KIND && change.value.is_none();
    assert!(changes.iter().any(removed));
}

#[test]
fn garbage_is_no_emsk() {
    let (data_key, _) = Sealer::from_octets(&[1; 32]).create_data_key(&[2; 32], &[3; 12]);
    let place = RecordPlace {
        kind: SealedRoot::KIND.number,
        expires: 0,
        key: b"somebody",
    };
    let decoded = |version: u8, clear: &[u8], secret: &SecretWriter| {
        let row = data_key.seal_record(&[6; 12], &place, version, clear, secret);
        let opened = data_key.open_record(&place, &row).unwrap();
        SealedRoot::decode(version, opened.clear, opened.secrets.reader())
    };
    let decode = |clear: &[u8], secret: &SecretWriter| decoded(2, clear, secret).map(|_| ());
    let emsk = |then: &dyn Fn(&mut SecretWriter)| {
        let mut secret = SecretWriter::new();
        secret.key(&Emsk::from_octets(&[7; 64]));
        then(&mut secret);
        secret
    };
    let clear = [&[1][..], &[0; 73]].concat();
    assert_eq!(decode(&clear, &emsk(&|_| {})), Ok(()));
    assert_eq!(decode(&clear[1..], &emsk(&|_| {})), Err(RowError::Length));
    // Of the first version, which knew less.
    let of_first = decoded(1, &clear[..50], &emsk(&|_| {})).unwrap();
    assert_eq!(of_first.origin(), Origin::default());
    assert!(decode(&clear[..50], &emsk(&|_| {})).is_err() && decoded(1, &clear, &emsk(&|_| {})).is_err());
    assert_eq!(
        decode(&[&[3][..], &[0; 73]].concat(), &emsk(&|_| {})),
        Err(RowError::Field("method"))
    );
    assert!(
        matches!(
            decode(&[&[2][..], &[0; 73]].concat(), &emsk(&|_| {})),
            Err(RowError::Secret(_))
        ),
        "another EMSK"
    );
    assert!(matches!(decode(&clear, &SecretWriter::new()), Err(RowError::Secret(_))));
    assert!(matches!(
        decode(&clear, &emsk(&|secret| secret.octets(&[1]))),
        Err(RowError::Secret(_))
    ));
    let mut as_octets = SecretWriter::new();
    as_octets.octets(&[7; 64]);
    assert!(matches!(decode(&clear, &as_octets), Err(RowError::Secret(_))));
}

#[test]
fn after_5g_aka_nothing_is_made_until_a_key_is_asked_for() {
    let root = root_of_5g_aka();
    assert_eq!((root.is_made(), root.method()), (false, Method::FiveGAka));
    let (anchor, unit) = Anchor::begin(supi(), root, life(HOUR), limits(Custody::Sealed));
    assert!(unit.is_none() && !anchor.is_made(), "there is nothing to keep yet");
    assert!(anchor.k_ausf().is_none(), "it is above the EMSK, and stays where it is");
    let step = handle(anchor, one());
    let anchor = step.next.unwrap();
    assert!(anchor.is_made());
    let sealed = through_a_record(*step.unit.unwrap()).unwrap();
    let restored = Anchor::restore(supi(), sealed, [], limits(Custody::Sealed), AT, NOW);
    assert!(restored.is_made() && restored.name() == anchor.name());

    // What a UE makes of the same run.
    let mut of_ue = root_of_5g_aka();
    let usage = KeyOf::usage("one@example.org".parse().unwrap(), UsageData::default());
    let expected = k_ausf().mk_5g_aka(&supi()).emsk().usrk(&usage.label, &usage.data);
    assert_eq!(of_ue.key(&usage), UsageKey::Usrk(expected));
    let after = handle(anchor, one());
    assert!(format!("{:?}", told(after.out)).contains(&of_ue.key_name(&usage).to_string()));
}

#[test]
fn keys_and_names_are_those_of_an_independent_script() {
    let mut root = root();
    assert_eq!(root.name().octets()[..], octets(&case("name", "EMSKname"), "output"));
    let label = String::from_utf8(octets(&case("key", "USRK"), "label")).unwrap();
    let usrk = KeyOf::usage(label.parse().unwrap(), UsageData::default());
    assert_eq!(
        root.key(&usrk).expose_to_usage_server()[..],
        octets(&case("key", "USRK"), "output")
    );
    assert_eq!(
        root.key_name(&usrk).octets()[..],
        octets(&case("name", "USRKname"), "output")
    );
    let domain = "example.org".parse().unwrap();
    assert_eq!(
        root.dsrk(&domain).expose_to_domain()[..],
        octets(&case("key", "DSRK"), "output")
    );
    let dsusrk = KeyOf::in_domain(domain, label.parse().unwrap(), UsageData::default());
    assert_eq!(
        root.key(&dsusrk).expose_to_usage_server()[..],
        octets(&case("key", "DSUSRK"), "output")
    );
    assert_eq!(
        root.key_name(&dsusrk).octets()[..],
        octets(&case("name", "DSUSRKname"), "output")
    );
    assert_eq!(cases("key").len(), 11);
}

/// Each branch of one EMSK, of every usage, domain and kind of data: no two have one key, and none is in another.
#[test]
fn the_branches_are_apart() {
    let session = SessionId::aka_prime(&Rand::from_octets([1; 16]), &Autn::from_octets([2; 16]));
    let emsk = || Emsk::from_octets(&core::array::from_fn(|at| at as u8 ^ 0x5a));
    let mut root = Root::of_eap(emsk(), session);
    let mut branches: Vec<(String, Vec<u8>)> = Vec::new();
    let domains = [None, Some("a.example"), Some("b.example")];
    for domain in domains {
        for label in [
            "one@example.org",
            "two@example.org",
            "private1",
            "one@example.org.example",
        ] {
            for data in [
                "",
                "00",
                "service:chat",
                "service:chat2",
                "slice:1",
                "slice:1-0000d1",
                "slice:1-0000d1/chat",
                "slice:1/chat",
            ] {
                let of = KeyOf {
                    domain: domain.map(|domain| domain.parse().unwrap()),
                    label: label.parse().unwrap(),
                    data: data.parse().unwrap(),
                };
                let octets = root.key(&of).expose_to_usage_server().to_vec();
                branches.push((format!("{domain:?} {label} {data}"), octets));
            }
        }
        if let Some(domain) = domain {
            let domain = domain.parse().unwrap();
            let dsrk = root.dsrk(&domain);
            branches.push((format!("DSRK {domain}"), dsrk.expose_to_domain().to_vec()));
            branches.push((format!("DS-rRK {domain}"), dsrk.r_rk().expose_to_er_server().to_vec()));
            branches.push((
                format!("authorization {domain}"),
                emsk().dsrk_authorization(&domain).expose_to_operator().to_vec(),
            ));
        }
    }
    let r_rk = emsk().r_rk();
    branches.push(("rRK".into(), r_rk.expose_to_er_server().to_vec()));
    for suite in kaskade_keys::id::Cryptosuite::ALL {
        branches.push((format!("rIK {suite:?}"), r_rk.r_ik(suite).expose_to_operator().to_vec()));
    }
    for seq in [0, 1] {
        let seq = kaskade_keys::id::ErpSequence::new(seq);
        branches.push((
            format!("rMSK {seq:?}"),
            r_rk.r_msk(seq).expose_to_authenticator().to_vec(),
        ));
    }
    branches.push(("K_AUSF".into(), root.k_ausf().unwrap().expose_to_ausf().to_vec()));
    assert!(branches.len() > 100);
    for (at, (name, octets)) in branches.iter().enumerate() {
        for (other, others) in &branches[..at] {
            let shared = octets
                .windows(16)
                .any(|window| others.windows(16).any(|of_other| of_other == window));
            assert!(!shared, "{name} and {other}");
        }
    }
}
