//! Whoever may not have a key of AKMA learns nothing of subscribers by being refused.

use serde_json::json;

use super::world::World;
use super::{Row, Scene, operations, rows};
use crate::common::http::{Told, send_unchecked};

/// Asks for a key of an application function by an A-KID.
async fn asked(world: &World, of: &'static str, af_id: &str, a_kid: &str) -> Told {
    let mut ask = rows::with(of, "aKId", a_kid);
    let mut body = json!({});
    if let Some(octets) = &ask.body {
        body = serde_json::from_slice(octets).unwrap();
    }
    body["afId"] = af_id.into();
    ask.body = Some(body.to_string().into());
    let row = Row {
        of,
        scene: Scene::Open,
        ask,
        status: 0,
        cause: "",
        param: "",
    };
    let (url, ask) = world.filled(&row, operations()[of]);
    send_unchecked(&url, &ask).await
}

/// Names of headers with their values, and the body: all that a peer sees, but for when.
fn seen(told: &Told) -> (u16, Vec<(String, String)>, String) {
    let headers = told.headers.iter().filter(|(name, _)| name != "date");
    let mut headers: Vec<_> = headers.cloned().collect();
    headers.sort();
    (told.status, headers, String::from_utf8_lossy(&told.body).into_owned())
}

#[tokio::test]
async fn who_may_not_have_a_key_is_told_the_same_of_every_a_kid() {
    for (of, not_its_own, a_kids) in [
        (
            "naanf-akma.retrieve_applicationkey",
            [
                "b.example.com0100000002",
                "c.example.com0100000002",
                "af.example.com0100000007",
            ],
            // One that is there, suspended, without AKMA, unknown.
            ["<a-kid 0>", "<a-kid 2>", "<a-kid 5>", "<a-kid 9>"],
        ),
        (
            "3gpp-akma.retrieve",
            [
                "audio.example.com0100000002",
                "c.example.com0100000002",
                "video.example.com0100000007",
            ],
            [
                "<nef-a-kid>",
                "<nef-a-kid of nobody>",
                "<nef-a-kid abroad>",
                "<a-kid 0>",
            ],
        ),
    ] {
        let world = World::start(Scene::Open, super::world::is_of_nef(of)).await;
        for af_id in not_its_own {
            let first = seen(&asked(&world, of, af_id, a_kids[0]).await);
            assert_eq!(first.0, 403, "{of} {af_id}: {first:?}");
            for a_kid in a_kids {
                assert_eq!(
                    seen(&asked(&world, of, af_id, a_kid).await),
                    first,
                    "{of} {af_id} {a_kid}"
                );
            }
        }
        // Of an application function that is not there no more is told than of another's.
        let [of_another, of_nobody, _] = not_its_own;
        assert_eq!(
            seen(&asked(&world, of, of_another, a_kids[0]).await),
            seen(&asked(&world, of, of_nobody, a_kids[0]).await),
            "{of}"
        );
        // What is malformed is malformed before anybody asks whose it is; all problems have the same form.
        let malformed = asked(&world, of, of_another, "someone@example.com").await;
        let refused = asked(&world, of, of_another, a_kids[0]).await;
        let form = |told: &Told| {
            let json = told.json();
            let members: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
            let common = ["title", "status"]
                .iter()
                .all(|name| members.iter().any(|member| member == name));
            (told.header("content-type").map(str::to_owned), common)
        };
        assert_eq!((malformed.status, form(&malformed)), (400, form(&refused)), "{of}");
        world.end().await;
    }
}
