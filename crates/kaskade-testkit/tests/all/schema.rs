//! Answers and requests that are as described, and such as are not.

use std::path::Path;

use kaskade_testkit::schema::{Seen, Services};
use serde_json::{Value, json};

/// The services of the network crate, as its own tests read them, and one that uses every keyword.
fn services() -> (tempfile::TempDir, Services) {
    let folder = tempfile::tempdir().unwrap();
    let described = json!({
        "api": "/test/v1",
        "operations": [
            {
                "method": "POST", "path": "/things/{id}/sub", "request": "Thing",
                "answers": {
                    "200": { "content": ["application/json"], "schema": "Thing" },
                    "201": { "content": ["application/json"], "schema": "Thing", "location": "^/things/[0-9]+$" },
                    "204": {},
                    "404": "problem",
                    "409": [null, "IN_USE"],
                },
            },
            { "method": "GET", "path": "/things", "answers": { "204": {} } },
        ],
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["id", "kind"],
                "additionalProperties": false,
                "properties": {
                    "id": { "$ref": "#/schemas/Id" },
                    "kind": { "enum": ["a", "b"] },
                    "count": { "type": "integer" },
                    "on": { "type": "boolean" },
                    "parts": { "type": "array", "items": { "$ref": "#/schemas/Id" } },
                    "maybe": { "anyOf": [{ "const": null }, { "$ref": "#/schemas/Id" }] },
                },
            },
            "Id": { "type": "string", "pattern": "^[0-9a-f]{4}$" },
        },
    });
    let problem = json!({ "schemas": { "ProblemDetails": {
        "type": "object", "required": ["status"], "properties": { "status": { "type": "integer" } },
    } } });
    for (name, content) in [("test.json", described), ("problem.json", problem)] {
        std::fs::write(folder.path().join(name), content.to_string()).unwrap();
    }
    let services = Services::read(folder.path(), &["test.json"]);
    (folder, services)
}

const PATH: &str = "/test/v1/things/7/sub";

fn whole() -> Value {
    json!({ "id": "00ff", "kind": "a", "count": 3, "on": true, "parts": ["0123", "4567"], "maybe": null })
}

#[test]
fn bodies_that_do_not_fit_are_refused_with_their_place() {
    let (_folder, services) = services();
    assert_eq!(services.try_request("POST", PATH, &whole()), Ok(()));
    for (member, value) in [
        ("id", json!("00fg")),
        ("id", json!(17)),
        ("kind", json!("c")),
        ("count", json!(-1)),
        ("count", json!("3")),
        ("on", json!(0)),
        ("parts", json!({})),
        ("parts/-", json!(["0123", "x"])),
        ("maybe", json!("x")),
    ] {
        let mut body = whole();
        body[member.trim_end_matches("/-")] = value.clone();
        let error = services.try_request("POST", PATH, &body).expect_err("wrong");
        assert!(error.starts_with(&format!("/{member}:")), "{member} {value}: {error}");
    }
    for (what, body) in [
        ("a member more", json!({ "id": "00ff", "kind": "a", "more": 1 })),
        ("a member less", json!({ "id": "00ff" })),
        ("no object", json!(["id", "kind"])),
        ("null", json!(null)),
    ] {
        assert!(services.try_request("POST", PATH, &body).is_err(), "{what}");
    }
    for (method, path) in [
        ("PUT", PATH),
        ("POST", "/test/v1/things/7"),
        ("POST", "/other/v1/things/7/sub"),
    ] {
        assert!(services.try_request(method, path, &whole()).is_err(), "{method} {path}");
    }
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let (_folder, services) = services();
    let body = whole().to_string();
    let good = Seen {
        method: "POST",
        path: PATH,
        status: 200,
        content_type: Some("application/json"),
        location: None,
        body: body.as_bytes(),
    };
    let created = Seen {
        status: 201,
        location: Some("/things/7"),
        ..good
    };
    let nothing = Seen {
        status: 204,
        content_type: None,
        body: b"",
        ..good
    };
    let problem = Seen {
        status: 404,
        content_type: Some("application/problem+json"),
        body: br#"{ "status": 404 }"#,
        ..good
    };
    let of_http = Seen {
        status: 405,
        body: br#"{ "status": 405 }"#,
        ..problem
    };
    let unknown = Seen {
        path: "/test/v1/nothing",
        ..problem
    };
    for seen in [good, created, nothing, problem, of_http, unknown] {
        assert_eq!(services.try_answer(&seen), Ok(()), "{seen:?}");
    }
    for wrong in [
        Seen { status: 202, ..good },
        Seen {
            content_type: None,
            ..good
        },
        Seen {
            content_type: Some("text/plain"),
            ..good
        },
        Seen {
            location: Some("/things/7"),
            ..good
        },
        Seen { body: b"{}", ..good },
        Seen { body: b"", ..good },
        Seen {
            location: None,
            ..created
        },
        Seen {
            location: Some("/things/x"),
            ..created
        },
        Seen { body: b" ", ..nothing },
        Seen {
            content_type: Some("application/json"),
            ..problem
        },
        Seen {
            body: br#"{ "status": 403 }"#,
            ..problem
        },
        Seen { body: b"{}", ..problem },
        Seen {
            path: "/test/v1/nothing",
            ..good
        },
    ] {
        assert!(services.try_answer(&wrong).is_err(), "{wrong:?}");
    }
}

/// A check that is passed over would be worse than none.
#[test]
fn a_mistake_in_a_description_is_no_pass() {
    for form in [
        json!({ "typ": "object" }),
        json!({ "type": "number" }),
        json!({ "pattern": "(" }),
        json!({ "$ref": "#/schemas/Nothing" }),
        json!({ "additionalProperties": true, "properties": {} }),
    ] {
        let (folder, _) = services();
        let api = json!({
            "api": "/test/v1",
            "operations": [{ "method": "POST", "path": "", "request": "Thing", "answers": {} }],
            "schemas": { "Thing": form.clone() },
        });
        std::fs::write(folder.path().join("test.json"), api.to_string()).unwrap();
        let services = Services::read(folder.path(), &["test.json"]);
        let tried = std::panic::catch_unwind(|| services.try_request("POST", "/test/v1", &json!("x")));
        assert!(tried.is_err(), "{form}");
    }
    let nowhere = std::panic::catch_unwind(|| Services::read(Path::new("/nowhere"), &["test.json"]));
    assert!(nowhere.is_err());
}
