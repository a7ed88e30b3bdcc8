//! A home network whose functions are nodes of their own and speak TLS to each other, each with a certificate of its own.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use kaskade_anchor::akma::{Functions, Identity, ProtocolRule, Rule, SubscriberRule};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::{AKid, HnKeyId, HomeRealm};
use kaskade_net::node::{
    AanfAt, AanfOf, AanfRole, AkmaRole, AusfRole, NefRole, Node, NodeOptions, PeerAt, RemoteUdm, UdmRole,
};
use kaskade_net::role::aanf::{AanfOptions, AkmaPolicy};
use kaskade_net::role::ausf::{AkmaOptions, AusfOptions};
use kaskade_net::role::nef::{Af, NefOptions, NefPolicy};
use kaskade_net::role::policy::{Groups, Member, ServingNetworkPolicy};
use kaskade_net::role::seaf::AusfClient;
use kaskade_net::role::udm::{AmfPolicy, HnKeyRing, UdmOptions, UecmOptions};
use kaskade_net::sbi::client::{ClientError, ClientOptions, SbiClient};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::ServerOptions;
use kaskade_net::sbi::service::{Caller, NotDone};
use kaskade_net::services::naanf_akma::Client;
use kaskade_testkit::memory::MemoryEngine;

use crate::common::{SUBSCRIBERS, answer, hn_key, plmn, snn, store, supi, ue};
use crate::tls::Pki;

/// An application function that asks the AAnF itself, and one that asks the NEF.
pub(super) const INSIDE: &str = "af.example.com0100000002";
pub(super) const OUTSIDE: &str = "video.example.com0100000002";

pub(super) const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// UDM and AAnF, and the authority of all certificates.
pub(super) struct Net {
    pub(super) pki: Pki,
    pub(super) home: Node,
}

impl Net {
    pub(super) fn start() -> Self {
        let pki = Pki::new();
        let store = store(MemoryEngine::default());
        for index in 0..SUBSCRIBERS {
            let mut subscriber = store.subscriber(&supi(index)).unwrap().unwrap();
            subscriber.subscription.akma_allowed = true;
            store.put_many([&subscriber]).unwrap();
        }
        let home = Node::start(NodeOptions {
            udm: Some(UdmRole {
                store: store.clone(),
                options: udm_options(),
                uecm: Some(UecmOptions {
                    amfs: AmfPolicy::default().with(Requester::group("af").id(), "af", None),
                    ..UecmOptions::default()
                }),
                listen: Some(FREE),
                server: server(&pki),
            }),
            aanf: Some(AanfRole {
                store,
                options: AanfOptions {
                    policy: akma_policy(),
                    ..AanfOptions::default()
                },
                reauthentication: None,
                listen: FREE,
                server: server(&pki),
            }),
            groups: groups(),
            ..NodeOptions::default()
        });
        Self {
            pki,
            home: home.unwrap(),
        }
    }

    /// An AUSF that registers its anchor keys at this AAnF.
    pub(super) fn ausf(&self, url: &str, options: ClientOptions) -> Node {
        let ausf = AusfRole {
            options: AusfOptions::new(
                NfInstanceId::from_random([0xA5; 16]),
                ServingNetworkPolicy::plmns([plmn()]),
            ),
            listen: FREE,
            server: server(&self.pki),
            udm: Some(RemoteUdm {
                url: self.home.udm_url().unwrap().to_owned(),
                options: self.pki.client(Some("ausf")),
            }),
            akma: Some(AkmaRole {
                options: AkmaOptions {
                    store: store(MemoryEngine::default()),
                    home_networks: vec![plmn().into()],
                },
                aanf: PeerAt::There(url.to_owned(), options),
            }),
        };
        Node::start(NodeOptions {
            ausf: Some(ausf),
            groups: groups(),
            ..NodeOptions::default()
        })
        .unwrap()
    }

    /// A NEF that asks this AAnF for the application function outside.
    pub(super) fn nef(&self, url: &str, options: ClientOptions) -> Node {
        let policy = NefPolicy::default().with("video", af_outside());
        let nef = NefRole {
            store: store(MemoryEngine::default()),
            options: NefOptions {
                policy: policy.known_as(Requester::group("af").id(), "video"),
                ..NefOptions::default()
            },
            listen: FREE,
            server: server(&self.pki),
            notices: None,
            aanfs: vec![aanf_at(AanfAt::There(url.to_owned(), options))],
        };
        Node::start(NodeOptions {
            nef: Some(nef),
            groups: groups(),
            ..NodeOptions::default()
        })
        .unwrap()
    }

    /// The AAnF's apiRoot.
    pub(super) fn aanf_url(&self) -> &str {
        self.home.aanf_url().unwrap()
    }

    /// How many anchor keys the AAnF has taken.
    pub(super) fn registered(&self) -> u64 {
        self.home.aanf().unwrap().counters().registered.sum()
    }

    /// How many application keys it has given.
    pub(super) fn given(&self) -> u64 {
        let given = self.home.aanf().unwrap().counters().given();
        given.map(|(_, count)| count).sum()
    }

    /// 5G AKA of a subscriber at this AUSF; K_AUSF of its UE.
    pub(super) async fn authenticated(&self, ausf: &Node, index: u64) -> KAusf {
        let seaf = AusfClient::new(ausf.ausf_url().unwrap(), self.pki.client(Some("client"))).unwrap();
        let challenge = seaf.authenticate(supi(index), snn()).await.unwrap();
        let at_ue = answer(&mut ue(index), &challenge);
        let told = seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await;
        assert_eq!(told.unwrap().expect("the right answer").0, supi(index));
        at_ue.k_ausf
    }

    /// What the AAnF at this URL gives to whoever asks it for itself.
    pub(super) async fn application_key(
        &self,
        url: &str,
        options: ClientOptions,
        a_kid: &AKid,
    ) -> Result<Option<AkmaAfKeyData>, NotDone> {
        let client = Client::new(SbiClient::new(url, options).unwrap());
        let caller = Caller::new(Requester::group("test"));
        let request = AkmaAfKeyRequest {
            notif_uri: None,
            af_id: INSIDE.parse().unwrap(),
            a_kid: a_kid.clone(),
            anon_ind: false,
        };
        client.retrieve_applicationkey(&caller, request).await
    }

    /// The ways in which a client of a server that speaks TLS comes without being let in, with what is wrong with each.
    pub(super) fn wrong_clients(&self, url: &str) -> Vec<(&'static str, String, ClientOptions)> {
        let stranger = Pki::new();
        // One who trusts the right authority, and was named by another.
        let mut of_another = self.pki.client(None);
        let identity = stranger.identity("ausf");
        let tls = kaskade_net::sbi::tls::ClientTls::new(&self.pki.path("ca.pem"), Some(&identity));
        of_another.tls = Some(tls.unwrap());
        let clear = url.replace("https://", "http://");
        vec![
            ("clear text", clear, ClientOptions::default()),
            ("no certificate", url.to_owned(), self.pki.client(None)),
            ("a certificate of another authority", url.to_owned(), of_another),
            (
                "a certificate that is no client's",
                url.to_owned(),
                self.pki.client(Some("server")),
            ),
            (
                "a client that trusts another authority",
                url.to_owned(),
                stranger.client(Some("ausf")),
            ),
        ]
    }

    pub(super) async fn shutdown(self) {
        self.home.shutdown().await;
    }
}

/// A-KID and K_AUSF of a UE, as it derives them.
pub(super) fn a_kid(k_ausf: &KAusf, index: u64) -> AKid {
    let realm = HomeRealm::new(plmn(), None);
    AKid::new("0".parse().unwrap(), &k_ausf.a_tid(&supi(index)), realm)
}

/// Waits until something is so.
pub(super) async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..3000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// Status of an answer to a request without a body.
pub(super) async fn asked(url: &str, options: ClientOptions) -> Result<u16, ClientError> {
    let client = SbiClient::new(url, options)?;
    let told = client.send(Method::POST, "/", Some(Bytes::from_static(b"{}"))).await?;
    Ok(told.status.as_u16())
}

pub(super) fn udm_options() -> UdmOptions {
    UdmOptions {
        hn_keys: HnKeyRing::from_iter([1, 2].map(|id| (HnKeyId(id), hn_key(id)))),
        serving_networks: ServingNetworkPolicy::plmns([plmn()]),
        ..UdmOptions::default()
    }
}

fn server(pki: &Pki) -> ServerOptions {
    let mut server = ServerOptions::default();
    server.tls = Some(pki.server(true));
    server
}

fn groups() -> Groups {
    ["ausf", "af", "nef"]
        .into_iter()
        .fold(Groups::default(), |groups, name| {
            let member: Member = format!("{name}.example.org").parse().unwrap();
            groups.with(name, [member])
        })
}

/// The AAnF of the home network.
pub(super) fn aanf_at(at: AanfAt) -> AanfOf {
    AanfOf {
        name: "home".into(),
        realm: HomeRealm::new(plmn(), None),
        routing_indicators: Vec::new(),
        at,
    }
}

/// What the NEF lets the application function outside have.
pub(super) fn af_outside() -> Af {
    Af {
        domains: vec!["video.example.com".parse().unwrap()],
        protocols: vec!["0100000002".parse().unwrap()],
        ..Af::default()
    }
}

fn akma_policy() -> AkmaPolicy {
    ["ausf", "af", "nef"].into_iter().fold(
        AkmaPolicy::new(functions("af", "nef")).with_ausf("ausf"),
        |policy, name| policy.with(Requester::group(name).id(), name),
    )
}

/// What the AAnF gives to whom.
pub(super) fn functions(inside: &str, outside: &str) -> Functions {
    let mut functions = Functions::new();
    for (fqdn, caller) in [("af.example.com", inside), ("video.example.com", outside)] {
        let rule = Rule {
            fqdn: fqdn.parse().unwrap(),
            protocols: vec!["http-digest".parse::<ProtocolRule>().unwrap()],
            callers: vec![caller.to_owned()],
            identity: Identity::Supi,
            subscribers: vec![SubscriberRule::All],
            lifetime: Duration::from_secs(3600),
            renews: false,
        };
        functions.add(rule).unwrap();
    }
    functions
}
