//! A connection with an application function, HTTP/1.1 over it, and the login by HTTP Digest (TS 24.109, TS 33.535 Annex B).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT, WWW_AUTHENTICATE};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use kaskade::hex_field;
use kaskade_codec::http_digest::{AuthenticationInfo, Challenge, Login, akma as profile, challenges};
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_keys::akma::KAf;
use kaskade_keys::id::AfId;
use kaskade_net::random::random_octets;
use kaskade_net::sbi::tls::ClientTls;
use kaskade_ue::Akma;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::af::{AfUrl, Ua};
use crate::exit;

/// How long a connection, a handshake or an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most octets of an answer.
const MOST: usize = 64 * 1024;

/// Where a server shows that it knows the password too (RFC 7616 3.5).
const AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("authentication-info");

/// What came of a login.
pub(crate) struct Told {
    /// What was spoken.
    pub(crate) transport: &'static str,
    /// Code point of the cipher suite.
    pub(crate) suite: u16,
    /// What K_AF is for.
    pub(crate) af_id: AfId,
    /// The key.
    pub(crate) k_af: KAf,
    /// Whether the function has shown that it has the key too.
    pub(crate) is_proved: bool,
    /// What it said.
    pub(crate) answer: Answer,
    /// How long that took.
    pub(crate) elapsed: Duration,
}

/// An answer of HTTP.
pub(crate) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// What it says, without what a terminal would take for orders.
    pub(super) fn text(&self) -> String {
        match std::str::from_utf8(&self.body) {
            Ok(text) => text
                .chars()
                .map(|c| if c.is_control() && c != '\n' { '·' } else { c })
                .collect(),
            Err(_) => format!("{} octets that are no text", self.body.len()),
        }
    }

    /// What it asks for to log in.
    fn challenges(&self) -> Result<Vec<Challenge>> {
        let mut found = Vec::new();
        for value in self.headers.get_all(WWW_AUTHENTICATE) {
            found.extend(challenges(value.as_bytes()).context("WWW-Authenticate")?);
        }
        Ok(found)
    }

    /// In one line, for a refusal.
    pub(super) fn line(&self) -> String {
        let text = self.text();
        match text.lines().next().map(str::trim) {
            None | Some("") => self.status.to_string(),
            Some(line) => format!("{}: {}", self.status, line.chars().take(200).collect::<String>()),
        }
    }
}

/// A connection.
pub(super) struct Link {
    sender: SendRequest<Empty<Bytes>>,
    host: String,
    target: String,
}

/// A TCP connection with an application function.
pub(super) async fn connected(url: &AfUrl, address: Option<&str>) -> Result<TcpStream> {
    let address = address.map_or_else(|| url.address(), str::to_owned);
    let unreachable =
        |why: String| exit::refused(Refusal::PeerUnreachable, format!("no connection to {address}: {why}"));
    match timeout(PATIENCE, TcpStream::connect(&address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable("nobody answers".into())),
    }
}

/// In its time.
pub(super) async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> Result<T> {
    let silent = |_| exit::refused(Refusal::PeerSilent, format!("{what}: nothing came in {PATIENCE:?}"));
    timeout(PATIENCE, work).await.map_err(silent)
}

impl Link {
    /// HTTP/1.1 over a protected stream.
    pub(super) async fn over<I>(stream: I, url: &AfUrl) -> Result<Self>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.context("HTTP")?;
        // What breaks it is told by the request that waits.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: url.host(),
            target: url.target.clone(),
        })
    }

    /// Asks once.
    pub(super) async fn get(&mut self, authorization: Option<&str>) -> Result<Answer> {
        let mut request = Request::get(&self.target)
            .header(HOST, &self.host)
            .header(USER_AGENT, user_agent());
        if let Some(value) = authorization {
            let mut value = HeaderValue::try_from(value).context("Authorization")?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Empty::new())?;
        let answer = in_time("the application function", self.sender.send_request(request)).await?;
        let (head, body) = answer.context("the application function broke off")?.into_parts();
        let body = in_time("the answer", Limited::new(body, MOST).collect()).await?;
        let body = body.map_err(|error| anyhow::anyhow!("the answer: {error}"))?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    /// Whether there can be no other request, once the connection knows what came of the last one.
    async fn is_over(&mut self) -> bool {
        !matches!(timeout(PATIENCE, self.sender.ready()).await, Ok(Ok(())))
    }
}

fn user_agent() -> String {
    format!("kaskade-ue/{} {}", env!("CARGO_PKG_VERSION"), profile::PRODUCT_TOKEN)
}

/// Logs in at a function that shows a certificate; `tls` says whose are trusted.
pub(crate) async fn log_in(url: &AfUrl, address: Option<&str>, tls: &ClientTls, ua: Ua, akma: &Akma) -> Result<Told> {
    let begin = Instant::now();
    let (mut link, mut suite) = open(url, address, tls).await?;
    let mut asked = link.get(None).await?;
    let a_kid = akma.a_kid().to_string();
    for _ in 0..2 {
        if asked.status != StatusCode::UNAUTHORIZED {
            return Err(not_asked(&asked));
        }
        if link.is_over().await {
            (link, suite) = open(url, address, tls).await?;
        }
        let af_id = AfId::new(&url.fqdn, ua.id(suite));
        let k_af = akma.k_af(&af_id);
        let mut login = Login::new(&asked.challenges()?, &url.fqdn, &a_kid, &k_af)
            .map_err(|error| exit::refused(Refusal::NetworkNotAuthentic, format!("{error} ({})", asked.line())))?;
        let cnonce = hex_field::text(&random_octets::<16>()?);
        let credentials = login.answer("GET", &url.target, &cnonce)?;
        let answer = link.get(Some(&credentials.to_string())).await?;
        if answer.status == StatusCode::UNAUTHORIZED && answer.challenges()?.iter().any(|challenge| challenge.stale) {
            asked = answer;
            continue;
        }
        if !answer.status.is_success() {
            return Err(exit::refused(
                Refusal::AuthenticationRejected,
                format!(
                    "the application function refuses the A-KID or K_AF ({}): does the subscriber have AKMA, and does the AAnF allow {af_id}? \
                     The function and its AAnF tell more",
                    answer.line()
                ),
            ));
        }
        let shown = answer.headers.get(AUTHENTICATION_INFO);
        if let Some(value) = shown {
            let info = AuthenticationInfo::read(value.as_bytes(), login.algorithm()).context("Authentication-Info")?;
            let believed = match fault!("akma-impostor-believed") {
                true => Ok(()),
                false => login.believe(&credentials, &info),
            };
            believed.map_err(|error| exit::refused(Refusal::NetworkNotAuthentic, error.to_string()))?;
        }
        return Ok(Told {
            transport: "TLS 1.3 with a certificate, HTTP Digest",
            suite,
            af_id,
            k_af,
            is_proved: shown.is_some(),
            answer,
            elapsed: begin.elapsed(),
        });
    }
    bail!("the application function calls every nonce too old")
}

/// TLS, with the certificate of the function.
async fn open(url: &AfUrl, address: Option<&str>, tls: &ClientTls) -> Result<(Link, u16)> {
    let stream = connected(url, address).await?;
    let shaken = in_time("TLS", tls.connect(url.fqdn.as_str(), stream)).await?;
    let (stream, suite) = shaken.with_context(|| format!("TLS with {}", url.fqdn.as_str()))?;
    Ok((Link::over(stream, url).await?, suite))
}

/// A function that does not ask who somebody is.
fn not_asked(answer: &Answer) -> anyhow::Error {
    let said = answer.line();
    match answer.status.is_success() {
        true => exit::refused(
            Refusal::NetworkNotAuthentic,
            format!("the application function lets in whoever asks ({said}): it wants no login there"),
        ),
        false => exit::refused(
            Refusal::AuthenticationRejected,
            format!("the application function asks for no login ({said})"),
        ),
    }
}
