//! K behind another thread, as in a token of hardware: the roles ask as ever, and wait where they must.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kaskade_aka::auc::{AucError, Quintet};
use kaskade_aka::fivegs::seaf::AwaitingResponse;
use kaskade_aka::fivegs::ue::UeReject;
use kaskade_crypto::gsm::{SresFunction, Triplet};
use kaskade_crypto::{Amf, Auts, Rand, Sqn};
use kaskade_keys::Abba;
use kaskade_net::sbi::problem::Cause;
use kaskade_store::custody::Sealed;
use kaskade_store::{
    Custody, MasterKey, Now, SealedCard, StoreError, StoreOptions, Subscriber, SubscriberSecrets, SubscriberStore,
};
use kaskade_testkit::memory::MemoryEngine;

use crate::common::{Home, answer, snn, subscribers, supi, ue, ue_ahead};

/// Answers on a thread of its own, one question at a time, unless it is broken.
struct Token {
    keeper: Arc<dyn Custody>,
    asked: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
}

impl Token {
    fn later<'a, T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Custody) -> Now<'_, T> + Send + 'static,
    ) -> Now<'a, T> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (keeper, broken) = (Arc::clone(&self.keeper), Arc::clone(&self.broken));
        Now::Later(Box::pin(async move {
            let (tell, told) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(2));
                let answer = match broken.load(Ordering::SeqCst) {
                    true => Err(StoreError::Unsealing),
                    false => ask(&*keeper).wait(),
                };
                let _ = tell.send(answer);
            });
            told.await.expect("the token answers")
        }))
    }
}

impl Custody for Token {
    fn quintet<'a>(&'a self, card: &'a SealedCard, rand: &'a Rand, sqn: Sqn, amf: Amf) -> Now<'a, Quintet> {
        let (card, rand) = (card.clone(), *rand);
        self.later(move |keeper| Now::Ready(keeper.quintet(&card, &rand, sqn, amf).wait()))
    }

    fn triplet<'a>(&'a self, card: &'a SealedCard, rand: &'a Rand, sres: SresFunction) -> Now<'a, Triplet> {
        let (card, rand) = (card.clone(), *rand);
        self.later(move |keeper| Now::Ready(keeper.triplet(&card, &rand, sres).wait()))
    }

    fn verify_auts<'a>(
        &'a self,
        card: &'a SealedCard,
        rand: &'a Rand,
        auts: &'a Auts,
    ) -> Now<'a, Result<Sqn, AucError>> {
        let (card, rand, auts) = (card.clone(), *rand, *auts);
        self.later(move |keeper| Now::Ready(keeper.verify_auts(&card, &rand, &auts).wait()))
    }

    fn seal<'a>(&'a self, subscriber: &'a Subscriber) -> Now<'a, Sealed> {
        Now::Later(Box::pin(async move { self.keeper.seal(subscriber).done().await }))
    }

    fn open<'a>(&'a self, card: &'a SealedCard) -> Now<'a, SubscriberSecrets> {
        let card = card.clone();
        self.later(move |keeper| Now::Ready(keeper.open(&card).wait()))
    }
}

/// A home network whose K lie with a token; how often that was asked, and whether it is broken.
fn home() -> (Home, Arc<SubscriberStore>, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let (asked, broken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counter, switch) = (Arc::clone(&asked), Arc::clone(&broken));
    let mut options = StoreOptions::default();
    options.custody = Some(Arc::new(move |keeper| {
        Arc::new(Token {
            keeper,
            asked: Arc::clone(&counter),
            broken: Arc::clone(&switch),
        })
    }));
    let key = MasterKey::from_octets(&[0x77; 32]);
    let engine = Arc::new(MemoryEngine::default());
    let store = Arc::new(SubscriberStore::with_engine(engine, Path::new("memory"), &key, options).unwrap());
    store.put_many(&subscribers()).unwrap();
    (Home::start_on(Arc::clone(&store)), store, asked, broken)
}

#[tokio::test]
async fn authentication_and_resynchronisation_with_a_token() {
    let (home, store, asked, _) = home();
    let seaf = home.seaf();
    let mut ue = ue(0);
    for run in 1..4 {
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), run, "one question a vector");
        let answered = answer(&mut ue, &challenge);
        assert!(
            seaf.confirm(&challenge.confirmation, Some(&answered.res_star))
                .await
                .is_ok()
        );
    }
    let mut ahead = ue_ahead(1);
    let first = seaf.authenticate(supi(1), snn()).await.unwrap();
    let (rand, autn) = (first.se_av.rand, first.se_av.autn);
    let Err(UeReject::SynchronisationFailure(auts)) = ahead.challenge(&rand, &autn, &snn(), &Abba::INITIAL) else {
        panic!("the card is ahead");
    };
    let auts = AwaitingResponse::new(first.se_av).synchronisation_failure(auts);
    let second = seaf.resynchronise(supi(1), snn(), auts).await.unwrap();
    let answered = answer(&mut ahead, &second);
    seaf.confirm(&second.confirmation, Some(&answered.res_star))
        .await
        .unwrap();
    let before = asked.load(Ordering::SeqCst);
    let exported = tokio::task::spawn_blocking(move || store.subscriber(&supi(0)).unwrap().unwrap());
    assert_eq!(exported.await.unwrap().secrets, subscribers()[0].secrets);
    assert_eq!(asked.load(Ordering::SeqCst), before + 1);
}

/// Many at once wait for it side by side; one that nobody waits for any more spends its number, and repeats none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_wait_for_the_token_at_once() {
    let (home, ..) = home();
    let seaf = home.seaf();
    let mut runs = Vec::new();
    for turn in 0..40 {
        let seaf = seaf.clone();
        runs.push(tokio::spawn(async move {
            let run = seaf.authenticate(supi(2), snn());
            match turn % 4 {
                0 => tokio::time::timeout(std::time::Duration::from_millis(1), run)
                    .await
                    .ok()?
                    .ok(),
                _ => run.await.ok(),
            }
        }));
    }
    let mut seen = std::collections::BTreeSet::new();
    for run in runs {
        if let Some(challenge) = run.await.unwrap() {
            assert!(seen.insert(*challenge.se_av.autn.octets()), "no AUTN twice");
        }
    }
    assert!(seen.len() >= 30);
}

#[tokio::test]
async fn a_token_that_fails_gives_no_vector() {
    let (home, _, _, broken) = home();
    let seaf = home.seaf();
    broken.store(true, Ordering::SeqCst);
    let refused = seaf.authenticate(supi(0), snn()).await.unwrap_err();
    assert_eq!(refused.cause(), Some(Cause::AvGenerationProblem));
    broken.store(false, Ordering::SeqCst);
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    let answered = answer(&mut ue(0), &challenge);
    seaf.confirm(&challenge.confirmation, Some(&answered.res_star))
        .await
        .unwrap();
}
