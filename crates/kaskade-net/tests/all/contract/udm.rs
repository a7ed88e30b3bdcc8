//! A UDM of another make, which refuses to take reports back.

use std::sync::{Arc, Mutex};

use hyper::Method;
use kaskade_codec::sbi::NfInstanceId;
use kaskade_flow::{Refusal, Refused};
use kaskade_net::live::Live;
use kaskade_net::node::{AusfRole, Node, NodeOptions, RemoteUdm};
use kaskade_net::role::ausf::AusfOptions;
use kaskade_net::role::policy::ServingNetworkPolicy;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::message::Request;
use kaskade_net::sbi::problem::Problem;
use kaskade_net::sbi::server::{Handler, ServerOptions, Shutdown, bind, serve};
use kaskade_net::sbi::service::{Replying, Routes};

use crate::common::{Home, Link, plmn};

/// What it refuses for.
pub(super) type Why = Arc<Mutex<Refusal>>;

struct Refusing {
    udm: Routes,
    why: Why,
}

impl Handler for Refusing {
    fn handle(&self, request: Request) -> Replying<'_> {
        match *request.method() == Method::PUT && request.path().contains("/auth-events/") {
            true => {
                let why = Refused::from(*self.why.lock().unwrap()).after(std::time::Duration::from_secs(7));
                Box::pin(std::future::ready(Problem::from(why).into()))
            }
            false => self.udm.handle(request),
        }
    }
}

/// An AUSF in front of it; the UDM whose answers it has otherwise.
pub(super) fn ausf() -> (Node, Home, Why) {
    let home = Home::start(Link::Http);
    let why = Why::new(Mutex::new(Refusal::BudgetSpent));
    let refusing = Refusing {
        udm: Routes::new(Live::default()).with(home.udm.udm().unwrap().api()),
        why: why.clone(),
    };
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let options = ServerOptions::default();
    tokio::spawn(serve(listener, Arc::new(refusing), options, Shutdown::new()));
    let policy = ServingNetworkPolicy::plmns([plmn()]);
    let node = Node::start(NodeOptions {
        ausf: Some(AusfRole {
            options: AusfOptions::new(NfInstanceId::from_random([2; 16]), policy),
            listen: ([127, 0, 0, 1], 0).into(),
            server: ServerOptions::default(),
            udm: Some(RemoteUdm {
                url,
                options: ClientOptions::default(),
            }),
            akma: None,
        }),
        ..NodeOptions::default()
    });
    (node.unwrap(), home, why)
}
