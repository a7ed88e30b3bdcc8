//! One derivation octet by octet, as text and as JSON.

use kaskade::hex_field;
use kaskade_aka::auc::Quintet;
use kaskade_aka::fivegs::keys::Selection;
use kaskade_keys::derivation::{Encoding, Row, Rule, Transcript};
use kaskade_keys::fivegs::{
    KGnb, SyncInput, row_k_amf, row_k_ausf, row_k_gnb, row_k_n3iwf, row_k_nas_enc, row_k_nas_int, row_k_rrc_enc,
    row_k_rrc_int, row_k_seaf, row_k_up_enc, row_k_up_int, row_nh, row_res_star, row_xres_star,
};
use kaskade_keys::umts::SqnXorAk;
use kaskade_keys::{Abba, ServingNetworkName, Supi};
use serde_json::{Value, json};

use crate::console::{Console, Style};
use crate::side::KnownKey;

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
        row_k_gnb::transcript(ul_nas_count),
        row_nh::transcript(SyncInput::KGnb(k_gnb)),
        row_k_rrc_enc::transcript(access_stratum.ciphering),
        row_k_rrc_int::transcript(access_stratum.integrity),
        row_k_up_enc::transcript(access_stratum.ciphering),
        row_k_up_int::transcript(access_stratum.integrity),
    ]
}

/// Whether a parameter must not be shown: a key, or the answer to the challenge.
fn is_secret(row: &Row, at: usize) -> bool {
    row.parameters.get(at).is_none_or(|parameter| {
        matches!(parameter.encoding, Encoding::Secret(_)) || matches!(parameter.name, "RES" | "XRES")
    })
}

fn has_secret(row: &Row) -> bool {
    (0..row.parameters.len()).any(|at| is_secret(row, at))
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
        let shown = if is_secret(row, at) && !reveal {
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
    let s = if has_secret(row) && !reveal {
        "(has a secret input: --reveal)".to_owned()
    } else {
        hex_field::text(&transcript.s()).to_string()
    };
    text.push_str(&format!("  S  {s}\n"));
    text
}

/// One key as JSON.
pub(crate) fn document(row: &'static Row, key: &KnownKey, transcript: Option<&Transcript>, reveal: bool) -> Value {
    let parameters: Vec<Value> = row
        .parameters
        .iter()
        .enumerate()
        .map(|(at, spec)| {
            let octets = transcript
                .and_then(|transcript| transcript.parameters.get(at))
                .filter(|_| reveal || !is_secret(row, at))
                .map(|octets| hex_field::text(octets).to_string());
            json!({ "name": spec.name, "encoding": spec.encoding.to_string(), "octets": octets })
        })
        .collect();
    let s = transcript
        .filter(|_| reveal || !has_secret(row))
        .map(|transcript| hex_field::text(&transcript.s()).to_string());
    let holders = |holders: &[kaskade_keys::derivation::Holder]| -> Vec<&'static str> {
        holders.iter().map(|holder| holder.name()).collect()
    };
    let fc = match row.rule {
        Rule::Kdf(fc) => Some(fc.to_string()),
        _ => None,
    };
    json!({
        "name": row.child,
        "parent": row.parent,
        "function": row.rule.to_string(),
        "fc": fc,
        "parameters": parameters,
        "s": s,
        "kept": format!("{:?}", row.kept),
        "derived_by": holders(row.derived_by),
        "held_by": holders(row.held_by),
        "clause": row.clause,
        "fingerprint": key.fingerprint().to_string(),
        "value": key.octets().filter(|_| reveal).map(|octets| hex_field::text(octets).to_string()),
    })
}
