//! A card begins where it is told to, and goes on where it was.

use kaskade_aka::auc::{self, Credentials};
use kaskade_aka::sqn::{Seq, SqnLayout};
use kaskade_aka::usim::{UsimError, UsimOptions, UsimStateError};
use kaskade_crypto::{K, Opc, Rand, Sqn};
use kaskade_ue::card::{self, History};

fn credentials() -> Credentials {
    Credentials::new(K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]))
}

fn card(history: History<'_>) -> Result<kaskade_aka::usim::Usim, UsimStateError> {
    card::usim(&credentials().keys, UsimOptions::default(), history)
}

fn sqn(seq: u64, ind: u64) -> Sqn {
    Sqn::new(seq << 5 | ind).unwrap()
}

#[test]
fn a_card_up_to_an_sqn_refuses_what_lies_below_and_names_it() {
    let rand = Rand::from_octets([9; 16]);
    for ind in [0, 3, 31] {
        let mut usim = card(History::UpTo(sqn(1000, ind))).unwrap();
        assert_eq!(usim.sqn_ms(), sqn(1000, ind));
        for below in [sqn(1, 0), sqn(999, 5), sqn(1000, ind)] {
            let quintet = auc::quintet(&credentials(), &rand, below);
            let Err(UsimError::SynchronisationFailure(auts)) = usim.authenticate(&rand, &quintet.autn) else {
                panic!("{below:?} is accepted")
            };
            assert_eq!(auc::verify_auts(&credentials(), &rand, &auts), Ok(sqn(1000, ind)));
        }
        let above = auc::quintet(&credentials(), &rand, sqn(1001, 5));
        assert!(usim.authenticate(&rand, &above.autn).is_ok());
    }
    assert_eq!(
        card(History::UpTo(Sqn::new(0).unwrap())).unwrap().seq_ms(),
        card(History::New).unwrap().seq_ms()
    );
    assert_eq!(card(History::UpTo(Sqn::MAX)).unwrap().sqn_ms(), Sqn::MAX);
}

#[test]
fn what_was_kept_comes_back_or_is_refused() {
    let kept: Vec<Seq> = (0..32).map(Seq).collect();
    assert_eq!(card(History::Kept(&kept)).unwrap().seq_ms(), kept);
    assert!(card(History::Kept(&kept[..31])).is_err());
    let mut wide = kept.clone();
    wide[4] = Seq(SqnLayout::ANNEX_C3.max_seq().0 + 1);
    assert!(card(History::Kept(&wide)).is_err());
}
