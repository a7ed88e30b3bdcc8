//! Users who come in: by a full authentication, under a pseudonym, by a fast one, after a resynchronisation, after a restart.

use kaskade_aka::eap_aka::ForwardSecrecy;
use kaskade_aka::eap_aka::ServerPolicy;
use kaskade_aka::eap_aka::peer::PeerPolicy;
use kaskade_aka::sqn::Seq;
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_codec::eap::{AkaMethod, Body, IdRequest, Packet, Request, Subtype};
use kaskade_net::node::RadSecListeners;
use kaskade_net::radius::{Asked, EapAsk, EapServer, EapTold};
use kaskade_net::role::aaa::{Networks, Run};
use kaskade_net::sbi::limits::Limits;
use kaskade_net::sbi::peer::Requester;

use tokio::io::AsyncWriteExt;

use super::*;
use crate::common::suci;
use crate::radius::radsec::{connect, received};
use crate::tls::Pki;

fn only(method: AkaMethod) -> PeerPolicy {
    PeerPolicy::non_3gpp().with_methods(&[method])
}

/// What a request of the server is.
fn subtype(eap: &[u8]) -> Option<Subtype> {
    match Packet::parse(eap).unwrap() {
        Packet::Request(message) => match message.body {
            Body::Aka(aka) => aka.subtype(),
            _ => None,
        },
        _ => None,
    }
}

#[tokio::test]
async fn both_methods_let_a_user_in_with_the_key_that_its_gateway_gets() {
    let home = Home::start();
    let mut cuis = Vec::new();
    for method in AkaMethod::ALL {
        let mut device = device(0).with_policy(only(method));
        let ended = attach(&mut device, home.address()).await;
        let permanent = ended.identity.contains(imsi(0).as_str());
        assert!(permanent, "nobody has given it another name yet");
        let (peer, accepted) = ended.comes_in();
        assert_eq!(
            (peer.method, peer.reauthentication, peer.forward_secrecy),
            (method, false, false)
        );
        assert_eq!(accepted.session_timeout, None);
        cuis.push(accepted.cui);
    }
    assert_eq!(cuis[0], cuis[1], "it stays who it is");
    let (_, other) = attach(&mut device(1), home.address()).await.comes_in();
    assert_ne!(other.cui, cuis[0]);
    assert!(!other.cui.contains(imsi(1).as_str()));
    assert_eq!((home.successes(), home.failures()), ((3, 0), 0));
    home.node.shutdown().await;
}

#[tokio::test]
async fn a_user_comes_back_under_a_pseudonym_and_nothing_shows_who_it_is() {
    let mut options = aaa_options();
    options.reauthentications.count = 0;
    let home = Home::with(options);
    let mut device = device(0);
    let (_, first) = attach(&mut device, home.address()).await.comes_in();
    let mut identities = Vec::new();
    for _ in 0..3 {
        let ended = attach(&mut device, home.address()).await;
        assert!(ended.identity.starts_with('7'), "{}", ended.identity);
        assert!(!ended.identity.contains(imsi(0).as_str()));
        identities.push(ended.identity.clone());
        let (_, accepted) = ended.comes_in();
        assert_eq!(accepted.cui, first.cui);
    }
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), 3, "a new one each time");
    assert_eq!((home.successes(), device.challenges), ((4, 0), 4));
    home.node.shutdown().await;
}

#[tokio::test]
async fn a_fast_reauthentication_asks_no_card_and_its_name_serves_once() {
    for method in AkaMethod::ALL {
        let mut options = aaa_options();
        options.reauthentications.count = 3;
        let home = Home::with(options);
        let mut device = device(0).with_policy(only(method));
        let (full, first) = attach(&mut device, home.address()).await.comes_in();
        let (mut keys, mut names) = (vec![full.msk], Vec::new());
        for _ in 0..3 {
            let ended = attach(&mut device, home.address()).await;
            assert!(ended.identity.starts_with(['4', '8']), "{}", ended.identity);
            names.push(ended.identity.clone());
            let (peer, accepted) = ended.comes_in();
            assert!(peer.reauthentication && !keys.contains(&peer.msk));
            assert_eq!(accepted.cui, first.cui);
            keys.push(peer.msk);
        }
        assert_eq!((device.challenges, home.successes()), (1, (1, 3)));
        // The fourth is a full one at once, under the name that the third had given, or a pseudonym.
        let (peer, _) = attach(&mut device, home.address()).await.comes_in();
        assert!(!peer.reauthentication);
        assert_eq!(device.challenges, 2);
        // Whoever has heard a name has nothing: the server does not know it any more, and asks for another.
        for name in names {
            let Answer::Challenge(asked) = first_answer(home.address(), &name).await else {
                panic!("{name}");
            };
            assert_eq!(subtype(&asked), Some(Subtype::Identity));
            let Packet::Request(message) = Packet::parse(&asked).unwrap() else {
                unreachable!()
            };
            let Body::Aka(aka) = message.body else { unreachable!() };
            assert!(matches!(aka.request(), Ok(Request::Identity(IdRequest::FullAuth))));
        }
        home.node.shutdown().await;
    }
}

#[tokio::test]
async fn two_users_side_by_side_are_never_one() {
    let home = Home::start();
    let mut devices: Vec<_> = (0..4).map(device).collect();
    let mut cuis: Vec<Vec<String>> = vec![Vec::new(); devices.len()];
    for _ in 0..4 {
        let running = devices.iter_mut().map(|device| attach(device, home.address()));
        for (number, ended) in futures_in_turn(running).await.into_iter().enumerate() {
            cuis[number].push(ended.comes_in().1.cui);
        }
    }
    let mut firsts = Vec::new();
    for of_one in cuis {
        assert!(of_one.iter().all(|cui| *cui == of_one[0]));
        firsts.push(of_one[0].clone());
    }
    firsts.sort();
    firsts.dedup();
    assert_eq!(firsts.len(), 4);
    assert_eq!(home.successes(), (4, 12));
    home.node.shutdown().await;
}

/// All of them at once.
async fn futures_in_turn<F: Future<Output = Ended>>(all: impl Iterator<Item = F>) -> Vec<Ended> {
    let mut waiting: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        let mut all_there = true;
        for (one, ended) in &mut waiting {
            if ended.is_none() {
                match one.as_mut().poll(context) {
                    std::task::Poll::Ready(there) => *ended = Some(there),
                    std::task::Poll::Pending => all_there = false,
                }
            }
        }
        match all_there {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, ended)| ended).collect()
}

#[tokio::test]
async fn a_card_that_is_ahead_resynchronises_in_the_same_run() {
    let home = Home::start();
    for method in AkaMethod::ALL {
        let mut device = device(0).with_policy(only(method));
        let options = UsimOptions::default();
        let seq_ms = vec![Seq(1 << 20); options.layout.array_size()];
        let keys = demo_subscriber(plmn(), 0, 0).keys();
        device.usim = Usim::restore(&keys, options, &seq_ms).unwrap();
        let ended = attach(&mut device, home.address()).await;
        let challenges = ended
            .asked
            .iter()
            .filter(|asked| subtype(asked) == Some(Subtype::Challenge));
        let challenges = challenges.count();
        ended.comes_in();
        assert!(
            device.challenges <= 2 && device.challenges == challenges,
            "{challenges}"
        );
    }
    let udm = home.node.udm().unwrap();
    assert!(udm.counters().resynchronisations.load(Ordering::Relaxed) >= 1);
    home.node.shutdown().await;
}

#[tokio::test]
async fn pseudonyms_outlive_a_restart_and_a_new_generation_ends_them() {
    let home = Home::start();
    let mut device = device(0);
    let (_, first) = attach(&mut device, home.address()).await.comes_in();
    let Home { store, node } = home;
    node.shutdown().await;
    // What fast re-authentications start from was in memory alone: a full one follows, and nobody hears the permanent identity.
    let home = Home::over(store, aaa_options());
    let ended = attach(&mut device, home.address()).await;
    assert!(ended.identity.starts_with('8'), "{}", ended.identity);
    let (peer, accepted) = ended.comes_in();
    assert!(!peer.reauthentication && !peer.peer_id.as_str().contains(imsi(0).as_str()));
    assert_eq!(accepted.cui, first.cui);
    let Home { store, node } = home;
    node.shutdown().await;
    let mut options = aaa_options();
    options.names = Arc::new(Locked::with(|| master_key().name_keys(2).into()));
    let home = Home::over(store, options);
    let (peer, accepted) = attach(&mut device, home.address()).await.comes_in();
    assert!(
        peer.peer_id.as_str().contains(imsi(0).as_str()),
        "its pseudonym is not taken any more"
    );
    assert_eq!(accepted.cui, first.cui);
    home.node.shutdown().await;
}

#[tokio::test]
async fn forward_secrecy_is_there_where_it_is_offered() {
    let mut options = aaa_options();
    options.policy = ServerPolicy::non_3gpp().with_forward_secrecy(ForwardSecrecy::offered());
    let home = Home::with(options);
    let with = PeerPolicy::non_3gpp().with_forward_secrecy(ForwardSecrecy::offered());
    for (policy, secret) in [(with, true), (PeerPolicy::non_3gpp(), false)] {
        let (peer, _) = attach(&mut device(0).with_policy(policy), home.address())
            .await
            .comes_in();
        assert_eq!(peer.forward_secrecy, secret);
    }
    assert_eq!(home.node.aaa().unwrap().eap().counters().forward_secrecy.sum(), 1);
    home.node.shutdown().await;
    let mut options = aaa_options();
    let required = ForwardSecrecy::Required(ForwardSecrecy::offered().groups().to_vec());
    options.policy = ServerPolicy::non_3gpp().with_forward_secrecy(required);
    let home = Home::with(options);
    attach(&mut device(0), home.address()).await.stays_out();
    home.node.shutdown().await;
}

#[tokio::test]
async fn a_protected_result_comes_before_success_and_the_session_ends() {
    let mut options = aaa_options();
    options.policy = ServerPolicy::non_3gpp().with_result_indication();
    options.session = Some(Duration::from_secs(3600));
    let home = Home::with(options);
    let mut device = device(0).with_policy(PeerPolicy::non_3gpp().with_result_indication());
    for fast in [false, true] {
        let ended = attach(&mut device, home.address()).await;
        let notified = ended
            .asked
            .iter()
            .any(|asked| subtype_of_any(asked) == Some(Subtype::Notification));
        assert!(notified);
        let (peer, accepted) = ended.comes_in();
        assert_eq!((peer.reauthentication, accepted.session_timeout), (fast, Some(3600)));
    }
    home.node.shutdown().await;
}

fn subtype_of_any(eap: &[u8]) -> Option<Subtype> {
    matches!(Packet::parse(eap), Ok(Packet::Request(_)))
        .then(|| subtype(eap))
        .flatten()
}

#[tokio::test]
async fn a_gateway_that_begins_with_nothing_is_told_to_ask_who_is_there() {
    let home = Home::start();
    let mut device = device(0);
    let (link, mut gateway) = (Link::to(home.address()).await, Gateway::new(secret(), b"unknown"));
    let Answer::Challenge(asked) = link.ask(&mut gateway, b"").await else {
        panic!("a question");
    };
    assert!(matches!(
        Packet::parse(&asked).unwrap(),
        Packet::Request(message) if message.body == Body::Identity(b"")
    ));
    let peer = device.begin();
    let (peer, Some(PeerOutput::Response(response))) = device.takes(peer, &asked) else {
        panic!("an identity");
    };
    let Answer::Challenge(challenge) = link.ask(&mut gateway, &response).await else {
        panic!("a challenge");
    };
    let (peer, Some(PeerOutput::Response(response))) = device.takes(peer.unwrap(), &challenge) else {
        panic!("an answer");
    };
    let Answer::Accept(success, accepted) = link.ask(&mut gateway, &response).await else {
        panic!("it is let in");
    };
    let (_, Some(PeerOutput::Success(success))) = device.takes(peer.unwrap(), &success) else {
        panic!("success");
    };
    assert_eq!(success.msk, accepted.msk);
    home.node.shutdown().await;
}

#[tokio::test]
async fn a_concealed_identity_is_opened() {
    let home = Home::start();
    for key in [0, 1, 2] {
        let nai = suci(0, key).nai();
        let Answer::Challenge(asked) = first_answer(home.address(), &nai).await else {
            panic!("{nai}");
        };
        assert_eq!(subtype(&asked), Some(Subtype::Challenge), "{nai}");
    }
    // Under a key that nobody has.
    let nai = suci(0, 1).nai().replace("hnkey1", "hnkey9");
    let Answer::Challenge(asked) = first_answer(home.address(), &nai).await else {
        panic!("{nai}");
    };
    assert_eq!(subtype(&asked), Some(Subtype::Notification));
    home.node.shutdown().await;
}

#[tokio::test]
async fn each_gateway_is_of_the_network_that_it_has_by_configuration() {
    let mut options = aaa_options();
    options.networks =
        Networks::of_all("WLAN".parse().unwrap()).with(&Requester::group("hotspot"), "ETHERNET".parse().unwrap());
    let home = Home::with(options);
    let expecting = |name: &str| {
        let network = kaskade_aka::eap_aka::NetworkName::Access(name.parse().unwrap());
        only(AkaMethod::AkaPrime).expecting(network)
    };
    attach(&mut device(0).with_policy(expecting("ETHERNET")), home.address())
        .await
        .comes_in();
    attach(&mut device(0).with_policy(expecting("WLAN")), home.address())
        .await
        .stays_out();
    // While it runs, the configuration changes: the gateway is another's, of another network.
    let mut options = node_options(&home.store, aaa_options());
    options.aaa.as_mut().unwrap().clients =
        Clients::new([("127.0.0.1".parse().unwrap(), Client::new("office", secret()))]).unwrap();
    home.node.renew(&options).unwrap();
    attach(&mut device(0).with_policy(expecting("WLAN")), home.address())
        .await
        .comes_in();
    options.aaa = None;
    assert!(home.node.renew(&options).is_err(), "a role does not end so");
    home.node.shutdown().await;
}

#[tokio::test]
async fn a_gateway_with_a_certificate_asks_over_tls() {
    let pki = Pki::new();
    let mut aaa = aaa_options();
    aaa.networks =
        Networks::of_all("WLAN".parse().unwrap()).with(&Requester::group("twag"), "ETHERNET".parse().unwrap());
    let mut options = node_options(&store(), aaa);
    let role = options.aaa.as_mut().unwrap();
    role.clients = clients().with_certificate("LOCALHOST", "twag");
    role.radsec = Some(RadSecListeners {
        listen: vec![([127, 0, 0, 1], 0).into()],
        tls: pki.server(true),
        limits: Limits::default(),
    });
    let node = Node::start(options.clone()).unwrap();
    let address = node.radius_addresses().1[0];
    let network = kaskade_aka::eap_aka::NetworkName::Access("ETHERNET".parse().unwrap());
    let mut device = device(0).with_policy(only(AkaMethod::AkaPrime).expecting(network));
    let mut stream = connect(&pki, Some("client"), address).await.unwrap();
    for fast in [false, true] {
        let mut attach = Attach::begin(&mut device, SharedSecret::radsec());
        let ended = loop {
            stream.write_all(attach.request()).await.unwrap();
            stream.flush().await.unwrap();
            attach = match attach.answered(&received(&mut stream).await.unwrap()) {
                Progress::Asks(attach) => attach,
                Progress::Ended(ended) => break ended,
            };
        };
        assert_eq!(ended.comes_in().0.reauthentication, fast);
    }
    // Its authority is another from now on.
    let another = Pki::new();
    options.aaa.as_mut().unwrap().radsec.as_mut().unwrap().tls = another.server(true);
    node.renew(&options).unwrap();
    assert!(connect(&pki, Some("client"), address).await.is_err());
    assert!(connect(&another, Some("client"), address).await.is_ok());
    options.aaa.as_mut().unwrap().radsec = None;
    assert!(node.renew(&options).is_err(), "TLS does not end so");
    drop(stream);
    node.shutdown().await;
    let mut options = node_options(&store(), aaa_options());
    options.aaa.as_mut().unwrap().radsec = Some(RadSecListeners {
        listen: vec![([127, 0, 0, 1], 0).into()],
        tls: pki.server(false),
        limits: Limits::default(),
    });
    let refused = Node::start(options.clone()).unwrap_err().to_string();
    assert!(refused.contains("name the authority"), "{refused}");
    options.udm = None;
    let refused = Node::start(options).unwrap_err().to_string();
    assert!(refused.contains("no UDM"), "{refused}");
}

#[tokio::test]
async fn addresses_over_tls_share_what_clients_may_use() {
    let pki = Pki::new();
    let mut options = node_options(&store(), aaa_options());
    let role = options.aaa.as_mut().unwrap();
    role.radsec = Some(RadSecListeners {
        listen: vec![([127, 0, 0, 1], 0).into(); 2],
        tls: pki.server(true),
        limits: Limits::default(),
    });
    let node = Node::start(options).unwrap();
    let (_, addresses) = node.radius_addresses();
    let mut streams = Vec::new();
    for address in addresses {
        let mut device = device(streams.len().try_into().unwrap());
        let mut stream = connect(&pki, Some("client"), *address).await.unwrap();
        let attach = Attach::begin(&mut device, SharedSecret::radsec());
        stream.write_all(attach.request()).await.unwrap();
        assert!(received(&mut stream).await.is_some());
        streams.push(stream);
    }
    assert_eq!((streams.len(), node.watch().peers().connections), (2, 2));
    drop(streams);
    node.shutdown().await;
}

#[tokio::test]
async fn what_a_gateway_does_not_ask_for_is_not_made() {
    fn ask<'a>(requester: &'a Requester, packet: &'a [u8], wants: bool) -> EapAsk<'a> {
        EapAsk {
            packet,
            user_name: b"",
            requester,
            gateway: Default::default(),
            called_station_id: None,
            calling_station_id: None,
            mtu: None,
            wants_cui: wants,
            wants_eap_key_name: wants,
        }
    }

    let home = Home::start();
    let aaa = home.node.aaa().unwrap().eap();
    let requester = Requester::group("hotspot");
    for wants in [false, true] {
        let mut device = device(0);
        let (peer, response) = device.says_who();
        let EapTold::Request { run, packet } = aaa.handle(ask(&requester, &response, wants), None).await else {
            panic!("a challenge");
        };
        let Asked::Released(challenge) = packet else {
            panic!("a challenge");
        };
        let (_, Some(PeerOutput::Response(answer))) = device.takes(peer, &challenge.release_to_peer()) else {
            panic!("an answer");
        };
        let EapTold::Success(granted) = aaa.handle(ask(&requester, &answer, wants), Some(run)).await else {
            panic!("it is let in");
        };
        let granted = granted.release_to_peer();
        assert_eq!((granted.cui.is_some(), granted.eap_key_name.is_some()), (wants, wants));
    }
    home.node.shutdown().await;
}

#[test]
fn a_run_is_small() {
    assert!(size_of::<Run>() <= 512, "{}", size_of::<Run>());
}
