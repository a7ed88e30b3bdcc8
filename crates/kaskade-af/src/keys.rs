//! Keys of users: asked for once, kept until they expire or are disabled.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest};
use kaskade_codec::sbi::values::Text;
use kaskade_crypto::kdf::HmacKey;
use kaskade_faults::fault;
use kaskade_flow::budget::Rate;
use kaskade_flow::expiring::{Bounds, Everybody, Table};
use kaskade_flow::{Moment, NoRandomness, Refusal};
use kaskade_keys::AKid;
use kaskade_keys::akma::KAf;
use kaskade_keys::id::{AfId, Fqdn, UaProtocolId};
use kaskade_net::log_limit;
#[cfg(feature = "psk")]
use kaskade_net::psk::AkmaConnections;
use kaskade_net::random::random_octets;
use kaskade_net::sbi::service::NotDone;
use kaskade_net::time::{moment, unix_millis};
use tokio::sync::watch;

use crate::source::KeySource;
use crate::sources::Sources;
use crate::user::SimUser;

/// Keys of one A-KID that are kept: one for each protocol and cipher suite that a UE speaks.
const PER_A_KID: usize = 8;

/// How keys are asked for and kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AkmaOptions {
    /// Keys that are kept at once; the oldest makes room.
    pub most_keys: usize,
    /// The longest that a key is kept, however long it lives: then it is asked for again.
    pub kept_for: Duration,
    /// How long an A-KID that the home network does not know is refused without another question: a UE may be faster than its registration.
    pub unknown_for: Duration,
    /// Questions on their way at once.
    pub most_asked: usize,
    /// Questions in the long run and at once, all users together.
    pub rate: Rate,
    /// Questions in the long run and at once for one source: an IPv4 address, or 64 bits of an IPv6 one.
    pub rate_of_source: Rate,
    /// Asks not to be told who the user is (Naanf_AKMA_ApplicationKey_AnonUser_Get).
    pub anonymous: bool,
    /// Where the home network reaches this application, such as `https://af.example.com`: it then says when a key is to be used no more.
    /// [`notifications`](AkmaClient::notifications) are to be served there.
    pub notify_at: Option<String>,
}

impl Default for AkmaOptions {
    fn default() -> Self {
        Self {
            most_keys: 65_536,
            kept_for: Duration::from_secs(24 * 3600),
            unknown_for: Duration::from_secs(2),
            most_asked: 256,
            rate: Rate::per_second(200, 1000).unwrap_or(Rate::UNLIMITED),
            rate_of_source: Rate::per_second(50, 250).unwrap_or(Rate::UNLIMITED),
            anonymous: false,
            notify_at: None,
        }
    }
}

/// Why there is no key for a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoKey {
    /// The home network has no key for this A-KID and this application, or does not give it: a UE tries again with its newest A-KID.
    #[error("the home network gives no key for this A-KID")]
    Unknown,
    /// The key that the home network gives has expired.
    #[error("the key of this A-KID has expired")]
    Expired,
    /// The home network has disabled the key while it was asked for.
    #[error("the key of this A-KID is disabled")]
    Disabled,
    /// Too many questions are on their way.
    #[error("too many keys are being asked for")]
    Busy,
    /// Whoever has the keys cannot be asked now.
    #[error("whoever has the keys cannot be asked: {0}")]
    Unreachable(Refusal),
}

impl NoKey {
    /// Whether the same A-KID may succeed a moment later.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Busy | Self::Unreachable(_))
    }

    fn of(not_done: &NotDone) -> Self {
        use kaskade_net::sbi::service::Elsewhere;
        match not_done.seen() {
            // 204 is what TS 29.535 says; these stand in its place, or are the home network's policy.
            Some(Elsewhere::Refused(heard)) if matches!(heard.status.as_u16(), 403 | 404) => Self::Unknown,
            _ => Self::Unreachable(not_done.why()),
        }
    }
}

/// A user's key, and whose it is. The key is wiped with the last clone.
#[derive(Debug)]
pub struct Known {
    pub(crate) k_af: KAf,
    /// Whose it is.
    pub user: SimUser,
}

impl Known {
    /// K_AF, for what the application itself derives or secures with it. 32 octets.
    pub const fn k_af(&self) -> &KAf {
        &self.k_af
    }

    fn left(&self) -> Duration {
        let now = i64::try_from(unix_millis().get()).unwrap_or(i64::MAX);
        let left = self.user.expiry.unix_millis().saturating_sub(now);
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }
}

/// The keys of an application function. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct AkmaClient(Arc<Inner>);

struct Inner {
    af: Fqdn,
    options: AkmaOptions,
    source: Box<dyn KeySource>,
    names: HmacKey,
    token: String,
    state: Mutex<State>,
    /// Those that are secured by keys from here.
    #[cfg(feature = "psk")]
    connections: AkmaConnections,
}

struct State {
    known: Table<Everybody, Arc<Known>>,
    refused: Table<Everybody, NoKey>,
    asked: HashMap<u128, OnItsWay>,
    full_at: u64,
    sources: Sources,
}

type Outcome = Result<Arc<Known>, NoKey>;

/// A question that somebody waits for.
struct OnItsWay {
    user: u64,
    outcome: watch::Receiver<Option<Outcome>>,
    disabled: bool,
}

/// By what a key is known here: nobody outside can foresee either.
#[derive(Clone, Copy)]
struct Place {
    id: u128,
    user: u64,
}

impl AkmaClient {
    /// For the application function of this domain name, with keys of this source.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new(af: Fqdn, source: impl KeySource, options: AkmaOptions) -> Result<Self, NoRandomness> {
        let bounds = |all| Bounds {
            all,
            per_user: PER_A_KID,
        };
        let state = State {
            known: Table::new(bounds(options.most_keys)),
            refused: Table::new(bounds(options.most_keys.min(4096))),
            asked: HashMap::new(),
            full_at: 0,
            sources: Sources::new(options.rate_of_source),
        };
        let token = u128::from_be_bytes(random_octets()?);
        Ok(Self(Arc::new(Inner {
            af,
            options,
            source: Box::new(source),
            names: HmacKey::new(&random_octets::<32>()?),
            token: format!("{token:032x}"),
            state: Mutex::new(state),
            #[cfg(feature = "psk")]
            connections: AkmaConnections::new(),
        })))
    }

    /// The domain name of the application function.
    pub fn af(&self) -> &Fqdn {
        &self.0.af
    }

    /// The unguessable part of the path of notifications.
    pub(crate) fn token(&self) -> &str {
        &self.0.token
    }

    /// Where the home network is to say that a key is disabled, if it is told of a place.
    pub fn notification_uri(&self) -> Option<String> {
        let root = self.0.options.notify_at.as_ref()?.trim_end_matches('/');
        Some(format!("{root}{}/{}", crate::notify::PATH, self.0.token))
    }

    /// K_AF of a user for a protocol: the one that is kept, or the home network's. Whoever asks for the same at the same time waits for
    /// the same answer, and none of them going away ends the question.
    ///
    /// # Errors
    /// [`NoKey`].
    pub async fn key(&self, a_kid: &AKid, protocol: UaProtocolId) -> Result<Arc<Known>, NoKey> {
        self.key_for(None, a_kid, protocol).await
    }

    /// The same for whoever says the A-KID from this address, as far as its budget goes.
    ///
    /// # Errors
    /// [`NoKey`]; [`NoKey::Busy`] where the budget is spent, too.
    pub async fn key_for(
        &self,
        source: Option<IpAddr>,
        a_kid: &AKid,
        protocol: UaProtocolId,
    ) -> Result<Arc<Known>, NoKey> {
        let place = self.0.place(a_kid, Some(protocol));
        let mut outcome = match self.0.look(source, place, moment()) {
            Looked::Found(outcome) => return outcome,
            Looked::Wait(outcome) => outcome,
            Looked::Ask(tell, outcome) => {
                let question = Question {
                    inner: self.0.clone(),
                    place,
                    tell,
                };
                tokio::spawn(question.ask(a_kid.clone(), protocol));
                outcome
            }
        };
        let told = outcome.wait_for(Option::is_some).await.ok();
        let told = told.and_then(|told| told.clone());
        told.unwrap_or(Err(NoKey::Unreachable(Refusal::Internal)))
    }

    /// Forgets all keys of an A-KID, those that are being asked for, too: the home network has disabled them. How many there were.
    ///
    /// Connections that are secured with them end (`AkmaClient::connections`).
    pub fn disable(&self, a_kid: &AKid) -> usize {
        let count = self.forget(a_kid);
        #[cfg(feature = "psk")]
        if !fault!("psk-af-connections-not-told") {
            // Also where none of them is kept any more.
            self.0.connections.disable(a_kid);
        }
        count
    }

    /// Connections by TLS with K_AF that end when their key is disabled: for `AkmaProtocol::server_of` of `kaskade_net::psk`, which
    /// [`PskListener`](crate::PskListener) calls with them.
    #[cfg(feature = "psk")]
    pub fn connections(&self) -> &AkmaConnections {
        &self.0.connections
    }

    fn forget(&self, a_kid: &AKid) -> usize {
        let Place { user, .. } = self.0.place(a_kid, None);
        let mut state = self.0.state();
        if fault!("af-disabled-key-kept") {
            return 0;
        }
        let mut count = state.known.forget(user, Everybody);
        for on_its_way in state.asked.values_mut().filter(|on_its_way| on_its_way.user == user) {
            on_its_way.disabled = true;
            count += 1;
        }
        count
    }

    /// Keys that are kept, expired ones among them until somebody needs their place.
    pub fn count(&self) -> usize {
        self.0.state().known.len()
    }

    /// 128 bits that tell A-KIDs apart, and that nobody outside can foresee.
    pub(crate) fn number(&self, a_kid: &AKid) -> u128 {
        self.0.place(a_kid, None).id
    }
}

enum Looked {
    Found(Outcome),
    Wait(watch::Receiver<Option<Outcome>>),
    Ask(watch::Sender<Option<Outcome>>, watch::Receiver<Option<Outcome>>),
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in the middle leaves a key more or less, never one of somebody else.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn place(&self, a_kid: &AKid, protocol: Option<UaProtocolId>) -> Place {
        // The routing indicator is no part of what an A-KID is compared by.
        let realm = a_kid.realm().to_string();
        let name = |of: &str, protocol: &[u8]| {
            let parts: [&[u8]; 4] = [
                of.as_bytes(),
                protocol,
                a_kid.a_tid().expose_in_a_kid(),
                realm.as_bytes(),
            ];
            u128::from_be_bytes(*self.names.mac_parts(&parts).high_128())
        };
        let user = name("A-KID", &[]);
        let id = protocol.map_or(user, |protocol| name("key", protocol.octets()));
        let user = u64::try_from(user >> 64).unwrap_or(0);
        Place { id, user }
    }

    /// What is there already, what is being asked for, or that it is to be asked for now.
    fn look(&self, source: Option<IpAddr>, place: Place, now: Moment) -> Looked {
        let mut guard = self.state();
        let state = &mut *guard;
        let is_over = |known: &Known| known.left().is_zero() && !fault!("af-expired-key-used");
        if let Some(known) = state.known.peek(place.id, Everybody, now).cloned() {
            if !is_over(&known) {
                return Looked::Found(Ok(known));
            }
            // The wall's clock is ahead of this process's, which may have slept.
            let _ = state.known.take(place.id, Everybody, now);
        }
        if let Some(why) = state.refused.peek(place.id, Everybody, now).cloned() {
            return Looked::Found(Err(why));
        }
        if let Some(on_its_way) = state.asked.get(&place.id)
            && !on_its_way.disabled
            && !fault!("af-asks-for-each")
        {
            return Looked::Wait(on_its_way.outcome.clone());
        }
        let is_full = state.asked.len() >= self.options.most_asked && !fault!("af-questions-without-bound");
        let has_source = source.is_none_or(|source| state.sources.take(&self.names, source, now))
            || fault!("af-source-without-budget");
        if is_full || !has_source || self.options.rate.take(&mut state.full_at, now.as_nanos()).is_err() {
            return Looked::Found(Err(NoKey::Busy));
        }
        let (tell, outcome) = watch::channel(None);
        let on_its_way = OnItsWay {
            user: place.user,
            outcome: outcome.clone(),
            disabled: false,
        };
        state.asked.insert(place.id, on_its_way);
        Looked::Ask(tell, outcome)
    }

    /// Keeps what came of a question, and says what whoever waits is told.
    fn keep(&self, question: &Question, outcome: Outcome, now: Moment) -> Outcome {
        let (place, mut state) = (question.place, self.state());
        let is_enabled = |there: &OnItsWay| question.is(there) && !there.disabled;
        if !state.asked.get(&place.id).is_some_and(is_enabled) {
            return Err(NoKey::Disabled);
        }
        match &outcome {
            Ok(known) => {
                let keep = known.left().min(self.options.kept_for);
                let end = now.after(keep).filter(|_| !fault!("af-expired-key-used"));
                let Place { user, id } = place;
                // It is used once where it cannot be kept.
                let _ = state.known.insert(user, Everybody, id, known.clone(), end, now);
            }
            Err(NoKey::Unknown | NoKey::Expired) => {
                let end = now.after(self.options.unknown_for);
                let why = NoKey::Unknown;
                let _ = state.refused.insert(place.user, Everybody, place.id, why, end, now);
            }
            Err(_) => {}
        }
        outcome
    }
}

/// A question on its way. When it ends, however it ends, nobody waits for it any more.
struct Question {
    inner: Arc<Inner>,
    place: Place,
    tell: watch::Sender<Option<Outcome>>,
}

impl Question {
    /// Whether it is this one. Another may have taken its place since it was disabled.
    fn is(&self, there: &OnItsWay) -> bool {
        there.outcome.same_channel(&self.tell.subscribe())
    }

    async fn ask(self, a_kid: AKid, protocol: UaProtocolId) {
        let inner = &self.inner;
        let notify = AkmaClient(inner.clone()).notification_uri();
        let request = AkmaAfKeyRequest {
            notif_uri: notify.map(Text),
            af_id: AfId::new(&inner.af, protocol),
            a_kid: a_kid.clone(),
            anon_ind: inner.options.anonymous,
        };
        let outcome = match inner.source.k_af(request).await {
            Ok(None) => Err(NoKey::Unknown),
            Ok(Some(key)) => known(a_kid, key),
            Err(not_done) => {
                log_limit!(warn, "no key from the home network", error = %not_done);
                Err(NoKey::of(&not_done))
            }
        };
        let outcome = inner.keep(&self, outcome, moment());
        let _ = self.tell.send(Some(outcome));
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        if state.asked.get(&self.place.id).is_some_and(|there| self.is(there)) {
            state.asked.remove(&self.place.id);
        }
    }
}

fn known(a_kid: AKid, key: AkmaAfKeyData) -> Outcome {
    let AkmaAfKeyData {
        gpsi,
        supi,
        expiry,
        k_af,
    } = key;
    let user = SimUser {
        gpsi,
        supi,
        a_kid,
        expiry,
    };
    let known = Known { k_af, user };
    match known.left().is_zero() && !fault!("af-expired-key-used") {
        true => Err(NoKey::Expired),
        false => Ok(Arc::new(known)),
    }
}

impl fmt::Debug for AkmaClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AkmaClient({})", self.0.af.as_str())
    }
}
