//! The AUSF's side as machines: a run from the challenge to the reported answer, and the result that can be taken back
//! (TS 33.501 6.1.3.2.0, 6.1.4.1a, TS 29.509 5.2.2.2.2).
//!
//! ```text
//! Run::Challenged ── RES* ──► Run::Confirmed or Run::Refused: report it
//!                                └── reported ──► over; where it was right, keep the result and tell K_SEAF
//! Kept::Held ── take it back ──► Kept::TakingBack: tell the UDM ── told ──► over
//!     ▲────────────────────────────── not told ─────────────────────┘
//! ```
//!
//! K_SEAF is told after the home network knows of it.

use kaskade_flow::{Entropy, Guarded, Machine, Moment, Step};
use kaskade_keys::fivegs::{KSeaf, ResStar};
use kaskade_keys::id::RootKeyName;
use kaskade_keys::{ServingNetworkName, Supi};

use super::ausf::{Challenged, Confirmed, SeAv5g, WrongResStar};
use super::udm::HeAv5g;
use crate::visit::{KeyVisitor, VisitKeys};

/// An authentication in the AUSF.
#[derive(Debug)]
pub enum Run {
    /// The SEAF has the challenge.
    Challenged {
        /// Waits for RES*.
        challenged: Challenged,
        /// Until then; `None`: without end.
        until: Option<Moment>,
    },
    /// RES* was right, and the UDM is being told.
    Confirmed(Confirmed),
    /// RES* was wrong or missing, and the UDM is being told.
    Refused(WrongResStar),
}

/// What an AUSF tells a run.
#[derive(Debug)]
pub enum RunInput {
    /// RES* of the UE, or that there was none.
    Answer(Option<ResStar>),
    /// The UDM was told the result, as far as it could be.
    Reported,
    /// Who began it wants it no more.
    Withdrawn,
}

/// What a run asks the AUSF for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunAsk {
    /// Tell the UDM that the authentication has succeeded or failed; then [`RunInput::Reported`].
    Report {
        /// Whether it has succeeded.
        success: bool,
    },
    /// Keep the result as [`Kept`].
    Keep,
}

/// What a run that has succeeded tells the SEAF.
#[derive(Debug)]
pub struct Authenticated {
    /// Who.
    pub supi: Supi,
    /// For the SEAF.
    pub k_seaf: KSeaf,
}

impl Run {
    /// Begins with a 5G HE AV: what the SEAF is told, and the run that waits for the answer.
    #[inline]
    pub fn begin(
        he_av: HeAv5g,
        supi: Supi,
        serving_network_name: ServingNetworkName,
        until: Option<Moment>,
    ) -> (SeAv5g, Self) {
        let (se_av, challenged) = Challenged::new(he_av, supi, serving_network_name);
        (se_av, Self::Challenged { challenged, until })
    }

    /// Who is to be authenticated.
    pub fn supi(&self) -> &Supi {
        match self {
            Self::Challenged { challenged, .. } => challenged.supi(),
            Self::Confirmed(confirmed) => &confirmed.supi,
            Self::Refused(refused) => &refused.supi,
        }
    }

    /// Where.
    pub fn serving_network_name(&self) -> &ServingNetworkName {
        match self {
            Self::Challenged { challenged, .. } => challenged.serving_network_name(),
            Self::Confirmed(confirmed) => &confirmed.serving_network_name,
            Self::Refused(refused) => &refused.serving_network_name,
        }
    }
}

impl Machine for Run {
    type Input = RunInput;
    type Ask = RunAsk;
    type Output = Authenticated;

    fn deadline(&self) -> Option<Moment> {
        match self {
            Self::Challenged { until, .. } => *until,
            // It ends with the report, which has an end of its own.
            Self::Confirmed(_) | Self::Refused(_) => None,
        }
    }

    #[inline]
    fn handle(self, _: Moment, _: &mut dyn Entropy, input: Option<RunInput>) -> Step<Self> {
        match (self, input) {
            (Self::Challenged { challenged, .. }, Some(RunInput::Answer(answer))) => {
                let confirmed = match &answer {
                    Some(res_star) => challenged.confirm(res_star),
                    None => Err(challenged.give_up()),
                };
                let success = confirmed.is_ok();
                let next = confirmed.map_or_else(Self::Refused, Self::Confirmed);
                Step::to(next).asking(RunAsk::Report { success })
            }
            (Self::Confirmed(Confirmed { supi, k_seaf, .. }), Some(RunInput::Reported)) => {
                // K_AUSF ends here, and what is not kept cannot be stolen: whoever makes an EMSK of it has taken it out of the stage before.
                let authenticated = Authenticated { supi, k_seaf };
                Step::end().asking(RunAsk::Keep).telling(Guarded::new(authenticated))
            }
            // Reported as failed, withdrawn, out of time, or out of turn: nothing is left of it, and nothing to tell.
            (Self::Challenged { .. } | Self::Confirmed(_) | Self::Refused(_), _) => Step::end(),
        }
    }
}

/// XRES* and K_AUSF, or K_AUSF and K_SEAF, or nothing.
impl VisitKeys for Run {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        match self {
            Self::Challenged { challenged, .. } => challenged.visit_keys(visitor),
            Self::Confirmed(confirmed) => confirmed.visit_keys(visitor),
            Self::Refused(_) => {}
        }
    }
}

/// A success that can be taken back. `E` says where the UDM has the report of it.
#[derive(Clone, Debug)]
pub enum Kept<E> {
    /// Nobody has asked for that.
    Held(Success<E>),
    /// The UDM is being told.
    TakingBack(Success<E>),
}

/// Who was authenticated where. K_AUSF is not in it: nothing that is done with a result needs it.
#[derive(Clone, Debug)]
pub struct Success<E> {
    /// Who.
    pub supi: Supi,
    /// Where.
    pub serving_network_name: ServingNetworkName,
    /// Where the report is; `None` where the UDM never said.
    pub event: Option<E>,
    /// The name of the EMSK that it left, where that is kept.
    pub emsk: Option<RootKeyName>,
    /// Until when it can be taken back; `None`: without end.
    pub until: Option<Moment>,
}

/// What an AUSF tells a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptInput {
    /// The SEAF takes it back.
    TakeBack,
    /// Whether the UDM was told.
    Told(bool),
}

/// What a result asks for: take back its report in the UDM; then [`KeptInput::Told`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakeBackReport;

impl<E> Kept<E> {
    /// What was kept.
    pub fn success(&self) -> &Success<E> {
        let (Self::Held(success) | Self::TakingBack(success)) = self;
        success
    }
}

impl<E> Machine for Kept<E> {
    type Input = KeptInput;
    type Ask = TakeBackReport;
    /// That it is taken back.
    type Output = ();

    fn deadline(&self) -> Option<Moment> {
        self.success().until
    }

    fn handle(self, _: Moment, _: &mut dyn Entropy, input: Option<KeptInput>) -> Step<Self> {
        match (self, input) {
            (Self::Held(success), Some(KeptInput::TakeBack)) if success.event.is_some() => {
                Step::to(Self::TakingBack(success)).asking(TakeBackReport)
            }
            (Self::Held(_), Some(KeptInput::TakeBack)) | (Self::TakingBack(_), Some(KeptInput::Told(true))) => {
                Step::end().telling(Guarded::new(()))
            }
            // Until the UDM knows, the result stays, so that whoever tries again finds it.
            (Self::TakingBack(success), Some(KeptInput::Told(false) | KeptInput::TakeBack))
            | (Self::Held(success), Some(KeptInput::Told(_))) => Step::to(Self::Held(success)),
            (Self::Held(_) | Self::TakingBack(_), None) => Step::end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kaskade_crypto::{Autn, Rand};
    use kaskade_flow::NoRandomness;
    use kaskade_keys::fivegs::{KAusf, XresStar};

    use super::*;

    /// Nothing here draws.
    struct Nothing;

    impl Entropy for Nothing {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness)
        }
    }

    const NOW: Moment = Moment::from_nanos(5);

    fn run() -> Run {
        let he_av = HeAv5g {
            rand: Rand::from_octets([1; 16]),
            autn: Autn::from_octets([2; 16]),
            xres_star: XresStar::from_octets(&[3; 16]),
            k_ausf: KAusf::from_octets(&[4; 32]),
        };
        let supi = "imsi-001010000000001".parse().unwrap();
        Run::begin(he_av, supi, ServingNetworkName::NSWO, Some(NOW)).1
    }

    fn answer(octet: u8) -> Option<RunInput> {
        Some(RunInput::Answer(Some(ResStar::from_octets(&[octet; 16]))))
    }

    #[test]
    fn an_outcome_comes_after_the_report() {
        let step = run().handle(NOW, &mut Nothing, answer(3));
        assert!(step.out.is_none(), "the UDM does not know yet");
        assert_eq!(step.ask, Some(RunAsk::Report { success: true }));
        let confirmed = step.next.unwrap();
        assert_eq!(confirmed.deadline(), None);
        let step = confirmed.handle(NOW, &mut Nothing, Some(RunInput::Reported));
        assert!(step.next.is_none() && step.out.is_some());
        assert_eq!(step.ask, Some(RunAsk::Keep));
        for wrong in [answer(9), Some(RunInput::Answer(None))] {
            let step = run().handle(NOW, &mut Nothing, wrong);
            assert!(step.out.is_none());
            assert_eq!(step.ask, Some(RunAsk::Report { success: false }));
            let step = step.next.unwrap().handle(NOW, &mut Nothing, Some(RunInput::Reported));
            assert!(step.next.is_none() && step.ask.is_none() && step.out.is_none());
        }
    }

    #[test]
    fn what_comes_out_of_turn_ends_a_run_and_tells_nothing() {
        let confirmed = || run().handle(NOW, &mut Nothing, answer(3)).next.unwrap();
        let refused = || run().handle(NOW, &mut Nothing, answer(4)).next.unwrap();
        for (run, input) in [
            (run(), None),
            (run(), Some(RunInput::Reported)),
            (run(), Some(RunInput::Withdrawn)),
            (confirmed(), answer(3)),
            (confirmed(), Some(RunInput::Withdrawn)),
            (confirmed(), None),
            (refused(), answer(3)),
        ] {
            let step = run.handle(NOW, &mut Nothing, input);
            assert!(step.next.is_none() && step.ask.is_none() && step.out.is_none());
        }
    }

    #[test]
    fn a_result_stays_until_the_udm_knows() {
        let held = |event| {
            Kept::Held(Success {
                supi: "imsi-001010000000001".parse().unwrap(),
                serving_network_name: ServingNetworkName::NSWO,
                event,
                emsk: None,
                until: Some(NOW),
            })
        };
        let step = held(None::<u8>).handle(NOW, &mut Nothing, Some(KeptInput::TakeBack));
        assert!(step.next.is_none() && step.ask.is_none() && step.out.is_some());
        let mut kept = held(Some(7));
        for _ in 0..2 {
            let step = kept.handle(NOW, &mut Nothing, Some(KeptInput::TakeBack));
            assert_eq!(step.ask, Some(TakeBackReport));
            assert!(step.out.is_none());
            let step = step
                .next
                .unwrap()
                .handle(NOW, &mut Nothing, Some(KeptInput::Told(false)));
            assert!(step.out.is_none());
            kept = step.next.unwrap();
            assert_eq!((kept.deadline(), kept.success().event), (Some(NOW), Some(7)));
        }
        let step = kept.handle(NOW, &mut Nothing, Some(KeptInput::TakeBack));
        let step = step
            .next
            .unwrap()
            .handle(NOW, &mut Nothing, Some(KeptInput::Told(true)));
        assert!(step.next.is_none() && step.out.is_some());
    }
}
