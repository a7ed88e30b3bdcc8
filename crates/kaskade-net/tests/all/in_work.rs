//! A message for an authentication while another one is in work: refused, whatever happens meanwhile.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use kaskade_codec::sbi::SupiOrSuci;
use kaskade_codec::sbi::nausf_auth::AuthenticationInfo;
use kaskade_keys::fivegs::ResStar;
use kaskade_net::role::ausf::{AusfError, ContextId, ContextLimits, Outcome};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::Caller;
use tokio::task::JoinHandle;

use crate::cancelled::{Between, LONG, begun};
use crate::common::http::{Ask, send};
use crate::common::{Home, Link, snn, supi};

type Confirmation = JoinHandle<Result<Outcome, AusfError>>;

/// A confirmation that the UDM has heard of and not answered yet.
async fn confirming(between: &Between) -> (ContextId, ResStar, Confirmation) {
    let (id, res_star) = begun(between.ausf(), &between.amf).await;
    between.hold(true);
    let (ausf, amf, answer) = (between.ausf().clone(), between.amf.clone(), res_star.clone());
    let first = tokio::spawn(async move { ausf.confirm(&amf, id, Some(&answer)).await });
    between.told(1).await;
    (id, res_star, first)
}

#[tokio::test]
async fn a_second_message_is_refused_while_one_is_in_work() {
    let between = Between::with(LONG, ContextLimits::default());
    let (ausf, amf) = (between.ausf(), &between.amf);
    let (id, res_star, first) = confirming(&between).await;
    let stranger = Caller::new(Requester::group("stranger"));
    for _ in 0..2 {
        for answer in [Some(&res_star), None] {
            let second = ausf.confirm(amf, id, answer).await;
            assert!(matches!(second, Err(AusfError::InWork)), "{second:?}");
            let other = ausf.confirm(&stranger, id, answer).await;
            assert!(matches!(other, Err(AusfError::UnknownContext)), "{other:?}");
        }
        let removed = ausf.delete(amf, id).await;
        assert!(matches!(removed, Err(AusfError::InWork)), "{removed:?}");
    }
    assert_eq!(
        (ausf.pending(), between.kept()),
        (1, (0, 1)),
        "one report, and its place"
    );
    between.hold(false);
    assert!(matches!(first.await.unwrap(), Ok(Outcome::Authenticated { .. })));
    assert_eq!((ausf.pending(), between.kept()), (0, (1, 1)));
    let third = ausf.confirm(amf, id, Some(&res_star)).await;
    assert!(matches!(third, Err(AusfError::UnknownContext)), "{third:?}");
    // Its removal, twice at once.
    between.hold(true);
    between.dropped_when_done(ausf.delete(amf, id)).await;
    let second = ausf.delete(amf, id).await;
    assert!(matches!(second, Err(AusfError::InWork)), "{second:?}");
    between.hold(false);
    between.settled(0).await;
}

/// As the AMF sees it, over the wire.
#[tokio::test]
async fn the_refusal_names_its_cause() {
    let between = Between::with(LONG, ContextLimits::default());
    let root = between.node.ausf_url().unwrap().to_owned();
    let body = r#"{"supiOrSuci":"imsi-001010000000001","servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org"}"#;
    let challenge = send(&root, &Ask::json("POST", "/nausf-auth/v1/ue-authentications", body)).await;
    let context = challenge.header("location").expect("a context");
    let path = format!("{}/5g-aka-confirmation", context.strip_prefix(&root).unwrap());
    between.hold(true);
    let first = {
        let (root, path) = (root.clone(), path.clone());
        tokio::spawn(async move { send(&root, &Ask::json("PUT", &path, r#"{"resStar":null}"#)).await })
    };
    between.told(1).await;
    for method in ["PUT", "DELETE"] {
        let refused = send(&root, &Ask::json(method, &path, r#"{"resStar":null}"#)).await;
        assert_eq!(
            (refused.status, refused.text("/cause").as_str()),
            (403, "MODIFICATION_NOT_ALLOWED"),
            "{method}"
        );
    }
    between.hold(false);
    assert_eq!(first.await.unwrap().status, 200);
    let spent = send(&root, &Ask::json("PUT", &path, r#"{"resStar":null}"#)).await;
    assert_eq!(
        (spent.status, spent.text("/cause").as_str()),
        (404, "CONTEXT_NOT_FOUND")
    );
}

#[tokio::test]
async fn who_left_meanwhile_is_told_nothing_and_nothing_is_kept() {
    let between = Between::with(LONG, ContextLimits::default());
    let (ausf, amf) = (between.ausf(), &between.amf);
    let (id, res_star, first) = confirming(&between).await;
    ausf.deregister(amf, &supi(0)).await.unwrap();
    assert!(matches!(
        ausf.deregister(amf, &supi(0)).await,
        Err(AusfError::UnknownContext)
    ));
    let second = ausf.confirm(amf, id, Some(&res_star)).await;
    assert!(matches!(second, Err(AusfError::UnknownContext)), "{second:?}");
    between.hold(false);
    let told = first.await.unwrap();
    assert!(matches!(told, Err(AusfError::UnknownContext)), "{told:?}");
    assert_eq!((ausf.pending(), between.kept().0), (0, 0));
    let counters = ausf.counters();
    assert_eq!(counters.successes.load(std::sync::atomic::Ordering::Relaxed), 0);
}

/// The answer came in time: that the report takes longer than the context lives makes no difference.
#[tokio::test]
async fn what_expires_in_work_is_brought_to_its_end() {
    let limits = ContextLimits {
        lifetime: Duration::from_millis(300),
        ..ContextLimits::default()
    };
    let between = Between::with(LONG, limits);
    let ausf = between.ausf();
    let (id, res_star, first) = confirming(&between).await;
    // The node sweeps once a second.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let second = ausf.confirm(&between.amf, id, Some(&res_star)).await;
    assert!(matches!(second, Err(AusfError::InWork)), "{second:?}");
    between.hold(false);
    assert!(matches!(first.await.unwrap(), Ok(Outcome::Authenticated { .. })));
    assert_eq!((ausf.pending(), between.kept()), (0, (1, 1)));
}

#[tokio::test]
async fn a_table_full_of_what_is_in_work_takes_nobody_in() {
    // One context in each shard.
    let limits = ContextLimits {
        pending: 64,
        ..ContextLimits::default()
    };
    let between = Between::with(LONG, limits);
    let (id, res_star, first) = confirming(&between).await;
    let ausf = between.ausf();
    let info = || AuthenticationInfo {
        supi_or_suci: SupiOrSuci::Supi(supi(0)),
        serving_network_name: snn(),
        resynchronization_info: None,
    };
    for requester in [&between.amf, &Caller::new(Requester::group("other"))] {
        let refused = ausf.authenticate(requester, info()).await;
        assert!(matches!(refused, Err(AusfError::NoRoom)), "{refused:?}");
    }
    let second = ausf.confirm(&between.amf, id, Some(&res_star)).await;
    assert!(matches!(second, Err(AusfError::InWork)), "{second:?}");
    between.hold(false);
    assert!(matches!(first.await.unwrap(), Ok(Outcome::Authenticated { .. })));
    let _ = ausf.authenticate(&between.amf, info()).await.unwrap();
    assert_eq!(ausf.pending(), 1);
}

/// Polls a future so often, and drops it; whether it ended before.
async fn dropped_after<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    for _ in 0..polls {
        if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(done);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None
}

/// Whenever a confirmation or a removal is dropped, it has done nothing or is done to its end.
#[tokio::test]
async fn a_request_that_is_cancelled_anywhere_is_done_or_was_not_begun() {
    for link in [Link::Local, Link::Http] {
        let (home, amf) = (Home::start(link), Caller::new(Requester::group("amf")));
        let (ausf, udm) = (home.ausf().ausf().unwrap(), home.udm.udm().unwrap());
        let kept = || (ausf.pending(), ausf.results(), udm.auth_events(&supi(0)).len());
        let mut ended = false;
        for polls in (0..).take_while(|polls| *polls < 100) {
            if std::mem::take(&mut ended) {
                assert!(polls > 1, "it was dropped at least once");
                break;
            }
            let (id, res_star) = begun(ausf, &amf).await;
            let confirmed = dropped_after(polls, ausf.confirm(&amf, id, Some(&res_star))).await;
            let expected = if polls == 0 { (1, 0, 0) } else { (0, 1, 1) };
            eventually(|| kept() == expected).await;
            assert_eq!(kept(), expected, "confirmed, dropped after {polls} polls");
            let removed = dropped_after(polls, ausf.delete(&amf, id)).await;
            let expected = if polls == 0 { (1, 0, 0) } else { (0, 0, 0) };
            eventually(|| kept() == expected).await;
            assert_eq!(kept(), expected, "removed, dropped after {polls} polls");
            if polls == 0 {
                ausf.delete(&amf, id).await.unwrap();
            }
            ended = confirmed.is_some() && removed.is_some();
        }
    }
}

async fn eventually(holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
