//! What holds for a server of HTTP (TS 33.117 4.3.4).

use kaskade_net::role::aanf::AanfOptions;
use kaskade_net::role::udm::UecmOptions;
use kaskade_net::services::ALL;

use crate::common::http::{Ask, Told, send_unchecked};
use crate::common::{Home, Link, supi};

fn home() -> Home {
    Home::start_with(Link::Local, |setup| {
        setup.aanf = Some(AanfOptions::default());
        setup.uecm = Some(UecmOptions::default());
    })
}

/// Every path that is served, and the methods that it has.
fn paths(home: &Home) -> Vec<(String, String, Vec<String>)> {
    let of = [
        ("nausf-auth", home.ausf_url()),
        ("nudm-ueau", home.udm_url()),
        ("nudm-uecm", home.udm_url()),
        ("naanf-akma", home.udm.aanf_url().unwrap()),
    ];
    let mut paths: Vec<(String, String, Vec<String>)> = Vec::new();
    for (name, url) in of {
        let service = ALL.iter().find(|service| service.name == name).unwrap();
        for operation in service.operations {
            let own = operation.path.split('/').map(|segment| match segment.starts_with('{') {
                true => supi(0).sbi(),
                false => segment.to_owned(),
            });
            let own = own.collect::<Vec<_>>().join("/");
            let path = format!("/{name}/{}{own}", service.version);
            let method = operation.method.to_string();
            match paths.iter_mut().find(|(_, known, _)| *known == path) {
                Some((_, _, methods)) => methods.push(method),
                None => paths.push((url.to_owned(), path, vec![method])),
            }
        }
    }
    assert!(paths.len() >= 12, "{paths:?}");
    paths
}

/// What an answer must not tell: which program, of which version, on what, and where in it.
fn says_nothing_of_the_server(told: &Told) {
    let revealing = ["server", "x-powered-by", "via", "x-aspnet-version", "x-runtime"];
    for (name, value) in &told.headers {
        assert!(
            !revealing.contains(&name.to_ascii_lowercase().as_str()),
            "{name}: {value}"
        );
    }
    let text = format!("{:?} {}", told.headers, String::from_utf8_lossy(&told.body)).to_lowercase();
    for word in [
        "kaskade/",
        "hyper",
        "rust",
        "tokio",
        env!("CARGO_PKG_VERSION"),
        ".rs:",
        "panicked",
        "/src/",
        "backtrace",
        "linux",
    ] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

#[tokio::test]
async fn tc_no_unused_http_methods() {
    let home = home();
    for (url, path, methods) in paths(&home) {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "SEARCH", "X",
        ] {
            let told = send_unchecked(&url, &Ask::bare(method, path.clone())).await;
            if methods.iter().any(|own| own == method) {
                assert_ne!(told.status, 405, "{method} {path}");
                continue;
            }
            assert_eq!(told.status, 405, "{method} {path}: {told:?}");
            // Which ones there are, as RFC 9110 15.5.6 wants it, and no other.
            let mut allowed: Vec<_> = told.header("allow").unwrap_or_default().split(", ").collect();
            let mut own: Vec<_> = methods.iter().map(String::as_str).collect();
            allowed.sort_unstable();
            own.sort_unstable();
            assert_eq!(allowed, own, "{method} {path}");
        }
    }
    home.shutdown().await;
}

/// Right and wrong requests to every path; what is told of the server in headers and bodies.
async fn answers() -> Vec<Told> {
    let home = home();
    let mut told = Vec::new();
    for (url, path, methods) in paths(&home) {
        for ask in [
            Ask::bare("TRACE", path.clone()),
            Ask::bare("GET", format!("{path}/../../etc/passwd")),
            Ask::json(methods[0].as_str(), path.clone(), "{"),
            Ask::json(methods[0].as_str(), path.clone(), "{}"),
            Ask::json(
                methods[0].as_str(),
                path.clone(),
                format!("{{\"a\":{}", "[".repeat(5_000)),
            ),
            Ask::bare("GET", "/"),
            Ask::bare("GET", "/index.html"),
            Ask::bare("GET", "/server-status"),
        ] {
            told.push(send_unchecked(&url, &ask).await);
        }
    }
    home.shutdown().await;
    assert!(told.iter().any(|told| told.status == 405) && told.iter().any(|told| told.status == 400));
    told
}

#[tokio::test]
async fn tc_no_web_server_header_information() {
    for told in answers().await {
        assert!(told.headers.iter().all(|(name, _)| name != "server"), "{told:?}");
        says_nothing_of_the_server(&told);
    }
}

/// An error is a ProblemDetails of 3GPP and no page.
#[tokio::test]
async fn tc_no_web_server_error_pages_information() {
    for told in answers().await.iter().filter(|told| told.status >= 400) {
        assert_eq!(
            told.header("content-type"),
            Some("application/problem+json"),
            "{told:?}"
        );
        let known = [
            "type",
            "title",
            "status",
            "detail",
            "instance",
            "cause",
            "invalidParams",
            "supportedFeatures",
        ];
        for name in told.json().as_object().unwrap().keys() {
            assert!(known.contains(&name.as_str()), "{name} in {told:?}");
        }
        says_nothing_of_the_server(told);
    }
}
