//! A running node takes over a changed configuration: certificates, policy, groups, home network keys, the filter of the log. All of
//! it or nothing; what is wrong with it is in the log, and the node goes on as it was.

use std::path::Path;

use anyhow::{Result, bail};
use kaskade::config::Config;
use kaskade_store::locked::scrubbed;

use super::log::LogFilterHandle;
use super::running::Running;
use super::supervisor;
use crate::console::once;
use crate::warnings;

/// Takes over what `read` gives, which comes of this file; whether this is the time for that: while somebody changes something, it
/// is later. Reads files: not for a thread that serves.
pub(crate) fn reload(
    running: &mut Running,
    log: &LogFilterHandle,
    file: Option<&Path>,
    read: impl FnOnce() -> Result<Config>,
) -> bool {
    let office = running.office.admin().clone();
    // Nobody decides or makes keys meanwhile.
    let Some(_one_by_one) = office.try_changing() else {
        return false;
    };
    supervisor::reloading();
    let told = match try_reload(running, log, file, read) {
        Ok(()) => {
            tracing::info!("the configuration was taken over");
            "the configuration was taken over".to_owned()
        }
        Err(error) => {
            let told = format!(
                "the configuration was not taken over, and nothing is changed: {}",
                once(&error)
            );
            tracing::error!("{told}");
            told
        }
    };
    supervisor::ready_again(&told);
    true
}

fn try_reload(
    running: &mut Running,
    log: &LogFilterHandle,
    file: Option<&Path>,
    read: impl FnOnce() -> Result<Config>,
) -> Result<()> {
    let next = read()?;
    running.config.may_become(&next, file)?;
    let hn_keys = scrubbed(|| running.parts.hn_key_folder.ring())?;
    let options = running.options(&next, &hn_keys)?;
    let admin_tls = next.admin.tls.server("admin.tls")?;
    if admin_tls.is_some() != running.config.admin.tls.cert.is_some() {
        bail!("admin.tls: only a new start begins or ends TLS");
    }
    let nrf = next.nrf.client_options("nrf")?;
    if nrf.tls.is_some() != running.config.nrf.ca.is_some() {
        bail!("nrf.ca: only a new start begins or ends TLS");
    }
    let change_filter = log.prepare(&next)?;
    // It may make somebody an operator: on record before it is in force.
    running.office.admin().note_taken_over()?;
    // All that may be wrong was looked at: from here on it is taken over.
    running.node.renew(&options)?;
    running.office.renew(&next);
    if let Err(error) = change_filter() {
        tracing::warn!("log.filter stays as it was: {error:#}");
    }
    running.registrations.renew(nrf.tls.as_ref());
    if let Some(monitoring) = &running.monitoring {
        monitoring.renew(admin_tls);
    }
    for warning in warnings::of(&next) {
        tracing::warn!("{warning}");
    }
    running.config = next;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("admin.listen: fixed")
            .context("line 3: admin.listen: fixed")
            .context("not read");
        assert_eq!(once(&error), "not read: line 3: admin.listen: fixed");
    }
}
