//! Where the home network says that a key is to be used no more (TS 29.535 5.2.2.5, Naanf_AKMA_ServiceDisableNotification).

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use kaskade_codec::sbi::Body as _;
use kaskade_codec::sbi::akma::ServiceDisableNotif;
use kaskade_faults::fault;
use kaskade_net::log_limit;
use subtle::ConstantTimeEq as _;

use crate::keys::AkmaClient;

/// The path, without the part that only the home network knows.
pub(crate) const PATH: &str = "/akma/disabled";

/// Octets of the longest notification that is read.
const MOST: usize = 4096;

impl AkmaClient {
    /// Takes notifications: to be merged with the routes of the application, outside its login. The path has 128 random bits in it that only
    /// the home network is told, so that nobody else can end a session.
    ///
    /// | The request | The answer |
    /// |---|---|
    /// | `ServiceDisableNotif` at the URI that [`notification_uri`](Self::notification_uri) gives | 204, whether the key was here or not |
    /// | another path below | 404 |
    /// | a body that is none, is too long, or of another media type | 400, 413, 415 |
    pub fn notifications(&self) -> Router {
        let path = format!("{PATH}/{{token}}");
        Router::new().route(&path, post(disabled)).with_state(self.clone())
    }
}

async fn disabled(
    State(keys): State<AkmaClient>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    if !bool::from(token.as_bytes().ct_eq(keys.token().as_bytes())) && !fault!("af-notified-by-anybody") {
        return StatusCode::NOT_FOUND;
    }
    let media_type = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    if !media_type.is_some_and(is_json) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let Ok(body) = to_bytes(body, MOST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    match ServiceDisableNotif::from_json(&body) {
        Ok(notification) => {
            let count = keys.disable(&notification.a_kid);
            log_limit!(info, "keys disabled by the home network", count);
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

fn is_json(media_type: &[u8]) -> bool {
    let essence = media_type.split(|octet| *octet == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}
