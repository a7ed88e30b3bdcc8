//! What somebody outside wants of a node: to end, to end at once, to take over a changed configuration.

use std::io;

use anyhow::Result;
use kaskade_store::{SubscriberStore, WritingStopped};
use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind, signal};
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

/// A file that reaches the limit of this process (RLIMIT_FSIZE) is an error of what writes it, as a full disk is, and no signal that
/// kills.
pub(crate) fn survive_the_limit_of_files() -> io::Result<()> {
    // What hears a signal once stays for the life of the process.
    let hearing = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _here = hearing.enter();
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// What is heard from its making on: whoever reads that a node runs may stop it at once, and in order.
pub(crate) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
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
