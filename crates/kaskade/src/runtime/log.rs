//! The log of the program: standard error, with a filter that may change while it runs.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use kaskade::config::{Config, LogConfig};
use tracing_subscriber::EnvFilter;

use super::log_output::LogOutput;
use crate::console::Console;

/// What changes the filter of a log that runs.
#[derive(Clone)]
pub(crate) struct LogFilterHandle(Arc<dyn Fn(EnvFilter) -> Result<()> + Send + Sync>);

impl LogFilterHandle {
    /// The filter of a configuration, ready to be taken over.
    pub(crate) fn prepare(&self, config: &Config) -> Result<impl FnOnce() -> Result<()> + use<>> {
        let filter = config.log.filter.0.env_filter().context("log.filter")?;
        let change = self.0.clone();
        Ok(move || change(filter))
    }
}

/// Begins to log.
pub(crate) fn start(console: &Console, config: &Config, demo: bool) -> Result<LogFilterHandle> {
    // The demonstration's output is the tree; only what goes wrong belongs beside it.
    let asked = std::env::var_os("KASKADE_LOG").is_some_and(|filter| !filter.is_empty());
    let filter = match demo && !asked && config.log == LogConfig::default() {
        true => EnvFilter::try_new("warn"),
        false => config.log.filter.0.env_filter(),
    };
    let filter = filter.context("log.filter")?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(console.colours_log())
        .with_writer(Arc::new(LogOutput::new(std::io::stderr(), config.log.json)))
        // It would be told where nothing can be told.
        .log_internal_errors(false);
    let (started, handle): (_, Arc<dyn Fn(EnvFilter) -> Result<()> + Send + Sync>) = match config.log.json {
        true => {
            let log = log.json().with_filter_reloading();
            let handle = log.reload_handle();
            (log.try_init(), Arc::new(move |filter| Ok(handle.reload(filter)?)))
        }
        false => {
            let log = log.with_filter_reloading();
            let handle = log.reload_handle();
            (log.try_init(), Arc::new(move |filter| Ok(handle.reload(filter)?)))
        }
    };
    started.map_err(|error| anyhow!("the log does not start: {error}"))?;
    Ok(LogFilterHandle(handle))
}
