//! What an authentication cannot be faster than, measured in the same run: a server that reads two requests and answers them as
//! long as an AUSF does, the ECIES of the SUCI, and the derivations.

use std::convert::Infallible;
use std::hint::black_box;
use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kaskade::load::{self, LoadMethod, LoadOptions, demo_subscriber};
use kaskade_aka::arpf::{self, EapAkaPrimeAv};
use kaskade_aka::fivegs::udm;
use kaskade_crypto::ecies::{EphemeralSecret, Profile, conceal, deconceal};
use kaskade_crypto::{Rand, Sqn};
use kaskade_keys::eap::AtMacKey as _;
use kaskade_keys::id::EapIdentity;
use kaskade_keys::{Plmn, ServingNetworkName};
use kaskade_net::sbi::tls::ServerTls;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use super::pki::Pki;
use super::serve::hn_key;
use super::server::Folder;
use super::{AuthArgs, SEED, Scheme, start};

/// Parts of the bound, in microseconds of CPU for each authentication.
pub(super) struct Bound {
    /// Two requests over HTTP/2, and TLS where it is spoken.
    http: f64,
    /// One scalar multiplication, key derivation, cipher and tag.
    suci: f64,
    /// The home vector, HXRES*, K_SEAF; of EAP-AKA' the vector, its keys, AT_MAC of two packets, K_SEAF.
    derivations: f64,
}

impl Bound {
    pub(super) fn microseconds(&self) -> f64 {
        self.http + self.suci + self.derivations
    }

    pub(super) fn sentence(&self, measured: f64) -> String {
        format!(
            "{:>11} {:.1} us: two requests {:.1}, SUCI {:.1}, derivations {:.1}; measured {:.2} times that",
            "bound:",
            self.microseconds(),
            self.http,
            self.suci,
            self.derivations,
            measured / self.microseconds()
        )
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "microseconds": self.microseconds(),
            "two_requests": self.http,
            "suci": self.suci,
            "derivations": self.derivations,
        })
    }
}

/// Measures it, with the options of the load that was measured.
pub(super) fn measure(args: &AuthArgs, runtime: &tokio::runtime::Runtime, mut bare: LoadOptions) -> Result<Bound> {
    let folder = Folder::create(args.dir.as_deref())?;
    if args.profile.tls {
        Pki::create(&folder.0)?;
        bare.client = Pki::of(&folder.0).client()?;
    }
    let server = start(args, &folder.0, 0, true)?;
    bare.url.clone_from(&server.ready.url);
    bare.server_pid = Some(server.id());
    let (plmn, report) = (bare.plmn, runtime.block_on(load::run(bare))?);
    server.stop()?;
    let per_second = report.auths_per_server_cpu_s();
    Ok(Bound {
        http: 1e6 / per_second.context("the CPU time of the bare server is not known")?,
        suci: match args.profile.suci.and_then(Scheme::profile) {
            Some(profile) => one_suci(profile)?,
            None => 0.0,
        },
        derivations: match args.profile.method() {
            LoadMethod::FiveGAka => derivations(plmn),
            LoadMethod::EapAkaPrime => derivations_of_eap(plmn)?,
        },
    })
}

/// One deconcealment, in microseconds.
fn one_suci(profile: Profile) -> Result<f64> {
    let key = hn_key(profile)?;
    let concealed = conceal(key.public_key(), EphemeralSecret::from_octets(&[0x17; 32]), &[0x21; 5])?;
    Ok(each(|| {
        let _ = black_box(deconceal(black_box(&key), black_box(&concealed)));
    }))
}

/// What UDM and AUSF derive for one authentication, in microseconds.
fn derivations(plmn: Plmn) -> f64 {
    let subscriber = demo_subscriber(plmn, SEED, 0);
    let name = ServingNetworkName::new(plmn, None);
    let (credentials, rand) = (subscriber.keys().into(), Rand::from_octets([0x23; 16]));
    let sqn = Sqn::from_octets([0, 0, 0, 0, 0, 32]);
    each(|| {
        let he_av = udm::he_av(black_box(&credentials), black_box(&rand), black_box(sqn), &name);
        black_box(he_av.xres_star.hxres_star(&rand));
        black_box(he_av.k_ausf.k_seaf(&name));
    })
}

/// The same for EAP-AKA'.
fn derivations_of_eap(plmn: Plmn) -> Result<f64> {
    let subscriber = demo_subscriber(plmn, SEED, 0);
    let serving_network_name = ServingNetworkName::new(plmn, None);
    let (credentials, rand) = (subscriber.keys().into(), Rand::from_octets([0x23; 16]));
    let sqn = Sqn::from_octets([0, 0, 0, 0, 0, 32]);
    let identity: EapIdentity = "001010000000001".parse()?;
    let permit = arpf::permit::<EapAkaPrimeAv>(|_| true).map_err(|_| anyhow!("a method that is allowed"))?;
    let operation = EapAkaPrimeAv::ServingNetwork(&serving_network_name);
    Ok(each(|| {
        let av = permit.vector(
            black_box(&operation),
            black_box(&credentials),
            black_box(&rand),
            sqn,
            &mut (),
        );
        let mk = av.ck_ik_prime.mk(&identity);
        let k_aut = mk.k_aut();
        black_box((mk.k_encr(), mk.k_re(), mk.msk()));
        for packet in [&CONTEXT[..CHALLENGE], &CONTEXT[..RESPONSE]] {
            black_box(k_aut.at_mac(&[packet]));
        }
        black_box(mk.emsk().k_ausf().k_seaf(&serving_network_name));
    }))
}

/// Octets of a challenge and of its response.
const CHALLENGE: usize = 128;
const RESPONSE: usize = 40;

/// Microseconds of one call: the least of ten rounds of 50 ms, since whatever else runs only adds.
pub(super) fn each(mut call: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..10 {
        let (begin, mut calls) = (Instant::now(), 0_u32);
        while begin.elapsed() < Duration::from_millis(50) {
            for _ in 0..64 {
                call();
            }
            calls += 64;
        }
        least = least.min(begin.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    least
}

/// As long as the AUSF's: a context with a challenge, and a result with K_SEAF; those of EAP are the longer ones.
const CONTEXT: [u8; 400] = [b'0'; 400];
const RESULT: [u8; 184] = [b'0'; 184];

/// Serves until standard input ends.
pub(super) fn serve(
    tls: Option<ServerTls>,
    threads: u16,
    method: LoadMethod,
    ready: impl FnOnce(String) -> std::io::Result<()>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1).into())
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        ready(format!("{scheme}://{}", listener.local_addr()?))?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tls = tls.clone();
                tokio::spawn(async move {
                    // As the services do: answers are small.
                    stream.set_nodelay(true)?;
                    match tls {
                        Some(tls) => connection(tls.accept(stream).await?, method).await,
                        None => connection(stream, method).await,
                    }
                    Ok::<_, std::io::Error>(())
                });
            }
        });
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        Ok(())
    })
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, method: LoadMethod) {
    let (context, result) = match method {
        LoadMethod::FiveGAka => (&CONTEXT[..352], &RESULT[..152]),
        LoadMethod::EapAkaPrime => (&CONTEXT[..], &RESULT[..]),
    };
    let service = service_fn(|request: Request<Incoming>| async move {
        let path = request.uri().path();
        let first = request.method() == Method::POST && !path.ends_with("/eap-session");
        let path = path.len();
        let read = request.into_body().collect().await;
        black_box((path, read.is_ok()));
        let answer = Response::builder().header(CONTENT_TYPE, "application/json");
        let answer = match first {
            true => answer
                .status(StatusCode::CREATED)
                .header(
                    LOCATION,
                    "http://127.0.0.1:65535/nausf-auth/v1/ue-authentications/0123456789abcdef0123456789abcdef",
                )
                .body(Full::new(Bytes::from_static(context))),
            false => answer.body(Full::new(Bytes::from_static(result))),
        };
        Ok::<_, Infallible>(answer.unwrap_or_default())
    });
    // A connection that breaks is seen by the load.
    let _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
