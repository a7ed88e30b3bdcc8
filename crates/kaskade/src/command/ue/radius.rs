//! The gateway's end of RADIUS: one authentication with one server.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kaskade_codec::radius::{AttributeType, Exchange, Sent, Told};
use kaskade_crypto::radius::SharedSecret;
use kaskade_flow::Refusal;
use kaskade_net::random::random_octets;
use tokio::net::UdpSocket;

use crate::exit;

/// How long an answer of a RADIUS server is waited for, and how often a request is sent.
const PATIENCE: Duration = Duration::from_secs(2);
const SENT_AT_MOST: usize = 5;

/// One authentication with one server.
pub(super) struct RadiusLink {
    socket: UdpSocket,
    exchange: Exchange,
    identifier: u8,
}

impl RadiusLink {
    pub(super) async fn open(server: SocketAddr, secret: SharedSecret, user_name: &[u8]) -> Result<Self> {
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(server).await?;
        let exchange = Exchange::new(secret, user_name).saying(AttributeType::NasIdentifier, b"kaskade-ue");
        Ok(Self {
            socket,
            exchange,
            identifier: 0,
        })
    }

    /// Asks, and asks again the same while nobody answers.
    pub(super) async fn ask(&mut self, eap: &[u8]) -> Result<Told> {
        self.identifier = self.identifier.wrapping_add(1);
        let sent = self.exchange.request(eap, self.identifier, &random_octets()?)?;
        for _ in 0..SENT_AT_MOST {
            if let Ok(told) = tokio::time::timeout(PATIENCE, self.sent_once(&sent)).await {
                return told;
            }
        }
        Err(exit::refused(
            Refusal::PeerSilent,
            "no answer of the RADIUS server: is it there, is this address one of its clients, and is the secret the same? It says \
             nothing to whom it does not know",
        ))
    }

    async fn sent_once(&mut self, sent: &Sent) -> Result<Told> {
        self.socket.send(sent.octets()).await.context("the RADIUS server")?;
        let mut room = vec![0; kaskade_codec::radius::PACKET_AT_MOST];
        loop {
            let len = self.socket.recv(&mut room).await.context("the RADIUS server")?;
            // What is not an answer to this is somebody else's, or forged.
            if let Ok(told) = self.exchange.answer(sent, room.get(..len).unwrap_or_default()) {
                return Ok(told);
            }
        }
    }
}
