//! The server process of a measurement of AKMA: fills a store, serves one, or only answers.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use kaskade::config::{BudgetConfig, Config};
use kaskade_anchor::akma::{AkmaContext, Registration};
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest, AkmaKeyInfo, CtxRemove};
use kaskade_flow::event::{Action, Event, Outcome};
use kaskade_flow::record::{Expect, Record as _};
use kaskade_flow::{Cover, Durable, Guarded, Refusal, Unit, UnixMillis};
use kaskade_keys::akma::KAf;
use kaskade_net::live::Live;
use kaskade_net::node::Node;
use kaskade_net::role::policy::Groups;
use kaskade_net::role::udm::HnKeyRing;
use kaskade_net::sbi::server::{ServerOptions, Shutdown, bind};
use kaskade_net::sbi::service::{Caller, NotDone, Routes};
use kaskade_net::services::naanf_akma::{NaanfAkma, routes};
use kaskade_store::SubscriberStore;
use kaskade_store::audit::AuditLog;

use super::ask::{FUNCTIONS, Subject, fqdn};
use crate::command::bench::serve::DATA;
use crate::command::bench::server::{Ready, Told, disk};
use crate::console::Console;
use crate::data_dir::DataDir;
use crate::record;
use crate::runtime::roles::{Shared, nf_instance_id, node_options};
use crate::runtime::store::open_store;

/// Contexts of one commit.
const CHUNK: u64 = 5_000;

/// The server of a measurement of AKMA: told by its parent, stops when its standard input ends
#[derive(clap::Args, Debug)]
pub(in crate::command::bench) struct ServeArgs {
    #[arg(long)]
    dir: PathBuf,
    /// Puts so many contexts into the store, and serves nobody
    #[arg(long)]
    fill: Option<u64>,
    /// Only answers
    #[arg(long)]
    bare: bool,
    #[arg(long)]
    no_audit: bool,
}

/// Whatever is measured is allowed, and nothing else.
fn configuration() -> Result<Config> {
    let mut text = "[aanf]\nlisten = \"127.0.0.1:0\"\nausfs = [\"127.0.0.1\"]\n".to_owned();
    for function in 0..=FUNCTIONS {
        let fqdn = fqdn(function);
        text += &format!(
            "[aanf.functions.af{function}]\nfqdn = \"{fqdn}\"\nprotocols = [\"http-digest\"]\ncallers = [\"127.0.0.1\"]\n"
        );
    }
    Ok(Config::parse(&text, "the configuration of a measurement".as_ref())?)
}

pub(in crate::command::bench) fn serve(console: &Console, args: &ServeArgs) -> Result<()> {
    let tell = |told: Told| console.line(serde_json::to_string(&told).unwrap_or_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut config = configuration()?;
    config.data_dir = args.dir.join(DATA);
    config.budget = BudgetConfig::unlimited();
    config.audit.enabled = !args.no_audit;
    let data = DataDir::open_or_create(&config.data_dir)?;
    let store = Arc::new(open_store(&data, &config)?);
    let audit = record::open_audit_to_serve(&store, &data, &config)?;
    if args.bare {
        let answers = Answers {
            cover: fill(&store, 1, &tell)?.context("no context")?,
        };
        return runtime.block_on(bare(answers, tell));
    }
    if let Some(contexts) = args.fill {
        // What any store with these tables takes is not that of contexts.
        store.records().declare(&[AkmaContext::KIND])?;
        let empty_disk = disk(data.path())?;
        let begin = Instant::now();
        fill(&store, contexts, &tell)?;
        tell(Told::Ready(Ready {
            seconds: begin.elapsed().as_secs_f64(),
            empty_disk,
            ..Ready::default()
        }))?;
        std::io::stdin().read_to_end(&mut Vec::new())?;
        return Ok(());
    }
    let ausf = nf_instance_id(&data)?;
    runtime.block_on(async {
        let node = Node::start(node_options(
            &config,
            &Shared::new(&store, &HnKeyRing::default(), ausf, &audit),
        )?)?;
        let url = node.aanf_url().context("no AAnF")?.to_owned();
        tell(Told::Ready(Ready {
            url,
            ..Ready::default()
        }))?;
        until_the_end().await?;
        node.shutdown().await;
        std::io::stdout().flush()?;
        Ok(())
    })
}

async fn until_the_end() -> Result<()> {
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

/// As many in one commit as go well; nothing of it is in the audit log, as nobody asked for it. What says that the last ones are durable.
fn fill(store: &SubscriberStore, contexts: u64, tell: &impl Fn(Told) -> std::io::Result<()>) -> Result<Option<Cover>> {
    let records = store.records();
    records.declare(&[AkmaContext::KIND])?;
    let (mut done, mut cover) = (0, None);
    while done < contexts {
        let end = contexts.min(done + CHUNK);
        let mut unit = Unit::new();
        for number in done..end {
            let Subject { supi, a_kid, k_akma } = Subject::of(number, 0);
            let registration = Registration {
                a_kid,
                k_akma,
                serving: None,
            };
            let context = AkmaContext::of(registration, records.now(), None);
            unit.put(&supi, &context, Expect::Absent);
        }
        cover = Some(records.commit(unit, Guarded::new(())).wait()?.cover());
        done = end;
        tell(Told::Loaded(done))?;
    }
    Ok(cover)
}

/// Gives ready answers, which rest on one context.
struct Answers {
    cover: Cover,
}

impl Answers {
    fn ready<T>(&self, answer: T) -> Result<Durable<T>, NotDone> {
        let event = Event::new(Outcome::Released, Action::ApplicationKeyGiven, UnixMillis::new(0));
        let covered = AuditLog::off().covered(self.cover.clone(), event, Guarded::new(answer));
        covered.map_err(|full| full.refusal().into())
    }
}

impl NaanfAkma for Answers {
    async fn register_anchorkey(&self, _: &Caller, info: AkmaKeyInfo) -> Result<Durable<AkmaKeyInfo>, NotDone> {
        self.ready(info)
    }

    async fn retrieve_applicationkey(
        &self,
        _: &Caller,
        _: AkmaAfKeyRequest,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, NotDone> {
        let key = AkmaAfKeyData {
            gpsi: None,
            supi: None,
            expiry: UnixMillis::new(1_800_000_000_000).into(),
            k_af: KAf::from_octets(&[7; 32]),
        };
        self.ready(key).map(Some)
    }

    async fn remove_context(&self, _: &Caller, _: CtxRemove) -> Result<(), NotDone> {
        Err(Refusal::ContextNotFound.into())
    }
}

async fn bare(answers: Answers, tell: impl Fn(Told) -> std::io::Result<()>) -> Result<()> {
    let listener = bind(([127, 0, 0, 1], 0).into())?;
    let url = format!("http://{}", listener.local_addr()?);
    let routes = Routes::new(Live::new(Groups::default())).with(routes(answers));
    let serving =
        kaskade_net::sbi::server::serve(listener, Arc::new(routes), ServerOptions::default(), Shutdown::new());
    let serving = tokio::spawn(serving);
    tell(Told::Ready(Ready {
        url,
        ..Ready::default()
    }))?;
    until_the_end().await?;
    serving.abort();
    Ok(())
}
