//! The exit status that an error stands for: what was refused, as the table of refusals says it; 1 for everything else.

use std::fmt;

use kaskade_flow::refusal::Exit;
use kaskade_flow::{Refusal, Refused};
use kaskade_net::role::seaf::AusfClientError;
use kaskade_store::{StoreError, WritingStopped};

/// The status after a failure of the store, for the supervisor.
pub(crate) const STORE_FAILED: u8 = match Refusal::StoreFailed.verdict().exit.answer() {
    Some(exit) => exit.number(),
    None => Exit::Failed.number(),
};

/// The exit status that an error stands for.
pub(crate) fn status(error: &anyhow::Error) -> u8 {
    let why = error.chain().find_map(why);
    let told = why.and_then(|why| why.verdict().exit.answer());
    told.unwrap_or(Exit::Failed).number()
}

fn why(error: &(dyn std::error::Error + 'static)) -> Option<Refusal> {
    if error.is::<WritingStopped>() {
        return Some(Refusal::StoreFailed);
    }
    let store = error.downcast_ref().and_then(StoreError::refusal);
    let ausf = || error.downcast_ref().map(AusfClientError::refusal);
    let said = || error.downcast_ref().map(|said: &Said| said.why);
    let refused = || error.downcast_ref().map(|refused: &Refused| refused.why);
    store.or_else(ausf).or_else(said).or_else(refused)
}

/// A refusal in the words of the command that it happened to.
#[derive(Debug)]
struct Said {
    why: Refusal,
    text: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Said {}

/// A refusal that is told in these words.
pub(crate) fn refused(why: Refusal, text: impl Into<String>) -> anyhow::Error {
    let text = text.into();
    Said { why, text }.into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anyhow::{Context as _, anyhow};
    use kaskade_store::EngineError;

    use super::*;

    #[test]
    fn a_status_says_what_was_refused() {
        let full = || Arc::new(EngineError::Full("x".into()));
        for (error, expected) in [
            (anyhow!("anything"), 1),
            (StoreError::UnknownSubscriber.into(), 67),
            (StoreError::AlreadyExists.into(), 1),
            (StoreError::Write(full()).into(), 73),
            (StoreError::Read(Arc::new(EngineError::Failed)).into(), 74),
            (StoreError::Read(Arc::new(EngineError::InUse("x".into()))).into(), 1),
            (WritingStopped(full()).into(), 74),
            (AusfClientError::Nonsense("?".into()).into(), 76),
            (Refused::from(Refusal::BudgetSpent).into(), 75),
            (refused(Refusal::UserNotFound, "nobody"), 67),
        ] {
            let error: anyhow::Error = error;
            assert_eq!(status(&error), expected, "{error}");
            let within = Err::<(), _>(error).context("more").context("about it").unwrap_err();
            assert_eq!(status(&within), expected);
        }
    }
}
