//! Protection at the transport layer (TS 33.117 4.2.2.2.2, 4.2.3.2.4, TS 33.537 4.2.3.2.4).

use std::process::{Command, Stdio};
use std::sync::Arc;

use hyper::Method;
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve};
use kaskade_net::role::seaf::AusfClient;
use kaskade_net::sbi::client::SbiClient;
use kaskade_net::sbi::server::Shutdown;
use kaskade_net::sbi::tls::ServerTls;

use super::net::{INSIDE, Net, OUTSIDE, a_kid, asked, until};
use super::wire::Wire;
use crate::common::http::{Ask, try_curl};
use crate::common::{supi, without_interop};
use crate::tls::Pki;

/// What OpenSSL's client offers alone, and whether a server of this program agrees to it.
const OFFERS: &[(&[&str], bool)] = &[
    (&["-tls1_3"], true),
    (&["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"], true),
    (&["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"], true),
    (&["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], true),
    (&["-tls1_3", "-groups", "P-256"], true),
    (&["-tls1_3", "-groups", "P-384"], true),
    (&["-tls1_3", "-groups", "X25519"], true),
    (&["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"], false),
    (&["-tls1_3", "-groups", "ffdhe2048"], false),
    (&["-tls1_2"], false),
    (&["-tls1_2", "-cipher", "NULL:@SECLEVEL=0"], false),
    (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false),
    (&["-tls1", "-cipher", "ALL:@SECLEVEL=0"], false),
];

/// Lets OpenSSL's client shake hands, with a certificate of this authority; whether it comes to an end.
async fn agrees(address: &str, pki: &Pki, offer: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", address, "-alpn", "h2", "-verify_return_error"]);
    command.args(["-CAfile", &pki.arg("ca.pem")]);
    command.args(["-cert", &pki.arg("client.pem"), "-key", &pki.arg("client.key")]);
    command.args(offer).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().expect("openssl"))
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let agrees = said.contains("New, TLSv1.3, Cipher is TLS_") && said.contains("ALPN protocol: h2");
    (agrees, said)
}

/// The server at this URL answers clients with a certificate of its authority over TLS 1.3, and nobody else.
async fn is_protected(net: &Net, name: &str, url: &str) {
    assert!(url.starts_with("https://"), "{name}");
    let told = asked(url, net.pki.client(Some("client"))).await;
    assert_eq!(told.unwrap(), 400, "{name}: an answer, if to a wrong request");
    for (what, url, options) in net.wrong_clients(url) {
        let told = asked(&url, options).await;
        assert!(told.is_err(), "{name}: {what}: {told:?}");
    }
    if without_interop() {
        return;
    }
    let address = url.trim_start_matches("https://");
    for (offer, is_agreed) in OFFERS {
        let (agrees, said) = agrees(address, &net.pki, offer).await;
        assert_eq!(agrees, *is_agreed, "{name}: {offer:?}: {said}");
    }
    // Nor does another program come in without a certificate, or by HTTP/1.1.
    let (ca, cert, key) = (
        net.pki.arg("ca.pem"),
        net.pki.arg("client.pem"),
        net.pki.arg("client.key"),
    );
    let own = ["--cacert", &ca, "--cert", &cert, "--key", &key];
    for (extra, is_answered) in [
        (&own[..], true),
        (&own[..2], false),
        (&[&own[..], &["--http1.1"]].concat()[..], false),
        (&[&own[..], &["--tls-max", "1.2"]].concat()[..], false),
    ] {
        let (_, told) = try_curl(url, &Ask::bare("GET", "/"), extra).await;
        assert_eq!(told.is_some(), is_answered, "{name}: {extra:?}: {told:?}");
    }
}

#[tokio::test]
async fn tc_protect_transport_layer() {
    let net = Net::start();
    let ausf = net.ausf(net.aanf_url(), net.pki.client(Some("ausf")));
    let nef = net.nef(net.aanf_url(), net.pki.client(Some("nef")));
    for (name, url) in [
        ("UDM", net.home.udm_url()),
        ("AAnF", net.home.aanf_url()),
        ("AUSF", ausf.ausf_url()),
        ("NEF", nef.nef_url()),
    ] {
        is_protected(&net, name, url.unwrap()).await;
    }
    nef.shutdown().await;
    ausf.shutdown().await;
    net.shutdown().await;
}

#[tokio::test]
async fn tc_protect_sba_aanf_ausf() {
    let net = Net::start();
    let wire = Wire::to(net.aanf_url()).await;
    let ausf = net.ausf(&wire.root(), net.pki.client(Some("ausf")));
    let k_ausf = net.authenticated(&ausf, 0).await;
    until("an anchor key", || net.registered() == 1).await;
    let own = a_kid(&k_ausf, 0);
    let of_ue = k_ausf.k_akma(&supi(0));
    let af = || net.pki.client(Some("af"));
    let told = net.application_key(net.aanf_url(), af(), &own).await.unwrap().unwrap();
    assert_eq!(
        told.k_af,
        of_ue.k_af(&INSIDE.parse().unwrap()),
        "what arrives is what was sent"
    );
    // Confidentiality: whoever listens hears neither key nor name.
    assert!(wire.heard() > 1000, "it went this way");
    let octets = of_ue.expose_to_aanf();
    let digits = hex::encode(octets);
    for secret in [
        octets.as_slice(),
        digits.as_bytes(),
        own.encode().as_bytes(),
        supi(0).sbi().as_bytes(),
    ] {
        assert!(!wire.has_heard(secret));
    }
    // Replay: what was said once does nothing when somebody else says it again.
    let given = net.given();
    assert!(wire.say_again().await >= 1);
    assert_eq!((net.registered(), net.given()), (1, given));
    // Integrity: what was changed on the way is no message.
    wire.change(true);
    let k_ausf = net.authenticated(&ausf, 1).await;
    let akma = || ausf.ausf().unwrap().akma().unwrap();
    until("a delivery fails", || akma().counters().later.sum() > 0).await;
    assert_eq!(net.registered(), 1);
    let second = a_kid(&k_ausf, 1);
    assert!(
        net.application_key(net.aanf_url(), af(), &second)
            .await
            .unwrap()
            .is_none()
    );
    wire.change(false);
    until("it is delivered", || net.registered() == 2).await;
    let told = net
        .application_key(net.aanf_url(), af(), &second)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(told.k_af, k_ausf.k_akma(&supi(1)).k_af(&INSIDE.parse().unwrap()));
    ausf.shutdown().await;
    // An AUSF that does not show who it is, or does not know whom it speaks to, registers nothing.
    for (what, url, options) in net.wrong_clients(net.aanf_url()) {
        let ausf = net.ausf(&url, options);
        net.authenticated(&ausf, 2).await;
        let akma = || ausf.ausf().unwrap().akma().unwrap();
        until(what, || akma().counters().later.sum() > 0).await;
        assert_eq!((net.registered(), akma().counters().registered.sum()), (2, 0), "{what}");
        ausf.shutdown().await;
    }
    is_protected(&net, "AAnF", net.aanf_url()).await;
    net.shutdown().await;
}

#[tokio::test]
async fn tc_protect_aanf_af_nef() {
    let net = Net::start();
    let ausf = net.ausf(net.aanf_url(), net.pki.client(Some("ausf")));
    let k_ausf = net.authenticated(&ausf, 0).await;
    until("an anchor key", || net.registered() == 1).await;
    let (own, of_ue) = (a_kid(&k_ausf, 0), k_ausf.k_akma(&supi(0)));
    let (to_af, to_nef) = (Wire::to(net.aanf_url()).await, Wire::to(net.aanf_url()).await);
    let af = || net.pki.client(Some("af"));
    let nef = net.nef(&to_nef.root(), net.pki.client(Some("nef")));
    let retrieve = |url: String| {
        let client = SbiClient::new(&url, af()).unwrap();
        let body = serde_json::json!({"afId": OUTSIDE, "aKId": own.encode()}).to_string();
        async move {
            let told = client
                .send(Method::POST, "/3gpp-akma/v1/retrieve", Some(body.into()))
                .await;
            let told = told.unwrap();
            let json: serde_json::Value = serde_json::from_slice(&told.body).unwrap_or_default();
            (told.status.as_u16(), json["kaf"].as_str().map(str::to_owned))
        }
    };
    let inside = of_ue.k_af(&INSIDE.parse().unwrap());
    let outside = of_ue.k_af(&OUTSIDE.parse().unwrap());
    let told = net.application_key(&to_af.root(), af(), &own).await.unwrap().unwrap();
    assert_eq!((&told.k_af, told.supi), (&inside, Some(supi(0))));
    let nef_url = nef.nef_url().unwrap().to_owned();
    let digits = hex::encode(outside.expose_to_af());
    assert_eq!(retrieve(nef_url.clone()).await, (200, Some(digits)));
    for (wire, key) in [(&to_af, &inside), (&to_nef, &outside)] {
        assert!(wire.heard() > 1000, "it went this way");
        let digits = hex::encode(key.expose_to_af());
        for secret in [
            key.expose_to_af().as_slice(),
            digits.as_bytes(),
            own.encode().as_bytes(),
            supi(0).sbi().as_bytes(),
        ] {
            assert!(!wire.has_heard(secret));
        }
        let given = net.given();
        assert!(wire.say_again().await >= 1);
        assert_eq!(net.given(), given, "nothing is given to who says it again");
        wire.change(true);
    }
    let given = net.given();
    let told = net.application_key(&to_af.root(), af(), &own).await;
    assert!(told.is_err(), "{told:?}");
    let (status, key) = retrieve(nef_url.clone()).await;
    assert!(status >= 500 && key.is_none(), "{status}");
    assert_eq!(net.given(), given, "nobody was answered");
    to_nef.change(false);
    assert_eq!(retrieve(nef_url).await.0, 200, "the wire is as before");
    nef.shutdown().await;
    // Whoever does not show who it is has no key, itself or by its NEF.
    let given = net.given();
    for (what, url, options) in net.wrong_clients(net.aanf_url()) {
        let told = net.application_key(&url, options.clone(), &own).await;
        assert!(told.is_err(), "{what}: {told:?}");
        let nef = net.nef(&url, options);
        let (status, key) = retrieve(nef.nef_url().unwrap().to_owned()).await;
        assert!(status >= 500 && key.is_none(), "{what}: {status}");
        nef.shutdown().await;
    }
    // A certificate of the right authority is not enough: it is that of somebody else.
    let told = net
        .application_key(net.aanf_url(), net.pki.client(Some("smf")), &own)
        .await;
    assert!(told.is_err(), "{told:?}");
    assert_eq!(net.given(), given);
    is_protected(&net, "AAnF", net.aanf_url()).await;
    ausf.shutdown().await;
    net.shutdown().await;
}

/// Says that it was asked.
struct Desk;

impl Handler for Desk {
    fn handle(&self, _: Arc<Visitor>, _: Request) -> Answering<'_> {
        Box::pin(async { Response::new(Body::whole("here".to_owned())) })
    }
}

/// The interface for operation and maintenance is the administration's.
#[tokio::test]
async fn tc_protect_data_info_transfer_1() {
    let net = Net::start();
    let tls: ServerTls = net.pki.server(true).with_http_1();
    let listener = Listener::tcp(([127, 0, 0, 1], 0).into(), Some(tls)).unwrap();
    let (address, shutdown) = (listener.address().unwrap(), Shutdown::new());
    let serving = tokio::spawn(serve(listener, Arc::new(Desk), Limits::default(), shutdown.clone()));
    let url = format!("https://{address}");
    let wire = Wire::to(&url).await;
    assert_eq!(asked(&wire.root(), net.pki.client(Some("client"))).await.unwrap(), 200);
    assert!(wire.heard() > 1000 && !wire.has_heard(b"here"));
    for (what, url, options) in net.wrong_clients(&url) {
        let told = asked(&url, options).await;
        assert!(told.is_err(), "{what}: {told:?}");
    }
    if !without_interop() {
        for (offer, is_agreed) in OFFERS {
            let (agrees, said) = agrees(&address.to_string(), &net.pki, offer).await;
            assert_eq!(agrees, *is_agreed, "{offer:?}: {said}");
        }
    }
    shutdown.begin();
    serving.await.unwrap();
    // Nobody may reach a role in clear by mistake either: a client refuses to leave this machine without TLS.
    assert!(AusfClient::new("http://192.0.2.1:80", Default::default()).is_err());
    assert!(AusfClient::new("https://192.0.2.1:80", net.pki.client(None)).is_ok());
    net.shutdown().await;
}
