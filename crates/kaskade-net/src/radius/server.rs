//! What becomes of a packet: without a socket.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kaskade_codec::radius::{AccessRequest, Code, NoRoom, PACKET_AT_MOST, Packet, Salts};
use kaskade_faults::fault;
use kaskade_flow::Moment;
use kaskade_flow::refusal::{Radius, Refusal};
use zeroize::Zeroizing;

use super::answer::Answers;
use super::clients::{Client, Clients};
use super::duplicates::{Duplicates, InWork, Known, Octets};
use super::eap_server::{Asked, EapAsk, EapServer, EapTold};
use super::figures::{Dropped, Figures};
use super::sessions::{self, CannotBegin, NoSession, Sessions, Waiting};
use super::work::{Place, Work};
use crate::live::Live;
use crate::random::random_octets;
use crate::sbi::peer::Requester;
use crate::time::moment;

/// How often a request of EAP is repeated to a peer whose answers are of no use (RFC 3579 2.2).
const REPEATED_AT_MOST: u8 = 5;
/// EAP-Failure (RFC 3748 4.2).
const EAP_FAILURE: u8 = 4;

/// How much is kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadiusOptions {
    /// Runs that wait for their peer. For another, the oldest of the same client goes; nobody has more than three quarters.
    pub pending: usize,
    /// Of these, of one peer: with one User-Name and one Calling-Station-Id, from one client.
    pub pending_per_peer: usize,
    /// How long a run waits for each answer of its peer.
    pub lifetime: Duration,
    /// Answers that are kept for copies of their requests.
    pub answers: usize,
    /// For how long. Gateways repeat a request after some seconds; RFC 5080 2.2.2 asks for 5 to 30.
    pub answer_lifetime: Duration,
    /// Requests in work at once. What comes over UDP beyond them is dropped; over TLS it waits.
    pub in_work: usize,
    /// How long the gateway waits for its peer before it repeats an EAP request, where that should differ from its own default (RFC 3579
    /// 2.6.4). Whole seconds count.
    pub challenge_timeout: Option<Duration>,
}

impl Default for RadiusOptions {
    fn default() -> Self {
        Self {
            pending: 131_072,
            pending_per_peer: 8,
            lifetime: Duration::from_secs(60),
            answers: 65_536,
            answer_lifetime: Duration::from_secs(10),
            in_work: 4096,
            challenge_timeout: None,
        }
    }
}

impl RadiusOptions {
    /// What a server with these takes at most, in octets.
    pub const fn octets_at_most<E: EapServer>(&self) -> usize {
        // A request in work has its datagram, what is read out of it, and the task.
        const TASK: usize = 4 * PACKET_AT_MOST;
        Sessions::<E::Run>::octets_at_most(self.pending, E::RUN_HEAP)
            .saturating_add(Duplicates::octets_at_most(self.answers))
            .saturating_add(self.in_work.saturating_mul(TASK))
    }
}

/// A RADIUS server in front of somebody who runs EAP.
///
/// It has no socket: [`serve_udp`](super::serve_udp) and [`serve_radsec`](super::serve_radsec) bring packets and take answers away. Both may serve
/// one server.
pub struct RadiusServer<E: EapServer> {
    eap: E,
    clients: Live<Clients>,
    duplicates: Duplicates,
    sessions: Sessions<E::Run>,
    pub(super) work: Arc<Work>,
    figures: Figures,
    options: RadiusOptions,
    clock: fn() -> Moment,
}

impl<E: EapServer> RadiusServer<E> {
    /// With these clients over UDP.
    pub fn new(eap: E, clients: Clients, options: RadiusOptions) -> Self {
        Self::with_clock(eap, clients, options, moment)
    }

    /// The same, with another clock.
    pub fn with_clock(eap: E, clients: Clients, options: RadiusOptions, clock: fn() -> Moment) -> Self {
        Self {
            duplicates: Duplicates::new(options.answers, options.answer_lifetime),
            sessions: Sessions::new(&options),
            work: Work::new(options.in_work),
            figures: Figures::new(),
            clients: Live::new(clients),
            eap,
            options,
            clock,
        }
    }

    /// Who runs EAP.
    pub const fn eap(&self) -> &E {
        &self.eap
    }

    /// The clients over UDP, to be replaced while it runs.
    pub const fn clients(&self) -> &Live<Clients> {
        &self.clients
    }

    /// What was counted.
    pub const fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Runs that wait, answers that are kept, and requests in work.
    pub fn kept(&self) -> [usize; 3] {
        [self.sessions.len(), self.duplicates.len(), self.work.count()]
    }

    /// Lets go of what is over. Somebody does so every few seconds.
    pub fn sweep(&self) {
        let now = (self.clock)();
        self.sessions.sweep(now);
        self.duplicates.sweep(now);
    }

    /// Who may ask from this address, over UDP. Whoever may not is counted.
    pub fn client(&self, address: IpAddr) -> Option<Arc<Client>> {
        let client = self.clients.with(|clients| clients.at(address));
        if client.is_none() {
            self.unknown(&Requester::address(address));
        }
        client
    }

    /// Counts somebody who may not ask.
    pub(super) fn unknown(&self, who: &Requester) {
        self.figures.unknown_clients.add_one();
        self.figures.refusals.add_one(Refusal::PeerNotAuthorized);
        self.eap.refused(who, Refusal::PeerNotAuthorized);
    }

    /// A place for the work on a request, if there is one.
    pub(super) fn admit(&self, client: &Client) -> Option<Place> {
        let place = self.work.admit(client.requester().id());
        if place.is_none() {
            self.drop_packet(client, Dropped::Refused(Refusal::Overloaded));
        }
        place
    }

    fn drop_packet(&self, client: &Client, dropped: Dropped) -> Dropped {
        self.figures.dropped(&dropped);
        self.eap.refused(client.requester(), dropped.why());
        dropped
    }

    /// Answers a packet of a client that came from this address and port.
    ///
    /// Who drops the future before its end loses the run that the packet belongs to, so drivers let it come to its end.
    ///
    /// # Errors
    /// Why there is no answer; it has been counted.
    pub async fn answer(
        &self,
        packet: &[u8],
        client: &Client,
        from: SocketAddr,
    ) -> Result<Arc<Zeroizing<Vec<u8>>>, Dropped> {
        let answered = self.answer_believed(packet, client, from).await;
        answered.map_err(|dropped| match dropped {
            Dropped::NotTaken(_) => {
                self.figures.dropped(&dropped);
                dropped
            }
            _ => self.drop_packet(client, dropped),
        })
    }

    async fn answer_believed(&self, datagram: &[u8], client: &Client, from: SocketAddr) -> Result<Octets, Dropped> {
        let packet = Packet::parse(datagram)?;
        let answers = Answers {
            client,
            packet: &packet,
        };
        let code = packet.code();
        if !matches!(code, Some(Code::AccessRequest | Code::StatusServer)) {
            return Err(Dropped::Code(packet.code_number()));
        }
        packet.authenticate_request(client.secret())?;
        if code == Some(Code::StatusServer) {
            self.figures.status.add_one();
            return answers.alive().map_err(no_room);
        }
        let owner = client.requester().id();
        let known = self.duplicates.begin(owner, from, &packet, (self.clock)());
        let mut work = match known.map_err(|_| Dropped::Refused(Refusal::Overloaded))? {
            Known::New(work) => work,
            Known::Answered(octets) => {
                self.figures.copies_answered.add_one();
                return Ok(octets);
            }
            Known::Silence => return Err(Dropped::Copy),
        };
        let request = AccessRequest::of(&packet)?;
        let octets = self.authenticate(&answers, &request, &mut work).await?;
        work.answered(&octets, (self.clock)());
        Ok(octets)
    }

    /// The work on a request that is no copy.
    async fn authenticate(
        &self,
        answers: &Answers<'_>,
        request: &AccessRequest<'_>,
        copies: &mut InWork<'_>,
    ) -> Result<Octets, Dropped> {
        let eap = request.eap.as_deref().ok_or(Dropped::Refused(Refusal::IeMissing))?;
        let owner = answers.client.requester().id();
        let session = request
            .state
            .map(|state| self.sessions.begin(state, owner, request, (self.clock)()));
        let (waiting, session) = match session.transpose() {
            Ok(session) => session.unzip(),
            Err(NoSession::InWork) => return Err(Dropped::Refused(Refusal::InWork)),
            Err(NoSession::Unknown) => {
                let why = Refusal::ContextNotFound;
                self.eap.refused(answers.client.requester(), why);
                return self.not_taken(answers, eap, why);
            }
        };
        if session.is_some() {
            copies.has_a_run((self.clock)());
        }
        let (run, before) = waiting.map(Waiting::split).unzip();
        let ask = EapAsk {
            packet: eap,
            user_name: request.user_name.unwrap_or_default(),
            requester: answers.client.requester(),
            gateway: request.gateway,
            called_station_id: request.called_station_id,
            calling_station_id: request.calling_station_id,
            mtu: request.framed_mtu,
            wants_cui: request.wants_cui,
            wants_eap_key_name: request.wants_eap_key_name,
        };
        let turn = Turn {
            server: self,
            answers,
            request,
            eap,
            session,
            before,
            copies,
        };
        match self.eap.handle(ask, run).await {
            EapTold::Request { run, packet } => turn.asks(run, packet),
            EapTold::Success(granted) => {
                let salts = random_octets().map_err(|_| Dropped::Refused(Refusal::NoRandomness))?;
                let octets = answers.accept(request, granted, Salts::from_random(salts));
                let octets = octets.map_err(no_room)?;
                self.figures.accepts.add_one();
                Ok(octets)
            }
            EapTold::Failure { packet, why } => self.reject(answers, &packet, why),
            EapTold::Refused { run, why } => turn.refuses(run, why.why),
        }
    }

    /// What a gateway is told of a packet that belongs to no run.
    fn not_taken(&self, answers: &Answers<'_>, eap: &[u8], why: Refusal) -> Result<Octets, Dropped> {
        match why.verdict().radius.answer() {
            Some(Radius::Reject) => self.reject(answers, &failure(eap), why),
            // There is nothing that could be asked again.
            Some(Radius::Again | Radius::Discard) | None => Err(Dropped::NotTaken(why)),
        }
    }

    fn reject(&self, answers: &Answers<'_>, eap: &[u8], why: Refusal) -> Result<Octets, Dropped> {
        let octets = answers.reject(eap).map_err(no_room)?;
        self.figures.rejects.add_one();
        self.figures.refusals.add_one(why);
        Ok(octets)
    }
}

/// An answer fits, unless proxies have left no room for it.
fn no_room(_: NoRoom) -> Dropped {
    Dropped::Refused(Refusal::IeIncorrect)
}

/// EAP-Failure for a peer that sent this packet.
fn failure(eap: &[u8]) -> [u8; 4] {
    [EAP_FAILURE, eap.get(1).copied().unwrap_or_default(), 0, 4]
}

/// One packet, and the session that it belongs to.
struct Turn<'t, 'd, E: EapServer> {
    server: &'t RadiusServer<E>,
    answers: &'t Answers<'t>,
    request: &'t AccessRequest<'t>,
    eap: &'t [u8],
    session: Option<sessions::InWork<'t, E::Run>>,
    before: Option<sessions::Before>,
    copies: &'t mut InWork<'d>,
}

impl<E: EapServer> Turn<'_, '_, E> {
    /// The peer is asked something.
    fn asks(self, run: E::Run, packet: Asked) -> Result<Octets, Dropped> {
        let Self { server, request, .. } = self;
        let (sessions, now) = (&server.sessions, (server.clock)());
        let place = match &self.session {
            Some(session) => session.place,
            None => sessions
                .place(request)
                .map_err(|_| Dropped::Refused(Refusal::NoRandomness))?,
        };
        let timeout = server.options.challenge_timeout;
        let written = self.answers.challenge(&place.state(), packet, timeout);
        let octets = written.map_err(no_room)?;
        let waiting = sessions.waiting(request, run);
        match self.session {
            Some(session) => session.put_back(waiting, now),
            None => {
                let owner = self.answers.client.requester().id();
                let inserted = sessions.insert(place, owner, request, waiting, now);
                inserted.map_err(|CannotBegin| Dropped::Refused(Refusal::Overloaded))?;
            }
        }
        server.figures.challenges.add_one();
        Ok(octets)
    }

    /// The packet is not taken.
    fn refuses(self, run: Option<E::Run>, why: Refusal) -> Result<Octets, Dropped> {
        let Self {
            server,
            answers,
            eap,
            copies,
            ..
        } = self;
        let now = (server.clock)();
        let told = why.verdict().radius.answer().unwrap_or(Radius::Discard);
        let (Some(session), Some(before), Some(run)) = (self.session, self.before, run) else {
            return server.not_taken(answers, eap, why);
        };
        match told {
            Radius::Reject => server.reject(answers, &failure(eap), why),
            Radius::Again if before.repeated >= REPEATED_AT_MOST && !fault!("challenge-repeated-without-end") => {
                server.reject(answers, &failure(eap), why)
            }
            Radius::Again => {
                let Some(asked) = E::asked(&run) else {
                    return server.reject(answers, &failure(eap), why);
                };
                copies.can_come_again();
                let octets = answers.again(&session.place.state(), &asked);
                let waiting = before.repeated_once().with(run);
                session.put_back(waiting, now);
                let octets = octets.map_err(no_room)?;
                server.figures.repeated_challenges.add_one();
                server.figures.refusals.add_one(why);
                Ok(octets)
            }
            Radius::Discard => {
                copies.can_come_again();
                session.put_back(before.with(run), now);
                Err(Dropped::NotTaken(why))
            }
        }
    }
}

impl<E: EapServer + std::fmt::Debug> std::fmt::Debug for RadiusServer<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RadiusServer")
            .field("eap", &self.eap)
            .field("figures", &self.figures)
            .finish_non_exhaustive()
    }
}
