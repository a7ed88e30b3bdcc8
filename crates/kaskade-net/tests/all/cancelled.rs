//! A request that is cancelled in the middle, as when its stream is reset, loses no result; nor does a UDM that cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use kaskade_codec::sbi::nausf_auth::AuthenticationInfo;
use kaskade_codec::sbi::{NfInstanceId, SupiOrSuci};
use kaskade_keys::Abba;
use kaskade_net::live::Live;
use kaskade_net::node::{AusfRole, Node, NodeOptions, RemoteUdm};
use kaskade_net::role::ausf::{Ausf, AusfError, AusfOptions, Challenge, ContextId, ContextLimits, Outcome};
use kaskade_net::role::policy::ServingNetworkPolicy;
use kaskade_net::role::udm::Udm;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::message::Request;
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::{Handler, ServerOptions, Shutdown, bind, serve};
use kaskade_net::sbi::service::{Caller, Replying, Routes};
use tokio::sync::watch;

use crate::common::{Home, Link, plmn, snn, supi, ue};

/// Begins something, and drops it as soon as it waits for the UDM.
pub(crate) async fn cancelled<T>(work: impl Future<Output = T>) {
    assert!(is_cancelled(work).await, "it had nothing to wait for");
}

/// The same of what a disk may be faster than: whether there was something to wait for.
pub(crate) async fn is_cancelled<T>(work: impl Future<Output = T>) -> bool {
    tokio::select! {
        biased;
        _ = work => false,
        () = std::future::ready(()) => true,
    }
}

pub(crate) async fn begun(ausf: &Ausf, amf: &Caller) -> (ContextId, kaskade_keys::fivegs::ResStar) {
    let info = AuthenticationInfo {
        supi_or_suci: SupiOrSuci::Supi(supi(0)),
        serving_network_name: snn(),
        resynchronization_info: None,
    };
    let (id, se_av) = ausf.authenticate(amf, info).await.unwrap();
    let Challenge::FiveGAka(se_av) = se_av.release_to_peer() else {
        panic!("another method");
    };
    let answer = ue(0)
        .challenge(&se_av.rand, &se_av.autn, &snn(), &Abba::INITIAL)
        .unwrap();
    (id, answer.res_star)
}

#[tokio::test]
async fn a_cancelled_request_loses_no_result() {
    let (home, amf) = (Home::start(Link::Http), Caller::new(Requester::group("amf")));
    let (ausf, udm) = (home.ausf().ausf().unwrap(), home.udm.udm().unwrap());
    let (id, res_star) = begun(ausf, &amf).await;
    cancelled(ausf.confirm(&amf, id, Some(&res_star))).await;
    for _ in 0..500 {
        if ausf.results() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((ausf.results(), udm.auth_events(&supi(0)).len()), (1, 1));
    cancelled(ausf.delete(&amf, id)).await;
    for _ in 0..500 {
        if ausf.results() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((ausf.results(), udm.auth_events(&supi(0)).len()), (0, 0));
    assert!(matches!(ausf.delete(&amf, id).await, Err(AusfError::UnknownContext)));
}

#[tokio::test]
async fn a_result_stays_while_the_udm_cannot_be_told() {
    let (home, amf) = (Home::start(Link::Http), Caller::new(Requester::group("amf")));
    let (id, res_star) = begun(home.ausf().ausf().unwrap(), &amf).await;
    let confirmed = home.ausf().ausf().unwrap().confirm(&amf, id, Some(&res_star)).await;
    confirmed.unwrap();
    let node = home.stop_udm().await;
    let ausf = node.ausf().unwrap();
    for _ in 0..2 {
        let told = ausf.delete(&amf, id).await;
        assert!(matches!(told, Err(AusfError::Udm(_))), "{told:?}");
    }
    assert_eq!(ausf.results(), 1);
}

/// A UDM whose answers about reports are held back after it did what it was asked.
struct Slow {
    udm: Routes,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    holds: bool,
    /// Reports that it took or removed.
    did: usize,
}

impl Handler for Slow {
    fn handle(&self, request: Request) -> Replying<'_> {
        Box::pin(async move {
            let of_report = request.path().contains("auth-events");
            let reply = self.udm.handle(request).await;
            if of_report {
                self.state.send_modify(|state| state.did += 1);
                let released = self.state.subscribe().wait_for(|state| !state.holds).await.map(|_| ());
                released.unwrap();
            }
            reply
        })
    }
}

/// An AUSF in front of such a UDM.
pub(crate) struct Between {
    home: Home,
    pub(crate) node: Node,
    state: watch::Sender<State>,
    pub(crate) amf: Caller,
}

impl Between {
    fn start(timeout: Duration) -> Self {
        Self::with(timeout, ContextLimits::default())
    }

    pub(crate) fn with(timeout: Duration, contexts: ContextLimits) -> Self {
        let home = Home::start(Link::Http);
        let state = watch::Sender::new(State::default());
        let slow = Slow {
            udm: Routes::new(Live::default()).with(home.udm.udm().unwrap().api()),
            state: state.clone(),
        };
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(
            listener,
            Arc::new(slow),
            ServerOptions::default(),
            Shutdown::new(),
        ));
        let mut options = ClientOptions::default();
        options.timeout = timeout;
        let policy = ServingNetworkPolicy::plmns([plmn()]);
        let mut ausf = AusfOptions::new(NfInstanceId::from_random([1; 16]), policy);
        ausf.contexts = contexts;
        let node = Node::start(NodeOptions {
            ausf: Some(AusfRole {
                options: ausf,
                listen: ([127, 0, 0, 1], 0).into(),
                server: ServerOptions::default(),
                udm: Some(RemoteUdm { url, options }),
                akma: None,
            }),
            ..NodeOptions::default()
        });
        Self {
            home,
            node: node.unwrap(),
            state,
            amf: Caller::new(Requester::group("amf")),
        }
    }

    pub(crate) fn ausf(&self) -> &Arc<Ausf> {
        self.node.ausf().unwrap()
    }

    fn udm(&self) -> &Arc<Udm> {
        self.home.udm.udm().unwrap()
    }

    pub(crate) fn hold(&self, holds: bool) {
        self.state.send_modify(|state| state.holds = holds);
    }

    /// Results in the AUSF, and reports in the UDM.
    pub(crate) fn kept(&self) -> (usize, usize) {
        (self.ausf().results(), self.udm().auth_events(&supi(0)).len())
    }

    /// Waits until the UDM has taken or removed so many reports.
    pub(crate) async fn told(&self, reports: usize) {
        let mut state = self.state.subscribe();
        drop(state.wait_for(|state| state.did >= reports).await.unwrap());
    }

    /// Waits until this many results are kept, and no message is in work.
    pub(crate) async fn settled(&self, results: usize) {
        for _ in 0..500 {
            if (self.ausf().results(), self.ausf().pending()) == (results, 0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!(
            "{} results and {} contexts",
            self.ausf().results(),
            self.ausf().pending()
        );
    }

    /// Drops something when the UDM has done its part, and before its answer comes.
    pub(crate) async fn dropped_when_done<T: std::fmt::Debug>(&self, work: impl Future<Output = T>) {
        let mut state = self.state.subscribe();
        let before = state.borrow().did;
        tokio::select! {
            ended = work => unreachable!("the answer is held back: {ended:?}"),
            done = state.wait_for(|state| state.did > before) => drop(done.unwrap()),
        }
    }
}

const SHORT: Duration = Duration::from_millis(300);
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The UDM has removed a report, and the AUSF does not hear of it: the second try finds nothing there, and is done.
#[tokio::test]
async fn a_removal_whose_answer_is_lost_is_done_at_the_second_try() {
    let between = Between::start(SHORT);
    let (ausf, amf) = (between.ausf(), &between.amf);
    let (id, res_star) = begun(ausf, amf).await;
    ausf.confirm(amf, id, Some(&res_star)).await.unwrap();
    assert_eq!(between.kept(), (1, 1));
    between.hold(true);
    let told = ausf.delete(amf, id).await;
    assert!(matches!(told, Err(AusfError::Udm(_))), "{told:?}");
    assert_eq!(between.kept(), (1, 0), "the UDM did it, and the AUSF does not know");
    between.hold(false);
    ausf.delete(amf, id).await.unwrap();
    assert_eq!(between.kept(), (0, 0));
    assert!(matches!(ausf.delete(amf, id).await, Err(AusfError::UnknownContext)));
}

/// The request is gone while the UDM removes its report: that is done all the same.
#[tokio::test]
async fn a_removal_that_is_cancelled_is_done() {
    let between = Between::start(LONG);
    let (ausf, amf) = (between.ausf(), &between.amf);
    let (id, res_star) = begun(ausf, amf).await;
    ausf.confirm(amf, id, Some(&res_star)).await.unwrap();
    between.hold(true);
    between.dropped_when_done(ausf.delete(amf, id)).await;
    assert_eq!(between.kept(), (1, 0));
    assert!(matches!(ausf.delete(amf, id).await, Err(AusfError::InWork)));
    between.hold(false);
    between.settled(0).await;
    assert!(matches!(ausf.delete(amf, id).await, Err(AusfError::UnknownContext)));
}

/// The UDM has taken a report, and the AUSF does not hear where it is: it cannot be taken back there, and is over with its
/// lifetime.
#[tokio::test]
async fn a_report_whose_location_is_lost_stays_in_the_udm() {
    let between = Between::start(SHORT);
    let (ausf, amf) = (between.ausf(), &between.amf);
    let (id, res_star) = begun(ausf, amf).await;
    between.hold(true);
    let outcome = ausf.confirm(amf, id, Some(&res_star)).await.unwrap();
    assert!(matches!(outcome, Outcome::Authenticated { .. }), "{outcome:?}");
    assert_eq!(between.kept(), (1, 1));
    between.hold(false);
    ausf.delete(amf, id).await.unwrap();
    assert_eq!(between.kept(), (0, 1));
}

/// The request is gone when the UDM has taken its report: where that is, is kept all the same.
#[tokio::test]
async fn a_request_that_is_cancelled_while_the_udm_answers_loses_no_location() {
    let between = Between::start(LONG);
    let (ausf, amf) = (between.ausf(), &between.amf);
    let (id, res_star) = begun(ausf, amf).await;
    between.hold(true);
    between.dropped_when_done(ausf.confirm(amf, id, Some(&res_star))).await;
    assert_eq!(between.kept(), (0, 1));
    between.hold(false);
    between.settled(1).await;
    ausf.delete(amf, id).await.unwrap();
    assert_eq!(between.kept(), (0, 0));
}

/// A report that nobody waits for any more is waited for at the end.
#[tokio::test]
async fn a_shutdown_waits_for_what_the_udm_is_being_told() {
    let between = Between::start(LONG);
    let (id, res_star) = begun(between.ausf(), &between.amf).await;
    between.hold(true);
    let confirmed = between.ausf().confirm(&between.amf, id, Some(&res_star));
    between.dropped_when_done(confirmed).await;
    let Between { home, node, state, .. } = between;
    let ausf = node.ausf().unwrap().clone();
    let end = async {
        node.shutdown().await;
        ausf.results()
    };
    let release = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        state.send_modify(|state| state.holds = false);
    };
    let (results, ()) = tokio::join!(end, release);
    assert_eq!(results, 1);
    assert_eq!(home.udm.udm().unwrap().auth_events(&supi(0)).len(), 1);
}
