//! The end of a store's life: when nothing can be written any more without a restart.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::EngineError;

/// Writing has stopped until a restart, because of this.
#[derive(Clone, Debug, thiserror::Error)]
#[error("writing stopped until a restart: {0}")]
pub struct WritingStopped(pub Arc<EngineError>);

type Listener = Box<dyn FnOnce(WritingStopped) + Send>;

/// Whether writing has stopped for good, and who wants to know.
#[derive(Default)]
pub(crate) struct Failure(Mutex<State>);

#[derive(Default)]
struct State {
    stopped: Option<WritingStopped>,
    listeners: Vec<Listener>,
}

impl Failure {
    /// Says so, once and for all.
    pub(crate) fn report(&self, cause: &Arc<EngineError>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stopped.is_some() {
            return;
        }
        let stopped = WritingStopped(Arc::clone(cause));
        state.stopped = Some(stopped.clone());
        let listeners = std::mem::take(&mut state.listeners);
        drop(state);
        listeners.into_iter().for_each(|listener| listener(stopped.clone()));
    }

    pub(crate) fn get(&self) -> Option<WritingStopped> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.stopped.clone()
    }

    /// Calls `listener` when it happens; at once if it has happened.
    pub(crate) fn listen(&self, listener: Listener) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.stopped.clone() {
            None => state.listeners.push(listener),
            Some(stopped) => {
                drop(state);
                listener(stopped);
            }
        }
    }
}
