//! The network functions that rows are asked of, and what is there when they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use kaskade_anchor::akma::{Functions, Identity, Rule, SubscriberRule};
use kaskade_anchor::emsk::{DataRule, Domain, Grant, Registry, Usage, Who};
use kaskade_flow::Refusal;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::{AKid, HomeRealm};
use kaskade_net::node::{AanfAt, Node, PeerAt};
use kaskade_net::role::aanf::{AanfOptions, AkmaPolicy};
use kaskade_net::role::ausf::ContextLimits;
use kaskade_net::role::policy::{Groups, Member};
use kaskade_net::role::seaf::{AusfClient, Begun};
use kaskade_net::role::udm::{AmfPolicy, UecmOptions};
use kaskade_net::role::usage_keys::{UsageKeysOptions, UsagePolicy};
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::Shutdown;
use kaskade_net::sbi::service::{Operation, Service};
use kaskade_net::time::moment;
use kaskade_store::Subscription;
use kaskade_store::engine::{self, Table};
use kaskade_testkit::memory::{Failure, MemoryEngine};
use serde_json::json;

use super::{Row, Scene, rows, udm};
use crate::access::Nrf;
use crate::cancelled::{Between, LONG};
use crate::common::http::{Ask, send_unchecked};
use crate::common::{EAP_ONLY, Home, Link, SUBSCRIBERS, Setup, answer, plmn, snn, store, suci, supi, ue};
use crate::eap::{device_at, response};
use crate::nef;
use crate::uecm::Amf;

/// A subscriber whose authentication waits for its answer, and one who was authenticated.
const PENDING: u64 = 3;
const CONFIRMED: u64 = 4;

/// Whether an operation is one of the NEF, which has a world of its own.
pub(super) fn is_of_nef(label: &str) -> bool {
    label.starts_with("3gpp-akma.") || label.starts_with("kaskade-nef-notices.")
}

/// Who keeps what there is.
enum Kept {
    Home(Box<Home>),
    /// An AUSF whose UDM has stopped.
    Ausf(Node),
    /// An AUSF whose UDM holds its answers back.
    Between(Box<Between>),
    /// An AUSF whose UDM refuses to take reports back.
    Refused(Node, Box<Home>, udm::Why),
    Nef(Node, MemoryEngine),
}

pub(super) struct World {
    scene: Scene,
    kept: Kept,
    /// By API.
    urls: BTreeMap<&'static str, String>,
    /// What stands for a name in angle brackets.
    made: BTreeMap<String, String>,
    nrf: Nrf,
    /// Who is told: AMF, application function.
    _told: (Arc<Amf>, Shutdown),
}

impl World {
    pub(super) async fn start(scene: Scene, of_nef: bool) -> Self {
        let (amf, root, end) = Amf::start();
        let nrf = Nrf::new();
        let mut made = names();
        made.insert("amf".to_owned(), root.clone());
        let (kept, urls) = match (of_nef, scene) {
            (true, _) => outside(scene, &root, &nrf, &mut made).await,
            (false, Scene::InWork) => in_work(&mut made).await,
            (false, Scene::Refused) => refused(&mut made).await,
            (false, _) => at_home(scene, &root, &nrf, &mut made).await,
        };
        Self {
            scene,
            kept,
            urls,
            made,
            nrf,
            _told: (amf, end),
        }
    }

    /// What is done before a row's request, so that it is told what the row says.
    pub(super) async fn prepare(&self, row: &Row, url: &str, ask: &Ask<'_>) {
        if self.scene == Scene::Spent {
            send_unchecked(url, ask).await;
        }
        if let Kept::Refused(.., why) = &self.kept {
            *why.lock().unwrap() = match row.status {
                429 => Refusal::BudgetSpent,
                _ => Refusal::AuthenticationRejected,
            };
        }
        assert_eq!(row.scene, self.scene);
    }

    /// Where a row's request goes, and its words.
    pub(super) fn filled(&self, row: &Row, (service, operation): (&Service, &Operation)) -> (String, Ask<'static>) {
        let url = self.urls[service.name].clone();
        let mut ask = row.ask.clone();
        ask.path = self.words(&ask.path, operation);
        ask.body = ask.body.map(|octets| match String::from_utf8(octets) {
            Ok(text) => self.words(&text, operation).into_bytes(),
            Err(other) => other.into_bytes(),
        });
        for (_, value) in &mut ask.headers {
            *value = self.words(value, operation);
        }
        let has_token = ask.headers.iter().any(|(name, _)| *name == "authorization");
        if let (Some(token), false) = (self.made.get("nef-token"), has_token || service.name != "3gpp-akma") {
            ask = ask.header("authorization", format!("Bearer {token}"));
        }
        (url, ask)
    }

    fn words(&self, text: &str, operation: &Operation) -> String {
        let mut words = text.to_owned();
        for (name, value) in &self.made {
            words = words.replace(&format!("<{name}>"), value);
        }
        let (own, another) = match operation.api {
            "3gpp-akma" => ("NEF", "AANF"),
            "naanf-akma" => ("AANF", "NEF"),
            "nausf-auth" | "kaskade-usage-keys" => ("AUSF", "UDM"),
            _ => ("UDM", "AUSF"),
        };
        let scope = operation.scope;
        if words.contains('<') {
            for (name, token) in [
                ("<stranger's>", Nrf::new().token(own, scope, 60)),
                ("<expired>", self.nrf.token(own, scope, -1)),
                ("<another function's>", self.nrf.token(another, scope, 60)),
                ("<another scope>", self.nrf.token(own, "nother-service", 60)),
            ] {
                words = words.replace(name, token.strip_prefix("Bearer ").unwrap());
            }
        }
        assert!(!words.contains('<'), "{words}: the scene has no such name");
        words
    }

    /// All that a refused request must leave as it is.
    pub(super) fn state(&self) -> Vec<String> {
        match &self.kept {
            Kept::Home(home) => {
                let mut lines = kept_rows(home.engine.rows());
                lines.extend(of_ausf(home.ausf()));
                lines.extend(of_udm(&home.udm));
                lines
            }
            Kept::Ausf(node) => of_ausf(node),
            Kept::Refused(node, home, _) => [of_ausf(node), of_udm(&home.udm)].concat(),
            Kept::Between(between) => [of_ausf(&between.node), vec![format!("{:?}", between.kept())]].concat(),
            Kept::Nef(_, engine) => kept_rows(engine.rows()),
        }
    }

    pub(super) async fn end(self) {
        match self.kept {
            Kept::Home(home) => {
                home.engine.fail(Failure::Never);
                home.shutdown_unchecked().await;
            }
            Kept::Ausf(node) => node.shutdown().await,
            Kept::Refused(node, home, _) => {
                node.shutdown().await;
                home.shutdown_unchecked().await;
            }
            Kept::Between(between) => between.hold(false),
            Kept::Nef(node, engine) => {
                engine.fail(Failure::Never);
                node.shutdown().await;
            }
        }
    }
}

/// Rows of the store, but for the clock's mark and for events on their way to the log.
fn kept_rows(rows: Vec<engine::Row>) -> Vec<String> {
    let rows = rows
        .into_iter()
        .filter(|row| ![Table::META, Table::EVENTS].contains(&row.table));
    rows.map(|row| {
        format!(
            "{} {:02x?} {:?} {}",
            row.table.name(),
            row.key,
            row.version,
            row.expires
        )
    })
    .collect()
}

fn of_ausf(node: &Node) -> Vec<String> {
    let ausf = node.ausf().unwrap();
    let held = node.usage_keys().map(|keys| keys.held());
    vec![format!(
        "{} contexts, {} results, {held:?} keys",
        ausf.pending(),
        ausf.results()
    )]
}

fn of_udm(node: &Node) -> Vec<String> {
    let udm = node.udm().unwrap();
    let vectors = udm.counters().vectors.load(std::sync::atomic::Ordering::Relaxed);
    let reports = (0..SUBSCRIBERS).map(|of| format!("reports of {of}: {:?}", udm.auth_events(&supi(of))));
    reports.chain([format!("{vectors} vectors")]).collect()
}

/// K_AUSF of an authentication of this subscriber.
fn k_ausf(of: u8) -> KAusf {
    KAusf::from_octets(&[of + 1; 32])
}

/// What needs nobody who runs; contexts that are not there.
fn names() -> BTreeMap<String, String> {
    let mut made = BTreeMap::new();
    for of in 0..SUBSCRIBERS {
        made.insert(of.to_string(), supi(of).sbi());
    }
    // The last one is of a run that was never registered.
    for of in [0, 1, 2, 5, 9] {
        let (k_ausf, user) = (k_ausf(of), supi(u64::from(of) % SUBSCRIBERS));
        let a_kid = AKid::new("0".parse().unwrap(), &k_ausf.a_tid(&user), HomeRealm::new(plmn(), None));
        made.insert(format!("a-kid {of}"), a_kid.encode());
        let k_akma = hex::encode(k_ausf.k_akma(&user).expose_to_aanf());
        made.insert(format!("k-akma {of}"), k_akma);
    }
    for key in 0..3 {
        made.insert(format!("suci {key}"), suci(0, key).sbi());
    }
    let mut of_no_key = suci(0, 1).sbi();
    let mut broken = of_no_key.clone();
    of_no_key = of_no_key.replace("-1-1-", "-1-9-");
    let last = if broken.ends_with('0') { "1" } else { "0" };
    broken.replace_range(broken.len() - 1.., last);
    made.insert("suci of no key".to_owned(), of_no_key);
    made.insert("suci that is broken".to_owned(), broken);
    for name in ["pending", "confirmed", "eap", "eap-confirmed"] {
        made.insert(name.to_owned(), "AAAAAAAAAAAAAAAAAAAAAAA".to_owned());
    }
    made.insert("event".to_owned(), "0123456789abcdef".to_owned());
    made.insert("key name".to_owned(), "0".repeat(16));
    made.insert("res*".to_owned(), "00".repeat(16));
    made.insert("eap-response".to_owned(), Base64::encode_string(&[2, 1, 0, 4]));
    made.insert("nef-af".to_owned(), nef::AF_ID.to_owned());
    made.insert("nef-a-kid".to_owned(), nef::A_KID.to_owned());
    made.insert("nef-a-kid of nobody".to_owned(), nef::other_a_kid());
    let abroad = nef::A_KID.replace("mnc001.mcc001", "mnc410.mcc310");
    made.insert("nef-a-kid abroad".to_owned(), abroad);
    made.insert("notice".to_owned(), "0".repeat(32));
    made
}

fn rule(fqdn: &str, caller: &str, subscribers: SubscriberRule) -> Rule {
    Rule {
        fqdn: fqdn.parse().unwrap(),
        protocols: vec!["http-digest".parse().unwrap()],
        callers: vec![caller.into()],
        identity: Identity::Supi,
        subscribers: vec![subscribers],
        lifetime: Duration::from_secs(3600),
        renews: false,
    }
}

/// A usage without data, and one with, for everybody; a usage of somebody else; a domain.
fn registry() -> Registry {
    let usage = |label: &str, data: DataRule, to: &str| Usage {
        label: label.parse().unwrap(),
        domain: None,
        data,
        grants: vec![Grant {
            who: Who::Group(to.into()),
            slices: Default::default(),
        }],
        lifetime: Duration::from_secs(3600),
    };
    let mut registry = Registry::new();
    for usage in [
        usage("one@example.org", DataRule::None, "all"),
        usage("octets@example.org", DataRule::Octets { most: 64 }, "all"),
        usage("other@example.org", DataRule::None, "other"),
    ] {
        registry.add(usage).unwrap();
    }
    let domain = Domain {
        domain: "visited.example".parse().unwrap(),
        servers: vec![Who::Group("all".into())],
        lifetime: Duration::from_secs(3600),
    };
    registry.add_domain(domain).unwrap();
    registry
}

/// Whoever asks is AMF, AUSF, application function and key server.
fn set_up(setup: &mut Setup, scene: Scene, root: &str, nrf: &Nrf) {
    let member: Member = "127.0.0.1".parse().unwrap();
    setup.groups = Groups::default().with("all", [member]);
    let all = Requester::group("all").id();
    setup.uecm = Some(UecmOptions {
        amfs: AmfPolicy::default().with(all, "all", [root.parse().unwrap()]),
        ..UecmOptions::default()
    });
    let mut functions = Functions::new();
    for rule in [
        rule("af.example.com", "all", SubscriberRule::All),
        rule("b.example.com", "other", SubscriberRule::All),
        rule("n.example.com", "all", SubscriberRule::One(supi(1))),
    ] {
        functions.add(rule).unwrap();
    }
    let mut policy = AkmaPolicy::new(functions).with(all, "all");
    if scene != Scene::NotAusf {
        policy = policy.with_ausf("all");
    }
    let mut aanf = AanfOptions {
        policy,
        lifetime: (scene == Scene::Over).then(|| Duration::from_millis(50)),
        ..AanfOptions::default()
    };
    let mut usage_keys = UsageKeysOptions {
        policy: UsagePolicy::new(registry()).with(all, "all"),
        ..UsageKeysOptions::default()
    };
    match scene {
        Scene::Guarded => {
            setup.access.tokens = Some(nrf.verifier());
            setup.access.token_required = true;
        }
        Scene::Closed => setup.access.allowed = nobody(),
        Scene::Narrow => setup.server.limits.octets_per_connection = 1024,
        Scene::Spent => {
            let own = [&mut setup.udm.budgets, &mut setup.ausf.budgets];
            for budgets in own.into_iter().chain([&mut aanf.budgets, &mut usage_keys.budgets]) {
                budgets.requester = "1/h burst 1".parse().unwrap();
            }
        }
        _ => {}
    }
    setup.akma = (scene != Scene::Gone).then_some(PeerAt::OfThisNode);
    setup.aanf = Some(aanf);
    setup.usage_keys = Some(usage_keys);
}

fn nobody() -> Vec<(
    kaskade_net::sbi::peer::RequesterId,
    Vec<kaskade_net::role::access::Asked>,
)> {
    vec![(Requester::group("nobody").id(), Vec::new())]
}

type Started = (Kept, BTreeMap<&'static str, String>);

async fn at_home(scene: Scene, root: &str, nrf: &Nrf, made: &mut BTreeMap<String, String>) -> Started {
    let link = match scene {
        Scene::Gone => Link::Http,
        _ => Link::Local,
    };
    let home = Home::start_with(link, |setup| set_up(setup, scene, root, nrf));
    let urls = BTreeMap::from([
        ("nausf-auth", home.ausf_url().to_owned()),
        ("nudm-ueau", home.udm_url().to_owned()),
        ("nudm-uecm", home.udm_url().to_owned()),
        ("naanf-akma", home.udm.aanf_url().unwrap().to_owned()),
        ("kaskade-usage-keys", home.ausf().usage_keys_url().unwrap().to_owned()),
    ]);
    for of in 0..SUBSCRIBERS {
        change(&home, of, |subscription| subscription.akma_allowed = true);
    }
    if [Scene::Open, Scene::DiskFull, Scene::Gone, Scene::Over].contains(&scene) {
        inhabited(&home, made).await;
    }
    if scene == Scene::Over {
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    match scene {
        Scene::Gone => return (Kept::Ausf(home.stop_udm().await), urls),
        Scene::DiskFull => home.engine.fail(Failure::Full),
        _ => {}
    }
    (Kept::Home(Box::new(home)), urls)
}

/// Registrations, reports, contexts and keys; one subscriber is suspended, one has AKMA no more.
async fn inhabited(home: &Home, made: &mut BTreeMap<String, String>) {
    let registration = rows::body("nudm-uecm.register_amf").unwrap().to_string();
    let registration = registration.replace("<amf>", &made["amf"]);
    for of in [0, 2, PENDING] {
        let path = rows::path("nudm-uecm.register_amf", &[&supi(of).sbi()]);
        done(home.udm_url(), Ask::json("PUT", path, registration.clone()), 201).await;
    }
    for of in [0, 2, 5] {
        let body = json!({
            "supi": supi(of).sbi(), "aKId": made[&format!("a-kid {of}")], "kAkma": made[&format!("k-akma {of}")],
        });
        let path = rows::path("naanf-akma.register_anchorkey", &[]);
        let ask = Ask::json("POST", path, body.to_string());
        done(home.udm.aanf_url().unwrap(), ask, 200).await;
    }
    let path = rows::path("nudm-ueau.confirm_auth", &[&supi(0).sbi()]);
    let report = rows::body("nudm-ueau.confirm_auth").unwrap().to_string();
    let location = done(home.udm_url(), Ask::json("POST", path, report), 201).await;
    made.insert("event".to_owned(), location.rsplit('/').next().unwrap().to_owned());
    let seaf = home.seaf();
    confirmed(home.ausf_url(), &seaf, made).await;
    let asked = json!({ "supi": supi(CONFIRMED).sbi(), "label": "octets@example.org", "dataHex": "01" });
    let asked = Ask::json(
        "POST",
        rows::path("kaskade-usage-keys.usage_key", &[]),
        asked.to_string(),
    );
    let given = send_unchecked(home.ausf().usage_keys_url().unwrap(), &asked).await;
    made.insert("key name".to_owned(), given.text("/keyName"));
    waiting(&seaf, made).await;
    change(home, 2, |subscription| subscription.suspended = true);
    change(home, 5, |subscription| subscription.akma_allowed = false);
    // What is on its way to the AAnF arrives.
    for _ in 0..500 {
        if home.engine.rows().iter().all(|row| row.table != Table::OUTBOX) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    home.store.settle().unwrap();
}

/// Who was authenticated, by each method.
async fn confirmed(root: &str, seaf: &AusfClient, made: &mut BTreeMap<String, String>) {
    let challenge = seaf.authenticate(supi(CONFIRMED), snn()).await.unwrap();
    let at_ue = answer(&mut ue(CONFIRMED), &challenge);
    let confirmed = seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await;
    assert!(confirmed.unwrap().is_some());
    made.insert("confirmed".to_owned(), context(challenge.confirmation.uri()));
    let (session, packet) = eap(seaf).await;
    let path = format!("/nausf-auth/v1/ue-authentications/{session}/eap-session");
    let ask = Ask::json("POST", path, json!({ "eapPayload": packet }).to_string());
    done(root, ask, 200).await;
    made.insert("eap-confirmed".to_owned(), session);
}

/// An authentication of each method that waits for its answer.
async fn waiting(seaf: &AusfClient, made: &mut BTreeMap<String, String>) {
    let challenge = seaf.authenticate(supi(PENDING), snn()).await.unwrap();
    let at_ue = answer(&mut ue(PENDING), &challenge);
    made.insert("pending".to_owned(), context(challenge.confirmation.uri()));
    made.insert("res*".to_owned(), hex::encode(at_ue.res_star.expose_to_operator()));
    let (session, packet) = eap(seaf).await;
    made.insert("eap".to_owned(), session);
    made.insert("eap-response".to_owned(), packet);
}

/// A run of EAP-AKA' and the UE's right answer.
async fn eap(seaf: &AusfClient) -> (String, String) {
    let info = kaskade_codec::sbi::nausf_auth::AuthenticationInfo {
        supi_or_suci: supi(EAP_ONLY).into(),
        serving_network_name: snn(),
        resynchronization_info: None,
    };
    let Begun::Eap(request) = seaf.begin(info).await.unwrap() else {
        panic!("another method");
    };
    let mut ue = device_at(EAP_ONLY, snn(), 0).begin(moment());
    let packet = Base64::encode_string(&response(&mut ue, &request.packet));
    (context(request.session.uri()), packet)
}

/// The name of the context in the URI of one of its resources.
fn context(uri: &str) -> String {
    let (_, rest) = uri.split_once("/ue-authentications/").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

/// Asks for what must be done; where it is.
async fn done(url: &str, ask: Ask<'_>, status: u16) -> String {
    let told = send_unchecked(url, &ask).await;
    assert_eq!(told.status, status, "{ask:?} {told:?}");
    told.header("location").unwrap_or_default().to_owned()
}

fn change(home: &Home, of: u64, change: impl FnOnce(&mut Subscription)) {
    let mut changed = home.store.subscriber(&supi(of)).unwrap().unwrap();
    change(&mut changed.subscription);
    home.store.put_many([&changed]).unwrap();
}

/// Answers to challenges are in work: the UDM has heard of them, and does not answer.
async fn in_work(made: &mut BTreeMap<String, String>) -> Started {
    let between = Between::with(LONG, ContextLimits::default());
    let root = between.node.ausf_url().unwrap().to_owned();
    waiting(&AusfClient::new(&root, ClientOptions::default()).unwrap(), made).await;
    between.hold(true);
    for (method, name, rest, member, answer) in [
        ("PUT", "pending", "5g-aka-confirmation", "resStar", "res*"),
        ("POST", "eap", "eap-session", "eapPayload", "eap-response"),
    ] {
        let path = format!("/nausf-auth/v1/ue-authentications/{}/{rest}", made[name]);
        let ask = Ask::json(method, path, json!({ member: made[answer] }).to_string());
        let root = root.clone();
        tokio::spawn(async move { send_unchecked(&root, &ask).await });
    }
    between.told(2).await;
    (Kept::Between(Box::new(between)), BTreeMap::from([("nausf-auth", root)]))
}

/// An AUSF that has results, and whose UDM refuses to take their reports back.
async fn refused(made: &mut BTreeMap<String, String>) -> Started {
    let (node, home, why) = udm::ausf();
    let root = node.ausf_url().unwrap().to_owned();
    let seaf = AusfClient::new(&root, ClientOptions::default()).unwrap();
    confirmed(&root, &seaf, made).await;
    (
        Kept::Refused(node, Box::new(home), why),
        BTreeMap::from([("nausf-auth", root)]),
    )
}

/// A NEF, in front of an AAnF that has one anchor key.
async fn outside(scene: Scene, root: &str, nrf: &Nrf, made: &mut BTreeMap<String, String>) -> Started {
    let anchor = match scene {
        Scene::Over => nef::Anchor::new(Some(supi(0)), None),
        _ => nef::anchor(),
    };
    let engine = MemoryEngine::default();
    let node = nef::start(&anchor, Some(root), |setup| {
        setup.store = store(engine.clone());
        match scene {
            Scene::Guarded => {
                setup.access.tokens = Some(nrf.verifier());
                setup.access.token_required = true;
            }
            Scene::Closed => setup.access.allowed = nobody(),
            Scene::Narrow => setup.server.limits.octets_per_connection = 1024,
            Scene::Spent => setup.options.budgets.requester = "1/h burst 1".parse().unwrap(),
            Scene::Gone => {
                let nowhere = AanfAt::There("http://127.0.0.1:1".to_owned(), nef::client_options());
                setup.aanfs = vec![nef::aanf("home", nowhere)];
            }
            _ => {}
        }
    });
    let url = node.nef_url().unwrap().to_owned();
    if ![Scene::Guarded, Scene::Closed, Scene::Narrow].contains(&scene) {
        let token = nef::token_for(&node, "video", 1, None).await;
        if [Scene::Open, Scene::DiskFull].contains(&scene) {
            let body = json!({ "afId": nef::AF_ID, "aKId": nef::A_KID, "notifUri": format!("{root}/ended") });
            let ask = Ask::json("POST", "/3gpp-akma/v1/retrieve", body.to_string());
            done(&url, ask.header("authorization", format!("Bearer {token}")), 200).await;
            let given = anchor.asked().last().unwrap().notif_uri.clone().unwrap().0;
            made.insert("notice".to_owned(), given.rsplit('/').next().unwrap().to_owned());
        }
        made.insert("nef-token".to_owned(), token);
    }
    if scene == Scene::DiskFull {
        engine.fail(Failure::Full);
    }
    let notices = node.nef_notices_url().unwrap().to_owned();
    let urls = BTreeMap::from([("3gpp-akma", url), ("kaskade-nef-notices", notices)]);
    (Kept::Nef(node, engine), urls)
}
