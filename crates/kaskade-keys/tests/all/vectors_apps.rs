//! Keys of applications and of EAP, by the typed methods: published answers of RFC 9048 and of FreeRADIUS, and what an
//! independent script computed from the same session.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use kaskade_crypto::milenage::Milenage;
use kaskade_crypto::{Amf, Autn, FromOctets, K, Opc, Rand, Sqn};
use kaskade_keys::derivation::NamedKey;
use kaskade_keys::eap::{CkIkPrime, Emsk, KRe, MkAka, Msk, SharedSecret};
use kaskade_keys::gba::{DigestHa1, TlsMkExtr};
use kaskade_keys::id::{
    AccessNetworkIdentity, AfId, BsfId, Cryptosuite, DigestResponse, E2mLabel, EapCounter, EapIdentity, EmseId,
    ErpSequence, Fqdn, GroupMemberIdentity, Impi, NafId, Nonce1, Nonce2, NonceS, RangingApplicationId,
    RelayServiceCode, SessionId, SlpNonce1, SlpNonce2, SlptkIdentity, UaProtocolId, UsageData, UsageLabel,
};
use kaskade_keys::pc5::{CpPruk, KAusfP};
use kaskade_keys::ranging::{Slpgk, Slpk, Slptk};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_keys::{CipheringAlgorithm, IntegrityAlgorithm, ParseError, ServingNetworkName, Supi};
use serde_json::Value;

fn file(name: &str) -> Vec<Value> {
    kaskade_oracle::vectors(name)["cases"].as_array().unwrap().clone()
}

fn eap_cases() -> Vec<Value> {
    file("eap-aka-prime.json")
}

fn field<'c>(case: &'c Value, name: &str) -> &'c str {
    case[name]
        .as_str()
        .unwrap_or_else(|| panic!("{} lacks {name}", case["name"]))
}

fn octets<const N: usize>(case: &Value, name: &str) -> [u8; N] {
    hex::decode(field(case, name)).unwrap().try_into().unwrap()
}

/// A key that is compared with hexadecimal digits, or with another.
fn shown<T: FromOctets>(key: &T) -> Shown<'_, T> {
    Shown(key)
}

struct Shown<'k, T>(&'k T);

impl<T: FromOctets> PartialEq<&str> for Shown<'_, T> {
    fn eq(&self, digits: &&str) -> bool {
        T::from_slice(&hex::decode(digits).unwrap()).as_ref() == Some(self.0)
    }
}

impl<T: FromOctets> PartialEq for Shown<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: FromOctets> std::fmt::Debug for Shown<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(T::NAME)
    }
}

fn ck_ik(case: &Value) -> CkIk {
    let both = [octets::<16>(case, "ck"), octets::<16>(case, "ik")].concat();
    CkIk::from_octets(&both.try_into().unwrap())
}

fn case_1() -> Value {
    eap_cases()
        .into_iter()
        .find(|case| case["name"] == "rfc9048-case1")
        .unwrap()
}

fn emsk_of_case_1() -> Emsk {
    Emsk::from_octets(&octets(&case_1(), "emsk"))
}

#[test]
fn full_authentications_of_rfc_9048() {
    let full: Vec<_> = eap_cases()
        .into_iter()
        .filter(|case| case["function"] == "full authentication")
        .collect();
    assert!(full.len() >= 2);
    for case in full {
        let autn = Autn::from_octets(octets(&case, "autn"));
        let network: AccessNetworkIdentity = field(&case, "network_name").parse().unwrap();
        let ck_ik_prime = ck_ik(&case).ck_ik_prime_access(&network, &SqnXorAk::from(&autn));
        let expected = format!("{}{}", field(&case, "ck_prime"), field(&case, "ik_prime"));
        assert_eq!(shown(&ck_ik_prime), expected.as_str());
        let mk = ck_ik_prime.mk(&field(&case, "identity").parse().unwrap());
        assert_eq!(shown(&mk), field(&case, "mk"));
        assert_eq!(shown(&mk.k_encr()), field(&case, "k_encr"));
        assert_eq!(shown(&mk.k_aut()), field(&case, "k_aut"));
        assert_eq!(shown(&mk.k_re()), field(&case, "k_re"));
        assert_eq!(shown(&mk.msk()), field(&case, "msk"));
        assert_eq!(shown(&mk.emsk()), field(&case, "emsk"));
        assert_eq!(shown(&mk.emsk().k_ausf()), field(&case, "k_ausf"));
    }
}

#[test]
fn the_fast_re_authentication_of_free_radius() {
    let cases = eap_cases();
    let case = cases
        .iter()
        .find(|case| case["function"] == "fast re-authentication")
        .unwrap();
    let mk = KRe::from_octets(&octets(case, "k_re")).mk_reauthentication(
        &field(case, "identity").parse().unwrap(),
        EapCounter::new(u16::from_be_bytes(octets(case, "counter"))),
        &NonceS::from_octets(octets(case, "nonce_s")),
    );
    assert_eq!(shown(&mk.msk()), field(case, "msk"));
    assert_eq!(shown(&mk.emsk()), field(case, "emsk"));
}

/// What the card of the peer answered: RES, CK and IK out of K, and the AUTN that it accepted.
fn card_of_hostap(full: &Value) -> (Rand, Autn) {
    let [k, opc] = ["k", "opc"].map(|name| octets(full, name));
    let card = Milenage::new(&K::from_octets(&k), &Opc::from_octets(&opc));
    let rand = Rand::from_octets(octets(full, "rand"));
    let [sqn, amf] = ["sqn", "amf"].map(|name| u64::from_str_radix(field(full, name), 16).unwrap());
    let amf = Amf::from_octets(u16::try_from(amf).unwrap().to_be_bytes());
    let vector = card.vector(&rand, Sqn::new(sqn).unwrap(), amf);
    assert_eq!(hex::encode(vector.autn().octets()), field(full, "autn"));
    assert_eq!(hex::encode(vector.res.octets()), field(full, "res"));
    assert_eq!(shown(&vector.ck), field(full, "ck"));
    assert_eq!(shown(&vector.ik), field(full, "ik"));
    (rand, vector.autn())
}

/// What the peer of hostap printed of one session by each method: MK and what is cut from it, twice by a fast re-authentication, and
/// the keys of ERP below each EMSK.
#[test]
fn sessions_of_hostap() {
    let cases = file("eap-hostap.json");
    let of_method = |method: &str| -> Vec<Value> {
        let cases = cases.iter().filter(|case| case["method"] == method);
        cases.cloned().collect()
    };
    let identity = |case: &Value| -> EapIdentity { field(case, "identity").parse().unwrap() };
    let again = |case: &Value| {
        let counter = EapCounter::new(u16::from_be_bytes(octets(case, "counter")));
        (identity(case), counter, NonceS::from_octets(octets(case, "nonce_s")))
    };

    let of_aka_prime = of_method("EAP-AKA'");
    let [full, later @ ..] = of_aka_prime.as_slice() else {
        panic!("no session by EAP-AKA'")
    };
    let (rand, autn) = card_of_hostap(full);
    let network: AccessNetworkIdentity = field(full, "network_name").parse().unwrap();
    let ck_ik_prime = ck_ik(full).ck_ik_prime_access(&network, &SqnXorAk::from(&autn));
    let both = format!("{}{}", field(full, "ck_prime"), field(full, "ik_prime"));
    assert_eq!(shown(&ck_ik_prime), both.as_str());
    let mk = ck_ik_prime.mk(&identity(full));
    assert_eq!(shown(&mk.k_encr()), field(full, "k_encr"));
    assert_eq!(shown(&mk.k_aut()), field(full, "k_aut"));
    assert_eq!(shown(&mk.k_re()), field(full, "k_re"));
    below(full, &mk.msk(), &mk.emsk(), SessionId::aka_prime(&rand, &autn));
    assert_eq!(later.len(), 2);
    for case in later {
        let (identity, counter, nonce_s) = again(case);
        let session = SessionId::aka_prime_reauthentication(&nonce_s, &octets(case, "mac"));
        let mk = mk.k_re().mk_reauthentication(&identity, counter, &nonce_s);
        below(case, &mk.msk(), &mk.emsk(), session);
    }

    let of_aka = of_method("EAP-AKA");
    let [full, later @ ..] = of_aka.as_slice() else {
        panic!("no session by EAP-AKA")
    };
    let (rand, autn) = card_of_hostap(full);
    let mk = ck_ik(full).mk_aka(&identity(full));
    assert_eq!(shown(&mk), field(full, "mk"));
    assert_eq!(shown(&mk.k_encr()), field(full, "k_encr"));
    assert_eq!(shown(&mk.k_aut()), field(full, "k_aut"));
    below(full, &mk.msk(), &mk.emsk(), SessionId::aka(&rand, &autn));
    assert_eq!(later.len(), 2);
    for case in later {
        let (identity, counter, nonce_s) = again(case);
        let session = SessionId::aka_reauthentication(&nonce_s, &octets(case, "mac"));
        let xkey_prime = mk.xkey_prime(&identity, counter, &nonce_s);
        assert_eq!(shown(&xkey_prime), field(case, "xkey_prime"));
        below(case, &xkey_prime.msk(), &xkey_prime.emsk(), session);
    }
}

/// A re-authentication below such a session: one packet each way, and the rMSK that peer and gateway got.
#[test]
fn erp_of_hostap() {
    let cases = file("eap-hostap.json");
    let case = cases.iter().find(|case| case["function"] == "ERP").unwrap();
    let r_rk = Emsk::from_octets(&octets(case, "emsk")).r_rk();
    assert_eq!(shown(&r_rk), field(case, "r_rk"));
    let r_ik = r_rk.r_ik(Cryptosuite::HmacSha256Of128);
    assert_eq!(shown(&r_ik), field(case, "r_ik"));
    for name in ["initiate", "finish"] {
        let packet = hex::decode(field(case, name)).unwrap();
        let (covered, tag) = packet.split_at(packet.len() - 16);
        assert!(r_ik.verify(Cryptosuite::HmacSha256Of128, covered, tag), "{name}");
    }
    let r_msk = r_rk.r_msk(ErpSequence::new(u16::from_be_bytes(octets(case, "seq"))));
    assert_eq!(shown(&r_msk), field(case, "r_msk"));
    let halves = format!("{}{}", field(case, "ms_mppe_recv_key"), field(case, "ms_mppe_send_key"));
    assert_eq!(shown(&r_msk), halves.as_str(), "to the gateway");
}

/// What every session of hostap ends with.
fn below(case: &Value, msk: &Msk, emsk: &Emsk, session: SessionId) {
    assert_eq!(shown(msk), field(case, "msk"));
    assert_eq!(shown(&msk.pmk()), field(case, "pmk"));
    let halves = format!("{}{}", field(case, "ms_mppe_recv_key"), field(case, "ms_mppe_send_key"));
    assert_eq!(shown(msk), halves.as_str());
    assert_eq!(shown(emsk), field(case, "emsk"));
    assert_eq!(hex::encode(session.octets()), field(case, "session_id"));
    assert_eq!(session.emsk_name().to_string(), field(case, "emsk_name"));
    assert_eq!(shown(&emsk.r_rk()), field(case, "r_rk"));
    assert_eq!(
        shown(&emsk.r_rk().r_ik(Cryptosuite::HmacSha256Of128)),
        field(case, "r_ik")
    );
}

#[test]
fn another_network_name_gives_other_keys() {
    let cases = eap_cases();
    let case = cases.iter().find(|case| case["name"] == "free5gc-negative").unwrap();
    let ck_ik_prime = ck_ik(case).ck_ik_prime_access(
        &field(case, "network_name").parse().unwrap(),
        &SqnXorAk::from_octets(octets(case, "sqn_xor_ak")),
    );
    assert_ne!(shown(&ck_ik_prime), field(case, "not_ck_prime_ik_prime"));
}

#[test]
fn forward_secrecy_takes_the_shared_secret_into_the_key() {
    let case = case_1();
    let ck_ik_prime = [octets::<16>(&case, "ck_prime"), octets::<16>(&case, "ik_prime")].concat();
    let ck_ik_prime = CkIkPrime::from_octets(&ck_ik_prime.try_into().unwrap());
    let identity = field(&case, "identity").parse().unwrap();
    let secret: [u8; 32] = core::array::from_fn(|index| u8::try_from(index).unwrap());
    let mk = ck_ik_prime.mk_ecdhe(&SharedSecret::from_octets(&secret), &identity);
    assert_eq!(
        shown(&mk.k_re()),
        "9274abbe51152d58a199472fca2ca7f6cece1a06cbf6f3b830b7d7bc5f0b53d3"
    );
    assert_eq!(
        shown(&mk.emsk()),
        "fa50924dd4ea607a67999584c1e4b004377f6bb04fbec8a09ae50d298cea2807\
         de5c3310f1436d782fc170faadd35e90497975b8ddf932966c5b7cac8bc12b47"
    );
    assert_ne!(
        mk,
        ck_ik_prime.mk_ecdhe(&SharedSecret::from_octets(&[7; 32]), &identity)
    );
}

#[test]
fn the_generator_of_eap_aka_is_cut_as_rfc_4187_says() {
    let mk = MkAka::from_octets(&[0x5a; 20]);
    let mut output = [0; 160];
    kaskade_crypto::kdf::fips_186_2_prf(&[0x5a; 20], &mut output);
    let [k_encr, k_aut, msk, emsk] = [0..16, 16..32, 32..96, 96..160].map(|part| hex::encode(&output[part]));
    assert_eq!(shown(&mk.k_encr()), k_encr.as_str());
    assert_eq!(shown(&mk.k_aut()), k_aut.as_str());
    assert_eq!(shown(&mk.msk()), msk.as_str());
    assert_eq!(shown(&mk.emsk()), emsk.as_str());
}

#[test]
fn below_the_emsk_of_case_1() {
    let case = case_1();
    let rand = Rand::from_octets(octets(&case, "rand"));
    let session = SessionId::aka_prime(&rand, &Autn::from_octets(octets(&case, "autn")));
    assert_eq!(session.emsk_name().to_string(), "3e027fa0d26cc5fc");
    assert_eq!(
        hex::encode(session.octets()),
        format!("32{}{}", field(&case, "rand"), field(&case, "autn"))
    );
    let emsk = emsk_of_case_1();
    let r_rk = emsk.r_rk();
    let begins = |octets: &[u8; 64], digits: &str| hex::encode(octets).starts_with(digits);
    assert!(begins(r_rk.expose_to_er_server(), "7d45a1558a65e250813b40220af4d3e1"));
    let r_ik = r_rk.r_ik(Cryptosuite::HmacSha256Of128);
    assert!(begins(r_ik.expose_to_operator(), "f7cb4d3963bb39dc185a97b26360eafc"));
    let r_msk = r_rk.r_msk(ErpSequence::new(0));
    assert!(begins(r_msk.expose_to_operator(), "12f0d18d2313eef130a5fa4228eda01d"));
    assert_ne!(r_rk.r_msk(ErpSequence::new(0)), r_rk.r_msk(ErpSequence::new(1)));
    let dsrk = emsk.dsrk(&"example.org".parse().unwrap());
    assert!(begins(dsrk.expose_to_operator(), "edc15276fd11e163f0aca66bbb1a2cfb"));
    assert_ne!(dsrk.r_rk(), r_rk);
}

#[test]
fn labels_and_data_of_usages_are_told_apart() {
    let emsk = emsk_of_case_1();
    let label: UsageLabel = "telemetry@example.org".parse().unwrap();
    let without = emsk.usrk(&label, &UsageData::default());
    let with = emsk.usrk(&label, &UsageData::from_octets(&[1]).unwrap());
    let other = emsk.usrk(&"telemetry@example.com".parse().unwrap(), &UsageData::default());
    assert_ne!(without, with);
    assert_ne!(without, other);
}

#[test]
fn akma_and_gba_after_case_1() {
    let supi: Supi = "imsi-001010000000001".parse().unwrap();
    let k_ausf = emsk_of_case_1().k_ausf();
    assert_eq!(
        shown(&k_ausf.a_tid(&supi)),
        "db2c71e466d19a46073c9b1aea2c5581babc395e43182098cb707276cfca7dff"
    );
    let fqdn: Fqdn = "af.example.com".parse().unwrap();
    let k_af = k_ausf
        .k_akma(&supi)
        .k_af(&AfId::new(&fqdn, UaProtocolId::tls([0x00, 0xa8])));
    assert_eq!(
        shown(&k_af),
        "aac5c8856a0da6ca8520f84056f61c5c168039b1e83907cc7f11eecbfd0802b7"
    );

    let case = case_1();
    let rand = Rand::from_octets(octets(&case, "rand"));
    let impi: Impi = "001010000000001@ims.mnc001.mcc001.3gppnetwork.org".parse().unwrap();
    let ks = ck_ik(&case).ks();
    let fqdn = "naf.example.com".parse().unwrap();
    let naf_id = NafId::new(&fqdn, UaProtocolId::HTTP_DIGEST);
    let ks_naf = ks.ks_naf(&rand, &impi, &naf_id);
    assert_eq!(
        shown(&ks_naf),
        "534bfaef6f4edafd3003bd9c1b86397958961e2dc554c204eda784c25b5f71e1"
    );
    assert_eq!(
        ks.ks_ext_naf(&rand, &impi, &naf_id).expose_to_operator(),
        ks_naf.expose_to_operator()
    );
    assert_ne!(
        ks.ks_int_naf(&rand, &impi, &naf_id).expose_to_operator(),
        ks_naf.expose_to_operator()
    );
    let as_naf = NafId::new(&fqdn, UaProtocolId::TMPI);
    assert_eq!(
        ks.tmpi(&rand, &impi, &BsfId::new(&fqdn)).expose_to_operator(),
        ks.ks_naf(&rand, &impi, &as_naf).expose_to_operator()
    );
}

/// An example of the independent script: parent key and child.
fn example<const PARENT: usize>(parent: &str, method: &str) -> ([u8; PARENT], Value) {
    let mut cases = file("rows-apps.json").into_iter();
    let case = cases
        .find(|case| case["parent"] == parent && case["method"] == method)
        .unwrap_or_else(|| panic!("no example of {parent}.{method}"));
    (octets(&case, "key"), case)
}

#[test]
fn remote_ues_over_the_control_plane() {
    let supi: Supi = "imsi-001010000000001".parse().unwrap();
    let service = RelayServiceCode::from_octets([0x00, 0xa1, 0xb2]);
    let emsk = emsk_of_case_1();
    assert_eq!(emsk.k_ausf_p().expose_to_operator(), emsk.k_ausf().expose_to_operator());

    let (key, case) = example("K_AUSF_P", "cp_pruk");
    let k_ausf_p = KAusfP::from_octets(&key);
    assert_eq!(shown(&k_ausf_p.cp_pruk(&supi, &service)), field(&case, "output"));
    let (_, case) = example::<32>("K_AUSF_P", "cp_pruk_id");
    assert_eq!(shown(&k_ausf_p.cp_pruk_id(&service, &supi)), field(&case, "output"));

    let (key, case) = example("CP-PRUK", "k_nr_prose");
    let [of_remote, of_ausf] = ["nonce-1", "nonce-2"].map(|name| octets(&case["inputs"], name));
    let cp_pruk = CpPruk::from_octets(&key);
    let k_nr_prose = cp_pruk.k_nr_prose(&Nonce2::from_octets(of_ausf), &Nonce1::from_octets(of_remote));
    assert_eq!(shown(&k_nr_prose), field(&case, "output"));
    let other_way = cp_pruk.k_nr_prose(&Nonce2::from_octets(of_remote), &Nonce1::from_octets(of_ausf));
    assert_ne!(other_way, k_nr_prose, "the order of the nonces matters");
}

#[test]
fn ranging_of_a_link_and_of_a_group() {
    let (key, case) = example("SLPK", "k_slp");
    let inputs = &case["inputs"];
    let k_slp = Slpk::from_octets(&key).k_slp(
        &RangingApplicationId::from_octets(octets(inputs, "ranging-sl-positioning-application-identifier")),
        &SlpNonce1::from_octets(octets(inputs, "k-slp-nonce-1")),
        &SlpNonce2::from_octets(octets(inputs, "k-slp-nonce-2")),
    );
    assert_eq!(shown(&k_slp), field(&case, "output"));

    let (key, case) = example("SLPGK", "slptk");
    let member = GroupMemberIdentity::from_octets(octets(&case["inputs"], "group-member-identity"));
    let number = SlptkIdentity::from_octets(octets(&case["inputs"], "slptk-identity"));
    let slptk = Slpgk::from_octets(&key).slptk(&member, &number);
    assert_eq!(shown(&slptk), field(&case, "output"));

    let (key, case) = example("SLPTK", "slpek");
    let slptk = Slptk::from_octets(&key);
    assert_eq!(shown(&slptk.slpek(CipheringAlgorithm::Nea1)), field(&case, "output"));
    let (_, case) = example::<32>("SLPTK", "slpik");
    assert_eq!(shown(&slptk.slpik(IntegrityAlgorithm::Nia2)), field(&case, "output"));
}

#[test]
fn bootstrapping_without_a_card() {
    let (key, case) = example("H(A1)", "ks_digest");
    let ha1 = DigestHa1::from_octets(&key);
    let tls = TlsMkExtr::from_octets(&octets(&case["inputs"], "tls-mk-extr"));
    let resp = DigestResponse::from_octets(octets(&case["inputs"], "resp"));
    assert_eq!(shown(&ha1.ks_digest(&tls, &resp)), field(&case, "output"));
    let (_, case) = example::<32>("H(A1)", "passwd");
    let passwd = ha1.passwd(&tls);
    assert_eq!(shown(&passwd), field(&case, "output"));
    let other = TlsMkExtr::from_octets(&[7; 48]);
    assert_ne!(ha1.passwd(&other), passwd, "bound to the TLS session");
}

#[test]
fn best_in_5gs_and_in_the_profile() {
    let case = case_1();
    let network: ServingNetworkName = "5G:mnc001.mcc001.3gppnetwork.org".parse().unwrap();
    let sqn_xor_ak = SqnXorAk::from(&Autn::from_octets(octets(&case, "autn")));
    let ck_ik = ck_ik(&case);
    assert_eq!(
        shown(&ck_ik.k_hse(&network, &sqn_xor_ak)),
        "ff135e386b19b7f152e1aea4d469bd9b4a1ccc131d3e3b5dd731edd8f6ebecd2"
    );
    assert_eq!(
        shown(&ck_ik.ck_ik_prime(&network, &sqn_xor_ak).k_hse(&network, &sqn_xor_ak)),
        "2f072a20e41ec267963212b114f9c741f645d521c5a240b8053a28e470047b53"
    );
    let label = E2mLabel::default();
    let e2m_int_key = ck_ik.e2m_int_key(&label);
    assert_ne!(e2m_int_key, ck_ik.e2m_int_key(&"e2m_ CIoT".parse().unwrap()));
    let [meters, locks] = ["meters.example.com", "locks.example.com"].map(|id| id.parse::<EmseId>().unwrap());
    assert_ne!(
        e2m_int_key.e2m_key(&meters, &label),
        e2m_int_key.e2m_key(&locks, &label)
    );
}

#[test]
fn an_application_is_named_with_the_slash_and_without() {
    let af_id: AfId = "AF.example.com/01000100a8".parse().unwrap();
    assert_eq!(af_id.to_string(), "AF.example.com01000100a8");
    assert_eq!("AF.example.com01000100A8".parse(), Ok(af_id.clone()));
    assert_eq!(
        (af_id.fqdn(), af_id.protocol()),
        ("AF.example.com", UaProtocolId::tls([0, 0xa8]))
    );
    assert_ne!(
        "af.example.com01000100a8".parse(),
        Ok(af_id),
        "the name enters a KDF as it is given"
    );
    // A domain name may end in digits of its own.
    let af_id: AfId = "af.1230100000002".parse().unwrap();
    assert_eq!((af_id.fqdn(), af_id.protocol()), ("af.123", UaProtocolId::HTTP_DIGEST));
}

#[test]
fn bad_names_are_refused() {
    assert!(matches!("".parse::<Fqdn>(), Err(ParseError::Length { .. })));
    assert!(matches!(
        "a b".parse::<Fqdn>(),
        Err(ParseError::Character { position: 1, .. })
    ));
    for text in ["a..b", ".a", "a.", "-a.b", "a-.b", &"a".repeat(64)] {
        assert!(matches!(text.parse::<Fqdn>(), Err(ParseError::Form { .. })), "{text}");
    }
    for text in ["af.example.com", "0100000002", "", "af.example.com010000000g"] {
        assert!(matches!(text.parse::<AfId>(), Err(ParseError::Form { .. })), "{text}");
    }
    assert!(matches!(
        "af.example.com/01".parse::<AfId>(),
        Err(ParseError::Length { .. })
    ));
    assert!(matches!(
        "".parse::<EapIdentity>(),
        Err(ParseError::Length { actual: 0, .. })
    ));
    let longest = "x".repeat(EapIdentity::MOST);
    assert!(longest.parse::<EapIdentity>().is_ok());
    assert!((longest + "x").parse::<EapIdentity>().is_err());
    assert!(matches!(
        "na\u{ef}ve".parse::<EmseId>(),
        Err(ParseError::Character { position: 2, .. })
    ));
}

#[test]
fn the_longest_inputs_reach_the_function_whole() {
    let identity: EapIdentity = "x".repeat(EapIdentity::MOST).parse().unwrap();
    let k_re = KRe::from_octets(&[7; 32]);
    let (counter, nonce_s) = (EapCounter::new(3), NonceS::from_octets([9; 16]));
    let transcript = kaskade_keys::eap::row_mk_reauthentication::transcript(&identity, counter, &nonce_s);
    let typed = k_re.mk_reauthentication(&identity, counter, &nonce_s);
    let named = transcript
        .derive(&NamedKey::from_octets("K_re", &[7; 32]).unwrap())
        .unwrap();
    // Both are silent, and none gives its octets: what is cut of them says that they are the same.
    let cut = kaskade_keys::eap::row_msk_reauthentication::transcript()
        .derive(&named)
        .unwrap();
    assert_eq!(cut.expose_to_operator(), Some(&typed.msk().expose_to_operator()[..]));
    assert_eq!(
        transcript.s().len(),
        "EAP-AKA' re-auth".len() + EapIdentity::MOST + 2 + 16
    );
}

#[test]
fn subscribers_are_not_shown_by_debug() {
    let supi: Supi = "imsi-001010000000001".parse().unwrap();
    assert_eq!(format!("{:?}", EapIdentity::from(&supi)), "EapIdentity(…@)");
    let impi: Impi = "001010000000001@ims.example.org".parse().unwrap();
    assert_eq!(format!("{impi:?}"), "Impi(…@ims.example.org)");
}
