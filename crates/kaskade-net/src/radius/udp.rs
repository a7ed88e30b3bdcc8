//! Over UDP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaskade_codec::radius::PACKET_AT_MOST;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::eap_server::EapServer;
use super::figures::Dropped;
use super::server::RadiusServer;
use crate::log_limit;
use crate::sbi::server::{Shutdown, begun};

/// Octets of datagrams that the kernel keeps while all threads are busy, where it may: some thousand requests.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// Serves on a socket until the shutdown has begun and what is in work has been answered, or `drain` is over.
///
/// An answer leaves from the address of the socket: on a machine with several, each that gateways ask has a socket of its own.
pub async fn serve_udp<E: EapServer>(
    socket: UdpSocket,
    server: Arc<RadiusServer<E>>,
    drain: Duration,
    shutdown: Shutdown,
) {
    // The system's own is used where it does not give as much.
    let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
    let socket = Arc::new(socket);
    let mut stop = shutdown.listener();
    // What a longer datagram has behind a packet is padding.
    let mut buffer = vec![0; PACKET_AT_MOST];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = begun(&mut stop) => break,
        };
        match received {
            Ok((length, from)) => take(&socket, &server, buffer.get(..length).unwrap_or_default(), from),
            Err(error) => {
                log_limit!(warn, "receiving RADIUS failed", %error);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    if timeout(drain, server.work.idle()).await.is_err() {
        tracing::warn!(requests = server.kept()[2], "RADIUS requests did not finish");
    }
}

/// Gives a datagram a task of its own, where there is room for it.
fn take<E: EapServer>(socket: &Arc<UdpSocket>, server: &Arc<RadiusServer<E>>, datagram: &[u8], from: SocketAddr) {
    let Some(client) = server.client(from.ip()) else {
        log_limit!(warn, "a RADIUS packet from an address of no client was dropped", %from);
        return;
    };
    let Some(place) = server.admit(&client) else {
        log_limit!(warn, "a RADIUS request was dropped: too many are in work", client = %client.requester());
        return;
    };
    let (socket, server, datagram) = (socket.clone(), server.clone(), Box::<[u8]>::from(datagram));
    tokio::spawn(async move {
        let _place = place;
        match server.answer(&datagram, &client, from).await {
            Ok(octets) => told(socket.send_to(&octets, from).await, from),
            Err(dropped) => log_dropped(&dropped, &client.requester().to_string(), from),
        }
    });
}

fn told(sent: io::Result<usize>, to: SocketAddr) {
    if let Err(error) = sent {
        log_limit!(warn, "a RADIUS answer could not be sent", %to, %error);
    }
}

/// A line for what was dropped; a copy of a request is no news.
pub(super) fn log_dropped(dropped: &Dropped, client: &str, from: SocketAddr) {
    match dropped {
        Dropped::Copy => tracing::debug!(client, %from, "a copy of a RADIUS request in work"),
        Dropped::NotAuthentic(error) => {
            log_limit!(warn, "a RADIUS packet that is not authentic was dropped", client, %from, %error);
        }
        Dropped::Malformed(error) => {
            log_limit!(warn, "a malformed RADIUS packet was dropped", client, %from, %error);
        }
        Dropped::Code(_) | Dropped::Refused(_) | Dropped::NotTaken(_) => {
            log_limit!(warn, "a RADIUS request was dropped", client, %from, %dropped);
        }
    }
}
