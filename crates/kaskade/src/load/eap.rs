//! Runs of EAP-AKA' over an AUSF.

use kaskade_aka::eap_aka::NetworkName;
use kaskade_aka::eap_aka::peer::{PeerName, PeerPolicy};
use kaskade_codec::sbi::nausf_auth::{AuthenticationInfo, SessionKey};
use kaskade_net::random::SystemEntropy;
use kaskade_net::role::seaf::{AusfClient, AusfClientError, Begun, EapAnswered, EapRequest};
use kaskade_net::time::moment;
use kaskade_ue::eap::EapOutcome;
use kaskade_ue::{EapDevice, Identity, MobileIdentity};

use super::{Shared, demo_subscriber, supi_or_suci, usim};

/// Digits of base64 of a response to a challenge: header, AT_RES and AT_MAC, 40 octets.
pub(super) const RESPONSE_DIGITS: usize = 56;

impl Shared {
    /// One run of SEAF and UE, whose card is new.
    pub(super) async fn eap_run(&self, ausf: &AusfClient, index: u64) -> Result<(), String> {
        let text = |error: AusfClientError| error.to_string();
        let subscriber = demo_subscriber(self.options.plmn, self.options.seed, index);
        let name = |identity: &Identity| {
            let name = identity.of(&subscriber.supi, &mut SystemEntropy);
            name.map_err(|error| error.to_string())
        };
        // What the peer would say if it were asked; an AUSF that knows the user asks nobody.
        let null = Identity::Null {
            home: Some(self.options.plmn),
            routing_indicator: kaskade_keys::RoutingIndicator::DEFAULT,
        };
        let MobileIdentity::Suci(suci) = name(&null)? else {
            return Err("an identity without SUCI".into());
        };
        let suci = suci.nai().parse().map_err(|error| format!("{error}"))?;
        let device = EapDevice::new(
            usim(&subscriber)?,
            subscriber.supi.clone(),
            PeerPolicy::five_gs(NetworkName::Serving(self.serving_network_name)),
            PeerName::FiveGs(subscriber.supi.clone(), suci),
        );
        let info = AuthenticationInfo {
            supi_or_suci: supi_or_suci(name(&self.options.identity)?),
            serving_network_name: self.serving_network_name,
            resynchronization_info: None,
        };
        let Begun::Eap(EapRequest { packet, session }) = ausf.begin(info).await.map_err(text)? else {
            return Err("the AUSF authenticates by 5G AKA".into());
        };
        let mut eap = device.begin(moment());
        let response = match eap.packet(&packet, moment(), &mut SystemEntropy).kept() {
            EapOutcome::Response(response) => response,
            other => return Err(format!("no response to the challenge: {other:?}")),
        };
        let (packet, supi, key) = match ausf.eap(&session, Some(response.into())).await.map_err(text)? {
            EapAnswered::Success { packet, supi, key } => (packet, supi, key),
            EapAnswered::Request(_) => return Err("the AUSF asks on".into()),
            EapAnswered::Failure { .. } => return Err("AUTHENTICATION_FAILURE".into()),
        };
        let success = match eap.packet(&packet, moment(), &mut SystemEntropy).kept() {
            EapOutcome::Success(success) => success,
            other => return Err(format!("no success: {other:?}")),
        };
        if supi != subscriber.supi {
            return Err("another SUPI was authenticated".into());
        }
        let k_seaf = success.k_ausf.map(|k_ausf| k_ausf.k_seaf(&self.serving_network_name));
        match (key, k_seaf) {
            (SessionKey::KSeaf(given), Some(derived)) if given == derived => Ok(()),
            _ => Err("K_SEAF differs from that of the ME".into()),
        }
    }
}
