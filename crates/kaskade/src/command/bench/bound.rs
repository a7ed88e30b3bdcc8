//! What an authentication cannot be faster than, measured in the same run: a server that reads two requests and answers them as
//! long as an AUSF does, the ECIES of the SUCI, and the derivations.

use std::convert::Infallible;
use std::hint::black_box;
use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kaskade::load::{self, LoadOptions, demo_subscriber};
use kaskade_aka::fivegs::udm;
use kaskade_crypto::ecies::{EphemeralSecret, Profile, conceal, deconceal};
use kaskade_crypto::{Rand, Sqn};
use kaskade_keys::{Plmn, ServingNetworkName};
use kaskade_net::sbi::tls::ServerTls;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use super::pki::Pki;
use super::serve::hn_key;
use super::{AuthArgs, Folder, SEED, Scheme, Server};

/// Parts of the bound, in microseconds of CPU for each authentication.
pub(super) struct Bound {
    /// Two requests over HTTP/2, and TLS where it is spoken.
    http: f64,
    /// One scalar multiplication, key derivation, cipher and tag.
    suci: f64,
    /// The home vector, HXRES*, K_SEAF.
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
    let server = Server::start(args, &folder.0, 0, true)?;
    bare.url.clone_from(&server.url);
    bare.server_pid = Some(server.child.id());
    let (plmn, report) = (bare.plmn, runtime.block_on(load::run(bare))?);
    server.stop()?;
    let per_second = report.auths_per_server_cpu_s();
    Ok(Bound {
        http: 1e6 / per_second.context("the CPU time of the bare server is not known")?,
        suci: match args.profile.suci.and_then(Scheme::profile) {
            Some(profile) => one_suci(profile)?,
            None => 0.0,
        },
        derivations: derivations(plmn),
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

/// Microseconds of one call: the least of ten rounds of 50 ms, since whatever else runs only adds.
fn each(mut call: impl FnMut()) -> f64 {
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

/// As long as the AUSF's: a context with a challenge, and a result with K_SEAF.
const CONTEXT: [u8; 352] = [b'0'; 352];
const RESULT: [u8; 152] = [b'0'; 152];

/// Serves until standard input ends.
pub(super) fn serve(
    tls: Option<ServerTls>,
    threads: u16,
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
                        Some(tls) => connection(tls.accept(stream).await?).await,
                        None => connection(stream).await,
                    }
                    Ok::<_, std::io::Error>(())
                });
            }
        });
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        Ok(())
    })
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
    let service = service_fn(|request: Request<Incoming>| async move {
        let first = request.method() == Method::POST;
        let path = request.uri().path().len();
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
                .body(Full::new(Bytes::from_static(&CONTEXT))),
            false => answer.body(Full::new(Bytes::from_static(&RESULT))),
        };
        Ok::<_, Infallible>(answer.unwrap_or_default())
    });
    // A connection that breaks is seen by the load.
    let _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
