//! The rows: what they say is what the methods do.
#![allow(clippy::unwrap_used, missing_docs)]

use kaskade_crypto::kdf::HmacKey;
use kaskade_crypto::{FromOctets, KeyMaterial, Rand, Res};
use kaskade_keys::derivation::{Fingerprint, Kept, NamedKey, Rule, Transcript};
use kaskade_keys::fivegs::{self, KAmf, KAusf, KGnb, KSeaf, SyncInput};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_keys::{Abba, CipheringAlgorithm, IntegrityAlgorithm, NasCount, ServingNetworkName, Supi};
use proptest::prelude::*;

/// The KDF over the transcript's S, computed here from the row alone.
fn by_row<P: KeyMaterial>(parent: &[u8; 32], transcript: &Transcript) -> Vec<u8> {
    let Rule::Kdf(fc) = transcript.row.rule else {
        panic!("not a KDF row")
    };
    assert_eq!(transcript.row.parent, P::NAME);
    assert_eq!(transcript.parameters.len(), transcript.row.parameters.len());
    let key = HmacKey::new(parent);
    let output = transcript
        .parameters
        .iter()
        .fold(key.kdf(fc), |s, p| s.parameter(p))
        .finish();
    let direct = HmacKey::new(parent).mac(&transcript.s());
    assert_eq!(output.all(), direct.all());
    let named = NamedKey::from_octets(P::NAME, parent).unwrap();
    let kept = transcript.derive(&named).unwrap();
    let kept = kept.expose_to_operator().unwrap().to_vec();
    let place = match transcript.row.kept {
        Kept::All => 0..32,
        Kept::Low128 => 16..32,
        Kept::High128 => 0..16,
        Kept::High64 => 0..8,
        Kept::AsGiven => panic!("not a KDF row"),
    };
    assert_eq!(output.all()[place], kept);
    kept
}

/// `parent` has the octets `key`.
fn same<P: FromOctets, C: FromOctets>(parent: &P, key: &[u8; 32], child: &C, transcript: &Transcript) {
    assert!(P::from_slice(key).as_ref() == Some(parent));
    assert_eq!(transcript.row.child, C::NAME);
    let by_row = by_row::<P>(key, transcript);
    assert!(C::from_slice(&by_row).as_ref() == Some(child), "{}", C::NAME);
}

proptest! {
    #[test]
    fn methods_follow_their_rows(key: [u8; 32], rand: [u8; 16], res in prop::collection::vec(any::<u8>(), 4..=16),
                                 sqn_xor_ak: [u8; 6], imsi in "[0-9]{6,15}", count in 0_u32..1 << 24, algorithm in 0_usize..4) {
        let snn = ServingNetworkName::new("208-93".parse().unwrap(), None);
        let (rand, res) = (Rand::from_octets(rand), Res::from_slice(&res).unwrap());
        let mut autn = [0; 16];
        autn[..6].copy_from_slice(&sqn_xor_ak);
        let sqn_xor_ak = SqnXorAk::from(&kaskade_crypto::Autn::from_octets(autn));
        let supi: Supi = format!("imsi-{imsi}").parse().unwrap();
        let count = NasCount::new(count).unwrap();
        let (nea, nia) = (CipheringAlgorithm::ALL[algorithm], IntegrityAlgorithm::ALL[algorithm]);

        let ck_ik = CkIk::from_octets(&key);
        same(&ck_ik, &key, &ck_ik.k_ausf(&snn, &sqn_xor_ak), &fivegs::row_k_ausf::transcript(&snn, &sqn_xor_ak));
        same(&ck_ik, &key, &ck_ik.res_star(&snn, &rand, &res), &fivegs::row_res_star::transcript(&snn, &rand, &res));
        same(&ck_ik, &key, &ck_ik.xres_star(&snn, &rand, &res), &fivegs::row_xres_star::transcript(&snn, &rand, &res));
        let k_ausf = KAusf::from_octets(&key);
        same(&k_ausf, &key, &k_ausf.k_seaf(&snn), &fivegs::row_k_seaf::transcript(&snn));
        let k_seaf = KSeaf::from_octets(&key);
        same(&k_seaf, &key, &k_seaf.k_amf(&supi, &Abba::INITIAL), &fivegs::row_k_amf::transcript(&supi, &Abba::INITIAL));
        let k_amf = KAmf::from_octets(&key);
        same(&k_amf, &key, &k_amf.k_nas_enc(nea), &fivegs::row_k_nas_enc::transcript(nea));
        same(&k_amf, &key, &k_amf.k_nas_int(nia), &fivegs::row_k_nas_int::transcript(nia));
        let k_gnb = k_amf.k_gnb(count.into());
        same(&k_amf, &key, &k_gnb, &fivegs::row_k_gnb::transcript(count.into()));
        same(&k_amf, &key, &k_amf.k_n3iwf(count), &fivegs::row_k_n3iwf::transcript(count));
        let nh = k_amf.nh(SyncInput::KGnb(&k_gnb));
        same(&k_amf, &key, &nh, &fivegs::row_nh::transcript(SyncInput::KGnb(&k_gnb)));
        same(&k_amf, &key, &k_amf.nh(SyncInput::Nh(&nh)), &fivegs::row_nh::transcript(SyncInput::Nh(&nh)));
        let k_gnb = KGnb::from_octets(&key);
        same(&k_gnb, &key, &k_gnb.k_rrc_enc(nea), &fivegs::row_k_rrc_enc::transcript(nea));
        same(&k_gnb, &key, &k_gnb.k_rrc_int(nia), &fivegs::row_k_rrc_int::transcript(nia));
        same(&k_gnb, &key, &k_gnb.k_up_enc(nea), &fivegs::row_k_up_enc::transcript(nea));
        same(&k_gnb, &key, &k_gnb.k_up_int(nia), &fivegs::row_k_up_int::transcript(nia));
    }
}

#[test]
fn secrets_are_silent_and_fingerprints_differ_by_key_name() {
    let octets = [0x5a; 32];
    assert_eq!(format!("{:?}", KAusf::from_octets(&octets)), "K_AUSF(…)");
    assert_ne!(
        Fingerprint::of(&KAusf::from_octets(&octets)).to_string(),
        Fingerprint::of(&KSeaf::from_octets(&octets)).to_string()
    );
}
