//! Messages for a context: each goes through its machine, and what that asks for is done to its end, whatever becomes of the
//! request.
//!
//! ```text
//! begin: the context is in work ── handle ── tell the UDM ── handle ── end: put back or removed ── answer
//! ```
//!
//! Where the UDM is in this process and there is no AKMA nothing is waited for, so that nothing can be cancelled. Otherwise all behind
//! `begin` runs in a task of its own, whose place was there before the context was touched.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kaskade_aka::fivegs::run::{Authenticated, KeptInput, Run, RunAsk, RunInput};
use kaskade_anchor::anchor_key::{AnchorKey, Naming};
use kaskade_codec::sbi::AuthType;
use kaskade_codec::sbi::nudm_ueau::AuthEvent;
use kaskade_crypto::{Autn, KeyMaterial as _, Rand};
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Outcome as Came, Reason};
use kaskade_flow::expiring::Missing;
use kaskade_flow::{Cover, Durable, Machine, Moment, Refusal, Step};
use kaskade_keys::akma::{ATid, KAkma};
use kaskade_keys::derivation::Holder;
use kaskade_keys::emsk::of_5g_aka::{Emsk5gAka, Msk5gAka};
use kaskade_keys::fivegs::ResStar;
use kaskade_keys::id::{RootKeyName, SessionId};
use kaskade_keys::{ServingNetworkName, Supi};

use super::contexts::{InWork, Kept, Pending, Reported, Success};
use super::reports::Place;
use super::{Ausf, AusfError, ContextId, udm};
use crate::log_limit;
use crate::random::SystemEntropy;
use crate::sbi::peer::Requester;
use crate::sbi::service::Caller;
use crate::time::{self, moment};

/// The result of a confirmation.
#[derive(Debug)]
pub enum Outcome {
    /// The user is authenticated: SUPI and K_SEAF, whose release is on record.
    Authenticated(Durable<Authenticated>),
    /// The answer was wrong, or there was none.
    Failed,
}

/// What the release of a run's outcome needs.
pub(super) struct Release {
    pub(super) caller: Caller,
    pub(super) cover: Cover,
    pub(super) correlation: u64,
    pub(super) begun: Option<Moment>,
    pub(super) naming: Option<Naming>,
}

impl Ausf {
    /// Takes the UE's answer, and reports the result to the UDM (TS 29.509 5.2.2.2.2, TS 33.501 6.1.4.1a).
    ///
    /// A report that does not arrive is logged; the authentication stands. A request that is cancelled has its result reported
    /// and kept all the same, or, where it waited for others' reports, leaves the context as it was.
    ///
    /// # Errors
    /// [`AusfError::UnknownContext`], also where the context is another's, which stays as it is, and where its requester has
    /// forgotten it meanwhile. [`AusfError::InWork`] while another message for it is. [`AusfError::Stopped`] where the program
    /// ends before there is room for the report. [`AusfError::Audit`] where there is none for the release: the context is spent, and
    /// the result can be taken back.
    pub async fn confirm(
        self: &Arc<Self>,
        caller: &Caller,
        id: ContextId,
        res_star: Option<&ResStar>,
    ) -> Result<Outcome, AusfError> {
        let outcome = self.answer(caller, id, res_star).await;
        outcome.inspect_err(|error| self.refused(caller.requester(), None, Action::KeyReleased, error))
    }

    async fn answer(
        self: &Arc<Self>,
        caller: &Caller,
        id: ContextId,
        res_star: Option<&ResStar>,
    ) -> Result<Outcome, AusfError> {
        let place = self.place().await?;
        let now = moment();
        let (pending, work) = match self.contexts.begin(caller.requester().id(), id, now) {
            Err(Missing::InWork) if fault!("second-message-accepted") => return Ok(Outcome::Failed),
            begun => begun?,
        };
        let session = pending.session;
        let release = Release {
            // It goes to its end whatever becomes of the request.
            caller: caller.clone().until(None),
            cover: pending.cover,
            correlation: pending.correlation,
            begun: pending.begun,
            naming: pending.naming,
        };
        let answer = RunInput::Answer(res_star.cloned());
        let step = pending.run.handle(now, &mut SystemEntropy, Some(answer));
        let finish = self.clone().finish(release, session, work, step);
        match (&self.reports, place) {
            (Some(reports), Some(place)) => reports.deliver(place, finish).await.ok_or(AusfError::Stopped)?,
            _ => finish.await,
        }
    }

    /// Does what a run asks for, until it asks for nothing; then its place is free, and its outcome told.
    async fn finish(
        self: Arc<Self>,
        release: Release,
        session: Option<(Rand, Autn)>,
        work: InWork<Pending>,
        mut step: Step<Run>,
    ) -> Result<Outcome, AusfError> {
        let Release {
            caller,
            cover,
            correlation,
            begun,
            naming,
        } = release;
        let requester = caller.requester();
        let (id, mut reported, mut emsk_of, mut anchor_key) = (work.id(), None, None, None);
        while let (Some(RunAsk::Report { success }), Some(run)) = (step.ask, step.next.take()) {
            self.show(run.supi(), Holder::Ausf, &run);
            if !success {
                self.failed(requester, &run, begun);
            }
            let network = *run.serving_network_name();
            let event = self
                .report(&caller, run.supi(), network, AuthType::FiveGAka, success)
                .await;
            let released = self
                .audit
                .event(Came::Released, Action::KeyReleased, requester, run.supi())
                .because(Reason::Success)
                .correlated(correlation);
            let released = match &run {
                Run::Confirmed(confirmed) => {
                    emsk_of = self.usage_keys.as_ref().map(|_| confirmed.k_ausf.clone());
                    anchor_key = naming.map(|naming| AnchorKey::of(&confirmed.k_ausf, &confirmed.supi, naming));
                    self.audit.with_key(released, &confirmed.k_seaf)
                }
                Run::Challenged { .. } | Run::Refused(_) => released,
            };
            let success = Success {
                supi: run.supi().clone(),
                serving_network_name: network,
                event,
                emsk: (emsk_of.as_ref().and(session.as_ref()))
                    .map(|(rand, autn)| SessionId::five_g_aka(rand, autn).emsk_name()),
                until: None,
            };
            reported = Some((success, released));
            step = run.handle(moment(), &mut SystemEntropy, Some(RunInput::Reported));
        }
        let now = moment();
        // What its requester has forgotten meanwhile is neither kept nor told.
        if !work.end(None, now) {
            return Err(AusfError::UnknownContext);
        }
        let Some((success, released)) = reported else {
            return Err(AusfError::UnknownContext);
        };
        let (supi, serving_network_name) = (success.supi.clone(), success.serving_network_name);
        if step.ask == Some(RunAsk::Keep) {
            self.contexts.keep(requester.id(), id, success, now);
        }
        match step.out {
            Some(authenticated) => {
                let told = self.audit.covered(cover, released, authenticated)?;
                // From here on it is the answer.
                self.counters.successes.fetch_add(1, Ordering::Relaxed);
                if let (Some(usage_keys), Some(k_ausf), Some((rand, autn))) = (&self.usage_keys, emsk_of, session) {
                    if let Some(tap) = &self.options.tap {
                        // Made at once for whoever looks on; else with the first key.
                        let mk = k_ausf.mk_5g_aka(&supi);
                        tap.seen(Holder::Ausf, &supi, Msk5gAka::NAME, mk.msk().fingerprint());
                        tap.seen(Holder::Ausf, &supi, Emsk5gAka::NAME, mk.emsk().fingerprint());
                    }
                    usage_keys.born_of_5g_aka(requester, &supi, k_ausf, &rand, &autn);
                }
                let served = (&supi, &serving_network_name);
                self.anchor(requester, served, anchor_key, correlation).await;
                if fault!("supi-in-the-log") {
                    tracing::info!(supi = supi.sbi(), "authentication succeeded");
                }
                tracing::info!(supi = %supi.masked(), %serving_network_name, ms = ms(begun), %requester, "authentication succeeded");
                Ok(Outcome::Authenticated(told))
            }
            None => Ok(Outcome::Failed),
        }
    }

    /// The AAnF will know of the anchor key of a user who has just been authenticated, or that there is none any more.
    pub(super) async fn anchor(
        &self,
        by: &Requester,
        served: (&Supi, &ServingNetworkName),
        key: Option<AnchorKey>,
        correlation: u64,
    ) {
        let Some(akma) = &self.akma else { return };
        if let (Some(tap), Some(key)) = (&self.options.tap, &key) {
            tap.seen(Holder::Ausf, served.0, KAkma::NAME, key.k_akma.fingerprint());
            tap.seen(Holder::Ausf, served.0, ATid::NAME, key.a_kid.a_tid().fingerprint());
        }
        akma.authenticated(by, served, key, correlation).await;
    }

    /// Counts a wrong answer, and says it.
    fn failed(&self, requester: &Requester, run: &Run, begun: Option<Moment>) {
        let serving_network_name = run.serving_network_name();
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        self.audit.refused(
            requester,
            Some(run.supi()),
            Action::KeyReleased,
            Refusal::AuthenticationRejected,
        );
        log_limit!(info, "authentication failed", supi = %run.supi().masked(), %serving_network_name, ms = ms(begun), %requester);
    }

    /// Removes a context, and the result in the UDM when it was confirmed (TS 29.509 5.2.2.2.2). A request that is cancelled has
    /// that done all the same.
    ///
    /// # Errors
    /// [`AusfError::UnknownContext`], also where it is another's; [`AusfError::InWork`] while another message for it is;
    /// [`AusfError::Udm`] when the UDM could not be told: then the result stays.
    pub async fn delete(self: &Arc<Self>, caller: &Caller, id: ContextId) -> Result<(), AusfError> {
        let withdrawn = self.withdraw(caller, id);
        let removed = self.remove(caller, id, withdrawn, AuthType::FiveGAka).await;
        removed.inspect_err(|error| self.refused(caller.requester(), None, Action::ResultRemoved, error))
    }

    /// Ends a run that waits for its answer.
    fn withdraw(&self, caller: &Caller, id: ContextId) -> Result<(), Missing> {
        let now = moment();
        let (pending, work) = self.contexts.begin(caller.requester().id(), id, now)?;
        let step = pending.run.handle(now, &mut SystemEntropy, Some(RunInput::Withdrawn));
        let next = step.next.map(|run| {
            let until = run.deadline();
            (Pending { run, ..pending }, until)
        });
        work.end(next, now);
        Ok(())
    }

    /// Removes the result of a context of this method, where no run was withdrawn.
    pub(super) async fn remove(
        self: &Arc<Self>,
        caller: &Caller,
        id: ContextId,
        withdrawn: Result<(), Missing>,
        auth_type: AuthType,
    ) -> Result<(), AusfError> {
        match withdrawn {
            Ok(()) => return Ok(()),
            Err(Missing::InWork) => return Err(AusfError::InWork),
            Err(Missing::Unknown) => {}
        }
        let requester = caller.requester();
        let place = self.place().await?;
        let now = moment();
        let (kept, work) = self.contexts.begin_result(requester.id(), id, now)?;
        let is_other = |event: &Reported| event.auth_type != auth_type && !fault!("result-of-any-method");
        if kept.success().event.as_ref().is_some_and(is_other) {
            return Err(AusfError::UnknownContext);
        }
        let event = self
            .audit
            .event(Came::Changed, Action::ResultRemoved, requester, &kept.success().supi);
        self.audit.record(event)?;
        let of = (kept.success().supi.clone(), kept.success().emsk);
        let step = kept.handle(now, &mut SystemEntropy, Some(KeptInput::TakeBack));
        let finish = self.clone().take_back(caller.clone().until(None), of, work, step);
        match (&self.reports, place) {
            (Some(reports), Some(place)) => reports.deliver(place, finish).await.ok_or(AusfError::Stopped)?,
            _ => finish.await,
        }
    }

    /// Does what a result asks for, until it asks for nothing.
    async fn take_back(
        self: Arc<Self>,
        caller: Caller,
        (supi, emsk): (Supi, Option<RootKeyName>),
        work: InWork<Kept>,
        mut step: Step<Kept>,
    ) -> Result<(), AusfError> {
        // Where that fails, the result stays: `work` puts it back.
        self.anchor_key_ended(caller.requester(), &supi).await?;
        let mut told = Ok(());
        while step.ask.is_some()
            && let Some(kept) = step.next
        {
            told = self.remove_report(&caller, kept.success()).await;
            step = kept.handle(moment(), &mut SystemEntropy, Some(KeptInput::Told(told.is_ok())));
        }
        if step.next.is_none()
            && let (Some(usage_keys), Some(emsk)) = (&self.usage_keys, emsk)
        {
            usage_keys.taken_back(&supi, caller.requester(), emsk);
        }
        let next = step.next.map(|kept| {
            let until = kept.deadline();
            (kept, until)
        });
        work.end(next, moment());
        told
    }

    async fn remove_report(&self, caller: &Caller, success: &Success) -> Result<(), AusfError> {
        let Some(Reported { id, auth_type }) = success.event.clone() else {
            return Ok(());
        };
        let removal = self.event(success.serving_network_name, auth_type, true, true);
        let told = udm::take_back(&self.udm, caller, success.supi.clone(), id, removal).await;
        told.map_err(AusfError::Udm)
    }

    /// A place for what may have to wait for the UDM; none where nothing does.
    pub(super) async fn place(&self) -> Result<Option<Place>, AusfError> {
        match &self.reports {
            Some(reports) => Ok(Some(reports.place().await.ok_or(AusfError::Stopped)?)),
            None => Ok(None),
        }
    }

    /// Tells the UDM the result; gives where to take it back.
    pub(super) async fn report(
        &self,
        caller: &Caller,
        supi: &Supi,
        serving_network_name: ServingNetworkName,
        auth_type: AuthType,
        success: bool,
    ) -> Option<Reported> {
        let event = self.event(serving_network_name, auth_type, success, false);
        match udm::report(&self.udm, caller, supi.clone(), event).await {
            Ok(id) => Some(Reported { id, auth_type }),
            Err(error) => {
                log_limit!(warn, "the UDM could not be told the result", supi = %supi.masked(), %error);
                None
            }
        }
    }

    fn event(
        &self,
        serving_network_name: ServingNetworkName,
        auth_type: AuthType,
        success: bool,
        auth_removal_ind: bool,
    ) -> AuthEvent {
        AuthEvent {
            nf_instance_id: self.options.nf_instance_id,
            success,
            time_stamp: time::now(),
            auth_type,
            serving_network_name,
            auth_removal_ind,
        }
    }
}

/// Since the challenge was asked for.
pub(super) fn ms(begun: Option<Moment>) -> Option<u128> {
    begun.map(|begun| moment().since(begun).as_millis())
}
