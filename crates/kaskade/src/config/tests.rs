//! What a configuration says, and what it refuses.

use kaskade_net::role::access::Asked;

use super::*;

#[test]
fn the_print_out_reads_back_as_the_defaults() {
    let text = Config::default().commented_toml();
    assert_eq!(
        Config::parse(&text, Path::new("printed")).expect("own print-out"),
        Config::default()
    );
    // A value that is not set is a line that only lacks its comment sign.
    // Of roles that do not run all stands behind one.
    let (run, others) = text.split_at(text.find("\n# [").expect("a role that does not run"));
    let tls = run
        .replace("\n# listen = ", "\nlisten = ")
        .replace("\n# cert = ", "\ncert = ")
        .replace("\n# key = ", "\nkey = ");
    let set = Config::parse(&(tls + others), Path::new("printed")).expect("uncommented");
    assert!(set.udm.tls.cert.is_some() && set.ausf.tls.key.is_some());
}

#[test]
fn every_value_has_a_comment() {
    let text = Config::default().commented_toml();
    let mut before = "";
    for line in text.lines() {
        if line.contains(" = ") && !line.starts_with("# ") {
            assert!(before.starts_with("# "), "{line}");
        }
        before = line;
    }
}

#[test]
fn every_number_has_a_range_that_is_documented_and_kept() {
    let text = Config::default().commented_toml();
    let ranges = Config::ranges();
    let document: toml::Table = text.parse().expect("own print-out");
    let mut numbers = Vec::new();
    numbers_of("", &document, &mut numbers);
    assert!(numbers.len() >= 9, "{numbers:?}");
    for (name, default) in numbers {
        let range = ranges
            .iter()
            .find(|range| range.name == name)
            .unwrap_or_else(|| unreachable!("{name} has no range"));
        let default = u64::try_from(default).expect("not negative");
        assert!((range.least..=range.most).contains(&default), "{range:?}");
        assert!(text.contains(&format!("# From {} to {}.\n", range.least, range.most)));
    }
}

fn numbers_of(path: &str, table: &toml::Table, numbers: &mut Vec<(String, i64)>) {
    for (name, value) in table {
        match value {
            toml::Value::Table(table) => numbers_of(&format!("{path}{name}."), table, numbers),
            toml::Value::Integer(number) => numbers.push((format!("{path}{name}"), *number)),
            toml::Value::Float(_) => unreachable!("{path}{name}: no setting is a float"),
            _ => {}
        }
    }
}

#[test]
fn refusals_name_the_line() {
    let said = |text: &str| Config::parse(text, Path::new("k.toml")).expect_err(text).to_string();
    let unknown = said("data_dir = \"x\"\n[udm]\nlisten = \"127.0.0.1:1\"\nport = 3\n");
    assert!(unknown.contains("line 4") && unknown.contains("port"), "{unknown}");
    let plmn = said("[policy]\nserving_networks = [\"001-0\"]\n");
    assert!(plmn.contains("line 2") && plmn.contains("MNC"), "{plmn}");
    let index = said("[store]\nnode_index = 1\n");
    assert!(
        index.contains("line 2, column 1") && index.contains("node_index"),
        "{index}"
    );
    assert!(said("[udm.tls]\ncert = \"a\"\n").contains("without key"));
    assert!(said("[sqn]\nscheme = \"CLOCK\"\n").contains("expected GENERAL, NON_TIME_BASED or TIME_BASED"));
    for (text, expected) in [
        ("[audit]\nwhen_full = \"goon\"\n", "expected \"refuse\" or \"go on\""),
        ("[udm]\nlisten = \"127.0.0.1\"\n", "such as \"127.0.0.1:7777\""),
        (
            "[policy]\nserving_networks = \"001-01\"\n",
            "expected a list, such as [\"001-01\"]",
        ),
        (
            "[policy]\nserving_network_naems = []\n",
            "unknown field `serving_network_naems`",
        ),
    ] {
        let refused = said(text);
        assert!(refused.contains("line 2") && refused.contains(expected), "{refused}");
    }
}

#[test]
fn groups_and_reservations_are_read_and_checked() {
    let text = "[policy]\nserving_networks = [\"001-01\", \"310-410\"]\n[policy.reserved]\n\"310-410\" = [\"Partner\", \
                \"192.0.2.9\"]\n\"5G:mnc001.mcc001.3gppnetwork.org\" = [\"set\"]\n[groups]\nset = [\"amf1\", \"192.0.2.0/29\"]\n";
    let config = Config::parse(text, Path::new("k.toml")).expect("a configuration");
    let printed = config.commented_toml();
    assert_eq!(
        Config::parse(&printed, Path::new("printed")).expect("own print-out"),
        config
    );
    let Requesters {
        groups,
        serving_networks: policy,
        ..
    } = config.requesters().expect("checked");
    let may = |address: [u8; 4], name: &str| {
        let requester = groups.requester(&kaskade_net::sbi::peer::Peer::at(address.into()));
        policy.authorises(&requester, &name.parse().expect("a name"))
    };
    let (home, partner) = ("5G:mnc001.mcc001.3gppnetwork.org", "5G:mnc410.mcc310.3gppnetwork.org");
    assert!(may([192, 0, 2, 1], home) && !may([192, 0, 2, 1], partner));
    assert!(may([192, 0, 2, 9], partner) && !may([192, 0, 2, 9], home));
    assert!(!may([192, 0, 2, 10], partner) && !may([192, 0, 2, 10], home));

    let said = |text: &str| Config::parse(text, Path::new("k.toml")).expect_err(text).to_string();
    let twice = said("[groups]\na = [\"AMF\"]\nb = [\"amf\"]\n");
    assert!(twice.contains("amf is in a and in b"), "{twice}");
    let both = said("[groups]\na = [\"amf\"]\n[policy.reserved]\n\"001-01\" = [\"amf\"]\n");
    assert!(both.contains("name the group"), "{both}");
    for (text, names) in [
        (
            "[groups]\na = [\"192.0.2.0/28\"]\nb = [\"192.0.2.1\"]\n",
            ["192.0.2.1/32 in b", "192.0.2.0/28 in a"],
        ),
        (
            "[groups]\na = [\"2001:db8::1\"]\nb = [\"2001:db8::/32\"]\n",
            ["2001:db8::/32 in b", "2001:db8::1/128 in a"],
        ),
        (
            "[groups]\na = [\"192.0.2.0/28\"]\n[policy.reserved]\n\"001-01\" = [\"192.0.2.1\"]\n",
            ["192.0.2.1/32 overlaps", "the group a"],
        ),
        (
            "[policy.reserved]\n\"001-01\" = [\"192.0.2.1\"]\n\"310-410\" = [\"192.0.2.0/24\"]\n",
            ["192.0.2.0/24 overlaps", "192.0.2.1/32"],
        ),
    ] {
        let refused = said(text);
        assert!(names.iter().all(|name| refused.contains(name)), "{refused}");
    }
    // Within one group it says the same twice, and one that is reserved two networks is one requester.
    for text in [
        "[groups]\na = [\"192.0.2.0/28\", \"192.0.2.1\"]\nb = [\"192.0.2.16/28\", \"0.0.0.0\", \"::\"]\n",
        "[policy.reserved]\n\"001-01\" = [\"192.0.2.1\"]\n\"310-410\" = [\"192.0.2.1\"]\n",
    ] {
        Config::parse(text, Path::new("k.toml")).expect(text);
    }
    assert!(said("[policy.reserved]\n\"001-1\" = [\"a\"]\n").contains("MNC"));
    assert!(said("[policy.reserved]\n\"001-01\" = [\"192.0.2.1/8\"]\n").contains("not a prefix"));
    assert!(said("[groups]\na = [\"192.0.2.1/8\"]\n").contains("line 2"));
    let rate = said("[budget]\ncard = \"8 per s\"\n");
    assert!(rate.contains("line 2") && rate.contains("8/s burst 512"), "{rate}");
    assert!(said("[budget]\ncard = \"1/h burst 1000\"\n").contains("a day"));
    for (setting, wider) in [
        ("requester = \"10000/s burst 5000\"", "budget.serving_network"),
        ("requester = \"2500/s burst 20000\"", "budget.serving_network"),
        ("requester = \"unlimited\"", "budget.serving_network"),
        ("node = \"2500/s burst 40000\"", "budget.node"),
    ] {
        let refused = said(&format!("[budget]\n{setting}\n"));
        assert!(
            refused.contains(wider) && refused.contains("all others out"),
            "{refused}"
        );
    }
    for setting in ["requester = \"9999/s burst 19999\"", "serving_network = \"unlimited\""] {
        Config::parse(&format!("[budget]\n{setting}\n"), Path::new("k.toml")).expect(setting);
    }
}

#[test]
fn clear_text_to_other_machines_is_allowed_by_name_only() {
    let parse = |text: &str| {
        let missing = ["udm", "ausf"].map(|table| match text.contains(&format!("[{table}]")) {
            true => String::new(),
            false => format!("[{table}]\n"),
        });
        Config::parse(&format!("{text}{}", missing.concat()), Path::new("k.toml"))
    };
    for table in ["udm", "ausf"] {
        let other = if table == "udm" { "ausf" } else { "udm" };
        for listen in [
            "0.0.0.0:9",
            "[::]:9",
            "192.0.2.1:9",
            "[2001:db8::1]:0",
            "[::ffff:192.0.2.1]:9",
        ] {
            let text = format!("[{table}]\nlisten = \"{listen}\"\n");
            let said = parse(&text).expect_err(listen).to_string();
            assert!(said.contains("insecure_h2c") && said.contains(table), "{said}");
            // The other one's consent is not this one's.
            let wrong = format!("{text}[{other}]\ninsecure_h2c = true\n");
            assert!(parse(&wrong).is_err(), "{wrong}");
            assert!(parse(&format!("{text}insecure_h2c = true\n")).is_ok(), "{listen}");
            assert!(
                parse(&format!("{text}tls = {{ cert = \"a\", key = \"b\" }}\n")).is_ok(),
                "{listen}"
            );
            // Nothing is in clear then.
            let both = format!("{text}insecure_h2c = true\ntls = {{ cert = \"a\", key = \"b\" }}\n");
            let said = parse(&both).expect_err(listen).to_string();
            assert!(said.contains("would not be used") && said.contains(table), "{said}");
        }
        for listen in ["127.0.0.1:9", "127.9.9.9:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
            assert!(
                parse(&format!("[{table}]\nlisten = \"{listen}\"\n")).is_ok(),
                "{listen}"
            );
        }
    }
}

#[test]
fn a_role_with_a_section_runs_and_all_where_there_is_none() {
    let parse = |text: &str| Config::parse(text, Path::new("k.toml"));
    let roles = |text: &str| parse(text).expect(text).roles().collect::<Vec<_>>();
    let (udm, ausf) = (Role::Udm, Role::Ausf);
    let remote = "[ausf.udm]\nurl = \"http://127.0.0.1:1\"\n";
    assert_eq!(roles(""), [udm, ausf]);
    assert_eq!(roles("[log]\njson = true\n"), [udm, ausf]);
    assert_eq!(roles("[udm]\n"), [udm]);
    assert_eq!(roles("[udm.tls]\n"), [udm]);
    assert_eq!(roles(remote), [ausf]);
    assert_eq!(roles(&format!("[udm]\n{remote}")), [udm, ausf]);
    let alone = parse("\n[ausf]\n").expect_err("no UDM").to_string();
    assert!(alone.contains("line 2") && alone.contains("ausf.udm.url"), "{alone}");
    // What is printed says the same.
    for text in ["", "[udm]\n", remote] {
        let config = parse(text).expect(text);
        assert_eq!(
            parse(&config.commented_toml()).expect("own print-out"),
            config,
            "{text}"
        );
    }
    let keep = |text: &str, only: &[Role]| {
        let mut config = parse(text).expect(text);
        config.keep_roles(only).map(|()| config.roles().collect::<Vec<_>>())
    };
    let both = format!("[udm]\n{remote}");
    assert_eq!(keep(&both, &[]).expect("all"), [udm, ausf]);
    assert_eq!(keep(&both, &[ausf]).expect("one"), [ausf]);
    assert_eq!(keep("", &[udm]).expect("of the defaults"), [udm]);
    // What is missing for it is said, not what those lack that would not run.
    let alone = Config::parse_for("[ausf]\n", Path::new("k.toml"), &[udm]).expect_err("no section");
    assert!(alone.to_string().contains("add [udm]"), "{alone}");
    assert_eq!(keep("", &[ausf, udm]).expect("both"), [udm, ausf]);
    for (text, only, says) in [("[udm]\n", ausf, "add [ausf]"), ("", ausf, "there is no UDM")] {
        let refused = keep(text, &[only]).expect_err(text).to_string();
        assert!(refused.starts_with("ausf: ") && refused.contains(says), "{refused}");
    }
}

#[test]
fn one_address_has_one_policy() {
    let check = |udm: &str, ausf: &str| {
        let text = format!("[udm]\n{udm}\n[ausf]\n{ausf}\n");
        Config::parse(&text, Path::new("k.toml")).map_err(|error| error.to_string())
    };
    let tls = r#"tls = { cert = "c", key = "k" }"#;
    let mutual = r#"tls = { cert = "c", key = "k", client_ca = "a" }"#;
    let other_ca = r#"tls = { cert = "c", key = "k", client_ca = "b" }"#;
    let other_key = r#"tls = { cert = "d", key = "l" }"#;
    let policies = ["", tls, mutual, other_ca, other_key];
    let at = |listen: &str, policy: &str| format!("listen = \"{listen}\"\n{policy}");
    for udm in policies {
        for ausf in policies {
            let one = check(&at("127.0.0.1:7", udm), &at("127.0.0.1:7", ausf));
            assert_eq!(one.is_ok(), udm == ausf, "{udm} {ausf}: {one:?}");
            assert!(check(&at("127.0.0.1:7", udm), &at("127.0.0.1:8", ausf)).is_ok());
            assert!(check(&at("127.0.0.1:0", udm), &at("127.0.0.1:0", ausf)).is_ok());
            assert!(check(&at("127.0.0.1:7", udm), &at("127.0.0.2:7", ausf)).is_ok());
        }
    }
    for (udm, ausf) in [
        ("0.0.0.0:7", "127.0.0.1:7"),
        ("[::1]:7", "[::]:7"),
        ("[::]:7", "127.0.0.1:7"),
    ] {
        let said = check(&at(udm, tls), &at(ausf, tls)).expect_err(udm);
        assert!(said.contains("include one another"), "{said}");
    }
}

#[test]
fn the_environment_wins() {
    let mut config = Config::default();
    let set = |name: &str| (name == "KASKADE_AUSF_LISTEN").then(|| "[::1]:9".to_owned());
    config.apply_environment(set).expect("an address");
    assert_eq!(config.ausf.listen, "[::1]:9".parse().expect("address"));
    for (listen, says) in [
        ("127.0.0.1:9464", ""),
        ("192.0.2.1:9464", "admin.tls.cert"),
        ("[::1]:9", "where ausf listens"),
    ] {
        let mut config = config.clone();
        let set = |name: &str| (name == "KASKADE_ADMIN_LISTEN").then(|| listen.to_owned());
        match config.apply_environment(set) {
            Ok(()) => assert_eq!(
                (says, config.admin.listen),
                ("", Some(listen.parse().expect("address")))
            ),
            Err(error) => {
                let said = error.to_string();
                assert!(
                    !says.is_empty() && said.starts_with("KASKADE_ADMIN_LISTEN") && said.contains(says),
                    "{said}"
                );
            }
        }
    }
    let wrong = config.apply_environment(|name| (name == "KASKADE_UDM_LISTEN").then(|| "9".to_owned()));
    assert!(
        wrong
            .expect_err("no address")
            .to_string()
            .starts_with("KASKADE_UDM_LISTEN")
    );
}

#[test]
fn an_address_of_the_environment_is_checked_as_one_of_the_file() {
    let with = |text: &str, given: &[(&str, &str)]| {
        let mut config = Config::parse(text, Path::new("test")).expect(text);
        let variable = |name: &str| {
            given
                .iter()
                .find(|(of, _)| *of == name)
                .map(|(_, value)| (*value).to_owned())
        };
        config.apply_environment(variable).map_err(|error| error.to_string())
    };
    let (udm, ausf) = ("KASKADE_UDM_LISTEN", "KASKADE_AUSF_LISTEN");
    let here = "[nrf]\nurl = \"http://127.0.0.1:1\"\n[udm]\ninsecure_h2c = true\n[ausf]\n";
    let there = "[nrf]\nurl = \"http://192.0.2.1\"\ninsecure_h2c = true\n[udm]\napi_root = \"http://192.0.2.2\"\n\
                 [ausf]\nlisten = \"192.0.2.2:1\"\ninsecure_h2c = true\n";
    let watched = "[admin]\nlisten = \"127.0.0.1:9464\"\n";
    for (text, given, says) in [
        (
            here,
            [(udm, "0.0.0.0:1")],
            "KASKADE_UDM_LISTEN (environment): 0.0.0.0:1 is no address",
        ),
        (
            there,
            [(ausf, "[::1]:1")],
            "KASKADE_AUSF_LISTEN (environment): [::1]:1 is for this machine only",
        ),
        (
            watched,
            [(udm, "127.0.0.1:9464")],
            "KASKADE_UDM_LISTEN (environment): 127.0.0.1:9464 is where udm",
        ),
        (
            watched,
            [(ausf, "127.0.0.1:9464")],
            "KASKADE_AUSF_LISTEN (environment): 127.0.0.1:9464 is where ausf",
        ),
    ] {
        let said = with(text, &given).expect_err(says);
        assert!(said.starts_with(says), "{said}");
        with(text, &[]).expect("the file alone is in order");
    }
    for root in [
        "http://localhost:8000",
        "https://LOCALHOST/x",
        "http://[::1]:1",
        "http://127.0.0.9",
    ] {
        assert!(remote::is_here(root), "{root}");
    }
    for root in [
        "http://nrf.example.org",
        "https://192.0.2.1:1",
        "http://[2001:db8::1]",
        "http://localhost.example",
    ] {
        assert!(!remote::is_here(root), "{root}");
    }
}

#[test]
fn a_root_of_links_is_one() {
    let parse = |root: &str| Config::parse(&format!("[udm]\n[ausf]\napi_root = \"{root}\"\n"), Path::new("test"));
    for fine in [
        "http://127.0.0.1:7777",
        "https://ausf.example.org/",
        "https://ausf.example.org/a/b",
    ] {
        parse(fine).expect(fine);
    }
    for wrong in [
        "foo",
        "",
        "/",
        "ftp://ausf.example.org",
        "http://",
        "https://ausf.example.org/?a=b",
    ] {
        let refused = parse(wrong).expect_err(wrong).to_string();
        assert!(refused.contains("ausf.api_root"), "{refused}");
    }
}

#[test]
fn access_and_tokens_are_read_and_checked() {
    const ID: &str = "4947a69a-f61b-4bc1-b9da-47c9c5d14b64";
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("nrf.pem");
    let key = key.display();
    let text = format!(
        "[oauth2]\nrequired = true\nissuers = [\"{ID}\"]\n[oauth2.keys]\nnrf-1 = \"{key}\"\n[policy.access]\nset = [\"nausf-auth\"]\n\
         \"{ID}\" = [\"nudm-ueau/generate_auth_data\"]\n[groups]\nset = [\"amf1\"]\n"
    );
    let config = Config::parse(&text, Path::new("k.toml")).expect("a configuration");
    let printed = config.commented_toml();
    assert_eq!(
        Config::parse(&printed, Path::new("printed")).expect("own print-out"),
        config
    );
    let asked: Vec<_> = config
        .requesters()
        .expect("checked")
        .access
        .into_iter()
        .map(|(_, asked)| asked)
        .collect();
    assert_eq!(
        asked,
        [
            [Asked::Operation("nudm-ueau/generate_auth_data".into())],
            [Asked::Scope("nausf-auth".into())]
        ]
    );

    let said = |text: &str| Config::parse(text, Path::new("k.toml")).expect_err(text).to_string();
    for (text, line, names) in [
        ("[oauth2]\nrequired = true\n", 1, "no key"),
        (
            "[oauth2]\n[oauth2.keys]\na = \"k.pem\"\n",
            2,
            "oauth2.issuers names no NRF",
        ),
        ("[oauth2]\nissuers = [\"nrf\"]\n", 2, "UUID"),
        ("[oauth2]\nnetworks = [\"001-0\"]\n", 2, "MNC"),
        ("[oauth2]\nalgorithm = \"none\"\n", 2, "ES256"),
        ("[oauth2]\nalgorithm = \"HS256\"\n", 2, "ES256"),
        ("[oauth2]\nleeway = 301\n", 2, "out of range"),
        ("[oauth2]\nkey = \"k.pem\"\n", 2, "unknown field"),
        (
            "[policy]\n[policy.access]\namf = [\"nausf\"]\n",
            2,
            "neither a scope nor an operation",
        ),
        (
            "[policy]\n[policy.access]\n\"a b\" = []\n",
            2,
            "neither a group nor a peer",
        ),
        (
            "[groups]\n\"192.0.2.1/32\" = [\"amf\"]\n[policy.access]\n\"192.0.2.1\" = []\n",
            3,
            "also the name of a group",
        ),
        (
            "[groups]\nset = [\"amf\"]\n[policy.access]\namf = []\n",
            3,
            "name the group",
        ),
    ] {
        let told = said(text);
        assert!(
            told.contains(&format!("line {line}")) && told.contains(names),
            "{text}: {told}"
        );
    }
    let nobody = said(&format!("[policy.access]\n\"{ID}\" = [\"nausf-auth\"]\n"));
    assert!(nobody.contains("without oauth2.keys"), "{nobody}");

    // Files are read with the file.
    let file = folder.path().join("k.toml");
    std::fs::write(&file, &text).expect("written");
    for content in [
        None,
        Some("garbage"),
        Some("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ] {
        if let Some(content) = content {
            std::fs::write(folder.path().join("nrf.pem"), content).expect("written");
        }
        let told = Config::read(&file).expect_err("no key").to_string();
        assert!(told.contains("line 4") && told.contains("nrf.pem"), "{told}");
    }
    // As openssl writes it: ecparam -name prime256v1 -genkey, ec -pubout.
    let public = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOPSBoYte1Mbqq7nLOn7KPu/7C8Z6\nQH4QY32Etd9+F0Fim6SmvRgcwJ5jVmFXsYIda57VeJSG3xgZq+15dGQxFQ==\n-----END PUBLIC KEY-----\n";
    std::fs::write(folder.path().join("nrf.pem"), public).expect("written");
    let config = Config::read(&file).expect("a configuration");
    assert!(config.oauth2.verifier().expect("a key").is_some());
    // Whoever can change it would let anybody in.
    let path = folder.path().join("nrf.pem");
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
    mode(0o666);
    let refused = config.oauth2.verifier().expect_err("others write it").to_string();
    assert!(refused.contains("nrf.pem") && refused.contains("0666"), "{refused}");
    mode(0o644);
    assert!(config.oauth2.verifier().expect("a key").is_some());
    std::fs::remove_file(&path).expect("removed");
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .expect("mkfifo");
    assert!(made.success());
    let refused = config.oauth2.verifier().expect_err("no file").to_string();
    assert!(refused.contains("nrf.pem"), "{refused}");
}
