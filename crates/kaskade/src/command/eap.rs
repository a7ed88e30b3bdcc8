//! One authentication by EAP: an emulated device, and what it is told over an AUSF.

use anyhow::{Context as _, Result, bail};
use kaskade::load::supi_or_suci;
use kaskade_aka::eap_aka::peer::{PeerFailure, PeerSuccess};
use kaskade_codec::sbi::nausf_auth::{AuthenticationInfo, SessionKey};
use kaskade_doctor::side::Side;
use kaskade_flow::Refusal;
use kaskade_keys::eap::Msk;
use kaskade_keys::fivegs::KSeaf;
use kaskade_keys::{ServingNetworkName, Supi};
use kaskade_net::random::SystemEntropy;
use kaskade_net::role::seaf::{AusfClient, Begun, EapAnswered, EapRequest};
use kaskade_net::time::moment;
use kaskade_ue::eap::EapOutcome;
use kaskade_ue::{Eap, EapDevice, MobileIdentity};

use super::attach::explained;
use super::ue::state::StateFile;
use crate::exit;

/// What the network has in the end.
pub(crate) enum NetworkKey {
    Msk(Msk),
    KSeaf(KSeaf),
}

/// The device's end of one run.
pub(crate) struct Run<'s> {
    supi: Supi,
    eap: Eap,
    state: &'s mut Option<StateFile>,
    packets: u32,
    /// Where somebody wants to see them: keys of the card, and CK' ‖ IK'.
    pub(crate) seen: Option<Side>,
}

impl<'s> Run<'s> {
    /// The device waits for the first packet. What its card must not forget goes to `state` before each response.
    pub(crate) fn begin(device: EapDevice, state: &'s mut Option<StateFile>) -> Self {
        Self {
            supi: device.supi().clone(),
            eap: device.begin(moment()),
            state,
            packets: 0,
            seen: None,
        }
    }

    /// How many responses it sent.
    pub(crate) const fn packets(&self) -> u32 {
        self.packets
    }

    /// The device, with what it is to remember, and the EMSK.
    pub(crate) fn end(self, success: &mut PeerSuccess) -> EapDevice {
        self.eap.succeed(success)
    }

    /// Authenticates over an AUSF (TS 33.501 6.1.3.1).
    pub(crate) async fn over_ausf(
        &mut self,
        ausf: &AusfClient,
        identity: MobileIdentity,
        serving_network_name: ServingNetworkName,
    ) -> Result<(Box<PeerSuccess>, NetworkKey)> {
        let info = AuthenticationInfo {
            supi_or_suci: supi_or_suci(identity),
            serving_network_name,
            resynchronization_info: None,
        };
        let refused = || format!("the AUSF gave no challenge for {}", self.supi.masked());
        let begun = ausf.begin(info).await.map_err(explained).with_context(refused)?;
        let EapRequest { mut packet, session } = match begun {
            Begun::Eap(request) => request,
            Begun::FiveGAka(challenge) => {
                let _ = ausf.delete(&challenge.confirmation).await;
                return Err(exit::refused(
                    Refusal::MethodUnknown,
                    "the home network authenticates this subscriber by 5G AKA: use `kaskade ue attach`, or put eap-aka-prime first in \
                     the subscriber's methods",
                ));
            }
        };
        loop {
            let response = self.response(&packet)?;
            match ausf.eap(&session, Some(response)).await.map_err(explained)? {
                EapAnswered::Request(next) => packet = next.packet,
                EapAnswered::Success { packet, supi, key } => {
                    let success = self.success(&packet)?;
                    if supi != self.supi {
                        bail!(
                            "the home network authenticated {}, but this UE is {}",
                            supi.masked(),
                            self.supi.masked()
                        );
                    }
                    let key = match key {
                        SessionKey::KSeaf(key) => NetworkKey::KSeaf(key),
                        SessionKey::Msk(key) => NetworkKey::Msk(key),
                    };
                    return Ok((success, key));
                }
                EapAnswered::Failure { packet } => return Err(self.failure(&packet)),
            }
        }
    }

    /// What the device makes of a packet, once the card's state is kept.
    fn taken(&mut self, packet: &[u8]) -> Result<EapOutcome> {
        let told = match &mut self.seen {
            Some(side) => self.eap.packet_visited(packet, moment(), &mut SystemEntropy, side),
            None => self.eap.packet(packet, moment(), &mut SystemEntropy),
        };
        if let (Some(card), Some(state)) = (told.card_state(), self.state.as_mut()) {
            state.keep(&card)?;
        }
        Ok(told.kept())
    }

    /// What the device answers to a request.
    pub(crate) fn response(&mut self, packet: &[u8]) -> Result<Vec<u8>> {
        match self.taken(packet)? {
            EapOutcome::Response(response) => {
                self.packets += 1;
                Ok(response.into())
            }
            EapOutcome::Discard(why) => Err(exit::refused(
                why,
                "the server sent a packet that the device cannot use",
            )),
            EapOutcome::Failure(failure) => Err(failed(&failure)),
            EapOutcome::Success(_) => bail!("the device has succeeded, and the server asks on"),
        }
    }

    /// What the device makes of the packet that says that it is let in.
    pub(crate) fn success(&mut self, packet: &[u8]) -> Result<Box<PeerSuccess>> {
        match self.taken(packet)? {
            EapOutcome::Success(success) => Ok(success),
            EapOutcome::Failure(failure) => Err(failed(&failure)),
            EapOutcome::Response(_) | EapOutcome::Discard(_) => {
                bail!("the server says that it is over, and the device does not")
            }
        }
    }

    /// What the device makes of the packet that says that it is not.
    pub(crate) fn failure(&mut self, packet: &[u8]) -> anyhow::Error {
        match self.taken(packet) {
            Ok(EapOutcome::Failure(failure)) => failed(&failure),
            Ok(_) => exit::refused(
                Refusal::AuthenticationRejected,
                "the server rejects the user, and the device knows no reason",
            ),
            Err(error) => error,
        }
    }
}

/// What the device knows of a failure, and what to do.
fn failed(failure: &PeerFailure) -> anyhow::Error {
    let hint = match (failure.why, failure.notification) {
        (_, Some(code)) => format!("the server notified of code {}", code.0),
        (Refusal::NetworkNotAuthentic, None) => {
            "K, OP or OPc, or the algorithm of this USIM are not those of the home network, or \
             its network name is not the one that is expected"
                .to_owned()
        }
        (why, None) => why.sentence().to_owned(),
    };
    exit::refused(failure.why, format!("the authentication failed: {hint}"))
}
