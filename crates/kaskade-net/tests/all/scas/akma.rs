//! The AAnF (TS 33.537).

use kaskade_keys::AKid;

use super::net::{INSIDE, Net, a_kid, until};
use crate::common::supi;

/// Test A of the case: of each user the AAnF has the newest anchor key alone.
#[tokio::test]
async fn tc_akma_key_storage_update() {
    let net = Net::start();
    let ausf = net.ausf(net.aanf_url(), net.pki.client(Some("ausf")));
    let key = async |a_kid: &AKid| {
        let told = net
            .application_key(net.aanf_url(), net.pki.client(Some("af")), a_kid)
            .await;
        told.unwrap().map(|told| told.k_af)
    };
    // 1, 2: the first authentication, and a key of it.
    let first = net.authenticated(&ausf, 0).await;
    until("the first anchor key", || net.registered() == 1).await;
    let first_a_kid = a_kid(&first, 0);
    let k_af_1 = key(&first_a_kid).await.expect("a key");
    // Of somebody else there is one too, which is not concerned.
    let other = net.authenticated(&ausf, 1).await;
    until("that of another", || net.registered() == 2).await;
    let k_af_of_another = key(&a_kid(&other, 1)).await.expect("a key");
    // 3: the second one.
    let second = net.authenticated(&ausf, 0).await;
    until("the second anchor key", || net.registered() == 3).await;
    let second_a_kid = a_kid(&second, 0);
    assert_ne!(first_a_kid, second_a_kid);
    // 4: the first A-KID is unknown. TS 29.535 5.1.6.3.2.2 answers 204 to what 33.537 calls an error message.
    assert!(key(&first_a_kid).await.is_none());
    // 5: another key than before, and the one of the UE.
    let k_af_2 = key(&second_a_kid).await.expect("a key");
    assert_ne!(k_af_1, k_af_2);
    assert_eq!(k_af_2, second.k_akma(&supi(0)).k_af(&INSIDE.parse().unwrap()));
    assert_eq!(k_af_1, first.k_akma(&supi(0)).k_af(&INSIDE.parse().unwrap()));
    // Nor does one context remain beside another: that of whoever was not authenticated again is as before.
    assert_eq!(key(&a_kid(&other, 1)).await, Some(k_af_of_another));
    assert_eq!(key(&second_a_kid).await, Some(k_af_2));
    assert!(key(&first_a_kid).await.is_none());
    ausf.shutdown().await;
    net.shutdown().await;
}
