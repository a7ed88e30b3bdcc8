//! A whole service in one file: what is asked here and over the wire is answered equally, and what is wrong is refused.
//!
//! Boxes of a subscriber, each with a key that is on record when it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaskade_codec::sbi::{Body, ResourceId, Variable};
use kaskade_flow::refusal::{Refusal, Refused};
use kaskade_flow::{Durable, Guarded};
use kaskade_keys::Supi;
use kaskade_keys::fivegs::KSeaf;
use kaskade_net::live::Live;
use kaskade_net::sbi::client::ClientError;
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::{ServerOptions, Shutdown, bind, serve};
use kaskade_net::sbi::service::{
    Caller, Created, Elsewhere, Gate, NotDone, Operation, Plain, Released, Routes, Service, Told,
};
use kaskade_net::time::moment;

use crate::common::http::{Ask, Told as Seen, send_unchecked as send};
use crate::common::{client, supi};
use boxes::{Client, Link, NBoxes, SERVICE, routes};

/// The declaration, and the bodies that are new with it.
mod boxes {
    use super::*;

    kaskade_codec::body! {
        /// What somebody puts into a box.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Content = "Content" {
            /// Whose it is.
            owner "owner": Supi,
            /// Whether it is in a hurry.
            urgent "urgent": bool as OrFalse,
            /// The box that it was in before.
            before "before": Option<Before>,
        }
        fixed { kind "kind" = "BOX" }
        checked { supported_features "supportedFeatures": kaskade_codec::sbi::values::Features }
    }

    kaskade_codec::body! {
        /// A box that there was.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Before = "Before" {
            /// Whose.
            owner "owner": Supi,
        }
    }

    kaskade_codec::body! {
        /// The key of a box.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct BoxKey = "BoxKey" {
            /// The key; nothing where the box stands open.
            key "key": Option<KSeaf> as OrNull,
        }
    }

    kaskade_codec::body! {
        /// The key of a box that stands open.
        pub struct NoKey = "BoxKey" {
            /// None.
            key "key": Option<bool> as OrNull,
        }
    }

    impl From<NoKey> for BoxKey {
        fn from(_: NoKey) -> Self {
            Self { key: None }
        }
    }

    impl Released for BoxKey {}

    kaskade_net::service! {
        /// Nboxes: keys of boxes.
        pub trait NBoxes = "nboxes" "v1", "nowhere 1";

        /// Fills a new box.
        fill: POST "/{supi}/boxes" (supi: Supi) (content: Content)
            -> 201 Json Created<Plain<Content>>,
            refusals [UserNotFound, Overloaded], scope "nboxes:write", "nowhere 1.1";

        /// Looks into a box.
        look: GET "/{supi}/boxes/{boxId}" (supi: Supi, id: ResourceId)
            -> 200 Json Plain<Content>,
            refusals [DataNotFound], scope "nboxes", "nowhere 1.2";

        /// Gives the key of a box.
        key: PUT "/{supi}/boxes/{boxId}" (supi: Supi, id: ResourceId) (of: BoxKey)
            -> 200 Json Told<BoxKey>,
            refusals [DataNotFound], scope "nboxes:keys", "nowhere 1.3";

        /// Takes a box away.
        remove: DELETE "/{supi}/boxes/{boxId}" (supi: Supi, id: ResourceId)
            -> 204 Json (),
            refusals [DataNotFound], scope "nboxes:write", "nowhere 1.4";

        // Behind the variable that it fits, too.
        /// Looks into the newest box.
        newest: GET "/{supi}/boxes/newest" (supi: Supi)
            -> 200 Json Plain<Content>,
            refusals [DataNotFound], scope "nboxes", "nowhere 1.2";
    }
}
use boxes::{Before, BoxKey, Content, NoKey};

/// The role. A box with an even number has a key; there is room for four.
#[derive(Default)]
struct Store(Mutex<BTreeMap<(Supi, u64), Content>>);

const SUBSCRIBER: u64 = 3;

impl Store {
    fn content(&self, supi: &Supi, id: &ResourceId) -> Result<(u64, Content), NotDone> {
        let number = id.as_number().ok_or(Refusal::DataNotFound)?;
        let boxes = self.0.lock().unwrap();
        let content = boxes.get(&(supi.clone(), number)).cloned();
        Ok((number, content.ok_or(Refusal::DataNotFound)?))
    }
}

impl NBoxes for Arc<Store> {
    async fn fill(&self, _: &Caller, supi: Supi, content: Content) -> Result<Created<Plain<Content>>, NotDone> {
        if supi != crate::common::supi(SUBSCRIBER) {
            return Err(Refusal::UserNotFound.into());
        }
        let mut boxes = self.0.lock().unwrap();
        let number = boxes.len() as u64;
        if number == 4 {
            return Err(Refused::from(Refusal::Overloaded)
                .after(Duration::from_millis(1500))
                .into());
        }
        boxes.insert((supi, number), content.clone());
        Ok(Created::new(ResourceId::number(number), Plain(content)))
    }

    async fn newest(&self, _: &Caller, supi: Supi) -> Result<Plain<Content>, NotDone> {
        let boxes = self.0.lock().unwrap();
        let newest = boxes.iter().rfind(|((owner, _), _)| *owner == supi);
        Ok(Plain(newest.ok_or(Refusal::DataNotFound)?.1.clone()))
    }

    async fn look(&self, _: &Caller, supi: Supi, id: ResourceId) -> Result<Plain<Content>, NotDone> {
        Ok(Plain(self.content(&supi, &id)?.1))
    }

    async fn key(&self, _: &Caller, supi: Supi, id: ResourceId, _: BoxKey) -> Result<Told<BoxKey>, NotDone> {
        let (number, _) = self.content(&supi, &id)?;
        if number % 2 == 1 {
            return Ok(Told::plain(NoKey { key: None }));
        }
        let key = Some(KSeaf::from_octets(&[number as u8; 32]));
        Ok(Guarded::new(BoxKey { key }).made_durable().into())
    }

    async fn remove(&self, _: &Caller, supi: Supi, id: ResourceId) -> Result<(), NotDone> {
        let (number, _) = self.content(&supi, &id)?;
        self.0.lock().unwrap().remove(&(supi, number));
        Ok(())
    }
}

fn caller() -> Caller {
    Caller::new(Requester::group("tester"))
}

/// Everything that is asked, and every answer.
async fn asked(service: &impl NBoxes) -> Vec<String> {
    let (caller, supi, other) = (caller(), supi(SUBSCRIBER), supi(4));
    let content = |urgent| Content {
        owner: other.clone(),
        urgent,
        before: urgent.then(|| Before { owner: supi.clone() }),
    };
    let mut answers = Vec::new();
    let mut why = |done: Result<String, NotDone>| {
        answers.push(done.unwrap_or_else(|error| format!("{:?} {:?}", error.why(), error.retry_after())));
    };
    let mut ids = Vec::new();
    for urgent in [true, false, true, false] {
        let made = service.fill(&caller, supi.clone(), content(urgent)).await.unwrap();
        ids.push(made.id.expect("a name"));
        why(Ok(format!("{:?} {}", made.answer, ids.last().unwrap().text())));
    }
    // What is known better than the table says; over the wire in whole seconds.
    let full = service.fill(&caller, supi.clone(), content(true)).await.unwrap_err();
    assert!(
        full.retry_after()
            .is_some_and(|wait| wait >= Duration::from_millis(1500))
    );
    why(Ok(format!("{:?}", full.why())));
    why(service
        .fill(&caller, other.clone(), content(true))
        .await
        .map(|made| format!("{made:?}")));
    for id in ids
        .iter()
        .chain(["7", "a/b %C3é", "..", ""].map(ResourceId::segment).iter())
    {
        let (supi, id) = (supi.clone(), id.clone());
        why(service
            .look(&caller, supi.clone(), id.clone())
            .await
            .map(|found| format!("{found:?}")));
        let of = BoxKey {
            key: Some(KSeaf::from_octets(&[9; 32])),
        };
        let told = service.key(&caller, supi, id, of).await;
        why(told.map(|told| match told.released() {
            Ok(key) => format!("{:?}", key.release_to_peer() == BoxKey { key: None }),
            Err(plain) => format!("{:?}", plain == BoxKey { key: None }),
        }));
    }
    why(service
        .newest(&caller, supi.clone())
        .await
        .map(|found| format!("{found:?}")));
    why(service.newest(&caller, other).await.map(|found| format!("{found:?}")));
    for _ in 0..2 {
        why(service
            .remove(&caller, supi.clone(), ids[0].clone())
            .await
            .map(|()| "removed".to_owned()));
    }
    answers
}

/// Nobody who is told so may fill boxes.
struct NotEverything;

impl Gate for NotEverything {
    fn authorise(&self, caller: &Caller, operation: &Operation) -> Result<(), Refused> {
        assert_eq!(caller.requester().to_string(), "127.0.0.1");
        match operation.scope {
            "nboxes:keys" => Err(Refusal::TokenMissing.into()),
            "nboxes:write" if operation.name == "remove" => Err(Refusal::ScopeInsufficient.into()),
            _ => Ok(()),
        }
    }
}

/// Serves on the loopback; its URL.
fn served(change: impl FnOnce(Routes) -> Routes) -> String {
    let routes = Routes::new(Live::default()).with(routes(Arc::new(Store::default())));
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let handler = Arc::new(change(routes));
    tokio::spawn(serve(listener, handler, ServerOptions::default(), Shutdown::new()));
    url
}

#[tokio::test]
async fn here_and_over_the_wire_the_same_is_answered() {
    let here = asked(&Link::Here(Arc::new(Store::default()))).await;
    let there: Link<Arc<Store>> = Link::There(Client::new(client(&served(|routes| routes))));
    assert_eq!(here, asked(&there).await);
    let released = here.iter().filter(|answer| *answer == "false").count();
    let plain = here.iter().filter(|answer| *answer == "true").count();
    let not_found = here.iter().filter(|answer| answer.starts_with("DataNotFound")).count();
    assert_eq!((released, plain, not_found), (2, 2, 10), "{here:#?}");
}

/// Whoever an answer is meant for gets it as it is.
#[tokio::test]
async fn who_an_answer_is_meant_for_has_it() {
    let client = Client::new(client(&served(|routes| routes)));
    let content = Content {
        owner: supi(1),
        urgent: false,
        before: None,
    };
    let made = client.fill(&caller(), supi(SUBSCRIBER), content.clone()).await.unwrap();
    assert_eq!(made.answer, content);
    let nothing = BoxKey { key: None };
    let told = client
        .key(&caller(), supi(SUBSCRIBER), made.id.unwrap(), nothing)
        .await
        .unwrap();
    assert_eq!(told.key, Some(KSeaf::from_octets(&[0; 32])));
}

/// An answer is waited for until it is of no use any more.
#[tokio::test]
async fn a_client_keeps_the_deadline_of_its_caller() {
    struct Silent;
    impl kaskade_net::sbi::server::Handler for Silent {
        fn handle(&self, _: kaskade_net::sbi::message::Request) -> kaskade_net::sbi::service::Replying<'_> {
            Box::pin(std::future::pending())
        }
    }
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(
        listener,
        Arc::new(Silent),
        ServerOptions::default(),
        Shutdown::new(),
    ));
    let caller = caller().until(moment().after(Duration::from_millis(50)));
    let done = Client::new(client(&url)).newest(&caller, supi(0)).await.unwrap_err();
    assert_eq!(done.why(), Refusal::PeerSilent);
    let Some(Elsewhere::Client(ClientError::Timeout { after, .. })) = done.seen() else {
        panic!("{done:?}");
    };
    assert!(*after <= Duration::from_millis(50), "{after:?}");
}

/// What a peer answers that the operation does not have, or that cannot be read.
#[tokio::test]
async fn nonsense_of_a_peer_is_no_answer() {
    let told = |status: &'static str, body: &'static str| async move {
        use kaskade_net::sbi::message::{Content, Reply};
        struct Says(hyper::StatusCode, &'static str);
        impl kaskade_net::sbi::server::Handler for Says {
            fn handle(&self, _: kaskade_net::sbi::message::Request) -> kaskade_net::sbi::service::Replying<'_> {
                let reply = Reply::new(self.0, Content::Json, self.1.as_bytes());
                Box::pin(std::future::ready(reply))
            }
        }
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let says = Arc::new(Says(status.parse().unwrap(), body));
        tokio::spawn(serve(listener, says, ServerOptions::default(), Shutdown::new()));
        Client::new(client(&url)).newest(&caller(), supi(0)).await
    };
    let right = r#"{"kind":"BOX","owner":"imsi-001010000000001"}"#;
    assert!(told("200", right).await.is_ok());
    for (status, body) in [
        ("201", right),
        ("204", ""),
        ("302", ""),
        ("200", "{}"),
        ("200", r#"{"kind":"BAG"}"#),
    ] {
        let done = told(status, body).await.unwrap_err();
        assert!(
            matches!(done.seen(), Some(Elsewhere::Nonsense(_))),
            "{status} {body}: {done:?}"
        );
        assert_eq!(done.why(), Refusal::PeerSilent);
    }
    for (status, body, why) in [
        ("404", r#"{"cause":"DATA_NOT_FOUND"}"#, Refusal::DataNotFound),
        ("404", r#"{"cause":"NEVER_HEARD_OF"}"#, Refusal::PeerFailed),
        ("500", "", Refusal::PeerFailed),
        ("503", "", Refusal::PeerSilent),
        ("403", r#"{"cause":"USER_NOT_FOUND"}"#, Refusal::UserNotFound),
    ] {
        let done = told(status, body).await.unwrap_err();
        assert_eq!(done.why(), why, "{status} {body}");
        assert!(matches!(done.seen(), Some(Elsewhere::Refused(heard)) if heard.status.as_str() == status));
    }
}

const BOXES: &str = "/nboxes/v1/imsi-001010000000003/boxes";
const BOX: &str = "/nboxes/v1/imsi-001010000000003/boxes/0000000000000000";
const RIGHT: &str = r#"{"kind":"BOX","owner":"imsi-001010000000001"}"#;

fn told(seen: &Seen) -> (u16, String, String) {
    let json = seen.json();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (
        seen.status,
        text(&json["cause"]),
        text(&json["invalidParams"][0]["param"]),
    )
}

#[tokio::test]
async fn every_bad_way_has_its_answer() {
    let url = served(|routes| routes);
    let post = |body: &str| Ask::json("POST", BOXES, body);
    let with = |more: &str| post(&RIGHT.replace('}', &format!(",{more}}}")));
    let right = send(&url, &post(RIGHT)).await;
    assert_eq!(right.status, 201);
    assert_eq!(right.header("location"), Some(&*format!("{url}{BOX}")));
    assert_eq!(right.header("content-type"), Some("application/json"));
    assert_eq!(String::from_utf8(right.body).unwrap(), RIGHT);
    for (ask, status, cause, param) in [
        (Ask::bare("GET", "/nboxes/v2/x/boxes"), 400, "INVALID_API", ""),
        (Ask::bare("GET", "/nboxes"), 400, "INVALID_API", ""),
        (
            Ask::bare("GET", "/nboxes/v1/x/bags"),
            404,
            "RESOURCE_URI_STRUCTURE_NOT_FOUND",
            "",
        ),
        (
            Ask::bare("GET", format!("{BOX}/x")),
            404,
            "RESOURCE_URI_STRUCTURE_NOT_FOUND",
            "",
        ),
        (
            Ask::bare("GET", format!("{BOXES}/%zz")),
            404,
            "RESOURCE_URI_STRUCTURE_NOT_FOUND",
            "",
        ),
        (Ask::bare("GET", format!("{BOXES}/1")), 404, "DATA_NOT_FOUND", ""),
        (
            Ask::bare("GET", "/nboxes/v1/imsi-1/boxes/1"),
            400,
            "MANDATORY_IE_INCORRECT",
            "{supi}",
        ),
        (
            Ask::json("POST", "/nboxes/v1/x/boxes", "{"),
            400,
            "MANDATORY_IE_INCORRECT",
            "{supi}",
        ),
        (
            Ask::json("POST", "/nboxes/v1/imsi-00101/boxes", RIGHT),
            404,
            "USER_NOT_FOUND",
            "",
        ),
        (Ask::bare("POST", BOXES), 415, "", ""),
        (
            Ask::bare("POST", BOXES)
                .header("content-type", "text/plain")
                .body(RIGHT),
            415,
            "",
            "",
        ),
        (post(RIGHT).header("content-encoding", "gzip"), 415, "", ""),
        (post(RIGHT).header("content-type", "application/json"), 400, "", ""),
        (post(RIGHT).header("accept", "text/html"), 406, "", ""),
        (Ask::bare("GET", BOX).header("accept", "text/html"), 406, "", ""),
        (with(&format!(r#""x":"{}""#, "x".repeat(70_000))), 413, "", ""),
        (post("[]"), 400, "INVALID_MSG_FORMAT", ""),
        (post("{"), 400, "INVALID_MSG_FORMAT", ""),
        (with(r#""x":1,"x":2"#), 400, "INVALID_MSG_FORMAT", ""),
        (with(r#""owner":"imsi-001010000000001""#), 400, "INVALID_MSG_FORMAT", ""),
        (post("{}"), 400, "MANDATORY_IE_MISSING", "/kind"),
        (post(r#"{"kind":"BAG"}"#), 400, "MANDATORY_IE_INCORRECT", "/kind"),
        (post(r#"{"kind":"BOX"}"#), 400, "MANDATORY_IE_MISSING", "/owner"),
        (
            post(r#"{"kind":"BOX","owner":null}"#),
            400,
            "MANDATORY_IE_INCORRECT",
            "/owner",
        ),
        (
            post(r#"{"kind":"BOX","owner":"me"}"#),
            400,
            "MANDATORY_IE_INCORRECT",
            "/owner",
        ),
        (with(r#""urgent":"yes""#), 400, "OPTIONAL_IE_INCORRECT", "/urgent"),
        (with(r#""before":7"#), 400, "OPTIONAL_IE_INCORRECT", "/before"),
        (with(r#""before":{}"#), 400, "MANDATORY_IE_MISSING", "/before/owner"),
        (
            with(r#""before":{"owner":[]}"#),
            400,
            "MANDATORY_IE_INCORRECT",
            "/before/owner",
        ),
        (
            with(r#""supportedFeatures":"x""#),
            400,
            "OPTIONAL_IE_INCORRECT",
            "/supportedFeatures",
        ),
        (Ask::json("PUT", BOX, "{}"), 400, "MANDATORY_IE_MISSING", "/key"),
        (
            Ask::json("PUT", BOX, r#"{"key":"00"}"#),
            400,
            "MANDATORY_IE_INCORRECT",
            "/key",
        ),
    ] {
        let seen = send(&url, &ask).await;
        let shown = format!("{ask:?}");
        assert_eq!(
            told(&seen),
            (status, cause.to_owned(), param.to_owned()),
            "{}",
            shown.get(..200).unwrap_or(&shown)
        );
        assert_eq!(seen.header("content-type"), Some("application/problem+json"));
    }
    for (method, path, allow) in [
        ("GET", BOXES, "POST"),
        ("HEAD", BOXES, "POST"),
        ("POST", BOX, "GET, PUT, DELETE"),
        // The name says more than the variable.
        ("DELETE", &format!("{BOXES}/newest"), "GET"),
        ("BREW", &format!("{BOXES}/new%65st"), "GET"),
    ] {
        let seen = send(&url, &Ask::bare(method, path)).await;
        assert_eq!(
            (seen.status, seen.header("allow")),
            (405, Some(allow)),
            "{method} {path}"
        );
    }
    for _ in 1..4 {
        assert_eq!(send(&url, &post(RIGHT)).await.status, 201);
    }
    let full = send(&url, &post(RIGHT)).await;
    assert_eq!((full.status, full.header("retry-after")), (503, Some("2")));
    let key = send(&url, &Ask::json("PUT", BOX, r#"{"key":null}"#)).await;
    assert_eq!(key.text("/key"), "00".repeat(32));
    assert!(
        key.body.starts_with(&[b' '; 256]),
        "what is copied on the way holds nothing"
    );
    assert_eq!(send(&url, &Ask::bare("DELETE", BOX)).await.status, 204);
}

#[tokio::test]
async fn the_gate_is_asked_before_anybody_looks_at_a_body() {
    let url = served(|routes| routes.behind(Arc::new(NotEverything)));
    assert_eq!(send(&url, &Ask::json("POST", BOXES, RIGHT)).await.status, 201);
    assert_eq!(send(&url, &Ask::bare("GET", BOX)).await.status, 200);
    for body in [r#"{"key":null}"#, "{"] {
        let refused = send(&url, &Ask::json("PUT", BOX, body)).await;
        assert_eq!(
            (refused.status, refused.header("www-authenticate")),
            (401, Some("Bearer scope=\"nboxes:keys\""))
        );
    }
    let refused = send(&url, &Ask::bare("DELETE", BOX).header("accept", "text/html")).await;
    assert_eq!(refused.status, 403);
    // What does not exist is told to everybody.
    assert_eq!(send(&url, &Ask::bare("POST", BOX)).await.status, 405);
}

#[test]
fn a_declaration_is_data() {
    let Service {
        name,
        version,
        title,
        clause,
        operations,
    } = &SERVICE;
    assert_eq!(
        (*name, *version, *title, *clause),
        ("nboxes", "v1", "Nboxes: keys of boxes.", "nowhere 1")
    );
    let [fill, look, key, remove, newest] = operations else {
        panic!("{operations:?}");
    };
    assert_eq!(fill.label(), "nboxes.fill");
    assert_eq!(
        (fill.method.as_str(), fill.path, fill.title),
        ("POST", "/{supi}/boxes", "Fills a new box.")
    );
    assert_eq!(
        (fill.answer.status, fill.answer.location, fill.answer.released),
        (201, true, false)
    );
    assert_eq!(
        fill.request.map(|body| (body.name, body.secret)),
        Some(("Content", false))
    );
    assert_eq!(
        key.answer.body.map(|body| (body.name, body.secret)),
        Some(("BoxKey", true))
    );
    assert!(key.answer.released && !newest.answer.released);
    assert!(remove.answer.body.is_none() && look.request.is_none());
    assert!(look.may_tell(404, Refusal::DataNotFound.verdict().sbi.answer().unwrap().cause()));
    assert!(!look.may_tell(404, Refusal::UserNotFound.verdict().sbi.answer().unwrap().cause()));
    assert!(!look.may_tell(415, None) && fill.may_tell(415, None));
    assert_eq!(SERVICE.bodies().count(), 6);
    let written = br#"{"kind":"BOX","owner":"imsi-001010000000001","x":[]}"#;
    assert_eq!(fill.request.unwrap().rewrite(written).unwrap(), RIGHT.as_bytes());
    assert_eq!(fill.request.unwrap().rewrite(b"{}"), None);
    assert!(Content::from_json(written).is_ok());
}

/// The local call boxes nothing: its future is that of the role itself, and a word.
#[tokio::test]
async fn a_local_call_is_as_small_as_the_role() {
    let store = Arc::new(Store::default());
    let (caller, link) = (caller(), Link::Here(store.clone()));
    let here = size_of_val(&link.newest(&caller, supi(SUBSCRIBER)));
    let role = size_of_val(&NBoxes::newest(&store, &caller, supi(SUBSCRIBER)));
    assert!(here <= role + size_of::<usize>(), "{here} of {role}");
    let _: Durable<()> = Guarded::new(()).made_durable();
}
