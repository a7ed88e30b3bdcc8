//! Who holds keys: as many as may, each a share, and who needs none gives it up.

use super::*;

async fn one_network_function_does_not_take_all_places_of_an_emsk(on: On) {
    let home = start(on, None);
    authenticated(&home, 0, 1).await;
    let (smf, nwdaf) = (nf(&home, SMF), nf(&home, NWDAF));
    let mut keys = Vec::new();
    for number in 0..16 {
        keys.push(smf.key(octets(0, &[number])).await.unwrap());
    }
    let spent = because(429, "NF_CONGESTION_RISK");
    assert_eq!(refused(smf.key(octets(0, &[16])).await), spent);
    nwdaf.key(slice(0, "1-0000d2")).await.unwrap();
    // Who has one has it again; who gives one up has room for another.
    smf.key(octets(0, &[3])).await.unwrap();
    assert_eq!(
        refused(nwdaf.gives_up(0, &keys[3]).await),
        because(404, "DATA_NOT_FOUND")
    );
    smf.gives_up(0, &keys[3]).await.unwrap();
    assert_eq!(refused(smf.gives_up(0, &keys[3]).await), because(404, "DATA_NOT_FOUND"));
    smf.key(octets(0, &[16])).await.unwrap();
    assert_eq!(home.ausf().usage_keys().unwrap().held(), (1, 17));
    home.shutdown().await;
}

async fn all_holders_together_are_bounded(on: On) {
    let home = Home::start_at(on, Link::Local, |setup| {
        set_up(setup, None);
        // One in each of the shards.
        setup.usage_keys.as_mut().unwrap().most_holders = 1;
    });
    authenticated(&home, 0, 1).await;
    let smf = nf(&home, SMF);
    smf.key(one(0)).await.unwrap();
    assert_eq!(refused(smf.key(octets(0, &[1])).await), because(503, "NF_CONGESTION"));
    smf.key(one(0)).await.unwrap();
    home.shutdown().await;
}

async fn who_asks_for_too_much_in_a_second_waits(on: On) {
    let home = Home::start_at(on, Link::Local, |setup| {
        set_up(setup, None);
        setup.usage_keys.as_mut().unwrap().budgets.requester = "1/min burst 2".parse().unwrap();
    });
    authenticated(&home, 0, 1).await;
    let smf = nf(&home, SMF);
    for _ in 0..2 {
        smf.key(one(0)).await.unwrap();
    }
    assert_eq!(refused(smf.key(one(0)).await), because(429, "NF_CONGESTION_RISK"));
    // Others have their own.
    nf(&home, NWDAF).key(slice(0, "1-0000d2")).await.unwrap();
    home.shutdown().await;
}

async fn who_has_given_its_key_up_is_not_told_of_the_end(on: On) {
    let (holder, root, _end) = Holder::start();
    let home = start(on, Some(&root));
    authenticated(&home, 0, 1).await;
    let smf = nf(&home, SMF);
    let key = smf.key(told_at(one(0), &format!("{root}/one"))).await.unwrap();
    smf.key(told_at(octets(0, &[1]), &format!("{root}/octets")))
        .await
        .unwrap();
    smf.gives_up(0, &key).await.unwrap();
    authenticated(&home, 0, 1).await;
    let told = holder.after(1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(holder.told.lock().unwrap().len(), 1);
    assert_eq!(told[0].0, "/octets");
    home.shutdown_unchecked().await;
}

/// Two holders behind one host and port: what fails of the one holds up nothing of the other.
async fn a_holder_that_cannot_be_told_holds_up_nobody_else_at_its_root(on: On) {
    let (holder, root, _end) = Holder::start();
    let home = start(on, Some(&root));
    let (smf, nwdaf) = (nf(&home, SMF), nf(&home, NWDAF));
    authenticated(&home, 0, 1).await;
    smf.key(told_at(one(0), &format!("{root}/smf"))).await.unwrap();
    // It fails three times within three seconds, and is quiet for four more.
    holder
        .answers
        .lock()
        .unwrap()
        .extend([StatusCode::SERVICE_UNAVAILABLE; 3]);
    authenticated(&home, 0, 1).await;
    let told = holder.after(3).await;
    assert!(told.iter().all(|(path, _)| path == "/smf"));
    nwdaf
        .key(told_at(slice(0, "1-0000d2"), &format!("{root}/nwdaf")))
        .await
        .unwrap();
    let begun = std::time::Instant::now();
    authenticated(&home, 0, 1).await;
    let told = holder.after(4).await;
    assert_eq!(told[3].0, "/nwdaf");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    home.shutdown_unchecked().await;
}

kaskade_testkit::over_each_engine!(async
    one_network_function_does_not_take_all_places_of_an_emsk,
    all_holders_together_are_bounded,
    who_asks_for_too_much_in_a_second_waits,
    who_has_given_its_key_up_is_not_told_of_the_end,
    a_holder_that_cannot_be_told_holds_up_nobody_else_at_its_root,
);
