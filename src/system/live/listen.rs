//! One connection to the broker: signed with whoever asks, and open until it breaks.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SessionTokenMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use dlt_model::id::Region;
use futures::{SinkExt, StreamExt};
use http::Request;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::mpsc,
    time,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, handshake::client::generate_key},
};
use url::{Url, form_urlencoded};

use super::{
    Broken, Heard,
    mqtt::{self, KEEP_ALIVE_SECS, Packet},
};
use crate::system::{System, api::Api};

/// How long connecting and greeting may take.
const WITHIN: Duration = Duration::from_secs(20);
/// How long a signed address may be used.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// Who listens.
pub(super) struct Ear {
    pub api: Arc<Api>,
    region: Region,
    endpoint: Option<String>,
    client: String,
}

/// A connection of either kind.
trait Channel: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Channel for T {}

impl Ear {
    pub fn new(system: &System, run_id: &str) -> Self {
        Self {
            api: Arc::clone(&system.api),
            region: system.region.clone(),
            endpoint: system.endpoint.clone(),
            client: format!("dlt-gate-{run_id}"),
        }
    }

    /// Listens to a topic of a broker until nobody wants to hear it any more.
    pub async fn listen(&self, host: &str, topic: &str, sender: &mpsc::Sender<Heard>) -> Result<(), Broken> {
        let closed = |why: String| Broken { why, was_open: false };
        let opening = time::timeout(WITHIN, self.open(host, topic)).await;
        let mut socket = opening.map_err(|_| closed("the broker does not answer".to_owned()))?.map_err(closed)?;
        let broken = |why: String| Broken { why, was_open: true };
        let mut alive = time::interval(Duration::from_secs(u64::from(KEEP_ALIVE_SECS) / 2));
        let mut buffer = Vec::new();
        loop {
            tokio::select! {
                _ = alive.tick() => {
                    let sent = socket.send(Message::binary(mqtt::ping())).await;
                    sent.map_err(|error| broken(error.to_string()))?;
                }
                () = sender.closed() => return Ok(()),
                frame = socket.next() => {
                    read(frame, &mut buffer).map_err(broken)?;
                    while let Some(packet) = mqtt::take(&mut buffer).map_err(|why| broken(why.to_owned()))? {
                        let Packet::Message(payload) = packet else { continue };
                        for tick in super::ticks(&payload) {
                            if sender.send(Heard::Tick(Box::new(tick))).await.is_err() {
                                return Ok(());
                            }
                        }
                    }
                }
            }
        }
    }

    /// Connects, greets, and asks for the topic.
    async fn open(&self, host: &str, topic: &str) -> Result<WebSocketStream<Box<dyn Channel>>, String> {
        let keys = self.api.keys().get().await.map_err(|failure| failure.message)?;
        let keys = keys.ok_or("nobody is signed in")?;
        let target = signed(host, &keys, &self.region)?;
        let channel = connect(host, self.endpoint.as_deref()).await?;
        let request = Request::get(format!("wss://{host}{target}"))
            .header("host", host)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-protocol", "mqtt")
            .header("sec-websocket-key", generate_key())
            .body(())
            .map_err(|error| error.to_string())?;
        let (mut socket, _) = client_async(request, channel).await.map_err(|error| error.to_string())?;
        let mut buffer = Vec::new();
        socket.send(Message::binary(mqtt::hello(&self.client))).await.map_err(|error| error.to_string())?;
        match answer(&mut socket, &mut buffer).await? {
            Packet::Welcome(0) => {}
            _ => {
                return Err("the broker does not let us in: allow `iot:Connect` on its clients `dlt-gate-*`".to_owned());
            }
        }
        socket.send(Message::binary(mqtt::subscribe(topic))).await.map_err(|error| error.to_string())?;
        match answer(&mut socket, &mut buffer).await? {
            Packet::Subscribed(0 | 1) => Ok(socket),
            _ => {
                Err(format!("the broker does not let us hear `{topic}`: allow `iot:Subscribe` and `iot:Receive` on it"))
            }
        }
    }
}

async fn answer(socket: &mut WebSocketStream<Box<dyn Channel>>, buffer: &mut Vec<u8>) -> Result<Packet, String> {
    loop {
        match mqtt::take(buffer)? {
            None => read(socket.next().await, buffer)?,
            Some(Packet::Other | Packet::Message(_)) => {}
            Some(packet) => return Ok(packet),
        }
    }
}

/// Takes a frame's bytes.
fn read<E: std::fmt::Display>(frame: Option<Result<Message, E>>, buffer: &mut Vec<u8>) -> Result<(), String> {
    match frame {
        Some(Ok(Message::Binary(bytes))) => buffer.extend_from_slice(&bytes),
        Some(Ok(Message::Close(_))) | None => return Err("the broker hung up".to_owned()),
        Some(Ok(_)) => {}
        Some(Err(error)) => return Err(error.to_string()),
    }
    Ok(())
}

/// To the broker, or to another endpoint that stands for all of AWS.
async fn connect(host: &str, endpoint: Option<&str>) -> Result<Box<dyn Channel>, String> {
    let url = Url::parse(endpoint.unwrap_or(&format!("https://{host}"))).map_err(|error| error.to_string())?;
    let (name, port) = (url.host_str().unwrap_or(host), url.port_or_known_default().unwrap_or(443));
    let stream = TcpStream::connect((name, port)).await.map_err(|error| format!("no answer from {name}: {error}"))?;
    if url.scheme() == "http" {
        return Ok(Box::new(stream));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let tls = TlsConnector::from(Arc::new(config)).connect(server, stream).await;
    Ok(Box::new(tls.map_err(|error| format!("{name}: {error}"))?))
}

/// The path and query of the broker's address. IoT Core alone wants the session's token beside what is signed, not in it.
fn signed(host: &str, keys: &Credentials, region: &Region) -> Result<String, String> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.session_token_mode = SessionTokenMode::Exclude;
    settings.expires_in = Some(GOOD_FOR);
    let identity = keys.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_str())
        .name("iotdevicegateway")
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let url = format!("https://{host}/mqtt");
    let request = SignableRequest::new("GET", &*url, std::iter::empty(), SignableBody::Bytes(&[]));
    let request = request.map_err(|error| error.to_string())?;
    let (instructions, _) = sign(request, &parameters).map_err(|error| error.to_string())?.into_parts();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in instructions.params() {
        query.append_pair(name, value);
    }
    Ok(format!("/mqtt?{}", query.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sessions_token_is_beside_what_is_signed() {
        let region: Region = "eu-west-1".parse().expect("a region");
        let target = |token: Option<&str>| {
            let keys = Credentials::new("AKIDEXAMPLE", "secret", token.map(ToOwned::to_owned), None, "test");
            signed("abc-ats.iot.eu-west-1.amazonaws.com", &keys, &region).expect("it is signed")
        };
        let names = |target: &str| -> Vec<String> {
            let (_, query) = target.split_once('?').expect("a query");
            form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect()
        };
        let (with, without) = (names(&target(Some("t/+=="))), names(&target(None)));
        assert_eq!(with.len(), without.len() + 1, "{with:?}");
        assert_eq!(with.last().map(String::as_str), Some("X-Amz-Security-Token"));
        assert!(target(None).contains("iotdevicegateway%2Faws4_request"));
    }
}
