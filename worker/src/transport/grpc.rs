//! Unary gRPC calls over a session's HTTP/2 connection: JSON in, JSON out, the types known by their descriptors only.

use std::{fmt::Write as _, time::Duration};

use dlt_model::program::Version;
use http::Method;
use prost_reflect::{
    DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions,
    prost::{Message, bytes::Buf},
};
use serde_json::{Deserializer, Serializer};
use url::Url;

use super::{Answer, Origin, Session, Traffic, Want, percent::decoded};
use crate::{
    Fault,
    request::{Rendered, check_header},
};

/// What stands before a message: whether it is packed, and how long it is.
const PREFIX_BYTES: usize = 5;

/// A method, found among its descriptors once.
#[derive(Clone, Debug)]
pub struct GrpcMethod {
    method: MethodDescriptor,
    path: String,
}

/// What a call answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcAnswer {
    /// The gRPC status; 0 is the success.
    pub status: u16,
    /// What the peer says about a status that is none.
    pub message: String,
    /// The answer as JSON, field names as in the proto file; empty when there is none.
    pub json: String,
    /// Metadata, before the answer and behind it.
    pub headers: Vec<(Box<str>, Box<str>)>,
}

impl GrpcMethod {
    /// Finds `package.Service/Method` in a `FileDescriptorSet`.
    ///
    /// # Errors
    /// Returns what is wrong with the descriptors, or which methods there are.
    pub fn new(descriptors: &[u8], name: &str) -> Result<Self, String> {
        let pool =
            DescriptorPool::decode(descriptors).map_err(|error| format!("the descriptors cannot be read: {error}"))?;
        let (service, method) = name
            .trim_start_matches('/')
            .rsplit_once('/')
            .ok_or_else(|| format!("`{name}` is not of the form `package.Service/Method`"))?;
        let found = pool
            .services()
            .filter(|found| found.full_name() == service)
            .flat_map(|found| found.methods().collect::<Vec<_>>());
        let method = found.into_iter().find(|found| found.name() == method).ok_or_else(|| {
            let all: Vec<_> = pool
                .services()
                .flat_map(|service| service.methods().collect::<Vec<_>>())
                .map(|method| format!("{}/{}", method.parent_service().full_name(), method.name()))
                .collect();
            format!("there is no method `{name}`; there is {}", all.join(", "))
        })?;
        if method.is_client_streaming() || method.is_server_streaming() {
            return Err(format!("`{name}` streams; only unary methods can be called"));
        }
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        Ok(Self { method, path })
    }

    /// A call with this message, to the host and port of the URL.
    ///
    /// # Errors
    /// Returns why the message is not of the method's type, or what is wrong with the metadata.
    pub fn render(&self, url: &Url, metadata: &[(String, String)], json: &str) -> Result<Rendered, String> {
        let origin = Origin::of(url).ok_or_else(|| format!("`{url}` is not an http or https URL"))?;
        let message = self.message(json)?;
        let mut head = format!("POST {} HTTP/1.1\r\nHost: {}\r\n", self.path, origin.authority());
        head.push_str("content-type: application/grpc\r\nte: trailers\r\n");
        for (name, value) in metadata {
            check_header(name, value, b"")?;
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        let head_length = head.len();
        let length = u32::try_from(message.len()).map_err(|_| "the message is over 4 GiB".to_owned())?;
        let mut bytes = head.into_bytes();
        bytes.push(0);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&message);
        Ok(Rendered { version: Some(Version::Http2), ..Rendered::new(origin, bytes, head_length, &Method::POST) })
    }

    fn message(&self, json: &str) -> Result<Vec<u8>, String> {
        let mut reader = Deserializer::from_str(if json.trim().is_empty() { "{}" } else { json });
        let message = DynamicMessage::deserialize(self.method.input(), &mut reader);
        let message =
            message.map_err(|error| format!("the message is no {}: {error}", self.method.input().full_name()))?;
        reader.end().map_err(|error| format!("the message is not JSON: {error}"))?;
        Ok(message.encode_to_vec())
    }

    fn read(&self, answer: Answer) -> Result<GrpcAnswer, Fault> {
        let header = |wanted: &str| {
            let found = answer.headers().iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| &**value)
        };
        let is_grpc = header("content-type").is_some_and(|kind| kind.starts_with("application/grpc"));
        if answer.status != 200 || !is_grpc {
            return Err(Fault::GrpcFailed);
        }
        let status = header("grpc-status").and_then(|status| status.parse().ok()).ok_or(Fault::GrpcFailed)?;
        let message = String::from_utf8_lossy(&decoded(header("grpc-message").unwrap_or_default())).into_owned();
        let json = match status {
            0 => self.json(answer.body())?,
            _ => String::new(),
        };
        let headers = answer.details.map(|details| details.headers).unwrap_or_default();
        Ok(GrpcAnswer { status, message, json, headers })
    }

    /// The one message of a body.
    fn json(&self, body: &[u8]) -> Result<String, Fault> {
        let (prefix, message) = body.split_first_chunk::<PREFIX_BYTES>().ok_or(Fault::GrpcFailed)?;
        let [is_packed, length @ ..] = *prefix;
        if is_packed != 0 || u32::from_be_bytes(length) as usize != message.remaining() {
            return Err(Fault::GrpcFailed);
        }
        let message = DynamicMessage::decode(self.method.output(), message).map_err(|_| Fault::GrpcFailed)?;
        let mut json = Vec::new();
        let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
        message.serialize_with_options(&mut Serializer::new(&mut json), &options).map_err(|_| Fault::GrpcFailed)?;
        String::from_utf8(json).map_err(|_| Fault::GrpcFailed)
    }
}

/// Calls a method with a rendered request, over HTTP/2 and nothing else.
///
/// # Errors
/// [`Fault::GrpcFailed`] when the response is none of gRPC; a gRPC status that is no success is an answer.
pub async fn call_grpc(
    session: &mut Session,
    method: &GrpcMethod,
    request: &Rendered,
    timeout: Duration,
    traffic: &mut Traffic,
) -> Result<GrpcAnswer, Fault> {
    let want = Want { headers: true, cookies: false, body: true };
    method.read(session.exchange(request, want, timeout, traffic).await?)
}

#[cfg(test)]
pub mod tests {
    use http::Version as Spoken;
    use prost_reflect::prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
        ServiceDescriptorProto,
        field_descriptor_proto::{Label, Type},
    };

    use super::*;
    use crate::transport::Details;

    /// `shop.Stock/Count`: a name in, a name and a number out; and `shop.Stock/Watch`, which streams.
    pub fn descriptors() -> Vec<u8> {
        let field = |name: &str, number, kind: Type| FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(Label::Optional.into()),
            r#type: Some(kind.into()),
            ..FieldDescriptorProto::default()
        };
        let message =
            |name: &str, field| DescriptorProto { name: Some(name.to_owned()), field, ..DescriptorProto::default() };
        let method = |name: &str, streams| MethodDescriptorProto {
            name: Some(name.to_owned()),
            input_type: Some(".shop.Item".to_owned()),
            output_type: Some(".shop.Amount".to_owned()),
            server_streaming: Some(streams),
            ..MethodDescriptorProto::default()
        };
        let file = FileDescriptorProto {
            name: Some("shop.proto".to_owned()),
            package: Some("shop".to_owned()),
            syntax: Some("proto3".to_owned()),
            message_type: vec![
                message("Item", vec![field("item_name", 1, Type::String)]),
                message("Amount", vec![field("item_name", 1, Type::String), field("amount", 2, Type::Int32)]),
            ],
            service: vec![ServiceDescriptorProto {
                name: Some("Stock".to_owned()),
                method: vec![method("Count", false), method("Watch", true)],
                ..ServiceDescriptorProto::default()
            }],
            ..FileDescriptorProto::default()
        };
        FileDescriptorSet { file: vec![file] }.encode_to_vec()
    }

    fn method() -> GrpcMethod {
        GrpcMethod::new(&descriptors(), "shop.Stock/Count").expect("described")
    }

    /// What an answer of `shop.Stock/Count` says, if it says anything.
    pub fn read_answer(answer: Answer) -> Option<String> {
        method().read(answer).ok().map(|answer| answer.json).filter(|json| !json.is_empty())
    }

    #[test]
    fn a_call_is_rendered_with_its_message_behind_a_prefix() {
        let url = Url::parse("http://a.test:50051").expect("a URL");
        let request =
            method().render(&url, &[("x-a".to_owned(), "b".to_owned())], r#"{"itemName": "pen"}"#).expect("valid");
        assert!(request.bytes.starts_with(b"POST /shop.Stock/Count HTTP/1.1\r\nHost: a.test:50051\r\n"));
        assert_eq!(request.body(), b"\0\0\0\0\x05\x0a\x03pen");
        assert_eq!(request.version, Some(Version::Http2));
        let why = method().render(&url, &[], r#"{"colour": "red"}"#).expect_err("refused");
        assert!(why.contains("shop.Item") && why.contains("colour"), "{why}");
    }

    #[test]
    fn a_method_that_cannot_be_called_is_refused_with_those_that_can() {
        let refused = |name: &str| GrpcMethod::new(&descriptors(), name).expect_err("refused");
        assert!(refused("shop.Stock/Sell").contains("shop.Stock/Count"));
        assert!(refused("shop.Stock/Watch").contains("streams"));
        assert!(refused("Count").contains("package.Service/Method"));
        assert!(GrpcMethod::new(b"nothing", "a/b").is_err());
    }

    #[test]
    fn an_answer_is_read_and_what_is_none_is_a_fault() {
        let answer = |headers: &[(&str, &str)], body: &[u8]| {
            let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let details = Some(Box::new(Details { location: None, headers, body: body.to_vec() }));
            Answer { status: 200, version: Spoken::HTTP_2, sets_cookies: false, details }
        };
        let kind = ("content-type", "application/grpc+proto");
        let good =
            method().read(answer(&[kind, ("grpc-status", "0")], b"\0\0\0\0\x07\x0a\x03pen\x10\x07")).expect("valid");
        assert_eq!((good.status, good.json.as_str()), (0, r#"{"item_name":"pen","amount":7}"#));
        let bad =
            method().read(answer(&[kind, ("grpc-status", "5"), ("grpc-message", "no%20pen")], b"")).expect("valid");
        assert_eq!((bad.status, bad.message.as_str(), bad.json.as_str()), (5, "no pen", ""));
        for (headers, body) in [
            (&[kind][..], &b"\0\0\0\0\0"[..]),
            (&[("content-type", "text/html"), ("grpc-status", "0")], b"\0\0\0\0\0"),
            (&[kind, ("grpc-status", "0")], b"\0\0\0\0\x09x"),
            (&[kind, ("grpc-status", "0")], b"\x01\0\0\0\0"),
            (&[kind, ("grpc-status", "0")], b"\0\0\0\0\x02\x0a\x09"),
            (&[kind, ("grpc-status", "0")], b""),
        ] {
            assert_eq!(method().read(answer(headers, body)), Err(Fault::GrpcFailed));
        }
    }
}
