//! The NEF asks the AAnF to which the NRF sends it.

use super::*;
use crate::discovery::Nrf;

#[tokio::test]
async fn a_nef_finds_the_aanf_of_an_a_kid_at_the_nrf() {
    let shutdown = Shutdown::new();
    let (of_zero, of_others) = (anchor(), anchor());
    let (nrf, at) = Nrf::start();
    nrf.knows(&[
        (&served(&of_zero, &shutdown), &["0"]),
        (&served(&of_others, &shutdown), &["17", "18"]),
    ]);
    let node = start(&anchor(), None, |setup| {
        setup.aanfs = vec![aanf("found", AanfAt::ByNrf(client_options()))];
        setup.nrf = Some(at);
    });
    let token = token_for(&node, "video", 1, None).await;
    for _ in 0..3 {
        let told = ask(&node, &request(AF_ID, &[]), Some(&token)).await;
        assert_eq!(told.status, 200, "{told:?}");
    }
    let other = A_KID.replace("rid0", "rid18");
    let told = ask(&node, &request(AF_ID, &[("aKId", other.into())]), Some(&token)).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!((of_zero.asked().len(), of_others.asked().len()), (3, 1));
    // Whoever makes up a routing indicator has no key, as with any other A-KID that nobody knows.
    let nobody = A_KID.replace("rid0", "rid9999");
    let told = ask(&node, &request(AF_ID, &[("aKId", nobody.into())]), Some(&token)).await;
    assert_eq!(told.status, 204, "{told:?}");
    let query = "target-nf-type=AANF&requester-nf-type=NEF&service-names=naanf-akma&routing-indicator";
    assert_eq!(
        nrf.asked(),
        ["0", "18", "9999"].map(|indicator| format!("{query}={indicator}"))
    );
    // An NRF that says nothing is a failure of the operator's.
    nrf.is_away();
    let told = ask(
        &node,
        &request(AF_ID, &[("aKId", A_KID.replace("rid0", "rid5").into())]),
        Some(&token),
    )
    .await;
    assert_eq!(told.status, 504, "{told:?}");
    node.shutdown().await;
    shutdown.begin();
}
