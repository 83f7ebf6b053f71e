//! As much of MQTT 3.1.1 as listening takes: four packets to send, three to understand.

/// How large a packet may be; IoT Core carries 128 KiB.
const MAX_PACKET_BYTES: usize = 512 * 1024;
/// Every how many seconds we say that we are still there.
pub const KEEP_ALIVE_SECS: u16 = 60;

/// A packet of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// The answer to our greeting; 0 is welcome.
    Welcome(u8),
    /// The answer to our wish to listen; 0x80 is a refusal.
    Subscribed(u8),
    /// A message.
    Message(Vec<u8>),
    /// Anything else, which means nothing to us.
    Other,
}

/// The greeting.
pub fn hello(client: &str) -> Vec<u8> {
    // Protocol level 4, and nothing of earlier sessions.
    let body = [text("MQTT"), vec![4, 2], KEEP_ALIVE_SECS.to_be_bytes().to_vec(), text(client)].concat();
    packet(0x10, &body)
}

/// The wish to hear a topic, at most once each.
pub fn subscribe(topic: &str) -> Vec<u8> {
    packet(0x82, &[vec![0, 1], text(topic), vec![0]].concat())
}

/// A sign of life.
pub fn ping() -> Vec<u8> {
    packet(0xc0, &[])
}

/// Takes the first whole packet off a buffer; `None` when there is none yet.
///
/// # Errors
/// When what is there cannot become a packet.
pub fn take(buffer: &mut Vec<u8>) -> Result<Option<Packet>, &'static str> {
    let Some((length, head)) = length(&buffer[buffer.len().min(1)..])? else { return Ok(None) };
    let whole = 1 + head + length;
    if buffer.len() < whole {
        return Ok(None);
    }
    let bytes: Vec<u8> = buffer.drain(..whole).collect();
    let (kind, body) = (bytes[0], &bytes[1 + head..]);
    let packet = match kind >> 4 {
        2 => Packet::Welcome(*body.get(1).ok_or("a welcome without an answer")?),
        9 => Packet::Subscribed(*body.get(2).ok_or("an agreement without an answer")?),
        3 => Packet::Message(message(kind, body).ok_or("a message without a topic")?.to_vec()),
        _ => Packet::Other,
    };
    Ok(Some(packet))
}

/// What a message carries, after its topic and, when it wants an answer, its number.
fn message(kind: u8, body: &[u8]) -> Option<&[u8]> {
    let topic = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
    let number = if kind & 0b110 == 0 { 0 } else { 2 };
    body.get(2 + topic + number..)
}

/// The length that follows a packet's first byte, and how many bytes say it.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, &'static str> {
    let mut length = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if length > MAX_PACKET_BYTES {
            return Err("a packet that is too long");
        }
        if byte & 0x80 == 0 {
            return Ok(Some((length, index + 1)));
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err("a length without an end") }
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    let mut left = body.len();
    loop {
        let digit = u8::try_from(left % 128).expect("less than 128");
        left /= 128;
        bytes.push(digit | if left > 0 { 0x80 } else { 0 });
        if left == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

fn text(value: &str) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("ids and topics are short");
    [&length.to_be_bytes(), value.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_those_of_the_standard() {
        assert_eq!(hello("a"), b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a");
        assert_eq!(subscribe("dlt/x"), b"\x82\x0a\0\x01\0\x05dlt/x\0");
        assert_eq!(ping(), b"\xc0\0");
        assert_eq!(packet(0x30, &[7; 200])[..3], [0x30, 0xc8, 0x01]);
    }

    #[test]
    fn packets_are_taken_whole_however_they_arrive() {
        let sent =
            [&b"\x20\x02\0\0\x90\x03\0\x01\0"[..], &packet(0x30, &[text("t"), vec![9; 300]].concat()), b"\xd0\0"]
                .concat();
        let wanted = [Packet::Welcome(0), Packet::Subscribed(0), Packet::Message(vec![9; 300]), Packet::Other];
        for size in [1, 2, 7, sent.len()] {
            let (mut buffer, mut taken) = (Vec::new(), Vec::new());
            for some in sent.chunks(size) {
                buffer.extend_from_slice(some);
                while let Some(packet) = take(&mut buffer).expect("packets") {
                    taken.push(packet);
                }
            }
            assert_eq!(taken, wanted, "in pieces of {size}");
        }
        assert_eq!(take(&mut b"\x32\x06\0\x01t\0\x07x".to_vec()), Ok(Some(Packet::Message(b"x".to_vec()))));
    }

    #[test]
    fn what_cannot_become_a_packet_is_refused() {
        for bytes in
            [&b"\x30\xff\xff\xff\xff"[..], b"\x30\xff\xff\xff\x7f", b"\x20\0", b"\x90\x02\0\0", b"\x30\x02\0\x05"]
        {
            assert!(take(&mut bytes.to_vec()).is_err(), "{bytes:?}");
        }
        assert_eq!(take(&mut Vec::new()), Ok(None));
    }
}
