//! How the commands of interception ask a node: one request per connection, over its socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use kaskade_flow::Refusal;

use super::desk::ROOT;
use crate::admin::NotDone;
use crate::admin::not_done::ProblemDetails;
use crate::admin::socket::connect_at;

/// How long a node may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The way to a node.
pub(crate) struct Ask {
    socket: PathBuf,
    runtime: tokio::runtime::Runtime,
}

impl Ask {
    pub(crate) fn at(socket: &Path) -> Result<Self> {
        Ok(Self {
            socket: socket.to_owned(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// The body of the answer, where nothing was refused.
    pub(crate) fn ask(&self, method: &'static str, path: &str, body: Option<Vec<u8>>) -> Result<Bytes> {
        let asked = async {
            tokio::time::timeout(PATIENCE, self.asked(method, path, body))
                .await
                .context("the node has not answered for a minute")?
        };
        self.runtime.block_on(asked)
    }

    async fn asked(&self, method: &'static str, path: &str, body: Option<Vec<u8>>) -> Result<Bytes> {
        let Some(stream) = connect_at(&self.socket)? else {
            bail!(
                "{}: no node answers there: interception is administered while `kaskade up` runs",
                self.socket.display()
            );
        };
        stream.set_nonblocking(true)?;
        let stream = tokio::net::UnixStream::from_std(stream)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(format!("{ROOT}{path}"))
            .header(header::HOST, "localhost")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let octets = answer.into_body().collect().await?.to_bytes();
        connection.abort();
        if status.is_success() {
            return Ok(octets);
        }
        let why = match serde_json::from_slice::<ProblemDetails>(&octets) {
            Ok(problem) => problem.into(),
            Err(_) => NotDone::because(Refusal::PeerSilent, format!("the node answers {status}, and not why")),
        };
        Err(why.into())
    }
}
