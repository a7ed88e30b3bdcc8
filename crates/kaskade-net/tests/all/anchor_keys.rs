//! Anchor keys of AKMA, from the subscription to the AAnF: after a success and for whom they are meant, as often as it takes, until they end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaskade_aka::eap_aka::peer::{PeerName, PeerPolicy};
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_anchor::anchor_key::{Anchored, TO_AANF};
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest, AkmaKeyInfo, CtxRemove};
use kaskade_codec::sbi::nausf_auth::AuthenticationInfo;
use kaskade_flow::{Durable, Refusal};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::{AKid, HomeRealm, ServingNetworkName, Supi};
use kaskade_net::live::Live;
use kaskade_net::node::PeerAt;
use kaskade_net::random::SystemEntropy;
use kaskade_net::role::aanf::AanfOptions;
use kaskade_net::role::ausf::{Akma, end_anchor_key};
use kaskade_net::role::seaf::{AusfClient, Begun, Challenge, EapAnswered};
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::server::{ServerOptions, Shutdown, bind, serve};
use kaskade_net::sbi::service::{Caller, NotDone, Routes};
use kaskade_net::services::naanf_akma::{NaanfAkma, routes};
use kaskade_net::time::moment;
use kaskade_store::SubscriberStore;
use kaskade_testkit::kept::{Kept, On};
use kaskade_testkit::memory::Failure;
use kaskade_ue::EapDevice;
use kaskade_ue::demo::demo_subscriber;
use kaskade_ue::eap::EapOutcome;

use crate::common::http::{Ask, send};
use crate::common::{EAP_ONLY, Home, Link, Setup, answer, filled, opened, plmn, snn, suci, supi, ue};

/// What an AAnF was told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Registered(Supi, AKid, [u8; 32]),
    Removed(Supi),
}

/// An AAnF of another make: takes down what it is told.
#[derive(Default)]
pub(crate) struct Other {
    said: Mutex<Vec<Said>>,
    /// What it refuses everything for.
    refuses: Mutex<Option<Refusal>>,
}

/// The same as it is served.
struct Served(Arc<Other>);

impl NaanfAkma for Served {
    async fn register_anchorkey(&self, _: &Caller, info: AkmaKeyInfo) -> Result<Durable<AkmaKeyInfo>, NotDone> {
        if let Some(why) = *self.0.refuses.lock().unwrap() {
            return Err(why.into());
        }
        let key = *info.k_akma.expose_to_aanf();
        let said = Said::Registered(info.supi.clone().unwrap(), info.a_kid.clone(), key);
        self.0.said.lock().unwrap().push(said);
        Ok(Durable::told_by_peer(info))
    }

    async fn retrieve_applicationkey(
        &self,
        _: &Caller,
        _: AkmaAfKeyRequest,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, NotDone> {
        Ok(None)
    }

    async fn remove_context(&self, _: &Caller, removal: CtxRemove) -> Result<(), NotDone> {
        if let Some(why) = *self.0.refuses.lock().unwrap() {
            return Err(why.into());
        }
        self.0.said.lock().unwrap().push(Said::Removed(removal.supi));
        Ok(())
    }
}

impl Other {
    /// At this address of the loopback, or a free one.
    pub(crate) fn serve(self: &Arc<Self>, address: std::net::SocketAddr) -> (std::net::SocketAddr, Shutdown) {
        let routes = Routes::new(Live::default()).with(routes(Served(self.clone())));
        let listener = bind(address).unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), Shutdown::new());
        tokio::spawn(serve(
            listener,
            Arc::new(routes),
            ServerOptions::default(),
            shutdown.clone(),
        ));
        (address, shutdown)
    }

    /// What it was told so far.
    pub(crate) fn said(&self) -> Vec<Said> {
        self.said.lock().unwrap().clone()
    }

    /// What it was told, when that was so much.
    pub(crate) async fn after(&self, count: usize) -> Vec<Said> {
        for _ in 0..2000 {
            let said = self.said.lock().unwrap().clone();
            if said.len() >= count {
                return said;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.said.lock().unwrap());
    }
}

pub(crate) const FREE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

fn remote(address: std::net::SocketAddr) -> Option<PeerAt> {
    Some(PeerAt::There(format!("http://{address}"), ClientOptions::default()))
}

/// Subscriber 0 has AKMA and a routing indicator, 1 AKMA and none, the one with EAP-AKA' AKMA; the others have none.
fn allow(store: &SubscriberStore) {
    for (index, indicator) in [(0, Some("12")), (1, None), (EAP_ONLY, Some("7"))] {
        let mut changed = store.subscriber(&supi(index)).unwrap().unwrap();
        changed.subscription.akma_allowed = true;
        changed.subscription.routing_indicator = indicator.map(|indicator| indicator.parse().unwrap());
        store.put_many([&changed]).unwrap();
    }
}

pub(crate) fn home(on: On, link: Link, change: impl FnOnce(&mut Setup)) -> Home {
    let home = Home::start_at(on, link, change);
    allow(&home.store);
    home
}

pub(crate) fn akma(home: &Home) -> &Arc<Akma> {
    home.ausf().ausf().unwrap().akma().unwrap()
}

/// Ends a server, and waits until nobody listens there.
async fn gone(address: std::net::SocketAddr, end: &Shutdown) {
    end.begin();
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: impl Fn() -> bool) {
    for _ in 0..1000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never is");
}

/// What the UE would call its key, and the key.
pub(crate) fn of_ue(index: u64, k_ausf: &KAusf, indicator: &str) -> Said {
    let supi = supi(index);
    let realm = HomeRealm::new(plmn(), None);
    let a_kid = AKid::new(indicator.parse().unwrap(), &k_ausf.a_tid(&supi), realm);
    let key = *k_ausf.k_akma(&supi).expose_to_aanf();
    Said::Registered(supi, a_kid, key)
}

async fn challenged(seaf: &AusfClient, index: u64) -> (Challenge, KAusf, kaskade_keys::fivegs::ResStar) {
    let challenge = seaf.authenticate(supi(index), snn()).await.unwrap();
    let mut ue = ue(index);
    let at_ue = answer(&mut ue, &challenge);
    (challenge, at_ue.k_ausf, at_ue.res_star)
}

/// 5G AKA of a subscriber by an AMF at 127.0.0.N; K_AUSF of its UE.
pub(crate) async fn five_g_aka(home: &Home, index: u64, n: u8) -> KAusf {
    let seaf = home.seaf_at(n);
    let (challenge, k_ausf, res_star) = challenged(&seaf, index).await;
    let result = seaf.confirm(&challenge.confirmation, Some(&res_star)).await.unwrap();
    assert_eq!(result.expect("authenticated").0, supi(index));
    k_ausf
}

/// EAP-AKA' of the subscriber who has that alone; K_AUSF of its UE.
async fn eap(home: &Home, network: ServingNetworkName) -> Option<KAusf> {
    let subscriber = demo_subscriber(plmn(), 0, EAP_ONLY);
    let usim = Usim::new(&subscriber.keys(), UsimOptions::default());
    let name = "type1.rid0.schid0.userid8@5gc.mnc001.mcc001.3gppnetwork.org";
    let name = PeerName::FiveGs(subscriber.supi.clone(), name.parse().unwrap());
    let device = EapDevice::new(usim, subscriber.supi, PeerPolicy::five_gs(network.into()), name);
    let mut ue = device.begin(moment());
    let seaf = home.seaf();
    let info = AuthenticationInfo {
        supi_or_suci: supi(EAP_ONLY).into(),
        serving_network_name: network,
        resynchronization_info: None,
    };
    let Begun::Eap(mut request) = seaf.begin(info).await.unwrap() else {
        panic!("another method");
    };
    loop {
        let EapOutcome::Response(response) = ue.packet(&request.packet, moment(), &mut SystemEntropy).kept() else {
            panic!("no answer");
        };
        match seaf.eap(&request.session, Some(response.into())).await.unwrap() {
            EapAnswered::Request(next) => request = next,
            EapAnswered::Success { packet, .. } => {
                let EapOutcome::Success(success) = ue.packet(&packet, moment(), &mut SystemEntropy).kept() else {
                    panic!("no success");
                };
                return success.k_ausf;
            }
            EapAnswered::Failure { .. } => panic!("not authenticated"),
        }
    }
}

/// The UDM says who has AKMA, with the routing indicator that belongs to it, as 3GPP's file describes it.
async fn the_udm_says_who_has_akma_with_a_routing_indicator(on: On) {
    let home = home(on, Link::Http, |_| {});
    let ask = |index: u64| {
        let path = format!(
            "/nudm-ueau/v1/{}/security-information/generate-auth-data",
            supi(index).sbi()
        );
        let body = format!(
            r#"{{"servingNetworkName":"{}","ausfInstanceId":"01020304-0506-4708-890a-0b0c0d0e0f10"}}"#,
            snn().as_str()
        );
        Ask::json("POST", path, body)
    };
    for (index, indicator) in [(0, "12"), (1, "0"), (EAP_ONLY, "7")] {
        let told = send(home.udm_url(), &ask(index)).await.json();
        assert_eq!(
            (&told["akmaInd"], &told["routingId"]),
            (&true.into(), &indicator.into())
        );
    }
    let told = send(home.udm_url(), &ask(2)).await.json();
    assert_eq!((told.get("akmaInd"), told.get("routingId")), (None, None));
    home.shutdown().await;
}

/// Whatever the method and wherever the UDM is, both ends have the same key and name; and who has no AKMA has none.
async fn a_success_brings_the_anchor_key_of_the_ue_to_the_aanf(on: On) {
    for link in [Link::Local, Link::Http] {
        let aanf = Arc::new(Other::default());
        let (address, _end) = aanf.serve(FREE.into());
        let home = home(on, link, |setup| setup.akma = remote(address));
        let first = five_g_aka(&home, 0, 1).await;
        let second = five_g_aka(&home, 1, 1).await;
        five_g_aka(&home, 2, 1).await;
        let by_eap = eap(&home, snn()).await.expect("5GS");
        let mut said = aanf.after(3).await;
        for of_ue in [
            of_ue(0, &first, "12"),
            of_ue(1, &second, "0"),
            of_ue(EAP_ONLY, &by_eap, "7"),
        ] {
            let at = said
                .iter()
                .position(|said| *said == of_ue)
                .unwrap_or_else(|| panic!("{of_ue:?}"));
            let Said::Registered(_, a_kid, _) = said.remove(at) else {
                panic!("removed");
            };
            let Said::Registered(_, at_ue, _) = of_ue else { panic!() };
            assert_eq!(a_kid.routing_indicator(), at_ue.routing_indicator());
        }
        assert_eq!(said, [], "the third has no AKMA");
        until(|| akma(&home).counters().registered.sum() == 3).await;
        assert_eq!(akma(&home).counters().missed.sum(), 0);
        home.shutdown_unchecked().await;
    }
}

/// Neither a challenge nor a wrong answer makes anything known of a key that nobody has yet; nor does what is no 5GS.
async fn without_success_nothing_is_registered(on: On) {
    let aanf = Arc::new(Other::default());
    let (address, _end) = aanf.serve(FREE.into());
    let home = home(on, Link::Local, |setup| setup.akma = remote(address));
    let seaf = home.seaf();
    let (challenge, _, res_star) = challenged(&seaf, 0).await;
    let mut wrong = *res_star.expose_to_ausf();
    wrong[0] ^= 1;
    let wrong = kaskade_keys::fivegs::ResStar::from_octets(&wrong);
    assert!(
        seaf.confirm(&challenge.confirmation, Some(&wrong))
            .await
            .unwrap()
            .is_none()
    );
    let (challenge, ..) = challenged(&seaf, 0).await;
    assert!(seaf.confirm(&challenge.confirmation, None).await.unwrap().is_none());
    let (challenge, ..) = challenged(&seaf, 1).await;
    seaf.delete(&challenge.confirmation).await.unwrap();
    let records = home.store.records();
    assert_eq!(records.list::<Anchored>(None, 10).await.unwrap(), []);
    assert_eq!(akma(&home).waiting(), 0);
    // What comes now is the first that the AAnF hears.
    let k_ausf = five_g_aka(&home, 0, 1).await;
    assert_eq!(aanf.after(1).await, [of_ue(0, &k_ausf, "12")]);
    drop(records);
    home.shutdown_unchecked().await;
}

/// Nobody waits for an AAnF that is away, and it hears of all that matters when it is back: of each subscriber the newest.
async fn an_aanf_that_is_away_delays_nothing_and_loses_nothing(on: On) {
    let aanf = Arc::new(Other::default());
    let (address, end) = aanf.serve(FREE.into());
    gone(address, &end).await;
    let home = home(on, Link::Local, |setup| setup.akma = remote(address));
    let begun = std::time::Instant::now();
    let mut last = five_g_aka(&home, 0, 1).await;
    for _ in 0..3 {
        last = five_g_aka(&home, 0, 1).await;
    }
    let other = five_g_aka(&home, 1, 1).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // Time to fail.
    until(|| akma(&home).counters().later.sum() > 0).await;
    assert!(akma(&home).waiting() >= 2);
    let (_, _end) = aanf.serve(address);
    let said = aanf.after(2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(aanf.said.lock().unwrap().len(), 2, "{said:?}");
    assert!(
        said.contains(&of_ue(0, &last, "12")) && said.contains(&of_ue(1, &other, "0")),
        "{said:?}"
    );
    home.shutdown_unchecked().await;
}

/// As after `kill -9`: what the SEAF was told of is durable, and the AAnF hears it from the next start.
async fn an_anchor_key_survives_a_restart(on: On) {
    let aanf = Arc::new(Other::default());
    let (address, end) = aanf.serve(FREE.into());
    gone(address, &end).await;
    let home = home(on, Link::Local, |setup| setup.akma = remote(address));
    let k_ausf = five_g_aka(&home, 0, 1).await;
    // What the SEAF was told of is durable by now, and so it is after a try that failed.
    let at_once = home.engine.copy();
    until(|| akma(&home).counters().later.sum() > 0).await;
    home.store.settle().unwrap();
    let copies = [at_once, home.engine.copy()];
    home.shutdown_unchecked().await;
    let (_, _end) = aanf.serve(address);
    for (told, copy) in copies.into_iter().enumerate() {
        let after = Home::start_over(opened(&copy), |setup| setup.akma = remote(address));
        assert_eq!(aanf.after(told + 1).await[told], of_ue(0, &k_ausf, "12"));
        after.shutdown_unchecked().await;
    }
}

/// A store that cannot keep the anchor key costs AKMA, not the authentication.
async fn where_the_store_is_full_the_authentication_stands_without_akma(on: On) {
    let kept = Kept::new(on);
    let aanf = Arc::new(Other::default());
    let (address, _end) = aanf.serve(FREE.into());
    let home = Home::start_over(filled(&kept), |setup| setup.akma = remote(address));
    allow(&home.store);
    let seaf = home.seaf();
    let (challenge, _, res_star) = challenged(&seaf, 0).await;
    kept.fail(Failure::Full);
    let result = seaf.confirm(&challenge.confirmation, Some(&res_star)).await.unwrap();
    assert_eq!(result.expect("authenticated").0, supi(0));
    assert_eq!(akma(&home).counters().missed.sum(), 1);
    kept.fail(Failure::Never);
    // The store tries its disk again after a while.
    let mut last = None;
    for missed in 1.. {
        assert!(missed < 100);
        last = Some(five_g_aka(&home, 0, 1).await);
        if akma(&home).counters().missed.sum() == missed {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(aanf.after(1).await, [of_ue(0, &last.unwrap(), "12")]);
    home.shutdown_unchecked().await;
}

/// An AAnF that refuses one subscriber's key hears it again, and the keys of others at once.
async fn what_the_aanf_refuses_is_kept_and_delays_no_other(on: On) {
    let aanf = Arc::new(Other::default());
    let (address, _end) = aanf.serve(FREE.into());
    let home = home(on, Link::Local, |setup| setup.akma = remote(address));
    *aanf.refuses.lock().unwrap() = Some(Refusal::PeerNotAuthorized);
    five_g_aka(&home, 0, 1).await;
    until(|| akma(&home).counters().later.sum() > 0).await;
    *aanf.refuses.lock().unwrap() = None;
    let k_ausf = five_g_aka(&home, 1, 1).await;
    assert_eq!(aanf.after(1).await, [of_ue(1, &k_ausf, "0")]);
    // Five minutes later it is told.
    until(|| akma(&home).waiting() == 1).await;
    home.shutdown_unchecked().await;
}

/// What ends ends at the AAnF, in its place between what was registered before and after.
async fn whoever_had_a_user_authenticated_ends_its_anchor_key_and_nobody_else_does(on: On) {
    let aanf = Arc::new(Other::default());
    let (address, _end) = aanf.serve(FREE.into());
    let home = home(on, Link::Local, |setup| setup.akma = remote(address));
    five_g_aka(&home, 0, 1).await;
    let k_ausf = five_g_aka(&home, 0, 9).await;
    // What the first AMF had is forgotten, and is not what there is.
    home.seaf_at(1).deregister(&supi(0)).await.unwrap();
    let records = home.store.records();
    assert_eq!(records.list::<Anchored>(None, 10).await.unwrap().len(), 1);
    home.seaf_at(9).deregister(&supi(0)).await.unwrap();
    let again = five_g_aka(&home, 0, 9).await;
    until(|| akma(&home).waiting() == 0).await;
    let said = aanf.said.lock().unwrap().clone();
    assert_eq!(said.last(), Some(&of_ue(0, &again, "12")), "{said:?}");
    if let Some(removed) = said.iter().position(|said| *said == Said::Removed(supi(0))) {
        assert!(
            said.iter().skip(removed).all(|said| *said != of_ue(0, &k_ausf, "12")),
            "{said:?}"
        );
    }
    // And so it is where the result is taken back.
    let seaf = home.seaf_at(1);
    let (challenge, _, res_star) = challenged(&seaf, 1).await;
    seaf.confirm(&challenge.confirmation, Some(&res_star)).await.unwrap();
    seaf.delete(&challenge.confirmation).await.unwrap();
    until(|| aanf.said.lock().unwrap().last() == Some(&Said::Removed(supi(1)))).await;
    assert_eq!(aanf.said.lock().unwrap().last(), Some(&Said::Removed(supi(1))));
    drop(records);
    home.shutdown_unchecked().await;
}

/// A subscriber who has AKMA no more has no anchor key either: after the next authentication, and without one.
async fn whoever_has_no_akma_any_more_has_no_anchor_key(on: On) {
    let aanf = Arc::new(Other::default());
    let (address, _end) = aanf.serve(FREE.into());
    let home = home(on, Link::Local, |setup| setup.akma = remote(address));
    let disallow = |index| {
        let mut changed = home.store.subscriber(&supi(index)).unwrap().unwrap();
        changed.subscription.akma_allowed = false;
        home.store.put_many([&changed]).unwrap();
    };
    five_g_aka(&home, 0, 1).await;
    aanf.after(1).await;
    disallow(0);
    five_g_aka(&home, 0, 1).await;
    assert_eq!(aanf.after(2).await.last(), Some(&Said::Removed(supi(0))));
    // While it is authenticated: what is registered by then ends again.
    let seaf = home.seaf();
    let (challenge, _, res_star) = challenged(&seaf, 1).await;
    disallow(1);
    seaf.confirm(&challenge.confirmation, Some(&res_star)).await.unwrap();
    let records = home.store.records();
    assert_eq!(records.list::<Anchored>(None, 10).await.unwrap(), []);
    drop(records);
    home.shutdown_unchecked().await;
}

/// Somebody takes AKMA away, or the subscriber, while no AUSF runs.
async fn what_was_taken_away_while_nobody_ran_ends_with_the_next_start(on: On) {
    let aanf = Arc::new(Other::default());
    let (address, _end) = aanf.serve(FREE.into());
    let home = home(on, Link::Local, |setup| setup.akma = remote(address));
    for index in [0, 1, EAP_ONLY] {
        match index {
            EAP_ONLY => drop(eap(&home, snn()).await),
            index => drop(five_g_aka(&home, index, 1).await),
        }
    }
    aanf.after(3).await;
    until(|| akma(&home).waiting() == 0).await;
    home.store.settle().unwrap();
    let copy = home.engine.copy();
    home.shutdown_unchecked().await;
    let store = opened(&copy);
    let mut changed = store.subscriber(&supi(0)).unwrap().unwrap();
    changed.subscription.akma_allowed = false;
    store.put_many([&changed]).unwrap();
    store.remove(&supi(1)).unwrap();
    let after = Home::start_over(store, |setup| setup.akma = remote(address));
    let said = aanf.after(5).await;
    let mut removed: Vec<_> = said[3..].to_vec();
    removed.sort_by_key(|said| format!("{said:?}"));
    assert_eq!(removed, [Said::Removed(supi(0)), Said::Removed(supi(1))]);
    let left = after.store.records().list::<Anchored>(None, 10).await.unwrap();
    assert_eq!(
        left.into_iter().map(|found| found.key).collect::<Vec<_>>(),
        [supi(EAP_ONLY)]
    );
    after.shutdown_unchecked().await;
}

/// The AAnF of the same node, which needs to know no AUSF.
async fn the_aanf_of_the_same_node_is_told_without_a_way(on: On) {
    let home = home(on, Link::Local, |setup| {
        setup.aanf = Some(AanfOptions::default());
        setup.akma = Some(PeerAt::OfThisNode);
    });
    five_g_aka(&home, 0, 1).await;
    let counters = home.udm.aanf().unwrap().counters();
    until(|| counters.registered.sum() == 1).await;
    assert_eq!(counters.registered.sum(), 1);
    assert_eq!(akma(&home).waiting(), 0);
    // Whoever administers ends it for whomever.
    let records = home.store.records();
    assert!(end_anchor_key(&records, &supi(0), None).await.unwrap());
    assert!(!end_anchor_key(&records, &supi(0), None).await.unwrap());
    until(|| akma(&home).counters().removed.sum() == 1).await;
    assert_eq!(akma(&home).counters().removed.sum(), 1);
    assert_eq!(records.outbox().count(&TO_AANF).waiting, 0);
    drop(records);
    home.shutdown_unchecked().await;
}

/// Roaming, the SUCI says in which home network its subscriber is; without it nobody does, and there is no A-KID.
async fn abroad_the_suci_says_the_home_network(on: On) {
    let aanf = Arc::new(Other::default());
    let (address, _end) = aanf.serve(FREE.into());
    let abroad = ServingNetworkName::new("310-410".parse().unwrap(), None);
    let home = home(on, Link::Local, |setup| {
        setup.akma = remote(address);
        let policy = kaskade_net::role::policy::ServingNetworkPolicy::any();
        setup.udm.serving_networks = policy.clone();
        setup.ausf.serving_networks = policy;
    });
    let seaf = home.seaf();
    for (who, missed) in [
        (suci(0, 1).into(), 0),
        (kaskade_codec::sbi::SupiOrSuci::Supi(supi(0)), 1),
    ] {
        let challenge = seaf.authenticate(who, abroad).await.unwrap();
        let mut ue = ue(0);
        let (rand, autn) = (&challenge.se_av.rand, &challenge.se_av.autn);
        let at_ue = ue.challenge(rand, autn, &abroad, &kaskade_keys::Abba::INITIAL).unwrap();
        seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star))
            .await
            .unwrap();
        assert_eq!(akma(&home).counters().missed.sum(), missed);
        if missed == 0 {
            assert_eq!(aanf.after(1).await, [of_ue(0, &at_ue.k_ausf, "12")]);
        }
    }
    // The key of before is not the UE's any more.
    assert_eq!(aanf.after(2).await.last(), Some(&Said::Removed(supi(0))));
    home.shutdown_unchecked().await;
}

kaskade_testkit::over_each_engine!(async
    the_udm_says_who_has_akma_with_a_routing_indicator,
    a_success_brings_the_anchor_key_of_the_ue_to_the_aanf,
    without_success_nothing_is_registered,
    an_aanf_that_is_away_delays_nothing_and_loses_nothing,
    an_anchor_key_survives_a_restart,
    where_the_store_is_full_the_authentication_stands_without_akma,
    what_the_aanf_refuses_is_kept_and_delays_no_other,
    whoever_had_a_user_authenticated_ends_its_anchor_key_and_nobody_else_does,
    whoever_has_no_akma_any_more_has_no_anchor_key,
    what_was_taken_away_while_nobody_ran_ends_with_the_next_start,
    the_aanf_of_the_same_node_is_told_without_a_way,
    abroad_the_suci_says_the_home_network,
);
