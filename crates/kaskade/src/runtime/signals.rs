//! What somebody outside wants of a node: to end, to end at once, to take over a changed configuration.

use anyhow::Result;
use kaskade_store::{SubscriberStore, WritingStopped};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// What a node is to do.
pub(crate) enum Wish {
    /// Take over the configuration as it is now.
    Reload,
    /// End.
    End(End),
}

/// Why a node ends.
pub(crate) enum End {
    /// Somebody said so.
    Asked,
    /// The store can write nothing any more.
    Stopped(WritingStopped),
}

/// What is heard from its making on: whoever reads that a node runs may stop it at once, and in order.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    stopped: oneshot::Receiver<WritingStopped>,
}

impl Signals {
    pub(crate) fn listen(store: &SubscriberStore) -> Result<Self> {
        let (tell, stopped) = oneshot::channel();
        store.when_failed(move |why| {
            // Nobody listens any more when the node ends anyhow.
            let _ = tell.send(why);
        });
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            stopped,
        })
    }

    /// The next wish.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::End(End::Asked),
            _ = self.terminate.recv() => Wish::End(End::Asked),
            _ = self.hang_up.recv() => Wish::Reload,
            Ok(why) = &mut self.stopped => Wish::End(End::Stopped(why)),
        }
    }

    /// Comes true when somebody says again that the node is to end.
    pub(crate) async fn again(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
