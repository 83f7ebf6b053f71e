//! One connection's rules, at every byte.

use proptest::prelude::*;

use super::{super::frame::flag, *};

fn request(body: &[u8]) -> Request<'_> {
    Request {
        block: &[0x82, 0x86, 0x84, 0x41, 1, b'a'],
        body,
        is_head: false,
        want: Want { body: true, ..Want::default() },
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::head(&mut bytes, payload.len(), kind, flags, stream);
    bytes.extend_from_slice(payload);
    bytes
}

fn settings(entries: &[(u16, u32)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::settings(&mut bytes, entries);
    bytes
}

/// A connection with one request, `POST` with this body, that has been settled by its peer.
fn connection(body: &[u8]) -> Core {
    let mut core = Core::new();
    core.feed(&settings(&[]), Instant::now()).expect("valid");
    assert_eq!(core.open(request(body), Instant::now()), Some(1));
    flush(&mut core);
    core
}

fn flush(core: &mut Core) -> Vec<u8> {
    let mut all = Vec::new();
    while !core.unsent().is_empty() {
        let bytes = core.unsent().to_vec();
        core.note_sent(bytes.len(), Instant::now());
        all.extend(bytes);
    }
    all
}

fn feed(core: &mut Core, bytes: &[u8]) -> Result<(), Fault> {
    core.feed(bytes, Instant::now())
}

fn end(core: &mut Core, id: u32) -> Option<Result<(), Fault>> {
    core.stream(id).and_then(|stream| stream.end)
}

/// `200`, and a body.
fn response(id: u32, body: &[u8]) -> Vec<u8> {
    [frame(kind::HEADERS, flag::END_HEADERS, id, &[0x88]), frame(kind::DATA, flag::END_STREAM, id, body)].concat()
}

#[test]
fn a_response_is_the_same_however_it_is_split() {
    let mut bytes = response(1, b"");
    bytes.truncate(10);
    bytes.extend(frame(kind::DATA, flag::PADDED, 1, b"\x02hel\0\0"));
    bytes.extend(frame(kind::PING, 0, 0, &[7; 8]));
    bytes.extend(frame(kind::DATA, 0, 1, b"lo"));
    bytes.extend(frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &[0, 1, b'x', 1, b'y']));
    for split in 0..=bytes.len() {
        let mut core = connection(b"");
        feed(&mut core, &bytes[..split]).expect("valid");
        feed(&mut core, &bytes[split..]).expect("valid");
        assert_eq!(end(&mut core, 1), Some(Ok(())), "{split}");
        let stream = core.remove(1).expect("there");
        // The peer's settings and its ping are the connection's own, and somebody pays for them.
        let settings = 9;
        assert_eq!(stream.cost.bytes_received as usize, bytes.len() + settings, "{split}");
        assert_eq!(stream.into_answer().expect("an answer").body(), b"hello");
        assert_eq!(flush(&mut core), frame(kind::PING, flag::ACK, 0, &[7; 8]));
    }
}

#[test]
fn a_body_waits_for_both_windows_and_is_split_into_frames() {
    let body = vec![b'x'; 100_000];
    let mut core = Core::new();
    feed(&mut core, &settings(&[(setting::INITIAL_WINDOW_SIZE, 20_000)])).expect("valid");
    core.open(request(&body), Instant::now()).expect("room");
    let sent = flush(&mut core).len();
    assert!((20_000..20_300).contains(&sent), "{sent}");
    feed(&mut core, &frame(kind::WINDOW_UPDATE, 0, 1, &60_000_u32.to_be_bytes())).expect("valid");
    assert_eq!(flush(&mut core).iter().filter(|byte| **byte == b'x').count(), 45_535);
    feed(&mut core, &frame(kind::WINDOW_UPDATE, 0, 0, &90_000_u32.to_be_bytes())).expect("valid");
    feed(&mut core, &settings(&[(setting::INITIAL_WINDOW_SIZE, 40_000)])).expect("valid");
    assert_eq!(flush(&mut core).iter().filter(|byte| **byte == b'x').count(), 100_000 - 65_535);
    assert!(core.stream(1).expect("open").is_framed);
}

#[test]
fn no_more_streams_are_opened_than_the_peer_takes() {
    let mut core = Core::new();
    feed(&mut core, &settings(&[(setting::MAX_CONCURRENT_STREAMS, 2)])).expect("valid");
    assert_eq!(core.open(request(b""), Instant::now()), Some(1));
    assert_eq!(core.open(request(b""), Instant::now()), Some(3));
    assert_eq!(core.open(request(b""), Instant::now()), None);
    feed(&mut core, &response(3, b"")).expect("valid");
    assert_eq!(core.open(request(b""), Instant::now()), Some(5));
}

#[test]
fn what_was_not_sent_is_not_sent_when_nobody_waits_for_it_any_more() {
    let mut core = connection(b"");
    core.open(request(b"abc"), Instant::now()).expect("room");
    core.open(request(b""), Instant::now()).expect("room");
    let gone = core.remove(3).expect("there");
    assert_eq!(gone.cost.bytes_sent, 0);
    assert_eq!(flush(&mut core), frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 5, request(b"").block));
    core.remove(5).expect("there");
    assert_eq!(flush(&mut core), frame(kind::RST_STREAM, 0, 5, &code::CANCEL.to_be_bytes()));
}

#[test]
fn a_goodbye_refuses_what_comes_after_its_last_stream() {
    let mut core = connection(b"");
    core.open(request(b""), Instant::now()).expect("room");
    let goodbye = frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]);
    feed(&mut core, &goodbye).expect("valid");
    assert_eq!((end(&mut core, 1), end(&mut core, 3)), (None, Some(Err(Fault::StreamRefused))));
    assert!(!core.is_usable());
    feed(&mut core, &response(1, b"x")).expect("valid");
    assert_eq!(end(&mut core, 1), Some(Ok(())));
}

#[test]
fn a_stream_ends_alone_and_a_violation_ends_the_connection() {
    for (bytes, expected) in [
        (frame(kind::RST_STREAM, 0, 1, &7_u32.to_be_bytes()), Fault::StreamRefused),
        (frame(kind::RST_STREAM, 0, 1, &2_u32.to_be_bytes()), Fault::StreamReset),
        (frame(kind::WINDOW_UPDATE, 0, 1, &0x7fff_ffff_u32.to_be_bytes()), Fault::Http2Violation),
        (frame(kind::DATA, 0, 1, b"early"), Fault::MalformedResponse),
        (frame(kind::HEADERS, flag::END_HEADERS, 1, &[0x5c, 1, b'x']), Fault::MalformedResponse),
        (
            frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &[0x88, 0x0f, 13, 1, b'5']),
            Fault::MalformedResponse,
        ),
    ] {
        let mut core = connection(b"");
        assert_eq!(feed(&mut core, &bytes), Ok(()), "{expected:?}");
        assert_eq!(end(&mut core, 1), Some(Err(expected)));
        assert!(core.is_usable());
    }
    for bytes in [
        frame(kind::PUSH_PROMISE, 0, 1, &[0; 8]),
        frame(kind::HEADERS, flag::END_HEADERS, 2, &[0x88]),
        frame(kind::HEADERS, flag::END_HEADERS, 9, &[0x88]),
        frame(kind::HEADERS, flag::END_HEADERS, 1, &[0xff, 0xff, 0xff, 0xff, 0xff]),
        frame(kind::HEADERS, flag::END_HEADERS | flag::PADDED, 1, &[9, 0x88]),
        frame(kind::DATA, flag::PADDED, 1, &[9, 1]),
        frame(kind::DATA, 0, 0, b"x"),
        frame(kind::CONTINUATION, 0, 1, &[]),
        frame(kind::SETTINGS, 0, 0, &[0; 5]),
        frame(kind::SETTINGS, 0, 1, &[]),
        settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 31)]),
        settings(&[(setting::MAX_FRAME_SIZE, 1)]),
        frame(kind::PING, 0, 0, &[0; 7]),
        frame(kind::GOAWAY, 0, 0, &[0; 7]),
        frame(kind::WINDOW_UPDATE, 0, 0, &[0; 4]),
        frame(kind::WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()),
        frame(kind::RST_STREAM, 0, 0, &[0; 4]),
        vec![0, 0x40, 1, 0, 0, 0, 0, 0, 1],
        [frame(kind::HEADERS, 0, 1, &[0x88]), frame(kind::PING, 0, 0, &[0; 8])].concat(),
    ] {
        assert_eq!(feed(&mut connection(b""), &bytes), Err(Fault::Http2Violation), "{bytes:?}");
    }
}

#[test]
fn floods_and_bombs_end_and_have_names() {
    let flood = |frame: &[u8]| {
        let mut core = connection(b"");
        (0..=MAX_IDLE_FRAMES).find_map(|_| feed(&mut core, frame).err())
    };
    assert_eq!(flood(&settings(&[])), Some(Fault::Http2Flood));
    assert_eq!(flood(&frame(kind::PING, 0, 0, &[0; 8])), Some(Fault::Http2Flood));
    assert_eq!(flood(&frame(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])), Some(Fault::Http2Flood));
    assert_eq!(flood(&frame(99, 0, 0, &[])), Some(Fault::Http2Flood));
    let mut core = connection(b"");
    feed(&mut core, &response(1, b"x")[..10]).expect("valid");
    let empty = frame(kind::DATA, 0, 1, b"");
    assert_eq!((0..=MAX_IDLE_FRAMES).find_map(|_| feed(&mut core, &empty).err()), Some(Fault::Http2Flood));
    let continued = |piece: &[u8]| {
        let mut core = connection(b"");
        feed(&mut core, &frame(kind::HEADERS, 0, 1, &[])).expect("valid");
        (0..1_000).find_map(|_| feed(&mut core, &frame(kind::CONTINUATION, 0, 1, piece)).err())
    };
    assert_eq!(continued(&[]), Some(Fault::Http2Flood));
    assert_eq!(continued(&[0x88; 16_000]), Some(Fault::HeadTooLarge));
}

#[test]
fn a_peer_that_does_not_speak_http2_is_recognised() {
    let mut core = Core::new();
    let text = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    assert_eq!(text.iter().find_map(|byte| feed(&mut core, &[*byte]).err()), Some(Fault::NotHttp2));
    assert_eq!(feed(&mut Core::new(), text), Err(Fault::NotHttp2));
    assert_eq!(feed(&mut Core::new(), &frame(kind::PING, 0, 0, &[0; 8])), Err(Fault::Http2Violation));
}

/// What became of a connection: its failure, and how its streams ended.
type Fate = (Option<Fault>, Vec<Option<Result<(), Fault>>>, Vec<u8>);

pub(in crate::transport) fn fate(pieces: &[&[u8]]) -> Fate {
    let mut core = Core::new();
    for _ in 0..3 {
        core.open(request(b"body"), Instant::now());
    }
    let mut said = flush(&mut core);
    let mut failure = None;
    for piece in pieces {
        match feed(&mut core, piece) {
            Ok(()) => said.extend(flush(&mut core)),
            Err(fault) => {
                failure = Some(fault);
                break;
            }
        }
    }
    let ends = [1, 3, 5].map(|id| end(&mut core, id)).to_vec();
    for id in [1, 3, 5] {
        if let Some(stream) = core.remove(id).filter(|stream| stream.end == Some(Ok(()))) {
            let _ = stream.into_answer();
        }
    }
    let said = if failure.is_none() { said } else { Vec::new() };
    (failure, ends, said)
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let block = prop::sample::select(vec![
        vec![0x88],
        vec![0x88, 0x0f, 13, 1, b'5'],
        vec![0x48, 3, b'1', b'0', b'0'],
        vec![0x40, 1, b'a', 0x83, 0xff, 0xff, 0xff],
        vec![0x3f, 0xe1, 0x1f, 0x89],
        vec![0xbe],
        vec![],
    ]);
    let payload = prop_oneof![
        block,
        prop::collection::vec(any::<u8>(), 0..40),
        Just(vec![0, 0, 0, 1]),
        Just(vec![0; 8]),
        Just(vec![0, 3, 0, 0, 0, 1, 0, 4, 0, 1, 0, 0]),
    ];
    let kinds = prop::sample::select(vec![0_u8, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10, 255]);
    let flags = prop::sample::select(vec![0_u8, 1, 4, 4, 5, 5, 8, 12, 0x20, 0x2d, 0xff]);
    (kinds, flags, prop::sample::select(vec![0_u32, 0, 1, 1, 3, 3, 5, 7, 2, 0x7fff_ffff]), payload)
        .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload))
}

proptest! {
    #[test]
    fn any_frames_never_panic_and_mean_the_same_in_pieces(
        frames in prop::collection::vec(any_frame(), 0..12),
        is_settled in prop::bool::weighted(0.95),
        sizes in prop::collection::vec(1_usize..30, 1..10),
    ) {
        let mut bytes = if is_settled { settings(&[]) } else { Vec::new() };
        bytes.extend(frames.concat());
        let whole = fate(&[&bytes]);
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.len().min(*size));
            pieces.push(piece);
            rest = after;
        }
        let split = fate(&pieces);
        prop_assert_eq!(&whole.0, &split.0);
        prop_assert_eq!(&whole.1, &split.1);
    }

    #[test]
    fn random_bytes_never_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
        let settled = settings(&[]);
        let pieces: Vec<&[u8]> = std::iter::once(&settled[..]).chain(pieces.iter().map(|piece| &piece[..])).collect();
        fate(&pieces);
    }
}
