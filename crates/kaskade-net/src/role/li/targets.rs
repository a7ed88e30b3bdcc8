//! Targets: added, removed, and what was there already when their warrant begins.

use std::sync::Arc;
use std::time::Duration;

use kaskade_anchor::akma::{AfHolder, AfHolderId, AkmaContext, Holding, State};
use kaskade_anchor::interception::{Notice, Target, TargetRow, Waiting, Warrants, Who, Xid};
use kaskade_faults::fault;
use kaskade_flow::record::{Expect, Version};
use kaskade_flow::{Unit, UnixMillis};
use kaskade_keys::Supi;
use kaskade_store::StoreError;
use kaskade_store::engine::Conflict;

use super::{Li, LiError, PAGE, lock};
use crate::random::random_octets;
use crate::time::unix_millis;

/// Holders of one subscriber that are read at once: more than may be.
const OF_ONE: usize = 1024;
/// How often what was there is read again when others were faster.
const TRIES: usize = 16;
/// Between two looks whether earlier operations are over, and how often it is looked.
const PAUSE: Duration = Duration::from_millis(5);
const LOOKS: usize = 4_000;

/// A target that is to be added.
#[derive(Clone, Debug)]
pub struct NewTarget {
    /// What its warrant is called.
    pub xid: Xid,
    /// Whom it is about.
    pub who: Who,
    /// From when on; `None`: now.
    pub begin: Option<UnixMillis>,
    /// Until when; `None`: until it is removed.
    pub end: Option<UnixMillis>,
}

impl Li {
    /// By what the row of a target is found: a code of its XID, which says neither the XID nor whom it is about.
    fn key(&self, xid: Xid) -> [u8; 16] {
        self.keys.codes().life(&[b"target", &xid.0])
    }

    fn row(&self, target: &Target) -> Result<([u8; 16], TargetRow), LiError> {
        let key = self.key(target.xid);
        let random = random_octets().map_err(|_| kaskade_store::records::CommitError::Random)?;
        let says = TargetRow::put(target);
        let sealed = self
            .keys
            .seal(&random, &TargetRow::place(&key), &says, TargetRow::OCTETS);
        Ok((key, TargetRow(sealed)))
    }

    pub(super) async fn read_targets(&self) -> Result<(), LiError> {
        let (mut warrants, mut after) = (Warrants::default(), None);
        loop {
            let page = self.records.list::<TargetRow>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for found in page {
                let opened = self.keys.open(&TargetRow::place(&found.key), &found.record.0);
                let opened = opened.map_err(|_| LiError::Sealed)?;
                warrants.put(TargetRow::read(opened.reader())?);
            }
        }
        self.warrants.replace(warrants);
        Ok(())
    }

    /// Adds a target. From the answer on its events are reported, and what is there already is on record.
    ///
    /// # Errors
    /// [`LiError`]. After [`LiError::Busy`] the target is there, and what was there already follows.
    pub async fn add(&self, new: NewTarget, by: u32) -> Result<Target, LiError> {
        let _one = self.changing.lock().await;
        let now = unix_millis();
        let target = Target {
            xid: new.xid,
            who: new.who,
            begin: new.begin.unwrap_or(now),
            end: new.end,
            added: now,
            is_started: false,
        };
        if target.end.is_some_and(|end| end <= target.begin || end <= now) {
            return Err(LiError::Window);
        }
        let mut warrants = (*self.warrants.now()).clone();
        if warrants.get(target.xid).is_some() {
            return Err(LiError::XidTaken);
        }
        if warrants.targets().count() >= self.options.most_targets {
            return Err(LiError::TooMany(self.options.most_targets));
        }
        if warrants.about(&target.who) >= Warrants::OF_ONE {
            return Err(LiError::TooManyOfOne);
        }
        if matches!(target.who, Who::Gpsi(_)) && !self.is_home {
            return Err(LiError::GpsiElsewhere);
        }
        let (key, row) = self.row(&target)?;
        let mut unit = Unit::new();
        unit.put(&key, &row, Expect::Absent);
        self.put(
            &mut unit,
            &Waiting::Notice(now, Notice::TargetAdded(target.clone(), by)),
        )?;
        self.commit(unit).await?;
        warrants.put(target.clone());
        self.replace(warrants);
        let begun = self.begin(now).await?;
        self.wake.notify_one();
        if let Some((_, error)) = begun.into_iter().find(|(failed, _)| *failed == target.xid) {
            return Err(error);
        }
        Ok(self
            .warrants
            .with(|warrants| warrants.get(target.xid).cloned())
            .unwrap_or(target))
    }

    /// Removes a target. From the answer on none of its events is reported any more.
    ///
    /// # Errors
    /// [`LiError`]; after [`LiError::Busy`] it is removed, and an operation that began before may still be reported.
    pub async fn remove(&self, xid: Xid, by: u32) -> Result<Target, LiError> {
        let _one = self.changing.lock().await;
        let mut warrants = (*self.warrants.now()).clone();
        let target = warrants.get(xid).cloned().ok_or(LiError::NoSuchTarget)?;
        let mut unit = Unit::new();
        unit.remove::<TargetRow>(&self.key(xid), Expect::Any);
        let notice = Notice::TargetRemoved(target.clone(), by);
        self.put(&mut unit, &Waiting::Notice(unix_millis(), notice))?;
        self.commit(unit).await?;
        warrants.remove(xid);
        self.replace(warrants);
        self.wake.notify_one();
        self.earlier_are_over().await?;
        Ok(target)
    }

    /// Begins the warrants whose time has come: all that can, whatever is wrong with another one.
    pub(super) async fn begin_due(&self) -> Result<(), LiError> {
        let _one = self.changing.lock().await;
        let failed = self.begin(unix_millis()).await?;
        failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Puts on record what there is of targets whose warrant has begun, once for each. Those with which that failed, and why.
    async fn begin(&self, now: UnixMillis) -> Result<Vec<(Xid, LiError)>, LiError> {
        let is_due = |target: &&Target| !target.is_started && target.is_active(now);
        let due: Vec<Target> = self
            .warrants
            .with(|warrants| warrants.targets().filter(is_due).cloned().collect());
        let mut failed = Vec::new();
        if due.is_empty() {
            return Ok(failed);
        }
        // Whoever read the targets before may commit something that is neither an event of a target nor there yet.
        if !fault!("interception-begins-too-early") {
            self.replace((*self.warrants.now()).clone());
            self.earlier_are_over().await?;
        }
        for mut target in due {
            target.is_started = true;
            if let Err(error) = self.begin_one(&target).await {
                failed.push((target.xid, error));
                continue;
            }
            let mut warrants = (*self.warrants.now()).clone();
            warrants.put(target);
            self.replace(warrants);
        }
        self.wake.notify_one();
        Ok(failed)
    }

    async fn begin_one(&self, target: &Target) -> Result<(), LiError> {
        let supi = match &target.who {
            Who::Supi(supi) => Some(supi.clone()),
            Who::Gpsi(gpsi) => self.store.supi_of(gpsi)?,
        };
        for _ in 0..TRIES {
            let (key, row) = self.row(target)?;
            let mut unit = Unit::new();
            unit.put(&key, &row, Expect::Version(self.version_of(&key).await?));
            if let Some(supi) = &supi
                && !fault!("established-keys-not-reported")
            {
                self.put_established(&mut unit, supi, target.xid).await?;
            }
            match self.commit(unit).await {
                Err(LiError::Store(StoreError::Conflict(Conflict::Changed(..)))) => {}
                done => return done,
            }
        }
        Err(LiError::Busy)
    }

    async fn version_of(&self, key: &[u8; 16]) -> Result<Version, LiError> {
        let found = self.records.read::<TargetRow>(key).await?;
        Ok(found.ok_or(LiError::NoSuchTarget)?.version)
    }

    /// Puts into a unit what there is of a subscriber, if there is anything.
    async fn put_established(&self, unit: &mut Unit, supi: &Supi, xid: Xid) -> Result<(), LiError> {
        let at = unix_millis();
        let Some(context) = self.records.read::<AkmaContext>(supi).await? else {
            return Ok(());
        };
        let holders = self.records.list_of::<AfHolder>(supi, None, OF_ONE).await?;
        let holders = holders.into_iter().map(|found| Holding {
            id: AfHolderId::from_octets(found.key.1),
            cover: found.cover(),
            version: found.version,
            holder: found.record,
        });
        let context = Some((context.record, context.version));
        let state = State::new(supi.clone(), context, holders.collect());
        let Some(iri) = state.established(at) else {
            return Ok(());
        };
        let gpsi = match self.is_home {
            true => self.store.gpsi_of(supi)?,
            false => None,
        };
        let waiting = Waiting::Event {
            at,
            xids: vec![xid],
            supi: supi.clone(),
            gpsi,
            iri,
        };
        Ok(self.put(unit, &waiting)?)
    }

    /// Other targets from now on; those that were are remembered as long as an operation holds them.
    fn replace(&self, warrants: Warrants) {
        let mut earlier = lock(&self.earlier);
        earlier.retain(|held| held.strong_count() > 0);
        earlier.push(Arc::downgrade(&self.warrants.now()));
        self.warrants.replace(warrants);
    }

    /// Waits until every operation that read targets before they were replaced is over, and what it commits is durable or known not to be.
    async fn earlier_are_over(&self) -> Result<(), LiError> {
        let mut looks = 0;
        while lock(&self.earlier).iter().any(|held| held.strong_count() > 0) {
            looks += 1;
            if looks > LOOKS {
                return Err(LiError::Busy);
            }
            tokio::time::sleep(PAUSE).await;
        }
        let store = self.store.clone();
        let settled = tokio::task::spawn_blocking(move || store.settle());
        Ok(settled.await.map_err(|_| LiError::Died)??)
    }
}
