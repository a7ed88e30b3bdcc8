//! An application whose users log in with their SIM: `docs/akma-af.md` tells more.
//!
//! ```text
//! cargo run -p kaskade-af --example akma_af
//!     makes up a home network, one user and a certificate, and prints how curl logs in as that user
//! cargo run -p kaskade-af --example akma_af -- af.example.com certificates.pem key.pem 127.0.0.1:8443 http://127.0.0.1:7780
//!     domain name, its certificate and key, where to listen, and the apiRoot of the AAnF
//! ```
#![allow(clippy::print_stdout, reason = "it prints")]

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use kaskade_af::{
    Aanf, AkmaClient, AkmaOptions, Asked, KeySource, LoginOptions, SimLogin, SimUser, TlsListener, TlsPeer,
};
use kaskade_codec::http_digest::akma;
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest};
use kaskade_keys::akma::KAkma;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{AfId, Fqdn, UaProtocolId};
use kaskade_keys::{AKid, HomeRealm, Supi};
use kaskade_net::time::unix_millis;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;

/// The application: a page that greets its user, and where the home network says that a key is to be used no more.
fn application(af: Fqdn, home: impl KeySource) -> Result<Router, Box<dyn Error>> {
    let keys = AkmaClient::new(af, home, AkmaOptions::default())?;
    let login = SimLogin::new(keys.clone(), LoginOptions::default())?;
    let hello =
        |user: SimUser| async move { format!("Good morning, {}\n", user.name().as_deref().unwrap_or("somebody")) };
    Ok(Router::new()
        .route("/", get(hello))
        .layer(login)
        .merge(keys.notifications()))
}

/// A certificate chain and its key, both in PEM, for HTTP/2 and HTTP/1.1 over TLS 1.3.
fn tls(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let chain = CertificateDer::pem_slice_iter(certificates).collect::<Result<_, _>>()?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (app, config, socket) = match texts.as_slice() {
        [] => demonstration().await?,
        [af, certificates, key, listen, aanf] => {
            let home = Aanf::new(aanf, Default::default())?;
            let config = tls(&std::fs::read(certificates)?, &std::fs::read(key)?)?;
            (
                application(af.parse()?, home)?,
                config,
                TcpListener::bind(listen).await?,
            )
        }
        _ => {
            return Err(
                "expected nothing, or: domain name, certificates, key, address to listen on, apiRoot of the AAnF"
                    .into(),
            );
        }
    };
    println!("Listening on {}", socket.local_addr()?);
    let app = app.into_make_service_with_connect_info::<TlsPeer>();
    axum::serve(TlsListener::new(socket, config, 1000)?, app).await?;
    Ok(())
}

/// A home network with one user, whose UE is whoever reads what this prints.
struct MadeUp {
    a_kid: AKid,
    k_akma: KAkma,
}

impl KeySource for MadeUp {
    fn k_af(&self, request: AkmaAfKeyRequest) -> Asked<'_> {
        let key = (request.a_kid == self.a_kid).then(|| AkmaAfKeyData {
            gpsi: "msisdn-491701234567".parse().ok(),
            supi: None,
            expiry: unix_millis().after(std::time::Duration::from_secs(3600)).into(),
            k_af: self.k_akma.k_af(&request.af_id),
        });
        Box::pin(std::future::ready(Ok(key)))
    }
}

async fn demonstration() -> Result<(Router, Arc<ServerConfig>, TcpListener), Box<dyn Error>> {
    let af: Fqdn = "af.example".parse()?;
    let (k_ausf, supi) = (KAusf::from_octets(&[0x5a; 32]), "imsi-001010000000001".parse::<Supi>()?);
    let realm = HomeRealm::new("001-01".parse()?, None);
    let a_kid = AKid::new("12".parse()?, &k_ausf.a_tid(&supi), realm);
    let k_akma = k_ausf.k_akma(&supi);
    let password = akma::password(&k_akma.k_af(&AfId::new(&af, UaProtocolId::HTTP_DIGEST)));
    let identity = rcgen::generate_simple_self_signed([af.as_str().to_owned()])?;
    let (certificate, key) = (identity.cert.pem(), identity.signing_key.serialize_pem());
    let file = std::env::temp_dir().join("akma_af.pem");
    std::fs::write(&file, &certificate)?;
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    let port = socket.local_addr()?.port();
    println!("The UE is not here; this is what it would say:");
    println!();
    println!(
        "curl --cacert {} --resolve af.example:{port}:127.0.0.1 \\",
        file.display()
    );
    println!(
        "    --digest --user '{a_kid}:{}' https://af.example:{port}/",
        password.as_str()
    );
    println!();
    let app = application(af, MadeUp { a_kid, k_akma })?;
    Ok((app, tls(certificate.as_bytes(), key.as_bytes())?, socket))
}
