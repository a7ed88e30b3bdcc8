//! A request that is cancelled in the middle, as when its stream is reset, loses no result; nor does a UDM that cannot be reached.

use std::time::Duration;

use kaskade_keys::Abba;
use kaskade_net::role::ausf::{AusfError, ContextId};
use kaskade_net::sbi::model::SupiOrSuci;
use kaskade_net::sbi::model::nausf::AuthenticationInfo;
use kaskade_net::sbi::peer::Requester;

use crate::common::{Home, Link, snn, supi, ue};

/// Begins something, and drops it as soon as it waits for the UDM.
async fn cancelled<T>(work: impl Future<Output = T>) {
    let ended = tokio::select! {
        biased;
        _ = work => true,
        () = std::future::ready(()) => false,
    };
    assert!(!ended, "it had nothing to wait for");
}

async fn begun(home: &Home, amf: &Requester) -> (ContextId, kaskade_keys::fivegs::ResStar) {
    let info = AuthenticationInfo {
        supi_or_suci: SupiOrSuci::Supi(supi(0)),
        serving_network_name: snn(),
        resynchronization_info: None,
    };
    let (id, se_av) = home.ausf().ausf().unwrap().authenticate(amf, info).await.unwrap();
    let answer = ue(0)
        .challenge(&se_av.rand, &se_av.autn, &snn(), &Abba::INITIAL)
        .unwrap();
    (id, answer.res_star)
}

#[tokio::test]
async fn a_cancelled_request_loses_no_result() {
    let (home, amf) = (Home::start(Link::Http), Requester::group("amf"));
    let (ausf, udm) = (home.ausf().ausf().unwrap(), home.udm.udm().unwrap());
    let (id, res_star) = begun(&home, &amf).await;
    cancelled(ausf.confirm(&amf, id, Some(&res_star))).await;
    for _ in 0..500 {
        if ausf.results() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((ausf.results(), udm.auth_events(&supi(0)).len()), (1, 1));
    cancelled(ausf.delete(&amf, id)).await;
    ausf.delete(&amf, id).await.unwrap();
    assert_eq!((ausf.results(), udm.auth_events(&supi(0)).len()), (0, 0));
    assert!(matches!(ausf.delete(&amf, id).await, Err(AusfError::UnknownContext)));
}

#[tokio::test]
async fn a_result_stays_while_the_udm_cannot_be_told() {
    let (home, amf) = (Home::start(Link::Http), Requester::group("amf"));
    let (id, res_star) = begun(&home, &amf).await;
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
