//! The device's end of ERP, behind its gateway: it comes back in one round trip, by a key below the EMSK of its last run (RFC 6696).

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use kaskade_anchor::emsk::Root;
use kaskade_anchor::erp::{FullRun, Peer, PeerOptions, PeerStep};
use kaskade_codec::erp::Flags;
use kaskade_codec::radius::Told;
use kaskade_flow::Refusal;
use kaskade_keys::eap::{Emsk, Msk};
use kaskade_keys::emsk::RMsk;
use kaskade_keys::id::{Fqdn, SessionId};
use kaskade_net::time::moment;

use super::radius::RadiusLink;
use crate::exit;

/// What a device comes back with.
pub(super) struct Erp {
    root: Root,
    peer: Box<Peer>,
}

/// A device that has come back.
pub(super) struct CameBack {
    pub(super) erp: Erp,
    /// What it has.
    pub(super) own: RMsk,
    /// What its gateway was given.
    pub(super) of_gateway: RMsk,
    /// The rMSK and the rRK are of this EMSK.
    pub(super) key_name_nai: String,
    /// How long the rMSK lives: seconds, as the server says.
    pub(super) lifetime: Option<u32>,
    pub(super) packets: u32,
    pub(super) milliseconds: f64,
}

/// What came of it.
pub(super) enum Came {
    Back(Box<CameBack>),
    /// A whole run goes on.
    NotBack(FullRun),
}

impl Erp {
    /// After a run, at the ER server of a domain.
    pub(super) fn after(emsk: Emsk, session: SessionId, domain: Fqdn) -> Result<Self> {
        let root = Root::of_eap(emsk, session);
        let peer = Peer::home(&root, domain, PeerOptions::default()).context("--erp")?;
        let peer = peer.context("the run has no EMSK that ERP could go on from")?;
        Ok(Self {
            root,
            peer: Box::new(peer),
        })
    }

    /// Who the device is to the gateway.
    pub(super) fn name(&self) -> String {
        self.peer.key_name_nai().to_string()
    }

    /// Comes back, or not.
    pub(super) async fn come_back(self, link: &mut RadiusLink) -> Result<Came> {
        let (begin, Self { root, peer }) = (Instant::now(), self);
        let key_name_nai = peer.key_name_nai().to_string();
        let flags = Flags {
            lifetimes: true,
            ..Flags::default()
        };
        let (mut waiting, mut packet) = match peer.start(None, flags, moment()) {
            Ok(started) => started,
            Err(why) => return Ok(Came::NotBack(why)),
        };
        for packets in 1.. {
            let (finish, key) = match link.ask(&packet).await? {
                Told::Accept { eap, msk, .. } => (eap, msk),
                Told::Reject { eap, .. } => (eap, None),
                _ => bail!("the RADIUS server answered what this program does not know"),
            };
            match (waiting.receive(&finish.unwrap_or_default(), &root, moment()), key) {
                (PeerStep::Done(peer, authenticated), Some(key)) => {
                    return Ok(Came::Back(Box::new(CameBack {
                        own: authenticated.r_msk,
                        of_gateway: r_msk(&key),
                        key_name_nai,
                        lifetime: authenticated.r_msk_lifetime,
                        packets,
                        milliseconds: begin.elapsed().as_secs_f64() * 1e3,
                        erp: Self { root, peer },
                    })));
                }
                (PeerStep::Send(again, next), None) => (waiting, packet) = (again, next),
                (PeerStep::FullRun(why), None) => return Ok(Came::NotBack(why)),
                (PeerStep::Wait(_), _) => {
                    return Err(exit::refused(
                        Refusal::NetworkNotAuthentic,
                        "the answer to the re-authentication is not authentic: the server has another EMSK, or is not the one",
                    ));
                }
                _ => bail!("what the gateway is told and what the device is told are not the same"),
            }
        }
        bail!("the server asks for another cryptosuite without end")
    }
}

/// What a gateway is given in place of an MSK.
fn r_msk(key: &Msk) -> RMsk {
    RMsk::from_octets(key.expose_to_authenticator())
}
