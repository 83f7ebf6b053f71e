//! As little HTTP as it takes to knock at a door.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends a request and reads until the answer contains `until`, or to its end.
pub async fn ask(address: SocketAddr, host: &str, request: &str, until: &str) -> String {
    let mut socket = TcpStream::connect(address).await.expect("it listens");
    let text = format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    socket.write_all(text.as_bytes()).await.expect("sent");
    let (mut answer, mut buffer) = (Vec::new(), vec![0; 16_384]);
    loop {
        let count = socket.read(&mut buffer).await.expect("an answer");
        answer.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&answer);
        if count == 0 || (!until.is_empty() && text.contains(until)) {
            return text.into_owned();
        }
    }
}
