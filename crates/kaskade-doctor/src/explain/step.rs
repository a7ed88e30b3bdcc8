//! A derivation that was made: its inputs, its S and its key, as text and as JSON.

use kaskade_aka::auc::Quintet;
use kaskade_aka::fivegs::keys::Selection;
use kaskade_keys::derivation::{Encoding, Fingerprint, Row, Transcript};
use kaskade_keys::fivegs::{
    KGnb, SyncInput, row_k_amf, row_k_ausf, row_k_gnb, row_k_n3iwf, row_k_nas_enc, row_k_nas_int, row_k_rrc_enc,
    row_k_rrc_int, row_k_seaf, row_k_up_enc, row_k_up_int, row_nh, row_res_star, row_xres_star,
};
use kaskade_keys::umts::SqnXorAk;
use kaskade_keys::{Abba, ServingNetworkName, Supi};
use serde_json::{Value, json};

use crate::digits;
use crate::explain::{facts, ruler};
use crate::sheet::{Sheet, Style};

/// The inputs of the home network's derivations in a run of 5G AKA: K_AUSF, RES*, XRES*, K_SEAF (TS 33.501 A.2, A.4, A.6).
pub fn home(quintet: &Quintet, serving_network_name: &ServingNetworkName) -> Vec<Transcript> {
    let Quintet { rand, xres, autn, .. } = quintet;
    vec![
        row_k_ausf::transcript(serving_network_name, &SqnXorAk::from(autn)),
        row_res_star::transcript(serving_network_name, rand, xres),
        row_xres_star::transcript(serving_network_name, rand, xres),
        row_k_seaf::transcript(serving_network_name),
    ]
}

/// The inputs of the serving network's derivations in a run of 5G AKA, from K_AMF on (TS 33.501 A.7 to A.10).
pub fn serving(supi: &Supi, abba: &Abba, selection: &Selection, k_gnb: &KGnb) -> Vec<Transcript> {
    let Selection {
        nas,
        access_stratum,
        ul_nas_count,
        ul_nas_count_non_3gpp,
    } = *selection;
    vec![
        row_k_amf::transcript(supi, abba),
        row_k_nas_enc::transcript(nas.ciphering),
        row_k_nas_int::transcript(nas.integrity),
        row_k_n3iwf::transcript(ul_nas_count_non_3gpp),
        row_k_gnb::transcript(ul_nas_count.into()),
        row_nh::transcript(SyncInput::KGnb(k_gnb)),
        row_k_rrc_enc::transcript(access_stratum.ciphering),
        row_k_rrc_int::transcript(access_stratum.integrity),
        row_k_up_enc::transcript(access_stratum.ciphering),
        row_k_up_int::transcript(access_stratum.integrity),
    ]
}

fn has_secret(row: &Row) -> bool {
    row.parameters.iter().any(|spec| spec.encoding.is_secret())
}

/// One derivation as text, with its S. Secret inputs only on request.
pub fn text(sheet: &Sheet, transcript: &Transcript, reveal: bool) -> String {
    let row = transcript.row;
    let title = format!("{} from {}", row.child, row.parent);
    let mut text = format!("{}  {}, {}\n", sheet.paint(Style::Strong, &title), row.clause, row.rule);
    for (at, (spec, octets)) in row.parameters.iter().zip(&transcript.parameters).enumerate() {
        let shown = if spec.encoding.is_secret() && !reveal {
            "(secret: --reveal)".to_owned()
        } else {
            digits::text(octets).to_string()
        };
        let name = sheet.spell(spec.name);
        text.push_str(&format!("  P{at} {name:<30} L{at} {:>3}  {shown}", octets.len()));
        if let (Encoding::Text, Ok(readable)) = (spec.encoding, std::str::from_utf8(octets)) {
            text.push_str(&sheet.paint(Style::Faint, &format!("  \"{readable}\"")));
        }
        text.push('\n');
    }
    if has_secret(row) && !reveal {
        text.push_str("  S  (has a secret input: --reveal)\n");
    } else {
        text.push_str(&format!("  S  {}\n", *digits::text(&transcript.s())));
    }
    text.push_str(&ruler::ruler(sheet, transcript, reveal, 5));
    text
}

/// One key as JSON: the facts of its derivation, what entered, and the key by its fingerprint. Its length is known even where
/// its octets may not be shown.
pub fn document(
    row: &'static Row,
    fingerprint: Fingerprint,
    (len, octets): (Option<usize>, Option<&[u8]>),
    transcript: Option<&Transcript>,
    reveal: bool,
) -> Value {
    let mut document = facts::document(row);
    if let Some(len) = len {
        document["octets"] = json!(len);
        document["octets_least"] = json!(len);
    }
    let entered = |at: usize| {
        let spec = row.parameters.get(at)?;
        let octets = transcript?.parameters.get(at)?;
        (reveal || !spec.encoding.is_secret()).then(|| digits::text(octets).to_string())
    };
    if let Some(Value::Array(parameters)) = document.get_mut("parameters") {
        for (at, parameter) in parameters.iter_mut().enumerate() {
            parameter["octets"] = json!(entered(at));
        }
    }
    let s = transcript
        .filter(|_| reveal || !has_secret(row))
        .map(|transcript| digits::text(&transcript.s()).to_string());
    document["s"] = json!(s);
    document["fingerprint"] = json!(fingerprint.to_string());
    document["value"] = json!(octets.filter(|_| reveal).map(|octets| digits::text(octets).to_string()));
    document
}
