//! The life of a registration: put, heart-beats, put again where the NRF has forgotten it, delete.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use kaskade_faults::fault;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::NfProfile;
use crate::log_limit;
use crate::sbi::client::{Answer, ClientError, SbiClient};
use crate::sbi::server::Shutdown;

/// After a failure: the first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest that an NRF may let a heart-beat wait for, in seconds.
const LONGEST_TIMER: u64 = 3600;

/// So many heart-beats in a row may fail before the profile is put again.
const MOST_MISSED: u32 = 3;

/// What heart-beats say.
const HEART_BEAT: &[u8] = br#"[{"op":"replace","path":"/nfStatus","value":"REGISTERED"}]"#;

/// A network function that is registered as long as this is there; [`Registration::end`] removes it.
#[derive(Debug)]
pub struct Registration {
    shutdown: Shutdown,
    state: RegistrationState,
    task: JoinHandle<()>,
}

/// Whether the NRF has the profile, for whoever watches.
#[derive(Clone, Debug, Default)]
pub struct RegistrationState(Arc<AtomicBool>);

impl RegistrationState {
    /// As far as is known.
    pub fn is_registered(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Registration {
    /// Registers on the current tokio runtime, and goes on trying.
    pub fn start(client: SbiClient, profile: NfProfile) -> Self {
        let (shutdown, state) = (Shutdown::new(), RegistrationState::default());
        let keeper = Keeper {
            asked: AtomicBool::new(false),
            path: format!("/nnrf-nfm/v1/nf-instances/{}", profile.id()),
            client,
            profile,
            state: state.clone(),
        };
        let task = tokio::spawn(keeper.keep(shutdown.clone()));
        Self { shutdown, state, task }
    }

    /// Whether the NRF has the profile.
    pub const fn state(&self) -> &RegistrationState {
        &self.state
    }

    /// Begins to remove the profile; [`end`](Self::end) waits for it.
    pub fn leave(&self) {
        self.shutdown.begin();
    }

    /// Removes the profile from the NRF, if it can be reached.
    pub async fn end(self) {
        self.leave();
        // A task that panicked has logged it already.
        let _ = self.task.await;
    }
}

/// Why the NRF does not have the profile.
#[derive(Debug, thiserror::Error)]
enum NotRegistered {
    #[error("{0}")]
    Client(#[from] ClientError),
    #[error("the NRF answered {0}")]
    Refused(StatusCode),
}

struct Keeper {
    client: SbiClient,
    path: String,
    profile: NfProfile,
    state: RegistrationState,
    /// The NRF may have the profile, though it has not said so.
    asked: AtomicBool,
}

impl Keeper {
    async fn keep(self, shutdown: Shutdown) {
        let nf_type = self.profile.nf_type();
        tokio::select! {
            () = self.register_and_beat() => {}
            () = shutdown.begun() => {}
        }
        if !self.asked.load(Ordering::Relaxed) || fault!("stays-registered") {
            return;
        }
        match self.client.send(Method::DELETE, &self.path, None).await {
            Ok(answer) if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND => {
                tracing::info!(nf_type, "no longer registered at the NRF");
            }
            Ok(answer) => tracing::warn!(nf_type, status = answer.status.as_u16(), "the NRF keeps the profile"),
            Err(error) => tracing::warn!(nf_type, %error, "the NRF could not be told of the end"),
        }
    }

    async fn register_and_beat(&self) {
        let nf_type = self.profile.nf_type();
        let mut pause = FIRST_PAUSE;
        loop {
            match self.register().await {
                Ok(timer) => {
                    self.state.0.store(true, Ordering::Relaxed);
                    tracing::info!(nf_type, seconds = timer.as_secs(), "registered at the NRF");
                    pause = FIRST_PAUSE;
                    self.beat(timer).await;
                    self.state.0.store(false, Ordering::Relaxed);
                }
                Err(error) => {
                    log_limit!(warn, "not registered at the NRF", nf_type, %error);
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Puts the profile; gives the time between heart-beats.
    async fn register(&self) -> Result<Duration, NotRegistered> {
        // Text and numbers: each has a form.
        let body = serde_json::to_vec(&self.profile).unwrap_or_default();
        let before = self.asked.swap(true, Ordering::Relaxed);
        let answer = self.client.send(Method::PUT, &self.path, Some(body.into())).await;
        match answer {
            Ok(answer) if matches!(answer.status, StatusCode::OK | StatusCode::CREATED) => Ok(self.timer(&answer)),
            Ok(answer) => {
                // It did not take this one, and may have an earlier one still; any other error may have come after it was kept.
                if answer.status.is_client_error() {
                    self.asked.store(before, Ordering::Relaxed);
                }
                Err(NotRegistered::Refused(answer.status))
            }
            Err(error) => {
                // Without a connection nothing has left.
                if matches!(error, ClientError::Connect { .. } | ClientError::Url(_)) {
                    self.asked.store(before, Ordering::Relaxed);
                }
                Err(error.into())
            }
        }
    }

    /// What the NRF says of heart-beats, else what was proposed.
    fn timer(&self, answer: &Answer) -> Duration {
        let told: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
        let told = told.as_ref().and_then(|told| told.get("heartBeatTimer")?.as_u64());
        let proposed = self.profile.heart_beat_timer().into();
        Duration::from_secs(told.unwrap_or(proposed).clamp(1, LONGEST_TIMER))
    }

    /// Beats until the NRF does not know the profile any more, or seems not to.
    async fn beat(&self, mut timer: Duration) {
        let nf_type = self.profile.nf_type();
        let mut missed = 0;
        while missed < MOST_MISSED {
            // A little early: what takes its time on the way is there in time all the same (TS 29.510 5.2.2.3.2).
            sleep(timer * 9 / 10).await;
            let body = Some(Bytes::from_static(HEART_BEAT));
            match self.client.patch(&self.path, body).await {
                Ok(answer) if answer.status == StatusCode::NOT_FOUND && !fault!("forgotten-by-the-nrf") => {
                    tracing::warn!(nf_type, "the NRF has forgotten the profile: it is registered again");
                    return;
                }
                Ok(answer) if answer.status.is_success() => {
                    missed = 0;
                    if answer.status == StatusCode::OK {
                        timer = self.timer(&answer);
                    }
                }
                Ok(answer) => {
                    let status = answer.status.as_u16();
                    log_limit!(warn, "the NRF refused a heart-beat", nf_type, status);
                    if answer.status.is_client_error() && !fault!("forgotten-by-the-nrf") {
                        return;
                    }
                    missed += 1;
                }
                Err(error) => {
                    log_limit!(warn, "the NRF did not take a heart-beat", nf_type, %error);
                    missed += 1;
                }
            }
        }
    }
}
