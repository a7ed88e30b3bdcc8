//! Where an AAnF tells the NEF that keys have ended, for the NEF to pass it on: a URI that the NEF gives to the AAnF (TS 29.535 5.2.2.5).

use kaskade_codec::sbi::ResourceId;
use kaskade_codec::sbi::akma::ServiceDisableNotif;

crate::service! {
    /// What an AAnF tells a NEF, for application functions outside.
    pub trait NefNotices = "kaskade-nef-notices" "v1", "Project profile: docs/nef.md";

    /// Takes that the keys of an A-KID are to be used no more; the application function is told after it.
    service_disable: POST "/akma/{noticeId}" (notice: ResourceId) (notif: ServiceDisableNotif)
        -> 204 Json (),
        refusals [ContextNotFound, StoreFull, StoreAway, StoreFailed, AuditFull, AuditStalled, AuditFailed, Stopping],
        scope "kaskade-nef-notices", "TS 29.535 5.2.2.5";
}
