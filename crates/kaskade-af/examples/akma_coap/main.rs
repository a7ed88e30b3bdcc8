//! OSCORE with K_AF: an application of CoAP and a UE (TS 33.535 Annex D, project profile AKMA-OSCORE-P1). `docs/akma-af.md` tells more.
//!
//! ```text
//! cargo run -p kaskade-af --example akma_coap
//!     makes up a home network and one user, whose UE sets a context up and asks under it; both ends in one process, over UDP
//! cargo run -p kaskade-af --example akma_coap -- 127.0.0.1:5683
//!     the same application at this address, for the client of somebody else; prints A-KID and K_AF
//! ```
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "it prints, and casts its own constants"
)]

mod oscore;
mod server;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use coap_lite::{CoapOption, MessageType, Packet};
use kaskade_af::oscore::{ContextId, OscoreAf, OscoreLogin, PATH};
use kaskade_af::{AkmaClient, AkmaOptions, Asked, KeySource};
use kaskade_codec::akma_oscore::UeSetUp;
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest};
use kaskade_keys::akma::KAkma;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::UaProtocolId;
use kaskade_keys::{AKid, HomeRealm, Supi};
use kaskade_net::random::random_octets;
use kaskade_net::time::unix_millis;
use tokio::net::UdpSocket;

use oscore::Context;
use server::{GET, POST, Server};

/// Ua* security protocol identifier of OSCORE: of an organisation of one's own, as 3GPP's is not known here.
const PROTOCOL: UaProtocolId = UaProtocolId::from_octets([0xff, 0, 0, 0, 1]);

/// A home network with one user.
struct Home {
    a_kid: AKid,
    k_akma: KAkma,
}

impl KeySource for Home {
    fn k_af(&self, request: AkmaAfKeyRequest) -> Asked<'_> {
        let is_known = request.a_kid == self.a_kid;
        let key = is_known.then(|| AkmaAfKeyData {
            gpsi: "msisdn-491701234567".parse().ok(),
            supi: None,
            expiry: unix_millis().after(Duration::from_secs(3600)).into(),
            k_af: self.k_akma.k_af(&request.af_id),
        });
        Box::pin(async move { Ok(key) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let supi: Supi = "imsi-001010000000001".parse()?;
    let k_ausf = KAusf::from_octets(&random_octets()?);
    let realm = HomeRealm::new("001-01".parse()?, None);
    let a_kid = AKid::new("0".parse()?, &k_ausf.a_tid(&supi), realm);
    let k_akma = k_ausf.k_akma(&supi);
    let home = Home {
        a_kid: a_kid.clone(),
        k_akma: k_akma.clone(),
    };
    let af = OscoreAf::new("af.example".parse()?, PROTOCOL)?;
    let keys = AkmaClient::new("af.example".parse()?, home, AkmaOptions::default())?;
    let server = Server::new(OscoreLogin::new(keys, PROTOCOL)?);
    let k_af = k_akma.k_af(&af.af_id());
    if let Some(address) = std::env::args().nth(1) {
        let socket = UdpSocket::bind(address.parse::<SocketAddr>()?).await?;
        let digits: String = k_af.expose_to_af().iter().map(|octet| format!("{octet:02x}")).collect();
        println!(
            "coap://{}/akma\nA-KID     {a_kid}\nprotocol  {PROTOCOL}\nK_AF      {digits}",
            socket.local_addr()?
        );
        return Ok(server.serve(socket).await?);
    }
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let address = socket.local_addr()?;
    tokio::spawn(server.serve(socket));

    let ue = UdpSocket::bind("127.0.0.1:0").await?;
    ue.connect(address).await?;
    let set_up = UeSetUp::begin(&af, &a_kid, random_octets()?, ContextId::new(&[0xa1])?);
    let mut request = question(POST, 1);
    request.add_option(CoapOption::UriPath, PATH.into());
    request.payload = set_up.payload().to_vec();
    println!("UE  POST /akma, {} octets", request.payload.len());
    let created = ask(&ue, &request).await?;
    println!("AF  {}, {} octets", created.header.get_code(), created.payload.len());
    let mut context = Context::new(&set_up.end(&k_af, &created.payload)?);
    for message_id in 2..4 {
        let (request, asked) = context
            .request(&question(GET, message_id))
            .map_err(|why| format!("{why:?}"))?;
        println!("UE  GET / under OSCORE, {} octets", octets(&request)?.len());
        let answer = ask(&ue, &request).await?;
        let answer = context.open_answer(&answer, &asked).map_err(|why| format!("{why:?}"))?;
        let text = String::from_utf8(answer.payload)?;
        println!("AF  {} {text}", answer.header.get_code());
    }
    Ok(())
}

fn question(code: u8, message_id: u16) -> Packet {
    let mut packet = Packet::new();
    packet.header.set_type(MessageType::Confirmable);
    packet.header.code = code.into();
    packet.header.message_id = message_id;
    packet.set_token(message_id.to_be_bytes().to_vec());
    packet
}

/// Sends a message and waits for its answer; the loopback loses none.
async fn ask(socket: &UdpSocket, message: &Packet) -> Result<Packet, Box<dyn Error>> {
    socket.send(&octets(message)?).await?;
    let mut answer = [0; 2048];
    let length = tokio::time::timeout(Duration::from_secs(10), socket.recv(&mut answer)).await??;
    Ok(Packet::from_bytes(&answer[..length]).map_err(|error| format!("{error:?}"))?)
}

fn octets(message: &Packet) -> Result<Vec<u8>, String> {
    message.to_bytes().map_err(|error| format!("{error:?}"))
}
