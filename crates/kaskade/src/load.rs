//! A load generator: complete runs of 5G AKA or EAP-AKA' against any AUSF, with right answers.
//!
//! It plays SEAF and USIMs of subscribers that follow from a seed, so that server and generator need no file in common.

mod eap;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_codec::sbi::SupiOrSuci;
use kaskade_crypto::Amf;
use kaskade_keys::fivegs::{KSeaf, ResStar};
use kaskade_keys::{Abba, Plmn, ServingNetworkName, Supi};
use kaskade_net::random::{SystemEntropy, random_octets};
use kaskade_net::role::seaf::{AusfClient, AusfClientError};
use kaskade_net::sbi::client::{ClientError, ClientOptions, SbiClient};
use kaskade_store::{AuthMethods, OpOrOpc, SqnRecord, SqnScheme, Subscriber, SubscriberSecrets, Subscription};
use kaskade_ue::card::{self, History};
use kaskade_ue::demo::DemoSubscriber;
use kaskade_ue::{Answer, Challenge, Device, Identity, MobileIdentity};
use serde_json::{Value, json};

pub use kaskade_ue::demo::demo_subscriber;

/// How the subscribers are authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadMethod {
    /// 5G AKA (TS 33.501 6.1.3.2).
    #[default]
    FiveGAka,
    /// EAP-AKA' over the AUSF (TS 33.501 6.1.3.1).
    EapAkaPrime,
}

impl LoadMethod {
    const fn methods(self) -> AuthMethods {
        match self {
            Self::FiveGAka => AuthMethods::FIVE_G_AKA,
            Self::EapAkaPrime => AuthMethods::EAP_AKA_PRIME,
        }
    }
}

/// The subscriber for the store that the server runs on: MILENAGE, this method, and an SQN of the default scheme.
pub fn subscriber(demo: DemoSubscriber, method: LoadMethod) -> Subscriber {
    Subscriber {
        supi: demo.supi,
        secrets: SubscriberSecrets::milenage(demo.k, OpOrOpc::Opc(demo.opc)),
        amf: Amf::SEPARATION,
        methods: method.methods(),
        subscription: Subscription::default(),
        sqn: SqnRecord::blank(SqnScheme::default()),
    }
}

/// A card's name as the services take it.
pub fn supi_or_suci(identity: MobileIdentity) -> SupiOrSuci {
    match identity {
        MobileIdentity::Supi(supi) => supi.into(),
        MobileIdentity::Suci(suci) => suci.into(),
    }
}

/// What to do.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// apiRoot of the AUSF.
    pub url: String,
    /// How to reach it.
    pub client: ClientOptions,
    /// How they are authenticated.
    pub method: LoadMethod,
    /// How the USIMs name themselves.
    pub identity: Identity,
    /// Home network of the subscribers, and serving network.
    pub plmn: Plmn,
    /// Seed of the subscribers.
    pub seed: u64,
    /// How many there are: a run takes one at random, of a part that is its own as long as there are enough for all. So
    /// no subscriber has more challenges at once than (connections × streams) / subscribers, rounded up.
    pub subscribers: u64,
    /// Connections.
    pub connections: usize,
    /// Runs at once in each connection.
    pub streams: usize,
    /// Before measuring.
    pub warm_up: Duration,
    /// How long to measure.
    pub duration: Duration,
    /// Process of the server, to read its CPU time.
    pub server_pid: Option<u32>,
    /// Sends requests as large as those of a run, and takes any answer: for a server that only answers, beside which one is measured.
    pub bare: bool,
}

impl LoadOptions {
    /// Against this AUSF, with this many subscribers of seed 0 and PLMN 001-01.
    pub fn new(url: impl Into<String>, subscribers: u64) -> Self {
        Self {
            url: url.into(),
            client: ClientOptions::default(),
            method: LoadMethod::default(),
            identity: Identity::Supi,
            plmn: Plmn::new("001", "01").expect("the test PLMN"),
            seed: 0,
            subscribers,
            connections: 4,
            streams: 32,
            warm_up: Duration::from_secs(1),
            duration: Duration::from_secs(10),
            server_pid: None,
            bare: false,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadReport {
    /// Complete runs that ended in success: of two requests each.
    pub authentications: u64,
    /// Runs that did not.
    pub failures: u64,
    /// The first failure, in words.
    pub first_failure: Option<String>,
    /// How long was measured.
    pub duration: Duration,
    /// Median of a run's time, and what 1 % and 0.1 % take longer than.
    pub p50: Duration,
    /// See `p50`.
    pub p99: Duration,
    /// See `p50`.
    pub p999: Duration,
    /// CPU time of the server's process while it was measured.
    pub server_cpu: Option<Duration>,
}

impl LoadReport {
    /// Complete authentications per second.
    pub fn auths_per_s(&self) -> f64 {
        self.authentications as f64 / self.duration.as_secs_f64()
    }

    /// Complete authentications per second of the server's CPU time.
    pub fn auths_per_server_cpu_s(&self) -> Option<f64> {
        Some(self.authentications as f64 / self.server_cpu?.as_secs_f64())
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The URL.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// A first run, before the load, failed.
    #[error("a first authentication failed: {0}")]
    First(String),
}

/// Puts load on an AUSF and measures.
///
/// # Errors
/// [`LoadError`] when not even one run succeeds.
pub async fn run(options: LoadOptions) -> Result<LoadReport, LoadError> {
    let shared = Arc::new(Shared {
        serving_network_name: ServingNetworkName::new(options.plmn, None),
        measuring: AtomicBool::new(false),
        stopped: AtomicBool::new(false),
        times: Times::new(),
        failures: AtomicU64::new(0),
        first_failure: std::sync::Mutex::new(None),
        options,
    });
    let options = &shared.options;
    let first = Peer::new(options)?;
    shared.one_run(&first, 0).await.map_err(LoadError::First)?;
    let mut tasks = Vec::new();
    let at_once = u64::try_from(options.connections.max(1).saturating_mul(options.streams.max(1))).unwrap_or(u64::MAX);
    let mut parts = 0..at_once;
    for _ in 0..options.connections.max(1) {
        let client = Peer::new(options)?;
        for _ in 0..options.streams.max(1) {
            let (shared, client) = (shared.clone(), client.clone());
            let part = Part::of(parts.next().unwrap_or_default(), at_once, options.subscribers);
            tasks.push(tokio::spawn(async move { shared.runs(&client, part).await }));
        }
    }
    tokio::time::sleep(options.warm_up).await;
    let cpu_before = options.server_pid.and_then(cpu_time);
    let begin = Instant::now();
    shared.measuring.store(true, Ordering::Relaxed);
    tokio::time::sleep(options.duration).await;
    shared.measuring.store(false, Ordering::Relaxed);
    let duration = begin.elapsed();
    let cpu_after = options.server_pid.and_then(cpu_time);
    shared.stopped.store(true, Ordering::Relaxed);
    for task in tasks {
        let _ = task.await;
    }
    let first_failure = shared.first_failure.lock().map_or(None, |mut first| first.take());
    Ok(LoadReport {
        authentications: shared.times.count(),
        failures: shared.failures.load(Ordering::Relaxed),
        first_failure,
        duration,
        p50: shared.times.quantile(0.5),
        p99: shared.times.quantile(0.99),
        p999: shared.times.quantile(0.999),
        server_cpu: cpu_before.zip(cpu_after).map(|(before, after)| after - before),
    })
}

/// The subscribers of one stream of runs: `first`, and every `step`th after it.
#[derive(Clone, Copy)]
struct Part {
    first: u64,
    step: u64,
    count: u64,
}

impl Part {
    fn of(number: u64, parts: u64, subscribers: u64) -> Self {
        let subscribers = subscribers.max(1);
        let first = number % subscribers;
        let step = parts.max(1);
        Self {
            first,
            step,
            count: (subscribers - first).div_ceil(step),
        }
    }

    fn draw(self, random: u64) -> u64 {
        self.first + self.step * (random % self.count)
    }
}

/// One connection to the server, which is made when it is used first.
#[derive(Clone)]
struct Peer {
    ausf: AusfClient,
    bare: SbiClient,
}

impl Peer {
    fn new(options: &LoadOptions) -> Result<Self, ClientError> {
        Ok(Self {
            ausf: AusfClient::new(&options.url, options.client.clone())?,
            bare: SbiClient::new(&options.url, options.client.clone())?,
        })
    }
}

struct Shared {
    options: LoadOptions,
    serving_network_name: ServingNetworkName,
    measuring: AtomicBool,
    stopped: AtomicBool,
    times: Times,
    failures: AtomicU64,
    first_failure: std::sync::Mutex<Option<String>>,
}

impl Shared {
    async fn runs(&self, client: &Peer, part: Part) {
        // xorshift64: who comes next need not be unpredictable.
        let mut state = random_octets().map_or(1, u64::from_le_bytes) | 1;
        while !self.stopped.load(Ordering::Relaxed) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let begin = Instant::now();
            let result = self.one_run(client, part.draw(state)).await;
            if !self.measuring.load(Ordering::Relaxed) {
                continue;
            }
            match result {
                Ok(()) => self.times.add(begin.elapsed()),
                Err(error) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    if let Ok(mut first) = self.first_failure.lock() {
                        first.get_or_insert(error);
                    }
                }
            }
        }
    }

    /// One run of SEAF and UE. Runs overtake each other here, so each has a card of its own that is new.
    async fn one_run(&self, client: &Peer, index: u64) -> Result<(), String> {
        if self.options.bare {
            return self.two_requests(&client.bare, index).await;
        }
        let client = &client.ausf;
        if self.options.method == LoadMethod::EapAkaPrime {
            return self.eap_run(client, index).await;
        }
        let text = |error: AusfClientError| error.to_string();
        let subscriber = demo_subscriber(self.options.plmn, self.options.seed, index);
        let device = device(&subscriber)?;
        let name = device.name(&self.options.identity, &mut SystemEntropy);
        let name = supi_or_suci(name.map_err(|error| error.to_string())?);
        let challenge = client
            .authenticate(name, self.serving_network_name)
            .await
            .map_err(text)?;
        let expected = Expected::of(device, &challenge.se_av, &self.serving_network_name)?;
        expected.compare_challenge(&challenge.se_av)?;
        match client
            .confirm(&challenge.confirmation, Some(&expected.res_star))
            .await
            .map_err(text)?
        {
            Some((supi, k_seaf)) => expected.compare_confirmed(&subscriber.supi, &supi, &k_seaf),
            None => Err("AUTHENTICATION_FAILURE".into()),
        }
    }

    /// As many octets as a run sends.
    async fn two_requests(&self, client: &SbiClient, index: u64) -> Result<(), String> {
        const CONTEXTS: &str = "/nausf-auth/v1/ue-authentications";
        let subscriber = demo_subscriber(self.options.plmn, self.options.seed, index);
        let name = device(&subscriber)?.name(&self.options.identity, &mut SystemEntropy);
        let name = supi_or_suci(name.map_err(|error| error.to_string())?).sbi();
        let body = json!({ "supiOrSuci": name, "servingNetworkName": self.serving_network_name.to_string() });
        let send = async |method: Method, path: String, body: Value| {
            let body = Some(Bytes::from(body.to_string()));
            let answer = client
                .send(method, &path, body)
                .await
                .map_err(|error| error.to_string())?;
            match answer.status.is_success() {
                true => Ok(()),
                false => Err(answer.status.to_string()),
            }
        };
        send(Method::POST, CONTEXTS.to_owned(), body).await?;
        let context = format!("{CONTEXTS}/{index:032x}");
        match self.options.method {
            LoadMethod::FiveGAka => {
                let confirmation = json!({ "resStar": format!("{index:032x}") });
                send(Method::PUT, context + "/5g-aka-confirmation", confirmation).await
            }
            LoadMethod::EapAkaPrime => {
                let session = json!({ "eapPayload": "A".repeat(eap::RESPONSE_DIGITS) });
                send(Method::POST, context + "/eap-session", session).await
            }
        }
    }
}

/// A new card that takes any SQN above 0, in a device.
fn device(subscriber: &DemoSubscriber) -> Result<Device, String> {
    Ok(Device::new(usim(subscriber)?, subscriber.supi.clone()))
}

fn usim(subscriber: &DemoSubscriber) -> Result<Usim, String> {
    let options = UsimOptions {
        delta: None,
        ..UsimOptions::default()
    };
    card::usim(&subscriber.keys(), options, History::New).map_err(|error| error.to_string())
}

/// What the UE derives of a challenge.
struct Expected {
    res_star: ResStar,
    k_seaf: KSeaf,
}

impl Expected {
    fn of(device: Device, se_av: &SeAv5g, name: &ServingNetworkName) -> Result<Self, String> {
        let challenge = Challenge {
            rand: se_av.rand,
            autn: se_av.autn,
            abba: Abba::INITIAL,
        };
        match device.start(*name).challenge(challenge, &mut ()) {
            Answer::Accepted(accepted) => {
                let (waiting, res_star) = accepted.kept();
                Ok(Self {
                    res_star,
                    k_seaf: waiting.k_seaf().clone(),
                })
            }
            Answer::Failure(_, reject) | Answer::NotGenuine(_, reject) => {
                Err(format!("{reject}: the server has another K for this subscriber"))
            }
        }
    }

    fn compare_challenge(&self, se_av: &SeAv5g) -> Result<(), String> {
        if se_av.hxres_star.verify(&self.res_star.hres_star(&se_av.rand)) {
            Ok(())
        } else {
            Err("HXRES* is not of this RES*".into())
        }
    }

    fn compare_confirmed(&self, supi: &Supi, found: &Supi, k_seaf: &KSeaf) -> Result<(), String> {
        if found != supi {
            return Err("another SUPI was authenticated".into());
        }
        if *k_seaf != self.k_seaf {
            return Err("K_SEAF differs from that of the ME".into());
        }
        Ok(())
    }
}

/// CPU time of a process, in user and kernel mode (proc(5), fields 14 and 15 of `stat`), in steps of 10 ms.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    // USER_HZ is 100 on every Linux.
    Some(Duration::from_millis(ticks * 10))
}

/// A histogram of times: 32 buckets for each power of two of nanoseconds, so at most 3 % wrong.
struct Times {
    buckets: Vec<AtomicU64>,
}

impl Times {
    fn new() -> Self {
        Self {
            buckets: (0..64 * 32).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn add(&self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(32);
        let exponent = 63 - ns.leading_zeros();
        let bucket = exponent * 32 + ((ns >> (exponent - 5)) & 31) as u32;
        if let Some(bucket) = self.buckets.get(bucket as usize) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    fn quantile(&self, quantile: f64) -> Duration {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, at most the count"
        )]
        let rank = (self.count() as f64 * quantile).ceil() as u64;
        let mut below = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            below += count.load(Ordering::Relaxed);
            if below >= rank.max(1) {
                let (exponent, part) = (bucket / 32, bucket as u64 % 32);
                return Duration::from_nanos((32 + part) << exponent.saturating_sub(5));
            }
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near() {
        let times = Times::new();
        for us in 1..=1000 {
            times.add(Duration::from_micros(us));
        }
        for (quantile, us) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0)] {
            let found = times.quantile(quantile).as_secs_f64() * 1e6;
            assert!((found / us - 1.0).abs() < 0.04, "{quantile}: {found} µs");
        }
    }

    #[test]
    fn each_value_of_a_run_is_compared() {
        let plmn = Plmn::new("001", "01").unwrap();
        let name = ServingNetworkName::new(plmn, None);
        let subscriber = demo_subscriber(plmn, 1, 2);
        let rand = kaskade_crypto::Rand::from_octets([5; 16]);
        // The home network's own way, without the load generator.
        let sqn = kaskade_crypto::Sqn::from_octets([0, 0, 0, 0, 0, 32]);
        let he_av = kaskade_aka::fivegs::udm::he_av(&subscriber.keys().into(), &rand, sqn, &name);
        let k_seaf = he_av.k_ausf.k_seaf(&name);
        let se_av = SeAv5g {
            rand,
            autn: he_av.autn,
            hxres_star: he_av.xres_star.hxres_star(&rand),
        };
        let expected = Expected::of(device(&subscriber).unwrap(), &se_av, &name).unwrap();
        expected.compare_challenge(&se_av).unwrap();
        expected
            .compare_confirmed(&subscriber.supi, &subscriber.supi, &k_seaf)
            .unwrap();
        // Another HXRES*, another SUPI, another K_SEAF, another K.
        let mut octets = *se_av.hxres_star.octets();
        octets[15] ^= 1;
        let wrong = SeAv5g {
            hxres_star: kaskade_keys::fivegs::HxresStar::from_octets(octets),
            ..se_av.clone()
        };
        assert!(expected.compare_challenge(&wrong).unwrap_err().contains("HXRES*"));
        let other = demo_subscriber(plmn, 1, 3);
        let said = expected.compare_confirmed(&subscriber.supi, &other.supi, &k_seaf);
        assert!(said.unwrap_err().contains("SUPI"));
        let elsewhere = he_av
            .k_ausf
            .k_seaf(&"5G:mnc070.mcc901.3gppnetwork.org".parse().unwrap());
        let said = expected.compare_confirmed(&subscriber.supi, &subscriber.supi, &elsewhere);
        assert!(said.unwrap_err().contains("K_SEAF"));
        let said = Expected::of(device(&other).unwrap(), &se_av, &name).err().unwrap();
        assert!(said.contains("another K"), "{said}");
    }
}
