//! Bytes over a bare TCP connection, with TLS or without, and what comes back.

use std::{future::poll_fn, task::Poll, time::Duration};

use dlt_model::program::TcpUntil;
use tokio::time::timeout_at;

use super::{
    Origin, Traffic, Wire,
    dial::{Purpose, fault_of},
    inflate::MAX_BODY_BYTES_KEPT,
    stream::Stream,
    traffic::add,
};
use crate::{Fault, clock::Instant};

/// Opens a connection to `host:port`, sends, and reads until the answer's end; nothing is read without an end.
///
/// The timeout is for connecting, and again for the rest.
///
/// # Errors
/// [`Fault::NoAddress`] when `address` is none; [`Fault::BodyTooLarge`] when the answer has no end within what is kept.
pub async fn call_tcp(
    wire: &Wire,
    target: (&str, bool),
    send: &[u8],
    until: Option<&TcpUntil>,
    timeout: Duration,
    traffic: &mut Traffic,
) -> Result<Vec<u8>, Fault> {
    let (address, tls) = target;
    let origin = Origin::of_address(address, tls).ok_or(Fault::NoAddress)?;
    let (mut stream, _) = wire.dial(&origin, Purpose::Other, timeout, traffic).await?;
    let deadline = (Instant::now() + timeout).into();
    let talking = async {
        let sent_at = write(&mut stream, send, traffic).await?;
        let Some(until) = until else { return Ok(Vec::new()) };
        traffic.waiting.get_or_insert_default();
        read(wire, &mut stream, until, sent_at, traffic).await
    };
    timeout_at(deadline, talking).await.map_err(|_| Fault::RequestTimeout)?
}

async fn write(stream: &mut Stream, mut bytes: &[u8], traffic: &mut Traffic) -> Result<Instant, Fault> {
    let began = Instant::now();
    let mut is_first = true;
    while !bytes.is_empty() {
        let length = poll_fn(|cx| stream.poll_write(cx, bytes)).await.map_err(|error| fault_of(&error))?;
        if length == 0 {
            return Err(Fault::ConnectionClosedEarly);
        }
        traffic.requests += u64::from(std::mem::take(&mut is_first));
        traffic.bytes_sent += length as u64;
        bytes = &bytes[length..];
    }
    poll_fn(|cx| stream.poll_flush(cx)).await.map_err(|error| fault_of(&error))?;
    let now = Instant::now();
    add(&mut traffic.sending, now - began);
    Ok(now)
}

async fn read(
    wire: &Wire,
    stream: &mut Stream,
    until: &TcpUntil,
    sent_at: Instant,
    traffic: &mut Traffic,
) -> Result<Vec<u8>, Fault> {
    let mut answer = Vec::new();
    if is_complete(&answer, 0, until) {
        return Ok(answer);
    }
    let mut first_byte_at = None;
    loop {
        let before = answer.len();
        let read = poll_fn(|cx| {
            let mut buffer = wire.buffer.borrow_mut();
            match stream.poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(length)) => {
                    answer.extend_from_slice(&buffer[..length]);
                    Poll::Ready(Ok(length))
                }
                other => other,
            }
        })
        .await;
        let length = match read {
            Ok(length) => length,
            // A peer that ends a TLS session without saying so has still ended an answer that lasts until the end.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(fault_of(&error)),
        };
        if length == 0 {
            return if *until == TcpUntil::Close { Ok(answer) } else { Err(Fault::ConnectionClosedEarly) };
        }
        let now = Instant::now();
        traffic.bytes_received += length as u64;
        match first_byte_at {
            None => {
                first_byte_at = Some(now);
                add(&mut traffic.waiting, now - sent_at);
                traffic.receiving.get_or_insert_default();
            }
            Some(_) => add(&mut traffic.receiving, now - traffic.last_byte_at.unwrap_or(now)),
        }
        traffic.last_byte_at = Some(now);
        if is_complete(&answer, before, until) {
            return Ok(answer);
        }
        if answer.len() > MAX_BODY_BYTES_KEPT {
            return Err(Fault::BodyTooLarge);
        }
    }
}

/// Whether the answer has ended with what came after its first `before` bytes.
fn is_complete(answer: &[u8], before: usize, until: &TcpUntil) -> bool {
    match until {
        TcpUntil::Close => false,
        TcpUntil::Bytes(count) => answer.len() as u64 >= *count,
        TcpUntil::Text(text) if text.is_empty() => true,
        TcpUntil::Text(text) => {
            let from = before.saturating_sub(text.len() - 1);
            answer[from..].windows(text.len()).any(|window| window == text.as_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_found_also_where_two_pieces_meet() {
        let end = TcpUntil::Text("END".to_owned());
        assert!(is_complete(b"abcEND", 4, &end));
        assert!(!is_complete(b"ENDabcd", 6, &end));
        assert!(!is_complete(b"EN", 0, &end));
        assert!(is_complete(b"12345", 0, &TcpUntil::Bytes(5)));
        assert!(!is_complete(b"1234", 0, &TcpUntil::Bytes(5)));
    }
}
