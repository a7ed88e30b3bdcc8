//! A network function or application server: asks the AUSF for keys of usages under its own name, holds them, and hears of their end.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use kaskade_codec::sbi::Body as _;
use kaskade_codec::sbi::usage_keys::{KeyEnded, RootKey, UsageKeyRequest};
use kaskade_codec::sbi::values::Text;
use kaskade_crypto::{Fingerprint, KeyMaterial as _};
use kaskade_flow::UnixMillis;
use kaskade_keys::emsk::{Dsusrk, Usrk};
use kaskade_net::psk::{NoRoomForKey, NotAPskKey, Profile, PskKey, UsageKeyName, UsagePsks};
use kaskade_net::role::usage_keys::CallbackRoot;
use kaskade_net::sbi::client::SbiClient;
use kaskade_net::sbi::message::{Content, Reply, Request};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::{Handler, ServerOptions, Shutdown, bind, serve};
use kaskade_net::sbi::service::{Caller, Elsewhere, NotDone, Replying};
use kaskade_net::services::usage_keys::Client;
use tokio::sync::watch;
use tokio::time::timeout;

use super::pki::Pki;
use super::{AUSF, Home};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Function {
    /// As its certificate calls it.
    pub(crate) name: &'static str,
    /// The keys that it holds.
    pub(crate) keys: Arc<UsagePsks>,
    callback: String,
    ended: watch::Receiver<Vec<String>>,
    shutdown: Shutdown,
}

/// A key that the AUSF gave.
pub(crate) struct Given {
    pub(crate) name: UsageKeyName,
    pub(crate) print: Fingerprint,
    key: RootKey,
    expires: UnixMillis,
}

impl Given {
    /// Holds it, where its connections are made.
    pub(crate) fn hold(&self, keys: &UsagePsks) -> Result<(), Box<dyn Error>> {
        let key: Result<_, NotAPskKey> = PskKey::from_octets(self.key.expose_to_its_server());
        let held: Result<(), NoRoomForKey> = keys.hold(self.name.identity(), key?, self.expires);
        Ok(held?)
    }
}

impl Function {
    /// Listens for the end of its keys, over HTTP/2 with certificates at both ends.
    pub(crate) fn start(pki: &Pki, name: &'static str, profile: Profile) -> Result<Self, Box<dyn Error>> {
        let listener = bind(([127, 0, 0, 1], 0).into())?;
        let callback = format!("https://{}/ended", listener.local_addr()?);
        let keys = UsagePsks::new(profile, 16);
        let (ends, ended) = watch::channel(Vec::new());
        let handler = Arc::new(Ends {
            keys: keys.clone(),
            ends,
        });
        let mut options = ServerOptions::default();
        options.tls = Some(pki.server(name)?);
        let shutdown = Shutdown::new();
        tokio::spawn(serve(listener, handler, options, shutdown.clone()));
        Ok(Self {
            name,
            keys,
            callback,
            ended,
            shutdown,
        })
    }

    /// Where it may be told of the end of its keys.
    pub(crate) fn root(&self) -> Result<CallbackRoot, Box<dyn Error>> {
        Ok(CallbackRoot::of(&self.callback)?.0)
    }

    /// Asks the AUSF for a key, and holds it.
    pub(crate) async fn ask(&self, home: &Home, mut request: UsageKeyRequest) -> Result<Given, Box<dyn Error>> {
        request.callback_uri = Some(Text(self.callback.clone()));
        let domain = request.domain.clone();
        let client = SbiClient::new(home.usage_keys()?, home.pki.client(self.name)?)?;
        let caller = Caller::new(Requester::subject(self.name));
        let given = Client::new(client).usage_key(&caller, request).await.map_err(told)?;
        let octets = given.key.expose_to_its_server();
        let given = Given {
            print: match domain {
                None => Usrk::from_octets(octets).fingerprint(),
                Some(_) => Dsusrk::from_octets(octets).fingerprint(),
            },
            name: UsageKeyName {
                emsk: given.emsk_name,
                key: given.key_name,
                domain,
            },
            expires: UnixMillis::new(u64::try_from(given.expiry.unix_millis())?),
            key: given.key,
        };
        given.hold(&self.keys)?;
        Ok(given)
    }

    /// Until it was told of the end of so many keys; why the last one ended.
    pub(crate) async fn told(&self, many: usize) -> Result<String, Box<dyn Error>> {
        let mut ended = self.ended.clone();
        let reasons = timeout(PATIENCE, ended.wait_for(|reasons| reasons.len() >= many)).await??;
        Ok(reasons.last().cloned().unwrap_or_default())
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

/// What the AUSF said.
fn told(not_done: NotDone) -> Box<dyn Error> {
    match not_done.into_seen() {
        Ok(Elsewhere::Refused(heard)) => format!("the AUSF answered {}", heard.status).into(),
        Ok(seen) => seen.into(),
        Err(other) => format!("not asked: {:?}", other.why()).into(),
    }
}

/// Takes word of the end of keys.
struct Ends {
    keys: Arc<UsagePsks>,
    ends: watch::Sender<Vec<String>>,
}

impl Ends {
    fn end(&self, mut request: Request) -> Reply {
        // Whoever else has a certificate of this authority has no say in it.
        let names = request.peer().names().unwrap_or_default();
        if !names.iter().any(|name| **name == *AUSF) {
            return Reply::new(StatusCode::FORBIDDEN, Content::Json, "{}");
        }
        let body = match request.json_body() {
            Ok(body) => body,
            Err(problem) => return problem.into(),
        };
        let Ok(ended) = KeyEnded::from_json(&body) else {
            return Reply::new(StatusCode::BAD_REQUEST, Content::Json, "{}");
        };
        if let Some(key) = ended.key_name {
            let name = UsageKeyName {
                emsk: ended.emsk_name,
                key,
                domain: ended.domain,
            };
            self.keys.retire(&name.identity());
        }
        self.ends.send_modify(|reasons| reasons.push(ended.reason.0));
        Reply::no_content()
    }
}

impl Handler for Ends {
    fn handle(&self, request: Request) -> Replying<'_> {
        Box::pin(std::future::ready(self.end(request)))
    }
}
