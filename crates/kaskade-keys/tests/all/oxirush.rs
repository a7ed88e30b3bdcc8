//! The typed methods against another crate's, with random inputs: `oxirush-security`, TS 33.401 and TS 33.501.
#![allow(clippy::unwrap_used, missing_docs)]

use kaskade_crypto::{FromOctets, Rand, Res};
use kaskade_keys::id::{
    ArfcnDl, EarfcnDl, EutraPci, HorizontalDirection, IabAddress, LwipCounter, NgEnbEarfcnDl, NonceMme, NonceUe, Pci,
    ScgCounter, SnCounter, SorCounter, SorHeader, SorList, UpuCounter, UpuData, WtCounter,
};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_keys::{
    Abba, CipheringAlgorithm, IntegrityAlgorithm, NasCount, ServingNetworkName, Supi, eps, fivegs, ran,
};
use oxirush_security::nas_5gs::{self as five, KamfMobilityDirection, TnapKeyUsage};
use oxirush_security::{self as other, nas_eps as four};
use proptest::prelude::*;

fn same<T: FromOctets>(ours: &T, theirs: &[u8]) {
    assert!(T::from_slice(theirs).as_ref() == Some(ours), "{}", T::NAME);
}

fn both(ck: &[u8; 16], ik: &[u8; 16]) -> Vec<u8> {
    [*ck, *ik].concat()
}

proptest! {
    #[test]
    fn fivegs_from_the_vector_to_k_amf(ck: [u8; 16], ik: [u8; 16], rand: [u8; 16], autn: [u8; 16], imsi in "[0-9]{6,15}",
                                       res in prop::collection::vec(any::<u8>(), 4..=16)) {
        let (their_ck, their_ik) = (other::Ck::new(&ck), other::Ik::new(&ik));
        let ck_ik = CkIk::from_octets(&both(&ck, &ik).try_into().unwrap());
        let name = ServingNetworkName::new("208-93".parse().unwrap(), None);
        let sqn_xor_ak = SqnXorAk::from(&kaskade_crypto::Autn::from_octets(autn));
        let snn = name.as_str().as_bytes();

        let k_ausf = ck_ik.k_ausf(&name, &sqn_xor_ak);
        let theirs = five::derive_kausf(&their_ck, &their_ik, snn, &other::Autn::new(&autn)).unwrap();
        same(&k_ausf, theirs.as_octets());
        let ours = ck_ik.res_star(&name, &Rand::from_octets(rand), &Res::from_slice(&res).unwrap());
        let res_star = five::compute_res_star(&their_ck, &their_ik, snn, &other::Rand::new(&rand), &res).unwrap();
        same(&ours, res_star.as_octets());
        let k_seaf = k_ausf.k_seaf(&name);
        let their_k_seaf = five::derive_kseaf(&theirs, snn).unwrap();
        same(&k_seaf, their_k_seaf.as_octets());
        let supi: Supi = format!("imsi-{imsi}").parse().unwrap();
        let k_amf = five::derive_kamf(&their_k_seaf, &five::Supi::imsi(&imsi).unwrap(), &[0, 0]).unwrap();
        same(&k_seaf.k_amf(&supi, &Abba::INITIAL), k_amf.as_octets());
    }

    #[test]
    fn fivegs_below_k_amf(key: [u8; 32], count in 0_u32..1 << 24, pci in 0_u16..504, arfcn in 0_u32..=3_279_165,
                          earfcn in 0_u32..262_144, counter: u16, which in 0_usize..4, v4: [u8; 4], v6: [u8; 16]) {
        let (k_amf, their_k_amf) = (fivegs::KAmf::from_octets(&key), five::KAmf::new(&key));
        let (ours, theirs) = (NasCount::new(count).unwrap(), other::NasCount::new(count).unwrap());
        let their_nea = [
            other::CipheringAlgorithm::Null,
            other::CipheringAlgorithm::Snow3g,
            other::CipheringAlgorithm::Aes,
            other::CipheringAlgorithm::Zuc,
        ][which];
        let their_nia = [
            other::IntegrityAlgorithm::Null,
            other::IntegrityAlgorithm::Snow3g,
            other::IntegrityAlgorithm::Aes,
            other::IntegrityAlgorithm::Zuc,
        ][which];
        let (nea, nia) = (CipheringAlgorithm::ALL[which], IntegrityAlgorithm::ALL[which]);
        same(&k_amf.k_nas_enc(nea), five::derive_knas_enc(&their_k_amf, their_nea).as_octets());
        same(&k_amf.k_nas_int(nia), five::derive_knas_int(&their_k_amf, their_nia).as_octets());
        same(&k_amf.k_gnb(ours.into()), five::derive_kgnb(&their_k_amf, theirs).as_octets());
        same(&k_amf.k_n3iwf(ours), five::derive_kn3iwf(&their_k_amf, theirs).as_octets());
        let (k_gnb, their_k_gnb) = (fivegs::KGnb::from_octets(&key), five::KGnb::new(&key));
        let nh = k_amf.nh(fivegs::SyncInput::KGnb(&k_gnb));
        let their_nh = five::derive_nh(&their_k_amf, &their_k_gnb);
        same(&nh, their_nh.as_octets());
        same(&k_gnb.k_rrc_enc(nea), five::derive_krrc_enc(&their_k_gnb, their_nea).as_octets());
        same(&k_gnb.k_rrc_int(nia), five::derive_krrc_int(&their_k_gnb, their_nia).as_octets());
        same(&k_gnb.k_up_enc(nea), five::derive_kup_enc(&their_k_gnb, their_nea).as_octets());
        same(&k_gnb.k_up_int(nia), five::derive_kup_int(&their_k_gnb, their_nia).as_octets());

        let (cell, frequency) = (Pci::new(pci).unwrap(), ArfcnDl::new(arfcn).unwrap());
        let lte = NgEnbEarfcnDl(EarfcnDl::new(earfcn).unwrap());
        same(&k_gnb.k_ng_ran_star(cell, frequency), five::derive_kng_ran_star(&their_k_gnb, pci, arfcn).unwrap().as_octets());
        same(&nh.k_ng_ran_star(cell, frequency), five::derive_kng_ran_star(&their_nh, pci, arfcn).unwrap().as_octets());
        let their_ng_enb = five::derive_kng_ran_star_ng_enb(&their_nh, pci, earfcn).unwrap();
        same(&nh.k_ng_ran_star_ng_enb(EutraPci::new(pci).unwrap(), lte), their_ng_enb.as_octets());
        let k_sn = k_gnb.k_sn(SnCounter::new(counter));
        let their_k_sn = five::derive_ksn(&their_k_gnb, counter);
        same(&k_sn, their_k_sn.as_octets());
        same(&ran::KSn::k_up_int(&k_sn, nia), five::derive_kup_int(&their_k_sn, their_nia).as_octets());
        let k_iab = k_gnb.k_iab(IabAddress(v4.into()), IabAddress(v6.into()));
        let (donor, node) = (five::IabIpAddress::V4(v4), five::IabIpAddress::V6(v6));
        same(&k_iab, five::derive_kiab(&their_k_gnb, donor, node).as_octets());

        let horizontal = five::derive_kamf_prime(&their_k_amf, KamfMobilityDirection::IdleMobility, theirs);
        same(&k_amf.k_amf_prime(HorizontalDirection::Uplink, ours), horizontal.as_octets());
        let handover = five::derive_kamf_prime_handover(&their_k_amf, theirs);
        same(&k_amf.k_amf_prime(HorizontalDirection::Downlink, ours), handover.as_octets());
        same(&k_amf.k_asme_prime_idle(ours), five::derive_mapped_kasme_idle(&their_k_amf, theirs).as_octets());
        same(&k_amf.k_asme_prime_handover(ours), five::derive_mapped_kasme_handover(&their_k_amf, theirs).as_octets());
        same(&k_amf.k_asme_srvcc(ours), five::derive_kasme_srvcc(&their_k_amf, theirs).as_octets());
        let (k_asme, their_k_asme) = (eps::KAsme::from_octets(&key), four::KAsme::new(&key));
        same(&k_asme.k_amf_prime_idle(ours), five::derive_mapped_kamf_idle(&their_k_asme, theirs).as_octets());
        let from_nh = five::derive_mapped_kamf_handover(&their_k_asme, &four::Nh::new(&key));
        same(&k_asme.k_amf_prime_handover(&eps::Nh::from_octets(&key)), from_nh.as_octets());

        let k_tngf = fivegs::KTngf::from_octets(&key);
        let usage = |usage| five::derive_tnap_usage_key(&five::KN3iwf::new(&key), usage);
        same(&k_tngf.k_tipsec(), usage(TnapKeyUsage::Ipsec).as_octets());
        same(&k_tngf.k_tnap(), usage(TnapKeyUsage::Tnap).as_octets());
        same(&k_tngf.k_ft(), usage(TnapKeyUsage::FastTransition).as_octets());
    }

    #[test]
    fn what_the_home_network_protects(key: [u8; 32], header: u8, counter in 1_u16..,
                                      data in prop::collection::vec(any::<u8>(), 0..300)) {
        let (k_ausf, theirs) = (fivegs::KAusf::from_octets(&key), five::KAusf::new(&key));
        let list = SorList::from_octets(&data).unwrap();
        let p2 = (!data.is_empty()).then_some(data.as_slice());
        let sor = k_ausf.sor_mac_i_ausf(SorHeader(header), SorCounter::new(counter).unwrap(), &list);
        same(&sor, &five::derive_sor_mac_ausf(&theirs, &[header], counter, p2).unwrap());
        same(&k_ausf.sor_mac_i_ue(SorCounter::new(counter).unwrap()), &five::derive_sor_mac_ue(&theirs, counter).unwrap());
        let upu = k_ausf.upu_mac_i_ausf(&UpuData::from_octets(&data).unwrap(), UpuCounter::new(counter).unwrap());
        same(&upu, &five::derive_upu_mac_ausf(&theirs, &data, counter).unwrap());
        same(&k_ausf.upu_mac_i_ue(UpuCounter::new(counter).unwrap()), &five::derive_upu_mac_ue(&theirs, counter).unwrap());
    }

    #[test]
    fn eps_branch(key: [u8; 32], count in 0_u32..1 << 24, pci in 0_u16..504, earfcn in 0_u32..262_144, counter: u16,
                  nonce_ue: u32, nonce_mme: u32) {
        let (k_asme, their_k_asme) = (eps::KAsme::from_octets(&key), four::KAsme::new(&key));
        let (ours, theirs) = (NasCount::new(count).unwrap(), other::NasCount::new(count).unwrap());
        same(&k_asme.k_enb(ours.into()), four::derive_kenb(&their_k_asme, theirs).as_octets());
        let (k_enb, their_k_enb) = (eps::KEnb::from_octets(&key), four::KEnb::new(&key));
        let nh = k_asme.nh(eps::SyncInput::KEnb(&k_enb));
        let their_nh = four::derive_nh(&their_k_asme, &their_k_enb);
        same(&nh, their_nh.as_octets());
        let (cell, frequency) = (EutraPci::new(pci).unwrap(), EarfcnDl::new(earfcn).unwrap());
        same(&k_enb.k_enb_star(cell, frequency), four::derive_kenb_star(&their_k_enb, pci, earfcn).unwrap().as_octets());
        same(&nh.k_enb_star(cell, frequency), four::derive_kenb_star(&their_nh, pci, earfcn).unwrap().as_octets());
        for (which, (their_eea, their_eia)) in [
            (other::CipheringAlgorithm::Null, other::IntegrityAlgorithm::Null),
            (other::CipheringAlgorithm::Snow3g, other::IntegrityAlgorithm::Snow3g),
            (other::CipheringAlgorithm::Aes, other::IntegrityAlgorithm::Aes),
            (other::CipheringAlgorithm::Zuc, other::IntegrityAlgorithm::Zuc),
        ].into_iter().enumerate() {
            let (eea, eia) = (CipheringAlgorithm::ALL[which], IntegrityAlgorithm::ALL[which]);
            same(&k_asme.k_nas_enc(eea), four::derive_knas_enc(&their_k_asme, their_eea).as_octets());
            same(&k_asme.k_nas_int(eia), four::derive_knas_int(&their_k_asme, their_eia).as_octets());
            same(&k_enb.k_rrc_enc(eea), four::derive_krrc_enc(&their_k_enb, their_eea).as_octets());
            same(&k_enb.k_rrc_int(eia), four::derive_krrc_int(&their_k_enb, their_eia).as_octets());
            same(&k_enb.k_up_enc(eea), four::derive_kup_enc(&their_k_enb, their_eea).as_octets());
            same(&k_enb.k_up_int(eia), four::derive_kup_int(&their_k_enb, their_eia).as_octets());
        }
        let pair = |(ck, ik): (four::CkPrime, four::IkPrime)| both(ck.as_octets(), ik.as_octets());
        same(&k_asme.ck_ik_prime_handover(ours), &pair(four::derive_ck_ik_handover(&their_k_asme, theirs)));
        same(&k_asme.ck_ik_prime_idle(ours), &pair(four::derive_ck_ik_idle_mobility(&their_k_asme, theirs)));
        let (ck, ik) = four::derive_ck_ik_srvcc(&their_k_asme, theirs);
        same(&k_asme.ck_ik_srvcc(ours), &both(ck.as_octets(), ik.as_octets()));
        same(&k_asme.nas_token(ours), four::derive_nas_token(&their_k_asme, theirs).as_octets());
        let ck_ik = CkIk::from_octets(&key);
        let (high, low) = key.split_at(16);
        let (ck, ik) = (other::Ck::from_slice(high).unwrap(), other::Ik::from_slice(low).unwrap());
        let (ue, mme) = (NonceUe::from_octets(nonce_ue.to_be_bytes()), NonceMme::from_octets(nonce_mme.to_be_bytes()));
        same(&ck_ik.k_asme_prime_handover(mme), four::derive_kasme_handover(&ck, &ik, nonce_mme).as_octets());
        same(&ck_ik.k_asme_prime_idle(ue, mme), four::derive_kasme_idle_mobility(&ck, &ik, nonce_ue, nonce_mme).as_octets());
        same(&k_enb.s_k_enb(ScgCounter::new(counter)), four::derive_skenb(&their_k_enb, counter).as_octets());
        same(&k_enb.s_k_gnb(ScgCounter::new(counter)), four::derive_skgnb(&their_k_enb, counter).as_octets());
        same(&k_enb.s_k_wt(WtCounter::new(counter)), four::derive_skwt(&their_k_enb, counter).as_octets());
        same(&k_enb.lwip_psk(LwipCounter::new(counter)), four::derive_lwip_psk(&their_k_enb, counter).as_octets());
    }
}
