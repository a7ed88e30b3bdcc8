//! Users who stay out, and what others make of packets that are not theirs.

use kaskade_aka::eap_aka::ServerPolicy;
use kaskade_codec::eap::NotificationCode;
use kaskade_codec::radius::{AttributeType, Code, Packet};
use kaskade_flow::Refusal;
use kaskade_net::role::budget::BudgetOptions;
use kaskade_store::audit::{AuditLog, AuditOptions};

use super::*;
use crate::common::suci;

#[tokio::test]
async fn a_wrong_key_lets_nobody_in() {
    let home = Home::start();
    let failure = attach(&mut device_with_card(0, 1), home.address()).await.stays_out();
    assert_eq!(failure.why, Refusal::NetworkNotAuthentic);
    assert_eq!((home.successes(), home.failures()), ((0, 0), 1));
    home.node.shutdown().await;
}

/// Whatever the answer is: proxies find their way back by it (RFC 2865 5.33).
#[tokio::test]
async fn each_answer_carries_what_proxies_gave_in_its_order() {
    let home = Home::start();
    let states: [&[u8]; 3] = [&[1, 2], &[0], &[0xff; 253]];
    let mut seen = Vec::new();
    for mut device in [device(0), device_with_card(1, 2)] {
        let link = Link::to(home.address()).await;
        let mut attach = Attach::begin_behind(&mut device, secret(), &states);
        loop {
            let octets = link.octets(attach.request()).await.expect("an answer");
            let packet = Packet::parse(&octets).unwrap();
            let back: Vec<_> = packet.all(AttributeType::ProxyState).map(|state| state.value).collect();
            assert_eq!(back, states, "{:?}", packet.code());
            seen.push(packet.code().unwrap());
            attach = match attach.answered(&octets) {
                Progress::Asks(attach) => attach,
                Progress::Ended(_) => break,
            };
        }
    }
    for code in [Code::AccessChallenge, Code::AccessAccept, Code::AccessReject] {
        assert!(seen.contains(&code), "{code:?}: {seen:?}");
    }
    home.node.shutdown().await;
}

#[tokio::test]
async fn who_is_no_subscriber_or_may_not_is_told_so() {
    let home = Home::start();
    let mut stranger = device(0);
    stranger.name = PeerName::Imsi("001019999999999".parse().unwrap(), epc_realm(plmn()));
    attach(&mut stranger, home.address()).await.stays_out();
    attach(&mut device(FIVE_G_ONLY), home.address()).await.stays_out();
    home.suspend(1, true);
    attach(&mut device(1), home.address()).await.stays_out();
    assert_eq!((home.successes(), home.failures()), ((0, 0), 3));
    // The others are none the worse.
    attach(&mut device(0), home.address()).await.comes_in();
    home.node.shutdown().await;
}

#[tokio::test]
async fn a_user_who_is_suspended_in_the_middle_is_notified_and_out() {
    let home = Home::start();
    let mut device = device(0);
    // Between the challenge and its answer.
    let ended = attach_doing(&mut device, home.address(), |number| home.suspend(0, number == 1)).await;
    let failure = ended.stays_out();
    assert_eq!(
        failure.notification.map(|NotificationCode(code)| code),
        Some(1026),
        "temporarily denied"
    );
    home.suspend(0, false);
    attach(&mut device, home.address()).await.comes_in();
    // A fast re-authentication asks no vector, and is none the less refused.
    home.suspend(0, true);
    let ended = attach(&mut device, home.address()).await;
    assert!(ended.identity.starts_with('8'), "{}", ended.identity);
    ended.stays_out();
    home.suspend(0, false);
    attach(&mut device, home.address()).await.comes_in();
    assert_eq!((home.successes(), home.failures()), ((2, 0), 2));
    home.node.shutdown().await;
}

/// Another method that is left is not the one that was asked for.
#[tokio::test]
async fn a_method_that_is_taken_away_in_the_middle_lets_nobody_in() {
    let home = Home::start();
    let mut device = device(0);
    let ended = attach_doing(&mut device, home.address(), |number| {
        if number == 1 {
            let mut changed = home.store.subscriber(&supi(0)).unwrap().unwrap();
            changed.methods = kaskade_store::AuthMethods::NONE.and(kaskade_aka::arpf::Method::EapAka);
            home.store.change_on_record(&changed, None).unwrap();
        }
    });
    ended.await.stays_out();
    assert_eq!((home.successes(), home.failures()), ((0, 0), 1));
    home.node.shutdown().await;
}

#[tokio::test]
async fn the_keys_of_a_card_before_let_nobody_in() {
    let home = Home::start();
    let mut device = device(0);
    attach(&mut device, home.address()).await.comes_in();
    // The subscriber gets another card; the old one is in somebody's drawer, and its terminal remembers.
    let mut changed = subscriber(0);
    let other = demo_subscriber(plmn(), 0, 99);
    changed.secrets = SubscriberSecrets::milenage(other.k, OpOrOpc::Opc(other.opc));
    home.store.put_many([&changed]).unwrap();
    let ended = attach(&mut device, home.address()).await;
    assert!(ended.identity.starts_with('8'), "{}", ended.identity);
    ended.stays_out();
    assert_eq!(home.successes(), (1, 0));
    home.node.shutdown().await;
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_over() {
    let mut options = aaa_options();
    options.policy = ServerPolicy::non_3gpp().with_lifetime(Duration::from_secs(1));
    let home = Home::with(options);
    let late = |number: usize| std::thread::sleep(Duration::from_millis(if number == 1 { 1200 } else { 0 }));
    attach_doing(&mut device(0), home.address(), late).await.stays_out();
    assert_eq!((home.successes(), home.failures()), ((0, 0), 1));
    attach(&mut device(0), home.address()).await.comes_in();
    home.node.shutdown().await;
}

#[tokio::test]
async fn a_realm_of_others_is_not_served() {
    let mut options = aaa_options();
    options.realms = vec!["wlan.example.org".to_owned()];
    let home = Home::with(options);
    let identity = format!("0{}@nai.epc.mnc099.mcc001.3gppnetwork.org", imsi(0).as_str());
    assert!(matches!(
        first_answer(home.address(), &identity).await,
        Answer::Reject(_)
    ));
    assert_eq!(home.counters().begun.sum(), 0, "nothing has begun");
    let identity = format!("0{}@WLAN.example.org", imsi(0).as_str());
    assert!(matches!(
        first_answer(home.address(), &identity).await,
        Answer::Challenge(_)
    ));
    home.node.shutdown().await;
}

#[tokio::test]
async fn a_packet_that_is_replayed_gives_nothing_new() {
    let home = Home::start();
    let mut device = device(0);
    let (peer, response) = device.says_who();
    let (mut link, mut gateway) = (Link::to(home.address()).await, Gateway::new(secret(), &response[5..]));
    let first = gateway.sent(&response);
    let challenge = link.sends(&first).await.unwrap();
    assert_eq!(
        link.sends(&first).await.unwrap(),
        challenge,
        "the same octets, and no other vector"
    );
    let Answer::Challenge(eap) = gateway.hears(&first, &challenge) else {
        panic!("a challenge");
    };
    let (_, Some(PeerOutput::Response(answer))) = device.takes(peer, &eap) else {
        panic!("an answer");
    };
    let last = gateway.sent(&answer);
    let accept = link.sends(&last).await.unwrap();
    assert_eq!(accept[0], 2, "Access-Accept");
    assert_eq!(link.sends(&last).await.unwrap(), accept);
    // In another request, and from elsewhere.
    assert!(
        matches!(link.ask(&mut gateway, &answer).await, Answer::Reject(_)),
        "the run is over"
    );
    link = Link::to(home.address()).await;
    assert_eq!(link.sends(&last).await.unwrap()[0], 3, "Access-Reject");
    let vectors = home.node.udm().unwrap().counters().vectors.load(Ordering::Relaxed);
    assert_eq!((home.successes(), vectors), ((1, 0), 1));
    home.node.shutdown().await;
}

#[tokio::test]
async fn packets_that_are_none_change_nothing() {
    let home = Home::start();
    let mut device = device(0);
    let (peer, response) = device.says_who();
    let (link, mut gateway) = (Link::to(home.address()).await, Gateway::new(secret(), &response[5..]));
    let Answer::Challenge(challenge) = link.ask(&mut gateway, &response).await else {
        panic!("a challenge");
    };
    for wrong in [
        &[2, 9, 0, 5, 1][..],
        &[2, challenge[1], 0, 200, 50],
        &[1, 2, 0, 4],
        &[7; 40],
        &[2],
    ] {
        let Answer::Challenge(again) = link.ask(&mut gateway, wrong).await else {
            panic!("{wrong:?}");
        };
        assert_eq!(again, challenge, "{wrong:?}");
    }
    let (peer, Some(PeerOutput::Response(answer))) = device.takes(peer, &challenge) else {
        panic!("an answer");
    };
    let Answer::Accept(success, _) = link.ask(&mut gateway, &answer).await else {
        panic!("it is let in");
    };
    assert!(matches!(
        device.takes(peer.unwrap(), &success).1,
        Some(PeerOutput::Success(_))
    ));
    home.node.shutdown().await;
}

#[tokio::test]
async fn without_room_in_the_audit_log_nothing_is_given_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut audit = AuditOptions::new(&folder.path().join("audit"));
    audit.segment_bytes = AuditOptions::LEAST_SEGMENT;
    audit.waiting = 0;
    let mut options = aaa_options();
    options.audit = AuditLog::open(audit, &master_key()).unwrap();
    let home = Home::with(options);
    let identity = format!("6{}@{}", imsi(0).as_str(), epc_realm(plmn()));
    let sent = Gateway::new(secret(), identity.as_bytes()).sent(&identity_response(&identity));
    assert_eq!(
        Link::to(home.address()).await.sends(&sent).await,
        None,
        "another server may do better"
    );
    assert_eq!(home.failures(), 1);
    home.node.shutdown().await;
}

#[tokio::test]
async fn a_run_that_nobody_goes_on_with_is_counted_as_abandoned() {
    let store = store();
    let mut options = node_options(&store, aaa_options());
    options.aaa.as_mut().unwrap().radius.lifetime = Duration::from_millis(200);
    let node = Node::start(options).unwrap();
    let home = Home { store, node };
    attach(&mut device(1), home.address()).await.comes_in();
    attach(&mut device(FIVE_G_ONLY), home.address()).await.stays_out();
    let identity = format!("6{}@{}", imsi(0).as_str(), epc_realm(plmn()));
    let challenged = first_answer(home.address(), &identity).await;
    assert!(matches!(challenged, Answer::Challenge(_)));
    let swept = timeout(Duration::from_secs(10), async {
        while home.counters().abandoned.sum() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    swept.await.expect("it is over");
    let counters = home.counters();
    let ended = [&counters.failures, &counters.abandoned].map(|counter| counter.sum());
    assert_eq!((counters.begun.sum(), home.successes(), ended), (3, (1, 0), [1, 1]));
    home.node.shutdown().await;
}

/// Opening one costs as much as a vector.
#[tokio::test]
async fn a_concealed_identity_is_opened_no_oftener_than_its_budget_says() {
    let over_budget = |home: &Home| home.node.udm().unwrap().counters().over_budget.load(Ordering::Relaxed);
    let with = |budgets: BudgetOptions| {
        let store = store();
        let mut options = node_options(&store, aaa_options());
        options.udm.as_mut().unwrap().options.budgets = budgets;
        let node = Node::start(options).unwrap();
        Home { store, node }
    };
    // One that opens for nobody comes again and again.
    let home = with(BudgetOptions {
        suci: "1/min burst 2".parse().unwrap(),
        ..BudgetOptions::UNLIMITED
    });
    let mut nai = suci(0, 1).nai();
    let at = nai.find(".cip").unwrap() + 4;
    let other = if nai.as_bytes()[at] == b'0' { "1" } else { "0" };
    nai.replace_range(at..=at, other);
    for _ in 0..2 {
        assert!(matches!(first_answer(home.address(), &nai).await, Answer::Challenge(_)));
    }
    let sent = Gateway::new(secret(), nai.as_bytes()).sent(&identity_response(&nai));
    assert_eq!(Link::to(home.address()).await.sends(&sent).await, None);
    assert_eq!((over_budget(&home), home.failures()), (1, 3));
    home.node.shutdown().await;
    // What it asks of the gateway's is asked once for opening and vector together.
    let home = with(BudgetOptions {
        requester: "1/min burst 2".parse().unwrap(),
        ..BudgetOptions::UNLIMITED
    });
    for _ in 0..2 {
        let nai = suci(0, 1).nai();
        assert!(matches!(first_answer(home.address(), &nai).await, Answer::Challenge(_)));
        assert_eq!(over_budget(&home), 0);
    }
    let nai = suci(0, 1).nai();
    let sent = Gateway::new(secret(), nai.as_bytes()).sent(&identity_response(&nai));
    assert_eq!(Link::to(home.address()).await.sends(&sent).await, None);
    assert_eq!(over_budget(&home), 1);
    home.node.shutdown().await;
}
