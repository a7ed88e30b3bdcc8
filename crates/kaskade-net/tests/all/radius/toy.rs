//! An EAP method of two rounds that proves nothing: what it asks, the peer answers by turning every bit of it. And the gateway of its peers.
#![allow(unreachable_pub, reason = "other modules of the tests use it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kaskade_codec::radius::{AttributeType, Exchange, Sent, Told};
use kaskade_crypto::kdf::sha256;
use kaskade_crypto::radius::SharedSecret;
use kaskade_flow::{Durable, Guarded, Refusal};
use kaskade_keys::eap::Msk;
use kaskade_net::radius::{
    Asked, Client, Clients, Dropped, EapAsk, EapServer, EapTold, Granted, Key, RadiusOptions, RadiusServer,
};
use kaskade_net::sbi::peer::Requester;
use tokio::sync::Semaphore;

/// The type of the method: for experiments (RFC 3748 5.8).
const TOY: u8 = 255;
const IDENTITY: u8 = 1;
pub const SECRET: &[u8] = b"at least sixteen octets";

/// Runs the method.
pub struct Toy {
    /// Packets that came here.
    pub handled: AtomicUsize,
    pub refused: Mutex<Vec<Refusal>>,
    /// A packet waits for one of these.
    pub gate: Arc<Semaphore>,
    /// What the peer called `refused` is told.
    pub refusal: Mutex<Refusal>,
}

impl Default for Toy {
    fn default() -> Self {
        Self {
            handled: AtomicUsize::new(0),
            refused: Mutex::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            refusal: Mutex::new(Refusal::Internal),
        }
    }
}

/// What was asked, of whom.
pub struct Run {
    name: Vec<u8>,
    identifier: u8,
    round: u8,
}

pub fn msk(name: &[u8]) -> Msk {
    let halves = [1_u8, 2].map(|half| sha256(&[&[half], name]));
    Msk::from_octets(halves.concat().as_slice().try_into().unwrap())
}

pub fn cui(name: &[u8]) -> Vec<u8> {
    sha256(&[b"cui", name])[..20].to_vec()
}

fn durable<T>(value: T) -> Durable<T> {
    Guarded::new(value).made_durable()
}

fn request(identifier: u8, kind: u8, data: &[u8]) -> Asked {
    Asked::Released(durable(message(1, identifier, kind, data)))
}

fn message(code: u8, identifier: u8, kind: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(5 + data.len()).unwrap().to_be_bytes();
    [&[code, identifier, length[0], length[1], kind][..], data].concat()
}

/// As a peer answers.
pub fn response(identifier: u8, kind: u8, data: &[u8]) -> Vec<u8> {
    message(2, identifier, kind, data)
}

impl EapServer for Toy {
    type Run = Run;

    const RUN_HEAP: usize = 64;

    fn asked(run: &Run) -> Option<Vec<u8>> {
        Some(match run.round {
            0 => message(1, run.identifier, IDENTITY, b""),
            round => message(1, run.identifier, TOY, &[round]),
        })
    }

    async fn handle(&self, ask: EapAsk<'_>, run: Option<Run>) -> EapTold<Run> {
        self.handled.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        let invalid = |run| EapTold::Refused {
            run,
            why: Refusal::EapPacketInvalid.into(),
        };
        let (identifier, kind, data) = match ask.packet {
            [] => {
                let (name, identifier) = (Vec::new(), 1);
                let (run, packet) = (
                    Run {
                        name,
                        identifier,
                        round: 0,
                    },
                    request(1, IDENTITY, b""),
                );
                return EapTold::Request { run, packet };
            }
            [2, identifier, _, _, kind, data @ ..] => (*identifier, *kind, data),
            _ => return invalid(run),
        };
        let Some(mut run) = run.filter(|run| run.round > 0) else {
            if kind != IDENTITY {
                return invalid(None);
            }
            if let b"refused" | b"refused in the middle" | b"lost in the middle" = data {
                let run = (data != b"refused").then(|| Run {
                    name: data.to_vec(),
                    identifier,
                    round: 1,
                });
                return match run {
                    None => EapTold::Refused {
                        run,
                        why: (*self.refusal.lock().unwrap()).into(),
                    },
                    Some(run) => EapTold::Request {
                        packet: request(identifier, TOY, &[1]),
                        run,
                    },
                };
            }
            let (name, identifier) = (data.to_vec(), identifier.wrapping_add(1));
            let round = 1;
            return EapTold::Request {
                packet: request(identifier, TOY, &[round]),
                run: Run {
                    name,
                    identifier,
                    round,
                },
            };
        };
        if let b"refused in the middle" | b"lost in the middle" = &*run.name {
            return EapTold::Refused {
                run: Some(run).filter(|run| run.name == b"refused in the middle"),
                why: (*self.refusal.lock().unwrap()).into(),
            };
        }
        if identifier != run.identifier || kind != TOY {
            return invalid(Some(run));
        }
        if data != [!run.round] {
            return EapTold::Failure {
                packet: vec![4, identifier, 0, 4],
                why: Refusal::AuthenticationRejected,
            };
        }
        if run.round < 2 {
            (run.round, run.identifier) = (run.round + 1, run.identifier.wrapping_add(1));
            return EapTold::Request {
                packet: request(run.identifier, TOY, &[run.round]),
                run,
            };
        }
        EapTold::Success(durable(Granted {
            packet: vec![3, identifier, 0, 4],
            key: Some(Key::Msk(msk(&run.name))),
            cui: Some(cui(&run.name)),
            eap_key_name: Some(vec![TOY; 9]),
            session: Some(Duration::from_secs(3600)),
        }))
    }

    fn refused(&self, _: &Requester, why: Refusal) {
        self.refused.lock().unwrap().push(why);
    }
}

impl Toy {
    pub fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }

    /// Lets no packet through until somebody opens the gate.
    pub fn closed() -> Self {
        Self {
            gate: Arc::new(Semaphore::new(0)),
            ..Self::default()
        }
    }
}

pub fn secret() -> SharedSecret {
    SharedSecret::new(SECRET).unwrap()
}

pub fn client(name: &str) -> Client {
    Client::new(name, secret())
}

/// Everybody on this machine may ask.
pub fn clients() -> Clients {
    Clients::new([("127.0.0.0/8".parse().unwrap(), client("loopback"))]).unwrap()
}

pub fn server_with(toy: Toy, options: RadiusOptions) -> Arc<RadiusServer<Toy>> {
    Arc::new(RadiusServer::new(toy, clients(), options))
}

pub fn server() -> Arc<RadiusServer<Toy>> {
    server_with(Toy::default(), RadiusOptions::default())
}

/// A counter of a server.
pub fn sum(server: &RadiusServer<Toy>, name: &str) -> u64 {
    let mut sums = server.figures().sums();
    sums.find(|(own, _)| *own == name).expect("it is counted").1
}

/// A gateway with one peer.
pub struct Gateway {
    pub exchange: Exchange,
    pub name: Vec<u8>,
    pub from: SocketAddr,
    identifier: u8,
}

impl Gateway {
    pub fn of(name: &[u8]) -> Self {
        Self::under(secret(), name)
    }

    pub fn under(secret: SharedSecret, name: &[u8]) -> Self {
        Self {
            exchange: Exchange::new(secret, name),
            name: name.to_vec(),
            from: ([127, 0, 0, 1], 40_000).into(),
            identifier: 0,
        }
    }

    #[must_use]
    pub fn saying(mut self, attribute: AttributeType, value: &[u8]) -> Self {
        self.exchange = self.exchange.saying(attribute, value);
        self
    }

    /// A request that no other one equals.
    pub fn sent(&mut self, eap: &[u8]) -> Sent {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        self.identifier = self.identifier.wrapping_add(1);
        let mut authenticator = [0x5a; 16];
        authenticator[..8].copy_from_slice(&NUMBER.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        self.exchange.request(eap, self.identifier, &authenticator).unwrap()
    }

    /// Asks a server without a socket.
    pub async fn ask(&mut self, server: &RadiusServer<Toy>, client: &Client, eap: &[u8]) -> Result<Told, Dropped> {
        let sent = self.sent(eap);
        let octets = server.answer(sent.octets(), client, self.from).await?;
        Ok(self.exchange.answer(&sent, &octets).expect("the answer is right"))
    }

    pub fn identity(&self) -> Vec<u8> {
        response(0, IDENTITY, &self.name)
    }

    /// What the peer says to a challenge.
    pub fn answer_of_peer(eap: &[u8], name: &[u8]) -> Vec<u8> {
        match eap {
            [1, identifier, _, _, IDENTITY, ..] => response(*identifier, IDENTITY, name),
            [1, identifier, _, _, TOY, round] => response(*identifier, TOY, &[!round]),
            _ => unreachable!("{eap:?}"),
        }
    }

    /// The challenge of a server, or nothing else.
    pub async fn challenged(&mut self, server: &RadiusServer<Toy>, client: &Client, eap: &[u8]) -> Vec<u8> {
        match self.ask(server, client, eap).await.unwrap() {
            Told::Challenge { eap, .. } => eap,
            other => unreachable!("{other:?}"),
        }
    }

    /// A whole run; what comes at its end.
    pub async fn run(&mut self, server: &RadiusServer<Toy>, client: &Client) -> Told {
        let mut eap = self.identity();
        loop {
            match self.ask(server, client, &eap).await.unwrap() {
                Told::Challenge { eap: asked, .. } => eap = Self::answer_of_peer(&asked, &self.name),
                end => return end,
            }
        }
    }
}

/// The peer came in with the key that it has itself.
pub fn assert_in(told: Told, name: &[u8]) {
    let Told::Accept { eap, msk: key, .. } = told else {
        unreachable!("{told:?}")
    };
    assert_eq!(eap.unwrap()[0], 3, "EAP-Success");
    assert_eq!(key, Some(msk(name)));
}

pub fn assert_rejected(told: &Told, identifier: u8) {
    let Told::Reject { eap, reply_message } = told else {
        unreachable!("{told:?}")
    };
    assert_eq!(eap.as_deref(), Some(&[4, identifier, 0, 4][..]), "EAP-Failure");
    assert_eq!(*reply_message, None, "never beside EAP (RFC 3579 2.6.5)");
}
