//! `eapol_test` comes back by ERP: a peer of other people, behind a gateway that says that it speaks ERP.

use std::process::{Command, Stdio};

use kaskade_codec::erp::ReAuthStart;
use kaskade_codec::radius::{AnswerWriter, AttributeType, Code, Packet};
use kaskade_crypto::{K, Opc};
use kaskade_net::role::aaa::ErpOptions;
use kaskade_oracle::Printed;

use super::*;

/// Asks a server for its peer. Whoever comes a second time and says who it is, is told first that this gateway speaks ERP.
async fn gateway(socket: UdpSocket, server: SocketAddr) {
    let (link, mut has_accepted) = (Link::to(server).await, false);
    let mut room = [0; 4096];
    while let Ok((length, peer)) = socket.recv_from(&mut room).await {
        let request = Packet::parse(&room[..length]).unwrap();
        let eap = request.eap().unwrap().unwrap();
        let begins = request.once(AttributeType::State).unwrap().is_none() && eap[0] == 2 && eap[4] == 1;
        let answer = match has_accepted && begins {
            true => {
                let start = ReAuthStart {
                    identifier: eap[1].wrapping_add(1),
                    domain: epc_realm(plmn()).parse().ok(),
                };
                let mut challenge = AnswerWriter::new(Code::AccessChallenge);
                challenge.eap(&start.emit()).unwrap();
                challenge.finish(&request, &secret()).unwrap().to_vec()
            }
            false => link.octets(&room[..length]).await.expect("an answer"),
        };
        has_accepted |= answer[0] == 2;
        socket.send_to(&answer, peer).await.unwrap();
    }
}

fn comes_twice(mut peer: Command, port: u16) -> (bool, Printed) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("peer.conf");
    let identity = format!("6{}@{}", imsi(0).as_str(), epc_realm(plmn()));
    let (k, opc) = ("46".repeat(16), "cd".repeat(16));
    let network = format!(
        "network={{\nssid=\"x\"\nkey_mgmt=IEEE8021X\neap=AKA'\nidentity=\"{identity}\"\npassword=\"{k}:{opc}:000000000000\"\nerp=1\n}}\n"
    );
    std::fs::write(&file, network).unwrap();
    peer.arg("-c").arg(&file);
    peer.args(["-a", "127.0.0.1", "-t", "20", "-r", "1"]);
    peer.args(["-s", std::str::from_utf8(SECRET).unwrap(), "-p", &port.to_string()]);
    let output = peer.stdin(Stdio::null()).output().unwrap();
    (output.status.success(), Printed::new(&output.stdout))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_of_other_people_comes_back_by_erp() {
    let Some(peer) = kaskade_oracle::eapol_test() else {
        return;
    };
    let mut options = aaa_options();
    // Else it would come back by a fast re-authentication.
    options.reauthentications.count = 0;
    options.pseudonyms = None;
    options.erp = Some(ErpOptions {
        domain: epc_realm(plmn()).parse().unwrap(),
        all: 100,
        lifetime: Duration::from_secs(3600),
    });
    let store = store();
    let mut subscriber = subscriber(0);
    let opc = OpOrOpc::Opc(Opc::from_octets(&[0xcd; 16]));
    subscriber.secrets = SubscriberSecrets::milenage(K::from_octets(&[0x46; 16]), opc);
    store.put_many([&subscriber]).unwrap();
    let home = Home::over(store, options);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let gateway = tokio::spawn(gateway(socket, home.address()));
    let (is_success, printed) = tokio::task::spawn_blocking(move || comes_twice(peer, port))
        .await
        .unwrap();
    gateway.abort();
    assert!(is_success, "{}", printed.text());
    assert_eq!(
        (home.successes(), home.counters().erp.sum()),
        ((1, 0), 1),
        "{}",
        printed.text()
    );
    let (r_msk, given) = (printed.last("EAP: ERP rMSK"), printed.all("MS-MPPE-Recv-Key (crypt)"));
    assert_eq!((r_msk.len(), given.len()), (64, 2));
    assert_eq!(r_msk[..32], given[1], "{}", printed.text());
    assert!(
        printed.text().contains("MPPE keys OK: 2  mismatch: 0"),
        "{}",
        printed.text()
    );
    home.node.shutdown().await;
}
