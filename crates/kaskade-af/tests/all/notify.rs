//! The home network says that a key is to be used no more.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use kaskade_af::{AkmaClient, AkmaOptions, LoginOptions};
use kaskade_codec::sbi::Body as _;
use kaskade_codec::sbi::akma::ServiceDisableNotif;
use tower_service::Service as _;

use crate::common::{Home, Says, Ue, af, app, asked, next};

async fn post(app: &Router, path: &str, media_type: &str, body: &str) -> u16 {
    let request = Request::post(path)
        .header("content-type", media_type)
        .body(Body::from(body.to_owned()))
        .unwrap();
    app.clone().call(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_disabled_key_ends_the_login() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let mut options = AkmaOptions::default();
    options.notify_at = Some("https://af.example/".to_owned());
    let keys = AkmaClient::new(af(), home.clone(), options).unwrap();
    let app = app(&keys, LoginOptions::default()).merge(keys.notifications());
    let mut login = asked(&app, &ue).await;
    assert_eq!(next(&app, &mut login, "GET", "/").await.1.status, 200);
    // The question told where.
    let uri = home.last().notif_uri.expect("a URI").0;
    assert_eq!(Some(&uri), keys.notification_uri().as_ref());
    let path = uri.strip_prefix("https://af.example").unwrap().to_owned();
    let body = format!(r#"{{"aKId":"{}"}}"#, ue.a_kid.encode());
    assert!(ServiceDisableNotif::from_json(body.as_bytes()).is_ok());
    let json = "application/json; charset=utf-8";
    let long = format!(r#"{{"aKId":"{}"}}"#, "x".repeat(5000));
    let strangers = format!(
        "{}{}",
        &path[..path.len() - 1],
        if path.ends_with('0') { '1' } else { '0' }
    );
    for (path, media_type, body, status) in [
        (strangers.as_str(), json, body.as_str(), 404),
        ("/akma/disabled/", json, &body, 401),
        ("/akma/disabled/x", json, &body, 404),
        (&path, "text/plain", &body, 415),
        (&path, json, "{}", 400),
        (&path, json, r#"{"aKId":"me"}"#, 400),
        (&path, json, &long, 413),
    ] {
        assert_eq!(
            post(&app, path, media_type, body).await,
            status,
            "{path} {media_type} {body}"
        );
    }
    assert_eq!(
        next(&app, &mut login, "GET", "/").await.1.status,
        200,
        "nothing of that was a notification"
    );
    home.says(Says::Nothing);
    assert_eq!(post(&app, &path, json, &body).await, 204);
    assert_eq!(keys.count(), 0);
    assert_eq!(next(&app, &mut login, "GET", "/").await.1.status, 403);
    assert_eq!(post(&app, &path, json, &body).await, 204, "once more");
}
