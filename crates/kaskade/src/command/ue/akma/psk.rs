//! TLS with K_AF as the pre-shared key (TS 33.535 Annex B): who gets in has the key, at both ends.

use std::time::Instant;

use anyhow::{Context as _, Result};
use kaskade_flow::Refusal;
use kaskade_net::psk::{AkmaProtocol, HandshakeError, PskSuite};
use kaskade_ue::Akma;

use super::af::{AfUrl, PskProtocol};
use super::link::{Link, Told, connected, in_time};
use crate::exit;

impl PskProtocol {
    /// As it is spoken, and what it is called.
    pub(crate) fn of_akma(&self) -> Result<(AkmaProtocol, &'static str)> {
        let Self::Tls12(name) = self else {
            return Ok((AkmaProtocol::tls_1_3(), "TLS 1.3 with K_AF as the pre-shared key"));
        };
        let suite = PskSuite::ALL.iter().find(|suite| suite.name() == name);
        let names = || {
            let names: Vec<_> = PskSuite::ALL.iter().map(|suite| suite.name()).collect();
            format!(
                "--psk: no cipher suite that is spoken here; there are {}",
                names.join(", ")
            )
        };
        let suite = suite.with_context(names)?;
        Ok((AkmaProtocol::tls_1_2(*suite), "TLS 1.2 with K_AF as the pre-shared key"))
    }
}

/// Gets in with the key.
pub(super) async fn log_in(protocol: &PskProtocol, url: &AfUrl, address: Option<&str>, akma: &Akma) -> Result<Told> {
    let begin = Instant::now();
    let (protocol, transport) = protocol.of_akma()?;
    let af_id = protocol.af_id(&url.fqdn);
    let k_af = akma.k_af(&af_id);
    let client = protocol.client(&url.fqdn, akma.a_kid(), &k_af)?;
    let stream = connected(url, address).await?;
    let stream = client.connect(stream).await.map_err(|error| {
        let why = match error {
            HandshakeError::Alert(_) | HandshakeError::WrongKey | HandshakeError::Closed => {
                Refusal::AuthenticationRejected
            }
            HandshakeError::TooSlow => Refusal::PeerSilent,
            _ => Refusal::NetworkNotAuthentic,
        };
        exit::refused(why, format!("TLS with {}: {error}", url.fqdn.as_str()))
    })?;
    let suite = stream.cipher_suite();
    let mut link = Link::over(stream, url).await?;
    let answer = in_time("the application function", link.get(None)).await??;
    if !answer.status.is_success() {
        return Err(exit::refused(
            Refusal::PeerFailed,
            format!(
                "the application function has let the UE in, and answers {}",
                answer.line()
            ),
        ));
    }
    Ok(Told {
        transport,
        suite,
        af_id,
        k_af,
        is_proved: true,
        answer,
        elapsed: begin.elapsed(),
    })
}
