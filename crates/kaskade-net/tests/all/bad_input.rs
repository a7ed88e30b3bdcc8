//! What a wrong request gets: the right status, cause and pointer, whoever sends it; and nothing is lost by it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::http::{Ask, Told, curl, send, send_unchecked};
use crate::common::{Home, Link, answer, hn_key, suci, supi, ue, without_interop};
use kaskade_crypto::ecies::{EphemeralSecret, conceal};

const SNN: &str = "5G:mnc001.mcc001.3gppnetwork.org";
const AUTHENTICATE: &str = "/nausf-auth/v1/ue-authentications";
const CONFIRM: &str = "/nausf-auth/v1/ue-authentications/AAAAAAAAAAAAAAAAAAAAAAA/5g-aka-confirmation";
const GENERATE: &str = "/nudm-ueau/v1/imsi-001010000000000/security-information/generate-auth-data";
const EVENTS: &str = "/nudm-ueau/v1/imsi-001010000000000/auth-events";
const DEREGISTER: &str = "/nausf-auth/v1/ue-authentications/deregister";
const NF: &str = "a5a5a5a5-a5a5-45a5-a5a5-a5a5a5a5a5a5";

struct Case {
    ask: Ask<'static>,
    status: u16,
    cause: &'static str,
    param: &'static str,
}

fn case(ask: Ask<'static>, status: u16, cause: &'static str, param: &'static str) -> Case {
    Case {
        ask,
        status,
        cause,
        param,
    }
}

fn post(path: &str, body: impl Into<Vec<u8>>) -> Ask<'static> {
    Ask::json("POST", path, body)
}

fn put(path: &str, body: impl Into<Vec<u8>>) -> Ask<'static> {
    Ask::json("PUT", path, body)
}

/// A request for `who`, with further members.
fn authenticate(who: &str, more: &str) -> Ask<'static> {
    post(
        AUTHENTICATE,
        format!(r#"{{"supiOrSuci":"{who}","servingNetworkName":"{SNN}"{more}}}"#),
    )
}

fn generate(more: &str) -> Ask<'static> {
    post(
        GENERATE,
        format!(r#"{{"servingNetworkName":"{SNN}","ausfInstanceId":"{NF}"{more}}}"#),
    )
}

fn event(more: &str) -> String {
    format!(
        r#"{{"nfInstanceId":"{NF}","success":true,"timeStamp":"2026-01-02T03:04:05Z","authType":"5G_AKA","servingNetworkName":"{SNN}"{more}}}"#
    )
}

/// A SUCI of profile A or B whose scheme output was changed.
fn broken_suci(key: u8, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let text = suci(0, key).sbi();
    let (head, output) = text.rsplit_once('-').unwrap();
    let mut output = hex::decode(output).unwrap();
    change(&mut output);
    format!("{head}-{}", hex::encode(output))
}

const FORMAT: &str = "INVALID_MSG_FORMAT";
const MISSING: &str = "MANDATORY_IE_MISSING";
const WRONG: &str = "MANDATORY_IE_INCORRECT";
const OPTIONAL: &str = "OPTIONAL_IE_INCORRECT";
const NO_RESOURCE: &str = "RESOURCE_URI_STRUCTURE_NOT_FOUND";

#[allow(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let known = "imsi-001010000000000";
    let resync = r#","resynchronizationInfo":{"rand":"00000000000000000000000000000000","auts":"#;
    let padding = "x".repeat(70_000);
    let mut cases = vec![
        // Not JSON, not an object.
        case(post(AUTHENTICATE, ""), 400, FORMAT, ""),
        case(post(AUTHENTICATE, "{"), 400, FORMAT, ""),
        case(post(AUTHENTICATE, "[]"), 400, FORMAT, ""),
        case(
            post(AUTHENTICATE, r#"["imsi-001010000000000","5G:NSWO"]"#),
            400,
            FORMAT,
            "",
        ),
        case(post(AUTHENTICATE, "null"), 400, FORMAT, ""),
        case(post(AUTHENTICATE, [0xFF, 0xFE]), 400, FORMAT, ""),
        case(post(AUTHENTICATE, "[".repeat(60_000)), 400, FORMAT, ""),
        case(
            post(AUTHENTICATE, format!("{{\"a\":{}", "[".repeat(60_000))),
            400,
            FORMAT,
            "",
        ),
        case(
            authenticate(known, r#","supiOrSuci":"imsi-001010000000001""#),
            400,
            FORMAT,
            "",
        ),
        case(authenticate(known, "} x"), 400, FORMAT, ""),
        // Members of AuthenticationInfo.
        case(post(AUTHENTICATE, "{}"), 400, MISSING, "/supiOrSuci"),
        case(
            post(AUTHENTICATE, r#"{"supiOrSuci":"imsi-001010000000000"}"#),
            400,
            MISSING,
            "/servingNetworkName",
        ),
        case(post(AUTHENTICATE, r#"{"supiOrSuci":7}"#), 400, WRONG, "/supiOrSuci"),
        case(post(AUTHENTICATE, r#"{"supiOrSuci":null}"#), 400, WRONG, "/supiOrSuci"),
        case(authenticate("001010000000000", ""), 400, WRONG, "/supiOrSuci"),
        case(authenticate("imsi-0010100000000001", ""), 400, WRONG, "/supiOrSuci"),
        case(authenticate("imsi-00101000000000x", ""), 400, WRONG, "/supiOrSuci"),
        case(authenticate("suci-0-001-01-0-1-1-zz", ""), 400, WRONG, "/supiOrSuci"),
        case(authenticate("suci-0-001-01-0-1-0-00", ""), 400, WRONG, "/supiOrSuci"),
        case(
            post(
                AUTHENTICATE,
                r#"{"supiOrSuci":"imsi-001010000000000","servingNetworkName":"5G:mnc01.mcc001.3gppnetwork.org"}"#,
            ),
            400,
            WRONG,
            "/servingNetworkName",
        ),
        case(
            authenticate(known, r#","resynchronizationInfo":{}"#),
            400,
            MISSING,
            "/resynchronizationInfo/rand",
        ),
        case(
            authenticate(known, r#","resynchronizationInfo":"x""#),
            400,
            OPTIONAL,
            "/resynchronizationInfo",
        ),
        case(
            authenticate(known, &format!("{resync}null}}")),
            400,
            WRONG,
            "/resynchronizationInfo/auts",
        ),
        case(
            authenticate(known, &format!(r#"{resync}"00"}}"#)),
            400,
            WRONG,
            "/resynchronizationInfo/auts",
        ),
        case(
            authenticate(known, &format!(r#"{resync}"00000000000000000000000000zz"}}"#)),
            400,
            WRONG,
            "/resynchronizationInfo/auts",
        ),
        case(authenticate(known, r#","n5gcInd":"yes""#), 400, OPTIONAL, "/n5gcInd"),
        case(
            authenticate(known, r#","routingIndicator":"12345""#),
            400,
            OPTIONAL,
            "/routingIndicator",
        ),
        // Members of ConfirmationData and DeregistrationInfo.
        case(put(CONFIRM, "{}"), 400, MISSING, "/resStar"),
        case(put(CONFIRM, r#"{"resStar":12}"#), 400, WRONG, "/resStar"),
        case(put(CONFIRM, r#"{"resStar":"00"}"#), 400, WRONG, "/resStar"),
        case(
            put(CONFIRM, r#"{"resStar":"gggggggggggggggggggggggggggggggg"}"#),
            400,
            WRONG,
            "/resStar",
        ),
        case(post(DEREGISTER, "{}"), 400, MISSING, "/supi"),
        case(
            post(DEREGISTER, r#"{"supi":"suci-0-001-01-0-0-0-0000000001"}"#),
            400,
            WRONG,
            "/supi",
        ),
        // Contexts.
        case(
            put(CONFIRM, r#"{"resStar":"00000000000000000000000000000000"}"#),
            404,
            "CONTEXT_NOT_FOUND",
            "",
        ),
        case(
            put(
                "/nausf-auth/v1/ue-authentications/1/5g-aka-confirmation",
                r#"{"resStar":null}"#,
            ),
            404,
            "CONTEXT_NOT_FOUND",
            "",
        ),
        case(
            put(
                "/nausf-auth/v1/ue-authentications/AAA%2F..%2FAAAAAAAAAAAAAAAAA/5g-aka-confirmation",
                r#"{"resStar":null}"#,
            ),
            404,
            "CONTEXT_NOT_FOUND",
            "",
        ),
        case(Ask::bare("DELETE", CONFIRM), 404, "CONTEXT_NOT_FOUND", ""),
        // Who and where.
        case(authenticate("imsi-001010000009999", ""), 404, "USER_NOT_FOUND", ""),
        case(authenticate("nai-nobody@example.org", ""), 404, "USER_NOT_FOUND", ""),
        case(
            authenticate("suci-0-001-01-0-0-0-0000009999", ""),
            404,
            "USER_NOT_FOUND",
            "",
        ),
        case(
            post(
                AUTHENTICATE,
                r#"{"supiOrSuci":"imsi-001010000000000","servingNetworkName":"5G:mnc099.mcc999.3gppnetwork.org"}"#,
            ),
            403,
            "SERVING_NETWORK_NOT_AUTHORIZED",
            "",
        ),
        case(
            post(
                GENERATE,
                format!(r#"{{"servingNetworkName":"5G:mnc099.mcc999.3gppnetwork.org","ausfInstanceId":"{NF}"}}"#),
            ),
            403,
            "SERVING_NETWORK_NOT_AUTHORIZED",
            "",
        ),
        case(
            authenticate(known, &format!(r#"{resync}"0000000000000000000000000000"}}"#)),
            403,
            "AUTHENTICATION_REJECTED",
            "",
        ),
        // SUCIs that do not open.
        case(
            authenticate(&suci(0, 1).sbi().replace("-1-1-", "-1-9-"), ""),
            403,
            "INVALID_HN_PUBLIC_KEY_IDENTIFIER",
            "",
        ),
        case(
            authenticate(&suci(0, 1).sbi().replace("-1-1-", "-1-2-"), ""),
            403,
            "INVALID_HN_PUBLIC_KEY_IDENTIFIER",
            "",
        ),
        case(
            authenticate("suci-0-001-01-0-c-1-00", ""),
            501,
            "UNSUPPORTED_PROTECTION_SCHEME",
            "",
        ),
        // Members of AuthenticationInfoRequest.
        case(post(GENERATE, "{}"), 400, MISSING, "/servingNetworkName"),
        case(
            post(GENERATE, format!(r#"{{"servingNetworkName":"{SNN}"}}"#)),
            400,
            MISSING,
            "/ausfInstanceId",
        ),
        case(
            post(
                GENERATE,
                format!(r#"{{"servingNetworkName":"{SNN}","ausfInstanceId":"me"}}"#),
            ),
            400,
            WRONG,
            "/ausfInstanceId",
        ),
        case(
            generate(r#","resynchronizationInfo":{"auts":"00"}"#),
            400,
            MISSING,
            "/resynchronizationInfo/rand",
        ),
        case(generate(r#","aun3Ind":1"#), 400, OPTIONAL, "/aun3Ind"),
        case(
            post("/nudm-ueau/v1/imsi-1/security-information/generate-auth-data", "{}"),
            400,
            WRONG,
            "{supiOrSuci}",
        ),
        case(
            post("/nudm-ueau/v1/%ff/security-information/generate-auth-data", "{}"),
            404,
            NO_RESOURCE,
            "",
        ),
        // Members of AuthEvent.
        case(post(EVENTS, "{}"), 400, MISSING, "/nfInstanceId"),
        case(
            post(EVENTS, event("").replace("true", "\"true\"")),
            400,
            WRONG,
            "/success",
        ),
        case(
            post(EVENTS, event("").replace("03:04", "25:04")),
            400,
            WRONG,
            "/timeStamp",
        ),
        case(
            post(EVENTS, event(r#","authRemovalInd":"x""#)),
            400,
            OPTIONAL,
            "/authRemovalInd",
        ),
        case(post(EVENTS, event(r#","resetIds":[]"#)), 400, OPTIONAL, "/resetIds"),
        case(
            post(EVENTS, event(r#","resetIds":["a",["b"]]"#)),
            400,
            OPTIONAL,
            "/resetIds",
        ),
        case(post(EVENTS, event(r#","resetIds":"a""#)), 400, OPTIONAL, "/resetIds"),
        case(
            post("/nudm-ueau/v1/suci-0-001-01-0-0-0-1/auth-events", event("")),
            400,
            WRONG,
            "{supi}",
        ),
        case(
            post("/nudm-ueau/v1/imsi-001010000009999/auth-events", event("")),
            404,
            "USER_NOT_FOUND",
            "",
        ),
        case(
            put(&format!("{EVENTS}/0123456789abcdef"), event("")),
            400,
            WRONG,
            "/authRemovalInd",
        ),
        case(
            put(
                &format!("{EVENTS}/0123456789abcdef"),
                event(r#","authRemovalInd":true"#),
            ),
            404,
            "DATA_NOT_FOUND",
            "",
        ),
        case(
            put(&format!("{EVENTS}/1"), event(r#","authRemovalInd":true"#)),
            404,
            "DATA_NOT_FOUND",
            "",
        ),
        // Paths.
        case(Ask::bare("GET", "/"), 400, "INVALID_API", ""),
        case(Ask::bare("GET", "/nausf-auth"), 400, "INVALID_API", ""),
        case(
            Ask::bare("GET", "/nausf-auth/v2/ue-authentications"),
            400,
            "INVALID_API",
            "",
        ),
        case(Ask::bare("GET", "/nausf-auth/v1"), 404, NO_RESOURCE, ""),
        case(Ask::bare("GET", "/nausf-auth/v1/"), 404, NO_RESOURCE, ""),
        case(post("/nausf-auth/v1/ue-authentications/", "{}"), 404, NO_RESOURCE, ""),
        case(
            post("/nausf-auth/v1/ue-authentications/1/eap-session/2", "{}"),
            404,
            NO_RESOURCE,
            "",
        ),
        case(post("/nausf-auth/v1/1/2/3/4/5/6/7/8/9", "{}"), 404, NO_RESOURCE, ""),
        case(
            post("/nudm-ueau/v1/imsi-001010000000000/unknown", "{}"),
            404,
            NO_RESOURCE,
            "",
        ),
        // Methods.
        case(Ask::bare("GET", AUTHENTICATE), 405, "", "POST"),
        case(Ask::bare("GET", DEREGISTER), 405, "", "POST"),
        case(post(CONFIRM, "{}"), 405, "", "PUT, DELETE"),
        case(Ask::bare("GET", GENERATE), 405, "", "POST"),
        case(Ask::bare("DELETE", EVENTS), 405, "", "POST"),
        case(post(&format!("{EVENTS}/1"), "{}"), 405, "", "PUT"),
        // Content.
        case(Ask::bare("POST", AUTHENTICATE), 415, "", ""),
        case(Ask::bare("POST", AUTHENTICATE).body("{}"), 415, "", ""),
        case(
            Ask::bare("POST", AUTHENTICATE)
                .header("content-type", "text/plain")
                .body("{}"),
            415,
            "",
            "",
        ),
        case(
            Ask::bare("POST", AUTHENTICATE)
                .header("content-type", "application/jsonx")
                .body("{}"),
            415,
            "",
            "",
        ),
        case(
            Ask::bare("POST", AUTHENTICATE)
                .header("content-type", "application/json;charset=latin1")
                .body("{}"),
            415,
            "",
            "",
        ),
        case(authenticate(known, "").header("content-encoding", "gzip"), 415, "", ""),
        case(authenticate(known, "").header("accept", "text/html"), 406, "", ""),
        case(
            authenticate(known, "").header("accept", "application/json;q=0"),
            406,
            "",
            "",
        ),
        case(authenticate(known, &format!(r#","pei":"{padding}""#)), 413, "", ""),
    ];
    for key in [1, 2] {
        let no_secret = |output: &mut Vec<u8>| {
            let (length, first) = if key == 1 { (32, 0) } else { (33, 2) };
            output[..length].fill(0xFF);
            output[0] = first;
        };
        let empty = hn_key(key).profile().overhead();
        for suci in [
            broken_suci(key, |output| *output.last_mut().unwrap() ^= 1),
            broken_suci(key, |output| output[34] ^= 1),
            broken_suci(key, |output| output[5] ^= 1),
            broken_suci(key, no_secret),
            broken_suci(key, |output| output.truncate(empty)),
            broken_suci(key, |output| output.truncate(1)),
            // It opens, and holds no MSIN.
            broken_suci(key, |output| {
                let ephemeral = EphemeralSecret::from_octets(&[3; 32]);
                *output = conceal(hn_key(key).public_key(), ephemeral, &[0xAA, 0xBB]).unwrap();
            }),
        ] {
            cases.push(case(authenticate(&suci, ""), 403, "INVALID_SCHEME_OUTPUT", ""));
        }
    }
    cases
}

fn assert_told(case: &Case, told: &Told) {
    let shown = format!("{:?}", case.ask);
    let shown = shown.get(..400).unwrap_or(&shown);
    assert_eq!(told.status, case.status, "{shown}\n{told:?}");
    let json = told.json();
    assert_eq!(json["cause"].as_str().unwrap_or(""), case.cause, "{shown}\n{json}");
    if case.status == 405 {
        assert_eq!(told.header("allow"), Some(case.param), "{shown}");
        return;
    }
    assert_eq!(
        json["invalidParams"][0]["param"].as_str().unwrap_or(""),
        case.param,
        "{shown}\n{json}"
    );
    assert!(
        !json.to_string().contains("001010000000000"),
        "the subscriber is in {json}"
    );
}

fn url<'h>(home: &'h Home, case: &Case) -> &'h str {
    if case.ask.path.starts_with("/nudm") {
        home.udm_url()
    } else {
        home.ausf_url()
    }
}

#[tokio::test]
async fn every_wrong_request_gets_its_answer() {
    for link in [Link::Local, Link::Http] {
        let home = Home::start(link);
        for case in cases() {
            assert_told(&case, &send(url(&home, &case), &case.ask).await);
        }
        // Nothing was harmed.
        let seaf = home.seaf();
        let challenge = seaf.authenticate(supi(0), crate::common::snn()).await.unwrap();
        let at_ue = answer(&mut ue(0), &challenge);
        assert!(
            seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star))
                .await
                .unwrap()
                .is_some()
        );
        let udm = home.udm.udm().unwrap();
        assert_eq!(udm.counters().vectors.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn curl_gets_the_same_answers() {
    if without_interop() {
        return;
    }
    let home = Home::start(Link::Http);
    for case in cases() {
        assert_told(&case, &curl(url(&home, &case), &case.ask, &[]).await);
    }
}

#[tokio::test]
async fn what_is_unusual_but_right_is_taken() {
    let home = Home::start(Link::Local);
    let known = "imsi-001010000000000";
    let fine = [
        // Unknown members, null too.
        authenticate(known, r#","newMember":{"a":[1,2.5,-3,null]},"traceData":null"#),
        // Escapes.
        authenticate("imsi-0010100000\\u00300000", ""),
        post(
            AUTHENTICATE,
            format!("\r\n\t {{ \"servingNetworkName\" : \"{SNN}\" , \"supiOrSuci\":\"{known}\" }} \n"),
        ),
        Ask::bare("POST", AUTHENTICATE)
            .header("content-type", "Application/JSON ; charset=utf-8")
            .body(format!(r#"{{"supiOrSuci":"{known}","servingNetworkName":"{SNN}"}}"#)),
        authenticate(known, "").header("accept", "application/3gppHal+json,application/problem+json"),
        authenticate(known, "").header("accept", "application/json"),
        authenticate(known, "").header("accept", "text/html, */*;q=0.1"),
        authenticate(&suci(0, 1).sbi().to_uppercase().replace("SUCI", "suci"), ""),
        authenticate(known, &format!(r#","pei":"{}""#, "x".repeat(60_000))),
        // A serving network with a NID is one of its PLMN.
        post(
            AUTHENTICATE,
            format!(r#"{{"supiOrSuci":"{known}","servingNetworkName":"{SNN}:0123456789A"}}"#),
        ),
    ];
    for ask in fine {
        let told = send(home.ausf_url(), &ask).await;
        assert_eq!(told.status, 201, "{ask:?}\n{told:?}");
    }
    let upper = format!("{EVENTS}?x=y");
    let told = send(
        home.udm_url(),
        &post(EVENTS, event(r#","nfSetId":"x","resetIds":["a"],"more":1"#)),
    )
    .await;
    assert_eq!(told.status, 201);
    assert_eq!(told.json()["more"], 1, "the report comes back as it was");
    let told = send(home.udm_url(), &post(&upper, event(""))).await;
    assert_eq!(told.status, 201, "a query is no part of the path");
    let path = told
        .header("location")
        .unwrap()
        .strip_prefix(home.udm_url())
        .unwrap()
        .to_owned();
    let told = send(home.udm_url(), &put(&path, event(r#","authRemovalInd":true"#))).await;
    assert_eq!((told.status, told.body.len()), (204, 0));
    let told = send(home.udm_url(), &put(&path, event(r#","authRemovalInd":true"#))).await;
    assert_eq!(told.status, 404, "it is gone");
}

/// RFC 9110 9.3.2.
#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let home = Home::start(Link::Local);
    let told = send_unchecked(home.ausf_url(), &Ask::bare("HEAD", AUTHENTICATE)).await;
    assert_eq!((told.status, told.header("allow")), (405, Some("POST")));
    assert_eq!(told.body, b"");
}
