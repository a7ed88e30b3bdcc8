//! Peers that an NRF knows: who is to be asked for a subscriber's routing indicator, remembered for as long as the NRF says.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaskade_faults::fault;
use kaskade_flow::Moment;
use kaskade_keys::RoutingIndicator;
use tokio::sync::Semaphore;

use super::discovery::{Found, NotDiscovered, Wanted, discover};
use crate::log_limit;
use crate::sbi::client::{ClientError, ClientOptions, SbiClient};
use crate::time::moment;

/// Routing indicators that are remembered, and peers.
const MOST: usize = 1024;
const MOST_PEERS: usize = 256;

/// Questions at once.
const ASKING: usize = 8;

/// How long a peer that was not reached is left alone, where there is another, and before the NRF is asked again that did not answer.
const AWAY: Duration = Duration::from_secs(10);

/// How long it is remembered that there is nobody.
const NOBODY: Duration = Duration::from_secs(5);

/// What is remembered takes at most, in octets.
pub const PEERS_OCTETS: usize = MOST * 1024 + MOST_PEERS * 4096;

/// Peers that an NRF knows.
pub struct Peers {
    nrf: SbiClient,
    wanted: Wanted,
    options: ClientOptions,
    known: Mutex<Known>,
    asking: Semaphore,
}

#[derive(Default)]
struct Known {
    answers: HashMap<Option<RoutingIndicator>, Answer>,
    clients: HashMap<String, SbiClient>,
    /// Until when a peer is left alone.
    away: HashMap<String, Moment>,
}

struct Answer {
    roots: Vec<String>,
    until: Option<Moment>,
}

impl Answer {
    fn is_good(&self, now: Moment) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

impl Peers {
    /// Those that this NRF knows, which are reached so.
    pub fn new(nrf: SbiClient, wanted: Wanted, options: ClientOptions) -> Self {
        Self {
            nrf,
            wanted,
            options,
            known: Mutex::default(),
            asking: Semaphore::new(ASKING),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever is to be asked for subscribers of a routing indicator.
    ///
    /// # Errors
    /// [`NotDiscovered`].
    pub async fn find(&self, indicator: Option<RoutingIndicator>) -> Result<SbiClient, NotDiscovered> {
        if let Some(found) = self.remembered(indicator, false) {
            return found;
        }
        // Nobody closes it.
        let _place = self.asking.acquire().await;
        // Who waited may find what another has asked for.
        if let Some(found) = self.remembered(indicator, false) {
            return found;
        }
        match discover(&self.nrf, &self.wanted, indicator).await {
            Ok(found) => {
                self.remember(indicator, found);
                let nobody = || self.nobody(indicator);
                self.remembered(indicator, true).unwrap_or_else(|| Err(nobody()))
            }
            // What was true is better than nothing.
            Err(error) => match self.remembered(indicator, true) {
                Some(Ok(known)) if !fault!("nrf-answers-forgotten") => {
                    log_limit!(warn, "the NRF does not say who serves, and whoever did before is asked", %error);
                    self.prolong(indicator);
                    Ok(known)
                }
                _ => Err(error),
            },
        }
    }

    /// A peer was not reached: another one is asked for a while, where there is one.
    pub fn failed(&self, peer: &SbiClient) {
        let mut known = self.known();
        if known.away.len() >= MOST_PEERS {
            known.away.clear();
        }
        if let Some(until) = moment()
            .after(AWAY)
            .filter(|_| !fault!("peer-that-is-away-asked-first"))
        {
            known.away.insert(peer.root(), until);
        }
    }

    fn nobody(&self, indicator: Option<RoutingIndicator>) -> NotDiscovered {
        NotDiscovered::Nobody {
            target: self.wanted.target,
            service: self.wanted.service.name,
            indicator,
        }
    }

    /// What an answer says that is remembered; also one that is over.
    fn remembered(
        &self,
        indicator: Option<RoutingIndicator>,
        also_over: bool,
    ) -> Option<Result<SbiClient, NotDiscovered>> {
        let now = moment();
        let mut known = self.known();
        let answer = known.answers.get(&indicator)?;
        if !(also_over || answer.is_good(now) && !fault!("nrf-asked-each-time")) {
            return None;
        }
        if answer.roots.is_empty() {
            return Some(Err(self.nobody(indicator)));
        }
        let is_away = |root: &&String| known.away.get(*root).is_some_and(|until| *until > now);
        let mut here = answer.roots.iter().filter(|root| !is_away(root));
        // Where all are away one of them is asked all the same.
        let root = here.next().or(answer.roots.first())?.clone();
        Some(self.client(&mut known, root).map_err(NotDiscovered::Client))
    }

    fn client(&self, known: &mut Known, root: String) -> Result<SbiClient, ClientError> {
        if let Some(client) = known.clients.get(&root) {
            return Ok(client.clone());
        }
        if known.clients.len() >= MOST_PEERS {
            // What is under way has its own.
            known.clients.clear();
        }
        let client = SbiClient::new(&root, self.options.clone())?;
        known.clients.insert(root, client.clone());
        Ok(client)
    }

    fn remember(&self, indicator: Option<RoutingIndicator>, found: Found) {
        let Found { mut roots, good_for } = found;
        // Those that cannot be reached by these options are no choice.
        roots.retain(|root| SbiClient::new(root, self.options.clone()).is_ok());
        let good_for = if roots.is_empty() {
            good_for.min(NOBODY)
        } else {
            good_for
        };
        let mut known = self.known();
        if known.answers.len() >= MOST && !known.answers.contains_key(&indicator) {
            let now = moment();
            known.answers.retain(|_, answer| answer.is_good(now));
            if known.answers.len() >= MOST {
                known.answers.clear();
            }
        }
        let until = moment().after(good_for);
        known.answers.insert(indicator, Answer { roots, until });
    }

    /// An NRF that does not answer is not asked for each request.
    fn prolong(&self, indicator: Option<RoutingIndicator>) {
        if let Some(answer) = self.known().answers.get_mut(&indicator) {
            answer.until = moment().after(AWAY);
        }
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers")
            .field("nrf", &self.nrf)
            .field("target", &self.wanted.target)
            .finish_non_exhaustive()
    }
}
