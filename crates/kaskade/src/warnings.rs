//! What a configuration allows, and yet is probably not meant: `config check` and `up` say the same.

use kaskade::config::{Config, Listening, Role};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_doctor::discretion::shown;
use kaskade_net::role::policy::{Member, ServingNetwork};
use kaskade_store::audit::WhenFull;

use crate::record::LEAST_SEGMENTS;

/// What is allowed, and yet probably not meant.
pub(crate) fn of(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.ausf.udm.insecure_h2c {
        warnings.push("ausf.udm.insecure_h2c is true: keys may travel in clear to the UDM".into());
    }
    for name in config.roles() {
        let Some(Listening { listen, tls, .. }) = config.listening(name) else {
            continue;
        };
        if !listen.ip().to_canonical().is_loopback() && tls.cert.is_none() {
            warnings.push(format!(
                "{name}.insecure_h2c is true and {name}.listen is {listen}: keys travel in clear. Set {name}.tls.cert and \
                 {name}.tls.key"
            ));
        }
    }
    let policy = &config.policy;
    // hostapd authenticates for no serving network.
    let by_hostapd = !config.hostapd_sockets().is_empty() && !config.runs(Role::Ausf);
    if !(config.runs(Role::Udm) || config.runs(Role::Ausf)) || by_hostapd {
        // Nobody asks for a serving network.
    } else if policy.any_serving_network {
        warnings.push("policy.any_serving_network is true: every network may authenticate the subscribers".into());
    } else if policy.serving_networks.is_empty() && policy.serving_network_names.is_empty() {
        warnings
            .push("policy.serving_networks is empty: nobody may authenticate the subscribers. List yours there".into());
    }
    if !config.audit.enabled {
        warnings.push("audit.enabled is false: nobody can say later who got which key".into());
    } else if config.audit.when_full.0 == WhenFull::GoOn {
        warnings.push("audit.when_full is \"go on\": with a full disk, keys are given out without a record".into());
    }
    if !config.hostapd_sockets().is_empty() {
        warnings.push(
            "hostapd_auc.insecure_ck_ik is true: CK and IK leave the home, and whoever reads them has every key of the authentication. For \
             laboratories only"
                .into(),
        );
    }
    warnings.extend(radius(config));
    warnings.extend(log_too_short(config));
    warnings.extend(reservations(config));
    warnings.extend(access(config));
    warnings.extend(emsk(config));
    warnings
}

/// Keys below the EMSK that nobody is given.
fn emsk(config: &Config) -> Vec<String> {
    if !config.emsk.runs() {
        return Vec::new();
    }
    if !config.has_usage_keys() {
        return vec![
            "emsk: neither an AUSF nor an AAA server runs here, whose authentications leave an EMSK: no keys are served. Add [ausf] or [aaa], or \
             leave [emsk] out"
                .to_owned(),
        ];
    }
    let mut notes = Vec::new();
    for (setting, named) in config.emsk.named() {
        if named.parse::<NfInstanceId>().is_err()
            && let Some(nobody) = nobody(config, named)
        {
            notes.push(format!("{setting}: {nobody}"));
        }
    }
    notes.dedup();
    notes
}

/// What RADIUS allows, and yet is probably not meant.
fn radius(config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    if !config.aaa.runs() {
        return notes;
    }
    if config.aaa.clients.0.is_empty() {
        notes.push(
            "aaa.clients is empty: no gateway may ask. Add [aaa.clients.NAME] with its prefixes and secret".to_owned(),
        );
    }
    let mut open = config
        .aaa
        .radius
        .iter()
        .filter(|listen| !listen.ip().to_canonical().is_loopback());
    if let Some(listen) = open.next() {
        notes.push(format!(
            "aaa.radius is {listen}: over UDP nothing but MD5 and the secret of the client guard the keys on their way. Keep that network \
             to yourself, or use aaa.radsec"
        ));
    }
    for name in config.radius().map(|radius| radius.short_secrets).unwrap_or_default() {
        notes.push(format!(
            "aaa.clients.{name}: its secret has fewer than 16 octets, and whoever sees one packet can try all of them: draw a longer one"
        ));
    }
    notes
}

/// Less than four segments cannot be kept: the one that is written, the next, and some that are full.
fn log_too_short(config: &Config) -> Option<String> {
    let audit = &config.audit;
    let least = LEAST_SEGMENTS * audit.segment_bytes;
    (audit.enabled && audit.keep_bytes < least).then(|| {
        format!(
            "audit.keep_bytes is {}, less than four segments of {}: {least} octets are kept. Set audit.keep_bytes to {least} or more, or \
             audit.segment_bytes to {} or less",
            audit.keep_bytes,
            audit.segment_bytes,
            audit.keep_bytes / LEAST_SEGMENTS
        )
    })
}

/// Reservations that can have no effect, as nobody has the name or nobody may ask for the network.
fn reservations(config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    let policy = &config.policy;
    for (network, names) in &policy.reserved.0 {
        let mut listed = policy
            .serving_networks
            .iter()
            .map(|plmn| ServingNetwork::Of(plmn.0))
            .chain(
                policy
                    .serving_network_names
                    .iter()
                    .map(|name| ServingNetwork::Named(name.0)),
            );
        if !policy.any_serving_network && !listed.any(|listed| overlap(&listed, network)) {
            notes.push(format!(
                "policy.reserved: {network} is not in policy.serving_networks or policy.serving_network_names: nobody may ask for it"
            ));
        }
        for name in names {
            notes.extend(nobody(config, name).map(|nobody| format!("policy.reserved: {network}: {nobody}")));
        }
    }
    notes
}

/// Who may ask for something, and yet is never seen: once one is listed, everybody else is refused.
fn access(config: &Config) -> impl Iterator<Item = String> {
    let listed = config.policy.access.0.iter();
    let instances = listed.filter(|(named, _)| named.parse::<NfInstanceId>().is_err());
    instances.filter_map(|(named, _)| nobody(config, named).map(|nobody| format!("policy.access: {nobody}")))
}

/// Why nobody has a name, if that is so.
fn nobody(config: &Config, name: &str) -> Option<String> {
    let certificates_are_seen = [&config.udm.tls, &config.ausf.tls, &config.emsk.tls]
        .iter()
        .any(|tls| tls.client_ca.is_some());
    let is_group = config.groups.0.iter().any(|(group, _)| group == name);
    let is_of_certificate = matches!(name.parse(), Ok(Member::Certificate(_)));
    (!is_group && is_of_certificate && !certificates_are_seen).then(|| {
        let name = shown(name);
        format!("{name} is no group, and no certificate is ever seen without tls.client_ca: nobody is called so")
    })
}

/// Whether a name may be of both.
fn overlap(one: &ServingNetwork, other: &ServingNetwork) -> bool {
    match (one, other) {
        (ServingNetwork::Of(plmn), ServingNetwork::Named(name))
        | (ServingNetwork::Named(name), ServingNetwork::Of(plmn)) => name.is_of(*plmn),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn notes(text: &str) -> String {
        let config = Config::parse(text, Path::new("k.toml")).expect(text);
        of(&config).join("\n")
    }

    #[test]
    fn who_gets_no_key_below_the_emsk_is_said_at_the_start() {
        assert!(notes("[udm]\n[emsk]\n").contains("emsk: neither an AUSF nor an AAA server"));
        let usage = |of: &str| {
            format!(
                "[ausf]\n[udm]\n[emsk.usages.one]\nlabel = \"one@example.org\"\n[emsk.usages.one.grants]\n\"{of}\" = []\n"
            )
        };
        assert!(!notes(&usage("127.0.0.1")).contains("emsk"));
        let said = notes(&usage("smf.example.org"));
        assert!(
            said.contains("emsk.usages: ") && said.contains("nobody is called so"),
            "{said}"
        );
        let roots = "[emsk.callbacks.roots]\n\"er.example.org\" = [\"http://127.0.0.1:1\"]\n";
        let said = notes(&(usage("127.0.0.1") + roots));
        assert!(
            said.contains("emsk.callbacks.roots: ") && said.contains("is no group"),
            "{said}"
        );
    }

    #[test]
    fn hostapd_authenticates_for_no_serving_network() {
        let hostapd = "[udm]\n[hostapd_auc]\naka_prime = \"/run/aka.sock\"\ninsecure_ck_ik = true\n";
        assert!(!notes(hostapd).contains("nobody may authenticate"));
        assert!(notes("[udm]\n").contains("nobody may authenticate"));
        assert!(notes(&format!("[ausf]\n{hostapd}")).contains("nobody may authenticate"));
    }
}
