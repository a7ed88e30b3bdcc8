//! The right request of each operation, and the rows that every operation has.

use kaskade_flow::Refusal;
use kaskade_net::sbi::service::{Operation, Service};
use serde_json::{Value, json};

use super::{Row, Scene, operations, own};
use crate::common::http::Ask;

pub(super) const SNN: &str = "5G:mnc001.mcc001.3gppnetwork.org";
pub(super) const NF: &str = "a5a5a5a5-a5a5-45a5-a5a5-a5a5a5a5a5a5";
pub(super) const ABROAD: &str = "5G:mnc099.mcc999.3gppnetwork.org";

pub(super) const FORMAT: &str = "INVALID_MSG_FORMAT";
pub(super) const MISSING: &str = "MANDATORY_IE_MISSING";
pub(super) const WRONG: &str = "MANDATORY_IE_INCORRECT";
pub(super) const OPTIONAL: &str = "OPTIONAL_IE_INCORRECT";

/// All rows.
pub(super) fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for (label, (service, operation)) in operations() {
        every(Box::leak(label.into_boxed_str()), service, operation, &mut rows);
    }
    members(&mut rows);
    own::all(&mut rows);
    rows
}

pub(super) fn row(
    of: &'static str,
    scene: Scene,
    ask: Ask<'static>,
    (status, cause, param): (u16, &'static str, &'static str),
) -> Row {
    Row {
        of,
        scene,
        ask,
        status,
        cause,
        param,
    }
}

pub(super) fn guami() -> Value {
    json!({ "plmnId": { "mcc": "001", "mnc": "01" }, "amfId": "020040" })
}

/// The body of a right request. In angle brackets is what the scene has.
pub(super) fn body(of: &str) -> Option<Value> {
    Some(match of {
        "nausf-auth.authenticate" => json!({ "supiOrSuci": "<0>", "servingNetworkName": SNN }),
        "nausf-auth.deregister" => json!({ "supi": "<4>" }),
        "nausf-auth.confirm" => json!({ "resStar": "<res*>" }),
        "nausf-auth.eap_session" => json!({ "eapPayload": "<eap-response>" }),
        "nudm-ueau.generate_auth_data" => json!({ "servingNetworkName": SNN, "ausfInstanceId": NF }),
        "nudm-ueau.confirm_auth" => json!({
            "nfInstanceId": NF, "success": true, "timeStamp": "2026-01-02T03:04:05Z", "authType": "5G_AKA", "servingNetworkName": SNN,
        }),
        "nudm-ueau.delete_auth" => json!({
            "nfInstanceId": NF, "success": true, "timeStamp": "2026-01-02T03:04:05Z", "authType": "5G_AKA", "servingNetworkName": SNN,
            "authRemovalInd": true,
        }),
        "nudm-uecm.register_amf" => json!({
            "amfInstanceId": "01020304-0506-4708-890a-0b0c0d0e0f10", "deregCallbackUri": "http://127.0.0.1:9/dereg", "guami": guami(),
            "ratType": "NR", "imsVoPs": "HOMOGENEOUS_SUPPORT", "reauthNotifyCallbackUri": "<amf>/again",
        }),
        "nudm-uecm.update_amf" => json!({ "guami": guami(), "reauthNotifyCallbackUri": "<amf>/new" }),
        "naanf-akma.register_anchorkey" => {
            json!({ "supi": "<1>", "aKId": "<a-kid 1>", "kAkma": "<k-akma 1>", "suppFeat": "0" })
        }
        "naanf-akma.retrieve_applicationkey" => json!({ "afId": "af.example.com0100000002", "aKId": "<a-kid 0>" }),
        "naanf-akma.remove_context" => json!({ "supi": "<0>" }),
        "3gpp-akma.retrieve" => json!({ "afId": "<nef-af>", "aKId": "<nef-a-kid>" }),
        "kaskade-nef-notices.service_disable" => json!({ "aKId": "<nef-a-kid>" }),
        "kaskade-usage-keys.usage_key" => json!({ "supi": "<4>", "label": "one@example.org" }),
        "kaskade-usage-keys.domain_key" => json!({ "supi": "<4>", "domain": "visited.example" }),
        "kaskade-usage-keys.give_up" => json!({ "supi": "<4>", "keyName": "<key name>" }),
        of if of.starts_with("nudm-uecm.") => json!({ "supi": "<0>" }),
        _ => return None,
    })
}

/// The variables of the path of a right request.
fn variables(of: &str) -> &'static [&'static str] {
    match of {
        "nausf-auth.confirm" => &["<pending>"],
        "nausf-auth.delete" => &["<confirmed>"],
        "nausf-auth.eap_session" => &["<eap>"],
        "nausf-auth.delete_eap" => &["<eap-confirmed>"],
        "nudm-ueau.delete_auth" => &["<0>", "<event>"],
        "nudm-uecm.register_amf" => &["<1>"],
        "kaskade-nef-notices.service_disable" => &["<notice>"],
        of if of.starts_with("nudm-") => &["<0>"],
        _ => &[],
    }
}

/// The path of an operation with these variables.
pub(super) fn path(of: &str, variables: &[&str]) -> String {
    let (service, operation) = operations()[of];
    let mut given = variables.iter();
    let segments = operation.path.split('/').map(|segment| match segment.starts_with('{') {
        true => *given.next().unwrap(),
        false => segment,
    });
    let path = segments.collect::<Vec<_>>().join("/");
    format!("/{}/{}{path}", service.name, service.version)
}

/// A request for an operation at a path, with a body where it has one.
fn at(of: &str, path: String, body: Option<Value>) -> Ask<'static> {
    let method = operations()[of].1.method.as_str();
    match body {
        Some(body) => Ask::json(method, path, body.to_string()),
        None => Ask::bare(method, path),
    }
}

/// A right request.
pub(super) fn right(of: &str) -> Ask<'static> {
    at(of, path(of, variables(of)), body(of))
}

/// A right request, but for the variables of the path.
pub(super) fn of_others(of: &str, variables: &[&str]) -> Ask<'static> {
    at(of, path(of, variables), body(of))
}

/// A right request, but for this member.
pub(super) fn with(of: &str, member: &str, value: impl Into<Value>) -> Ask<'static> {
    let mut body = body(of).unwrap();
    body[member] = value.into();
    at(of, path(of, variables(of)), Some(body))
}

fn without(of: &str, member: &str) -> Ask<'static> {
    let mut body = body(of).unwrap();
    body.as_object_mut().unwrap().remove(member).unwrap();
    at(of, path(of, variables(of)), Some(body))
}

/// A right request with another body, which need not be one.
fn saying(of: &str, body: impl Into<Vec<u8>>) -> Ask<'static> {
    Ask {
        body: Some(body.into()),
        ..right(of)
    }
}

fn every(of: &'static str, service: &Service, operation: &Operation, rows: &mut Vec<Row>) {
    let mut told = |scene, ask, answer| rows.push(row(of, scene, ask, answer));
    let answer = operation.answer;
    told(Scene::Open, right(of), (answer.status, "", ""));
    // Who may.
    if service.name != "kaskade-nef-notices" {
        told(Scene::Guarded, right(of), (401, "", ""));
        for token in ["<stranger's>", "<expired>", "<another function's>", "nonsense"] {
            let ask = right(of).header("authorization", format!("Bearer {token}"));
            told(Scene::Guarded, ask, (401, "", ""));
        }
        let ask = right(of).header("authorization", "Bearer <another scope>");
        told(Scene::Guarded, ask, (403, "", ""));
        told(Scene::Closed, right(of), (403, "", ""));
    }
    // Method and path.
    let brew = Ask {
        method: "BREW",
        ..right(of)
    };
    told(Scene::Open, brew, (405, "", ""));
    for rest in ["/no/thing", "%zz/x/y"] {
        let mut ask = right(of);
        ask.path.push_str(rest);
        told(Scene::Open, ask, (404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", ""));
    }
    if operation.path.contains("{supi") || operation.path.contains("{ueId}") {
        let mut wrong = variables(of).to_vec();
        wrong[0] = "imsi-1";
        let named = match (operation.path.contains("{ueId}"), operation.path.contains("{supi}")) {
            (true, _) => "{ueId}",
            (_, true) => "{supi}",
            _ => "{supiOrSuci}",
        };
        told(Scene::Open, of_others(of, &wrong), (400, WRONG, named));
    }
    // What the peer takes. Where nothing is answered, it may take anything.
    for accept in ["text/html", "application/json;q=0, application/3gppHal+json;q=0"] {
        let ask = right(of).header("accept", accept);
        match answer.body {
            Some(_) => told(Scene::Open, ask, (406, "", "")),
            None => told(Scene::Open, ask, (answer.status, "", "")),
        }
    }
    // Room.
    told(Scene::Narrow, right(of), (503, "NF_CONGESTION", ""));
    // To take a result back has no budget but that of the UDM.
    if operation.refusals.contains(&Refusal::BudgetSpent) && operation.method != "DELETE" {
        told(Scene::Spent, right(of), (429, "NF_CONGESTION_RISK", ""));
    }
    if operation.request.is_none() {
        return;
    }
    // The body as such.
    for no_object in ["", "{", "[]", "null", "{} x", r#"{"a":1,"a":2}"#] {
        told(Scene::Open, saying(of, no_object), (400, FORMAT, ""));
    }
    told(Scene::Open, saying(of, [0xFF, 0xFE]), (400, FORMAT, ""));
    let twice = right(of).header("content-type", "application/json");
    told(Scene::Open, twice, (400, "", ""));
    for content_type in [None, Some("text/plain"), Some("application/json;charset=latin1")] {
        let mut ask = right(of);
        ask.headers = content_type
            .map(|one| ("content-type", one.to_owned()))
            .into_iter()
            .collect();
        told(Scene::Open, ask, (415, "", ""));
    }
    let coded = right(of).header("content-encoding", "gzip");
    told(Scene::Open, coded, (415, "", ""));
    told(Scene::Open, saying(of, vec![b' '; 70_000]), (413, "", ""));
    told(Scene::Open, right(of), (408, "", ""));
}

/// The JSON Pointer of a member, and a value that it cannot have.
type Wrong = (&'static str, &'static str);

/// Of each body: what must be there, a member that must be right, and one that need not be there.
#[rustfmt::skip]
const MEMBERS: &[(&str, &str, Wrong, Wrong)] = &[
    ("nausf-auth.authenticate", "/servingNetworkName", ("/supiOrSuci", "7"), ("/resynchronizationInfo", "x")),
    ("nausf-auth.authenticate", "/supiOrSuci", ("/servingNetworkName", "5G:x"), ("/n5gcInd", "yes")),
    ("nausf-auth.deregister", "/supi", ("/supi", "suci-0-001-01-0-0-0-0000000001"), ("/supportedFeatures", "x")),
    ("nausf-auth.confirm", "/resStar", ("/resStar", "00"), ("/supportedFeatures", "x")),
    ("nausf-auth.eap_session", "/eapPayload", ("/eapPayload", "!"), ("/supportedFeatures", "x")),
    ("nudm-ueau.generate_auth_data", "/ausfInstanceId", ("/servingNetworkName", "5G:x"), ("/aun3Ind", "x")),
    ("nudm-ueau.generate_auth_data", "/servingNetworkName", ("/ausfInstanceId", "me"), ("/resynchronizationInfo", "x")),
    ("nudm-ueau.confirm_auth", "/success", ("/timeStamp", "now"), ("/authRemovalInd", "x")),
    ("nudm-ueau.confirm_auth", "/nfInstanceId", ("/success", "true"), ("/resetIds", "x")),
    ("nudm-ueau.delete_auth", "/nfInstanceId", ("/timeStamp", "now"), ("/resetIds", "x")),
    ("nudm-uecm.register_amf", "/guami", ("/ratType", ""), ("/reauthNotifyCallbackUri", "ftp://x/")),
    ("nudm-uecm.register_amf", "/deregCallbackUri", ("/deregCallbackUri", "nowhere"), ("/supportedFeatures", "x")),
    ("nudm-uecm.update_amf", "/guami", ("/guami", "x"), ("/purgeFlag", "x")),
    ("nudm-uecm.trigger_auth", "", ("", ""), ("/supi", "<1>")),
    ("nudm-uecm.trigger_auth_by_get", "", ("", ""), ("/supi", "<1>")),
    ("nudm-uecm.auth_trigger", "", ("", ""), ("/supi", "<1>")),
    ("nudm-uecm.auth_trigger_by_get", "", ("", ""), ("/supi", "<1>")),
    ("naanf-akma.register_anchorkey", "/kAkma", ("/aKId", "someone@example.com"), ("/suppFeat", "x")),
    ("naanf-akma.register_anchorkey", "/aKId", ("/kAkma", "00"), ("/supi", "1")),
    ("naanf-akma.retrieve_applicationkey", "/afId", ("/aKId", "someone@example.com"), ("/anonInd", "x")),
    ("naanf-akma.retrieve_applicationkey", "/aKId", ("/afId", "af.example.com"), ("/notifUri", "ftp://x/")),
    ("naanf-akma.remove_context", "/supi", ("/supi", "7"), ("", "")),
    ("3gpp-akma.retrieve", "/afId", ("/aKId", "someone@example.com"), ("/anonInd", "x")),
    ("3gpp-akma.retrieve", "/aKId", ("/afId", "video.example.com"), ("/suppFeat", "x")),
    ("kaskade-nef-notices.service_disable", "/aKId", ("/aKId", "x"), ("", "")),
    ("kaskade-usage-keys.usage_key", "/label", ("/label", "one"), ("/dataHex", "0")),
    ("kaskade-usage-keys.usage_key", "/supi", ("/supi", "1"), ("/callbackUri", "ftp://x/")),
    ("kaskade-usage-keys.domain_key", "/domain", ("/domain", "-"), ("/callbackUri", "ftp://x/")),
    ("kaskade-usage-keys.give_up", "/keyName", ("/supi", "1"), ("/keyName", "00")),
];

fn members(rows: &mut Vec<Row>) {
    for (of, missing, wrong, optional) in MEMBERS {
        if !missing.is_empty() {
            rows.push(row(
                of,
                Scene::Open,
                without(of, &missing[1..]),
                (400, MISSING, missing),
            ));
        }
        for ((member, value), cause) in [(wrong, WRONG), (optional, OPTIONAL)] {
            if let Some(name) = member.strip_prefix('/') {
                rows.push(row(of, Scene::Open, with(of, name, *value), (400, cause, member)));
            }
        }
    }
}
