//! The role `api`: API Gateway's events as requests to the control plane's router.

use std::convert::Infallible;

use dlt_aws::{Cloud, Environment, Records};
use dlt_control::api::{self, REQUEST_ID};
use lambda_http::{Request, RequestExt, Service, http::HeaderValue, request::RequestContext, service_fn};

use crate::plane;

/// The stage, which every path begins with.
const STAGE_PATH: &str = "/prod";

/// Answers invocations until the function is taken down.
pub async fn run(cloud: &Cloud, environment: &Environment, records: &Records) -> anyhow::Result<()> {
    let router = &api::router(plane::build(cloud, environment, records)?, STAGE_PATH);
    let handler = service_fn(|request: Request| async move {
        let answer: Result<_, Infallible> = router.clone().call(named(request)).await;
        answer
    });
    lambda_http::run(handler).await.map_err(|error| anyhow::anyhow!(error))
}

/// Gives the request API Gateway's id, so that its access log, our log and the answer speak of the same thing.
fn named(mut request: Request) -> Request {
    let id = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    if let Some(value) = id.and_then(|id| HeaderValue::from_str(&id).ok()) {
        request.headers_mut().insert(REQUEST_ID, value);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What API Gateway sends for `ANY /{proxy+}` on the stage `prod`, shortened to what is read.
    const EVENT: &str = r#"{
        "version": "2.0", "routeKey": "ANY /{proxy+}", "rawPath": "/prod/scenarios/abc", "rawQueryString": "limit=3",
        "headers": {"content-type": "application/json", "host": "x.execute-api.eu-west-1.amazonaws.com"},
        "requestContext": {
            "accountId": "123456789012", "apiId": "x", "domainName": "x.execute-api.eu-west-1.amazonaws.com",
            "http": {"method": "POST", "path": "/prod/scenarios/abc", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "t"},
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "ANY /{proxy+}", "stage": "prod", "timeEpoch": 1583348638390
        },
        "body": "{}", "isBase64Encoded": false
    }"#;

    #[test]
    fn an_event_of_the_gateway_keeps_its_stage_and_its_request_id() {
        let request = named(lambda_http::request::from_str(EVENT).unwrap());
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/prod/scenarios/abc"));
        assert_eq!(request.uri().query(), Some("limit=3"));
        assert_eq!(request.headers()[REQUEST_ID], "JKJaXmPLvHcESHA=");
    }
}
