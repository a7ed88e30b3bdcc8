//! What a store keeps of the audit log beside it: how far that had come, and since when changes were made without it.

use std::sync::Arc;

use kaskade_faults::fault;
use kaskade_flow::UnixMillis;

use crate::audit::{Anchor, AuditLog};
use crate::engine::Batch;
use crate::error::StoreError;
use crate::meta;
use crate::queue::{Request, Ticket};
use crate::store::SubscriberStore;

impl SubscriberStore {
    /// From now on keeps the head of this log: in commits, at most one each second, and within ten seconds while nothing else is
    /// committed, so that a tail that is cut is found.
    pub fn keep_head_of(&self, log: &AuditLog) {
        let _ = self.audit.set(log.clone());
    }

    /// How far the log had come when its head was last kept; `None` when it never was.
    ///
    /// # Errors
    /// When reading fails, or it is not as it was written.
    pub fn audit_head(&self) -> Result<Option<Anchor>, StoreError> {
        meta::audit_head(&*self.engine, self.sealer.keys(), self.node())
    }

    /// Keeps the head of the log as it is now, as when that is closed ([`AuditLog::close`]): durable before it returns. Blocks.
    ///
    /// # Errors
    /// When writing fails.
    pub fn keep_audit_head(&self) -> Result<(), StoreError> {
        let Some(head) = self.audit.get().and_then(AuditLog::head) else {
            return Ok(());
        };
        if self.audit_head()? == Some(head) || fault!("audit-head-not-kept-at-end") {
            return Ok(());
        }
        let mut unit = Batch::default();
        meta::keep_of_log(&*self.engine, self.sealer.keys(), self.node(), &mut unit)?;
        meta::put_head(self.sealer.keys(), self.node(), Some(&head), &mut unit);
        self.make_durable(unit)
    }

    /// Since when the store may have been changed without an audit log; `None` when it was not.
    ///
    /// # Errors
    /// When reading fails, or it is not as it was written.
    pub fn unrecorded_since(&self) -> Result<Option<UnixMillis>, StoreError> {
        let since = meta::unrecorded_since(&*self.engine, self.sealer.keys(), self.node())?;
        Ok(since.map(UnixMillis::new))
    }

    /// Says that from now on the store may be changed without an audit log, if it does not say so already; durable before it returns.
    /// The next log gets a gap from then on. Blocks.
    ///
    /// # Errors
    /// When reading or writing fails.
    pub fn goes_unrecorded(&self, at: UnixMillis) -> Result<(), StoreError> {
        let mut unit = Batch::default();
        match meta::goes_unrecorded(&*self.engine, self.sealer.keys(), self.node(), at.get(), &mut unit)? {
            true => self.make_durable(unit),
            false => Ok(()),
        }
    }

    /// Forgets that: the log says it now. Blocks.
    ///
    /// # Errors
    /// When writing fails.
    pub fn is_recorded_again(&self) -> Result<(), StoreError> {
        let mut unit = Batch::default();
        meta::put_unrecorded(self.sealer.keys(), self.node(), 0, &mut unit);
        self.make_durable(unit)
    }

    fn node(&self) -> u16 {
        self.issuer.node.index().into()
    }

    fn make_durable(&self, unit: Batch) -> Result<(), StoreError> {
        let ticket = Arc::new(Ticket::default());
        self.queue.submit(Request {
            unit,
            effects: Vec::new(),
            ticket: Arc::clone(&ticket),
        })?;
        ticket.wait()
    }
}
