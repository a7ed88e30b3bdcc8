//! Keys over the wire: of an AAnF and of a NEF, and what they say instead.

use std::sync::Arc;

use kaskade_af::{Aanf, AkmaClient, AkmaOptions, KeySource, Nef, NoKey};
use kaskade_flow::Refusal;
use kaskade_keys::id::UaProtocolId;
use kaskade_net::sbi::message::{Content, Reply, Request};
use kaskade_net::sbi::server::{Handler, ServerOptions, Shutdown, bind, serve};
use kaskade_net::sbi::service::Replying;
use kaskade_net::time::now;

use crate::common::{Ue, af};

/// Says one thing to all that is asked by one path.
struct Answers {
    path: &'static str,
    status: u16,
    body: String,
}

impl Handler for Answers {
    fn handle(&self, request: Request) -> Replying<'_> {
        let is_asked = request.path() == self.path;
        let status = if is_asked { self.status } else { 500 };
        let status = axum::http::StatusCode::from_u16(status).unwrap();
        let reply = Reply::new(status, Content::Json, self.body.clone());
        Box::pin(std::future::ready(reply))
    }
}

fn served(path: &'static str, status: u16, body: String) -> String {
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = Arc::new(Answers { path, status, body });
    tokio::spawn(serve(listener, answers, ServerOptions::default(), Shutdown::new()));
    url
}

async fn asked(source: impl KeySource, ue: &Ue) -> Result<(bool, Option<String>), NoKey> {
    let keys = AkmaClient::new(af(), source, AkmaOptions::default()).unwrap();
    let known = keys.key(&ue.a_kid, UaProtocolId::HTTP_DIGEST).await?;
    let is_it = *known.k_af() == ue.k_af(UaProtocolId::HTTP_DIGEST);
    Ok((is_it, known.user.name()))
}

const OF_AANF: &str = "/naanf-akma/v1/retrieve-applicationkey";
const OF_NEF: &str = "/3gpp-akma/v1/retrieve";

#[tokio::test]
async fn an_aanf_and_a_nef_give_keys() {
    let ue = Ue::new(1);
    let k_af = ue.k_af(UaProtocolId::HTTP_DIGEST);
    let digits: String = k_af.expose_to_af().iter().map(|octet| format!("{octet:02x}")).collect();
    let expiry = now().to_string().replacen("20", "30", 1);
    for (who, name) in [
        (r#""supi":"imsi-001010000000001""#, Some("imsi-001010000000001")),
        (r#""gpsi":"msisdn-491701234567""#, Some("msisdn-491701234567")),
        (r#""suppFeat":"0""#, None),
    ] {
        let body = format!(r#"{{{who},"expiry":"{expiry}","kaf":"{digits}"}}"#);
        let aanf = Aanf::new(&served(OF_AANF, 200, body.clone()), Default::default()).unwrap();
        assert_eq!(asked(aanf, &ue).await, Ok((true, name.map(str::to_owned))));
        let nef = Nef::new(&served(OF_NEF, 200, body), Default::default()).unwrap();
        assert_eq!(asked(nef, &ue).await, Ok((true, name.map(str::to_owned))));
    }
}

#[tokio::test]
async fn what_is_no_key_is_told_apart() {
    let ue = Ue::new(1);
    let past = r#"{"expiry":"2020-01-01T00:00:00Z","kaf":"#;
    let old = format!("{past}\"{}\"}}", "00".repeat(32));
    for (status, body, why) in [
        (204, "", NoKey::Unknown),
        (403, r#"{"status":403}"#, NoKey::Unknown),
        (404, r#"{"status":404}"#, NoKey::Unknown),
        (200, old.as_str(), NoKey::Expired),
        (200, r#"{"kaf":"00"}"#, NoKey::Unreachable(Refusal::PeerSilent)),
        (503, r#"{"status":503}"#, NoKey::Unreachable(Refusal::PeerSilent)),
        (500, r#"{"status":500}"#, NoKey::Unreachable(Refusal::PeerFailed)),
    ] {
        let aanf = Aanf::new(&served(OF_AANF, status, body.to_owned()), Default::default()).unwrap();
        assert_eq!(asked(aanf, &ue).await, Err(why.clone()), "{status} {body}");
        let nef = Nef::new(&served(OF_NEF, status, body.to_owned()), Default::default()).unwrap();
        assert_eq!(asked(nef, &ue).await, Err(why), "{status} {body}");
    }
    let nobody = Aanf::new("http://127.0.0.1:1", Default::default()).unwrap();
    assert_eq!(
        asked(nobody, &ue).await,
        Err(NoKey::Unreachable(Refusal::PeerUnreachable))
    );
}
