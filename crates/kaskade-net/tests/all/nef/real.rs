//! The NEF in front of the AAnF of its own process: the same key in UE and application function, and word of its end.

use kaskade_anchor::akma::{Functions, Identity, Rule, SubscriberRule};
use kaskade_codec::sbi::akma::AkmaKeyInfo;
use kaskade_keys::fivegs::KAusf;
use kaskade_net::node::AanfRole;
use kaskade_net::role::aanf::{AanfOptions, AkmaPolicy};
use kaskade_net::role::budget::Rate;
use kaskade_net::role::nef::NEF_NAME;
use kaskade_net::sbi::server::ServerOptions;

use super::notices::Application;
use super::*;

/// The AAnF lets the NEF ask for `video.example.com`, and be told where it takes notifications.
fn aanf_policy(notices: &str) -> AkmaPolicy {
    let mut functions = Functions::new();
    functions
        .add(Rule {
            fqdn: "video.example.com".parse().unwrap(),
            protocols: vec!["http-digest".parse().unwrap()],
            callers: vec![NEF_NAME.to_owned()],
            identity: Identity::Supi,
            subscribers: vec![SubscriberRule::All],
            lifetime: HOUR,
            renews: false,
        })
        .unwrap();
    AkmaPolicy::new(functions)
        .with(Requester::group(NEF_NAME).id(), NEF_NAME)
        .with_callbacks(NEF_NAME, [notices.parse().unwrap()])
}

/// A node with UDM, AAnF and NEF, and an authentication of its first subscriber; the A-KID.
async fn node_of_all(root: &str, change: impl FnOnce(&mut NodeOptions)) -> (Node, KAusf, AKid) {
    let free: SocketAddr = ([127, 0, 0, 1], 0).into();
    // Its address is a part of the AAnF's policy.
    let notices = {
        let listener = std::net::TcpListener::bind(free).unwrap();
        listener.local_addr().unwrap()
    };
    let shared = store(MemoryEngine::default());
    let mut own = crate::common::subscribers().remove(0);
    own.subscription.gpsi = Some("msisdn-491701234567".parse().unwrap());
    own.subscription.akma_allowed = true;
    shared.put_many([&own]).unwrap();
    let mut options = NodeOptions {
        udm: Some(kaskade_net::node::UdmRole {
            store: shared.clone(),
            options: kaskade_net::role::udm::UdmOptions::default(),
            uecm: None,
            listen: None,
            server: ServerOptions::default(),
        }),
        aanf: Some(AanfRole {
            store: shared.clone(),
            options: AanfOptions {
                policy: aanf_policy(&format!("http://{notices}")),
                ..AanfOptions::default()
            },
            reauthentication: None,
            listen: free,
            server: ServerOptions::default(),
        }),
        nef: Some(NefRole {
            store: shared,
            options: NefOptions {
                policy: policy(Some(root)),
                tokens: Some(tokens()),
                ..NefOptions::default()
            },
            listen: free,
            server: ServerOptions::default(),
            notices: Some(NoticesListener {
                listen: notices,
                server: ServerOptions::default(),
                api_root: None,
            }),
            aanfs: vec![aanf("home", AanfAt::OfThisNode)],
        }),
        ..NodeOptions::default()
    };
    change(&mut options);
    let node = Node::start(options).unwrap();
    // An authentication of the first subscriber.
    let k_ausf = KAusf::from_octets(&[7; 32]);
    let a_kid = AKid::new(
        "17".parse().unwrap(),
        &k_ausf.a_tid(&supi(0)),
        HomeRealm::new(plmn(), None),
    );
    let info = AkmaKeyInfo {
        supi: Some(supi(0)),
        gpsi: None,
        a_kid: a_kid.clone(),
        k_akma: k_ausf.k_akma(&supi(0)),
    };
    let ausf = Caller::new(Requester::group("ausf"));
    drop(node.aanf().unwrap().register_own(&ausf, info).await.unwrap());
    (node, k_ausf, a_kid)
}

#[tokio::test]
async fn with_the_anchor_function_of_the_same_process() {
    let (application, root, _shutdown) = Application::start();
    let (node, k_ausf, a_kid) = node_of_all(&root, |_| {}).await;
    let (ausf, anchor) = (Caller::new(Requester::group("ausf")), node.aanf().unwrap().clone());
    let token = token_for(&node, "video", 1, None).await;
    let own = [
        ("aKId", a_kid.encode().into()),
        ("notifUri", format!("{root}/ended").into()),
    ];
    let told = ask(&node, &request(AF_ID, &own), Some(&token)).await;
    assert_eq!(told.status, 200, "{told:?}");
    let of_ue = k_ausf.k_akma(&supi(0)).k_af(&AF_ID.parse().unwrap());
    let digits: String = of_ue
        .expose_to_af()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    assert_eq!(
        (told.text("/kaf"), told.text("/gpsi")),
        (digits, "msisdn-491701234567".to_owned())
    );
    // What the AAnF does not let the NEF have.
    let told = ask(&node, &request("video.example.com01000113a8", &own[..1]), Some(&token)).await;
    assert_eq!(refused(&told), (403, None), "{told:?}");
    let told = ask(&node, &request(AF_ID, &[("aKId", other_a_kid().into())]), Some(&token)).await;
    assert_eq!(told.status, 204);
    assert!(anchor.disable(&ausf, &supi(0)).await.unwrap());
    let told = application.after(1).await;
    assert_eq!(told, [("/ended".to_owned(), json!({"aKId": a_kid.encode()}))]);
    let told = ask(&node, &request(AF_ID, &own[..1]), Some(&token)).await;
    assert_eq!(told.status, 204, "it is used no more");
    node.shutdown().await;
}

/// Whoever asks as often as it may, at the NEF, leaves others their keys.
#[tokio::test]
async fn the_aanf_of_the_process_counts_no_requests_of_the_nef() {
    let few: Rate = "1/h burst 3".parse().unwrap();
    let (node, _, a_kid) = node_of_all("http://127.0.0.1:1", |options| {
        options.aanf.as_mut().unwrap().options.budgets.requester = few;
    })
    .await;
    let token = token_for(&node, "video", 1, None).await;
    let own = request(AF_ID, &[("aKId", a_kid.encode().into())]);
    for _ in 0..6 {
        assert_eq!(ask(&node, &own, Some(&token)).await.status, 200);
    }
    // Over its own socket it does.
    let body = own.to_string();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let ask = Ask::json("POST", "/naanf-akma/v1/retrieve-applicationkey", body.clone());
        statuses.push(send(node.aanf_url().unwrap(), &ask).await.status);
    }
    assert_eq!(statuses, [403, 403, 403, 429]);
    node.shutdown().await;
}
