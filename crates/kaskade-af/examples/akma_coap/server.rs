//! An application of CoAP over UDP: `POST /akma` sets a context up, and `GET /` greets whoever asks under one.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;

use coap_lite::{CoapOption, MessageType, Packet};
use kaskade_af::SimUser;
use kaskade_af::oscore::{ContextId, OscoreLogin, PATH};
use kaskade_net::random::random_octets;
use kaskade_net::time::unix_millis;
use tokio::net::UdpSocket;

use crate::oscore::{Context, Refused, said};

/// Contexts at once; the oldest makes room.
const MOST_CONTEXTS: usize = 1024;
/// Answers that are kept for whoever repeats a question (RFC 7252 4.2).
const MOST_ANSWERS: usize = 256;
/// Octets of the longest message.
const LONGEST: usize = 2048;
/// A context that nobody has used may be set up anew so often with the sender ID that its UE wants for itself.
const TRIES: usize = 3;

/// Codes of CoAP.
pub(crate) const GET: u8 = 0x01;
pub(crate) const POST: u8 = 0x02;
pub(crate) const CREATED: u8 = 0x41;
pub(crate) const CONTENT: u8 = 0x45;
const BAD_REQUEST: u8 = 0x80;
const UNAUTHORIZED: u8 = 0x81;
const NOT_FOUND: u8 = 0x84;
const METHOD_NOT_ALLOWED: u8 = 0x85;

/// The application.
pub(crate) struct Server {
    login: OscoreLogin,
    contexts: HashMap<Vec<u8>, (Context, SimUser)>,
    order: VecDeque<Vec<u8>>,
    answers: VecDeque<((SocketAddr, u16), Vec<u8>)>,
    next_id: u64,
}

impl Server {
    pub(crate) fn new(login: OscoreLogin) -> Self {
        Self {
            login,
            contexts: HashMap::new(),
            order: VecDeque::new(),
            answers: VecDeque::new(),
            next_id: 0,
        }
    }

    /// Answers what comes in, for ever.
    pub(crate) async fn serve(mut self, socket: UdpSocket) -> io::Result<()> {
        let mut octets = vec![0; LONGEST];
        loop {
            let (length, peer) = socket.recv_from(&mut octets).await?;
            let Some(Ok(message)) = octets.get(..length).map(Packet::from_bytes) else {
                continue;
            };
            let place = (peer, message.header.message_id);
            let known = self
                .answers
                .iter()
                .find(|(of, _)| *of == place)
                .map(|(_, answer)| answer.clone());
            let answer = match known {
                Some(answer) => answer,
                None => {
                    let Some(answer) = self.answered(&message, peer).await else {
                        continue;
                    };
                    let Ok(answer) = answer.to_bytes_unlimited() else {
                        continue;
                    };
                    self.answers.push_back((place, answer.clone()));
                    if self.answers.len() > MOST_ANSWERS {
                        self.answers.pop_front();
                    }
                    answer
                }
            };
            // Whoever cannot be reached asks again.
            let _ = socket.send_to(&answer, peer).await;
        }
    }

    async fn answered(&mut self, message: &Packet, peer: SocketAddr) -> Option<Packet> {
        if !matches!(
            message.header.get_type(),
            MessageType::Confirmable | MessageType::NonConfirmable
        ) {
            return None;
        }
        if message.get_option(CoapOption::Oscore).is_some() {
            return Some(self.under_context(message).unwrap_or_else(|refused| {
                let code = match refused {
                    Refused::Form | Refused::Spent => BAD_REQUEST,
                    // RFC 8613 8.2: 4.00 for what does not open, 4.01 for what was there before.
                    Refused::Open => BAD_REQUEST,
                    Refused::Replay => UNAUTHORIZED,
                };
                answer(message, code, b"")
            }));
        }
        match (path(message).as_slice(), u8::from(message.header.code)) {
            ([segment], POST) if segment == PATH.as_bytes() => Some(self.set_up(message, peer).await),
            ([segment], _) if segment == PATH.as_bytes() => Some(answer(message, METHOD_NOT_ALLOWED, b"")),
            _ => Some(answer(message, UNAUTHORIZED, b"POST /akma first")),
        }
    }

    async fn set_up(&mut self, message: &Packet, peer: SocketAddr) -> Packet {
        for _ in 0..TRIES {
            let id = self.free_id();
            match self.login.set_up(Some(peer.ip()), &message.payload, id).await {
                Ok(made) => {
                    self.keep(id, Context::new(&made.context), made.user);
                    return answer(message, CREATED, &made.answer);
                }
                Err(kaskade_af::oscore::NoOscore::SetUp(kaskade_af::oscore::SetUpError::SameId)) => {}
                Err(why) => return answer(message, why.code(), why.to_string().as_bytes()),
            }
        }
        answer(message, BAD_REQUEST, b"")
    }

    /// An ID that no context has, of 4 octets: whoever counts them up learns how many there were, and nothing more.
    fn free_id(&mut self) -> ContextId {
        if self.next_id == 0 {
            self.next_id = random_octets::<2>().map_or(1, |octets| u64::from(u16::from_be_bytes(octets)));
        }
        self.next_id = self.next_id.wrapping_add(1);
        let octets = self.next_id.to_be_bytes();
        ContextId::new(&octets[4..]).expect("4 octets")
    }

    fn keep(&mut self, id: ContextId, context: Context, user: SimUser) {
        let id = id.octets().to_vec();
        self.contexts.insert(id.clone(), (context, user));
        self.order.push_back(id);
        while self.order.len() > MOST_CONTEXTS {
            if let Some(oldest) = self.order.pop_front() {
                self.contexts.remove(&oldest);
            }
        }
    }

    fn under_context(&mut self, message: &Packet) -> Result<Packet, Refused> {
        let kid = said(message)?.kid.ok_or(Refused::Form)?.to_vec();
        let (context, user) = self.contexts.get_mut(&kid).ok_or(Refused::Replay)?;
        let now = i64::try_from(unix_millis().get()).unwrap_or(i64::MAX);
        if user.expiry.unix_millis() <= now {
            self.contexts.remove(&kid);
            return Err(Refused::Replay);
        }
        let (request, asked) = context.open_request(message)?;
        let told = match (path(&request).as_slice(), u8::from(request.header.code)) {
            ([], GET) => {
                let name = user.name();
                let text = format!("Good morning, {}", name.as_deref().unwrap_or("somebody"));
                answer(&request, CONTENT, text.as_bytes())
            }
            ([], _) => answer(&request, METHOD_NOT_ALLOWED, b""),
            _ => answer(&request, NOT_FOUND, b""),
        };
        context.answer(&told, &asked)
    }
}

/// The segments of a path.
fn path(message: &Packet) -> Vec<Vec<u8>> {
    let segments = message.get_option(CoapOption::UriPath).into_iter().flatten();
    segments.filter(|segment| !segment.is_empty()).cloned().collect()
}

/// An answer in the acknowledgement (RFC 7252 5.2.1), or beside none.
fn answer(to: &Packet, code: u8, payload: &[u8]) -> Packet {
    let mut answer = Packet::new();
    answer.header.code = code.into();
    answer.header.message_id = to.header.message_id;
    answer.header.set_type(match to.header.get_type() {
        MessageType::Confirmable => MessageType::Acknowledgement,
        _ => MessageType::NonConfirmable,
    });
    answer.set_token(to.get_token().to_vec());
    answer.payload = payload.to_vec();
    answer
}
