//! PostgreSQL as an engine: the promises of all engines, and those that only a server can break.

mod fail_over;
mod nodes;
mod outcomes;
mod refused;
mod server;
mod several;
mod shared;

use std::sync::Arc;

use kaskade_store::engine::Engine;
use kaskade_store::postgres::PostgresEngine;
use kaskade_testkit::conformance::{self, Place};
use kaskade_testkit::postgres::Cluster;

pub(crate) use server::{as_node, schema};

fn place(cluster: &Cluster) -> Place {
    let options = cluster.place();
    Box::new(move || Arc::new(PostgresEngine::open(&options).expect("the engine")) as Arc<dyn Engine>)
}

#[test]
fn postgres_keeps_the_promises_of_an_engine() {
    let Some(cluster) = Cluster::shared() else { return };
    conformance::rows(|| place(cluster));
}

#[test]
fn several_nodes_write_to_one_postgres() {
    let Some(cluster) = Cluster::shared() else { return };
    conformance::shared(|| {
        let place = cluster.place();
        Box::new(move |node| Arc::new(PostgresEngine::open(&as_node(&place, node)).expect("the engine")))
    });
}

#[test]
fn subscribers_on_postgres() {
    let Some(cluster) = Cluster::shared() else { return };
    conformance::subscribers(|| place(cluster));
}

#[test]
fn records_on_postgres() {
    let Some(cluster) = Cluster::shared() else { return };
    conformance::records(|| place(cluster));
}
