//! Cards that went back, over HTTP/2: followed when that is fresh, refused with a status that helps where it must be.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kaskade_aka::auc::AlgorithmKeys;
use kaskade_aka::fivegs::seaf::AwaitingResponse;
use kaskade_aka::fivegs::ue::{Ue, UeReject};
use kaskade_aka::sqn::{Reuse, Seq, SqnLayout};
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_keys::Abba;
use kaskade_net::role::seaf::{AusfClient, AusfClientError, Challenge};
use kaskade_net::sbi::problem::Cause;
use kaskade_store::{MasterKey, SqnRecord, SqnScheme, StoreOptions, SubscriberStore};
use kaskade_testkit::memory::MemoryEngine;
use kaskade_ue::demo::demo_subscriber;

use crate::common::{Home, plmn, snn, subscribers, supi};

const DELTA: u64 = 1000;

fn store(reuse: Reuse, highest: u64) -> Arc<SubscriberStore> {
    let mut options = StoreOptions::default();
    options.policy.delta = DELTA;
    options.policy.reuse = reuse;
    let key = MasterKey::from_octets(&[0x77; 32]);
    let engine = Arc::new(MemoryEngine::default());
    let store = SubscriberStore::with_engine(engine, Path::new("memory"), &key, options).unwrap();
    let mut subscriber = subscribers().swap_remove(0);
    subscriber.sqn = SqnRecord::after(SqnScheme::NonTimeBased, SqnLayout::ANNEX_C3, Seq(highest));
    store.put_many([&subscriber]).unwrap();
    Arc::new(store)
}

fn ue_at(seq: u64) -> Ue {
    let subscriber = demo_subscriber(plmn(), 0, 0);
    let options = UsimOptions {
        delta: Some(DELTA),
        ..UsimOptions::default()
    };
    let keys = AlgorithmKeys::milenage(subscriber.k, subscriber.opc);
    let usim = Usim::restore(&keys, options, &[Seq(seq); 32]).unwrap();
    Ue::new(usim, subscriber.supi)
}

/// Attaches; the second challenge after an AUTS, if one was needed.
async fn attach(seaf: &AusfClient, ue: &mut Ue) -> Result<(), AusfClientError> {
    let first = seaf.authenticate(supi(0), snn()).await?;
    let (rand, autn) = (first.se_av.rand, first.se_av.autn);
    let confirm = async |challenge: Challenge, ue: &mut Ue| {
        let (rand, autn) = (challenge.se_av.rand, challenge.se_av.autn);
        let answer = ue.challenge(&rand, &autn, &snn(), &Abba::INITIAL).expect("in step");
        seaf.confirm(&challenge.confirmation, Some(&answer.res_star)).await
    };
    match ue.challenge(&rand, &autn, &snn(), &Abba::INITIAL) {
        Ok(answer) => seaf
            .confirm(&first.confirmation, Some(&answer.res_star))
            .await
            .map(drop),
        Err(UeReject::SynchronisationFailure(auts)) => {
            let resynchronisation = AwaitingResponse::new(first.se_av).synchronisation_failure(auts);
            let second = seaf.resynchronise(supi(0), snn(), resynchronisation).await?;
            confirm(second, ue).await.map(drop)
        }
        Err(reject) => panic!("{reject:?}"),
    }
}

#[tokio::test]
async fn a_card_that_went_back_attaches_again_and_again() {
    let home = Home::start_on(store(Reuse::AfterFreshProof, 1 << 30));
    let seaf = home.seaf();
    // As many as the budget of one card and requester allows without a pause.
    for turn in 0..20 {
        // As fast as it goes: one that begins again, and one that is far ahead.
        let mut ue = ue_at([0, 1 << 29][turn % 2]);
        attach(&seaf, &mut ue).await.unwrap();
        attach(&seaf, &mut ue).await.unwrap();
    }
    let counters = home.udm.udm().unwrap().counters();
    assert_eq!(counters.resynchronisations.load(Ordering::Relaxed), 20);
    assert_eq!(counters.not_followed.load(Ordering::Relaxed), 0);
}

/// Nothing that an AMF does helps: it is told to reject, not to try again.
#[tokio::test]
async fn a_card_without_a_number_is_rejected_until_the_operator_allows_it() {
    for reuse in [Reuse::Never, Reuse::AfterFreshProof] {
        let home = Home::start_on(store(reuse, 0));
        let seaf = home.seaf();
        while home.store.next_sqn(&supi(0), "amf").unwrap().value() >> 5 < 3 * DELTA {}
        let attached = attach(&seaf, &mut ue_at(0)).await;
        if reuse == Reuse::AfterFreshProof {
            attached.unwrap();
            let counters = home.udm.udm().unwrap().counters();
            assert_eq!(counters.reused.load(Ordering::Relaxed), 1);
            continue;
        }
        let Err(AusfClientError::Refused(refusal)) = attached else {
            panic!("{attached:?}");
        };
        assert_eq!(
            (refusal.status.as_u16(), refusal.cause),
            (403, Some(Cause::AuthenticationRejected))
        );
        home.store.allow_reuse(&supi(0)).unwrap();
        let mut ue = ue_at(0);
        attach(&seaf, &mut ue).await.unwrap();
        attach(&seaf, &mut ue).await.unwrap();
    }
}
