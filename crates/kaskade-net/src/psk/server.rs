//! The server's end: places for peers, threads for lookups, and the handshake over a stream.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kaskade_faults::fault;
use openssl::ssl::{Ssl, SslContext};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout_at;

use super::carrier::{Carrier, Octets};
use super::context::{self, ContextError};
use super::error::HandshakeError;
use super::handshake::{Tls, begin, forget_key, shake_hands};
use super::lookup::{PskKeys, Seat};
use super::profile::Profile;
use super::session::{Place, PskStream, Session};
use super::shares::Places;
use crate::sbi::doors::{Doors, Ticket};
use crate::sbi::limits::Limits;

/// What the peers of a server may use together. A source is an IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PskLimits {
    /// Connections at once. For another, the one that was useful longest ago is closed.
    pub max_connections: usize,
    /// Of these, from one source.
    pub max_connections_per_source: usize,
    /// Handshakes at once. For another, the oldest is closed.
    pub max_handshakes: usize,
    /// Of these, from one source.
    pub max_handshakes_per_source: usize,
    /// Threads that work on handshakes at once, lookups of keys among them. Others wait for theirs.
    pub max_lookups: usize,
    /// Of these, for one source.
    pub max_lookups_per_source: usize,
    /// Longest identity, in octets, that is looked up; longer ones are nobody's. AKMA's have 9 octets and an NAI of at most 253.
    pub max_identity: usize,
    /// How long a handshake may take, with the lookup in it.
    pub patience: Duration,
}

impl Default for PskLimits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_connections_per_source: 256,
            max_handshakes: 128,
            max_handshakes_per_source: 64,
            max_lookups: 16,
            max_lookups_per_source: 4,
            max_identity: 1024,
            patience: Duration::from_secs(10),
        }
    }
}

/// Shakes hands with clients that hold the key of the identity that they name. Clones share their limits.
#[derive(Clone)]
pub struct PskServer(Arc<House>);

struct House {
    context: SslContext,
    profile: Profile,
    keys: Arc<dyn PskKeys>,
    limits: PskLimits,
    doors: Arc<Doors>,
    places: Arc<Places>,
}

impl PskServer {
    /// A server of one profile. The hint is said in TLS 1.2 and DTLS 1.2 before the client names its key, such as `3GPP-AKMA`.
    ///
    /// # Errors
    /// [`ContextError`] for a hint that cannot be said, or if OpenSSL refuses.
    pub fn new(
        profile: Profile,
        hint: Option<&str>,
        keys: Arc<dyn PskKeys>,
        limits: PskLimits,
    ) -> Result<Self, ContextError> {
        let of_doors = Limits {
            max_connections: limits.max_connections,
            max_connections_per_source: limits.max_connections_per_source,
            max_handshakes: limits.max_handshakes,
            max_handshakes_per_source: limits.max_handshakes_per_source,
            ..Limits::default()
        };
        Ok(Self(Arc::new(House {
            context: context::server(profile, hint)?,
            profile,
            keys,
            doors: Doors::new(of_doors),
            places: Places::new(limits.max_lookups, limits.max_lookups_per_source),
            limits,
        })))
    }

    /// What it speaks.
    pub fn profile(&self) -> Profile {
        self.0.profile
    }

    /// Handshakes and connections that have a place now.
    pub fn counts(&self) -> [usize; 2] {
        self.0.doors.counts()
    }

    /// Shakes hands over a stream that a peer has opened. To be called in a task for each.
    ///
    /// # Errors
    /// [`HandshakeError`] says why there is no connection.
    pub async fn accept<I>(&self, stream: I, peer: SocketAddr) -> Result<PskStream<I>, HandshakeError>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let ticket = self.knock(peer);
        let seat = self.seat(peer);
        let tls = self.begin::<Octets<I>>(&seat)?;
        Ok(PskStream(self.shake_hands(tls, Octets(stream), seat, ticket).await?))
    }

    pub(super) fn knock(&self, peer: SocketAddr) -> Ticket {
        self.0.doors.knock(peer.ip())
    }

    pub(super) fn seat(&self, peer: SocketAddr) -> Arc<Seat> {
        let house = &self.0;
        let patience = match fault!("psk-without-deadline") {
            true => Duration::from_secs(3600),
            false => house.limits.patience,
        };
        let deadline = Instant::now() + patience;
        let keys = house.keys.clone();
        Arc::new(Seat::new(
            keys,
            house.profile,
            peer,
            deadline,
            house.limits.max_identity,
        ))
    }

    /// OpenSSL's state for one peer.
    pub(super) fn begin<C: Carrier>(&self, seat: &Arc<Seat>) -> Result<Tls, HandshakeError> {
        if C::DATAGRAMS != self.0.profile.is_for_datagrams() {
            return Err(ContextError::WrongCarrier.into());
        }
        let mut ssl = Ssl::new(&self.0.context)?;
        ssl.set_accept_state();
        seat.attach(&mut ssl)?;
        begin::<C>(ssl)
    }

    /// The whole handshake, in its time and its place.
    pub(super) async fn shake_hands<C: Carrier>(
        &self,
        tls: Tls,
        mut carrier: C,
        seat: Arc<Seat>,
        ticket: Ticket,
    ) -> Result<Session<C>, HandshakeError> {
        let presence = ticket.presence().clone();
        let share = Arc::new(self.0.places.share(seat.peer.ip()));
        let handshake = shake_hands(tls, &mut carrier, Some(&share));
        let done = tokio::select! {
            done = timeout_at(seat.deadline.into(), handshake) => done.unwrap_or(Err(HandshakeError::TooSlow)),
            () = presence.shed() => Err(HandshakeError::Shed),
        };
        // The peer was told the same for both.
        let asked = seat.asked();
        let tls = done.map_err(|error| match (&error, &asked) {
            (HandshakeError::WrongKey | HandshakeError::Alert(_) | HandshakeError::TooSlow, Some((_, false))) => {
                HandshakeError::UnknownIdentity
            }
            _ => error,
        })?;
        let end = seat.key_end();
        seat.forget_key();
        forget_key(seat.profile, tls.ssl());
        let identity = asked.filter(|(_, is_known)| *is_known).map(|(identity, _)| identity);
        match identity {
            Some(identity) if ticket.admit() => {
                Ok(Session::new(tls, carrier, Some(identity), Some(Place::new(ticket))).until(end))
            }
            Some(_) => Err(HandshakeError::NoRoom),
            None => Err(HandshakeError::NotPsk),
        }
    }
}

impl fmt::Debug for PskServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PskServer")
            .field("profile", &self.0.profile)
            .finish_non_exhaustive()
    }
}
