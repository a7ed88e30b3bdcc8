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

/// How long it is remembered that the NRF did not say who serves, and, where it did not answer at all, that it is not asked.
const LATELY: Duration = Duration::from_secs(2);

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
    /// Until when the NRF is not asked, which did not answer.
    silent: Option<Moment>,
}

impl Known {
    /// Room for one more answer: of those that name nobody one goes, else the one that ends first.
    fn make_room(&mut self, indicator: Option<RoutingIndicator>) {
        if self.answers.len() < MOST || self.answers.contains_key(&indicator) {
            return;
        }
        let worth = |answer: &Answer| (!answer.roots.is_empty(), answer.until.is_none(), answer.until);
        let least = self.answers.iter().min_by_key(|(_, answer)| worth(answer));
        if let Some(least) = least.map(|(indicator, _)| *indicator) {
            self.answers.remove(&least);
        }
    }
}

struct Answer {
    roots: Vec<String>,
    until: Option<Moment>,
    /// It is none: the NRF did not say who serves.
    has_failed: bool,
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
        if let Some(found) = self.unasked(indicator) {
            return found;
        }
        let mut place = self.asking.try_acquire().ok();
        if place.is_none() {
            // Who has something to go by does not wait for a place.
            if let Some(Ok(known)) = self.remembered(indicator, true) {
                return Ok(known);
            }
            // Nobody closes it.
            place = self.asking.acquire().await.ok();
        }
        let _place = place;
        // Who waited may find what another has asked for.
        if let Some(found) = self.unasked(indicator) {
            return found;
        }
        match discover(&self.nrf, &self.wanted, indicator).await {
            Ok(found) => {
                self.remember(indicator, found);
                let nobody = || self.nobody(indicator);
                self.remembered(indicator, true).unwrap_or_else(|| Err(nobody()))
            }
            // What was true is better than nothing.
            Err(error) => {
                let silent = matches!(
                    error,
                    NotDiscovered::Client(ClientError::Connect { .. } | ClientError::Timeout { .. })
                );
                if silent {
                    self.known().silent = moment().after(LATELY);
                }
                match self.remembered(indicator, true) {
                    Some(Ok(known)) if !fault!("nrf-answers-forgotten") => {
                        log_limit!(warn, "the NRF does not say who serves, and whoever did before is asked", %error);
                        self.prolong(indicator);
                        Ok(known)
                    }
                    _ => {
                        self.put(indicator, Vec::new(), LATELY, true);
                        Err(error)
                    }
                }
            }
        }
    }

    /// What is known without a question: an answer that is good, and while the NRF is silent also one that is over.
    fn unasked(&self, indicator: Option<RoutingIndicator>) -> Option<Result<SbiClient, NotDiscovered>> {
        let good = self.remembered(indicator, false);
        if good.is_some() {
            return good;
        }
        let now = moment();
        let is_silent = self.known().silent.is_some_and(|until| until > now);
        if !is_silent || fault!("silent-nrf-asked-for-each") {
            return None;
        }
        match self.remembered(indicator, true) {
            Some(Ok(known)) if !fault!("nrf-answers-forgotten") => Some(Ok(known)),
            _ => Some(Err(NotDiscovered::Lately)),
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
        if answer.has_failed {
            return Some(Err(NotDiscovered::Lately));
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
        self.known().silent = None;
        self.put(indicator, roots, good_for, false);
    }

    fn put(&self, indicator: Option<RoutingIndicator>, roots: Vec<String>, good_for: Duration, has_failed: bool) {
        let until = moment().after(good_for);
        let answer = Answer {
            roots,
            until,
            has_failed,
        };
        let mut known = self.known();
        known.make_room(indicator);
        known.answers.insert(indicator, answer);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::naanf_akma;

    /// Of an NRF that is not there.
    fn peers() -> Peers {
        let wanted = Wanted {
            requester: "AUSF",
            target: "AANF",
            service: &naanf_akma::SERVICE,
        };
        let nrf = SbiClient::new("http://127.0.0.1:1", ClientOptions::default()).unwrap();
        Peers::new(nrf, wanted, ClientOptions::default())
    }

    fn indicator(number: usize) -> Option<RoutingIndicator> {
        Some(number.to_string().parse().unwrap())
    }

    fn root() -> Vec<String> {
        vec!["http://127.0.0.1:2".to_owned()]
    }

    #[tokio::test]
    async fn an_nrf_that_is_silent_is_not_asked_for_each_routing_indicator() {
        let peers = peers();
        // It is over at once.
        peers.put(indicator(7), root(), Duration::ZERO, false);
        let first = peers.find(indicator(1)).await;
        assert!(matches!(first, Err(NotDiscovered::Client(_))), "{first:?}");
        for number in [1, 2] {
            let next = peers.find(indicator(number)).await;
            assert!(matches!(next, Err(NotDiscovered::Lately)), "{next:?}");
        }
        assert!(peers.find(indicator(7)).await.is_ok(), "what was true");
    }

    #[tokio::test]
    async fn who_has_an_answer_that_is_over_does_not_wait_for_a_place() {
        let peers = peers();
        peers.put(indicator(7), root(), Duration::ZERO, false);
        let _all = peers.asking.acquire_many(8).await.unwrap();
        let found = tokio::time::timeout(Duration::from_secs(20), peers.find(indicator(7))).await;
        assert!(found.expect("without a place").is_ok());
    }

    #[test]
    fn an_answer_makes_room_for_another_only_where_none_is_empty() {
        let peers = peers();
        let second = Duration::from_secs(1);
        for (number, times) in (0..MOST).zip(1_u32..) {
            peers.put(indicator(number), root(), second * times, false);
        }
        let is_there = |number| peers.known().answers.contains_key(&indicator(number));
        peers.put(indicator(2000), Vec::new(), second * 9000, true);
        assert!(!is_there(0) && is_there(1), "the one that ends first");
        for number in 2001..2100 {
            peers.put(indicator(number), Vec::new(), second, true);
        }
        assert!(!is_there(2000) && is_there(1) && is_there(2099));
        assert_eq!(peers.known().answers.len(), MOST);
    }
}
