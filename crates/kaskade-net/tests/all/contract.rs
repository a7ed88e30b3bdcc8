//! Every operation of UDM, AUSF, AAnF and NEF with each status of its declaration that can be provoked: every answer is held to the
//! declaration, and to 3GPP's file where that is at hand.

use std::collections::{BTreeMap, BTreeSet};

use kaskade_net::node::{AanfAt, NefRole, Node, NodeOptions};
use kaskade_net::role::aanf::{AanfOptions, AkmaPolicy};
use kaskade_net::role::access::AccessRules;
use kaskade_net::role::budget::{BudgetOptions, Rate};
use kaskade_net::role::nef::{NefOptions, NefPolicy};
use kaskade_net::role::policy::{Groups, Member};
use kaskade_net::role::udm::{AmfPolicy, UecmOptions};
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::ServerOptions;
use kaskade_net::sbi::service::{Operation, Service};
use kaskade_net::services::ALL;
use kaskade_testkit::memory::{Failure, MemoryEngine};
use kaskade_testkit::schema::{Seen, openapi};
use serde_json::json;

use crate::access::Nrf;
use crate::common::http::{Ask, Told, send_unchecked};
use crate::common::schema::SERVICES;
use crate::common::{COUNTER, Home, Link, answer, snn, store, suci, supi, ue};
use crate::scas::net::{FREE, INSIDE, OUTSIDE, a_kid, aanf_at, af_outside, functions};

const AUSF_ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
const NO_CONTEXT: &str = "AAAAAAAAAAAAAAAAAAAAAAA";

/// Those of which 3GPP has a file.
const SERVED: [&str; 5] = ["nausf-auth", "nudm-ueau", "nudm-uecm", "naanf-akma", "3gpp-akma"];

/// Statuses that no request by itself provokes, and where they are tested instead.
const ELSEWHERE: [(u16, &str); 3] = [
    (405, "that of another method is the answer to no operation: scas::web"),
    (408, "a body that never ends: budgets of connections, connection::"),
    (503, "a node that is full or stops: connection::, crowds::"),
];

/// What was answered: service, operation, status.
type Answered = BTreeMap<(&'static str, &'static str), BTreeSet<u16>>;

/// All of them, in one process and a NEF beside it. Whoever asks from 127.0.0.1 is AUSF, AMF and application function.
struct Env {
    home: Home,
    nef: Node,
    answered: Answered,
}

fn groups() -> Groups {
    let member: Member = "127.0.0.1".parse().unwrap();
    Groups::default().with("af", [member])
}

fn nef(url: &str, access: AccessRules, budgets: BudgetOptions) -> Node {
    let nef = NefRole {
        store: store(MemoryEngine::default()),
        options: NefOptions {
            policy: NefPolicy::default()
                .with("video", af_outside())
                .known_as(Requester::group("af").id(), "video"),
            budgets,
            ..NefOptions::default()
        },
        listen: FREE,
        server: ServerOptions::default(),
        notices: None,
        aanfs: vec![aanf_at(AanfAt::There(url.to_owned(), ClientOptions::default()))],
    };
    let options = NodeOptions {
        nef: Some(nef),
        groups: groups(),
        access,
        ..NodeOptions::default()
    };
    Node::start(options).unwrap()
}

impl Env {
    fn start(link: Link, access: AccessRules, budgets: BudgetOptions) -> Self {
        let of_home = access.clone();
        let home = Home::start_with(link, |setup| {
            setup.groups = groups();
            let policy = AkmaPolicy::new(functions("af", "af")).with_ausf("af");
            setup.aanf = Some(AanfOptions {
                policy: policy.with(Requester::group("af").id(), "af"),
                budgets,
                ..AanfOptions::default()
            });
            setup.uecm = Some(UecmOptions {
                amfs: AmfPolicy::default().with(Requester::group("af").id(), "af", "http://127.0.0.1:9".parse().ok()),
                ..UecmOptions::default()
            });
            (setup.udm.budgets, setup.ausf.budgets) = (budgets, budgets);
            setup.access = of_home;
        });
        for index in [0, 1, 2] {
            let mut subscriber = home.store.subscriber(&supi(index)).unwrap().unwrap();
            subscriber.subscription.akma_allowed = true;
            home.store.put_many([&subscriber]).unwrap();
        }
        let nef = nef(home.udm.aanf_url().unwrap(), access, budgets);
        Self {
            home,
            nef,
            answered: Answered::new(),
        }
    }

    fn plain(link: Link) -> Self {
        Self::start(link, AccessRules::default(), BudgetOptions::default())
    }

    /// Asks for an operation; the answer is one that it may give.
    async fn ask(&mut self, service: &'static str, operation: &'static str, ask: &Ask<'_>) -> Told {
        let url = match service {
            "nausf-auth" => self.home.ausf_url(),
            "naanf-akma" => self.home.udm.aanf_url().unwrap(),
            "3gpp-akma" => self.nef.nef_url().unwrap(),
            _ => self.home.udm_url(),
        };
        let told = checked(url, service, ask).await;
        self.answered
            .entry((service, operation))
            .or_default()
            .insert(told.status);
        told
    }

    /// The same, with the status that is expected.
    async fn gives(&mut self, (service, operation): (&'static str, &'static str), ask: &Ask<'_>, status: u16) -> Told {
        let told = self.ask(service, operation, ask).await;
        assert_eq!(told.status, status, "{service}/{operation}: {ask:?}\n{told:?}");
        told
    }

    async fn end(self) -> Answered {
        self.nef.shutdown().await;
        self.home.shutdown_unchecked().await;
        self.answered
    }
}

/// Sends a request, and holds the answer to the declaration and to 3GPP's file.
async fn checked(url: &str, service: &str, ask: &Ask<'_>) -> Told {
    let told = send_unchecked(url, ask).await;
    let seen = Seen {
        method: ask.method,
        path: ask.path.split('?').next().unwrap(),
        status: told.status,
        content_type: told.header("content-type"),
        location: told.header("location"),
        body: &told.body,
    };
    assert_eq!(SERVICES.try_answer(&seen), Ok(()), "{ask:?}\n{told:?}");
    // 3GPP's file of this one is not at hand.
    if service != "nudm-uecm" {
        openapi::check_answer(&seen);
    }
    told
}

fn operations() -> impl Iterator<Item = (&'static Service, &'static Operation)> {
    let served = ALL.iter().copied().filter(|service| SERVED.contains(&service.name));
    served.flat_map(|service| service.operations.iter().map(move |operation| (service, operation)))
}

/// A request that is right in its form, about subscriber 0 and a context that nobody has.
fn right(service: &str, operation: &str) -> Ask<'static> {
    let who = supi(0).sbi();
    let own = kaskade_keys::fivegs::KAusf::from_octets(&[9; 32]);
    let a_kid = a_kid(&own, 0).encode();
    let context = format!("/nausf-auth/v1/ue-authentications/{NO_CONTEXT}");
    let of_user = format!("/nudm-ueau/v1/{who}");
    let registrations = format!("/nudm-uecm/v1/{who}/registrations");
    let guami = json!({"plmnId": {"mcc": "001", "mnc": "01"}, "amfId": "020040"});
    let (method, path, body) = match (service, operation) {
        ("nausf-auth", "authenticate") => (
            "POST",
            "/nausf-auth/v1/ue-authentications".to_owned(),
            json!({"supiOrSuci": who, "servingNetworkName": snn().as_str()}),
        ),
        ("nausf-auth", "deregister") => (
            "POST",
            "/nausf-auth/v1/ue-authentications/deregister".to_owned(),
            json!({"supi": who}),
        ),
        ("nausf-auth", "confirm") => (
            "PUT",
            format!("{context}/5g-aka-confirmation"),
            json!({"resStar": null}),
        ),
        ("nausf-auth", "delete") => return Ask::bare("DELETE", format!("{context}/5g-aka-confirmation")),
        ("nausf-auth", "eap_session") => ("POST", format!("{context}/eap-session"), json!({"eapPayload": null})),
        ("nausf-auth", "delete_eap") => return Ask::bare("DELETE", format!("{context}/eap-session")),
        ("nudm-ueau", "generate_auth_data") => (
            "POST",
            format!("{of_user}/security-information/generate-auth-data"),
            json!({"servingNetworkName": snn().as_str(), "ausfInstanceId": AUSF_ID}),
        ),
        ("nudm-ueau", name) => {
            let mut event = json!({
                "nfInstanceId": AUSF_ID, "success": true, "authType": "5G_AKA", "timeStamp": "2026-01-02T03:04:05Z",
                "servingNetworkName": snn().as_str(),
            });
            match name {
                "confirm_auth" => ("POST", format!("{of_user}/auth-events"), event),
                _ => {
                    event["authRemovalInd"] = true.into();
                    ("PUT", format!("{of_user}/auth-events/0123456789abcdef"), event)
                }
            }
        }
        ("nudm-uecm", "register_amf") => (
            "PUT",
            format!("{registrations}/amf-3gpp-access"),
            json!({
                "amfInstanceId": "01020304-0506-4708-890a-0b0c0d0e0f10", "deregCallbackUri": "http://127.0.0.1:9/gone",
                "guami": guami, "ratType": "NR", "reauthNotifyCallbackUri": "http://127.0.0.1:9/again",
            }),
        ),
        ("nudm-uecm", "update_amf") => (
            "PATCH",
            format!("{registrations}/amf-3gpp-access"),
            json!({"guami": guami, "reauthNotifyCallbackUri": "http://127.0.0.1:9/again"}),
        ),
        ("nudm-uecm", name) => (
            if name.ends_with("by_get") { "GET" } else { "POST" },
            match name.starts_with("trigger") {
                true => format!("{registrations}/trigger-auth"),
                false => format!("{registrations}/auth-trigger"),
            },
            json!({"supi": who}),
        ),
        ("naanf-akma", "register_anchorkey") => (
            "POST",
            "/naanf-akma/v1/register-anchorkey".to_owned(),
            json!({"supi": who, "aKId": a_kid, "kAkma": hex::encode(own.k_akma(&supi(0)).expose_to_aanf())}),
        ),
        ("naanf-akma", "retrieve_applicationkey") => (
            "POST",
            "/naanf-akma/v1/retrieve-applicationkey".to_owned(),
            json!({"afId": INSIDE, "aKId": a_kid}),
        ),
        ("naanf-akma", _) => ("POST", "/naanf-akma/v1/remove-context".to_owned(), json!({"supi": who})),
        _ => (
            "POST",
            "/3gpp-akma/v1/retrieve".to_owned(),
            json!({"afId": OUTSIDE, "aKId": a_kid}),
        ),
    };
    let media_type = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    Ask::bare(method, path)
        .header("content-type", media_type)
        .body(body.to_string())
}

/// With these members in place of its own.
fn with(ask: &Ask<'static>, members: &[(&str, serde_json::Value)]) -> Ask<'static> {
    let mut body: serde_json::Value = serde_json::from_slice(ask.body.as_ref().unwrap()).unwrap();
    for (name, value) in members {
        body[*name] = value.clone();
    }
    ask.clone().body(body.to_string())
}

/// About somebody else, in its path and its body.
fn about(ask: &Ask<'static>, whom: &str) -> Ask<'static> {
    let mut ask = ask.clone();
    ask.path = ask.path.replace(&supi(0).sbi(), whom);
    let body = ask.body.take();
    match body {
        Some(body) => ask.body(String::from_utf8(body).unwrap().replace(&supi(0).sbi(), whom)),
        None => ask,
    }
}

const NOBODY: &str = "imsi-001019999999999";

/// 400, 406, 413 and 415 of every operation; and 404 for a context or a path that is none.
async fn of_their_form(answered: &mut Vec<Answered>) {
    let mut env = Env::plain(Link::Local);
    for (service, operation) in operations() {
        let name = (service.name, operation.name);
        let ask = right(name.0, name.1);
        let no_json = Ask {
            headers: vec![("accept", "text/html".to_owned())],
            ..ask.clone()
        };
        let content = ask.headers.first().map(|(_, value)| value.clone()).unwrap_or_default();
        let html = match content.as_str() {
            "" => no_json,
            content => no_json.header("content-type", content),
        };
        env.gives(name, &html, 406).await;
        if operation.request.is_none() {
            continue;
        }
        env.gives(name, &ask.clone().body("{"), 400).await;
        env.gives(name, &ask.clone().body("[]"), 400).await;
        env.gives(name, &ask.clone().body(vec![b' '; 70_000]), 413).await;
        let text = Ask {
            headers: vec![("content-type", "text/plain".to_owned())],
            ..ask.clone()
        };
        env.gives(name, &text, 415).await;
    }
    answered.push(env.end().await);
}

/// 401 and 403 of every operation.
async fn of_who_asks(answered: &mut Vec<Answered>) {
    let nrf = Nrf::new();
    let access = AccessRules {
        tokens: Some(nrf.verifier()),
        token_required: true,
        ..AccessRules::default()
    };
    let mut env = Env::start(Link::Local, access, BudgetOptions::default());
    for (service, operation) in operations() {
        let name = (service.name, operation.name);
        let ask = right(name.0, name.1);
        env.gives(name, &ask, 401).await;
        let nf_type = match service.name {
            "nausf-auth" => "AUSF",
            "naanf-akma" => "AANF",
            "3gpp-akma" => "NEF",
            _ => "UDM",
        };
        for (token, status) in [
            (nrf.token("SMF", operation.scope, 60), 401),
            (nrf.token(nf_type, operation.scope, -1), 401),
            (nrf.token(nf_type, "another", 60), 403),
        ] {
            env.gives(name, &ask.clone().header("authorization", token), status)
                .await;
        }
    }
    answered.push(env.end().await);
}

/// 429 and 503 of what may be asked for so often, and no oftener.
async fn of_budgets(answered: &mut Vec<Answered>) {
    let once: Rate = "1/h burst 1".parse().unwrap();
    let of_one = BudgetOptions {
        requester: once,
        ..BudgetOptions::default()
    };
    let of_all = BudgetOptions {
        node: once,
        ..BudgetOptions::default()
    };
    for (service, operation) in operations() {
        let name = (service.name, operation.name);
        for (budgets, status) in [(of_one, 429), (of_all, 503)] {
            let why = match status {
                429 => kaskade_flow::Refusal::BudgetSpent,
                _ => kaskade_flow::Refusal::NodeBudgetSpent,
            };
            if !operation.refusals.contains(&why) {
                continue;
            }
            let mut env = Env::start(Link::Local, AccessRules::default(), budgets);
            let ask = right(name.0, name.1);
            env.ask(name.0, name.1, &ask).await;
            env.gives(name, &ask, status).await;
            answered.push(env.end().await);
        }
    }
}

/// What each gives for what it knows and knows not, in turn.
#[allow(clippy::too_many_lines, reason = "a table, in the order of a subscriber's life")]
async fn of_subscribers(answered: &mut Vec<Answered>) {
    let mut env = Env::plain(Link::Local);
    let foreign = ("servingNetworkName", json!("5G:mnc099.mcc999.3gppnetwork.org"));
    for name in [("nausf-auth", "authenticate"), ("nudm-ueau", "generate_auth_data")] {
        let ask = right(name.0, name.1);
        env.gives(name, &about(&ask, NOBODY), 404).await;
        env.gives(name, &with(&ask, &[foreign.clone()]), 403).await;
        env.gives(name, &about(&ask, "suci-0-001-01-0-c-1-00"), 501).await;
        env.gives(name, &about(&ask, &suci(0, 1).sbi().replace("-1-1-", "-1-2-")), 403)
            .await;
    }
    env.gives(
        ("nudm-ueau", "generate_auth_data"),
        &right("nudm-ueau", "generate_auth_data"),
        200,
    )
    .await;
    // 5G AKA: no context, a context, its answer, its removal.
    let seaf = env.home.seaf();
    for name in [
        ("nausf-auth", "deregister"),
        ("nausf-auth", "confirm"),
        ("nausf-auth", "delete"),
        ("nausf-auth", "eap_session"),
        ("nausf-auth", "delete_eap"),
    ] {
        env.gives(name, &right(name.0, name.1), 404).await;
    }
    for end in ["delete", "deregister"] {
        let told = env
            .gives(
                ("nausf-auth", "authenticate"),
                &right("nausf-auth", "authenticate"),
                201,
            )
            .await;
        let location = told.header("location").unwrap();
        let context = location.rsplit('/').next().unwrap().to_owned();
        let challenge = {
            let json = told.json();
            let octets = |name: &str| hex::decode(json["5gAuthData"][name].as_str().unwrap()).unwrap();
            (octets("rand"), octets("autn"))
        };
        let rand = kaskade_crypto::Rand::from_octets(challenge.0.try_into().unwrap());
        let autn = kaskade_crypto::Autn::from_octets(challenge.1.try_into().unwrap());
        let mut device = ue(0);
        let at_ue = device
            .challenge(&rand, &autn, &snn(), &kaskade_keys::Abba::INITIAL)
            .unwrap();
        let res_star = hex::encode(at_ue.res_star.expose_to_ausf());
        let of_context = |ask: Ask<'static>| Ask {
            path: ask.path.replace(NO_CONTEXT, &context),
            ..ask
        };
        let confirm = with(&right("nausf-auth", "confirm"), &[("resStar", json!(res_star))]);
        let told = env.gives(("nausf-auth", "confirm"), &of_context(confirm), 200).await;
        assert_eq!(told.text("/authResult"), "AUTHENTICATION_SUCCESS");
        env.gives(("nausf-auth", end), &of_context(right("nausf-auth", end)), 204)
            .await;
    }
    // EAP-AKA': begun, answered by what no EAP server goes on with, and taken back.
    let begin = about(
        &right("nausf-auth", "authenticate"),
        &supi(crate::common::EAP_ONLY).sbi(),
    );
    for (name, status) in [("eap_session", 200), ("delete_eap", 204)] {
        let told = env.gives(("nausf-auth", "authenticate"), &begin, 201).await;
        let location = told.header("location").unwrap();
        let context = location.rsplit('/').next().unwrap().to_owned();
        let ask = right("nausf-auth", name);
        let ask = Ask {
            path: ask.path.replace(NO_CONTEXT, &context),
            ..ask
        };
        env.gives(("nausf-auth", name), &ask, status).await;
    }
    // Reports.
    let report = ("nudm-ueau", "confirm_auth");
    let ask = right(report.0, report.1);
    env.gives(report, &about(&ask, NOBODY), 404).await;
    env.gives(report, &with(&ask, &[foreign]), 403).await;
    let told = env.gives(report, &ask, 201).await;
    let back = ("nudm-ueau", "delete_auth");
    env.gives(back, &right(back.0, back.1), 404).await;
    let location = told.header("location").unwrap().to_owned();
    let ask = Ask {
        path: location.strip_prefix(env.home.udm_url()).unwrap().to_owned(),
        ..right(back.0, back.1)
    };
    env.gives(back, &ask, 204).await;
    // Which AMF serves whom.
    let (register, update) = (("nudm-uecm", "register_amf"), ("nudm-uecm", "update_amf"));
    let triggers = [
        "trigger_auth",
        "trigger_auth_by_get",
        "auth_trigger",
        "auth_trigger_by_get",
    ];
    let triggers = triggers.map(|name| ("nudm-uecm", name));
    env.gives(update, &right(update.0, update.1), 404).await;
    for trigger in triggers {
        env.gives(trigger, &right(trigger.0, trigger.1), 404).await;
    }
    let ask = right(register.0, register.1);
    env.gives(register, &about(&ask, NOBODY), 404).await;
    env.gives(register, &ask, 201).await;
    env.gives(register, &ask, 204).await;
    env.gives(update, &right(update.0, update.1), 204).await;
    for trigger in triggers {
        env.gives(trigger, &right(trigger.0, trigger.1), 204).await;
    }
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    for trigger in triggers {
        env.gives(trigger, &right(trigger.0, trigger.1), 403).await;
    }
    let _ = answer(&mut ue(0), &challenge);
    // Anchor keys and application keys.
    let (anchor, key) = (
        ("naanf-akma", "register_anchorkey"),
        ("naanf-akma", "retrieve_applicationkey"),
    );
    let (removal, outside) = (("naanf-akma", "remove_context"), ("3gpp-akma", "retrieve"));
    let ask = right(anchor.0, anchor.1);
    env.gives(anchor, &about(&ask, NOBODY), 404).await;
    env.gives(anchor, &about(&ask, &supi(3).sbi()), 403).await;
    for name in [key, outside] {
        env.gives(name, &right(name.0, name.1), 204).await;
    }
    env.gives(anchor, &ask, 200).await;
    for name in [key, outside] {
        let ask = right(name.0, name.1);
        env.gives(name, &ask, 200).await;
        env.gives(name, &with(&ask, &[("afId", json!("c.example.com0100000002"))]), 403)
            .await;
    }
    env.gives(removal, &right(removal.0, removal.1), 204).await;
    drop(seaf);
    answered.push(env.end().await);
}

/// 500 of what a store that takes nothing leaves undone.
async fn of_a_failing_store(answered: &mut Vec<Answered>) {
    let mut env = Env::plain(Link::Local);
    let anchor = ("naanf-akma", "register_anchorkey");
    env.gives(anchor, &right(anchor.0, anchor.1), 200).await;
    let register = ("nudm-uecm", "register_amf");
    env.gives(register, &right(register.0, register.1), 201).await;
    env.home.engine.fail(Failure::Broken);
    let counter = supi(COUNTER).sbi();
    for name in [("nausf-auth", "authenticate"), ("nudm-ueau", "generate_auth_data")] {
        env.gives(name, &about(&right(name.0, name.1), &counter), 500).await;
    }
    for name in [
        anchor,
        register,
        ("naanf-akma", "retrieve_applicationkey"),
        ("naanf-akma", "remove_context"),
        ("3gpp-akma", "retrieve"),
        ("nudm-uecm", "update_amf"),
        ("nudm-uecm", "trigger_auth"),
        ("nudm-uecm", "trigger_auth_by_get"),
        ("nudm-uecm", "auth_trigger"),
        ("nudm-uecm", "auth_trigger_by_get"),
    ] {
        env.gives(name, &right(name.0, name.1), 500).await;
    }
    answered.push(env.end().await);
}

/// 504 where the next function is away.
async fn of_peers_that_are_away(answered: &mut Vec<Answered>) {
    let mut of_here = Answered::new();
    let home = Home::start(Link::Http);
    let url = home.ausf_url().to_owned();
    let ausf = home.stop_udm().await;
    let nef = nef("http://127.0.0.1:1", AccessRules::default(), BudgetOptions::default());
    let of_nef = nef.nef_url().unwrap().to_owned();
    for (url, service, operation) in [(url, "nausf-auth", "authenticate"), (of_nef, "3gpp-akma", "retrieve")] {
        let told = checked(&url, service, &right(service, operation)).await;
        assert_eq!(told.status, 504, "{told:?}");
        of_here.entry((service, operation)).or_default().insert(told.status);
    }
    nef.shutdown().await;
    ausf.shutdown().await;
    answered.push(of_here);
}

/// Why a status of an operation is not provoked here, if that is so.
fn excuse(operation: &Operation, status: u16) -> Option<&'static str> {
    let (_, why) = ELSEWHERE.into_iter().find(|(of, _)| *of == status).unzip();
    let own = |status: u16| {
        let of_it = operation
            .refusals
            .iter()
            .filter_map(|refusal| refusal.verdict().sbi.answer());
        of_it.map(|sbi| sbi.status()).any(|of| of == status)
    };
    match status {
        404 if !own(404) => Some("a path that cannot be decoded: strict::"),
        500 if !own(500) => Some("a fault of the program"),
        _ => why,
    }
}

#[tokio::test]
async fn every_operation_gives_every_status_that_it_declares() {
    let mut answered = Vec::new();
    of_their_form(&mut answered).await;
    of_who_asks(&mut answered).await;
    of_budgets(&mut answered).await;
    of_subscribers(&mut answered).await;
    of_a_failing_store(&mut answered).await;
    of_peers_that_are_away(&mut answered).await;
    let mut all = Answered::new();
    for (name, statuses) in answered.into_iter().flatten() {
        all.entry(name).or_default().extend(statuses);
    }
    let mut missing = Vec::new();
    for (service, operation) in operations() {
        let mut declared: BTreeSet<u16> = operation
            .all_refusals()
            .filter_map(|refusal| refusal.verdict().sbi.answer())
            .map(|sbi| sbi.status())
            .collect();
        declared.insert(operation.answer.status);
        declared.extend(operation.answer.optional.then_some(204));
        let given = &all[&(service.name, operation.name)];
        assert!(given.is_subset(&declared), "{}: {given:?}", operation.label());
        for status in declared.difference(given) {
            if excuse(operation, *status).is_none() {
                missing.push(format!("{} {status}", operation.label()));
            }
        }
    }
    assert_eq!(missing, [""; 0]);
}
