//! `subscriber import`: all errors at once, and nothing left behind.

use crate::common::{K, OPC, Place, SUPI};

#[test]
fn all_errors_of_file_and_store_at_once() {
    let place = Place::new();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data --gpsi msisdn-12345"))
        .ok();
    place
        .with_secrets("subscriber add --supi imsi-001010000000006 --data data")
        .ok();
    place.file(
        "cards.csv",
        &format!(
            "supi,k,opc,gpsi,methods\n\
             imsi-001010000000002,{K},{OPC},msisdn-12345,\n\
             imsi-001010000000003,{K},{OPC},msisdn-54321,\"5g-aka,eap-aka\"\n\
             imsi-001010000000004,{K},{OPC},msisdn-54321,\n\
             imsi-001010000000005,{K},{OPC},,\"5g-aka\n\
             imsi-001010000000006,{K},{OPC},,\n\
             imsi-001010000000007,{K},{OPC},,7g\n"
        ),
    );
    let said = place.kaskade("subscriber import cards.csv --data data").refused();
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("line ")).collect();
    for (line, (at, why)) in lines.iter().zip([
        ("line 2: ", "belongs to imsi-00101********01"),
        ("line 4: ", "stands in line 3 already"),
        ("line 5: ", "a quotation mark is not closed"),
        ("line 6: ", "exists already"),
        ("line 7: ", "word 1 is no method"),
    ]) {
        assert!(line.starts_with(at) && line.contains(why), "{said}");
    }
    assert_eq!(lines.len(), 5, "{said}");
    assert!(place.kaskade("subscriber list --data data").ok().contains("2 of 2"));
}

#[test]
fn an_export_without_secrets_is_told_once() {
    let place = Place::new();
    for n in 1..=14 {
        place
            .with_secrets(&format!("subscriber add --supi imsi-0010100000000{n:02} --data data"))
            .ok();
    }
    for end in ["csv", "toml"] {
        place.kaskade(&format!("subscriber export all.{end} --data data")).ok();
        let said = place
            .kaskade(&format!("subscriber import all.{end} --data new"))
            .refused();
        assert_eq!(said.matches("k is missing").count(), 1, "{said}");
        assert!(
            said.contains("of 13 more subscribers") && said.contains("--with-secrets") && !said.contains("more errors"),
            "{said}"
        );
    }
}

#[test]
fn a_refused_import_leaves_no_folder() {
    let place = Place::new();
    place
        .with_secrets(&format!("subscriber add --supi {SUPI} --data data"))
        .ok();
    place
        .kaskade("subscriber export sealed.csv --with-secrets --data data")
        .ok();
    place.file(
        "wrong.csv",
        &format!("supi,k,opc\n{SUPI},{K},{OPC}\n{SUPI},{K},{OPC}\n"),
    );
    place.file("short.csv", "supi,k,opc\nimsi-00101,1,2\n");
    for (file, why) in [
        ("sealed.csv", "line 2: sealed does not open"),
        ("wrong.csv", "line 3: "),
        ("short.csv", "line 2: "),
    ] {
        for more in ["", "--dry-run"] {
            let said = place
                .kaskade(&format!("subscriber import {file} --data new {more}"))
                .refused();
            assert!(said.contains(why), "{said}");
            assert!(!place.path("new").exists(), "{file} left a folder");
        }
    }
}
