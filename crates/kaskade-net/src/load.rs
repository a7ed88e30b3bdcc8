//! A load generator: complete 5G AKA runs against any AUSF, with right answers.
//!
//! It plays SEAF and USIMs of subscribers that follow from a seed, so that server and generator need no file in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_crypto::ecies::{self, EciesError, EphemeralSecret, HnPublicKey, Profile};
use kaskade_crypto::kdf::sha256;
use kaskade_crypto::milenage::Milenage;
use kaskade_crypto::{Amf, K, Opc};
use kaskade_keys::derivation::Prepared;
use kaskade_keys::fivegs::{KSeaf, ResStar};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_keys::{
    HnKeyId, Imsi, Plmn, ProtectionScheme, RoutingIndicator, SchemeOutput, ServingNetworkName, Suci, Supi,
};
use kaskade_store::{AuthMethods, OpOrOpc, SqnRecord, SqnScheme, Subscriber, SubscriberSecrets};

use crate::random::random_octets;
use crate::role::seaf::{AusfClient, AusfClientError};
use crate::sbi::client::{ClientError, ClientOptions};
use crate::sbi::model::SupiOrSuci;

/// A subscriber of the load: nobody's K.
#[derive(Debug)]
pub struct DemoSubscriber {
    /// `imsi-<PLMN><10 digits of the index>`, or fewer digits with a 3-digit MNC.
    pub supi: Supi,
    /// K, from the seed.
    pub k: K,
    /// OPc, from the seed.
    pub opc: Opc,
}

impl From<DemoSubscriber> for Subscriber {
    /// For the store that the server runs on: MILENAGE, 5G AKA, and an SQN of the default scheme.
    fn from(demo: DemoSubscriber) -> Self {
        Self {
            supi: demo.supi,
            secrets: SubscriberSecrets::milenage(demo.k, OpOrOpc::Opc(demo.opc)),
            amf: Amf::SEPARATION,
            methods: AuthMethods::FIVE_G_AKA,
            sqn: SqnRecord::blank(SqnScheme::default()),
        }
    }
}

/// The subscriber of this index: always the same for the same seed.
///
/// For tests and measurements only: whoever knows the seed knows K.
pub fn demo_subscriber(plmn: Plmn, seed: u64, index: u64) -> DemoSubscriber {
    let digits = 15 - plmn.mcc().len() - plmn.mnc().len();
    let msin = format!("{:0digits$}", index % 10_u64.pow(u32::try_from(digits).unwrap_or(9)));
    let supi = Imsi::from_parts(plmn, &msin).expect("15 digits");
    let octets = sha256(&[b"kaskade load 1", &seed.to_be_bytes(), &index.to_be_bytes()]);
    let (mut k, mut opc) = ([0; 16], [0; 16]);
    k.copy_from_slice(&octets[..16]);
    opc.copy_from_slice(&octets[16..]);
    DemoSubscriber {
        supi: Supi::Imsi(supi),
        k: K::from_octets(&k),
        opc: Opc::from_octets(&opc),
    }
}

/// How the USIMs name themselves.
#[derive(Clone, Debug, Default)]
pub enum LoadIdentity {
    /// By the SUPI, as an AMF does that knows the UE.
    #[default]
    Supi,
    /// By a SUCI of the null scheme.
    Null,
    /// By a SUCI that is concealed anew for each run.
    Concealed {
        /// Identifier of the key.
        id: HnKeyId,
        /// The home network's public key.
        key: HnPublicKey,
    },
}

impl LoadIdentity {
    fn of(&self, supi: &Supi, plmn: Plmn) -> Result<SupiOrSuci, String> {
        fn text(error: impl std::fmt::Display) -> String {
            error.to_string()
        }
        let (home, routing) = (Some(plmn), RoutingIndicator::DEFAULT);
        Ok(match self {
            Self::Supi => supi.clone().into(),
            Self::Null => Suci::null(supi, home, routing).map_err(text)?.into(),
            Self::Concealed { id, key } => {
                let (suci_home, _) = Suci::parts(supi, home).map_err(text)?;
                let input = Suci::scheme_input(supi, home).map_err(text)?;
                let scheme = match key.profile() {
                    Profile::A => ProtectionScheme::ProfileA,
                    Profile::B => ProtectionScheme::ProfileB,
                };
                let output = loop {
                    let ephemeral = EphemeralSecret::from_octets(&random_octets().map_err(text)?);
                    match ecies::conceal(key, ephemeral, &input) {
                        Ok(output) => break output,
                        // One in 2^32 for P-256.
                        Err(EciesError::PrivateKeyOutOfRange) => {}
                        Err(error) => return Err(text(error)),
                    }
                };
                let output = SchemeOutput::concealed(scheme, output).map_err(text)?;
                Suci::new(suci_home, routing, *id, output).map_err(text)?.into()
            }
        })
    }
}

/// What to do.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// apiRoot of the AUSF.
    pub url: String,
    /// How to reach it.
    pub client: ClientOptions,
    /// How the USIMs name themselves.
    pub identity: LoadIdentity,
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
}

impl LoadOptions {
    /// Against this AUSF, with this many subscribers of seed 0 and PLMN 001-01.
    pub fn new(url: impl Into<String>, subscribers: u64) -> Self {
        Self {
            url: url.into(),
            client: ClientOptions::default(),
            identity: LoadIdentity::default(),
            plmn: Plmn::new("001", "01").expect("the test PLMN"),
            seed: 0,
            subscribers,
            connections: 4,
            streams: 32,
            warm_up: Duration::from_secs(1),
            duration: Duration::from_secs(10),
            server_pid: None,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadReport {
    /// Complete runs, POST and PUT, that ended in success.
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
    let first = AusfClient::new(&options.url, options.client.clone())?;
    shared.one_run(&first, 0).await.map_err(LoadError::First)?;
    let mut tasks = Vec::new();
    let at_once = u64::try_from(options.connections.max(1).saturating_mul(options.streams.max(1))).unwrap_or(u64::MAX);
    let mut parts = 0..at_once;
    for _ in 0..options.connections.max(1) {
        let client = AusfClient::new(&options.url, options.client.clone())?;
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
    async fn runs(&self, client: &AusfClient, part: Part) {
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

    /// One run of SEAF and USIM. The USIM checks neither MAC-A nor freshness: runs overtake each other here.
    async fn one_run(&self, client: &AusfClient, index: u64) -> Result<(), String> {
        let text = |error: AusfClientError| error.to_string();
        let subscriber = demo_subscriber(self.options.plmn, self.options.seed, index);
        let identity = self.options.identity.of(&subscriber.supi, self.options.plmn)?;
        let challenge = client
            .authenticate(identity, self.serving_network_name)
            .await
            .map_err(text)?;
        let expected = Expected::of(&subscriber, &challenge.se_av, &self.serving_network_name);
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
}

/// What USIM and ME derive of a challenge.
struct Expected {
    res_star: ResStar,
    k_seaf: KSeaf,
}

impl Expected {
    fn of(subscriber: &DemoSubscriber, se_av: &SeAv5g, name: &ServingNetworkName) -> Self {
        let rand = &se_av.rand;
        let (res, ck, ik, _) = Milenage::new(&subscriber.k, &subscriber.opc).f2345(rand);
        let ck_ik = Prepared::<CkIk>::from_ck_ik(&ck, &ik);
        Self {
            res_star: ck_ik.res_star(name, rand, &res),
            k_seaf: ck_ik.k_ausf(name, &SqnXorAk::from(&se_av.autn)).k_seaf(name),
        }
    }

    fn compare_challenge(&self, se_av: &SeAv5g) -> Result<(), String> {
        if se_av.hxres_star.verify(&self.res_star.hres_star(&se_av.rand)) {
            Ok(())
        } else {
            Err("HXRES* is not of this RES*: the server has another K for this subscriber".into())
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

/// CPU time of a process, in user and kernel mode (proc(5), fields 14 and 15 of `stat`).
fn cpu_time(pid: u32) -> Option<Duration> {
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
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
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
    fn subscribers_differ_and_return() {
        let plmn = Plmn::new("001", "01").unwrap();
        let (a, b) = (demo_subscriber(plmn, 1, 2), demo_subscriber(plmn, 1, 2));
        assert_eq!((&a.supi, &a.k, &a.opc), (&b.supi, &b.k, &b.opc));
        assert_ne!(a.k, demo_subscriber(plmn, 2, 2).k);
        assert_ne!(a.k, demo_subscriber(plmn, 1, 3).k);
        assert_eq!(a.supi.sbi(), "imsi-001010000000002");
        let three = demo_subscriber(Plmn::new("310", "410").unwrap(), 1, 2);
        assert_eq!(three.supi.sbi(), "imsi-310410000000002");
    }

    #[test]
    fn each_value_of_a_run_is_compared() {
        let plmn = Plmn::new("001", "01").unwrap();
        let name = ServingNetworkName::new(plmn, None);
        let subscriber = demo_subscriber(plmn, 1, 2);
        let vector = Milenage::new(&subscriber.k, &subscriber.opc).vector(
            &kaskade_crypto::Rand::from_octets([5; 16]),
            kaskade_crypto::Sqn::from_octets([0, 0, 0, 0, 0, 32]),
            Amf::SEPARATION,
        );
        let rand = kaskade_crypto::Rand::from_octets([5; 16]);
        let ck_ik = Prepared::<CkIk>::from_ck_ik(&vector.ck, &vector.ik);
        let autn = vector.autn();
        // The home network's own way, without the load generator.
        let xres_star = ck_ik.xres_star(&name, &rand, &vector.res);
        let k_seaf = ck_ik.k_ausf(&name, &SqnXorAk::from(&autn)).k_seaf(&name);
        let se_av = SeAv5g {
            rand,
            autn,
            hxres_star: xres_star.hxres_star(&rand),
        };
        let expected = Expected::of(&subscriber, &se_av, &name);
        expected.compare_challenge(&se_av).unwrap();
        expected
            .compare_confirmed(&subscriber.supi, &subscriber.supi, &k_seaf)
            .unwrap();
        let other = demo_subscriber(plmn, 1, 3);
        let of_other = Expected::of(&other, &se_av, &name);
        assert!(of_other.compare_challenge(&se_av).is_err());
        let said = of_other
            .compare_confirmed(&other.supi, &other.supi, &k_seaf)
            .unwrap_err();
        assert!(said.contains("K_SEAF"), "{said}");
        assert!(
            expected
                .compare_confirmed(&subscriber.supi, &other.supi, &k_seaf)
                .unwrap_err()
                .contains("SUPI")
        );
    }
}
