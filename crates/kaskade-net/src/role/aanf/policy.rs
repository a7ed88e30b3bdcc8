//! Who may register anchor keys, who may have application keys, and where holders may be told of their end.

use std::collections::{BTreeMap, BTreeSet};

use kaskade_anchor::akma::Functions;
use kaskade_faults::fault;
use kaskade_keys::Plmn;
use kaskade_store::custody::Card;

use super::AanfError;
use crate::role::usage_keys::CallbackRoot;
use crate::sbi::peer::{Requester, RequesterId};
use crate::sbi::service::Caller;

/// What the configuration says of AKMA: application functions, AUSFs, and who is called what in them.
#[derive(Clone, Debug, Default)]
pub struct AkmaPolicy {
    /// Application functions. Callers are named as below.
    pub functions: Functions,
    known: BTreeMap<RequesterId, String>,
    ausfs: BTreeSet<String>,
    callbacks: BTreeMap<String, Vec<CallbackRoot>>,
    barred: BTreeSet<Plmn>,
}

impl AkmaPolicy {
    /// With these application functions.
    pub fn new(functions: Functions) -> Self {
        Self {
            functions,
            ..Self::default()
        }
    }

    /// And this requester, which is called so in the functions and in the records of holders.
    #[must_use]
    pub fn with(mut self, requester: RequesterId, name: &str) -> Self {
        self.known.insert(requester, name.to_owned());
        self
    }

    /// Whoever is called so is an AUSF: it may register and remove anchor keys. The AUSF of the same process may without.
    #[must_use]
    pub fn with_ausf(mut self, name: &str) -> Self {
        self.ausfs.insert(name.to_owned());
        self
    }

    /// Whoever is called so may be told of the end of its keys at these roots.
    #[must_use]
    pub fn with_callbacks(mut self, name: &str, roots: impl IntoIterator<Item = CallbackRoot>) -> Self {
        self.callbacks.entry(name.to_owned()).or_default().extend(roots);
        self
    }

    /// Of subscribers who are served there no application keys are given.
    #[must_use]
    pub fn barring(mut self, networks: impl IntoIterator<Item = Plmn>) -> Self {
        self.barred.extend(networks);
        self
    }

    /// Whether there are application keys of the subscriber who has this card; `None`: nobody has it.
    ///
    /// # Errors
    /// [`AanfError::UserNotFound`], [`AanfError::Suspended`] or [`AanfError::NoAkma`].
    pub fn allows_card(card: Option<&Card>) -> Result<(), AanfError> {
        match card {
            None => Err(AanfError::UserNotFound),
            Some(card) if card.suspended && !fault!("application-keys-of-the-suspended") => Err(AanfError::Suspended),
            Some(card) if card.akma.is_none() && !fault!("application-keys-without-akma") => Err(AanfError::NoAkma),
            Some(_) => Ok(()),
        }
    }

    /// Whether application keys are given of a subscriber who is served there, or nobody knows where.
    pub fn allows_roaming(&self, serving: Option<Plmn>) -> bool {
        // A serving network name does not tell an MNC of two digits from one of three that begins with 0.
        let code = |plmn: &Plmn| (plmn.mcc().to_owned(), plmn.mnc_3_digits());
        let is_barred = |serving: Plmn| self.barred.iter().any(|barred| code(barred) == code(&serving));
        serving.is_none_or(|serving| !is_barred(serving)) || fault!("roaming-policy-ignored")
    }

    /// What a caller is called: by its connection, and by its token. Empty: nobody here.
    pub(super) fn names(&self, caller: &Caller) -> Vec<String> {
        let by_token = caller
            .principal()
            .token()
            .map(|token| Requester::subject(token.subject()).id());
        let ids = [Some(caller.requester().id()), by_token];
        let mut names: Vec<String> = ids
            .iter()
            .flatten()
            .filter_map(|id| self.known.get(id).cloned())
            .collect();
        names.dedup();
        names
    }

    /// What a requester is called; empty: nobody here.
    pub fn names_of(&self, requester: RequesterId) -> Vec<String> {
        self.known.get(&requester).cloned().into_iter().collect()
    }

    /// Whether one of these names is that of an AUSF.
    pub fn is_ausf(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.ausfs.contains(name)) || fault!("anchor-keys-of-anybody")
    }

    /// Whether whoever is called so may be told there.
    pub fn may_be_told(&self, name: &str, root: &CallbackRoot) -> bool {
        let own = self.callbacks.get(name);
        own.is_some_and(|roots| roots.contains(root)) || fault!("function-told-anywhere")
    }
}
