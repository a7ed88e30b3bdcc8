//! Programs are installed while cargo compiles: fetching them is waiting.

use crate::test::Plan;
use crate::virtualenv::AIOCOAP;
use crate::{deny, from_source, packages};
use anyhow::{Result, anyhow};
use std::thread::JoinHandle;

/// What goes on beside the first steps.
pub(crate) struct Background {
    packages: Option<JoinHandle<Result<String>>>,
    cargo_deny: Option<JoinHandle<Result<String>>>,
}

impl Background {
    /// Starts both installations.
    pub(crate) fn start(plan: Plan) -> Self {
        Self {
            packages: Some(std::thread::spawn(move || {
                let installed = packages::ensure(plan.long, plan.install)?;
                let built = from_source::ensure(plan.install)?;
                // The tests find it there; without it they say so.
                AIOCOAP.program(plan.install)?;
                Ok(format!("{installed}; {built}"))
            })),
            cargo_deny: Some(std::thread::spawn(move || deny::ensure(plan.install))),
        }
    }

    /// Waits until the packages are there.
    pub(crate) fn packages(&mut self) -> Result<String> {
        end(self.packages.take())
    }

    /// Waits until cargo-deny is there.
    pub(crate) fn cargo_deny(&mut self) -> Result<String> {
        end(self.cargo_deny.take())
    }
}

fn end(work: Option<JoinHandle<Result<String>>>) -> Result<String> {
    let work = work.ok_or_else(|| anyhow!("this was waited for before"))?;
    work.join().map_err(|_| anyhow!("the installation panicked"))?
}
