//! Which case is shown by which test, and which cases are not for this program. `docs/scas.md` is printed of it.

use std::fmt::Write as _;

/// A case that a test shows.
pub(crate) struct Case {
    /// The specification, without `TS`.
    pub(crate) spec: &'static str,
    /// Its clause.
    pub(crate) clause: &'static str,
    /// What the case is called; empty where it has no name.
    pub(crate) name: &'static str,
    /// The network functions that it is run against.
    pub(crate) roles: &'static str,
    /// What the test shows.
    pub(crate) shown: &'static str,
    /// The test, of the module `scas` of kaskade-net's tests.
    pub(crate) test: &'static str,
    /// What of the case is not shown; empty where all is.
    pub(crate) but: &'static str,
}

const fn case(
    (spec, clause, name): (&'static str, &'static str, &'static str),
    roles: &'static str,
    test: &'static str,
    shown: &'static str,
    but: &'static str,
) -> Case {
    Case {
        spec,
        clause,
        name,
        roles,
        shown,
        test,
        but,
    }
}

/// Cases that are not for this program.
pub(crate) struct Other {
    /// The specification, without `TS`, and the network product.
    pub(crate) spec: &'static str,
    /// The clauses.
    pub(crate) clauses: &'static str,
    /// The names.
    pub(crate) names: &'static str,
    /// Why not.
    pub(crate) why: &'static str,
}

const fn other(spec: &'static str, clauses: &'static str, names: &'static str, why: &'static str) -> Other {
    Other {
        spec,
        clauses,
        names,
        why,
    }
}

const ALL_ROLES: &str = "UDM, AUSF, AAnF, NEF";

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    case(("33.514", "4.2.1.1", "TC_DE_CONCEAL_SUPI_from_SUCI_UDM"), "UDM (SIDF)", "tc_de_conceal_supi_from_suci_udm",
        "The SUPI comes out of SUCIs of the null scheme, profile A and profile B, on N13 and on N12; by another scheme, under another key or changed by a digit none does.", ""),
    case(("33.514", "4.2.2.1", ""), "UDM, ARPF", "tc_33514_4_2_2_1_synchronisation_failure",
        "RAND and AUTS of a USIM that is ahead bring a new vector that this USIM takes; an AUTS that K did not make, or that goes with another RAND, is refused and moves nothing.", ""),
    case(("33.514", "4.2.2.1", ""), "AUSF", "tc_33514_4_2_2_1_synchronisation_failure_at_the_ausf",
        "The same through an AUSF, with the UDM in its process and over N13, to the same K_SEAF at both ends: TS 33.516 has no case of its own for the AUSF.", ""),
    case(("33.514", "4.2.2.2", "TC_AUTH_STATUS_STORE_UDM"), "UDM", "tc_auth_status_store_udm",
        "SUPI, result, time and serving network name in the UDM are those that UE, AMF and AUSF saw, after a success and after a failure; of nobody else there is a report.", ""),
    case(("33.537", "4.2.2.1", "TC_AKMA_Key_Storage_Update"), "AAnF", "tc_akma_key_storage_update",
        "After a second authentication the first A-KID is unknown, K_AF is another one and that of the UE, and another subscriber's is as before.",
        "for an A-KID that is unknown TS 29.535 has an answer without content, 204, where the case speaks of an error message"),
    case(("33.537", "4.2.3.2.4.1", "TC_PROTECT_SBA_AAnF_AUSF"), "AAnF, AUSF", "tc_protect_sba_aanf_ausf",
        "An anchor key goes from AUSF to AAnF over mutual TLS: who listens on the wire finds no key and no name, what is said again does nothing, what is changed is not taken; no AUSF registers in clear, without a certificate, with one of another authority or to an AAnF of another.", ""),
    case(("33.537", "4.2.3.2.4.2", "TC_PROTECT_AAnF_AF_NEF"), "AAnF, NEF", "tc_protect_aanf_af_nef",
        "The same for K_AF, to an application function and to a NEF; nor has anybody a key with a certificate of the right authority and another name.", ""),
    case(("33.519", "4.2.2.1", "TC_CP_AUTHOR_AF_NEF"), "NEF", "tc_cp_author_af_nef",
        "An API of the NEF is served with its token, and refused without one and with one that is made up, damaged, signed by another, of another issuer, for another function, for another API, over, or of nobody here.", ""),
    case(("33.117", "4.2.2.2.2", "TC_PROTECT_TRANSPORT_LAYER"), ALL_ROLES, "tc_protect_transport_layer",
        "TLS 1.3 with each of its suites and groups in use is agreed with OpenSSL's client; TLS 1.2 and older, other suites and groups, no certificate, one of another authority, clear text and HTTP/1.1 are not.",
        "the profile of TS 33.210 has TLS 1.2 beside TLS 1.3, which this program does not speak"),
    case(("33.117", "4.2.2.2.3.1", "TC_AUTHORIZATION_TOKEN_VERIFICATION_FAILURE_ONE_PLMN"), "UDM, AUSF, AAnF", "tc_authorization_token_verification_failure_one_plmn",
        "All eight test cases: signature and MAC, audience, scope, expiry, S-NSSAIs, NSIs, NF set, additional scope; each is refused as RFC 6750 says, and nothing was done.", ""),
    case(("33.117", "4.2.2.2.3.2", "TC_AUTHORIZATION_TOKEN_VERIFICATION_FAILURE_DIFF_PLMN"), "UDM, AUSF, AAnF", "tc_authorization_token_verification_failure_diff_plmn",
        "A token of a consumer in another PLMN is taken with this node's PLMN as `producerPlmnId`, and refused with another one, an empty one and none.", ""),
    case(("33.117", "4.2.3.2.2", "TC_CONFIDENTIAL_SYSTEM_INTERNAL_DATA"), "UDM, AUSF, AAnF", "tc_confidential_system_internal_data",
        "Neither the log at its most verbose nor an answer to a wrong request has a key, RES* or a whole identity.", ""),
    case(("33.117", "4.2.3.2.4", "TC_PROTECT_DATA_INFO_TRANSFER_1"), "administration", "tc_protect_data_info_transfer_1",
        "The socket of administration over TLS: the same offers are agreed and refused as on the service-based interfaces, and nothing is readable on the wire.",
        "as above, no TLS 1.2"),
    case(("33.117", "4.2.3.2.5", "TC_LOGGING_ACCESS_TO_PERSONAL_DATA"), "UDM, AUSF, AAnF", "tc_logging_access_to_personal_data",
        "Who was told a SUPI, and who asked and was not, stands in the audit log with whom it was about as a pseudonym; its files have neither the identity nor a key.", ""),
    case(("33.117", "4.2.3.3.3", "TC_SYSTEM_HANDLING_OF_OVERLOAD_SITUATIONS"), "AUSF, UDM", "tc_system_handling_of_overload_situations",
        "Beside one that asks ten times as much as it may and 300 silent connections, others are served; it is told when to come again, costs no vector, and afterwards all is as before.", ""),
    case(("33.117", "4.3.4.3", "TC_NO_UNUSED_HTTP_METHODS"), "UDM, AUSF, AAnF", "tc_no_unused_http_methods",
        "Every path has the methods of its operations; any other one is 405 with `Allow`.", ""),
    case(("33.117", "4.3.4.11", "TC_NO_WEB_SERVER_HEADER_INFORMATION"), "UDM, AUSF, AAnF", "tc_no_web_server_header_information",
        "No header tells program, version or system.", ""),
    case(("33.117", "4.3.4.12", "TC_NO_WEB_SERVER_ERROR_PAGES_INFORMATION"), "UDM, AUSF, AAnF", "tc_no_web_server_error_pages_information",
        "Every error is a ProblemDetails without program, version, system or place in the source.", ""),
    case(("33.117", "4.3.6.2", "TC_JSON_PARSER_CODE_EXEC_INCL"), ALL_ROLES, "tc_json_parser_code_exec_incl",
        "Scripts, commands, templates and links in values and members of every body are text: nobody follows them to a server or a file.", ""),
    case(("33.117", "4.3.6.3", ""), ALL_ROLES, "tc_33117_4_3_6_3_unique_key_values",
        "A member that comes twice, anywhere in a body, is refused, and right requests are served afterwards.", ""),
    case(("33.117", "4.3.6.4", ""), ALL_ROLES, "tc_33117_4_3_6_4_format_and_range_of_values",
        "Each member of each body with another type, too short, too long and of another form is refused by its name.", ""),
    case(("33.117", "4.4.2", "TC_BVT_PORT_SCANNING"), ALL_ROLES, "tc_bvt_port_scanning",
        "The process listens at the addresses of its configuration and nowhere else, by TCP and UDP, before, while and after it works.", "on Linux, which tells"),
    case(("33.117", "4.4.4", "TC_BVT_ROBUSTNESS_AND_FUZZ_TESTING"), ALL_ROLES, "tc_bvt_robustness_and_fuzz_testing",
        "After changed handshakes, frames of HTTP/2 that are none and changed bodies every function serves as before, and none of their answers is a failure of the product. Beside it `cargo xtask fuzz` for each parser, and schemathesis for each interface.", ""),
];

const AMF_WHY: &str = "There is no AMF in this program: the SEAF is a client and a library.";
const PLATFORM: &str = "It belongs to the operating system or the place where the program runs.";
const NO_WEB: &str = "There is no web server with files, scripts, pages or sessions: paths are operations.";
const NO_ACCOUNTS: &str =
    "There are no accounts and no passwords: who administers is known by its certificate or as a user of the machine.";

#[rustfmt::skip]
pub(crate) const OTHERS: &[Other] = &[
    other("33.512, AMF", "4.2.2.1.1, 4.2.2.1.2", "TC_SYNC_FAIL_SEAF_AMF, TC_RES_STAR_VERIFICATION_FAILURE", AMF_WHY),
    other("33.512, AMF", "4.2.2.1.3", "TC_AMF_REDIRECTION_5GS_EPS", AMF_WHY),
    other("33.512, AMF", "4.2.2.3", "TC_NAS_REPLAY_AMF, TC_NAS_NULL_INT_AMF, TC_NAS_INT_SELECTION_USE_AMF", AMF_WHY),
    other("33.512, AMF", "4.2.2.4 to 4.2.2.7", "TC_BIDDING_DOWN_XN_AMF, TC_NAS_ALG_AMF_CHANGE_AMF, TC_5G_GUTI_ALLOCATION_AMF, TC_UE_SEC_CAP_HANDLING_AMF, TC_UE_SEC_CAPS_AS_CONTEXT_SETUP, TC_AMF_REEST_CP_CIOT", AMF_WHY),
    other("33.116, MME", "4.2.2.2 to 4.2.2.6", "all", "There is no MME in this program."),
    other("33.514, UDM", "4.2.7.1, 4.2.8.1", "UP policy for TSC and for 5G LAN", "There is no Nudm_SubscriberDataManagement: user plane policies of sessions are not kept here."),
    other("33.516, AUSF", "–", "none of its own", "What there is stands under TS 33.514 and TS 33.117 above."),
    other("33.518, NRF", "4.2.2.2.1", "TC_DISC_AUTHORIZATION_SLICE_NRF", "The NRF is a peer, which roles are registered at and ask: whom it lets discover what is its matter."),
    other("33.326, NSSAAF", "4.2.1, 4.2.2", "TC_NSSAAF_CORRECT_ROUTING, TC_NSSAAF_AAAS_AUTHORIZATION_REAUTH_REVOCATION", "There is no NSSAAF in this program."),
    other("33.117", "4.2.2.2.4.1", "TC_CLIENT_CREDENTIALS_ASSERTION_VALIDATION", "Nobody is known by a client credentials assertion here: who comes through an SCP is the SCP's certificate, and needs a token."),
    other("33.117", "4.2.3.2.3, 4.2.3.4", "TC_PSW_STOR_SUPPORT and the cases of accounts and passwords", NO_ACCOUNTS),
    other("33.117", "4.2.3.3.2, 4.2.4, 4.3.3", "TC_BOOT_INT_MEM_1 and the cases of the operating system", PLATFORM),
    other("33.117", "4.2.3.3.5", "TC_SW_PKG_INTEGRITY_1", "There are no packages yet: the program is built from its sources, with the checksums of `Cargo.lock`."),
    other("33.117", "4.2.3.5, 4.2.5, 4.3.4 but for those above", "the cases of web servers and sessions", NO_WEB),
    other("33.117", "4.2.6, 4.3.2, 4.3.5", "packet filters, GTP, services of the machine, separation of traffic", PLATFORM),
    other("33.117", "4.4.3", "TC_BVT_VULNERABILITY_SCANNING", "A scanner of known vulnerabilities is a product of somebody else; `cargo xtask licences` looks the dependencies up in the advisories of RustSec."),
];

/// The page.
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Security assurance cases\n\n\
         3GPP's security assurance specifications (SCAS) say which cases a tester runs against a network function. Those that this program can show by itself\n\
         are tests, called like the case, over the real functions, HTTP/2 and TLS: `cargo test -p kaskade-net --test all scas::` runs them.\n\
         Names and purposes are those that the test frame of the German BSI carries (BSI-Bund/pySCASso, MIT, Rel-16 to Rel-18). This is no certificate:\n\
         a tester judges the product where it runs, with its documents.\n\n\
         Written by `cargo run -p kaskade-net --example scas > docs/scas.md`.\n\n\
         ## Shown by tests\n\n\
         | Specification, clause | Case | Functions | What is shown | Test | State |\n|---|---|---|---|---|---|\n",
    );
    for case in CASES {
        let Case {
            spec,
            clause,
            name,
            roles,
            shown,
            test,
            but,
        } = case;
        let name = if name.is_empty() {
            "–".to_owned()
        } else {
            format!("`{name}`")
        };
        let state = match *but {
            "" => "shown".to_owned(),
            but => format!("shown, but: {but}"),
        };
        let _ = writeln!(
            page,
            "| TS {spec}, {clause} | {name} | {roles} | {shown} | `{test}` | {state} |"
        );
    }
    page.push_str(
        "\n## Not for this program\n\n\
         | Specification | Clauses | Cases | Why not |\n|---|---|---|---|\n",
    );
    for other in OTHERS {
        let Other {
            spec,
            clauses,
            names,
            why,
        } = other;
        let _ = writeln!(page, "| TS {spec} | {clauses} | {names} | {why} |");
    }
    page
}
