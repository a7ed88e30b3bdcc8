//! Bodies of Naanf_AKMA (TS 29.535 6.1.6) and of the AKMA service of the NEF (TS 29.522): anchor keys, application keys, and their end.
//!
//! ```text
//! {"supi": "imsi-…", "aKId": "rid0.atid…@5gc.mnc001.mcc001.3gppnetwork.org", "kAkma": 64 hexadecimal digits}
//! {"afId": "af.example.com0100000002", "aKId": "…"}    →   {"expiry": "2026-01-31T23:59:59.123Z", "kaf": 64 hexadecimal digits}
//! ```
//!
//! No optional feature of TS 29.535 changes any of these: `suppFeat` is read and not kept, and not written, which says the same as 0.

use kaskade_keys::akma::{KAf, KAkma};
use kaskade_keys::id::AfId;
use kaskade_keys::{AKid, Gpsi, Supi};

use super::date_time::Timestamp;
use super::values::{Features, Text};

crate::body! {
    /// An anchor key and whose it is (TS 29.535 `AkmaKeyInfo`). Of SUPI and GPSI it has one; which, whoever takes it says.
    #[derive(Clone, Debug)]
    pub struct AkmaKeyInfo = "AkmaKeyInfo" {
        /// Of whom.
        supi "supi": Option<Supi>,
        /// Of whom, as those outside call them.
        gpsi "gpsi": Option<Gpsi>,
        /// By what the UE calls it.
        a_kid "aKId": AKid,
        /// K_AKMA, 32 octets.
        k_akma "kAkma": KAkma,
    }
    checked { supp_feat "suppFeat": Features }
}

crate::body! {
    /// Who asks for which application key (TS 29.522 `AkmaAfKeyRequest`).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AkmaAfKeyRequest = "AkmaAfKeyRequest" {
        /// Where whoever asks wants to hear that the key is to be used no more.
        notif_uri "notifUri": Option<Text>,
        /// The application function, and what is spoken with it.
        af_id "afId": AfId,
        /// By what the UE calls its anchor key.
        a_kid "aKId": AKid,
        /// Whether it is not to be told who the user is.
        anon_ind "anonInd": bool as OrFalse,
    }
    checked { supp_feat "suppFeat": Features }
}

crate::body! {
    /// An application key, how long it lives, and whose it is as far as whoever asked may know (TS 29.522 `AkmaAfKeyData`).
    #[derive(Clone, Debug)]
    pub struct AkmaAfKeyData = "AkmaAfKeyData" {
        /// Of whom, as those outside call them.
        gpsi "gpsi": Option<Gpsi>,
        /// Of whom.
        supi "supi": Option<Supi>,
        /// Until when it lives.
        expiry "expiry": Timestamp,
        /// K_AF, 32 octets.
        k_af "kaf": KAf,
    }
    checked { supp_feat "suppFeat": Features }
}

crate::body! {
    /// Whose anchor key is to be removed (TS 29.535 `CtxRemove`). The contract leaves `supi` out of what is required and says that it shall
    /// be there: without it nobody is meant.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct CtxRemove = "CtxRemove" {
        /// Of whom.
        supi "supi": Supi,
    }
}

crate::body! {
    /// Keys of this A-KID are to be used no more (TS 29.522 `ServiceDisableNotif`).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ServiceDisableNotif = "ServiceDisableNotif" {
        /// By what the UE calls its anchor key.
        a_kid "aKId": AKid,
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::sbi::Body;
    use crate::sbi::misread::Wrong;

    const A_KID: &str = "rid0.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org";
    const KEY: &str = "B404b6ab3ef4f7b47d18ba1744e2af7b89d2f162d094151e828adeb90dbf2619";

    #[test]
    fn keys_are_read_and_stay_silent() {
        let body = format!(r#"{{"suppFeat":"0","supi":"imsi-001010000000001","aKId":"{A_KID}","kAkma":"{KEY}"}}"#);
        let read = AkmaKeyInfo::from_json(body.as_bytes()).unwrap();
        assert_eq!(read.a_kid.encode(), A_KID);
        assert_eq!(read.k_akma.expose_to_aanf()[..2], [0xb4, 0x04]);
        let shown = format!("{read:?}");
        assert!(
            !shown.contains("b404") && !shown.contains("180, 4") && !shown.contains("2yxx5"),
            "{shown}"
        );
        let body = format!(r#"{{"expiry":"2026-01-31T23:59:59.123Z","kaf":"{KEY}","gpsi":"msisdn-491701234567"}}"#);
        let read = AkmaAfKeyData::from_json(body.as_bytes()).unwrap();
        assert!(read.supi.is_none() && read.gpsi.is_some());
        let body = format!(
            r#"{{"afId":"af.example.com01000100A8","aKId":"{A_KID}","notifUri":"https://af.example.com/off"}}"#
        );
        let read = AkmaAfKeyRequest::from_json(body.as_bytes()).unwrap();
        assert!(!read.anon_ind && read.notif_uri.is_some());
        assert_eq!(format!("{}", read.af_id), "af.example.com01000100a8");
    }

    #[test]
    fn what_is_missing_or_wrong_has_its_pointer() {
        let info = |body: String| AkmaKeyInfo::from_json(body.as_bytes()).map(|_| ()).unwrap_err();
        let request = |body: String| AkmaAfKeyRequest::from_json(body.as_bytes()).map(|_| ()).unwrap_err();
        let remove = |body: &str| CtxRemove::from_json(body.as_bytes()).map(|_| ()).unwrap_err();
        for (wrong, what, pointer) in [
            (info(format!(r#"{{"kAkma":"{KEY}"}}"#)), Wrong::Missing, "/aKId"),
            (info(format!(r#"{{"aKId":"{A_KID}"}}"#)), Wrong::Missing, "/kAkma"),
            (
                info(format!(r#"{{"aKId":"{A_KID}","kAkma":"{}"}}"#, &KEY[2..])),
                Wrong::Mandatory,
                "/kAkma",
            ),
            (
                info(format!(r#"{{"aKId":"a@b","kAkma":"{KEY}"}}"#)),
                Wrong::Mandatory,
                "/aKId",
            ),
            (
                info(format!(r#"{{"aKId":"{A_KID}","kAkma":"{KEY}","supi":"1"}}"#)),
                Wrong::Optional,
                "/supi",
            ),
            (
                info(format!(r#"{{"aKId":"{A_KID}","kAkma":"{KEY}","suppFeat":"g"}}"#)),
                Wrong::Optional,
                "/suppFeat",
            ),
            (request(format!(r#"{{"aKId":"{A_KID}"}}"#)), Wrong::Missing, "/afId"),
            (
                request(format!(r#"{{"aKId":"{A_KID}","afId":"af.example.com"}}"#)),
                Wrong::Mandatory,
                "/afId",
            ),
            (
                request(format!(r#"{{"aKId":"{A_KID}","afId":"a.b0100000002","anonInd":1}}"#)),
                Wrong::Optional,
                "/anonInd",
            ),
            (remove("{}"), Wrong::Missing, "/supi"),
            (remove(r#"{"supi":7}"#), Wrong::Mandatory, "/supi"),
        ] {
            assert_eq!((wrong.what(), wrong.pointer()), (what, pointer), "{wrong}");
            assert!(!format!("{wrong}").contains("b404"), "{wrong}");
        }
    }
}
