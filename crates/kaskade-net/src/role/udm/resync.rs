//! What an AUTS changes, and what the log says of it.

use std::sync::atomic::Ordering;

use kaskade_aka::sqn::SqnError;
use kaskade_codec::sbi::ResynchronizationInfo;
use kaskade_crypto::Sqn;
use kaskade_flow::event::{Action, Outcome, Reason};
use kaskade_keys::Supi;
use kaskade_store::{CardName, Resynchronised};

use super::vector::Wanted;
use super::{Udm, UdmError, store_failed};
use crate::log_limit;
use crate::sbi::peer::Requester;

impl Udm {
    pub(super) async fn resynchronise(
        &self,
        requester: &Requester,
        wanted: &Wanted<'_>,
        info: &ResynchronizationInfo,
    ) -> Result<(), UdmError> {
        let supi = wanted.supi;
        let (card, sqn_ms) = self.verify_auts(wanted, info).await?;
        let rand = info.rand;
        let event = self
            .audit
            .event(Outcome::Changed, Action::Resynchronised, requester, supi);
        // In the same commit as the change, whoever resets the stream meanwhile.
        let done = self
            .blocking(supi, move |store, supi| {
                let event = |done| change(done).map(|how| event.because(how));
                store.resynchronise_on_record(supi, &card, (&rand, sqn_ms), &event)
            })
            .await?;
        self.report(supi, done);
        if let Resynchronised::NotFollowed(_) = done {
            // A replay costs nothing: it is counted, not written each time.
            self.audit
                .refused(requester, Some(supi), Action::Resynchronised, Reason::NotFollowed);
        }
        Ok(())
    }

    /// SQN_MS, and the card whose K it was verified with.
    async fn verify_auts(
        &self,
        wanted: &Wanted<'_>,
        info: &ResynchronizationInfo,
    ) -> Result<(CardName, Sqn), UdmError> {
        let supi = wanted.supi;
        let card = self.card(supi, wanted.use_of).await?;
        let verified = self.store.custody().verify_auts(&card.sealed, &info.rand, &info.auts);
        match verified.done().await.map_err(|error| store_failed(supi, error))? {
            Ok(sqn_ms) => Ok((card.name, sqn_ms)),
            Err(error) => {
                self.counters.wrong_auts.fetch_add(1, Ordering::Relaxed);
                log_limit!(warn, "wrong AUTS refused", supi = %supi.masked());
                Err(UdmError::WrongAuts(error))
            }
        }
    }

    fn report(&self, supi: &Supi, done: Resynchronised) {
        let supi = supi.masked();
        match done {
            Resynchronised::InStep => {
                tracing::debug!(%supi, "AUTS: the card is in step already, nothing changed");
                return;
            }
            Resynchronised::NotFollowed(why) if why.needs_operator() => {
                self.counters.not_followed.fetch_add(1, Ordering::Relaxed);
                log_limit!(
                    warn,
                    "AUTS of a card that seems to have gone back is not followed",
                    %supi,
                    %why,
                    way_out = "if you know why it went back: stop `kaskade up` and run `kaskade subscriber allow-reuse`; \
                               otherwise somebody may have a copy of it: give it a new K"
                );
                return;
            }
            Resynchronised::NotFollowed(why) => {
                self.counters.not_followed.fetch_add(1, Ordering::Relaxed);
                log_limit!(
                    warn,
                    "AUTS of a card that seems to have gone back is not followed; its answer to the next challenge may be",
                    %supi,
                    %why
                );
                return;
            }
            Resynchronised::Raised => {
                log_limit!(info, "resynchronised: the card was ahead, its SQN goes on above that", %supi);
            }
            Resynchronised::NewEpoch => {
                log_limit!(
                    info,
                    "resynchronised: the card had gone back, its SQN begins again there, with numbers never used before",
                    %supi
                );
            }
            Resynchronised::Reused => {
                self.counters.reused.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    target: "audit",
                    %supi,
                    "resynchronised: the card had gone back to where every number was used, its SQN begins again there, \
                     each number with a new RAND"
                );
            }
        }
        self.counters.resynchronisations.fetch_add(1, Ordering::Relaxed);
    }
}

/// What has changed, if anything has.
const fn change(done: Resynchronised) -> Option<Reason> {
    match done {
        Resynchronised::InStep | Resynchronised::NotFollowed(_) => None,
        Resynchronised::Raised => Some(Reason::Raised),
        Resynchronised::NewEpoch => Some(Reason::NewEpoch),
        Resynchronised::Reused => Some(Reason::Reused),
    }
}

/// There is no SQN for this card: why, and what the operator can do.
pub(super) fn none_left(supi: &Supi, error: SqnError) -> UdmError {
    let way_out = match error {
        SqnError::WindowSpent => {
            "the card went back and `[sqn] reuse` is \"never\": `kaskade subscriber allow-reuse` lets it be followed once, \
             or give it a new K"
        }
        SqnError::Exhausted => "SEQ is at its end: give the card a new K",
        _ => "export the subscriber and add it again",
    };
    log_limit!(warn, "no sequence number for this card", supi = %supi.masked(), %error, way_out);
    UdmError::NoSequenceNumber(error)
}
