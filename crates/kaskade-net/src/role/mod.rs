//! The network functions, one module each, on top of the sans-IO crates.
//!
//! | Module | Speaks |
//! |---|---|
//! | [`udm`] | Nudm_UEAuthentication: UDM, ARPF and SIDF |
//! | [`ausf`] | Nausf_UEAuthentication |
//! | [`seaf`] | the serving network's side, as a client of an AUSF |
//!
//! [`policy`] says who may ask for what, and [`budget`] how much.

mod audit;
pub mod ausf;
pub mod budget;
pub mod policy;
pub mod seaf;
pub mod udm;

use std::sync::Arc;

use ausf::Ausf;
use kaskade_flow::Refusal;
use udm::Udm;

use crate::sbi::message::{Reply, Request};
use crate::sbi::path::{Segments, decode};
use crate::sbi::problem::{Cause, Problem};

use crate::sbi::server::Handler;

/// The services behind one listening socket.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// Serves `/nausf-auth/v1`.
    pub ausf: Option<Arc<Ausf>>,
    /// Serves `/nudm-ueau/v1`.
    pub udm: Option<Arc<Udm>>,
    /// Which peers count as one requester.
    pub groups: Arc<policy::Groups>,
}

impl Handler for Services {
    async fn handle(&self, mut request: Request) -> Reply {
        match self.route(&mut request).await {
            Ok(reply) => reply,
            Err(problem) => {
                tracing::debug!(
                    status = problem.status.as_u16(),
                    cause = problem.cause.map(Cause::name),
                    "refused"
                );
                problem.into()
            }
        }
    }
}

impl Services {
    async fn route(&self, request: &mut Request) -> Result<Reply, Problem> {
        let requester = self.groups.requester(request.peer());
        match Api::of(request.path()) {
            Some(Api::NausfAuth) => {
                if let Some(ausf) = &self.ausf {
                    return ausf.serve(&requester, request).await;
                }
            }
            Some(Api::NudmUeau) => {
                if let Some(udm) = &self.udm {
                    return udm.serve(&requester, request).await;
                }
            }
            None => {}
        }
        Err(Problem::from(Refusal::ApiUnknown).with_detail("no such API, or not in this version"))
    }
}

#[derive(Clone, Copy, Debug)]
enum Api {
    NausfAuth,
    NudmUeau,
}

impl Api {
    fn of(path: &str) -> Option<Self> {
        let mut segments = path.strip_prefix('/')?.splitn(3, '/');
        let (api, version) = (decode(segments.next()?)?, decode(segments.next()?)?);
        match (&*api, &*version) {
            (ausf::API, ausf::VERSION) => Some(Self::NausfAuth),
            (udm::API, udm::VERSION) => Some(Self::NudmUeau),
            _ => None,
        }
    }
}

/// The segments behind API name and version.
fn segments(path: &str) -> Result<Segments<'_>, Problem> {
    Segments::of(path).ok_or_else(|| no_such_resource().with_detail("the path is not well formed"))
}

fn no_such_resource() -> Problem {
    Refusal::ResourceNotFound.into()
}
