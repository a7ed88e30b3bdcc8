//! The ER server's side of one rRK, as a machine.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use kaskade_codec::erp::{Code, ErpError, Flags, Items, KeyNameNai, ReAuth};
use kaskade_crypto::KeyMaterial;
use kaskade_crypto::kdf::sha256;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Outcome, PeerId, Subject};
use kaskade_flow::machine::{Machine, Step};
use kaskade_flow::unit::Unit;
use kaskade_flow::{Entropy, Guarded, Moment, Refusal, UnixMillis};
use kaskade_keys::ParseError;
use kaskade_keys::emsk::{Dsrk, DsrkAuthorization, RMsk, RRk};
use kaskade_keys::id::{Cryptosuite, ErpSequence, Fqdn, RootKeyName};

use crate::emsk::{AdmittedDomain, Anchor};

/// How long the answer to a packet is kept for the same packet again (RFC 6696 5.2).
const CACHED: Duration = Duration::from_millis(100);
/// One more than the last SEQ.
const SPENT: u32 = 1 << 16;

/// How an ER server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErOptions {
    /// The cryptosuites that it takes; the first one protects answers to others. Never empty: else the mandatory one.
    pub suites: Vec<Cryptosuite>,
    /// How long an rMSK lives at most.
    pub r_msk_lifetime: Duration,
}

impl Default for ErOptions {
    /// The mandatory cryptosuite and the one with the long tag; an hour.
    fn default() -> Self {
        Self {
            suites: Vec::from([Cryptosuite::HmacSha256Of128, Cryptosuite::HmacSha256Of256]),
            r_msk_lifetime: Duration::from_secs(3600),
        }
    }
}

/// The re-authentications of one rRK.
#[derive(Debug)]
pub struct ErServer {
    r_rk: RRk,
    name: KeyNameNai,
    options: ErOptions,
    deadline: Option<Moment>,
    /// The least SEQ that is taken; [`SPENT`]: none any more.
    next: u32,
    last: Option<Last>,
}

/// The last Finish that granted something.
#[derive(Debug)]
struct Last {
    at: Moment,
    /// SHA-256 of the packet, whose length its peer has chosen.
    initiate: [u8; 32],
    finish: Vec<u8>,
    granted: (ErpSequence, Duration, Option<Fqdn>),
}

/// What an ER server is told.
#[derive(Debug)]
pub struct ErInput {
    /// The packet of the peer.
    pub initiate: Vec<u8>,
    /// When, in wall time.
    pub at: UnixMillis,
    /// The authenticator, for the audit log.
    pub by: PeerId,
    /// Whom it is about, for the audit log.
    pub about: Subject,
    /// Where a local ER server asks for the DSRK of its domain: what the home says of it.
    pub bootstrap: Option<Bootstrap>,
}

/// That a domain may have its DSRK, for the Finish that bootstraps.
#[derive(Debug)]
pub struct Bootstrap {
    domain: Fqdn,
    authorization: DsrkAuthorization,
}

impl Bootstrap {
    /// The home vouches for a domain whose key server was admitted. `None` after 5G AKA. The DSRK itself is asked of the
    /// [`Anchor`] as any other key.
    pub fn of(anchor: &Anchor, admitted: &AdmittedDomain) -> Option<Self> {
        Some(Self {
            domain: admitted.domain.clone(),
            authorization: anchor.root().dsrk_authorization(&admitted.domain)?,
        })
    }
}

/// What an ER server asks its driver for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErAsk {
    /// Count it: the packet gets no answer.
    Count(ErLeft),
    /// Count it, and tell the peer this failure, in which there is no secret.
    Fail {
        /// Why.
        why: ErLeft,
        /// For the peer.
        finish: Vec<u8>,
    },
}

/// Why a packet is left alone, or fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErLeft {
    /// No packet of ERP, or no Initiate.
    #[error("ERP: {0}")]
    Form(#[from] ErpError),
    /// It is of another key.
    #[error("ERP: the packet names another key")]
    AnotherKey,
    /// The tag is wrong.
    #[error("ERP: the tag is wrong")]
    Tag,
    /// SEQ was there already.
    #[error("ERP: SEQ {seq}, at least {expected} was expected")]
    Replayed {
        /// That of the packet.
        seq: u16,
        /// The least that is taken; 65536: none any more.
        expected: u32,
    },
    /// The cryptosuite is not taken; whoever asked is told which are.
    #[error("ERP: the cryptosuite is not taken here")]
    Suite,
    /// The rRK is over; whoever asked is told so.
    #[error("ERP: the rRK is over")]
    Over,
}

impl ErLeft {
    /// Which row of the table of refusals it is.
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::Form(_) => Refusal::EapPacketInvalid,
            Self::AnotherKey | Self::Over => Refusal::ReauthenticationKeyUnknown,
            Self::Tag => Refusal::MacFailure,
            Self::Replayed { .. } => Refusal::EapPacketInvalid,
            Self::Suite => Refusal::MethodUnknown,
        }
    }
}

/// The answer to a packet that grants something.
#[derive(Debug)]
pub struct ErFinish {
    /// For the peer.
    pub finish: Vec<u8>,
    /// For the authenticator.
    pub granted: ErGranted,
}

/// What a re-authentication gives the authenticator.
#[derive(Debug)]
pub struct ErGranted {
    /// Instead of the MSK of a full run.
    pub r_msk: RMsk,
    /// How long it lives.
    pub lifetime: Duration,
    /// User-Name towards the authenticator (RFC 6696 5.3.2).
    pub key_name_nai: KeyNameNai,
    /// The domain that the peer was told to have a DSRK.
    pub bootstrapped: Option<Fqdn>,
}

impl ErServer {
    /// Of the home, once for each EMSK: SEQ begins at 0. `None` where there was one already, and where the EMSK is of 5G AKA, or out of a
    /// record: SEQ of the time before is not known.
    ///
    /// # Errors
    /// [`ParseError`] where the realm is too long for a keyName-NAI.
    pub fn home(anchor: &mut Anchor, realm: Fqdn, options: ErOptions) -> Result<Option<Self>, ParseError> {
        let name = KeyNameNai::new(anchor.name(), realm)?;
        let deadline = anchor.life().deadline;
        let r_rk = anchor.r_rk_once();
        Ok(r_rk.map(|r_rk| Self::new(r_rk, name, options, deadline)))
    }

    /// Of a domain that has a DSRK, until when that lives (`None`: as long as the process). SEQ begins at 0: where the domain was given
    /// its DSRK before, [`ErServers::add`](super::ErServers::add) goes on with the SEQ of then.
    ///
    /// # Errors
    /// [`ParseError`] where the domain is too long for a keyName-NAI.
    pub fn local(
        dsrk: &Dsrk,
        emsk_name: RootKeyName,
        domain: Fqdn,
        options: ErOptions,
        deadline: Option<Moment>,
    ) -> Result<Self, ParseError> {
        let name = KeyNameNai::new(emsk_name, domain)?;
        Ok(Self::new(dsrk.r_rk(), name, options, deadline))
    }

    fn new(r_rk: RRk, name: KeyNameNai, mut options: ErOptions, deadline: Option<Moment>) -> Self {
        if options.suites.is_empty() {
            options.suites.push(Cryptosuite::HmacSha256Of128);
        }
        Self {
            r_rk,
            name,
            options,
            deadline,
            next: 0,
            last: None,
        }
    }

    /// Goes on with the SEQ of another of the same rRK.
    pub(super) fn going_on(mut self, before: Self) -> Self {
        if self.r_rk == before.r_rk && !fault!("erp-seq-begins-again") {
            (self.next, self.last) = (before.next, before.last);
        }
        self
    }

    /// The name by which packets are for it.
    pub const fn key_name_nai(&self) -> &KeyNameNai {
        &self.name
    }

    /// The suite that failures are protected with.
    fn first_suite(&self) -> Cryptosuite {
        let first = self.options.suites.first();
        first.copied().unwrap_or(Cryptosuite::HmacSha256Of128)
    }

    /// How long an rMSK lives, and the rRK.
    fn lifetimes(&self, now: Moment) -> (Duration, Option<Duration>) {
        let left = self.deadline.map(|deadline| deadline.since(now));
        let own = self.options.r_msk_lifetime;
        (left.map_or(own, |left| left.min(own)), left)
    }

    fn left_alone(self, why: ErLeft) -> Step<Self> {
        Step::to(self).asking(ErAsk::Count(why))
    }

    /// A protected failure that names the suites which are taken.
    fn another_suite(self, initiate: &ReAuth) -> Step<Self> {
        let suites = self.options.suites.iter().map(|suite| *suite as u8).collect();
        let items = Items {
            cryptosuites: Some(suites),
            ..Items::default()
        };
        let finish = self.finish(initiate, true, items);
        let suite = self.first_suite();
        let r_ik = self.r_rk.r_ik(suite);
        let finish = finish.protect(suite, |covered| r_ik.tag(covered));
        let why = ErLeft::Suite;
        Step::to(self).asking(ErAsk::Fail { why, finish })
    }

    fn finish(&self, initiate: &ReAuth, failed: bool, items: Items) -> ReAuth {
        ReAuth {
            code: Code::Finish,
            identifier: initiate.identifier,
            flags: Flags {
                failed,
                bootstrapping: initiate.flags.bootstrapping,
                lifetimes: items.r_rk_lifetime.is_some() || items.r_msk_lifetime.is_some(),
            },
            seq: initiate.seq,
            key_name_nai: self.name.clone(),
            items,
        }
    }

    /// The same answer to the same packet, for a while.
    fn again(&self, now: Moment, input: &ErInput) -> Option<(ErFinish, Unit)> {
        let last = self.last.as_ref()?;
        if last.initiate != sha256(&[&input.initiate]) || now.since(last.at) > CACHED {
            return None;
        }
        let (seq, lifetime, domain) = &last.granted;
        Some(self.granted(last.finish.clone(), *seq, *lifetime, domain.clone(), input))
    }

    fn granted(
        &self,
        finish: Vec<u8>,
        seq: ErpSequence,
        lifetime: Duration,
        bootstrapped: Option<Fqdn>,
        input: &ErInput,
    ) -> (ErFinish, Unit) {
        let r_msk = self.r_rk.r_msk(seq);
        let mut unit = Unit::new();
        unit.event(
            Event::new(Outcome::Released, Action::ReauthenticationKeyGiven, input.at)
                .by(input.by)
                .about(input.about)
                .key(RMsk::NAME, r_msk.fingerprint())
                .correlated(u64::from_be_bytes(*self.name.name().octets())),
        );
        let granted = ErGranted {
            r_msk,
            lifetime,
            key_name_nai: self.name.clone(),
            bootstrapped,
        };
        (ErFinish { finish, granted }, unit)
    }

    fn initiated(mut self, now: Moment, input: &ErInput) -> Step<Self> {
        if let Some((finish, unit)) = self.again(now, input) {
            return Step::to(self).writing(unit).telling(Guarded::new(finish));
        }
        let readings = match ReAuth::read(&input.initiate) {
            Ok(readings) => readings,
            // Behind the items is a cryptosuite that nobody here knows.
            Err(error) => {
                return match ReAuth::read_head(&input.initiate) {
                    Ok(head) if head.code == Code::Initiate && head.key_name_nai == self.name => {
                        self.another_suite(&head)
                    }
                    _ => self.left_alone(ErLeft::Form(error)),
                };
            }
        };
        let ours = |re_auth: &ReAuth| re_auth.code == Code::Initiate && re_auth.key_name_nai == self.name;
        if !readings.iter().any(|reading| ours(&reading.re_auth)) {
            return self.left_alone(ErLeft::AnotherKey);
        }
        let right = readings.into_iter().find_map(|reading| {
            let protection = reading.protection.filter(|_| ours(&reading.re_auth))?;
            let r_ik = self.r_rk.r_ik(protection.suite);
            let right =
                r_ik.verify(protection.suite, protection.covered, protection.tag) || fault!("erp-tag-not-compared");
            right.then_some((reading.re_auth, protection.suite))
        });
        let Some((initiate, suite)) = right else {
            return self.left_alone(ErLeft::Tag);
        };
        let seq = initiate.seq.value();
        if u32::from(seq) < self.next && !fault!("erp-replay-accepted") {
            let expected = self.next;
            return self.left_alone(ErLeft::Replayed { seq, expected });
        }
        self.next = u32::from(seq).saturating_add(1).min(SPENT);
        if !self.options.suites.contains(&suite) {
            return self.another_suite(&initiate);
        }
        let (lifetime, left) = self.lifetimes(now);
        let seconds = |of: Duration| u32::try_from(of.as_secs()).unwrap_or(u32::MAX);
        let told = initiate.flags.lifetimes;
        let bootstrap = input.bootstrap.as_ref().filter(|_| initiate.flags.bootstrapping);
        let items = Items {
            r_rk_lifetime: left.filter(|_| told).map(seconds),
            r_msk_lifetime: told.then(|| seconds(lifetime)),
            domain: bootstrap.map(|bootstrap| bootstrap.domain.clone()),
            ..Items::default()
        };
        let domain = items.domain.clone();
        let finish = self.finish(&initiate, false, items);
        let r_ik = self.r_rk.r_ik(suite);
        let tag = |covered: &[u8]| r_ik.tag(covered);
        let finish = match bootstrap {
            Some(Bootstrap { authorization, .. }) => {
                finish.protect_authorized(suite, |covered| authorization.tag(covered), tag)
            }
            None => finish.protect(suite, tag),
        };
        let (answer, unit) = self.granted(finish.clone(), initiate.seq, lifetime, domain.clone(), input);
        self.last = Some(Last {
            at: now,
            initiate: sha256(&[&input.initiate]),
            finish,
            granted: (initiate.seq, lifetime, domain),
        });
        Step::to(self).writing(unit).telling(Guarded::new(answer))
    }
}

impl Machine for ErServer {
    type Input = Box<ErInput>;
    type Ask = ErAsk;
    type Output = ErFinish;

    fn deadline(&self) -> Option<Moment> {
        self.deadline
    }

    fn handle(self, now: Moment, _: &mut dyn Entropy, input: Option<Box<ErInput>>) -> Step<Self> {
        let over = self.deadline.is_some_and(|deadline| deadline <= now);
        match input {
            None => Step::end(),
            Some(input) if over => {
                let why = ErLeft::Over;
                Step::end().asking(match unknown_key(&input.initiate) {
                    Some(finish) => ErAsk::Fail { why, finish },
                    None => ErAsk::Count(why),
                })
            }
            Some(input) => self.initiated(now, &input),
        }
    }
}

/// The failure for a packet that names a key which nobody has: there is nothing to protect it with. `None` for what is no Initiate.
pub fn unknown_key(initiate: &[u8]) -> Option<Vec<u8>> {
    let head = ReAuth::read_head(initiate).ok()?;
    let finish = ReAuth {
        code: Code::Finish,
        flags: Flags {
            failed: true,
            ..Flags::default()
        },
        items: Items::default(),
        ..head
    };
    (head_code(initiate) == Some(Code::Initiate)).then(|| finish.unprotected())
}

fn head_code(packet: &[u8]) -> Option<Code> {
    ReAuth::read_head(packet).ok().map(|head| head.code)
}
