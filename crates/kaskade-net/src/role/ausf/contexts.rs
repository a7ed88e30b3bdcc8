//! Authentication contexts: found by an identifier that cannot be guessed, of the requester that began them, spent by one
//! answer, expiring, bounded.
//!
//! Somebody else's context is as good as none. The shard is in the identifier, so that it is found without the SUPI.
//!
//! Whoever takes a message for a context has it [`InWork`] until its [`InWork::end`]: meanwhile another message is refused.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use kaskade_aka::eap_aka::server::Server;
use kaskade_aka::fivegs::run::{self, Run};
use kaskade_anchor::anchor_key::Naming;
use kaskade_codec::sbi::{AuthType, ResourceId};
use kaskade_crypto::{Autn, Rand};
use kaskade_flow::expiring::{Bounds, Expiring, Full, Missing, SHARDS};
use kaskade_flow::{Cover, Machine, Moment};
use kaskade_keys::{ServingNetworkName, Supi};

use crate::sbi::peer::RequesterId;
use crate::time::moment;

/// Life and number of authentication contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextLimits {
    /// How long a challenge waits for its answer. An AMF asks a UE five times, 6 s apart (T3560, TS 24.501 10.2).
    pub lifetime: Duration,
    /// Challenges waiting, of one user and requester; the oldest goes first.
    pub pending_per_supi: usize,
    /// Challenges waiting, of all, roughly: each of the shards has its part. A requester has at most three quarters, and loses
    /// its own oldest first.
    pub pending: usize,
    /// Runs of EAP that wait, of all; bounded likewise. Each takes about 1 KiB.
    pub eap_pending: usize,
    /// Results that are remembered, one of each user and requester, so that they can be taken back; bounded likewise.
    pub results: usize,
    /// How long a result can be taken back.
    pub result_lifetime: Duration,
}

impl Default for ContextLimits {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(60),
            pending_per_supi: 4,
            pending: 262_144,
            eap_pending: 131_072,
            results: 1_048_576,
            result_lifetime: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

impl ContextLimits {
    /// What the challenges that wait take at most, in octets.
    pub const fn octets_of_pending(&self) -> usize {
        Table::<Pending>::octets_at_most(self.pending, NAI_OCTETS)
    }

    /// What the runs of EAP that wait take at most, in octets.
    pub const fn octets_of_eap(&self) -> usize {
        Table::<EapPending>::octets_at_most(self.of_eap(), 2 * NAI_OCTETS + EAP_RUN_OCTETS)
    }

    /// Runs of EAP that wait: no more than challenges of all methods.
    const fn of_eap(&self) -> usize {
        match self.eap_pending < self.pending {
            true => self.eap_pending,
            false => self.pending,
        }
    }

    /// What the results that are remembered take at most, in octets.
    pub const fn octets_of_results(&self) -> usize {
        Table::<Kept>::octets_at_most(self.results, NAI_OCTETS)
    }

    /// What the results take beside that where the UDM is on another node, in octets: where each was reported.
    pub const fn octets_of_links(&self) -> usize {
        self.results.saturating_mul(ResourceId::MAX + ALLOCATOR_OCTETS)
    }
}

/// The longest NAI, with what the allocator adds. An IMSI takes nothing beside its entry.
const NAI_OCTETS: usize = 256 + ALLOCATOR_OCTETS;

/// A run of EAP on the heap: `a_pending_run_takes_less_than_1_kib` of kaskade-aka.
const EAP_RUN_OCTETS: usize = 1024;

/// What the allocator adds to a piece of text.
const ALLOCATOR_OCTETS: usize = 16;

/// Identifier of a context: 128 random bits, and the shard. 23 characters of base64url, which need no encoding in a URI.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContextId {
    shard: u8,
    random: u128,
}

/// The text of a [`ContextId`].
pub(super) struct ContextIdText([u8; ContextId::LEN]);

impl ContextIdText {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl ContextId {
    /// Characters of the text form.
    pub const LEN: usize = 23;

    /// The text form.
    pub(super) fn text(&self) -> ContextIdText {
        let mut octets = [self.shard; 17];
        octets[1..].copy_from_slice(&self.random.to_be_bytes());
        let mut text = [0; Self::LEN];
        // The room is there: there is no other error.
        let _ = Base64UrlUnpadded::encode(&octets, &mut text);
        ContextIdText(text)
    }

    /// Reads the text form; `None` for what this AUSF cannot have given out.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut octets = [0; 17];
        let read = Base64UrlUnpadded::decode(text, &mut octets).ok()?;
        let [shard, random @ ..] = <[u8; 17]>::try_from(read).ok()?;
        (shard < SHARDS).then_some(Self {
            shard,
            random: u128::from_be_bytes(random),
        })
    }
}

/// The identifier opens a context: a log may show that it is one, not which.
impl std::fmt::Debug for ContextId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContextId(…)")
    }
}

/// A run, and what its release needs.
pub(super) struct Pending {
    pub(super) run: Run,
    /// What its vector rests on is durable.
    pub(super) cover: Cover,
    /// In the audit log.
    pub(super) correlation: u64,
    /// When it was asked for, where the log wants that.
    pub(super) begun: Option<Moment>,
    /// What names the session: an EMSK that is made of it is of this one.
    pub(super) session: Option<(Rand, Autn)>,
    /// How its anchor key will be called, of a user who has AKMA.
    pub(super) naming: Option<Naming>,
}

/// A run of EAP, and what its release needs.
pub(super) struct EapPending {
    pub(super) run: Server,
    /// Who.
    pub(super) supi: Supi,
    /// Where.
    pub(super) serving_network_name: ServingNetworkName,
    /// What its last vector rests on is durable.
    pub(super) cover: Cover,
    /// In the audit log.
    pub(super) correlation: u64,
    /// When it was asked for, where the log wants that.
    pub(super) begun: Option<Moment>,
    /// How its anchor key will be called, of a user who has AKMA.
    pub(super) naming: Option<Naming>,
}

/// Where the UDM has the report of a result.
#[derive(Clone, Debug)]
pub(super) struct Reported {
    pub(super) id: ResourceId,
    pub(super) auth_type: AuthType,
}

/// A result that can be taken back.
pub(super) type Kept = run::Kept<Reported>;
/// What is remembered of it.
pub(super) type Success = run::Success<Reported>;

type Table<V> = Expiring<Supi, RequesterId, V, RandomState>;

pub(super) struct Contexts {
    pending: Table<Pending>,
    eap: Table<EapPending>,
    results: Table<Kept>,
    limits: ContextLimits,
}

impl Contexts {
    pub(super) fn new(limits: ContextLimits) -> Self {
        // One hasher: a context stays in its shard.
        let hasher = RandomState::new();
        let pending = Bounds {
            all: limits.pending,
            per_user: limits.pending_per_supi,
        };
        let eap = Bounds {
            all: limits.of_eap(),
            per_user: limits.pending_per_supi,
        };
        let results = Bounds {
            all: limits.results,
            per_user: 1,
        };
        Self {
            pending: Expiring::new(pending, hasher.clone()),
            eap: Expiring::new(eap, hasher.clone()),
            results: Expiring::new(results, hasher),
            limits,
        }
    }

    /// Until when a challenge that begins now waits.
    pub(super) fn until(&self, now: Moment) -> Option<Moment> {
        now.after(self.limits.lifetime)
    }

    pub(super) fn insert(
        &self,
        owner: RequesterId,
        pending: Pending,
        random: [u8; 16],
        now: Moment,
    ) -> Result<ContextId, Full> {
        let supi = pending.run.supi().clone();
        let id = ContextId {
            shard: self.pending.shard_of(&supi),
            random: u128::from_be_bytes(random),
        };
        let expires = pending.run.deadline();
        self.pending.insert(&supi, owner, id.random, pending, expires, now)?;
        Ok(id)
    }

    /// The run of a context, which is in work from now on.
    pub(super) fn begin(
        self: &Arc<Self>,
        owner: RequesterId,
        id: ContextId,
        now: Moment,
    ) -> Result<(Pending, InWork<Pending>), Missing> {
        let pending = self.pending.begin(id.shard, id.random, owner, now)?;
        Ok((pending, InWork::of(self, |contexts| &contexts.pending, id, None)))
    }

    pub(super) fn insert_eap(
        &self,
        owner: RequesterId,
        pending: EapPending,
        random: [u8; 16],
        now: Moment,
    ) -> Result<ContextId, Full> {
        let supi = pending.supi.clone();
        let id = ContextId {
            shard: self.eap.shard_of(&supi),
            random: u128::from_be_bytes(random),
        };
        let expires = pending.run.deadline();
        self.eap.insert(&supi, owner, id.random, pending, expires, now)?;
        Ok(id)
    }

    /// The EAP run of a context, which is in work from now on.
    pub(super) fn begin_eap(
        self: &Arc<Self>,
        owner: RequesterId,
        id: ContextId,
        now: Moment,
    ) -> Result<(EapPending, InWork<EapPending>), Missing> {
        let pending = self.eap.begin(id.shard, id.random, owner, now)?;
        Ok((pending, InWork::of(self, |contexts| &contexts.eap, id, None)))
    }

    /// A challenge that was not given out.
    pub(super) fn withdraw(&self, owner: RequesterId, id: ContextId, now: Moment) {
        let _ = self.pending.take(id.shard, id.random, owner, now);
    }

    /// A first request of EAP that was not given out.
    pub(super) fn withdraw_eap(&self, owner: RequesterId, id: ContextId, now: Moment) {
        let _ = self.eap.take(id.shard, id.random, owner, now);
    }

    /// Remembers a result, unless others have all the room: then it cannot be taken back.
    pub(super) fn keep(&self, owner: RequesterId, id: ContextId, mut success: Success, now: Moment) {
        success.until = now.after(self.limits.result_lifetime);
        let (supi, expires) = (success.supi.clone(), success.until);
        let kept = Kept::Held(success);
        let _ = self.results.insert(&supi, owner, id.random, kept, expires, now);
    }

    /// The result of a context, which is in work from now on. Where the work breaks off, it is as it was.
    pub(super) fn begin_result(
        self: &Arc<Self>,
        owner: RequesterId,
        id: ContextId,
        now: Moment,
    ) -> Result<(Kept, InWork<Kept>), Missing> {
        let kept = self.results.begin(id.shard, id.random, owner, now)?;
        let back = Kept::Held(kept.success().clone());
        let back = Some((back, kept.deadline()));
        Ok((kept, InWork::of(self, |contexts| &contexts.results, id, back)))
    }

    /// Whether there was anything of this user and owner.
    pub(super) fn forget(&self, owner: RequesterId, supi: &Supi) -> bool {
        self.pending.forget(supi, owner) + self.eap.forget(supi, owner) + self.results.forget(supi, owner) > 0
    }

    pub(super) fn sweep(&self, now: Moment) {
        // Out of time they have nothing to say: what is left of them is wiped.
        self.pending.sweep(now, drop);
        self.eap.sweep(now, drop);
        self.results.sweep(now, drop);
    }

    /// Shows challenges that wait, until `visit` says no.
    pub(super) fn each_pending(
        &self,
        of: Option<&Supi>,
        now: Moment,
        mut visit: impl FnMut(&Pending, Option<Moment>) -> bool,
    ) {
        self.pending.each(of, now, |_, pending, end| visit(pending, end));
    }

    /// Shows runs of EAP that wait, until `visit` says no.
    pub(super) fn each_eap(
        &self,
        of: Option<&Supi>,
        now: Moment,
        mut visit: impl FnMut(&EapPending, Option<Moment>) -> bool,
    ) {
        self.eap.each(of, now, |_, pending, end| visit(pending, end));
    }

    /// Shows results that are remembered, until `visit` says no.
    pub(super) fn each_result(
        &self,
        of: Option<&Supi>,
        now: Moment,
        mut visit: impl FnMut(&Kept, Option<Moment>) -> bool,
    ) {
        self.results.each(of, now, |_, kept, end| visit(kept, end));
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len() + self.eap.len()
    }

    pub(super) fn results(&self) -> usize {
        self.results.len()
    }
}

/// The place of a context while a message for it is in work. Dropped, the work has broken off.
pub(super) struct InWork<V> {
    contexts: Arc<Contexts>,
    table: fn(&Contexts) -> &Table<V>,
    id: ContextId,
    /// What is put back where the work breaks off.
    back: Option<Back<V>>,
    ended: bool,
}

/// What is put back, and until when.
type Back<V> = (V, Option<Moment>);

impl<V> InWork<V> {
    fn of(contexts: &Arc<Contexts>, table: fn(&Contexts) -> &Table<V>, id: ContextId, back: Option<Back<V>>) -> Self {
        Self {
            contexts: contexts.clone(),
            table,
            id,
            back,
            ended: false,
        }
    }

    /// Which context it is.
    pub(super) fn id(&self) -> ContextId {
        self.id
    }

    /// Puts back what comes next, or removes the context; whether its owner still knows it, who may have forgotten it meanwhile.
    pub(super) fn end(mut self, next: Option<Back<V>>, now: Moment) -> bool {
        self.ended = true;
        self.put(next, now)
    }

    fn put(&self, next: Option<Back<V>>, now: Moment) -> bool {
        (self.table)(&self.contexts).end(self.id.shard, self.id.random, next, now)
    }
}

impl<V> Drop for InWork<V> {
    fn drop(&mut self) {
        if !self.ended {
            let back = self.back.take();
            self.put(back, moment());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use kaskade_aka::fivegs::udm::HeAv5g;
    use kaskade_flow::Durable;
    use kaskade_keys::fivegs::{KAusf, XresStar};

    use super::*;
    use crate::random::random_octets;
    use crate::sbi::peer::Requester;

    fn run(user: u64, until: Option<Moment>) -> Run {
        let he_av = HeAv5g {
            rand: Rand::from_octets([1; 16]),
            autn: Autn::from_octets([2; 16]),
            xres_star: XresStar::from_octets(&[3; 16]),
            k_ausf: KAusf::from_octets(&[4; 32]),
        };
        let supi = format!("imsi-00101{user:010}").parse().unwrap();
        Run::begin(he_av, supi, ServingNetworkName::NSWO, until).1
    }

    #[test]
    fn an_identifier_comes_back() {
        for _ in 0..1000 {
            let [shard, ..] = random_octets::<1>().unwrap();
            let id = ContextId {
                shard: shard % SHARDS,
                random: u128::from_be_bytes(random_octets().unwrap()),
            };
            let text = id.text();
            assert_eq!(ContextId::parse(text.as_str()), Some(id));
            assert!(!format!("{id:?}").contains(text.as_str()));
        }
        let largest = ContextId {
            shard: SHARDS - 1,
            random: u128::MAX,
        };
        assert_eq!(ContextId::parse(largest.text().as_str()), Some(largest));
        // A shard that is none, more bits than there are, a wrong length, a wrong character.
        for text in [
            "_______________________",
            "QAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAB",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAA+",
            "A",
            "",
            "AAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAé",
        ] {
            assert_eq!(ContextId::parse(text), None, "{text}");
        }
    }

    const BEGIN: Moment = Moment::from_nanos(1);

    /// Contexts, and somebody who owns some.
    fn contexts() -> (Arc<Contexts>, RequesterId) {
        let contexts = Contexts::new(ContextLimits::default());
        (Arc::new(contexts), Requester::group("amf").id())
    }

    fn insert(contexts: &Contexts, owner: RequesterId, user: u64, id: u8) -> ContextId {
        let pending = Pending {
            run: run(user, contexts.until(BEGIN)),
            cover: Durable::told_by_peer(()).into_guarded().1,
            correlation: 0,
            begun: None,
            session: None,
            naming: None,
        };
        contexts.insert(owner, pending, [id; 16], BEGIN).unwrap()
    }

    fn success(user: u64) -> Success {
        Success {
            supi: run(user, None).supi().clone(),
            serving_network_name: ServingNetworkName::NSWO,
            event: None,
            emsk: None,
            until: None,
        }
    }

    #[test]
    fn a_late_answer_is_no_answer() {
        let (contexts, owner) = contexts();
        let lifetime = ContextLimits::default().lifetime;
        let in_time = insert(&contexts, owner, 1, 1);
        let late = insert(&contexts, owner, 2, 2);
        let after = |wait| BEGIN.after(wait).unwrap();
        let last = after(lifetime - Duration::from_millis(1));
        assert!(contexts.begin(owner, in_time, last).is_ok());
        assert_eq!(
            contexts.begin(owner, late, after(lifetime)).err(),
            Some(Missing::Unknown)
        );
        assert_eq!(contexts.pending(), 0, "what breaks off is gone, too");
    }

    #[test]
    fn somebody_elses_context_is_none() {
        let (contexts, amf) = contexts();
        let other = Requester::group("other").id();
        let unknown = Some(Missing::Unknown);
        let id = insert(&contexts, amf, 1, 1);
        assert_eq!(contexts.begin(other, id, BEGIN).err(), unknown);
        let supi = success(1).supi;
        assert!(!contexts.forget(other, &supi));
        let (_, work) = contexts.begin(amf, id, BEGIN).unwrap();
        assert_eq!(
            contexts.begin(other, id, BEGIN).err(),
            unknown,
            "not even that it is in work"
        );
        assert_eq!(contexts.begin(amf, id, BEGIN).err(), Some(Missing::InWork));
        assert!(work.end(None, BEGIN));
        contexts.keep(amf, id, success(1), BEGIN);
        assert_eq!(contexts.begin_result(other, id, BEGIN).err(), unknown);
        assert!(!contexts.forget(other, &supi));
        for _ in 0..2 {
            let (_, work) = contexts.begin_result(amf, id, BEGIN).unwrap();
            assert_eq!(contexts.begin_result(amf, id, BEGIN).err(), Some(Missing::InWork));
            drop(work);
        }
        let (_, work) = contexts.begin_result(amf, id, BEGIN).unwrap();
        assert!(work.end(None, BEGIN));
        assert_eq!(contexts.begin_result(amf, id, BEGIN).err(), unknown);
    }

    #[test]
    fn who_leaves_while_a_message_is_in_work_leaves_nothing() {
        let (contexts, amf) = contexts();
        let id = insert(&contexts, amf, 1, 1);
        let (run, work) = contexts.begin(amf, id, BEGIN).unwrap();
        assert!(contexts.forget(amf, &success(1).supi));
        assert!(!contexts.forget(amf, &success(1).supi), "it is forgotten already");
        assert!(!work.end(Some((run, None)), BEGIN));
        contexts.keep(amf, id, success(1), BEGIN);
        let (kept, work) = contexts.begin_result(amf, id, BEGIN).unwrap();
        assert!(contexts.forget(amf, &success(1).supi));
        assert!(!work.end(Some((kept, None)), BEGIN));
        assert_eq!((contexts.pending(), contexts.results()), (0, 0));
    }
}
