//! The local system's door: the page, live events, and no stranger.
//!
//! The API here authorises nobody, so it must be out of reach of web pages: a request's `Host` has to be an address or
//! `localhost`, never a name that somebody else's DNS can point at us, and its `Origin`, if any, has to be ours.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use dlt_control::{ControlPlane, api};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use tokio::sync::watch;

use crate::{events::events, live::Broadcast};

/// Where the API lives, as on AWS.
pub(crate) const PREFIX: &str = "/prod";
/// The page has everything in it and may load nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Everything that is served on this machine.
///
/// Streams of events end when `stopped` turns true; viewers never hang up by themselves.
pub(crate) fn router(plane: ControlPlane, live: Arc<Broadcast>, stopped: watch::Receiver<bool>) -> Router {
    let events = Router::new().route(&format!("{PREFIX}/scenarios/{{test_id}}/live/events"), get(events)).with_state((
        plane.clone(),
        live,
        stopped,
    ));
    Router::new()
        .route("/", get(page))
        // Where a gate's link leads to; the page reads what it is to show from its own address.
        .route("/details/{test_id}", get(page))
        .merge(events)
        .fallback_service(api::router(plane, PREFIX))
        .layer(from_fn(refuse_strangers))
}

async fn page() -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(include_str!("page.html"))).into_response()
}

async fn refuse_strangers(request: Request, next: Next) -> Response {
    match stranger(request.headers(), request.uri().host()) {
        Some(why) => refusal(StatusCode::FORBIDDEN, "FOREIGN_ORIGIN", &why),
        None => next.run(request).await,
    }
}

/// Why a request comes from a stranger, if it does.
fn stranger(headers: &HeaderMap, authority: Option<&str>) -> Option<String> {
    let text = |value: &HeaderValue| value.to_str().unwrap_or("\u{fffd}").to_owned();
    let host = headers.get(header::HOST).map(text).or_else(|| authority.map(ToOwned::to_owned)).unwrap_or_default();
    if !is_literal(&host) {
        return Some(format!("the host `{host}` is not this machine; open it as 127.0.0.1 or localhost"));
    }
    let origin = headers.get(header::ORIGIN).map(text)?;
    (origin != format!("http://{host}")).then(|| format!("requests from pages of `{origin}` are refused"))
}

/// Whether a host is an address or `localhost`, with or without a port.
fn is_literal(host: &str) -> bool {
    let bare = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    bare == "localhost" || bare.parse::<IpAddr>().is_ok()
}

pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let id = format!("{:x}", std::process::id());
    (status, Json(json!({"requestId": id, "code": code, "message": message}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, origin: Option<&str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).expect("a header"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).expect("a header"));
        }
        stranger(&headers, None)
    }

    #[test]
    fn this_machine_is_let_in_by_address_or_as_localhost() {
        for host in ["127.0.0.1:8080", "localhost:8080", "localhost", "[::1]:8080", "192.168.1.5:80"] {
            assert_eq!(asked(host, None), None, "{host}");
            assert_eq!(asked(host, Some(&format!("http://{host}"))), None, "{host}");
        }
    }

    #[test]
    fn names_that_dns_could_point_at_us_and_pages_of_others_are_refused() {
        for host in ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.io", ""] {
            assert!(asked(host, None).is_some(), "{host}");
        }
        for origin in ["http://evil.example", "null", "https://127.0.0.1:8080", "http://127.0.0.1:9999"] {
            assert!(asked("127.0.0.1:8080", Some(origin)).is_some(), "{origin}");
        }
    }
}
