//! What the system's manager is told (sd_notify): that the node is ready, takes over a configuration, stops, lives. Without one,
//! nothing.

use std::convert::Infallible;
use std::time::Duration;

use sd_notify::NotifyState;

/// The node is ready.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The node is ready again, and this came of taking over a configuration: the manager shows it beside the unit.
pub(crate) fn ready_again(told: &str) {
    // A line is a message of its own.
    let told = told.replace('\n', " ");
    tell(&[NotifyState::Ready, NotifyState::Status(&told)]);
}

/// The node takes over a configuration; [`ready_again`] ends that.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!("no monotonic clock: {error}"),
    }
}

/// The node stops.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says twice in the time that the manager allows that the node lives, as long as `lives` says so.
pub(crate) async fn watchdog(lives: impl Fn() -> bool) -> Infallible {
    let Some(within) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    let mut interval = tokio::time::interval((within / 2).max(Duration::from_millis(1)));
    loop {
        interval.tick().await;
        if lives() {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("the manager of the system cannot be told: {error}");
    }
}
