//! An application of the demonstration: the UEs log in at it with their SIM (AKMA), and it has their keys from the AAnF.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use kaskade::config::{Config, Parsed, PeerConfig};
use kaskade_af::{AkmaClient, AkmaOptions, KeySource, Known, LoginOptions, SimLogin, SimUser, TlsListener};
use kaskade_aka::visit::{KeyVisitor as _, VisitKeys as _};
use kaskade_doctor::side::Side;
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_keys::id::{AfId, Fqdn, UaProtocolId};
use kaskade_keys::{HomeRealm, RoutingIndicator, Supi};
use kaskade_net::sbi::tls::ClientTls;
use kaskade_ue::{Akma, Home};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::version::TLS13;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::demo_plmn;
use crate::command::ue::akma::af::{AfUrl, Ua};
use crate::command::ue::akma::link::{self, Told};
use crate::exit;

const APPLICATION: &str = "af.example";

/// The AAnF hears of a new anchor key a moment after the UE has it: how long a login is tried again, and how often.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Connections of the application at once.
const CONNECTIONS: usize = 16;

/// Lets an AAnF run, which gives keys to this one application and to nobody else. Where peers have names of their own, there is none.
pub(super) fn prepare(config: &mut Config) -> Result<()> {
    config.ausf.aanf = PeerConfig::default();
    config.ausf.home_networks.clear();
    if !config.groups.0.is_empty() {
        return Ok(());
    }
    let text = format!(
        "[aanf.functions.demonstration]\nfqdn = \"{APPLICATION}\"\nprotocols = [\"http-digest\"]\ncallers = [\"{}\"]\nidentity = \"supi\"\n",
        Ipv4Addr::LOCALHOST
    );
    config.aanf = Config::parse(&text, Path::new("the demonstration"))?.aanf;
    config.ausf.home_networks.push(Parsed(demo_plmn()?.into()));
    Ok(())
}

/// How the cards of the demonstration name their home network.
pub(super) fn home() -> Result<Home> {
    Ok(Home {
        routing_indicator: RoutingIndicator::DEFAULT,
        realm: HomeRealm::new(demo_plmn()?, None),
    })
}

/// The application, which listens on the loopback until it is dropped.
pub(super) struct Application {
    url: AfUrl,
    address: SocketAddr,
    tls: ClientTls,
    desk: Desk,
    patience: Duration,
    serving: JoinHandle<std::io::Result<()>>,
}

/// Where the application greets its users, and remembers who was there last.
#[derive(Clone)]
struct Desk {
    keys: AkmaClient,
    last: Arc<Mutex<Option<Arc<Known>>>>,
}

impl Application {
    /// Starts it, with keys of this source and with a certificate that it makes for itself.
    pub(super) async fn start(source: impl KeySource) -> Result<Self> {
        let url: AfUrl = format!("https://{APPLICATION}/").parse().map_err(anyhow::Error::msg)?;
        let mut options = AkmaOptions::default();
        options.unknown_for = PAUSE / 2;
        let keys = AkmaClient::new(APPLICATION.parse::<Fqdn>()?, source, options)?;
        let login = SimLogin::new(keys.clone(), LoginOptions::default())?;
        let desk = Desk {
            keys,
            last: Arc::default(),
        };
        let greet = {
            let desk = desk.clone();
            move |user: SimUser| async move { desk.greet(user).await }
        };
        let app = Router::new().route("/", get(greet)).layer(login);
        let (certificate, config) = certified(url.fqdn.as_str())?;
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let listener = TlsListener::new(socket, config, CONNECTIONS)?;
        Ok(Self {
            url,
            address,
            tls: ClientTls::to(certificate)?.with_http_1(),
            desk,
            patience: PATIENCE,
            serving: tokio::spawn(async move { axum::serve(listener, app).await }),
        })
    }

    /// A UE logs in, and both ends take note of their keys. Gives a line about it.
    pub(super) async fn session(&self, supi: &Supi, akma: &Akma, ue: &mut Side, network: &mut Side) -> Result<String> {
        let told = self
            .log_in(akma)
            .await
            .with_context(|| format!("AKMA with {APPLICATION}"))?;
        if !told.is_proved {
            bail!("{APPLICATION} does not show that it has K_AF");
        }
        let known = self.desk.last().with_context(|| format!("{APPLICATION} saw nobody"))?;
        let user = known.user.supi.as_ref();
        let user = user.with_context(|| format!("{APPLICATION} was not told who the user is"))?;
        if user != supi {
            bail!("{APPLICATION} takes {} for {}", supi.masked(), user.masked());
        }
        akma.visit_keys(ue);
        match fault!("demo-ue-with-another-k-af") {
            true => ue.key(&akma.k_af(&AfId::new(&self.url.fqdn, UaProtocolId::tls([0x13, 0x01])))),
            false => ue.key(&told.k_af),
        }
        network.key(known.k_af());
        Ok(format!(
            "AKMA: {APPLICATION} knows {}, HTTP Digest over TLS 1.3, {:.2} ms",
            user.masked(),
            told.elapsed.as_secs_f64() * 1e3
        ))
    }

    async fn log_in(&self, akma: &Akma) -> Result<Told> {
        let (address, begin) = (self.address.to_string(), Instant::now());
        let ua = Ua::Fixed(UaProtocolId::HTTP_DIGEST);
        loop {
            match link::log_in(&self.url, Some(&address), &self.tls, ua, akma).await {
                Err(error) if is_refusal(&error) && begin.elapsed() < self.patience => sleep(PAUSE).await,
                came => return came,
            }
        }
    }
}

fn is_refusal(error: &anyhow::Error) -> bool {
    exit::why(error) == Some(Refusal::AuthenticationRejected)
}

impl Drop for Application {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Desk {
    /// The key is the one that the login was checked with: nobody is asked for it again.
    async fn greet(&self, user: SimUser) -> Result<&'static str, StatusCode> {
        let known = self.keys.key(&user.a_kid, UaProtocolId::HTTP_DIGEST).await;
        let known = known.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok("Welcome\n")
    }

    fn last(&self) -> Option<Arc<Known>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A certificate of this name, which nobody else has signed, and a server that shows it.
fn certified(name: &str) -> Result<(CertificateDer<'static>, Arc<ServerConfig>)> {
    let identity = rcgen::generate_simple_self_signed([name.to_owned()])?;
    let certificate = identity.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((certificate, Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use kaskade_af::Asked;
    use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest};
    use kaskade_doctor::tree_view::{Sides, Verdict};
    use kaskade_keys::akma::KAf;
    use kaskade_keys::fivegs::KAusf;
    use kaskade_net::time::unix_millis;

    use super::*;

    /// Gives one key to whoever asks.
    struct Gives(KAf, Supi);

    impl KeySource for Gives {
        fn k_af(&self, _: AkmaAfKeyRequest) -> Asked<'_> {
            let data = AkmaAfKeyData {
                gpsi: None,
                supi: Some(self.1.clone()),
                expiry: unix_millis().after(Duration::from_secs(60)).into(),
                k_af: self.0.clone(),
            };
            Box::pin(std::future::ready(Ok(Some(data))))
        }
    }

    async fn session(k_af: KAf, of: &str) -> Result<(String, Verdict)> {
        let supi: Supi = "imsi-001010000000001".parse()?;
        let mut application = Application::start(Gives(k_af, of.parse()?)).await?;
        application.patience = Duration::ZERO;
        let (mut ue, mut network) = (Side::new(false), Side::new(false));
        let line = application.session(&supi, &akma()?, &mut ue, &mut network).await?;
        let sides = Sides {
            ue: &ue,
            network: Some(&network),
        };
        Ok((line, Verdict::of(sides)))
    }

    fn akma() -> Result<Akma> {
        let (k_ausf, supi) = (KAusf::from_octets(&[7; 32]), "imsi-001010000000001".parse()?);
        Ok(Akma::of(&k_ausf, &supi, home()?))
    }

    #[tokio::test]
    async fn the_application_lets_in_whoever_has_its_key_and_nobody_else() {
        let k_af = akma().unwrap().k_af(&"af.example0100000002".parse().unwrap());
        let (line, verdict) = session(k_af.clone(), "imsi-001010000000001").await.unwrap();
        assert!(
            line.starts_with("AKMA: af.example knows imsi-00101********01, HTTP Digest"),
            "{line}"
        );
        // K_AKMA and A-TID are of the home network, which is not here.
        assert_eq!((verdict.agree, verdict.differ, verdict.one_sided), (1, 0, 2));
        let refused = session(KAf::from_octets(&[7; 32]), "imsi-001010000000001").await;
        let refused = format!("{:#}", refused.err().unwrap());
        assert!(refused.contains("refuses the A-KID or K_AF"), "{refused}");
        let taken = session(k_af, "imsi-001010000000002").await;
        let taken = format!("{:#}", taken.err().unwrap());
        assert!(
            taken.contains("takes imsi-00101********01 for imsi-00101********02"),
            "{taken}"
        );
    }
}
