//! A request for a key, from who asks to the key; and giving one up.

use kaskade_anchor::emsk::{
    Admission, Anchor, AnchorAsk, AnchorInput, AnchorOutput, Ask, Asked, Callback, Caller as Named, GivenUp, Held,
    Noted, Wanted,
};
use kaskade_codec::sbi::usage_keys::{DomainKeyRequest, KeyGivenUp, UsageKeyRequest};
use kaskade_codec::sbi::values::Text;
use kaskade_faults::fault;
use kaskade_flow::event::Action;
use kaskade_flow::expiring::Missing;
use kaskade_flow::{Cover, Durable, Guarded, Machine, Moment, Step};
use kaskade_keys::Supi;
use kaskade_keys::id::RootKeyName;
use kaskade_store::records::Committing;

use super::{CallbackRoot, Kind, SHARDS, UsageKeys, UsageKeysError, UsagePolicy};
use crate::log_limit;
use crate::random::SystemEntropy;
use crate::sbi::service::Caller;
use crate::time::{moment, unix_millis};

/// A key on its way to whoever asked.
enum Going {
    /// Its holder was on record before.
    Again(Durable<AnchorOutput>),
    /// The record of its holder is being written.
    First {
        committing: Committing<AnchorOutput>,
        noted: Noted,
        emsk: RootKeyName,
    },
}

/// What a caller may do, and under which name.
struct Admitted {
    admission: Admission,
    callback: Option<Callback>,
}

impl UsageKeys {
    /// The key of a usage (RFC 5295 3.1).
    ///
    /// # Errors
    /// [`UsageKeysError`]; then nothing was given.
    pub async fn usage_key(
        &self,
        caller: &Caller,
        request: UsageKeyRequest,
    ) -> Result<Durable<AnchorOutput>, UsageKeysError> {
        let UsageKeyRequest {
            supi,
            label,
            domain,
            data_hex,
            snssai,
            application,
            callback_uri,
        } = request;
        let data = match (data_hex, snssai, application) {
            (None, None, None) => Ok(Wanted::TheKey),
            (Some(data), None, None) => Ok(Wanted::Octets(data.0)),
            (None, Some(slice), application) => Ok(Wanted::Slice(slice, application)),
            (None, None, Some(application)) => Ok(Wanted::Service(application)),
            (Some(_), ..) => Err(UsageKeysError::TwoKindsOfData),
        };
        let kind = data.as_ref().map_or(Kind::Usage, Kind::from);
        let admitted = data.and_then(|data| {
            let ask = Ask { label, domain, data };
            self.admitted(caller, callback_uri, |policy, named| {
                Ok(Admission::Usage(policy.registry.admit(named, &ask)?))
            })
        });
        self.given(caller, supi, kind, Action::UsageKeyGiven, admitted).await
    }

    /// The root key of a domain, for its key server (RFC 5295 4).
    ///
    /// # Errors
    /// As [`Self::usage_key`].
    pub async fn domain_key(
        &self,
        caller: &Caller,
        request: DomainKeyRequest,
    ) -> Result<Durable<AnchorOutput>, UsageKeysError> {
        let DomainKeyRequest {
            supi,
            domain,
            callback_uri,
        } = request;
        let admitted = self.admitted(caller, callback_uri, |policy, named| {
            Ok(Admission::Domain(policy.registry.admit_domain(named, &domain)?))
        });
        self.given(caller, supi, Kind::Domain, Action::DomainKeyGiven, admitted)
            .await
    }

    /// A holder needs its key no more.
    ///
    /// # Errors
    /// [`UsageKeysError::Anchor`] when it holds none of this name, [`UsageKeysError::NoEmsk`] when nobody holds any.
    pub async fn give_up(&self, caller: &Caller, given_up: KeyGivenUp) -> Result<(), UsageKeysError> {
        let supi = given_up.supi.clone();
        let done = self.forget(caller, given_up).await;
        done.inspect_err(|error| self.refused(caller, &supi, Action::UsageKeyGivenUp, error))
    }

    async fn forget(&self, caller: &Caller, given_up: KeyGivenUp) -> Result<(), UsageKeysError> {
        let KeyGivenUp { supi, key_name, domain } = given_up;
        let held = match (key_name, domain) {
            (Some(name), None) => Held::Key(name),
            (None, Some(domain)) => Held::Domain(domain),
            _ => return Err(UsageKeysError::NotOneName),
        };
        self.budgets.admit_report(caller.requester().id(), moment())?;
        let names = self.policy.with(|policy| policy.names(caller));
        let principal = names.into_iter().next().ok_or(UsageKeysError::Stranger)?;
        let (by, about) = self.audit.parties(caller.requester(), &supi);
        let given_up = GivenUp {
            principal,
            held,
            at: unix_millis(),
            by,
            about,
            correlation: caller.correlation().number(),
        };
        let (committing, forgotten, emsk) = {
            let (subscriber, now) = (self.subscriber(&supi), moment());
            let mut shard = self.shard(subscriber);
            let (begun, anchor) = shard.begin(subscriber, now).map_err(missing)?;
            let emsk = anchor.name();
            let step = handle(anchor, now, AnchorInput::GivenUp(Box::new(given_up)));
            drop(shard.end(begun, step.next, now));
            match (step.ask, step.unit) {
                (Some(AnchorAsk::Forget(noted)), Some(unit)) => {
                    (self.records.commit(*unit, Guarded::new(())), noted, emsk)
                }
                (Some(AnchorAsk::Refuse(error)), _) => return Err(error.into()),
                _ => return Err(UsageKeysError::Internal),
            }
        };
        drop(committing.await?);
        self.tell_anchor(&supi, emsk, AnchorInput::Forgotten(forgotten));
        Ok(())
    }

    /// Who the caller is in the registry, what `admit` makes of that, and where it may be told of the end.
    fn admitted(
        &self,
        caller: &Caller,
        callback: Option<Text>,
        admit: impl FnOnce(&UsagePolicy, &Named<'_>) -> Result<Admission, UsageKeysError>,
    ) -> Result<Admitted, UsageKeysError> {
        self.budgets.admit_report(caller.requester().id(), moment())?;
        let policy = self.policy.now();
        let names = policy.names(caller);
        let principal = names.first().ok_or(UsageKeysError::Stranger)?;
        let named = Named {
            principal,
            groups: &names,
        };
        let admission = admit(&policy, &named)?;
        let callback = match callback {
            None => None,
            Some(Text(uri)) => {
                let callback: Callback = uri.parse().map_err(|_| UsageKeysError::LongCallback)?;
                let (root, _) = CallbackRoot::of(callback.as_str()).map_err(UsageKeysError::NotACallback)?;
                if !policy.may_be_told(principal, &root) {
                    return Err(UsageKeysError::CallbackNotAllowed);
                }
                Some(callback)
            }
        };
        Ok(Admitted { admission, callback })
    }

    /// Gives a key to whoever was admitted; a refusal is counted and on record.
    async fn given(
        &self,
        caller: &Caller,
        supi: Supi,
        kind: Kind,
        action: Action,
        admitted: Result<Admitted, UsageKeysError>,
    ) -> Result<Durable<AnchorOutput>, UsageKeysError> {
        let given = match admitted {
            Ok(admitted) => self.give(caller, &supi, kind, admitted).await,
            Err(error) => Err(error),
        };
        given.inspect_err(|error| self.refused(caller, &supi, action, error))
    }

    async fn give(
        &self,
        caller: &Caller,
        supi: &Supi,
        kind: Kind,
        admitted: Admitted,
    ) -> Result<Durable<AnchorOutput>, UsageKeysError> {
        self.may(supi)?;
        let (by, about) = self.audit.parties(caller.requester(), supi);
        let asked = Asked {
            admission: admitted.admission,
            callback: admitted.callback,
            at: unix_millis(),
            by,
            about,
            correlation: caller.correlation().number(),
        };
        match self.ask(supi, asked)? {
            Going::Again(key) => {
                self.counters.gave(kind, true);
                Ok(key)
            }
            Going::First {
                committing,
                noted,
                emsk,
            } => {
                let key = committing.await?;
                // What was retired while it was written is not told: its holder is, that it is over.
                if !self.note(supi, emsk, noted, key.cover()) && !fault!("key-of-an-ended-emsk") {
                    return Err(UsageKeysError::Ended);
                }
                self.counters.gave(kind, false);
                Ok(key)
            }
        }
    }

    /// Whether keys are given of a subscriber, where the subscribers are here.
    pub(super) fn may(&self, supi: &Supi) -> Result<(), UsageKeysError> {
        if !self.is_home {
            return Ok(());
        }
        match self.store.card(supi)? {
            None => Err(UsageKeysError::UserNotFound),
            Some(card) if card.suspended && !fault!("keys-of-the-suspended") => Err(UsageKeysError::Suspended),
            Some(_) => Ok(()),
        }
    }

    /// Asks the EMSK, and hands what is to be written to the store, under one lock.
    fn ask(&self, supi: &Supi, asked: Asked) -> Result<Going, UsageKeysError> {
        let (subscriber, now) = (self.subscriber(supi), moment());
        let mut shard = self.shard(subscriber);
        let room = shard.holders() < self.options.most_holders.div_ceil(SHARDS);
        let (begun, anchor) = shard.begin(subscriber, now).map_err(missing)?;
        if !room && !anchor.is_held(&asked.admission) {
            drop(shard.end(begun, Some(anchor), now));
            return Err(UsageKeysError::NoRoom);
        }
        let emsk = anchor.name();
        let step = handle(anchor, now, AnchorInput::Asked(Box::new(asked)));
        // Nobody retires it under the lock.
        drop(shard.end(begun, step.next, now));
        match (step.ask, step.unit, step.out) {
            (Some(AnchorAsk::Refuse(error)), ..) => Err(error.into()),
            (Some(AnchorAsk::Admit { cover, event }), None, Some(key)) => {
                Ok(Going::Again(self.audit.covered(cover, event, key)?))
            }
            (Some(AnchorAsk::Note(noted)), Some(unit), Some(key)) => Ok(Going::First {
                committing: self.records.commit(*unit, key),
                noted,
                emsk,
            }),
            _ => Err(UsageKeysError::Internal),
        }
    }

    /// The record of a holder is durable; whether its EMSK is still there.
    fn note(&self, supi: &Supi, emsk: RootKeyName, noted: Noted, cover: Cover) -> bool {
        self.tell_anchor(supi, emsk, AnchorInput::Written(noted, cover))
    }

    /// Tells an EMSK what has become durable; whether it is still there.
    fn tell_anchor(&self, supi: &Supi, emsk: RootKeyName, input: AnchorInput) -> bool {
        let (subscriber, now) = (self.subscriber(supi), moment());
        let mut shard = self.shard(subscriber);
        let Ok((begun, anchor)) = shard.begin(subscriber, now) else {
            return false;
        };
        let is_it = anchor.name() == emsk;
        let next = match is_it {
            true => handle(anchor, now, input).next,
            false => Some(anchor),
        };
        drop(shard.end(begun, next, now));
        is_it
    }

    fn refused(&self, caller: &Caller, supi: &Supi, action: Action, error: &UsageKeysError) {
        let requester = caller.requester();
        self.counters.refused.add_one();
        self.audit.refused(requester, Some(supi), action, error.refusal());
        log_limit!(info, "usage key refused", supi = %supi.masked(), %requester, %error);
    }
}

fn handle(anchor: Anchor, now: Moment, input: AnchorInput) -> Step<Anchor> {
    anchor.handle(now, &mut SystemEntropy, Some(input))
}

fn missing(missing: Missing) -> UsageKeysError {
    match missing {
        Missing::Unknown => UsageKeysError::NoEmsk,
        // Work begins and ends under one lock.
        Missing::InWork => UsageKeysError::Internal,
    }
}
