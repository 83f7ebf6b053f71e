//! Servers of other makes that talk over WebSocket, gRPC and bare TCP, counting what they see.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::{Request, Response, body::Frame, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost_reflect::{
    prost::Message as _,
    prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
        ServiceDescriptorProto,
        field_descriptor_proto::{Label, Type},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::tungstenite::{
    Message,
    handshake::server::{Request as Asking, Response as Agreed},
};

/// What a server saw.
#[derive(Debug, Default)]
pub struct Heard {
    pub connections: AtomicU64,
    pub calls: AtomicU64,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub lines: Mutex<Vec<String>>,
}

impl Heard {
    pub fn connections(&self) -> u64 {
        self.connections.load(SeqCst)
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }

    /// How often exactly this was said.
    pub fn count(&self, line: &str) -> u64 {
        self.lines.lock().expect("no panic").iter().filter(|other| *other == line).count() as u64
    }

    fn note(&self, line: &str) {
        self.lines.lock().expect("no panic").push(line.to_owned());
    }
}

pub struct Talker {
    pub address: SocketAddr,
    pub heard: Arc<Heard>,
}

impl Talker {
    /// A server that does the same with every connection, on a thread of its own until the test process ends.
    fn start<F: Future<Output = ()> + Send + 'static>(each: fn(TcpStream, Arc<Heard>) -> F) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("set");
        let address = listener.local_addr().expect("bound");
        let heard = Arc::new(Heard::default());
        let talker = Self { address, heard: Arc::clone(&heard) };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                loop {
                    let Ok((stream, _)) = listener.accept().await else { continue };
                    heard.connections.fetch_add(1, SeqCst);
                    tokio::spawn(each(stream, Arc::clone(&heard)));
                }
            });
        });
        talker
    }

    /// Sets a cookie for who asks for `?room`. Greets who joins, behind some noise; says nothing to `silence`, hangs up on `leave`, and repeats the rest.
    pub fn chat() -> Self {
        Self::start(chat)
    }

    /// `shop.Stock/Count`: there are seven pens and nothing else.
    pub fn stock() -> Self {
        Self::start(stock)
    }

    /// Repeats each line; hangs up on `leave`, and says nothing to `silence`.
    pub fn echo() -> Self {
        Self::start(echo)
    }
}

async fn chat(stream: TcpStream, heard: Arc<Heard>) {
    let notes = Arc::clone(&heard);
    let greet = move |asking: &Asking, mut agreed: Agreed| {
        for name in ["cookie", "x-key"] {
            let value = asking.headers().get(name).and_then(|value| value.to_str().ok());
            value.into_iter().for_each(|value| notes.note(&format!("{name}: {value}")));
        }
        if asking.uri().query() == Some("room") {
            agreed.headers_mut().insert("set-cookie", http::HeaderValue::from_static("room=7; Path=/"));
        }
        Ok(agreed)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, greet).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        heard.note(text.as_str());
        let answers = match text.as_str() {
            "join" => vec![r#"{"kind":"noise"}"#.to_owned(), r#"{"kind":"joined","id":7}"#.to_owned()],
            "silence" => Vec::new(),
            "leave" => {
                let _ = socket.close(None).await;
                Vec::new()
            }
            other => vec![other.to_owned()],
        };
        for answer in answers {
            let _ = socket.send(Message::text(answer)).await;
        }
    }
}

async fn stock(stream: TcpStream, heard: Arc<Heard>) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let heard = Arc::clone(&heard);
        async move {
            heard.calls.fetch_add(1, SeqCst);
            let key = request.headers().get("x-key").and_then(|value| value.to_str().ok()).unwrap_or("none").to_owned();
            heard.note(&format!("{} {key}", request.uri().path()));
            let asked = request.into_body().collect().await.expect("a body").to_bytes();
            // Behind the prefix of 5 bytes come the field's key and its length.
            let name = asked.slice(7..);
            let is_known = &name[..] == b"pen";
            let mut message = vec![0, 0, 0, 0, 7, 0x0a, 3];
            message.extend_from_slice(&name);
            message.extend_from_slice(&[0x10, 7]);
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", if is_known { "0" } else { "5" }.parse().expect("a value"));
            trailers.insert("grpc-message", "none%20left".parse().expect("a value"));
            let data = is_known.then(|| Frame::data(Bytes::from(message)));
            let frames = data.into_iter().chain([Frame::trailers(trailers)]).map(Ok::<_, Infallible>);
            let body = StreamBody::new(futures::stream::iter(frames.collect::<Vec<_>>()));
            let answer = Response::builder().header("content-type", "application/grpc").body(body);
            Ok::<_, Infallible>(answer.expect("a response"))
        }
    });
    let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn echo(mut stream: TcpStream, heard: Arc<Heard>) {
    let mut line = Vec::new();
    let mut buffer = [0; 1_024];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        heard.bytes_in.fetch_add(length as u64, SeqCst);
        line.extend_from_slice(&buffer[..length]);
        if !line.ends_with(b"\n") {
            continue;
        }
        let said = std::mem::take(&mut line);
        heard.note(&String::from_utf8_lossy(&said));
        match &said[..] {
            b"silence\n" => {}
            b"leave\n" => return,
            said => {
                heard.bytes_out.fetch_add(said.len() as u64, SeqCst);
                let _ = stream.write_all(said).await;
            }
        }
    }
}

/// `shop.Stock/Count`: a name in, a name and a number out.
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
            method: vec![MethodDescriptorProto {
                name: Some("Count".to_owned()),
                input_type: Some(".shop.Item".to_owned()),
                output_type: Some(".shop.Amount".to_owned()),
                ..MethodDescriptorProto::default()
            }],
            ..ServiceDescriptorProto::default()
        }],
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec()
}
