//! Both ends of every authentication, sans-IO: the AuC, the USIM, and 5G AKA for UE, SEAF, AUSF and UDM.
//!
//! | Room | What | Source |
//! |---|---|---|
//! | [`sqn`] | SQN = SEQ ‖ IND, the three generation schemes, the AuC's policy | TS 33.102 Annex C |
//!
//! Clock, randomness and messages are arguments; messages and effects are results. A stage that must happen once takes
//! `self`.

pub mod sqn;
