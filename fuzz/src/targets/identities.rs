//! Identities in text and in octets.

use kaskade_keys::id::{AfId, SuciHome};
use kaskade_keys::{AKid, ServingNetworkName, Suci, Supi};
use std::str::from_utf8;

/// SUCI as text, in SBI form and in NAI form. TS 29.571, TS 23.003 28.7.3.
pub fn suci_text(data: &[u8]) -> bool {
    let Ok(text) = from_utf8(data) else { return false };
    let Ok(suci) = text.parse::<Suci>() else { return false };
    let written = if text.starts_with("suci-") {
        suci.sbi()
    } else {
        suci.nai()
    };
    assert_eq!(written.parse().as_ref(), Ok(&suci), "{text} was written as {written}");
    // A null scheme's SUPI belongs to the home network that the SUCI names.
    if let Some(supi) = suci.null_supi() {
        assert_eq!(supi.sbi().parse(), Ok(supi));
    }
    true
}

/// SUCI in the octets of the 5GS mobile identity. TS 24.501 9.11.3.4.
pub fn suci_nas(data: &[u8]) -> bool {
    let Ok(suci) = Suci::from_nas_octets(data) else {
        return false;
    };
    let written = suci.nas_octets();
    assert_eq!(
        Suci::from_nas_octets(&written).as_ref(),
        Ok(&suci),
        "{data:02x?} was written as {written:02x?}"
    );
    // The SBI form takes every IMSI that the air interface brings. With a realm it is ambiguous: hyphens part its fields,
    // and a realm may hold hyphens too.
    if matches!(suci.home, SuciHome::Imsi(_)) {
        assert_eq!(suci.sbi().parse().as_ref(), Ok(&suci), "{}", suci.sbi());
    }
    true
}

/// Serving network name. TS 24.501 9.12.1.
pub fn serving_network_name(data: &[u8]) -> bool {
    let Ok(text) = from_utf8(data) else { return false };
    let Ok(name) = text.parse::<ServingNetworkName>() else {
        return false;
    };
    // The text is KDF input: nothing about it may change.
    assert_eq!(name.as_str(), text);
    assert_eq!(name.kdf_octets(), data);
    true
}

/// A-KID in its house form, and AF_ID as it travels. Project profile, TS 33.535.
pub fn akma_names(data: &[u8]) -> bool {
    let Ok(text) = from_utf8(data) else { return false };
    let a_kid = text.parse::<AKid>();
    if let Ok(a_kid) = &a_kid {
        // The realm is a name of the DNS; nothing else about it may change.
        assert!(a_kid.encode().eq_ignore_ascii_case(text));
        assert_eq!(a_kid.encode().split('@').next(), text.split('@').next());
        assert_eq!(a_kid.encode().parse().as_ref(), Ok(a_kid));
    }
    let af_id = text.parse::<AfId>();
    if let Ok(af_id) = &af_id {
        assert_eq!(af_id.to_string().parse().as_ref(), Ok(af_id));
        assert!(text.starts_with(af_id.fqdn()) && af_id.octets().ends_with(af_id.protocol().octets()));
    }
    a_kid.is_ok() || af_id.is_ok()
}

/// SUPI in SBI form. TS 29.571 5.3.2.
pub fn supi(data: &[u8]) -> bool {
    let Ok(text) = from_utf8(data) else { return false };
    let Ok(supi) = text.parse::<Supi>() else {
        return false;
    };
    assert_eq!(supi.sbi(), text);
    assert!(text.as_bytes().ends_with(supi.kdf_octets()));
    // What goes to logs shows neither the middle of the MSIN nor a username.
    match &supi {
        Supi::Imsi(imsi) => assert!(imsi.as_str().len() <= 7 || supi.masked() != text),
        Supi::NetworkSpecific(nai) | Supi::GlobalCable(nai) | Supi::GlobalLine(nai) => {
            assert_eq!(supi.masked(), format!("{}***@{}", supi.sbi_prefix(), nai.realm()));
        }
    }
    true
}
