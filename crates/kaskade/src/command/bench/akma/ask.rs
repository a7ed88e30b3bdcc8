//! The AUSF and the application functions of a measurement.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use kaskade::load::cpu_time;
use kaskade_codec::sbi::akma::{AkmaAfKeyRequest, AkmaKeyInfo};
use kaskade_keys::akma::KAkma;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::AfId;
use kaskade_keys::{AKid, HomeRealm, Plmn, RoutingIndicator, Supi};
use kaskade_net::sbi::client::{ClientOptions, SbiClient};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::Caller;
use kaskade_net::services::naanf_akma::Client;
use tokio::task::JoinSet;

use super::figures::Measured;

/// Application functions that ask for keys under load; one more asks before, one after another.
pub(super) const FUNCTIONS: u64 = 8;

/// Neighbours in the order of asking are far from each other in the store. It is a prime, above any number of contexts.
const STRIDE: u64 = 4_294_967_291;

/// A subscriber who was authenticated.
pub(super) struct Subject {
    pub(super) supi: Supi,
    pub(super) a_kid: AKid,
    pub(super) k_akma: KAkma,
}

impl Subject {
    /// Of this number, after this run: nobody's, and the same to server and load.
    pub(super) fn of(number: u64, run: u64) -> Self {
        let digits = format!("imsi-00101{number:010}");
        let supi: Supi = digits.parse().expect("15 digits");
        let mut k_ausf = [0x41; 32];
        let (first, rest) = k_ausf.split_at_mut(8);
        first.copy_from_slice(&number.to_be_bytes());
        rest.iter_mut().zip(run.to_be_bytes()).for_each(|(to, from)| *to = from);
        let k_ausf = KAusf::from_octets(&k_ausf);
        let realm = HomeRealm::new(Plmn::new("001", "01").expect("the test PLMN"), None);
        Self {
            a_kid: AKid::new(RoutingIndicator::DEFAULT, &k_ausf.a_tid(&supi), realm),
            k_akma: k_ausf.k_akma(&supi),
            supi,
        }
    }
}

/// The name of an application function of this number.
pub(super) fn fqdn(number: u64) -> String {
    format!("af{number}.example.com")
}

/// What it asks for.
pub(super) fn af_id(number: u64) -> Result<AfId> {
    Ok(format!("{}0100000002", fqdn(number)).parse()?)
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// K_AF, of a server that gives a ready one.
    Ready,
    /// K_AF, by whoever has it not yet.
    First,
    /// The same once more.
    Again,
    /// K_AKMA of another authentication.
    Registration,
}

/// How much is asked, and where.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) url: String,
    /// The server's process.
    pub(super) server: u32,
    pub(super) connections: u16,
    pub(super) streams: u16,
    /// Not fewer than run at once.
    pub(super) contexts: u64,
    pub(super) requests: u64,
}

/// What runs one after another: contexts that are its own.
#[derive(Clone, Copy)]
struct Lane {
    number: u64,
    lanes: u64,
    contexts: u64,
    requests: u64,
}

impl Lane {
    /// The context of a request, and how often it has come round.
    fn context(self, request: u64) -> (u64, u64) {
        let place = (request % self.contexts).wrapping_mul(STRIDE) % self.contexts;
        (self.number + self.lanes * place, request / self.contexts)
    }

    /// How many of it there are.
    fn count(self, what: What) -> u64 {
        match what {
            What::First => self.firsts(),
            What::Ready | What::Again | What::Registration => self.requests,
        }
    }

    fn firsts(self) -> u64 {
        self.requests.min(self.contexts.saturating_mul(FUNCTIONS))
    }
}

/// One connection.
#[derive(Clone)]
struct Peer {
    client: Client,
    caller: Caller,
}

impl Peer {
    fn new(url: &str) -> Result<Self> {
        Ok(Self {
            client: Client::new(SbiClient::new(url, ClientOptions::default())?),
            caller: Caller::new(Requester::group("bench")),
        })
    }

    /// K_AF, which is that of the device; a ready one is taken as it is.
    async fn key(&self, context: u64, function: u64, is_ready: bool) -> Result<()> {
        let subject = Subject::of(context, 0);
        let af_id = af_id(function)?;
        let request = AkmaAfKeyRequest {
            notif_uri: None,
            af_id: af_id.clone(),
            a_kid: subject.a_kid,
            anon_ind: false,
        };
        let Some(given) = self.client.retrieve_applicationkey(&self.caller, request).await? else {
            bail!("the A-KID of context {context} names no K_AKMA");
        };
        if !is_ready && given.k_af != subject.k_akma.k_af(&af_id) {
            bail!("K_AF of context {context} differs from that of the device");
        }
        Ok(())
    }

    async fn register(&self, context: u64, run: u64) -> Result<()> {
        let Subject { supi, a_kid, k_akma } = Subject::of(context, run);
        let info = AkmaKeyInfo {
            supi: Some(supi),
            gpsi: None,
            a_kid: a_kid.clone(),
            k_akma,
        };
        let told = self.client.register_anchorkey(&self.caller, info).await?;
        if told.a_kid != a_kid {
            bail!("another A-KID than that of context {context} was registered");
        }
        Ok(())
    }

    async fn ask(&self, what: What, lane: Lane, request: u64) -> Result<()> {
        match what {
            What::Ready => self.key(lane.context(request).0, 0, true).await,
            What::First | What::Again => {
                let (context, function) = lane.context(request % lane.firsts().max(1));
                self.key(context, function, false).await
            }
            What::Registration => {
                let (context, round) = lane.context(request);
                self.register(context, round + 1).await
            }
        }
    }
}

impl Load {
    fn lane(&self, number: u64) -> Lane {
        let lanes = u64::from(self.connections) * u64::from(self.streams);
        Lane {
            number,
            lanes,
            contexts: self.contexts.saturating_sub(number).div_ceil(lanes),
            requests: self.requests.saturating_sub(number).div_ceil(lanes),
        }
    }

    /// Asks, as often as it is to, and measures.
    pub(super) async fn measure(&self, what: What) -> Result<Measured> {
        let (mut tasks, mut requests) = (JoinSet::new(), 0);
        let cpu = cpu_time(self.server);
        let begin = Instant::now();
        let mut numbers = 0..;
        for _ in 0..self.connections {
            let peer = Peer::new(&self.url)?;
            for number in numbers.by_ref().take(self.streams.into()) {
                let (peer, lane) = (peer.clone(), self.lane(number));
                let count = lane.count(what);
                requests += count;
                tasks.spawn(async move {
                    for request in 0..count {
                        peer.ask(what, lane, request).await?;
                    }
                    Ok::<_, anyhow::Error>(())
                });
            }
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        let after = cpu_time(self.server);
        Ok(Measured {
            requests,
            wall: begin.elapsed(),
            cpu: cpu.zip(after).map(|(before, after)| after.saturating_sub(before)),
        })
    }

    /// K_AF of so many contexts, each for the first time, one after another over a connection that is open: how long each took.
    pub(super) async fn one_after_another(&self, count: u64) -> Result<Vec<Duration>> {
        let peer = Peer::new(&self.url)?;
        // Whose function nobody knows is refused before any store is asked: it opens the connection.
        if peer.key(0, FUNCTIONS + 1, false).await.is_ok() {
            bail!("an application function that nobody knows was given K_AF");
        }
        let mut times = Vec::new();
        for request in 0..count {
            let context = request.wrapping_mul(STRIDE) % self.contexts;
            let begin = Instant::now();
            peer.key(context, FUNCTIONS, false).await?;
            times.push(begin.elapsed());
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lanes_share_the_contexts_and_ask_first_once() {
        for (contexts, requests) in [(100, 100), (101, 5000), (1000, 700)] {
            let load = Load {
                url: String::new(),
                server: 0,
                connections: 3,
                streams: 5,
                contexts,
                requests,
            };
            let (mut asked, mut all) = (BTreeSet::new(), 0);
            for number in 0..15 {
                let lane = load.lane(number);
                all += lane.count(What::Again);
                for request in 0..lane.count(What::First) {
                    let (context, function) = lane.context(request);
                    assert!(context < contexts && function < FUNCTIONS);
                    assert!(asked.insert((context, function)), "asked before: {context}, {function}");
                }
            }
            assert_eq!(all, requests);
            let most = usize::try_from(requests.min(contexts * FUNCTIONS)).expect("small");
            // Lanes with few contexts may be through before others.
            assert!(
                asked.len() <= most && asked.len() + 15 * 8 >= most,
                "{} of {most}",
                asked.len()
            );
        }
    }
}
