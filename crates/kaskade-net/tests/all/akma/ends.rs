//! How keys end, and who hears of it.

use std::collections::BTreeSet;

use super::*;

async fn who_holds_keys_is_told_when_they_are_disabled(on: On) {
    let (holder, root, _end) = Holder::start();
    let home = start(on, Some(&root));
    let ausf = nf(&home, AUSF);
    ausf.registers(0, 1).await.unwrap();
    ausf.registers(1, 1).await.unwrap();
    let (portal, other) = (nf(&home, PORTAL), nf(&home, OTHER));
    let ask = |of: u64, run: u8, id: &str, path: &str| told_at(request(of, run, id), &format!("{root}{path}"));
    portal.key(ask(0, 1, PORTAL_ID, "/portal")).await.unwrap().unwrap();
    other.key(request(0, 1, OTHER_ID)).await.unwrap().unwrap();
    // A key of the authentication before lives on, and so does what is told of it.
    ausf.registers(0, 2).await.unwrap();
    portal.key(ask(0, 2, PORTAL_ID, "/portal")).await.unwrap().unwrap();
    portal.key(ask(1, 1, PORTAL_ID, "/other-user")).await.unwrap().unwrap();
    holder.answers.lock().unwrap().push(StatusCode::SERVICE_UNAVAILABLE);
    let (aanf, caller) = (home.udm.aanf().unwrap(), Caller::new(Requester::group("operator")));
    assert!(aanf.disable(&caller, &supi(0)).await.unwrap());
    assert!(
        !aanf.disable(&caller, &supi(0)).await.unwrap(),
        "there is nothing any more"
    );
    let told = holder.after(3).await;
    assert!(told.iter().all(|(path, _)| path == "/portal"), "{told:?}");
    // The first one came twice.
    let a_kids: BTreeSet<_> = told.iter().map(|(_, body)| body["aKId"].as_str().unwrap()).collect();
    let (before, after) = (a_kid(0, 1).encode(), a_kid(0, 2).encode());
    assert_eq!(a_kids, BTreeSet::from([before.as_str(), after.as_str()]));
    assert!(portal.key(request(0, 2, PORTAL_ID)).await.unwrap().is_none());
    portal.key(ask(1, 1, PORTAL_ID, "/other-user")).await.unwrap().unwrap();
    let counters = aanf.counters();
    assert_eq!((counters.told.sum(), counters.not_told.sum()), (2, 1));
    home.shutdown_unchecked().await;
}

async fn a_holder_that_was_not_told_is_told_after_a_restart(on: On) {
    let (holder, root, _end) = Holder::start();
    let home = start(on, Some(&root));
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    let uri = format!("{root}/off");
    nf(&home, PORTAL)
        .key(told_at(request(0, 1, PORTAL_ID), &uri))
        .await
        .unwrap()
        .unwrap();
    // It does not hear, and then the node is gone.
    holder
        .answers
        .lock()
        .unwrap()
        .extend([StatusCode::SERVICE_UNAVAILABLE; 8]);
    let caller = Caller::new(Requester::group("operator"));
    assert!(home.udm.aanf().unwrap().disable(&caller, &supi(0)).await.unwrap());
    holder.after(1).await;
    let engine = home.engine.clone();
    home.shutdown_unchecked().await;
    holder.answers.lock().unwrap().clear();
    holder.told.lock().unwrap().clear();
    let later = Home::start_over(reopened(&engine), |setup| set_up(setup, policy(usual(), Some(&root))));
    let told = holder.after(1).await;
    assert_eq!(
        told[0],
        ("/off".to_owned(), serde_json::json!({ "aKId": a_kid(0, 1).encode() }))
    );
    later.shutdown_unchecked().await;
}

async fn an_aanf_that_starts_ends_the_keys_of_those_who_may_have_none_any_more(on: On) {
    let (holder, root, _end) = Holder::start();
    let home = start(on, Some(&root));
    let (ausf, portal) = (nf(&home, AUSF), nf(&home, PORTAL));
    for of in 0..4 {
        change(&home, &supi(of), |subscription| subscription.akma_allowed = true);
        ausf.registers(of, 1).await.unwrap();
        let asked = told_at(request(of, 1, PORTAL_ID), &format!("{root}/{of}"));
        portal.key(asked).await.unwrap().unwrap();
    }
    // Of the last one there is a key, and no anchor key.
    ausf.removes(3).await.unwrap();
    home.store.settle().unwrap();
    let engine = home.engine.clone();
    home.shutdown_unchecked().await;
    // While no AAnF runs.
    let store = reopened(&engine);
    let [mut suspended, mut without] = [1, 3].map(|of| store.subscriber(&supi(of)).unwrap().unwrap());
    suspended.subscription.suspended = true;
    without.subscription.akma_allowed = false;
    store.put_many([&suspended, &without]).unwrap();
    store.remove(&supi(2)).unwrap();
    let later = Home::start_over(store, |setup| set_up(setup, policy(usual(), Some(&root))));
    let told = holder.after(3).await;
    let paths: BTreeSet<_> = told.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, BTreeSet::from(["/1", "/2", "/3"]));
    nf(&later, PORTAL).key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    let records = later.store.records();
    let left = records.list::<kaskade_anchor::akma::AkmaContext>(None, 10);
    let left: Vec<_> = left.await.unwrap().into_iter().map(|found| found.key).collect();
    assert_eq!(left, [supi(0)]);
    later.shutdown_unchecked().await;
}

async fn a_removed_anchor_key_gives_no_keys_and_says_nothing(on: On) {
    let (holder, root, _end) = Holder::start();
    let home = start(on, Some(&root));
    let (ausf, portal) = (nf(&home, AUSF), nf(&home, PORTAL));
    ausf.registers(0, 1).await.unwrap();
    let uri = format!("{root}/off");
    portal
        .key(told_at(request(0, 1, PORTAL_ID), &uri))
        .await
        .unwrap()
        .unwrap();
    ausf.removes(0).await.unwrap();
    ausf.removes(0).await.unwrap();
    assert!(portal.key(request(0, 1, PORTAL_ID)).await.unwrap().is_none());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(holder.told.lock().unwrap().is_empty());
    // Until the key has expired its holder can be told.
    let caller = Caller::new(Requester::group("operator"));
    assert!(home.udm.aanf().unwrap().disable(&caller, &supi(0)).await.unwrap());
    holder.after(1).await;
    home.shutdown_unchecked().await;
}

async fn a_revoked_application_function_gets_no_key_until_the_next_authentication(on: On) {
    let home = start(on, None);
    let (ausf, portal, other) = (nf(&home, AUSF), nf(&home, PORTAL), nf(&home, OTHER));
    ausf.registers(0, 1).await.unwrap();
    portal.key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    other.key(request(0, 1, OTHER_ID)).await.unwrap().unwrap();
    let (aanf, caller) = (home.udm.aanf().unwrap(), Caller::new(Requester::group("operator")));
    let portals = |holder: &kaskade_anchor::akma::AfHolder| holder.consumer == "portal";
    assert!(aanf.revoke(&caller, &supi(0), portals).await.unwrap());
    assert!(!aanf.revoke(&caller, &supi(0), portals).await.unwrap());
    assert!(portal.key(request(0, 1, PORTAL_ID)).await.unwrap().is_none());
    other.key(request(0, 1, OTHER_ID)).await.unwrap().unwrap();
    ausf.registers(0, 2).await.unwrap();
    portal.key(request(0, 2, PORTAL_ID)).await.unwrap().unwrap();
    home.shutdown().await;
}

async fn many_at_once_have_one_key_with_one_end(on: On) {
    let home = start(on, None);
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    let portal = nf(&home, PORTAL);
    let asked = (0..12).map(|_| portal.key(request(0, 1, PORTAL_ID)));
    let told: Vec<_> = joined(asked).await;
    let first = told[0].as_ref().unwrap().as_ref().unwrap();
    for one in &told {
        let one = one.as_ref().unwrap().as_ref().unwrap();
        assert_eq!((&one.k_af, one.expiry), (&first.k_af, first.expiry));
    }
    home.shutdown().await;
}

/// All of them at once, in their order.
async fn joined<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, done) in &mut all {
            if done.is_none()
                && let std::task::Poll::Ready(output) = one.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        match all.iter().all(|(_, done)| done.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    all.into_iter().filter_map(|(_, done)| done).collect()
}

kaskade_testkit::over_each_engine!(async
    who_holds_keys_is_told_when_they_are_disabled,
    a_holder_that_was_not_told_is_told_after_a_restart,
    an_aanf_that_starts_ends_the_keys_of_those_who_may_have_none_any_more,
    a_removed_anchor_key_gives_no_keys_and_says_nothing,
    a_revoked_application_function_gets_no_key_until_the_next_authentication,
    many_at_once_have_one_key_with_one_end,
);
