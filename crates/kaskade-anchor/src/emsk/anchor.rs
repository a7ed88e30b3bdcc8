//! The life of one EMSK as a machine: asked for keys, retired, over.
//!
//! ```text
//! asked, first     ── put Holder, event ──► key, guarded; note the holder when that is durable
//! asked, again     ── event ──────────────► the same key, guarded, under the cover of the first time
//! given up         ── remove Holder, event; forget the holder when that is durable: it is not told of the end of that key
//! retired          ── remove, tell ───────► over
//! deadline         ───────────────────────► over; nobody is told: no key lives longer
//! ```
//!
//! A holder counts from the moment on when its record is on its way: whether a commit failed or not, it is told of the end, and a
//! request that comes again writes it again. One that is given up counts until its record is gone.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use kaskade_crypto::KeyMaterial;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Outcome, PeerId, Subject};
use kaskade_flow::machine::{Machine, Step};
use kaskade_flow::record::Expect;
use kaskade_flow::unit::Unit;
use kaskade_flow::{Cover, Entropy, Guarded, Moment, UnixMillis};
use kaskade_keys::Supi;
use kaskade_keys::emsk::{Dsrk, RRk};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{Fqdn, RootKeyName, UsageLabel};

use super::{
    Admitted, AdmittedDomain, AnchorError, AnchorOutput, Callback, Custody, Holder, HolderId, Origin, Released,
    ReleasedDomain, Retired, Root, SealedRoot, Why, retire,
};

/// From when until when an EMSK lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When the user was authenticated.
    pub born: UnixMillis,
    /// When it ends, in wall time.
    pub until: UnixMillis,
    /// The same by the clock of this process; `None`: so late that it never comes.
    pub deadline: Option<Moment>,
}

impl Life {
    /// So long from now on.
    pub fn from_now(lifetime: Duration, at: UnixMillis, now: Moment) -> Self {
        Self {
            born: at,
            until: at.after(lifetime),
            deadline: now.after(lifetime),
        }
    }
}

/// How much one EMSK may have, and whether it outlives its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most holders of keys below it.
    pub holders: usize,
    /// Of these, the most of one principal: nobody takes all of them from the others.
    pub of_one: usize,
    /// Where it is kept.
    pub custody: Custody,
}

impl Default for Limits {
    /// 64 holders, 16 of one principal; it dies with its process.
    fn default() -> Self {
        Self {
            holders: 64,
            of_one: 16,
            custody: Custody::Process,
        }
    }
}

/// One EMSK, and who holds keys below it.
#[must_use = "an EMSK that nobody keeps is lost, and its holders are not told"]
#[derive(Debug)]
pub struct Anchor {
    supi: Supi,
    root: Root,
    life: Life,
    limits: Limits,
    holders: Vec<Holding>,
    writes: u64,
    is_restored: bool,
    /// Whether there is, or was, an ER server below it.
    has_er_server: bool,
    origin: Origin,
}

/// A holder, and under whose cover it is told its key again; `None` until its record is known to be durable.
#[derive(Debug)]
struct Holding {
    id: HolderId,
    holder: Holder,
    /// Which of the anchor's writes its record is of.
    write: u64,
    cover: Option<Cover>,
}

/// A write of a holder's record, which may be overtaken by the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    id: HolderId,
    write: u64,
}

impl Noted {
    /// Whose record it is.
    pub const fn holder(self) -> HolderId {
        self.id
    }
}

/// Who was admitted to what.
#[derive(Clone, Debug)]
pub enum Admission {
    /// The root key of a usage.
    Usage(Admitted),
    /// The root key of a domain.
    Domain(AdmittedDomain),
}

impl Admission {
    /// Which holder of an EMSK of this name that is.
    fn holder(&self, emsk: RootKeyName) -> HolderId {
        match self {
            Self::Usage(admitted) => HolderId::of_usage(emsk, &admitted.principal, &admitted.of),
            Self::Domain(admitted) => HolderId::of_domain(emsk, &admitted.principal, &admitted.domain),
        }
    }
}

/// A key by what its holder calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// That of a usage: USRKname or DSUSRKname.
    Key(RootKeyName),
    /// That of a domain, which has no name of its own.
    Domain(Fqdn),
}

impl Held {
    fn is(&self, holder: &Holder) -> bool {
        match self {
            Self::Key(name) => holder.key_name == Some(*name),
            Self::Domain(domain) => {
                let is_it = |own: &Fqdn| own.as_str().eq_ignore_ascii_case(domain.as_str());
                holder.label.is_none() && holder.domain.as_ref().is_some_and(is_it)
            }
        }
    }
}

/// A holder needs its key no more.
#[derive(Clone, Debug)]
pub struct GivenUp {
    /// Who.
    pub principal: String,
    /// Which key.
    pub held: Held,
    /// When.
    pub at: UnixMillis,
    /// Who asks, for the audit log.
    pub by: PeerId,
    /// Whom it is about, for the audit log.
    pub about: Subject,
    /// What belongs together in the audit log; 0 for nothing.
    pub correlation: u64,
}

/// A request for a key.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What was admitted.
    pub admission: Admission,
    /// Where whoever asks wants to hear of the end.
    pub callback: Option<Callback>,
    /// When.
    pub at: UnixMillis,
    /// Who asks, for the audit log.
    pub by: PeerId,
    /// Whom it is about, for the audit log.
    pub about: Subject,
    /// What belongs together in the audit log; 0 for nothing.
    pub correlation: u64,
}

/// What an anchor is told.
#[derive(Debug)]
pub enum AnchorInput {
    /// Somebody asks for a key.
    Asked(Box<Asked>),
    /// A holder needs its key no more: its record is removed, and it is not told of the end.
    GivenUp(Box<GivenUp>),
    /// The record of a holder is durable, and covers what is told again unless another one is on its way.
    Written(Noted, Cover),
    /// The record of a holder who gave its key up is gone, and so is the holder unless it has asked again.
    Forgotten(Noted),
    /// It ends before its time.
    Retired {
        /// Why.
        why: Why,
        /// When.
        at: UnixMillis,
        /// Whom it is about, for the audit log.
        about: Subject,
    },
}

/// What an anchor asks its driver for.
#[derive(Debug)]
pub enum AnchorAsk {
    /// Nothing is written: put this on record, and tell under this cover.
    Admit {
        /// What was made durable when the key was told first.
        cover: Cover,
        /// The release.
        event: Event,
    },
    /// When the unit is durable: [`AnchorInput::Written`].
    Note(Noted),
    /// When the unit is durable: [`AnchorInput::Forgotten`].
    Forget(Noted),
    /// Tell whoever asked that there is no key.
    Refuse(AnchorError),
}

impl Anchor {
    /// Begins with an authentication that nobody may take back, of whichever card. The unit is there where the EMSK is to be kept sealed
    /// and exists already.
    pub fn begin(supi: Supi, root: Root, life: Life, limits: Limits) -> (Self, Option<Unit>) {
        Self::begin_of(Origin::default(), supi, root, life, limits)
    }

    /// The same with what the authentication was.
    pub fn begin_of(origin: Origin, supi: Supi, root: Root, life: Life, limits: Limits) -> (Self, Option<Unit>) {
        let anchor = Self {
            supi,
            root,
            life,
            limits,
            holders: Vec::new(),
            writes: 0,
            is_restored: false,
            has_er_server: false,
            origin,
        };
        let mut unit = Unit::new();
        anchor.seal_into(&mut unit);
        (anchor, (!unit.is_empty()).then_some(unit))
    }

    /// Goes on after a restart, with what the store has of the EMSK and of its holders; who asks again is written again, once. Holders of
    /// another EMSK are none of this one: whoever finds them retires them.
    pub fn restore(
        supi: Supi,
        sealed: SealedRoot,
        holders: impl IntoIterator<Item = (HolderId, Holder)>,
        limits: Limits,
        at: UnixMillis,
        now: Moment,
    ) -> Self {
        let (root, born, until, origin) = sealed.into_parts();
        let left = Duration::from_millis(until.get().saturating_sub(at.get()));
        let name = root.name();
        let holders = holders.into_iter().filter(|(_, holder)| holder.emsk_name == name);
        Self {
            supi,
            root,
            life: Life {
                born,
                until,
                deadline: now.after(left),
            },
            limits,
            holders: holders
                .map(|(id, holder)| Holding {
                    id,
                    holder,
                    write: 0,
                    cover: None,
                })
                .collect(),
            writes: 0,
            is_restored: true,
            has_er_server: false,
            origin,
        }
    }

    /// What the authentication was, as far as that is known.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// Whose it is.
    pub const fn supi(&self) -> &Supi {
        &self.supi
    }

    /// EMSKname.
    pub fn name(&self) -> RootKeyName {
        self.root.name()
    }

    /// From when until when it lives.
    pub const fn life(&self) -> Life {
        self.life
    }

    /// Who holds keys below it.
    pub fn holders(&self) -> impl Iterator<Item = &Holder> {
        self.holders.iter().map(|holding| &holding.holder)
    }

    /// Whether whoever was admitted to this counts as a holder already.
    pub fn is_held(&self, admission: &Admission) -> bool {
        let id = admission.holder(self.root.name());
        self.holders.iter().any(|holding| holding.id == id)
    }

    /// How many those are, with what it takes of memory.
    pub(super) const fn holders_len(&self) -> usize {
        self.holders.len()
    }

    /// The most octets that one takes in memory beside its holders.
    pub const OCTETS: usize = size_of::<Self>() + 256 + 16;

    /// The most octets that a holder takes in memory: principal, label, domain, application and callback, each with what the allocator
    /// adds.
    pub const HOLDER_OCTETS: usize =
        2 * size_of::<Holding>() + 255 + UsageLabel::MOST + 253 + 255 + Callback::MOST + 5 * 16;

    /// Whether the EMSK exists yet: after 5G AKA it does when the first key is asked for.
    pub const fn is_made(&self) -> bool {
        self.root.is_made()
    }

    /// K_AUSF of an EAP method, for the AUSF that holds this; `None` after 5G AKA.
    pub fn k_ausf(&self) -> Option<KAusf> {
        self.root.k_ausf()
    }

    /// Whether it is out of a record.
    pub const fn is_restored(&self) -> bool {
        self.is_restored
    }

    /// The rRK, for the ER server of this crate, once: another would count SEQ from 0 again. `None` out of a record too, whose SEQ nobody
    /// knows.
    pub(crate) fn r_rk_once(&mut self) -> Option<RRk> {
        let had = core::mem::replace(&mut self.has_er_server, true);
        let r_rk = self.root.r_rk().filter(|_| !self.is_restored);
        r_rk.filter(|_| !had || fault!("erp-seq-begins-again"))
    }

    /// For the ER server of this crate.
    pub(crate) const fn root(&self) -> &Root {
        &self.root
    }

    fn seal_into(&self, unit: &mut Unit) {
        if (self.limits.custody == Custody::Sealed || fault!("emsk-sealed-unasked"))
            && let Some(sealed) = SealedRoot::of(&self.root, self.life.born, self.life.until, self.origin)
        {
            unit.put(&(self.supi.clone(), *sealed.name().octets()), &sealed, Expect::Any);
        }
    }

    /// Until when a key lives that lives so long from the birth of the EMSK on.
    fn expires(&self, lifetime: Duration) -> UnixMillis {
        let own = self.life.born.after(lifetime);
        match fault!("key-outlives-emsk") {
            true => own,
            false => own.min(self.life.until),
        }
    }

    fn asked(mut self, asked: &Asked) -> Step<Self> {
        let emsk_name = self.root.name();
        let id = asked.admission.holder(emsk_name);
        let holder = match &asked.admission {
            Admission::Usage(admitted) => Holder {
                emsk_name,
                key_name: Some(self.root.key_name(&admitted.of)),
                principal: admitted.principal.clone(),
                label: Some(admitted.of.label.clone()),
                domain: admitted.of.domain.clone(),
                slice: admitted.slice,
                application: admitted.application.clone(),
                expires: self.expires(admitted.lifetime),
                callback: asked.callback.clone(),
            },
            Admission::Domain(admitted) => Holder {
                emsk_name,
                key_name: None,
                principal: admitted.principal.clone(),
                label: None,
                domain: Some(admitted.domain.clone()),
                slice: None,
                application: None,
                expires: self.expires(admitted.lifetime),
                callback: asked.callback.clone(),
            },
        };
        if holder.expires <= asked.at {
            return Step::to(self).asking(AnchorAsk::Refuse(AnchorError::Over));
        }
        self.holders.retain(|holding| holding.holder.expires > asked.at);
        let known = self.holders.iter().position(|holding| holding.id == id);
        if known.is_none() && self.holders.len() >= self.limits.holders {
            let error = AnchorError::TooManyHolders(self.holders.len());
            return Step::to(self).asking(AnchorAsk::Refuse(error));
        }
        let own = self.holders.iter();
        let own = own
            .filter(|holding| holding.holder.principal == holder.principal)
            .count();
        if known.is_none() && own >= self.limits.of_one && !fault!("all-holders-of-one") {
            return Step::to(self).asking(AnchorAsk::Refuse(AnchorError::TooManyOfOne(own)));
        }
        let was_made = self.root.is_made();
        let (output, event) = self.release(asked, &holder);
        let holding = known.and_then(|at| self.holders.get_mut(at));
        if let Some(Holding { cover, holder: was, .. }) = &holding
            && *was == holder
            && let Some(cover) = cover.clone()
        {
            let ask = AnchorAsk::Admit { cover, event };
            return Step::to(self).asking(ask).telling(Guarded::new(output));
        }
        let mut unit = Unit::new();
        unit.put(&(self.supi.clone(), id.octets()), &holder, Expect::Any);
        unit.event(event);
        self.writes += 1;
        let write = self.writes;
        let written = Holding {
            id,
            holder,
            write,
            cover: None,
        };
        match holding {
            Some(holding) => *holding = written,
            None => self.holders.push(written),
        }
        if !was_made {
            self.seal_into(&mut unit);
        }
        let step = Step::to(self).asking(AnchorAsk::Note(Noted { id, write }));
        if fault!("key-without-record") {
            return step.telling(Guarded::new(output));
        }
        step.writing(unit).telling(Guarded::new(output))
    }

    fn given_up(mut self, given_up: &GivenUp) -> Step<Self> {
        let is_it =
            |holding: &Holding| holding.holder.principal == given_up.principal && given_up.held.is(&holding.holder);
        let Some(at) = self.holders.iter().position(is_it) else {
            return Step::to(self).asking(AnchorAsk::Refuse(AnchorError::NotHeld));
        };
        self.writes += 1;
        let write = self.writes;
        let Some(holding) = self.holders.get_mut(at) else {
            return Step::to(self).asking(AnchorAsk::Refuse(AnchorError::NotHeld));
        };
        // Who asks again meanwhile is written again.
        (holding.write, holding.cover) = (write, None);
        let id = holding.id;
        let mut unit = Unit::new();
        unit.remove::<Holder>(&(self.supi.clone(), id.octets()), Expect::Any);
        let event = Event::new(Outcome::Changed, Action::UsageKeyGivenUp, given_up.at);
        unit.event(
            event
                .by(given_up.by)
                .about(given_up.about)
                .correlated(given_up.correlation),
        );
        let forgets = AnchorAsk::Forget(Noted { id, write });
        if fault!("given-up-before-it-is-durable") {
            self.holders.retain(|holding| holding.id != id);
        }
        Step::to(self).asking(forgets).writing(unit)
    }

    fn release(&mut self, asked: &Asked, holder: &Holder) -> (AnchorOutput, Event) {
        let event = |action, name, fingerprint| {
            Event::new(Outcome::Released, action, asked.at)
                .by(asked.by)
                .about(asked.about)
                .key(name, fingerprint)
                .correlated(asked.correlation)
        };
        match &asked.admission {
            Admission::Usage(admitted) => {
                let key = self.root.key(&admitted.of);
                let event = event(Action::UsageKeyGiven, key.name(), key.fingerprint());
                let released = Released {
                    key,
                    name: self.root.key_name(&admitted.of),
                    emsk_name: holder.emsk_name,
                    expires: holder.expires,
                };
                (AnchorOutput::Key(released), event)
            }
            Admission::Domain(admitted) => {
                let key = self.root.dsrk(&admitted.domain);
                let event = event(Action::DomainKeyGiven, Dsrk::NAME, key.fingerprint());
                let released = ReleasedDomain {
                    key,
                    emsk_name: holder.emsk_name,
                    expires: holder.expires,
                };
                (AnchorOutput::Domain(released), event)
            }
        }
    }

    fn retired(self, why: Why, at: UnixMillis, about: Subject) -> Unit {
        let retired = Retired {
            supi: &self.supi,
            name: self.root.name(),
            // What is out of a record has one, whatever the configuration says by now.
            sealed: (self.limits.custody == Custody::Sealed || self.is_restored && !fault!("record-of-an-emsk-left"))
                .then_some(Expect::Any),
            why,
            at,
            about,
        };
        retire(
            &retired,
            self.holders.into_iter().map(|holding| (holding.id, holding.holder)),
        )
    }
}

impl Machine for Anchor {
    type Input = AnchorInput;
    type Ask = AnchorAsk;
    type Output = AnchorOutput;

    fn deadline(&self) -> Option<Moment> {
        self.life.deadline
    }

    fn handle(mut self, now: Moment, _: &mut dyn Entropy, input: Option<AnchorInput>) -> Step<Self> {
        let over = self.life.deadline.is_some_and(|deadline| deadline <= now);
        match input {
            Some(AnchorInput::Retired { why, at, about }) => {
                let unit = self.retired(why, at, about);
                match unit.is_empty() {
                    true => Step::end(),
                    false => Step::end().writing(unit),
                }
            }
            Some(AnchorInput::Asked(_)) if over => Step::end().asking(AnchorAsk::Refuse(AnchorError::Over)),
            Some(AnchorInput::Asked(asked)) => self.asked(&asked),
            Some(AnchorInput::GivenUp(given_up)) => self.given_up(&given_up),
            Some(AnchorInput::Written(noted, cover)) => {
                let is_it = |holding: &&mut Holding| (holding.id, holding.write) == (noted.id, noted.write);
                if let Some(holding) = self.holders.iter_mut().find(is_it) {
                    holding.cover = Some(cover);
                }
                Step::to(self)
            }
            Some(AnchorInput::Forgotten(noted)) => {
                self.holders
                    .retain(|holding| (holding.id, holding.write) != (noted.id, noted.write));
                Step::to(self)
            }
            // Records end by themselves, with their time.
            None => Step::end(),
        }
    }
}
