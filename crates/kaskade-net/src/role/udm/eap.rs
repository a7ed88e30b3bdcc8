//! Vectors for an AAA server of the same process, which is in the home: AV' of EAP-AKA' over an access to EPC, and quintets of
//! EAP-AKA (TS 33.402 6.2, RFC 4187). And, in a laboratory, quintets for an EAP server that is not.

use kaskade_aka::arpf::{EapAkaPrimeAv, Method, NotAllowed};
use kaskade_aka::auc::Quintet;
use kaskade_aka::eap_aka::NetworkName;
use kaskade_aka::eap_aka::server::{Vector, VectorRequest};
use kaskade_codec::eap::AkaMethod;
use kaskade_codec::sbi::ResynchronizationInfo;
use kaskade_faults::fault;
use kaskade_flow::Durable;
use kaskade_flow::event::{Action, Outcome, Reason};
use kaskade_keys::{Suci, Supi};
use kaskade_store::{CardName, StoreError};

use super::vector::{Made, Use, Wanted};
use super::{Udm, UdmError, store_failed};
use crate::sbi::peer::Requester;
use crate::time::moment;

/// Where a sequence number went, to the store.
const AAA: &str = "aaa";
const HOSTAPD: &str = "hostapd";

/// The network of all that hostapd authenticates (TS 24.302 8.2), for its budget.
const WLAN: &str = "WLAN";

/// Requester, network and node have paid for a vector.
#[derive(Debug)]
pub struct Admitted(());

impl Udm {
    /// Whether there is such a subscriber, who may be authenticated at all.
    ///
    /// # Errors
    /// [`UdmError::Store`].
    pub fn knows(&self, supi: &Supi) -> Result<bool, UdmError> {
        self.store.contains(supi).map_err(UdmError::Store)
    }

    /// Who is behind a SUCI, which costs as much as a vector and is asked of the same budgets: what comes with the SUPI stands for those
    /// of its first vector. So often as a SUCI may come again it is opened, whoever sends it.
    ///
    /// # Errors
    /// [`UdmError::OverBudget`], before anything is opened; [`UdmError::Sidf`].
    pub fn eap_deconceal(
        &self,
        requester: &Requester,
        network: &NetworkName,
        suci: &Suci,
    ) -> Result<(Supi, Admitted), UdmError> {
        if fault!("suci-opened-without-budget") {
            return Ok((self.deconceal(suci)?, Admitted(())));
        }
        let now = moment();
        let admitted = self.budgets.admit(requester.id(), network.as_str(), now);
        let admitted = admitted.and_then(|()| self.budgets.admit_suci(suci, now));
        admitted.map_err(|over| self.over_budget(requester, None, over))?;
        Ok((self.deconceal(suci)?, Admitted(())))
    }

    /// A vector for a user of EAP-AKA' or EAP-AKA, after its AUTS where there is one.
    ///
    /// The SQN in it is durable as used before this returns, and was never used before; its release is on record.
    ///
    /// # Errors
    /// [`UdmError`]; SQN is as before, except that a number may be skipped.
    pub async fn eap_vector(
        &self,
        requester: &Requester,
        request: &VectorRequest,
        admitted: Option<Admitted>,
    ) -> Result<Durable<Vector>, UdmError> {
        let supi = &request.supi;
        let made = self.eap_vector_of(requester, request, admitted).await;
        let released = made.inspect_err(|error| self.refused(requester, Some(supi), Action::VectorGiven, error))?;
        Ok(released)
    }

    async fn eap_vector_of(
        &self,
        requester: &Requester,
        request: &VectorRequest,
        admitted: Option<Admitted>,
    ) -> Result<Durable<Vector>, UdmError> {
        let (supi, now) = (&request.supi, moment());
        let wanted = Wanted {
            supi,
            use_of: use_of(request),
            requesting_node: AAA,
        };
        if admitted.is_none() {
            let admitted = self.budgets.admit(requester.id(), request.network.as_str(), now);
            admitted.map_err(|over| self.over_budget(requester, Some(supi), over))?;
        }
        let info = request.resynchronisation;
        let info = info.map(|(rand, auts)| ResynchronizationInfo { rand, auts });
        let vector = self.vector_of(requester, &wanted, None, info.as_ref(), now).await?;
        let released = self.release(requester, vector.made, vector.cover, supi)?;
        released.try_map(|made| match made {
            Made::EapAkaPrime(av) => Ok(Vector::AkaPrime(av)),
            Made::EapAka(quintet) => Ok(Vector::Aka(quintet)),
            // Nobody has asked for that.
            Made::FiveGAka(_) | Made::Quintet(_) => Err(NotAllowed(Method::FiveGAka).into()),
        })
    }

    /// A quintet for an EAP server that makes all keys out of CK and IK itself, in a laboratory: for EAP-AKA' TS 33.402 6.2 has the
    /// home make CK' and IK'.
    ///
    /// The SQN in it is durable as used before this returns, and was never used before; its release is on record.
    ///
    /// # Errors
    /// [`UdmError`]; SQN is as before, except that a number may be skipped.
    pub async fn eap_quintet(
        &self,
        requester: &Requester,
        supi: &Supi,
        method: AkaMethod,
    ) -> Result<Durable<Quintet>, UdmError> {
        let made = self.eap_quintet_of(requester, supi, method).await;
        made.inspect_err(|error| self.refused(requester, Some(supi), Action::VectorGiven, error))
    }

    async fn eap_quintet_of(
        &self,
        requester: &Requester,
        supi: &Supi,
        method: AkaMethod,
    ) -> Result<Durable<Quintet>, UdmError> {
        let (wanted, now) = (quintet_of(supi, method), moment());
        let admitted = self.budgets.admit(requester.id(), WLAN, now);
        admitted.map_err(|over| self.over_budget(requester, Some(supi), over))?;
        let vector = self.vector_of(requester, &wanted, None, None, now).await?;
        let released = self.release(requester, vector.made, vector.cover, supi)?;
        released.try_map(|made| match made {
            Made::Quintet(quintet) => Ok(quintet),
            // Nobody has asked for that.
            Made::FiveGAka(_) | Made::EapAkaPrime(_) | Made::EapAka(_) => {
                Err(NotAllowed(wanted.use_of.method()).into())
            }
        })
    }

    /// Takes what a card says of the SQN of a quintet; the next one is of an SQN that the card takes.
    ///
    /// # Errors
    /// [`UdmError`]; SQN is as before.
    pub async fn eap_resynchronise(
        &self,
        requester: &Requester,
        supi: &Supi,
        method: AkaMethod,
        info: &ResynchronizationInfo,
    ) -> Result<(), UdmError> {
        let admitted = self.budgets.admit(requester.id(), WLAN, moment());
        let admitted = admitted.map_err(|over| self.over_budget(requester, Some(supi), over));
        let done = match admitted {
            Ok(()) => self.resynchronise(requester, &quintet_of(supi, method), info).await,
            Err(error) => Err(error),
        };
        done.inspect_err(|error| self.refused(requester, Some(supi), Action::Resynchronised, error))
    }

    /// Whether access is given to a user who is authenticated by EAP, and which card it has.
    ///
    /// # Errors
    /// [`UdmError`]: removed, suspended, or without such a method since the vector was made.
    pub fn eap_may(&self, supi: &Supi, method: AkaMethod) -> Result<CardName, UdmError> {
        let method = match method {
            AkaMethod::Aka => Method::EapAka,
            AkaMethod::AkaPrime => Method::EapAkaPrime,
        };
        match self.store.card(supi) {
            Ok(None) => Err(UdmError::UserNotFound),
            Ok(Some(card)) if card.suspended && !fault!("suspended-let-in") => Err(UdmError::Suspended),
            Ok(Some(card)) if card.methods.contains(method) || fault!("another-method-let-in") => Ok(card.name),
            Ok(Some(_)) | Err(StoreError::GsmOnly) => Err(NotAllowed(method).into()),
            Err(error) => Err(store_failed(supi, error)),
        }
    }

    /// The user of a vector that was given here is authenticated.
    ///
    /// # Errors
    /// [`UdmError::Audit`]: there is no room for the record of it. The card counts as answered all the same.
    pub fn eap_succeeded(&self, requester: &Requester, supi: &Supi) -> Result<(), UdmError> {
        self.store.succeeded(supi);
        let noted = self
            .audit
            .event(Outcome::Noted, Action::ResultReported, requester, supi);
        Ok(self.audit.record(noted.because(Reason::Success))?)
    }
}

fn quintet_of(supi: &Supi, method: AkaMethod) -> Wanted<'_> {
    Wanted {
        supi,
        use_of: Use::Quintet(method),
        requesting_node: HOSTAPD,
    }
}

fn use_of(request: &VectorRequest) -> Use<'_> {
    match (request.method, &request.network) {
        (AkaMethod::Aka, _) => Use::EapAka,
        (AkaMethod::AkaPrime, NetworkName::Access(name)) => Use::EapAkaPrime(EapAkaPrimeAv::AccessNetwork(name)),
        (AkaMethod::AkaPrime, NetworkName::Serving(name)) => Use::EapAkaPrime(EapAkaPrimeAv::ServingNetwork(name)),
    }
}
