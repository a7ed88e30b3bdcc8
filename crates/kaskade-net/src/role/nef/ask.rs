//! A request for a key, from who asks to the key (TS 33.535 6.3); and the end of one, from the AAnF to whoever has it.

use kaskade_anchor::emsk::Callback;
use kaskade_codec::hex;
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest, ServiceDisableNotif};
use kaskade_codec::sbi::values::Text;
use kaskade_codec::sbi::{ResourceId, Variable};
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Outcome, Subject};
use kaskade_flow::record::Expect;
use kaskade_flow::{Durable, Guarded, Refusal, Unit, UnixMillis};
use kaskade_keys::{Gpsi, Supi};

use super::notice::{Notice, notice_key};
use super::policy::Af;
use super::waiting::Waiting;
use super::{AanfEntry, NEF_NAME, Nef, NefError};
use crate::log_limit;
use crate::role::usage_keys::CallbackRoot;
use crate::sbi::peer::Requester;
use crate::sbi::service::Caller;
use crate::services::nnef_akma::GPSI_ACCESS;
use crate::time::{moment, unix_millis};

/// Who asks, and what it may have.
struct Admitted {
    name: String,
    gpsi: bool,
}

impl Nef {
    /// K_AF for an application function outside, and the GPSI where it may be told; `None` where nobody has an anchor key of the A-KID.
    ///
    /// # Errors
    /// [`NefError`]; then nothing was given.
    pub async fn retrieve(
        &self,
        caller: &Caller,
        request: AkmaAfKeyRequest,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, NefError> {
        let a_kid = request.a_kid.masked();
        let given = self.give(caller, request).await;
        let (requester, action) = (caller.requester(), Action::ApplicationKeyGiven);
        match &given {
            Ok(Some(_)) => {}
            Ok(None) => {
                self.counters.unknown.add_one();
                self.audit.refused(requester, None, action, Refusal::AkmaKeyUnknown);
            }
            Err(error) => {
                self.counters.refused.add_one();
                self.audit.refused(requester, None, action, error.refusal());
                log_limit!(info, "application key refused", %requester, a_kid, %error);
            }
        }
        given
    }

    async fn give(
        &self,
        caller: &Caller,
        request: AkmaAfKeyRequest,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, NefError> {
        self.budgets.admit_report(caller.requester().id(), moment())?;
        let (af, uri) = self.admitted(caller, &request)?;
        let Some(aanf) = self.aanfs.of(&request.a_kid) else {
            log_limit!(
                info,
                "no AAnF is configured for an A-KID",
                a_kid = request.a_kid.masked()
            );
            return Ok(None);
        };
        let AkmaAfKeyRequest {
            af_id, a_kid, anon_ind, ..
        } = request;
        let key = notice_key(&af.name, &a_kid, af_id.fqdn());
        let waiting = match uri {
            Some(uri) => Some(self.prepared(key, &af.name, &a_kid, uri).await?),
            None => None,
        };
        let asked = AkmaAfKeyRequest {
            notif_uri: waiting.as_ref().map(|waiting| Text(self.uri_of(&waiting.notice_id))),
            af_id,
            a_kid,
            anon_ind,
        };
        let wants_gpsi = af.gpsi && !anon_ind;
        let given = self
            .asked(caller, (aanf, asked), wants_gpsi, (&key, waiting.as_ref()))
            .await;
        if let (Some(waiting), Ok(None) | Err(_)) = (waiting, &given) {
            waiting.for_nothing().await;
        }
        given
    }

    /// What the AAnF gives, on record, as long as nobody has been told of its end.
    async fn asked(
        &self,
        caller: &Caller,
        (aanf, asked): (&AanfEntry, AkmaAfKeyRequest),
        wants_gpsi: bool,
        (key, waiting): (&[u8; 16], Option<&Waiting>),
    ) -> Result<Option<Durable<AkmaAfKeyData>>, NefError> {
        let own = Caller::numbered(Requester::group(NEF_NAME).into(), caller.correlation()).until(caller.deadline());
        let told = aanf.anchor.application_key(&own, asked).await.map_err(NefError::Aanf)?;
        let Some(told) = told else { return Ok(None) };
        let mut of = None;
        let told = told.try_map(|data| self.told(data, wants_gpsi, &mut of))?;
        let Some(Told {
            about,
            event,
            expiry,
            has_gpsi,
        }) = of
        else {
            return Err(NefError::NoGpsi);
        };
        let event = event
            .by(self.audit.peer(caller.requester()))
            .about(about)
            .correlated(caller.correlation().number());
        match waiting {
            Some(waiting) if !self.lasts(key, waiting, expiry).await? => return Ok(None),
            Some(_) => {}
            None => self.hears_no_more(key).await?,
        }
        let (guarded, cover) = told.into_guarded();
        let given = self.audit.covered(cover, event, guarded)?;
        match has_gpsi {
            true => self.counters.given_with_gpsi.add_one(),
            false => self.counters.given.add_one(),
        }
        Ok(Some(given))
    }

    /// Who the caller is, whether the AF_ID is its own, and where it wants to hear of the end.
    fn admitted(&self, caller: &Caller, request: &AkmaAfKeyRequest) -> Result<(Admitted, Option<Callback>), NefError> {
        self.policy.with(|policy| {
            let issuer = self.issuer();
            let (name, af) = policy.find(caller, issuer).map_err(|_| NefError::Stranger)?;
            af.admits(&request.af_id)?;
            let uri = match &request.notif_uri {
                None => None,
                Some(Text(uri)) => {
                    let uri: Callback = uri.parse().map_err(|_| NefError::LongUri)?;
                    let (root, _) = CallbackRoot::of(uri.as_str()).map_err(NefError::NotACallback)?;
                    if self.options.notices_root.is_none() {
                        return Err(NefError::NoNotices);
                    }
                    if !policy.may_be_told(name, &root) {
                        return Err(NefError::NoticeNotAllowed);
                    }
                    Some(uri)
                }
            };
            let admitted = Admitted {
                name: name.to_owned(),
                gpsi: may_know_gpsi(caller, af),
            };
            Ok((admitted, uri))
        })
    }

    /// What the application function is told of what the AAnF has told: never the SUPI.
    fn told(&self, data: AkmaAfKeyData, wants_gpsi: bool, of: &mut Option<Told>) -> Result<AkmaAfKeyData, NefError> {
        let AkmaAfKeyData {
            gpsi,
            supi,
            expiry,
            k_af,
        } = data;
        let gpsi = match wants_gpsi {
            true => Some(self.gpsi(gpsi, supi.as_ref())?),
            false => None,
        };
        let event = Event::new(Outcome::Released, Action::ApplicationKeyGiven, unix_millis());
        *of = Some(Told {
            about: supi.as_ref().map_or(Subject::NOBODY, |supi| self.audit.subject(supi)),
            event: self.audit.with_key(event, &k_af),
            expiry: UnixMillis::new(u64::try_from(expiry.unix_millis()).unwrap_or(0)),
            has_gpsi: gpsi.is_some(),
        });
        Ok(AkmaAfKeyData {
            gpsi,
            supi: supi.filter(|_| fault!("supi-told-outside")),
            expiry,
            k_af,
        })
    }

    /// How those outside call a subscriber: as the AAnF says, else as the store has it where the subscribers are here.
    fn gpsi(&self, told: Option<Gpsi>, supi: Option<&Supi>) -> Result<Gpsi, NefError> {
        if let Some(gpsi) = told {
            return Ok(gpsi);
        }
        let (true, Some(supi)) = (self.options.is_home, supi) else {
            return Err(NefError::NoGpsi);
        };
        let known = self.store.gpsi_of(supi).map_err(NefError::from)?;
        known.ok_or(NefError::NoGpsi)
    }

    /// What the AAnF is given.
    fn uri_of(&self, notice_id: &[u8; 16]) -> String {
        let service = &crate::services::nef_notices::SERVICE;
        let root = self.options.notices_root.as_deref().unwrap_or_default();
        let id = name_of(notice_id);
        format!("{root}/{}/{}/akma/{id}", service.name, service.version)
    }

    /// The AAnF says that the keys of an A-KID are to be used no more: whoever has one is told.
    ///
    /// # Errors
    /// [`NefError::NoNotice`] where nobody wants to hear of it; others when it is not durable: then the AAnF says it again.
    pub async fn service_disable(
        &self,
        caller: &Caller,
        notice: &ResourceId,
        notif: &ServiceDisableNotif,
    ) -> Result<(), NefError> {
        let mut id = [0; 16];
        if !hex::read(notice.text().as_bytes(), &mut id) {
            return Err(NefError::NoNotice);
        }
        let Some(found) = self.records.find::<Notice>(0, &id).await? else {
            return Err(NefError::NoNotice);
        };
        if found.record.a_kid != notif.a_kid && !fault!("notice-of-another-a-kid") {
            return Err(NefError::NoNotice);
        }
        let mut unit = Unit::new();
        unit.remove::<Notice>(&found.key, Expect::Version(found.version));
        unit.send(found.record.message());
        let event = Event::new(Outcome::Noted, Action::DisablePassedOn, unix_millis());
        unit.event(
            event
                .by(self.audit.peer(caller.requester()))
                .correlated(caller.correlation().number()),
        );
        drop(self.records.commit(unit, Guarded::new(())).await?);
        Ok(())
    }
}

/// What is known of an answer beside what is told.
struct Told {
    about: Subject,
    event: Event,
    expiry: UnixMillis,
    has_gpsi: bool,
}

/// Whether whoever asks may be told the GPSI: by policy, and by its token where it has one.
fn may_know_gpsi(caller: &Caller, af: &Af) -> bool {
    let by_token = caller
        .principal()
        .token()
        .is_none_or(|token| token.allows(GPSI_ACCESS) || fault!("gpsi-without-scope"));
    af.gpsi && by_token
}

/// 32 hexadecimal digits.
fn name_of(id: &[u8; 16]) -> String {
    let mut digits = [0; 32];
    hex::encode(id, &mut digits);
    String::from_utf8_lossy(&digits).into_owned()
}
