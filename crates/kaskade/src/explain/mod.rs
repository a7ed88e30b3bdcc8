//! Derivations explained: one with its octets, as text and as JSON; what a name stands for; what falls with a key.

pub(crate) mod facts;
pub(crate) mod leak;
pub(crate) mod lookup;
pub(crate) mod ruler;
pub(crate) mod table;

use kaskade::hex_field;
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

use crate::console::{Console, Style};

/// The inputs of the home network's derivations.
pub(crate) fn home(quintet: &Quintet, serving_network_name: &ServingNetworkName) -> Vec<Transcript> {
    let Quintet { rand, xres, autn, .. } = quintet;
    vec![
        row_k_ausf::transcript(serving_network_name, &SqnXorAk::from(autn)),
        row_res_star::transcript(serving_network_name, rand, xres),
        row_xres_star::transcript(serving_network_name, rand, xres),
        row_k_seaf::transcript(serving_network_name),
    ]
}

/// The inputs of the serving network's derivations.
pub(crate) fn serving(supi: &Supi, abba: &Abba, selection: &Selection, k_gnb: &KGnb) -> Vec<Transcript> {
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
pub(crate) fn text(console: &Console, transcript: &Transcript, reveal: bool) -> String {
    let row = transcript.row;
    let title = format!("{} from {}", row.child, row.parent);
    let mut text = format!(
        "{}  {}, {}\n",
        console.paint(Style::Strong, &title),
        row.clause,
        row.rule
    );
    for (at, (spec, octets)) in row.parameters.iter().zip(&transcript.parameters).enumerate() {
        let shown = if spec.encoding.is_secret() && !reveal {
            "(secret: --reveal)".to_owned()
        } else {
            hex_field::text(octets).to_string()
        };
        let name = console.spell(spec.name);
        text.push_str(&format!("  P{at} {name:<30} L{at} {:>3}  {shown}", octets.len()));
        if let (Encoding::Text, Ok(readable)) = (spec.encoding, std::str::from_utf8(octets)) {
            text.push_str(&console.paint(Style::Faint, &format!("  \"{readable}\"")));
        }
        text.push('\n');
    }
    if has_secret(row) && !reveal {
        text.push_str("  S  (has a secret input: --reveal)\n");
    } else {
        text.push_str(&format!("  S  {}\n", *hex_field::text(&transcript.s())));
    }
    text.push_str(&ruler::ruler(console, transcript, reveal, 5));
    text
}

/// One key as JSON: the facts of its derivation, what entered, and the key by its fingerprint. Its length is known even where
/// its octets may not be shown.
pub(crate) fn document(
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
        (reveal || !spec.encoding.is_secret()).then(|| hex_field::text(octets).to_string())
    };
    if let Some(Value::Array(parameters)) = document.get_mut("parameters") {
        for (at, parameter) in parameters.iter_mut().enumerate() {
            parameter["octets"] = json!(entered(at));
        }
    }
    let s = transcript
        .filter(|_| reveal || !has_secret(row))
        .map(|transcript| hex_field::text(&transcript.s()).to_string());
    document["s"] = json!(s);
    document["fingerprint"] = json!(fingerprint.to_string());
    document["value"] = json!(
        octets
            .filter(|_| reveal)
            .map(|octets| hex_field::text(octets).to_string())
    );
    document
}
