//! OSCORE with K_AF: published messages, and aiocoap at either end.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use coap_lite::{CoapOption, MessageType, Packet};
use kaskade_af::NoKey;
use kaskade_af::oscore::{ContextId, NoOscore, OscoreAf, OscoreLogin, PATH};
use kaskade_flow::Refusal;
use kaskade_keys::id::UaProtocolId;
use kaskade_net::random::random_octets;
use kaskade_ue::Akma;
use serde_json::Value;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::common::{Home, Says, Ue, af, client};
use crate::oscore::{Asked, Context, Refused};
use crate::server::{CONTENT, CREATED, GET, POST, Server};

/// Long enough for a slow machine.
const SOON: Duration = Duration::from_secs(30);

const PROTOCOL: UaProtocolId = UaProtocolId::from_octets([0xff, 0, 0, 0, 1]);

fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// A message without what is outside: code, options in hexadecimal, payload.
fn inner(code: u8, options: &[u8], payload: &[u8]) -> Packet {
    let mut octets = [&[0x40, code, 0, 0], options].concat();
    if !payload.is_empty() {
        octets.push(0xff);
        octets.extend_from_slice(payload);
    }
    Packet::from_bytes(&octets).unwrap()
}

fn outer(option: Vec<u8>, ciphertext: Vec<u8>) -> Packet {
    let mut packet = Packet::new();
    packet.add_option(CoapOption::Oscore, option);
    packet.payload = ciphertext;
    packet
}

#[test]
fn messages_of_oscore_are_those_that_are_published() {
    let file = kaskade_oracle::vectors("oscore.json");
    for case in file["cases"].as_array().unwrap() {
        let [secret, salt, of_client, of_server] =
            ["secret", "salt", "client", "server"].map(|field| octets(&case[field]));
        let secret: [u8; 16] = secret.try_into().unwrap();
        let mut client = Context::derived(&secret, &salt, &of_client, &of_server);
        let mut server = Context::derived(&secret, &salt, &of_server, &of_client);
        let code = u8::try_from(case["code"].as_u64().unwrap()).unwrap();
        let message = inner(code, &octets(&case["options"]), &octets(&case["payload"]));
        let (option, ciphertext) = (octets(&case["option"]), octets(&case["ciphertext"]));
        let of_request = Packet::new();
        let mut last = None;
        for _ in 0..=case["sequence"].as_u64().unwrap() {
            let is_request = case["operation"] == "request";
            last = Some(client.request(if is_request { &message } else { &of_request }).unwrap());
        }
        let (request, asked) = last.unwrap();
        let sealed = match case["operation"].as_str().unwrap() {
            "request" => request,
            "answer" => server.answer(&message, &asked).unwrap(),
            // Nobody needs to send one here, and whoever does is understood.
            _ => outer(option.clone(), ciphertext.clone()),
        };
        assert_eq!(sealed.payload, ciphertext, "{case}");
        assert_eq!(sealed.get_first_option(CoapOption::Oscore), Some(&option), "{case}");
        let opened = match case["operation"] == "request" {
            true => server.open_request(&sealed).unwrap().0,
            false => client.open_answer(&sealed, &asked).unwrap(),
        };
        assert_eq!(
            (opened.header.code, &opened.payload),
            (message.header.code, &message.payload)
        );
        assert_eq!(
            opened.get_option(CoapOption::UriPath),
            message.get_option(CoapOption::UriPath)
        );
    }
}

fn pair() -> (Context, Context) {
    let of = |sender: u8, recipient: u8| Context::derived(&[1; 16], b"salt", &[sender], &[recipient]);
    (of(1, 2), of(2, 1))
}

#[test]
fn a_message_of_oscore_is_taken_once_and_unchanged() {
    let (mut client, mut server) = pair();
    let get = inner(GET, b"\xb1a", b"");
    let mut sent: Vec<(Packet, Asked)> = (0..40).map(|_| client.request(&get).unwrap()).collect();
    let (first, _) = sent.remove(0);
    for octet in 0..first.payload.len() {
        let mut changed = first.clone();
        changed.payload[octet] ^= 1;
        assert_eq!(server.open_request(&changed).err(), Some(Refused::Open));
    }
    server.open_request(&first).unwrap();
    assert_eq!(server.open_request(&first).err(), Some(Refused::Replay));
    // In any order within 32, each once.
    for index in [4, 2, 3, 34, 33, 5] {
        let taken = server.open_request(&sent[index].0);
        let asked = taken.unwrap_or_else(|error| panic!("{index}: {error:?}")).1;
        assert_eq!(asked, sent[index].1);
        assert_eq!(
            server.open_request(&sent[index].0).err(),
            Some(Refused::Replay),
            "{index}"
        );
    }
    // 33 before the highest.
    assert_eq!(server.open_request(&sent[1].0).err(), Some(Refused::Replay));
    // An answer is one to its question.
    let answer = server.answer(&inner(CONTENT, b"", b"x"), &sent[4].1).unwrap();
    assert_eq!(client.open_answer(&answer, &sent[5].1).err(), Some(Refused::Open));
    assert_eq!(client.open_answer(&answer, &sent[4].1).unwrap().payload, b"x");
    for option in [
        &[0x20][..],
        &[0x06],
        &[0x08 | 2, 1],
        &[0x18, 1, 1, 1],
        &[1, 0, 7],
        &[0x0e],
    ] {
        let wrong = outer(option.to_vec(), first.payload.clone());
        assert_eq!(server.open_request(&wrong).err(), Some(Refused::Form), "{option:x?}");
    }
}

/// The application of the example, and its user.
async fn start() -> (Home, Ue, SocketAddr) {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let server = Server::new(OscoreLogin::new(client(&home), PROTOCOL).unwrap());
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(server.serve(socket));
    (home, ue, address)
}

fn k_af(ue: &Ue) -> String {
    let af_id = OscoreAf::new(af(), PROTOCOL).unwrap().af_id();
    hex::encode(ue.k_akma.k_af(&af_id).expose_to_af())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ue_by_aiocoap_sets_a_context_up_and_asks_under_it() {
    let Some(python) = kaskade_oracle::aiocoap("ue.py") else {
        return;
    };
    drop(python);
    let (home, ue, address) = start().await;
    let run = |a_kid: String, k_af: String| {
        let mut python = kaskade_oracle::aiocoap("ue.py").unwrap();
        python
            .arg(format!("coap://{address}"))
            .arg(a_kid)
            .arg(PROTOCOL.to_string())
            .arg(k_af);
        python.args(["/", "/", "/nowhere"]);
        let output = move || python.output().unwrap();
        async move {
            let output = timeout(SOON, tokio::task::spawn_blocking(output))
                .await
                .expect("an end")
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        }
    };
    let told = run(ue.a_kid.to_string(), k_af(&ue)).await;
    let greeting = "2.05 Good morning, msisdn-491701234567\n";
    assert_eq!(told, format!("{greeting}{greeting}4.04 \n"));
    assert_eq!(home.asked(), 1);
    // Another key: its messages open nothing.
    let told = run(ue.a_kid.to_string(), k_af(&Ue::new(2))).await;
    assert!(!told.contains("2.05") && told.lines().count() == 3, "{told}");
    // An A-KID that nobody knows.
    let told = run(Ue::new(2).a_kid.to_string(), k_af(&Ue::new(2))).await;
    assert_eq!(told, "4.03 the home network gives no key for this A-KID\n");
}

async fn exchange(socket: &UdpSocket, message: &Packet) -> Packet {
    socket.send(&message.to_bytes().unwrap()).await.unwrap();
    let mut octets = [0; 2048];
    let length = timeout(SOON, socket.recv(&mut octets)).await.expect("an answer");
    Packet::from_bytes(&octets[..length.unwrap()]).unwrap()
}

/// A UE of ours, with the keys of one of the tests.
async fn ask_as_a_ue(address: SocketAddr, ue: &Ue) -> Vec<Packet> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(address).await.unwrap();
    let question = |code: u8, message_id: u16| {
        let mut packet = inner(code, b"", b"");
        packet.header.set_type(MessageType::Confirmable);
        packet.header.message_id = message_id;
        packet.set_token(vec![7, 7]);
        packet
    };
    let af = OscoreAf::new(af(), PROTOCOL).unwrap();
    let akma = Akma::of(&ue.k_ausf, &crate::common::supi(), ue.home);
    assert_eq!(akma.a_kid(), &ue.a_kid);
    let set_up = akma.oscore(&af, random_octets().unwrap(), ContextId::new(&[0xa1]).unwrap());
    let mut request = question(POST, 1);
    request.add_option(CoapOption::UriPath, PATH.into());
    request.payload = set_up.payload().to_vec();
    let created = exchange(&socket, &request).await;
    assert_eq!(u8::from(created.header.code), CREATED, "{created:?}");
    let mut context = Context::new(&set_up.end(&created.payload).unwrap());
    let mut told = Vec::new();
    for message_id in 2..5 {
        let (request, asked) = context.request(&question(GET, message_id)).unwrap();
        let answer = exchange(&socket, &request).await;
        // Said once more, it is the same answer and no replay (RFC 7252 4.2).
        assert_eq!(exchange(&socket, &request).await, answer);
        assert_eq!(answer.get_token(), [7, 7]);
        told.push(context.open_answer(&answer, &asked).unwrap());
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ue_of_ours_asks_the_application_of_the_example() {
    let (_, ue, address) = start().await;
    for answer in ask_as_a_ue(address, &ue).await {
        assert_eq!(answer.payload, b"Good morning, msisdn-491701234567");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ue_of_ours_asks_an_application_by_aiocoap() {
    let Some(mut python) = kaskade_oracle::aiocoap("af.py") else {
        return;
    };
    let ue = Ue::new(1);
    let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    python
        .arg(free.port().to_string())
        .arg(ue.a_kid.to_string())
        .arg(PROTOCOL.to_string())
        .arg(k_af(&ue));
    let mut theirs = python.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(theirs.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    let asked = tokio::spawn(async move { ask_as_a_ue(free, &ue).await }).await;
    theirs.kill().unwrap();
    theirs.wait().unwrap();
    for answer in asked.unwrap() {
        assert_eq!(answer.payload, b"Good morning");
    }
}

#[tokio::test]
async fn a_set_up_without_a_key_is_refused_in_terms_of_coap() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let login = OscoreLogin::new(client(&home), PROTOCOL).unwrap();
    let id = ContextId::new(&[1]).unwrap();
    let of = |ue: &Ue| {
        let akma = Akma::of(&ue.k_ausf, &crate::common::supi(), ue.home);
        let af = OscoreAf::new(af(), PROTOCOL).unwrap();
        akma.oscore(&af, [0; 8], ContextId::new(&[2]).unwrap())
            .payload()
            .to_vec()
    };
    let made = login.set_up(None, &of(&ue), id).await.unwrap();
    assert_eq!(made.context.recipient_id, id);
    assert!(!format!("{made:?}").contains(&ue.a_kid.to_string()), "{made:?}");
    let told = login.set_up(None, b"", id).await.unwrap_err();
    assert_eq!(told.code(), 0x80);
    let same = ContextId::new(&[2]).unwrap();
    assert_eq!(login.set_up(None, &of(&ue), same).await.unwrap_err().code(), 0x80);
    let told = login.set_up(None, &of(&Ue::new(2)), id).await.unwrap_err();
    assert_eq!((told.code(), told), (0x83, NoOscore::NoKey(NoKey::Unknown)));
    home.says(Says::NotDone(Refusal::PeerSilent));
    assert_eq!(login.set_up(None, &of(&Ue::new(3)), id).await.unwrap_err().code(), 0xa3);
    assert!(OscoreLogin::new(client(&home), UaProtocolId::HTTP_DIGEST).is_err());
}
