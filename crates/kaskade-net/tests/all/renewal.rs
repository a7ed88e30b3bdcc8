//! A node takes over policy, groups, keys and certificates while it runs, and its figures say what it did.

use std::net::SocketAddr;
use std::sync::Arc;

use kaskade_codec::sbi::NfInstanceId;
use kaskade_flow::Refusal;
use kaskade_keys::{HnKeyId, Plmn, ServingNetworkName};
use kaskade_net::node::{AusfRole, Node, NodeError, NodeOptions, UdmRole};
use kaskade_net::role::ausf::AusfOptions;
use kaskade_net::role::policy::{Groups, ServingNetworkPolicy};
use kaskade_net::role::seaf::AusfClient;
use kaskade_net::role::udm::{HnKeyRing, UdmOptions};
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::server::ServerOptions;
use kaskade_net::sbi::tls::ServerTls;
use kaskade_store::SubscriberStore;

use crate::common::{Home, Link, hn_key, plmn, snn, suci, supi};
use crate::tls::Pki;

/// A UDM and an AUSF for these networks.
fn options(store: &Arc<SubscriberStore>, networks: &[Plmn], keys: &[u8], tls: Option<ServerTls>) -> NodeOptions {
    let free: SocketAddr = ([127, 0, 0, 1], 0).into();
    let policy = ServingNetworkPolicy::plmns(networks.iter().copied());
    let mut server = ServerOptions::default();
    server.tls = tls;
    let mut options = NodeOptions::default();
    options.udm = Some(UdmRole {
        store: store.clone(),
        options: UdmOptions {
            hn_keys: HnKeyRing::from_iter(keys.iter().map(|id| (HnKeyId(*id), hn_key(*id)))),
            serving_networks: policy.clone(),
            ..UdmOptions::default()
        },
        uecm: None,
        listen: Some(free),
        server: server.clone(),
    });
    options.ausf = Some(AusfRole {
        options: AusfOptions::new(NfInstanceId::from_random([0xA5; 16]), policy),
        listen: free,
        server,
        udm: None,
        akma: None,
    });
    options
}

#[tokio::test]
async fn a_node_takes_over_all_or_nothing() {
    let home = Home::start(Link::Local);
    let store = home.store.clone();
    home.shutdown_unchecked().await;
    let other = Plmn::new("310", "410").unwrap();
    let abroad = ServingNetworkName::new(other, None);
    let node = Node::start(options(&store, &[plmn()], &[1], None)).unwrap();
    let seaf = AusfClient::new(node.ausf_url().unwrap(), ClientOptions::default()).unwrap();
    seaf.authenticate(supi(0), snn()).await.unwrap();
    seaf.authenticate(supi(0), abroad).await.unwrap_err();
    seaf.authenticate(suci(0, 1), snn()).await.unwrap();
    seaf.authenticate(suci(0, 2), snn()).await.unwrap_err();

    node.renew(&options(&store, &[plmn(), other], &[2], None)).unwrap();
    seaf.authenticate(supi(0), abroad).await.unwrap();
    seaf.authenticate(suci(0, 2), snn()).await.unwrap();
    seaf.authenticate(suci(0, 1), snn()).await.unwrap_err();

    // TLS does not begin so, and then nothing else changes.
    let tls = Pki::new().server(false);
    let refused = node.renew(&options(&store, &[plmn()], &[1], Some(tls))).unwrap_err();
    assert!(matches!(refused, NodeError::Fixed("TLS of the UDM")), "{refused}");
    let mut without = options(&store, &[plmn()], &[1], None);
    without.udm = None;
    assert!(matches!(node.renew(&without).unwrap_err(), NodeError::Fixed("the UDM")));
    let mut grouped = options(&store, &[plmn()], &[1], None);
    grouped.groups = Groups::default().with("all", ["127.0.0.1".parse().unwrap()]);
    grouped.ausf = None;
    assert!(matches!(
        node.renew(&grouped).unwrap_err(),
        NodeError::Fixed("the AUSF")
    ));
    seaf.authenticate(supi(0), abroad).await.unwrap();
    seaf.authenticate(suci(0, 1), snn()).await.unwrap_err();
    node.shutdown().await;
}

#[tokio::test]
async fn what_a_node_does_is_counted_where_it_happens() {
    let home = Home::start(Link::Local);
    let watch = home.ausf().watch();
    let seaf = home.seaf();
    let good = seaf.authenticate(supi(0), snn()).await.unwrap();
    seaf.authenticate(supi(1), snn()).await.unwrap();
    seaf.authenticate(supi(999), snn()).await.unwrap_err();
    assert!(seaf.confirm(&good.confirmation, None).await.unwrap().is_none());
    let of = |name: &str| {
        let mut found = watch.apis().iter().flat_map(|api| api.answers());
        let (_, answers) = found.find(|(operation, _)| operation.name == name).unwrap();
        answers.sums().map(|(_, count)| count).collect::<Vec<_>>()
    };
    assert_eq!((of("authenticate"), of("confirm")), (vec![2, 1, 0], vec![1, 0, 0]));
    let told: Vec<_> = watch.refusals().sums().filter(|(_, count)| *count > 0).collect();
    assert_eq!(told, [(Refusal::UserNotFound, 1)]);
    assert_eq!(watch.peers().connections, 1);
    let counters = watch.ausf().unwrap().counters();
    assert_eq!(counters.requests.load(std::sync::atomic::Ordering::Relaxed), 3);
    assert!(!watch.is_stopping());
    home.ausf().retire();
    assert!(watch.is_stopping());
    // It serves until it stops.
    seaf.authenticate(supi(1), snn()).await.unwrap();
    drop(seaf);
    home.shutdown_unchecked().await;
}
