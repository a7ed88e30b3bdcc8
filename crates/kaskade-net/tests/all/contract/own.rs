//! The rows of one operation alone.

use serde_json::json;

use super::rows::{ABROAD, FORMAT, MISSING, OPTIONAL, WRONG, guami, of_others, path, right, row, with};
use super::{Row, Scene, TRIGGERS};
use crate::common::http::Ask;

const NOBODY: &str = "imsi-001019999999999";
const NO_CONTEXT: &str = "AAAAAAAAAAAAAAAAAAAAAAA";

const NO_USER: (u16, &str, &str) = (404, "USER_NOT_FOUND", "");
const NOT_FOUND: (u16, &str, &str) = (404, "CONTEXT_NOT_FOUND", "");
const NOT_THERE: (u16, &str, &str) = (403, "SERVING_NETWORK_NOT_AUTHORIZED", "");
const REJECTED: (u16, &str, &str) = (403, "AUTHENTICATION_REJECTED", "");
const BUSY: (u16, &str, &str) = (403, "MODIFICATION_NOT_ALLOWED", "");
const FULL: (u16, &str, &str) = (500, "INSUFFICIENT_RESOURCES", "");
const AWAY: (u16, &str, &str) = (504, "NETWORK_FAILURE|UPSTREAM_SERVER_ERROR", "");
const FORBIDDEN: (u16, &str, &str) = (403, "", "");
const NOTHING: (u16, &str, &str) = (204, "", "");
const NO_DATA: (u16, &str, &str) = (404, "DATA_NOT_FOUND", "");

/// SUCIs that are not opened, and what each is told as.
const SUCIS: [(&str, u16, &str); 3] = [
    ("<suci of no key>", 403, "INVALID_HN_PUBLIC_KEY_IDENTIFIER"),
    ("<suci that is broken>", 403, "INVALID_SCHEME_OUTPUT"),
    ("suci-0-001-01-0-c-1-00", 501, "UNSUPPORTED_PROTECTION_SCHEME"),
];

pub(super) fn all(rows: &mut Vec<Row>) {
    authentication(rows);
    contexts(rows);
    vectors(rows);
    reports(rows);
    amfs(rows);
    triggers(rows);
    anchor_keys(rows);
    application_keys(rows);
    outside(rows);
    usage_keys(rows);
}

fn authentication(rows: &mut Vec<Row>) {
    const OF: &str = "nausf-auth.authenticate";
    let mut told = |scene, ask, answer| rows.push(row(OF, scene, ask, answer));
    let who = |who: &str| with(OF, "supiOrSuci", who);
    // EAP-AKA', and a SUCI of each profile.
    for user in ["<7>", "<suci 1>", "<suci 2>", "<suci 0>"] {
        told(Scene::Open, who(user), (201, "", ""));
    }
    for (suci, status, cause) in SUCIS {
        told(Scene::Open, who(suci), (status, cause, ""));
    }
    told(Scene::Open, who(NOBODY), NO_USER);
    told(Scene::Open, who("nai-nobody@example.org"), NO_USER);
    told(Scene::Open, with(OF, "servingNetworkName", ABROAD), NOT_THERE);
    told(Scene::Open, who("<2>"), REJECTED);
    let auts = json!({ "rand": "0".repeat(32), "auts": "0".repeat(28) });
    told(Scene::Open, with(OF, "resynchronizationInfo", auts), REJECTED);
    let missing = (400, MISSING, "/resynchronizationInfo/rand");
    told(Scene::Open, with(OF, "resynchronizationInfo", json!({})), missing);
    told(Scene::DiskFull, who("<6>"), (500, "AV_GENERATION_PROBLEM", ""));
    told(Scene::Gone, right(OF), AWAY);
}

fn contexts(rows: &mut Vec<Row>) {
    let mut told = |of, scene, ask, answer| rows.push(row(of, scene, ask, answer));
    const DEREGISTER: &str = "nausf-auth.deregister";
    told(DEREGISTER, Scene::Open, with(DEREGISTER, "supi", "<1>"), NOT_FOUND);
    let only_html = with(DEREGISTER, "supi", "<1>").header("accept", "text/html");
    told(DEREGISTER, Scene::Open, only_html, NOT_FOUND);
    told(DEREGISTER, Scene::DiskFull, right(DEREGISTER), FULL);
    // Names of contexts: never given, no name at all, of the other method.
    let of_another = |of: &str| match of.contains("eap") {
        true => "<pending>",
        false => "<eap>",
    };
    for (of, in_work) in [
        ("nausf-auth.confirm", "<pending>"),
        ("nausf-auth.delete", "<pending>"),
        ("nausf-auth.eap_session", "<eap>"),
        ("nausf-auth.delete_eap", "<eap>"),
    ] {
        for name in [NO_CONTEXT, "1", "%2E%2E", of_another(of)] {
            told(of, Scene::Open, of_others(of, &[name]), NOT_FOUND);
        }
        told(of, Scene::InWork, of_others(of, &[in_work]), BUSY);
    }
    // No answer of the UE is an answer, and so is a wrong one.
    for (of, member) in [
        ("nausf-auth.confirm", "resStar"),
        ("nausf-auth.eap_session", "eapPayload"),
    ] {
        told(of, Scene::Open, with(of, member, json!(null)), (200, "", ""));
    }
    let wrong = with("nausf-auth.confirm", "resStar", "0".repeat(32));
    told("nausf-auth.confirm", Scene::Open, wrong, (200, "", ""));
    // A challenge is taken back as its result is.
    let pending = of_others("nausf-auth.delete", &["<pending>"]);
    told("nausf-auth.delete", Scene::Open, pending, NOTHING);
    let pending = of_others("nausf-auth.delete_eap", &["<eap>"]);
    told("nausf-auth.delete_eap", Scene::Open, pending, NOTHING);
    for of in ["nausf-auth.delete", "nausf-auth.delete_eap"] {
        told(of, Scene::DiskFull, right(of), FULL);
        told(of, Scene::Gone, right(of), AWAY);
        // Of a UDM that refuses: that it is asked too much, and else only that it does not do it.
        told(of, Scene::Refused, right(of), (429, "NF_CONGESTION_RISK", ""));
        told(of, Scene::Refused, right(of), (504, "UPSTREAM_SERVER_ERROR", ""));
    }
}

fn vectors(rows: &mut Vec<Row>) {
    const OF: &str = "nudm-ueau.generate_auth_data";
    let mut told = |scene, ask, answer| rows.push(row(OF, scene, ask, answer));
    let who = |who: &str| of_others(OF, &[who]);
    for user in ["<7>", "<suci 1>", "<suci 2>", "<suci 0>"] {
        told(Scene::Open, who(user), (200, "", ""));
    }
    for (suci, status, cause) in SUCIS {
        told(Scene::Open, who(suci), (status, cause, ""));
    }
    told(Scene::Open, who(NOBODY), NO_USER);
    told(Scene::Open, with(OF, "servingNetworkName", ABROAD), NOT_THERE);
    told(Scene::Open, who("<2>"), REJECTED);
    let auts = json!({ "rand": "0".repeat(32), "auts": "0".repeat(28) });
    told(Scene::Open, with(OF, "resynchronizationInfo", auts), REJECTED);
    told(Scene::DiskFull, who("<6>"), FULL);
}

fn reports(rows: &mut Vec<Row>) {
    let mut told = |of, scene, ask, answer| rows.push(row(of, scene, ask, answer));
    const MADE: &str = "nudm-ueau.confirm_auth";
    told(MADE, Scene::Open, of_others(MADE, &[NOBODY]), NO_USER);
    told(MADE, Scene::Open, with(MADE, "servingNetworkName", ABROAD), NOT_THERE);
    told(MADE, Scene::Open, with(MADE, "success", false), (201, "", ""));
    const TAKEN_BACK: &str = "nudm-ueau.delete_auth";
    for variables in [["<0>", "0123456789abcdef"], ["<0>", "1"], ["<1>", "<event>"]] {
        let ask = of_others(TAKEN_BACK, &variables);
        told(TAKEN_BACK, Scene::Open, ask, NO_DATA);
    }
    let kept = with(TAKEN_BACK, "authRemovalInd", false);
    told(TAKEN_BACK, Scene::Open, kept, (400, WRONG, "/authRemovalInd"));
}

fn amfs(rows: &mut Vec<Row>) {
    let mut told = |of, scene, ask, answer| rows.push(row(of, scene, ask, answer));
    let abroad = json!({ "plmnId": { "mcc": "310", "mnc": "410" }, "amfId": "020040" });
    const REGISTER: &str = "nudm-uecm.register_amf";
    told(REGISTER, Scene::Open, of_others(REGISTER, &["<0>"]), NOTHING);
    told(REGISTER, Scene::Open, of_others(REGISTER, &[NOBODY]), NO_USER);
    told(REGISTER, Scene::Open, of_others(REGISTER, &["<2>"]), REJECTED);
    told(
        REGISTER,
        Scene::Open,
        with(REGISTER, "guami", abroad.clone()),
        NOT_THERE,
    );
    let mut inside = guami();
    inside["plmnId"]["mnc"] = "1".into();
    let wrong = (400, WRONG, "/guami/plmnId/mnc");
    told(REGISTER, Scene::Open, with(REGISTER, "guami", inside), wrong);
    told(REGISTER, Scene::DiskFull, right(REGISTER), FULL);
    const UPDATE: &str = "nudm-uecm.update_amf";
    let mut another = guami();
    another["amfId"] = "020041".into();
    told(UPDATE, Scene::Open, with(UPDATE, "guami", another), NOT_FOUND);
    told(UPDATE, Scene::Open, of_others(UPDATE, &["<1>"]), NOT_FOUND);
    told(UPDATE, Scene::Open, with(UPDATE, "guami", abroad), NOT_THERE);
    told(UPDATE, Scene::Open, with(UPDATE, "purgeFlag", true), NOTHING);
    told(UPDATE, Scene::DiskFull, right(UPDATE), FULL);
}

fn triggers(rows: &mut Vec<Row>) {
    for of in TRIGGERS {
        let mut told = |scene, ask, answer| rows.push(row(of, scene, ask, answer));
        let about = |who: &str| Ask {
            body: Some(json!({ "supi": who }).to_string().into()),
            path: path(of, &[who]),
            ..right(of)
        };
        told(Scene::Open, about(NOBODY), NO_USER);
        told(Scene::Open, about("<2>"), REJECTED);
        told(Scene::Open, about("<1>"), NOT_FOUND);
        told(Scene::Open, about("<3>"), BUSY);
        told(Scene::DiskFull, right(of), FULL);
    }
}

fn anchor_keys(rows: &mut Vec<Row>) {
    const REGISTER: &str = "naanf-akma.register_anchorkey";
    const REMOVE: &str = "naanf-akma.remove_context";
    let mut told = |of, scene, ask, answer| rows.push(row(of, scene, ask, answer));
    for who in ["<2>", "<5>"] {
        told(REGISTER, Scene::Open, with(REGISTER, "supi", who), REJECTED);
    }
    told(REGISTER, Scene::Open, with(REGISTER, "supi", NOBODY), NO_USER);
    let two = with(REGISTER, "gpsi", "msisdn-491701234567");
    told(REGISTER, Scene::Open, two, (400, OPTIONAL, "/gpsi"));
    let mut nobody = super::rows::body(REGISTER).unwrap();
    nobody.as_object_mut().unwrap().remove("supi");
    let nobody = Ask::json("POST", path(REGISTER, &[]), nobody.to_string());
    told(REGISTER, Scene::Open, nobody, (400, MISSING, "/supi"));
    let taken = with(REGISTER, "aKId", "<a-kid 0>");
    told(REGISTER, Scene::Open, taken, (400, WRONG, "/aKId"));
    // Of whom there is nothing is removed, too.
    told(REMOVE, Scene::Open, with(REMOVE, "supi", "<1>"), NOTHING);
    for of in [REGISTER, REMOVE] {
        told(of, Scene::NotAusf, right(of), FORBIDDEN);
        told(of, Scene::DiskFull, right(of), FULL);
    }
}

fn application_keys(rows: &mut Vec<Row>) {
    const OF: &str = "naanf-akma.retrieve_applicationkey";
    let mut told = |scene, ask, answer| rows.push(row(OF, scene, ask, answer));
    let a_kid = |a_kid: &str| with(OF, "aKId", a_kid);
    told(Scene::Open, a_kid("<a-kid 9>"), NOTHING);
    told(Scene::Over, right(OF), NOTHING);
    told(Scene::Open, with(OF, "anonInd", true), (200, "", ""));
    // Of another, of nobody, of its own by what it does not speak, of its own that may have no key of this subscriber.
    for af_id in [
        "b.example.com0100000002",
        "c.example.com0100000002",
        "af.example.com0100000007",
        "n.example.com0100000002",
    ] {
        told(Scene::Open, with(OF, "afId", af_id), FORBIDDEN);
    }
    told(Scene::Open, with(OF, "notifUri", "http://127.0.0.1:1/x"), FORBIDDEN);
    // Suspended, or without AKMA.
    told(Scene::Open, a_kid("<a-kid 2>"), REJECTED);
    told(Scene::Open, a_kid("<a-kid 5>"), REJECTED);
    for wrong in [
        "",
        "imsi-001010000000000",
        "rid0.atid@5gc.mnc001.mcc001.3gppnetwork.org",
        "rid12345.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org",
        "rid0.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@",
        "rid0.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff!@5gc.mnc001.mcc001.3gppnetwork.org",
    ] {
        told(Scene::Open, a_kid(wrong), (400, WRONG, "/aKId"));
    }
    told(Scene::DiskFull, right(OF), FULL);
}

fn outside(rows: &mut Vec<Row>) {
    const OF: &str = "3gpp-akma.retrieve";
    let mut told = |of, scene, ask, answer| rows.push(row(of, scene, ask, answer));
    told(OF, Scene::Open, with(OF, "aKId", "<nef-a-kid of nobody>"), NOTHING);
    told(OF, Scene::Open, with(OF, "aKId", "<nef-a-kid abroad>"), NOTHING);
    told(OF, Scene::Open, with(OF, "notifUri", "<amf>/ended"), (200, "", ""));
    for af_id in ["audio.example.com0100000002", "video.example.com0100000007"] {
        told(OF, Scene::Open, with(OF, "afId", af_id), FORBIDDEN);
    }
    told(OF, Scene::Open, with(OF, "notifUri", "http://127.0.0.1:1/x"), FORBIDDEN);
    let no_uri = with(OF, "notifUri", "ftp://x/");
    told(OF, Scene::Open, no_uri, (400, OPTIONAL, "/notifUri"));
    // Who may know the user is refused where there is no name for it.
    told(OF, Scene::Over, right(OF), FORBIDDEN);
    told(OF, Scene::Over, with(OF, "anonInd", true), (200, "", ""));
    told(OF, Scene::Gone, right(OF), AWAY);
    told(OF, Scene::DiskFull, with(OF, "notifUri", "<amf>/other"), FULL);
    const NOTICE: &str = "kaskade-nef-notices.service_disable";
    for name in ["1", "00000000000000000000000000000000"] {
        told(NOTICE, Scene::Open, of_others(NOTICE, &[name]), NOT_FOUND);
    }
    let of_another = with(NOTICE, "aKId", "<nef-a-kid of nobody>");
    told(NOTICE, Scene::Open, of_another, NOT_FOUND);
    told(NOTICE, Scene::DiskFull, right(NOTICE), FULL);
}

fn usage_keys(rows: &mut Vec<Row>) {
    let mut told = |of, scene, ask, answer| rows.push(row(of, scene, ask, answer));
    const KEY: &str = "kaskade-usage-keys.usage_key";
    const DOMAIN: &str = "kaskade-usage-keys.domain_key";
    const GIVEN_UP: &str = "kaskade-usage-keys.give_up";
    for of in [KEY, DOMAIN] {
        told(of, Scene::Open, with(of, "supi", "<1>"), NOT_FOUND);
        told(of, Scene::Open, with(of, "supi", NOBODY), NO_USER);
        told(of, Scene::Open, with(of, "supi", "<2>"), REJECTED);
        told(
            of,
            Scene::Open,
            with(of, "callbackUri", "http://127.0.0.1:1/x"),
            FORBIDDEN,
        );
        told(of, Scene::DiskFull, right(of), FULL);
    }
    told(KEY, Scene::Open, with(KEY, "label", "none@example.org"), NO_DATA);
    told(KEY, Scene::Open, with(KEY, "label", "other@example.org"), FORBIDDEN);
    told(DOMAIN, Scene::Open, with(DOMAIN, "domain", "other.example"), FORBIDDEN);
    // Data that the usage does not have.
    told(KEY, Scene::Open, with(KEY, "dataHex", "01"), (400, FORMAT, ""));
    told(
        GIVEN_UP,
        Scene::Open,
        with(GIVEN_UP, "keyName", "0".repeat(16)),
        NO_DATA,
    );
    told(GIVEN_UP, Scene::Open, with(GIVEN_UP, "supi", "<1>"), NOT_FOUND);
    let two = with(GIVEN_UP, "domain", "visited.example");
    told(GIVEN_UP, Scene::Open, two, (400, MISSING, "/keyName"));
    told(GIVEN_UP, Scene::DiskFull, right(GIVEN_UP), FULL);
}
