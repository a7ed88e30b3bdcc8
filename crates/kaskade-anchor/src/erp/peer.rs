//! The peer's side, as stages: nobody waits, or one packet waits for its Finish.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use kaskade_codec::erp::{Code, Flags, Items, KeyNameNai, ReAuth, ReAuthStart, Reading};
use kaskade_faults::fault;
use kaskade_flow::Moment;
use kaskade_keys::ParseError;
use kaskade_keys::emsk::{RMsk, RRk};
use kaskade_keys::id::{Cryptosuite, ErpSequence, Fqdn};

use crate::emsk::Root;

/// How a peer asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerOptions {
    /// The cryptosuite that it begins with.
    pub suite: Cryptosuite,
    /// How long it waits before it sends the same packet again.
    pub wait: Duration,
    /// How often it sends a packet.
    pub tries: u8,
}

impl Default for PeerOptions {
    /// The mandatory cryptosuite, three times, a second apart.
    fn default() -> Self {
        Self {
            suite: Cryptosuite::HmacSha256Of128,
            wait: Duration::from_secs(1),
            tries: 3,
        }
    }
}

/// A peer that may re-authenticate at one ER server.
#[derive(Debug)]
pub struct Peer {
    r_rk: RRk,
    name: KeyNameNai,
    /// Whether the server is the home's, who may vouch for domains.
    is_home: bool,
    options: PeerOptions,
    identifier: u8,
    /// The next SEQ; `None`: all were used.
    next: Option<u16>,
}

/// A peer whose packet waits for its Finish.
#[derive(Debug)]
pub struct Waiting {
    peer: Box<Peer>,
    packet: Vec<u8>,
    seq: ErpSequence,
    suite: Cryptosuite,
    flags: Flags,
    again: Option<Moment>,
    left: u8,
    may_change_suite: bool,
}

/// Why only a full run of EAP goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FullRun {
    /// No Finish came.
    #[error("ERP: no answer")]
    NoAnswer,
    /// The server says no.
    #[error("ERP: the server refuses")]
    Refused,
    /// All SEQ were used.
    #[error("ERP: all sequence numbers of the key were used")]
    Spent,
}

/// What a packet or the time makes of a peer that waits.
#[derive(Debug)]
pub enum PeerStep {
    /// It goes on waiting: the packet was not for it, or not authentic.
    Wait(Box<Waiting>),
    /// Send this packet, and wait.
    Send(Box<Waiting>, Vec<u8>),
    /// Re-authenticated.
    Done(Box<Peer>, Box<Authenticated>),
    /// The key is of no use any more.
    FullRun(FullRun),
}

/// What a re-authentication gives a peer.
#[derive(Debug)]
pub struct Authenticated {
    /// Instead of the MSK of a full run.
    pub r_msk: RMsk,
    /// How long the rRK lives, if the server said so: seconds.
    pub r_rk_lifetime: Option<u32>,
    /// How long the rMSK lives, if the server said so: seconds.
    pub r_msk_lifetime: Option<u32>,
    /// The domain that has a DSRK, where the home vouches for it: [`Peer::local`].
    pub domain: Option<Fqdn>,
}

impl Peer {
    /// Of the home's ER server. `None` after 5G AKA.
    ///
    /// # Errors
    /// [`ParseError`] where the realm is too long for a keyName-NAI.
    pub fn home(root: &Root, realm: Fqdn, options: PeerOptions) -> Result<Option<Self>, ParseError> {
        let name = KeyNameNai::new(root.name(), realm)?;
        Ok(root.r_rk().map(|r_rk| Self::new(r_rk, name, true, options)))
    }

    /// Of the ER server of a domain that has a DSRK.
    ///
    /// # Errors
    /// [`ParseError`] where the domain is too long for a keyName-NAI.
    pub fn local(root: &mut Root, domain: Fqdn, options: PeerOptions) -> Result<Self, ParseError> {
        let r_rk = root.dsrk(&domain).r_rk();
        let name = KeyNameNai::new(root.name(), domain)?;
        Ok(Self::new(r_rk, name, false, options))
    }

    fn new(r_rk: RRk, name: KeyNameNai, is_home: bool, options: PeerOptions) -> Self {
        Self {
            r_rk,
            name,
            is_home,
            options,
            identifier: 0,
            next: Some(0),
        }
    }

    /// Which key it is, and at whose server.
    pub const fn key_name_nai(&self) -> &KeyNameNai {
        &self.name
    }

    /// Begins, whether an authenticator said that it speaks ERP or not: the packet to send.
    ///
    /// # Errors
    /// [`FullRun::Spent`].
    pub fn start(
        self,
        start: Option<&ReAuthStart>,
        flags: Flags,
        now: Moment,
    ) -> Result<(Box<Waiting>, Vec<u8>), FullRun> {
        let identifier = start.map_or(self.identifier.wrapping_add(1), |start| start.identifier);
        let suite = self.options.suite;
        self.send(identifier, flags, suite, true, now)
    }

    fn send(
        mut self,
        identifier: u8,
        flags: Flags,
        suite: Cryptosuite,
        may_change_suite: bool,
        now: Moment,
    ) -> Result<(Box<Waiting>, Vec<u8>), FullRun> {
        let seq = ErpSequence::new(self.next.ok_or(FullRun::Spent)?);
        self.next = seq.value().checked_add(1);
        self.identifier = identifier;
        let flags = Flags { failed: false, ..flags };
        let initiate = ReAuth {
            code: Code::Initiate,
            identifier,
            flags,
            seq,
            key_name_nai: self.name.clone(),
            items: Items::default(),
        };
        let r_ik = self.r_rk.r_ik(suite);
        let packet = initiate.protect(suite, |covered| r_ik.tag(covered));
        let waiting = Waiting {
            again: now.after(self.options.wait),
            left: self.options.tries.saturating_sub(1),
            peer: Box::new(self),
            packet: packet.clone(),
            seq,
            suite,
            flags,
            may_change_suite,
        };
        Ok((Box::new(waiting), packet))
    }
}

impl Waiting {
    /// When [`Waiting::time_out`] is due; `None`: never.
    pub const fn deadline(&self) -> Option<Moment> {
        self.again
    }

    /// The same packet again, or no more.
    pub fn time_out(mut self: Box<Self>, now: Moment) -> PeerStep {
        let Some(left) = self.left.checked_sub(1) else {
            return PeerStep::FullRun(FullRun::NoAnswer);
        };
        self.left = left;
        self.again = now.after(self.peer.options.wait);
        let packet = self.packet.clone();
        PeerStep::Send(self, packet)
    }

    /// Takes a packet. What is not the Finish of this run leaves everything as it was.
    pub fn receive(self: Box<Self>, packet: &[u8], root: &Root, now: Moment) -> PeerStep {
        let readings = ReAuth::read(packet).unwrap_or_default();
        let mut ours = readings.into_iter().filter(|reading| self.is_answer(&reading.re_auth));
        let mut unprotected = false;
        let authentic = ours.find_map(|reading| match reading.protection {
            None => {
                unprotected = true;
                None
            }
            Some(_) => self.is_authentic(&reading).then_some(reading),
        });
        let Some(reading) = authentic else {
            return match unprotected {
                // Nobody can say whether that is the server; ERP is over in any case, and a full run is not.
                true => PeerStep::FullRun(FullRun::Refused),
                false => PeerStep::Wait(self),
            };
        };
        if reading.re_auth.flags.failed {
            return self.failed(&reading.re_auth, now);
        }
        let domain = self.vouched_for(&reading, root);
        let items = reading.re_auth.items;
        let authenticated = Authenticated {
            r_msk: self.peer.r_rk.r_msk(self.seq),
            r_rk_lifetime: items.r_rk_lifetime,
            r_msk_lifetime: items.r_msk_lifetime,
            domain,
        };
        PeerStep::Done(self.peer, Box::new(authenticated))
    }

    fn is_answer(&self, finish: &ReAuth) -> bool {
        finish.code == Code::Finish
            && finish.identifier == self.peer.identifier
            && finish.seq == self.seq
            && finish.key_name_nai == self.peer.name
    }

    /// By the cryptosuite of this run; of a failure by any that there is, as the server chooses.
    fn is_authentic(&self, reading: &Reading<'_>) -> bool {
        let Some(protection) = reading.protection else {
            return false;
        };
        if protection.suite != self.suite && !reading.re_auth.flags.failed {
            return false;
        }
        let r_ik = self.peer.r_rk.r_ik(protection.suite);
        r_ik.verify(protection.suite, protection.covered, protection.tag)
    }

    /// Once with a cryptosuite that the server names, the mandatory one first.
    fn failed(self, finish: &ReAuth, now: Moment) -> PeerStep {
        let named = finish.items.cryptosuites.as_deref().unwrap_or_default();
        let mandatory = Cryptosuite::HmacSha256Of128;
        let mut both = [mandatory, Cryptosuite::HmacSha256Of256].into_iter();
        let suite = both.find(|suite| named.contains(&(*suite as u8)) && *suite != self.suite);
        let Some(suite) = suite.filter(|_| self.may_change_suite) else {
            return PeerStep::FullRun(FullRun::Refused);
        };
        let identifier = self.peer.identifier.wrapping_add(1);
        match self.peer.send(identifier, self.flags, suite, false, now) {
            Ok((waiting, packet)) => PeerStep::Send(waiting, packet),
            Err(why) => PeerStep::FullRun(why),
        }
    }

    /// The domain of a Finish that bootstraps, where the home's indication says that it may have its DSRK.
    fn vouched_for(&self, reading: &Reading<'_>, root: &Root) -> Option<Fqdn> {
        let ReAuth { flags, items, .. } = &reading.re_auth;
        let domain = items
            .domain
            .as_ref()
            .filter(|_| flags.bootstrapping && self.peer.is_home)?;
        if fault!("erp-domain-not-vouched-for") {
            return Some(domain.clone());
        }
        let key = root.dsrk_authorization(domain)?;
        let covered = reading.covered_by_authorization()?;
        let right = key.verify(self.suite, &covered, items.authorization.as_deref()?);
        right.then(|| domain.clone())
    }
}
