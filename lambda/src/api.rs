//! The role `api`: API Gateway's events as requests to the control plane's router.

use std::convert::Infallible;

use dlt_aws::{Cloud, Environment, Records};
use dlt_control::{
    api::{self, REQUEST_ID},
    ports::Viewer,
};
use lambda_http::{Request, RequestExt, Service, http::HeaderValue, request::RequestContext, service_fn};

use crate::plane;

/// The stage, which every path begins with.
const STAGE_PATH: &str = "/prod";

/// Answers invocations until the function is taken down.
pub async fn run(cloud: &Cloud, environment: &Environment, records: &Records) -> anyhow::Result<()> {
    let router = &api::router(plane::build(cloud, environment, records)?, STAGE_PATH);
    let handler = service_fn(|request: Request| async move {
        let answer: Result<_, Infallible> = router.clone().call(introduced(named(request))).await;
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

/// Says who asks, when it is a person with an identity of the stack's identity pool. API Gateway has verified the
/// signature, so the caller cannot name another one. Plain IAM callers have none.
fn introduced(mut request: Request) -> Request {
    let identity = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context
            .authorizer
            .as_ref()
            .and_then(|authorizer| authorizer.iam.as_ref()?.cognito_identity.as_ref()?.identity_id.clone()),
        _ => None,
    };
    if let Some(identity) = identity.filter(|identity| !identity.is_empty()) {
        request.extensions_mut().insert(Viewer(identity));
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

    /// The same event with what the authorizer adds.
    fn called_by(authorizer: &str) -> Option<Viewer> {
        let event = EVENT.replace("\"accountId\"", &format!("\"authorizer\": {authorizer}, \"accountId\""));
        introduced(lambda_http::request::from_str(&event).unwrap()).extensions().get::<Viewer>().cloned()
    }

    #[test]
    fn who_signed_in_is_known_by_the_identity_and_plain_keys_are_nobody() {
        let keys = r#""accessKey": "ASIA", "accountId": "123456789012", "callerId": "AROA:x", "principalOrgId": null,
            "userArn": "arn:aws:sts::123456789012:assumed-role/ci/x", "userId": "AROA:x""#;
        let cognito =
            r#"{"amr": ["authenticated"], "identityId": "eu-west-1:0a1b", "identityPoolId": "eu-west-1:pool"}"#;
        let person = format!(r#"{{"iam": {{{keys}, "cognitoIdentity": {cognito}}}}}"#);
        assert_eq!(called_by(&person), Some(Viewer("eu-west-1:0a1b".to_owned())));
        assert_eq!(called_by(&format!(r#"{{"iam": {{{keys}, "cognitoIdentity": null}}}}"#)), None);
        assert_eq!(called_by("{}"), None);
    }
}
