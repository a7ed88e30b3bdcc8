//! What every network product must do, whatever its function: logs, overload, ports, robustness (TS 33.117 4.2.3, 4.4).

use std::sync::atomic::Ordering;
use std::time::Duration;

use kaskade_flow::event::{Action, Outcome};
use kaskade_net::role::aanf::{AanfOptions, AkmaPolicy};
use kaskade_net::role::policy::{Groups, Member};
use kaskade_net::role::seaf::AusfClientError;
use kaskade_net::sbi::peer::Requester;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::bodies::All;
use super::net::{INSIDE, Net, a_kid, asked, functions, until};
use super::wire::Wire;
use crate::audit::Place;
use crate::common::http::{Ask, send};
use crate::common::log::Log;
use crate::common::raw::{address, frame, hello, say};
use crate::common::{Home, Link, answer, in_own_process, snn, suci, supi, ue};

/// UDM, AUSF and AAnF in one process, which log what they give and refuse.
fn logging(place: &Place) -> Home {
    let log = place.open("log", |_| {});
    let home = Home::start_with(Link::Local, |setup| {
        let [af, other] = ["127.0.0.3", "127.0.0.4"].map(|member| member.parse::<Member>().unwrap());
        setup.groups = Groups::default().with("af", [af]).with("other", [other]);
        let policy = ["af", "other"]
            .into_iter()
            .fold(AkmaPolicy::new(functions("af", "nef")), |policy, name| {
                policy.with(Requester::group(name).id(), name)
            });
        setup.aanf = Some(AanfOptions {
            policy,
            audit: log.clone(),
            ..AanfOptions::default()
        });
        setup.akma = Some(kaskade_net::node::PeerAt::OfThisNode);
        setup.udm.audit = log.clone();
        setup.ausf.audit = log.clone();
        setup.audit = log;
    });
    let mut subscriber = home.store.subscriber(&supi(0)).unwrap().unwrap();
    subscriber.subscription.akma_allowed = true;
    home.store.put_many([&subscriber]).unwrap();
    home
}

/// An application function at 127.0.0.N asks for its key and is told who the user is.
async fn application_key(home: &Home, n: u8, a_kid: &str) -> (u16, String) {
    let mut options = kaskade_net::sbi::client::ClientOptions::default();
    options.source = Some([127, 0, 0, n].into());
    let client = kaskade_net::sbi::client::SbiClient::new(home.udm.aanf_url().unwrap(), options).unwrap();
    let body = json!({"afId": INSIDE, "aKId": a_kid}).to_string();
    let path = "/naanf-akma/v1/retrieve-applicationkey";
    let told = client.send(hyper::Method::POST, path, Some(body.into())).await.unwrap();
    (told.status.as_u16(), String::from_utf8_lossy(&told.body).into_owned())
}

/// Whoever is told who a user is stands in the audit log, with whom it was about as a pseudonym; and what it was told does not.
#[tokio::test]
async fn tc_logging_access_to_personal_data() {
    let place = Place::new();
    let home = logging(&place);
    let seaf = home.seaf();
    let challenge = seaf.authenticate(suci(0, 1), snn()).await.unwrap();
    let at_ue = answer(&mut ue(0), &challenge);
    let told = seaf
        .confirm(&challenge.confirmation, Some(&at_ue.res_star))
        .await
        .unwrap();
    assert_eq!(told.expect("the right answer").0, supi(0));
    let a_kid = a_kid(&at_ue.k_ausf, 0).encode();
    let registered = || home.udm.aanf().unwrap().counters().registered.sum();
    until("an anchor key", || registered() == 1).await;
    let (status, told) = application_key(&home, 3, &a_kid).await;
    assert!(status == 200 && told.contains(&supi(0).sbi()), "{status} {told}");
    // And whoever asked and was not told.
    assert_eq!(application_key(&home, 4, &a_kid).await.0, 403);
    drop(seaf);
    home.shutdown_unchecked().await;
    let (events, names) = place.read("log");
    let of = |action: Action, outcome: Outcome| {
        let mut of_it = events
            .iter()
            .filter(move |event| (event.action(), event.outcome()) == (action, outcome));
        let event = of_it.next().unwrap_or_else(|| panic!("no {action:?} in {events:?}"));
        (
            names.name(event.peer()).map(str::to_owned),
            event.subject().masked().to_owned(),
        )
    };
    let whom = supi(0).masked().to_string();
    let by = |name: &str| (Some(name.to_owned()), whom.clone());
    assert_eq!(of(Action::KeyReleased, Outcome::Released), by("127.0.0.1"), "the AMF");
    assert_eq!(of(Action::ApplicationKeyGiven, Outcome::Released), by("af"));
    assert_eq!(
        of(Action::ApplicationKeyGiven, Outcome::Refused).0.as_deref(),
        Some("other")
    );
    assert_eq!(of(Action::VectorGiven, Outcome::Released).1, whom);
    // No file of the log has the identity or a key.
    let k_af = at_ue.k_ausf.k_akma(&supi(0)).k_af(&INSIDE.parse().unwrap());
    let supi = supi(0).sbi();
    let secrets: [&[u8]; 3] = [
        supi.trim_start_matches("imsi-").as_bytes(),
        a_kid.as_bytes(),
        k_af.expose_to_af(),
    ];
    for file in std::fs::read_dir(place.path("log")).unwrap() {
        let octets = std::fs::read(file.unwrap().path()).unwrap();
        for secret in secrets {
            assert!(!octets.windows(secret.len()).any(|window| window == secret));
        }
    }
}

/// Neither the log, all of it, nor an answer to a wrong request shows a key or a whole identity.
#[tokio::test]
async fn tc_confidential_system_internal_data() {
    if in_own_process("scas::oam::tc_confidential_system_internal_data") {
        return;
    }
    let (log, _guard) = Log::begin("trace,h2=off,hyper=off,hyper_util=off");
    let place = Place::new();
    let home = logging(&place);
    let seaf = home.seaf();
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    let at_ue = answer(&mut ue(0), &challenge);
    let wrong = kaskade_keys::fivegs::ResStar::from_octets(&[1; 16]);
    assert!(
        seaf.confirm(&challenge.confirmation, Some(&wrong))
            .await
            .unwrap()
            .is_none()
    );
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    let last = answer(&mut ue(0), &challenge);
    seaf.confirm(&challenge.confirmation, Some(&last.res_star))
        .await
        .unwrap()
        .unwrap();
    let own = a_kid(&last.k_ausf, 0).encode();
    until("an anchor key", || {
        home.udm.aanf().unwrap().counters().registered.sum() == 1
    })
    .await;
    assert_eq!(application_key(&home, 3, &own).await.0, 200);
    let mut said = application_key(&home, 4, &own).await.1;
    // What repeats a secret in a wrong place is not repeated.
    let res_star = hex::encode(last.res_star.expose_to_ausf());
    for body in [
        format!(r#"{{"resStar":"{res_star}0"}}"#),
        format!(r#"{{"resStar":["{res_star}"]}}"#),
        format!(r#"{{"{res_star}":1}}"#),
        format!(r#"{{"resStar":"{res_star}""#),
    ] {
        let path = "/nausf-auth/v1/ue-authentications/AAAAAAAAAAAAAAAAAAAAAAA/5g-aka-confirmation";
        let told = send(home.ausf_url(), &Ask::json("PUT", path, body)).await;
        assert_eq!(told.status, 400, "{told:?}");
        said.push_str(&String::from_utf8_lossy(&told.body));
    }
    let akma = last.k_ausf.k_akma(&supi(0));
    let k_af = akma.k_af(&INSIDE.parse().unwrap());
    let supi = supi(0).sbi();
    drop(seaf);
    home.shutdown_unchecked().await;
    let text = log.text() + &said;
    assert!(text.contains("kaskade_net"), "something was logged: {text}");
    let octets: [&[u8]; 7] = [
        last.k_ausf.expose_to_operator(),
        last.k_seaf.expose_to_operator(),
        last.k_amf.expose_to_operator(),
        akma.expose_to_aanf(),
        k_af.expose_to_af(),
        last.res_star.expose_to_ausf(),
        at_ue.k_ausf.expose_to_operator(),
    ];
    for secret in octets {
        let digits = hex::encode(secret);
        // Also as Rust prints octets.
        let listed = format!("{:?}", &secret[..8]);
        for form in [
            digits.clone(),
            digits.to_uppercase(),
            listed.trim_matches(['[', ']']).to_owned(),
        ] {
            assert!(!text.contains(&form), "{form} in {text}");
        }
    }
    for identity in [supi.trim_start_matches("imsi-"), &own] {
        assert!(!text.contains(identity), "{identity} in {text}");
    }
}

/// Under overload the product refuses with the reason and when to come again, serves others, and afterwards is as before.
#[tokio::test]
async fn tc_system_handling_of_overload_situations() {
    let home = Home::start_with(Link::Local, |setup| {
        setup.udm.budgets.requester = "1/min burst 20".parse().unwrap();
    });
    let (bad, good) = (home.seaf_at(1), home.seaf_at(2));
    // Connections of somebody who says hello and nothing more.
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(say(home.ausf_url(), &hello(None)).await);
    }
    let mut refused = 0;
    for at in 0..200 {
        match bad.authenticate(supi(at % 4), snn()).await {
            Ok(_) => assert!(at < 20, "{at}"),
            Err(AusfClientError::Refused(why)) => {
                assert_eq!(why.status.as_u16(), 429, "{at}");
                assert!((1..=60).contains(&why.retry_after.unwrap()));
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
        if at % 50 == 0 {
            let challenge = good.authenticate(supi(5), snn()).await.unwrap();
            answer(&mut ue(5), &challenge);
        }
    }
    assert_eq!(refused, 180);
    let counters = home.udm.udm().unwrap().counters();
    assert_eq!(counters.over_budget.load(Ordering::Relaxed), 180);
    let vectors = counters.vectors.load(Ordering::Relaxed);
    assert_eq!(vectors, 24, "what is refused costs no vector");
    drop(crowd);
    let challenge = good.authenticate(supi(5), snn()).await.unwrap();
    let at_ue = answer(&mut ue(5), &challenge);
    assert!(
        good.confirm(&challenge.confirmation, Some(&at_ue.res_star))
            .await
            .unwrap()
            .is_some()
    );
    drop((bad, good));
    home.shutdown().await;
}

/// Addresses on which this process listens by TCP, and how many sockets of UDP it has bound.
fn listening() -> (Vec<u16>, usize) {
    let folder = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = folder.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let own: Vec<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let lines = |name: &str, state: &str| -> Vec<String> {
        let text = std::fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
        let rows = text
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter(|row| (state.is_empty() || row[3] == state) && own.iter().any(|own| own == row[9]))
            .map(|row| row[1].to_owned())
            .collect()
    };
    const LISTEN: &str = "0A";
    let tcp = [lines("tcp", LISTEN), lines("tcp6", LISTEN)].concat();
    let ports = tcp.iter().map(|address| {
        let (host, port) = address.split_once(':').unwrap();
        assert_eq!(host, "0100007F", "127.0.0.1 and nothing else");
        u16::from_str_radix(port, 16).unwrap()
    });
    (ports.collect(), [lines("udp", ""), lines("udp6", "")].concat().len())
}

/// A node listens where its configuration says, and nowhere else.
#[tokio::test]
async fn tc_bvt_port_scanning() {
    if !cfg!(target_os = "linux") {
        kaskade_oracle::not_here("/proc/self/net, which tells where a process listens");
        return;
    }
    if in_own_process("scas::oam::tc_bvt_port_scanning") {
        return;
    }
    assert_eq!(listening(), (Vec::new(), 0));
    let net = Net::start();
    let ausf = net.ausf(net.aanf_url(), net.pki.client(Some("ausf")));
    let nef = net.nef(net.aanf_url(), net.pki.client(Some("nef")));
    let urls = [net.home.udm_url(), net.home.aanf_url(), ausf.ausf_url(), nef.nef_url()];
    let mut expected: Vec<u16> = urls.iter().map(|url| address(url.unwrap()).port()).collect();
    // Work makes no port.
    let k_ausf = net.authenticated(&ausf, 0).await;
    until("an anchor key", || net.registered() == 1).await;
    let told = net
        .application_key(net.aanf_url(), net.pki.client(Some("af")), &a_kid(&k_ausf, 0))
        .await;
    assert!(told.unwrap().is_some());
    let (mut ports, datagrams) = listening();
    ports.sort_unstable();
    expected.sort_unstable();
    assert_eq!((ports, datagrams), (expected, 0));
    nef.shutdown().await;
    ausf.shutdown().await;
    net.shutdown().await;
    assert_eq!(listening(), (Vec::new(), 0));
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw() % bound as u64).unwrap()
    }

    fn octets(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.draw().to_le_bytes()[0]).collect()
    }

    /// With a few octets changed, left out or put in twice.
    fn mutated(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut octets = octets.to_vec();
        for _ in 0..=self.below(4) {
            if octets.is_empty() {
                break;
            }
            let at = self.below(octets.len());
            match self.below(4) {
                0 => octets[at] ^= 1 << self.below(8),
                1 => octets.truncate(at),
                2 => drop(octets.splice(at..at, self.octets(32))),
                _ => octets.copy_within(at.., at / 2),
            }
        }
        octets
    }
}

/// Says something and looks for a moment whether there is an answer.
async fn shout(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), octets: &[u8]) {
    let _ = stream.write_all(octets).await;
    let mut answer = [0; 256];
    let _ = tokio::time::timeout(Duration::from_millis(15), stream.read(&mut answer)).await;
}

/// TLS, HTTP/2 and JSON that are none: whoever says them harms nobody, and no answer is a failure of the product.
#[tokio::test]
async fn tc_bvt_robustness_and_fuzz_testing() {
    let all = All::start();
    let operations = all.operations();
    for asked in &operations {
        asked.is_served().await;
    }
    let (net, mut random) = (&all.net, Random(0x5CA5_0001));
    for url in all.urls() {
        let wire = Wire::to(url).await;
        assert_eq!(asked(&wire.root(), net.pki.client(Some("client"))).await.unwrap(), 400);
        let hello_of_tls = wire.said();
        for _ in 0..60 {
            let mut stream = TcpStream::connect(address(url)).await.unwrap();
            let octets = match random.below(3) {
                0 => random.octets(600),
                _ => random.mutated(&hello_of_tls),
            };
            shout(&mut stream, &octets).await;
        }
        // Behind a handshake that is right.
        let tls = net.pki.client(Some("client")).tls.unwrap();
        for _ in 0..40 {
            let stream = TcpStream::connect(address(url)).await.unwrap();
            let (mut stream, _) = tls.connect("127.0.0.1", stream).await.unwrap();
            let mut octets = if random.below(8) == 0 {
                random.octets(64)
            } else {
                hello(None)
            };
            for _ in 0..random.below(12) {
                let kind = u8::try_from(random.below(12)).unwrap();
                let flags = random.draw().to_le_bytes()[0];
                let on = u32::try_from(random.below(8)).unwrap();
                octets.extend(frame(kind, flags, on, &random.octets(80)));
            }
            shout(&mut stream, &octets).await;
        }
        assert_eq!(
            asked(url, net.pki.client(Some("client"))).await.unwrap(),
            400,
            "{url}: still there"
        );
    }
    for asked in &operations {
        for _ in 0..60 {
            let body = random.mutated(asked.body.to_string().as_bytes());
            let status = asked.with_octets(body.clone()).await;
            assert!(
                status < 500,
                "{}: {status}: {}",
                asked.name,
                String::from_utf8_lossy(&body)
            );
        }
    }
    let k_ausf = net.authenticated(&all.ausf, 4).await;
    until("an anchor key", || net.registered() >= 2).await;
    let told = net
        .application_key(net.aanf_url(), net.pki.client(Some("af")), &a_kid(&k_ausf, 4))
        .await;
    assert_eq!(
        told.unwrap().unwrap().k_af,
        k_ausf.k_akma(&supi(4)).k_af(&INSIDE.parse().unwrap())
    );
    all.shutdown().await;
}
