//! Conversations with real peers on the loopback that are not ours: what steps will call, and what it costs.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use dlt_model::program::{Client, Http2, TcpUntil, Version};
use futures::{SinkExt, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::{Response, body::Frame, server::conn::http2, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{LocalSet, spawn_local},
};
use url::Url;

use super::{
    GrpcMethod, Message, Roots, Session, Traffic, Want, WebSocketSession, Wire, call_grpc, call_tcp,
    grpc::tests::descriptors,
};
use crate::{Fault, reactor::Reactor, request::Target};

const SOON: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(200);

fn wire(client: &Client) -> Rc<Wire> {
    let reactor = Rc::new(Reactor::new().expect("a descriptor"));
    spawn_local(Rc::clone(&reactor).run());
    Rc::new(Wire::new(client, &Roots::none(), &reactor).expect("valid"))
}

/// A server that does the same with every connection, and its address.
async fn serve<F: Future<Output = ()> + 'static>(each: impl Fn(TcpStream) -> F + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    spawn_local(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            spawn_local(each(stream));
        }
    });
    address
}

#[tokio::test]
async fn bytes_over_tcp_come_back_to_their_end() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let address = serve(async |mut stream: TcpStream| {
                let mut asked = [0; 4];
                stream.read_exact(&mut asked).await.expect("asked");
                for piece in [&b"one\r"[..], b"\ntwo"] {
                    stream.write_all(piece).await.expect("answered");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
            .await;
            let wire = wire(&Client::default());
            let mut traffic = Traffic::default();
            for (until, expected) in [
                (Some(TcpUntil::Text("\r\n".to_owned())), Ok(&b"one\r\ntwo"[..])),
                (Some(TcpUntil::Bytes(8)), Ok(b"one\r\ntwo")),
                (Some(TcpUntil::Close), Ok(b"one\r\ntwo")),
                (Some(TcpUntil::Bytes(9)), Err(Fault::ConnectionClosedEarly)),
                (None, Ok(b"")),
            ] {
                let answer = call_tcp(&wire, (&address, false), b"ping", until.as_ref(), SOON, &mut traffic).await;
                assert_eq!(answer.as_deref().map_err(|fault| *fault), expected, "{until:?}");
            }
            assert_eq!((traffic.requests, traffic.bytes_sent, traffic.bytes_received), (5, 20, 32));
            assert!(traffic.connect.is_some() && traffic.receiving.is_some() && traffic.tls.is_none());
            let silent = call_tcp(&wire, (&address, false), b"p", Some(&TcpUntil::Close), SHORT, &mut traffic).await;
            assert_eq!(silent, Err(Fault::RequestTimeout));
            assert_eq!(
                call_tcp(&wire, ("nowhere", false), b"", None, SHORT, &mut traffic).await,
                Err(Fault::NoAddress)
            );
        })
        .await;
}

#[tokio::test]
async fn a_websocket_says_hears_and_closes() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let address = serve(async |stream: TcpStream| {
                let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a handshake");
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() || message.is_binary() {
                        socket.send(message).await.expect("echoed");
                    }
                }
            })
            .await;
            let wire = wire(&Client::default());
            let mut traffic = Traffic::default();
            let url = Url::parse(&format!("ws://{address}/chat")).expect("a URL");
            let mut socket =
                WebSocketSession::connect(&wire, &url, &[], &[], SOON, &mut traffic).await.expect("agreed");
            for message in [Message::Text("hello".to_owned()), Message::Binary(vec![1, 2, 3])] {
                socket.send(message.clone(), SOON, &mut traffic).await.expect("sent");
                assert_eq!(socket.receive(SOON, &mut traffic).await, Ok(message));
            }
            assert_eq!(socket.receive(SHORT, &mut traffic).await, Err(Fault::RequestTimeout));
            socket.send(Message::Text("late".to_owned()), SOON, &mut traffic).await.expect("sent");
            assert_eq!(socket.idle(SHORT, &mut traffic).await, (1, Ok(())));
            socket.close(&mut traffic).await;
            assert_eq!(traffic.requests, 1);
            // Frames of 5, 3 and 4 bytes, and a close: 2 bytes before each, and 4 more for the mask.
            assert_eq!(traffic.bytes_received % 1_000, traffic.bytes_received);
            assert!(traffic.bytes_sent > 150 && traffic.bytes_received > 100, "{traffic:?}");
        })
        .await;
}

#[tokio::test]
async fn what_is_no_websocket_is_refused_by_name() {
    let local = LocalSet::new();
    local
        .run_until(async {
            for (answer, expected) in [
                ("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", Fault::WebSocketRefused),
                ("HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", Fault::WebSocketRefused),
                ("", Fault::ConnectionClosedEarly),
            ] {
                let address = serve(async move |mut stream: TcpStream| {
                    let mut asked = [0; 1_024];
                    let _ = stream.read(&mut asked).await;
                    stream.write_all(answer.as_bytes()).await.expect("answered");
                })
                .await;
                let url = Url::parse(&format!("ws://{address}/")).expect("a URL");
                let mut traffic = Traffic::default();
                let wire = wire(&Client::default());
                let connected = WebSocketSession::connect(&wire, &url, &[], &[], SOON, &mut traffic);
                assert_eq!(connected.await.err(), Some(expected), "{answer}");
                assert_eq!((traffic.requests, traffic.bytes_received as usize), (1, answer.len()));
            }
        })
        .await;
}

/// Answers every call with its own message and a number, and with trailers.
async fn count_stock(stream: TcpStream) {
    let service = service_fn(async |request: hyper::Request<hyper::body::Incoming>| {
        assert_eq!(request.uri().path(), "/shop.Stock/Count");
        assert_eq!(request.headers()["te"], "trailers");
        let asked = request.into_body().collect().await.expect("a body").to_bytes();
        let name = asked.slice(7..);
        let mut trailers = http::HeaderMap::new();
        let is_known = &name[..] == b"pen";
        trailers.insert("grpc-status", if is_known { "0" } else { "5" }.parse().expect("a value"));
        trailers.insert("grpc-message", "none%20left".parse().expect("a value"));
        let mut message = vec![0, 0, 0, 0, 7, 0x0a, 3];
        message.extend_from_slice(&name);
        message.extend_from_slice(&[0x10, 7]);
        let frames = is_known.then(|| Frame::data(Bytes::from(message))).into_iter().chain([Frame::trailers(trailers)]);
        let body = StreamBody::new(futures::stream::iter(frames.map(Ok::<_, std::convert::Infallible>)));
        Ok::<_, std::convert::Infallible>(
            Response::builder().header("content-type", "application/grpc").body(body).expect("a response"),
        )
    });
    let _ = http2::Builder::new(LocalTasks).serve_connection(TokioIo::new(stream), service).await;
}

/// Runs hyper's own tasks beside ours.
#[derive(Clone)]
struct LocalTasks;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalTasks {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}

#[tokio::test]
async fn a_grpc_call_is_json_on_both_ends() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let url = Url::parse(&format!("http://{}", serve(count_stock).await)).expect("a URL");
            let method = GrpcMethod::new(&descriptors(), "shop.Stock/Count").expect("described");
            let mut session = Session::new(wire(&Client::default()));
            let mut traffic = Traffic::default();
            for (name, status, json) in [("pen", 0, r#"{"item_name":"pen","amount":7}"#), ("ink", 5, "")] {
                let request = method.render(&url, &[], &format!(r#"{{"item_name": "{name}"}}"#)).expect("valid");
                let answer = call_grpc(&mut session, &method, &request, SOON, &mut traffic).await.expect("answered");
                assert_eq!((answer.status, answer.json.as_str(), answer.message.as_str()), (status, json, "none left"));
            }
            assert_eq!((traffic.requests, traffic.retries), (2, 0));
        })
        .await;
}

#[tokio::test]
async fn many_sessions_share_a_connection_and_each_pays_its_part() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let connections = Rc::new(std::cell::Cell::new(0));
            let seen = Rc::clone(&connections);
            let address = serve(move |stream| {
                seen.set(seen.get() + 1);
                let service = service_fn(async |_| {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    Ok::<_, std::convert::Infallible>(Response::new("x".repeat(40_000)))
                });
                async move {
                    let mut server = http2::Builder::new(LocalTasks);
                    let _ = server.max_concurrent_streams(3).serve_connection(TokioIo::new(stream), service).await;
                }
            })
            .await;
            let client =
                Client { version: Version::Http2, http2: Http2 { users_per_connection: 5 }, ..Client::default() };
            let wire = wire(&client);
            let target = Target::new("GET", &format!("http://{address}/"), Vec::new(), Vec::new()).expect("valid");
            let request = Rc::new(target.render());
            let users: Vec<_> = (0..10)
                .map(|_| {
                    let (wire, request) = (Rc::clone(&wire), Rc::clone(&request));
                    spawn_local(async move {
                        let mut session = Session::new(wire);
                        let mut traffic = Traffic::default();
                        for _ in 0..10 {
                            let want = Want { body: true, ..Want::default() };
                            let answer = session.exchange(&request, want, SOON, &mut traffic).await.expect("answered");
                            assert_eq!((answer.status, answer.body().len()), (200, 40_000));
                        }
                        traffic
                    })
                })
                .collect();
            let mut requests = 0;
            let mut has_waited = false;
            for user in users {
                let traffic = user.await.expect("no panic");
                requests += traffic.requests - traffic.retries;
                has_waited |= traffic.blocked.is_some();
                assert!(traffic.bytes_received > 400_000);
            }
            assert_eq!((requests, connections.get()), (100, 2));
            assert!(has_waited);
        })
        .await;
}
