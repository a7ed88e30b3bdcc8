//! What the store has of a subscriber's AKMA keys, and what an operation makes of it.

use alloc::collections::BTreeMap;
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
use crate::interception::{AfKeyInfo, Iri};

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
    /// Of these, those that one consumer asked for.
    pub of_one: usize,
    /// Of these, those of one application function, whatever protocols it speaks and however its name is spelled.
    pub of_function: usize,
}

/// How many holders below K_AKMAs of earlier authentications stay on record.
const EARLIER: usize = 256;

impl Default for HolderLimits {
    /// 64, 32 of one consumer, and 16 of one of its functions.
    fn default() -> Self {
        Self {
            all: 64,
            of_one: 32,
            of_function: 16,
        }
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
        /// The same for interception.
        seen: AfKeyInfo,
    },
    /// The record of its holder is to be written first.
    First {
        /// With the release.
        unit: Unit,
        /// The key.
        key: Guarded<ReleasedAf>,
        /// The same for interception.
        seen: AfKeyInfo,
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

    /// Whose it is.
    pub const fn supi(&self) -> &Supi {
        &self.supi
    }

    /// K_AKMA and its name, if there is one.
    pub fn context(&self) -> Option<&AkmaContext> {
        self.context.as_ref().map(|(context, _)| context)
    }

    /// Who has keys, also below K_AKMAs of earlier authentications.
    pub fn holders(&self) -> impl Iterator<Item = &AfHolder> {
        self.holders.iter().map(|holding| &holding.holder)
    }

    /// What interception begins with: K_AKMA and the application keys below it that live. Those below earlier K_AKMAs cannot be made any more.
    pub fn established(&self, at: UnixMillis) -> Option<Iri> {
        let context = self.context().filter(|context| context.is_alive(at))?;
        let below = self.below(&context.a_kid).filter(|holder| holder.expires > at);
        Some(Iri::StartWithEstablished {
            a_kid: context.a_kid.clone(),
            k_akma: context.k_akma.clone(),
            af_keys: below
                .map(|holder| AfKeyInfo {
                    af_id: holder.af_id.clone(),
                    k_af: context.k_akma.k_af(&holder.af_id),
                    expires: holder.expires,
                })
                .collect(),
        })
    }

    /// Takes K_AKMA of a new authentication. The one before is gone with its A-KID; keys below it live until they expire, or until more
    /// than 256 are kept: then whoever asked for the most is told that those are over that would expire first. It lives so long at most;
    /// without a lifetime, until the next one.
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
        // K_AF is another one for each spelling and protocol: what is revoked is the function.
        let mut own = self.of_function(&context.a_kid, admitted);
        if own.any(AfHolder::is_revoked) && !fault!("revoked-function-asks-again") {
            return Err(AkmaError::Over);
        }
        let id = admitted.holder(&context.a_kid);
        let known = self.holders.iter().find(|holding| holding.id == id);
        let lives = known.filter(|known| known.holder.expires > party.at);
        let expires = match (lives, known) {
            (Some(lives), _) if !fault!("application-key-expiry-moves") => lives.holder.expires,
            (None, Some(_)) if !admitted.renews() => return Err(AkmaError::Over),
            _ => party.at.after(admitted.lifetime()),
        };
        if known.is_none() {
            self.has_room(&context.a_kid, admitted, limits)?;
        }
        let k_af = match fault!("one-key-for-all-functions") {
            true => context
                .k_akma
                .k_af(&"af.example0100000002".parse().unwrap_or_else(|_| af_id.clone())),
            false => context.k_akma.k_af(af_id),
        };
        let event = party.event(Outcome::Released, Action::ApplicationKeyGiven);
        let event = event.key(KAf::NAME, k_af.fingerprint());
        let seen = AfKeyInfo {
            af_id: af_id.clone(),
            k_af: k_af.clone(),
            expires,
        };
        let key = Guarded::new(ReleasedAf { k_af, expires });
        if let Some(lives) = lives
            && lives.holder.callback == callback
        {
            let cover = lives.cover.clone();
            return Ok(Got::Again {
                cover,
                event,
                key,
                seen,
            });
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
        Ok(Got::First { unit, key, seen })
    }

    /// Whether only another authentication brings the next key: that of whoever was admitted, or K_AKMA above it, is over within so long. Of
    /// a key that lives less than twice as long, within half of its life. Not where an operator has ended the key: whoever lost it brings
    /// nobody to an authentication.
    pub fn needs_authentication(&self, a_kid: &AKid, admitted: &Admitted, within: Duration, at: UnixMillis) -> bool {
        let Some(context) = self.context().filter(|context| context.a_kid == *a_kid) else {
            return false;
        };
        if self.of_function(a_kid, admitted).any(AfHolder::is_revoked) && !fault!("reauthentication-for-the-revoked") {
            return false;
        }
        let id = admitted.holder(a_kid);
        let known = self.holders.iter().find(|holding| holding.id == id);
        let is_over = known.is_some_and(|known| {
            let within = within.min(admitted.lifetime() / 2);
            !admitted.renews() && known.holder.expires <= at.after(within)
        });
        is_over || context.until.is_some_and(|until| until <= at.after(within))
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
    /// get none again, also where their key was over already. The event's count is that of the keys; empty where nothing is to end.
    pub fn revoke(&self, which: impl Fn(&AfHolder) -> bool, party: &Party) -> Unit {
        let mut unit = Unit::new();
        let mut count = 0_u32;
        for holding in self.holders.iter().filter(|holding| which(&holding.holder)) {
            let holder = &holding.holder;
            let is_current = self.context().is_some_and(|context| context.a_kid == holder.a_kid);
            let lives = holder.expires > party.at;
            // Below an earlier K_AKMA a key that is over is not given again anyway.
            if holder.is_revoked() || !(lives || is_current) {
                continue;
            }
            count = count.saturating_add(u32::from(lives));
            if let Some(message) = Disablement::of(&self.supi, holder, party.at) {
                unit.send(message);
            }
            let key = (self.supi.clone(), holding.id.octets());
            match is_current {
                true => unit.put(&key, &holder.revoked(), Expect::Version(holding.version)),
                false => unit.remove::<AfHolder>(&key, Expect::Version(holding.version)),
            }
        }
        if !unit.is_empty() {
            if let Some((context, version)) = &self.context {
                unit.put(&self.supi, context, Expect::Version(*version));
            }
            unit.event(party.event(Outcome::Changed, Action::AkmaDisabled).times(count.max(1)));
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

    /// Who holds keys below this K_AKMA.
    fn below(&self, a_kid: &AKid) -> impl Iterator<Item = &AfHolder> {
        self.holders()
            .filter(move |holder| holder.a_kid == *a_kid || fault!("earlier-holders-take-places"))
    }

    /// Of these, those of one function that one consumer asks for.
    fn of_function(&self, a_kid: &AKid, admitted: &Admitted) -> impl Iterator<Item = &AfHolder> {
        let Admitted { af_id, consumer, .. } = admitted;
        let is_it = move |holder: &&AfHolder| {
            holder.consumer == *consumer && holder.af_id.fqdn().eq_ignore_ascii_case(af_id.fqdn())
        };
        self.below(a_kid).filter(is_it)
    }

    fn has_room(&self, a_kid: &AKid, admitted: &Admitted, limits: HolderLimits) -> Result<(), AkmaError> {
        let all = self.below(a_kid).count();
        if all >= limits.all {
            return Err(AkmaError::TooManyHolders(all));
        }
        let consumer = admitted.consumer();
        let own = self.below(a_kid).filter(|holder| holder.consumer == consumer).count();
        if own >= limits.of_one && !fault!("all-application-keys-of-one") {
            return Err(AkmaError::TooManyOfOne(own));
        }
        let own = self.of_function(a_kid, admitted).count();
        match own >= limits.of_function && !fault!("all-application-keys-of-one-function") {
            true => Err(AkmaError::TooManyOfFunction(own)),
            false => Ok(()),
        }
    }

    /// Holders below any K_AKMA but this one are kept until their key expires, if there is somewhere to tell that it is over; of more than
    /// [`EARLIER`] some are told at once.
    fn release_holders(&self, but: Option<&AKid>, at: UnixMillis, unit: &mut Unit) {
        let mut kept = Vec::new();
        let others = self.holders.iter();
        for holding in others.filter(|holding| but.is_none_or(|but| holding.holder.a_kid != *but)) {
            let holder = &holding.holder;
            if holder.expires <= at || holder.callback.is_none() {
                let key = (self.supi.clone(), holding.id.octets());
                unit.remove::<AfHolder>(&key, Expect::Version(holding.version));
            } else {
                kept.push(holding);
            }
        }
        for holding in too_many(&mut kept) {
            self.end(holding, at, unit);
        }
        for holding in kept {
            let holder = &holding.holder;
            if holder.kept_until != Some(holder.expires) {
                let key = (self.supi.clone(), holding.id.octets());
                let until = AfHolder {
                    kept_until: Some(holder.expires),
                    ..holder.clone()
                };
                unit.put(&key, &until, Expect::Version(holding.version));
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

/// Takes out what is beyond [`EARLIER`]: of whichever consumer has the most, the holder whose key expires first, again and again.
fn too_many<'h>(kept: &mut Vec<&'h Holding>) -> Vec<&'h Holding> {
    let mut over = Vec::new();
    while kept.len() > EARLIER && !fault!("earlier-holders-pile-up") {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for holding in kept.iter() {
            *counts.entry(&holding.holder.consumer).or_default() += 1;
        }
        let greediest = counts.into_iter().max_by_key(|(_, count)| *count);
        let own = kept
            .iter()
            .enumerate()
            .filter(|(_, holding)| greediest.is_some_and(|(name, _)| holding.holder.consumer == name));
        match own.min_by_key(|(_, holding)| holding.holder.expires) {
            Some((place, _)) => over.push(kept.swap_remove(place)),
            None => break,
        }
    }
    over
}
