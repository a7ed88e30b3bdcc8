//! What the store has of a subscriber's AKMA keys, and what an operation makes of it.

use alloc::vec::Vec;
use core::time::Duration;

use kaskade_crypto::KeyMaterial;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Outcome, PeerId, Subject};
use kaskade_flow::record::{Expect, Version};
use kaskade_flow::unit::Unit;
use kaskade_flow::{Cover, Guarded, UnixMillis};
use kaskade_keys::akma::{KAf, KAkma};
use kaskade_keys::{AKid, Plmn, Supi};

use super::{Admitted, AfHolder, AfHolderId, AkmaContext, AkmaError, Disablement};
use crate::emsk::Callback;

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub struct Party {
    /// Who asks, for the audit log.
    pub by: PeerId,
    /// Whom it is about, for the audit log.
    pub about: Subject,
    /// What belongs together in the audit log; 0 for nothing.
    pub correlation: u64,
    /// When.
    pub at: UnixMillis,
}

impl Party {
    const fn event(&self, outcome: Outcome, action: Action) -> Event {
        Event::new(outcome, action, self.at)
            .by(self.by)
            .about(self.about)
            .correlated(self.correlation)
    }
}

/// K_AKMA as the AUSF registers it.
#[derive(Clone, Debug)]
pub struct Registration {
    /// By what the UE calls it.
    pub a_kid: AKid,
    /// K_AKMA.
    pub k_akma: KAkma,
    /// Where the subscriber is served, if that is known.
    pub serving: Option<Plmn>,
}

/// What is registered by now.
#[derive(Clone, Debug)]
pub struct Registered {
    /// By what the UE calls it.
    pub a_kid: AKid,
    /// K_AKMA.
    pub k_akma: KAkma,
}

/// K_AF, for whoever may have it.
#[derive(Clone, Debug)]
pub struct ReleasedAf {
    /// The key.
    pub k_af: KAf,
    /// Until when.
    pub expires: UnixMillis,
}

/// How many may hold keys below one K_AKMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderLimits {
    /// All.
    pub all: usize,
    /// Of these, those of one consumer.
    pub of_one: usize,
}

impl Default for HolderLimits {
    /// 64, and 16 of one.
    fn default() -> Self {
        Self { all: 64, of_one: 16 }
    }
}

/// A holder as it was read.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Which.
    pub id: AfHolderId,
    /// The record.
    pub holder: AfHolder,
    /// Which commit wrote it.
    pub version: Version,
    /// That it is durable.
    pub cover: Cover,
}

/// What becomes of a request for K_AF.
#[derive(Debug)]
pub enum Got {
    /// Its holder was on record before: nothing is written, but that it was told again.
    Again {
        /// What was made durable when the key was told first.
        cover: Cover,
        /// The release.
        event: Event,
        /// The key.
        key: Guarded<ReleasedAf>,
    },
    /// The record of its holder is to be written first.
    First {
        /// With the release.
        unit: Unit,
        /// The key.
        key: Guarded<ReleasedAf>,
    },
}

/// What the store has of a subscriber, as it was read. A unit that is made of it happens only if it is still so.
#[derive(Clone, Debug)]
pub struct State {
    supi: Supi,
    context: Option<(AkmaContext, Version)>,
    holders: Vec<Holding>,
}

impl State {
    /// As it was read: the context first, then the holders.
    pub const fn new(supi: Supi, context: Option<(AkmaContext, Version)>, holders: Vec<Holding>) -> Self {
        Self { supi, context, holders }
    }

    /// K_AKMA and its name, if there is one.
    pub fn context(&self) -> Option<&AkmaContext> {
        self.context.as_ref().map(|(context, _)| context)
    }

    /// Who has keys, also below K_AKMAs of earlier authentications.
    pub fn holders(&self) -> impl Iterator<Item = &AfHolder> {
        self.holders.iter().map(|holding| &holding.holder)
    }

    /// Takes K_AKMA of a new authentication. The one before is gone with its A-KID; keys below it live until they expire. It lives so long
    /// at most; without a lifetime, until the next one.
    pub fn register(
        &self,
        registration: Registration,
        lifetime: Option<Duration>,
        party: &Party,
    ) -> (Unit, Guarded<Registered>) {
        let mut unit = Unit::new();
        let registered = Registered {
            a_kid: registration.a_kid.clone(),
            k_akma: registration.k_akma.clone(),
        };
        if !fault!("old-application-keys-kept") {
            self.release_holders(Some(&registered.a_kid), party.at, &mut unit);
        }
        let event = party.event(Outcome::Changed, Action::AnchorKeyRegistered);
        unit.event(event.key(KAkma::NAME, registered.k_akma.fingerprint()));
        let until = lifetime.map(|lifetime| party.at.after(lifetime));
        let context = AkmaContext::of(registration, party.at, until);
        unit.put(&self.supi, &context, self.expect());
        (unit, Guarded::new(registered))
    }

    /// K_AF, for whoever was admitted. Of the holders it needs that of this key alone, where there is one.
    ///
    /// # Errors
    /// [`AkmaError`]; then nothing is written.
    pub fn get(
        &self,
        a_kid: &AKid,
        admitted: &Admitted,
        callback: Option<Callback>,
        limits: HolderLimits,
        party: &Party,
    ) -> Result<Got, AkmaError> {
        let context = self.context.as_ref();
        let current = context.filter(|(context, _)| context.a_kid == *a_kid || fault!("old-a-kid-resolves"));
        let (context, version) = current
            .filter(|(context, _)| context.is_alive(party.at))
            .ok_or(AkmaError::Unknown)?;
        let Admitted { af_id, consumer, .. } = admitted;
        let id = admitted.holder(&context.a_kid);
        let known = self.holders.iter().find(|holding| holding.id == id);
        let lives = known.filter(|known| known.holder.expires > party.at);
        let expires = match (lives, known) {
            (Some(lives), _) if !fault!("application-key-expiry-moves") => lives.holder.expires,
            (None, Some(_)) if !admitted.renews() => return Err(AkmaError::Over),
            _ => party.at.after(admitted.lifetime()),
        };
        if known.is_none() {
            self.has_room(consumer, limits)?;
        }
        let k_af = match fault!("one-key-for-all-functions") {
            true => context
                .k_akma
                .k_af(&"af.example0100000002".parse().unwrap_or_else(|_| af_id.clone())),
            false => context.k_akma.k_af(af_id),
        };
        let event = party.event(Outcome::Released, Action::ApplicationKeyGiven);
        let event = event.key(KAf::NAME, k_af.fingerprint());
        let key = Guarded::new(ReleasedAf { k_af, expires });
        if let Some(lives) = lives
            && lives.holder.callback == callback
        {
            let cover = lives.cover.clone();
            return Ok(Got::Again { cover, event, key });
        }
        let holder = AfHolder {
            a_kid: context.a_kid.clone(),
            af_id: af_id.clone(),
            consumer: consumer.clone(),
            expires,
            kept_until: context.until.map(|until| until.max(expires)),
            callback,
        };
        let mut unit = Unit::new();
        unit.event(event);
        if !fault!("application-key-without-record") {
            let expect = known.map_or(Expect::Absent, |known| Expect::Version(known.version));
            unit.put(&(self.supi.clone(), id.octets()), &holder, expect);
        }
        // Whoever changes anything of this subscriber has this one in the way, and reads again.
        if !fault!("context-not-expected") {
            unit.put(&self.supi, context, Expect::Version(*version));
        }
        Ok(Got::First { unit, key })
    }

    /// K_AKMA goes; keys below it live until they expire. Empty where there is none.
    pub fn remove(&self, party: &Party) -> Unit {
        let mut unit = Unit::new();
        if let Some((_, version)) = &self.context {
            unit.remove::<AkmaContext>(&self.supi, Expect::Version(*version));
            self.release_holders(None, party.at, &mut unit);
            unit.event(party.event(Outcome::Changed, Action::AkmaContextRemoved));
        }
        unit
    }

    /// K_AKMA goes, and who has keys is told that they are to be used no more. The event's count is that of the keys. Empty where there is
    /// nothing.
    pub fn disable(&self, party: &Party) -> Unit {
        let mut unit = Unit::new();
        if let Some((_, version)) = &self.context {
            unit.remove::<AkmaContext>(&self.supi, Expect::Version(*version));
        }
        let mut count = 0_u32;
        for holding in &self.holders {
            count = count.saturating_add(1);
            self.end(holding, party.at, &mut unit);
        }
        if !unit.is_empty() {
            let event = party.event(Outcome::Changed, Action::AkmaDisabled);
            unit.event(event.times(count.max(1)));
        }
        unit
    }

    /// One application function, or all that one consumer asks for, have their keys no more, and are told. Below the current K_AKMA they
    /// get none again. The event's count is that of the keys; empty where there is none.
    pub fn revoke(&self, which: impl Fn(&AfHolder) -> bool, party: &Party) -> Unit {
        let mut unit = Unit::new();
        let mut count = 0_u32;
        for holding in self.holders.iter().filter(|holding| which(&holding.holder)) {
            if holding.holder.expires <= party.at {
                continue;
            }
            count = count.saturating_add(1);
            if let Some(message) = Disablement::of(&self.supi, &holding.holder, party.at) {
                unit.send(message);
            }
            let over = AfHolder {
                expires: party.at,
                callback: None,
                ..holding.holder.clone()
            };
            let key = (self.supi.clone(), holding.id.octets());
            match self.context().is_some_and(|context| context.a_kid == over.a_kid) {
                true => unit.put(&key, &over, Expect::Version(holding.version)),
                false => unit.remove::<AfHolder>(&key, Expect::Version(holding.version)),
            }
        }
        if count > 0 {
            if let Some((context, version)) = &self.context {
                unit.put(&self.supi, context, Expect::Version(*version));
            }
            unit.event(party.event(Outcome::Changed, Action::AkmaDisabled).times(count));
        }
        unit
    }

    /// What the context must be for a unit to happen.
    fn expect(&self) -> Expect {
        match &self.context {
            Some((_, version)) => Expect::Version(*version),
            None => Expect::Absent,
        }
    }

    fn has_room(&self, consumer: &str, limits: HolderLimits) -> Result<(), AkmaError> {
        let all = self.holders.len();
        if all >= limits.all {
            return Err(AkmaError::TooManyHolders(all));
        }
        let own = self
            .holders
            .iter()
            .filter(|holding| holding.holder.consumer == consumer);
        let own = own.count();
        match own >= limits.of_one && !fault!("all-application-keys-of-one") {
            true => Err(AkmaError::TooManyOfOne(own)),
            false => Ok(()),
        }
    }

    /// Holders below any K_AKMA but this one are kept until their key expires, if there is somewhere to tell that it is over.
    fn release_holders(&self, but: Option<&AKid>, at: UnixMillis, unit: &mut Unit) {
        let others = self.holders.iter();
        for holding in others.filter(|holding| but.is_none_or(|but| holding.holder.a_kid != *but)) {
            let holder = &holding.holder;
            let key = (self.supi.clone(), holding.id.octets());
            if holder.expires <= at || holder.callback.is_none() {
                unit.remove::<AfHolder>(&key, Expect::Version(holding.version));
            } else if holder.kept_until != Some(holder.expires) {
                let kept = AfHolder {
                    kept_until: Some(holder.expires),
                    ..holder.clone()
                };
                unit.put(&key, &kept, Expect::Version(holding.version));
            }
        }
    }

    fn end(&self, holding: &Holding, at: UnixMillis, unit: &mut Unit) {
        let key = (self.supi.clone(), holding.id.octets());
        unit.remove::<AfHolder>(&key, Expect::Version(holding.version));
        if let Some(message) = Disablement::of(&self.supi, &holding.holder, at) {
            unit.send(message);
        }
    }
}
