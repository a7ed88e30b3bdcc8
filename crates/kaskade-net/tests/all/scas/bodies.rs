//! JSON in requests, over TLS, to every network function (TS 33.117 4.3.6).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::Method;
use kaskade_keys::fivegs::KAusf;
use kaskade_net::node::Node;
use kaskade_net::sbi::client::SbiClient;
use serde_json::{Value, json};

use super::net::{INSIDE, Net, OUTSIDE, a_kid};
use crate::common::{snn, supi};

/// An operation of a network function, who asks for it, a right body, and what that is answered.
pub(super) struct Asked {
    pub(super) name: &'static str,
    client: SbiClient,
    method: Method,
    path: String,
    pub(super) body: Value,
    right: u16,
}

impl Asked {
    /// Status, and cause with the member that is wrong.
    async fn with(&self, body: impl Into<String>) -> (u16, String, String) {
        let told = self
            .client
            .send(self.method.clone(), &self.path, Some(body.into().into()))
            .await;
        let told = told.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let json: Value = serde_json::from_slice(&told.body).unwrap_or_default();
        let text = |pointer: &str| {
            json.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        (told.status.as_u16(), text("/cause"), text("/invalidParams/0/param"))
    }

    /// The status alone, of what need not be text.
    pub(super) async fn with_octets(&self, body: Vec<u8>) -> u16 {
        let told = self
            .client
            .send(self.method.clone(), &self.path, Some(body.into()))
            .await;
        told.unwrap_or_else(|error| panic!("{}: {error}", self.name))
            .status
            .as_u16()
    }

    /// The right one is answered as ever.
    pub(super) async fn is_served(&self) {
        let told = self.with(self.body.to_string()).await;
        assert_eq!(told.0, self.right, "{}: {told:?}", self.name);
    }

    /// The right body, with this text behind its first brace.
    fn and(&self, members: &str) -> String {
        format!("{{{members},{}", &self.body.to_string()[1..])
    }
}

/// All network functions.
pub(super) struct All {
    pub(super) net: Net,
    pub(super) ausf: Node,
    nef: Node,
}

impl All {
    pub(super) fn start() -> Self {
        let net = Net::start();
        let ausf = net.ausf(net.aanf_url(), net.pki.client(Some("ausf")));
        let nef = net.nef(net.aanf_url(), net.pki.client(Some("nef")));
        Self { net, ausf, nef }
    }

    /// Where each listens.
    pub(super) fn urls(&self) -> [&str; 4] {
        let home = &self.net.home;
        [
            home.udm_url(),
            home.aanf_url(),
            self.ausf.ausf_url(),
            self.nef.nef_url(),
        ]
        .map(Option::unwrap)
    }

    pub(super) fn operations(&self) -> Vec<Asked> {
        let own = KAusf::from_octets(&[9; 32]);
        let (snn, who, a_kid) = (snn(), supi(0).sbi(), a_kid(&own, 0).encode());
        let k_akma = hex::encode(own.k_akma(&supi(0)).expose_to_aanf());
        let home = &self.net.home;
        let asked = |name, url: Option<&str>, by: &str, (method, path): (Method, String), body, right| Asked {
            name,
            client: SbiClient::new(url.unwrap(), self.net.pki.client(Some(by))).unwrap(),
            method,
            path,
            body,
            right,
        };
        let post = |path: &str| (Method::POST, path.to_owned());
        vec![
            asked(
                "UDM, generate-auth-data",
                home.udm_url(),
                "ausf",
                post(&format!("/nudm-ueau/v1/{who}/security-information/generate-auth-data")),
                json!({"servingNetworkName": snn.as_str(), "ausfInstanceId": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}),
                200,
            ),
            asked(
                "UDM, auth-events",
                home.udm_url(),
                "ausf",
                post(&format!("/nudm-ueau/v1/{who}/auth-events")),
                json!({
                    "nfInstanceId": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "success": true, "authType": "5G_AKA",
                    "timeStamp": "2026-01-02T03:04:05Z", "servingNetworkName": snn.as_str(),
                }),
                201,
            ),
            asked(
                "UDM, amf-3gpp-access",
                home.udm_url(),
                "af",
                (
                    Method::PUT,
                    format!("/nudm-uecm/v1/{who}/registrations/amf-3gpp-access"),
                ),
                json!({
                    "amfInstanceId": "01020304-0506-4708-890a-0b0c0d0e0f10",
                    "deregCallbackUri": "https://amf.example.org/dereg",
                    "guami": {"plmnId": {"mcc": "001", "mnc": "01"}, "amfId": "020040"},
                    "ratType": "NR",
                }),
                201,
            ),
            asked(
                "AUSF, ue-authentications",
                self.ausf.ausf_url(),
                "client",
                post("/nausf-auth/v1/ue-authentications"),
                json!({"supiOrSuci": supi(2).sbi(), "servingNetworkName": snn.as_str()}),
                201,
            ),
            asked(
                "AAnF, register-anchorkey",
                home.aanf_url(),
                "ausf",
                post("/naanf-akma/v1/register-anchorkey"),
                json!({"supi": who, "aKId": a_kid, "kAkma": k_akma}),
                200,
            ),
            asked(
                "AAnF, retrieve-applicationkey",
                home.aanf_url(),
                "af",
                post("/naanf-akma/v1/retrieve-applicationkey"),
                json!({"afId": INSIDE, "aKId": a_kid}),
                200,
            ),
            asked(
                "NEF, retrieve",
                self.nef.nef_url(),
                "af",
                post("/3gpp-akma/v1/retrieve"),
                json!({"afId": OUTSIDE, "aKId": a_kid}),
                200,
            ),
            asked(
                "AAnF, remove-context",
                home.aanf_url(),
                "ausf",
                post("/naanf-akma/v1/remove-context"),
                json!({"supi": supi(5).sbi()}),
                204,
            ),
        ]
    }

    pub(super) async fn shutdown(self) {
        self.nef.shutdown().await;
        self.ausf.shutdown().await;
        self.net.shutdown().await;
    }
}

/// Nothing in a body is executed or fetched: it is text, or members that nobody reads.
#[tokio::test]
async fn tc_json_parser_code_exec_incl() {
    let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = trap.local_addr().unwrap().port();
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    tokio::spawn(async move {
        while trap.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let secret = "what stands in a file";
    let file = folder.path().join("file");
    std::fs::write(&file, secret).unwrap();
    let (file, made) = (file.display().to_string(), folder.path().join("made"));
    let made_by = made.display().to_string();
    let here = format!("http://127.0.0.1:{port}/x");
    let texts = [
        format!("<script>fetch('{here}')</script>"),
        format!("javascript:require('child_process').exec('touch {made_by}')"),
        format!("$(touch {made_by})"),
        format!("`touch {made_by}`"),
        format!("; touch {made_by} #"),
        format!("${{jndi:ldap://127.0.0.1:{port}/x}}"),
        format!("!!python/object/apply:os.system ['touch {made_by}']"),
        format!("<!DOCTYPE x [<!ENTITY e SYSTEM \"file://{file}\">]><x>&e;</x>"),
        format!("file://{file}"),
        here.clone(),
    ];
    let all = All::start();
    for asked in all.operations() {
        asked.is_served().await;
        // What nobody reads changes nothing.
        for text in &texts {
            let text = json!(text).to_string();
            for member in [
                format!(r#""$ref":{text}"#),
                format!(r#""__proto__":{{"toString":{text}}},"constructor":{{"prototype":{text}}}"#),
                format!(r#""@type":"java.net.URL","val":{text}"#),
                format!(r#""$schema":{text},"$id":{text},"@context":{text}"#),
            ] {
                let told = asked.with(asked.and(&member)).await;
                // A registration is there by now.
                let right = [asked.right, 204];
                assert!(right.contains(&told.0), "{}: {member}: {told:?}", asked.name);
            }
        }
        // What is read is held to its form.
        let names: Vec<String> = asked.body.as_object().unwrap().keys().cloned().collect();
        for name in names
            .iter()
            .filter(|name| !["deregCallbackUri", "authType", "success", "guami"].contains(&name.as_str()))
        {
            for text in &texts {
                let mut body = asked.body.clone();
                body[name] = text.as_str().into();
                let (status, cause, _) = asked.with(body.to_string()).await;
                // A name of a radio is any visible text of so many characters.
                let is_name = name == "ratType" && [201, 204].contains(&status);
                assert!(
                    status == 400 || is_name,
                    "{}: {name}: {text}: {status} {cause}",
                    asked.name
                );
            }
        }
        // No script, and no JSON but JSON.
        for body in [
            format!("(function(){{return {}}})()", asked.body),
            format!("callback({})", asked.body),
            format!("{{\"a\":new Date(),{}", &asked.body.to_string()[1..]),
            format!("// {here}\n{}", asked.body),
            format!("{}\n<x/>", asked.body),
        ] {
            let told = asked.with(body.as_str()).await;
            assert_eq!(
                (told.0, told.1.as_str()),
                (400, "INVALID_MSG_FORMAT"),
                "{}: {body}",
                asked.name
            );
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(visits.load(Ordering::SeqCst), 0, "somebody followed a link");
    assert!(!made.exists(), "somebody executed a command");
    all.shutdown().await;
}

#[tokio::test]
async fn tc_33117_4_3_6_3_unique_key_values() {
    let all = All::start();
    for asked in all.operations() {
        asked.is_served().await;
        let mut members = vec![
            r#""x":1,"x":1"#.to_owned(),
            r#""x":{"a":[],"b":0,"a":null}"#.to_owned(),
            r#""x":[[{"a":1,"a":1}]]"#.to_owned(),
            r#""x":1,"\u0078":2"#.to_owned(),
        ];
        // Each of its own members once more, with the same value and with another.
        for (name, value) in asked.body.as_object().unwrap() {
            members.push(format!("\"{name}\":{value}"));
            members.push(format!("\"{name}\":null"));
        }
        for member in members {
            let told = asked.with(asked.and(&member)).await;
            assert_eq!(
                (told.0, told.1.as_str()),
                (400, "INVALID_MSG_FORMAT"),
                "{}: {member}",
                asked.name
            );
        }
        let told = asked.with(asked.body.to_string()).await;
        assert!([asked.right, 204].contains(&told.0), "{}: {told:?}", asked.name);
    }
    all.shutdown().await;
}

#[tokio::test]
async fn tc_33117_4_3_6_4_format_and_range_of_values() {
    let all = All::start();
    for asked in all.operations() {
        asked.is_served().await;
        for (name, value) in asked.body.as_object().unwrap() {
            let text = value.as_str().unwrap_or_default();
            let mut wrong = vec![
                json!(null),
                json!([]),
                json!([value]),
                json!(7),
                json!(-1),
                json!(1e300),
            ];
            wrong.push(match value {
                Value::Bool(_) => json!("true"),
                Value::Object(_) => json!("{}"),
                _ => json!({ "x": value }),
            });
            if !["authType", "ratType", "deregCallbackUri"].contains(&name.as_str()) && value.is_string() {
                if name != "afId" {
                    // Of that it would be another one.
                    wrong.extend([json!(&text[1..]), json!(format!("x{text}"))]);
                }
                wrong.extend([
                    json!(""),
                    json!(" "),
                    json!(format!("{text} ")),
                    json!(format!("{text}\u{0}")),
                    json!(format!("{text}{}", "0".repeat(5000))),
                    json!(text.replace(|c: char| c.is_ascii_digit(), "é")),
                ]);
            }
            if name == "ratType" {
                wrong.extend([json!(""), json!("N R"), json!("x".repeat(65))]);
            }
            if name == "guami" {
                for (pointer, of_it) in [
                    ("/plmnId/mcc", "00"),
                    ("/plmnId/mnc", "1"),
                    ("/amfId", "02004"),
                    ("/amfId", "02004g"),
                ] {
                    let mut guami = value.clone();
                    *guami.pointer_mut(pointer).unwrap() = of_it.into();
                    wrong.push(guami);
                }
            }
            for value in wrong {
                let mut body = asked.body.clone();
                body[name] = value.clone();
                let (status, cause, param) = asked.with(body.to_string()).await;
                let what = format!("{}: {name}: {value}: {status} {cause} {param}", asked.name);
                assert_eq!(status, 400, "{what}");
                assert!(
                    [
                        "MANDATORY_IE_INCORRECT",
                        "OPTIONAL_IE_INCORRECT",
                        "MANDATORY_IE_MISSING"
                    ]
                    .contains(&cause.as_str()),
                    "{what}"
                );
                assert!(param.starts_with(&format!("/{name}")), "{what}");
            }
        }
        let told = asked.with(asked.body.to_string()).await;
        assert!([asked.right, 204].contains(&told.0), "{}: {told:?}", asked.name);
    }
    all.shutdown().await;
}
