//! UDM and AUSF at one address: one policy, or none of them starts. Nobody is ever served by the rules of the other.

use std::net::SocketAddr;
use std::sync::Arc;

use kaskade_codec::sbi::NfInstanceId;
use kaskade_net::node::{AusfRole, Node, NodeError, NodeOptions, SharedAddress, UdmRole};
use kaskade_net::role::ausf::AusfOptions;
use kaskade_net::role::policy::ServingNetworkPolicy;
use kaskade_net::role::udm::UdmOptions;
use kaskade_net::sbi::client::{ClientError, ClientOptions, SbiClient};
use kaskade_net::sbi::server::{ServerOptions, Shutdown, bind, serve};
use kaskade_net::sbi::tls::{IdentityFiles, ServerTls};
use kaskade_store::{MasterKey, StoreOptions, SubscriberStore};
use kaskade_testkit::memory::MemoryEngine;

use crate::common::{plmn, subscribers};
use crate::tls::Pki;

fn store() -> Arc<SubscriberStore> {
    let master_key = MasterKey::from_octets(&[0x77; 32]);
    let engine = Arc::new(MemoryEngine::default());
    let path = std::path::Path::new("memory");
    let store = SubscriberStore::with_engine(engine, path, &master_key, StoreOptions::default()).unwrap();
    store.put_many(&subscribers()).unwrap();
    Arc::new(store)
}

fn start(udm: (SocketAddr, ServerOptions), ausf: (SocketAddr, ServerOptions)) -> Result<Node, NodeError> {
    let policy = ServingNetworkPolicy::plmns([plmn()]);
    let udm_options = UdmOptions {
        serving_networks: policy.clone(),
        ..UdmOptions::default()
    };
    Node::start(NodeOptions {
        udm: Some(UdmRole {
            store: store(),
            options: udm_options,
            uecm: None,
            listen: Some(udm.0),
            server: udm.1,
        }),
        ausf: Some(AusfRole {
            options: AusfOptions::new(NfInstanceId::from_random([1; 16]), policy),
            listen: ausf.0,
            server: ausf.1,
            udm: None,
            akma: None,
        }),
        ..NodeOptions::default()
    })
}

/// A port that is free now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn options(tls: Option<ServerTls>) -> ServerOptions {
    let mut options = ServerOptions::default();
    options.tls = tls;
    options
}

/// What a stranger gets from the UDM: `None` when it is not let in.
async fn asks_udm(address: SocketAddr, https: bool, client: ClientOptions) -> Option<u16> {
    let scheme = if https { "https" } else { "http" };
    let client = SbiClient::new(&format!("{scheme}://{address}"), client).unwrap();
    let body = r#"{"servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org",
        "ausfInstanceId":"3fa85f64-5717-4562-b3fc-2c963f66afa6"}"#;
    let path = "/nudm-ueau/v1/imsi-001010000000001/security-information/generate-auth-data";
    let answer = client.send(hyper::Method::POST, path, Some(body.into())).await;
    answer.ok().map(|answer| answer.status.as_u16())
}

/// Every pair of policies at one address, over a real socket: a UDM that wants certificates never answers without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_serves_one_policy_or_does_not_start() {
    let (pki, other) = (Pki::new(), Pki::new());
    let tls = |identity: &IdentityFiles, authority: Option<&Pki>| {
        let path = authority.map(|pki| pki.path("ca.pem"));
        Some(ServerTls::new(identity, path.as_deref()).unwrap())
    };
    let (own, foreign) = (pki.identity("server"), other.identity("server"));
    let policies: [(&str, Option<ServerTls>); 5] = [
        ("clear", None),
        ("TLS", tls(&own, None)),
        ("mutual TLS", tls(&own, Some(&pki))),
        ("mutual TLS, another authority", tls(&own, Some(&other))),
        ("mutual TLS, another certificate", tls(&foreign, Some(&pki))),
    ];
    for (udm_name, udm) in &policies {
        for (ausf_name, ausf) in &policies {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let node = start((address, options(udm.clone())), (address, options(ausf.clone())));
            let what = format!("UDM {udm_name}, AUSF {ausf_name}");
            if udm_name != ausf_name {
                assert!(
                    matches!(node, Err(NodeError::Shared(SharedAddress::Policies(at))) if at == address),
                    "{what}: {node:?}"
                );
                assert!(std::net::TcpStream::connect(address).is_err(), "{what}: nobody listens");
                continue;
            }
            let node = node.unwrap();
            assert_eq!(node.udm_url(), node.ausf_url(), "{what}");
            let in_clear = asks_udm(address, false, ClientOptions::default()).await;
            let stranger = asks_udm(address, true, pki.client(None)).await;
            let friend = asks_udm(address, true, pki.client(Some("client"))).await;
            let expected = match *udm_name {
                "clear" => (Some(200), None, None),
                "TLS" => (None, Some(200), Some(200)),
                "mutual TLS" => (None, None, Some(200)),
                _ => (None, None, None),
            };
            assert_eq!((in_clear, stranger, friend), expected, "{what}");
            node.shutdown().await;
        }
    }
    // Equal files read twice are one policy; at two addresses each has its own.
    let twice = || options(tls(&own, Some(&pki)));
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let shared = start((address, twice()), (address, twice())).unwrap();
    assert_eq!(shared.udm_url(), shared.ausf_url());
    shared.shutdown().await;
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let apart = start((free, twice()), (free, options(None))).unwrap();
    let udm: SocketAddr = apart
        .udm_url()
        .unwrap()
        .strip_prefix("https://")
        .unwrap()
        .parse()
        .unwrap();
    let ausf: SocketAddr = apart
        .ausf_url()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(asks_udm(udm, true, pki.client(None)).await, None);
    assert_eq!(asks_udm(udm, true, pki.client(Some("client"))).await, Some(200));
    assert_eq!(
        asks_udm(ausf, false, ClientOptions::default()).await,
        Some(400),
        "no UDM there"
    );
    apart.shutdown().await;
}

#[tokio::test]
async fn everything_about_a_shared_listener_must_be_equal() {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut more = options(None);
    more.limits.max_connections = 7;
    let mut insecure = options(None);
    insecure.insecure_h2c = true;
    for other in [more, insecure] {
        let refused = start((address, options(None)), (address, other)).unwrap_err();
        assert!(
            matches!(refused, NodeError::Shared(SharedAddress::Policies(_))),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn addresses_that_include_one_another_are_refused() {
    let pki = Pki::new();
    let port = free_port();
    let secure = || options(Some(pki.server(true)));
    for (udm, ausf) in [
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"),
        ("[::]", "[::1]"),
        ("[::]", "127.0.0.1"),
        ("0.0.0.0", "[::]"),
        ("[::ffff:127.0.0.1]", "0.0.0.0"),
    ] {
        let at = |host: &str| format!("{host}:{port}").parse::<SocketAddr>().unwrap();
        let refused = start((at(udm), secure()), (at(ausf), secure())).unwrap_err();
        assert!(
            matches!(refused, NodeError::Shared(SharedAddress::Overlap(..))),
            "{udm} {ausf}: {refused}"
        );
    }
    // IPv4 in IPv6 clothes is the same address.
    let (mapped, plain) = (format!("[::ffff:127.0.0.1]:{port}"), format!("127.0.0.1:{port}"));
    let refused = start(
        (mapped.parse().unwrap(), secure()),
        (plain.parse().unwrap(), options(None)),
    )
    .unwrap_err();
    assert!(
        matches!(refused, NodeError::Shared(SharedAddress::Policies(_))),
        "{refused}"
    );
}

#[tokio::test]
async fn clear_text_is_for_the_loopback() {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    for exposed in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
        let exposed: SocketAddr = exposed.parse().unwrap();
        for (udm, ausf, role) in [(exposed, loopback, "UDM"), (loopback, exposed, "AUSF")] {
            let refused = start((udm, options(None)), (ausf, options(None))).unwrap_err();
            assert!(
                matches!(refused, NodeError::ClearText { role: whose, address } if whose == role && address == exposed),
                "{refused}"
            );
            let mut allowed = options(None);
            allowed.insecure_h2c = true;
            let both = start((udm, allowed.clone()), (ausf, allowed)).unwrap();
            both.shutdown().await;
        }
    }
    // A listener by itself asks the same.
    struct Nothing;
    impl kaskade_net::sbi::server::Handler for Nothing {
        fn handle(&self, _: kaskade_net::sbi::message::Request) -> kaskade_net::sbi::service::Replying<'_> {
            Box::pin(async move { kaskade_net::sbi::message::Reply::no_content() })
        }
    }
    let listener = bind("0.0.0.0:0".parse().unwrap()).unwrap();
    let refused = serve(listener, Arc::new(Nothing), options(None), Shutdown::new())
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_client_speaks_in_clear_to_this_machine_only() {
    for url in [
        "http://192.0.2.1:7778",
        "http://[2001:db8::1]:7778",
        "http://[::ffff:192.0.2.1]:7778",
        "http://0.0.0.0:1",
    ] {
        let refused = SbiClient::new(url, ClientOptions::default()).unwrap_err();
        assert!(refused.to_string().contains("insecure_h2c"), "{url}: {refused}");
        let mut allowed = ClientOptions::default();
        allowed.insecure_h2c = true;
        assert!(SbiClient::new(url, allowed).is_ok(), "{url}");
    }
    for url in [
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://localhost:1",
        "http://127.9.9.9:1",
    ] {
        let client = SbiClient::new(url, ClientOptions::default()).unwrap();
        let error = client.send(hyper::Method::GET, "/", None).await.unwrap_err();
        assert!(matches!(error, ClientError::Connect { .. }), "{url}: {error}");
    }
}
