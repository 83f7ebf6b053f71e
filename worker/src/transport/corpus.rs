//! Nasty inputs, kept as files (`tests/corpus`) and read again in every test run: whole, and byte by byte.

use std::{fs, path::Path};

use super::{answer::Want, heads::Heads, http2, response::Response};
use crate::Fault;

/// Everything below a folder of the corpus, by name.
pub fn inputs(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let mut found: Vec<_> = fs::read_dir(path)
        .expect("the corpus is there")
        .map(|entry| entry.expect("readable").path())
        .map(|path| {
            (path.file_stem().expect("a name").to_string_lossy().into_owned(), fs::read(&path).expect("readable"))
        })
        .collect();
    found.sort();
    assert!(found.len() >= 10, "the corpus of {folder} is not complete");
    found
}

/// The name says how it ends: `what-it-is.how-it-ends`.
fn expected(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, end)| end)
}

/// How a response ends that comes in these pieces.
pub fn http1(pieces: &[&[u8]]) -> Result<(), Fault> {
    let (mut response, mut heads) = (Response::new(), Heads::default());
    response.begin(false, Want { headers: true, cookies: true, body: true });
    for piece in pieces {
        if response.is_done() {
            break;
        }
        response.feed(piece, &mut heads)?;
    }
    response.end_of_stream()
}

#[test]
fn every_nasty_response_over_http1_ends_as_its_name_says() {
    for (name, input) in inputs("http1") {
        let single: Vec<_> = input.chunks(1).collect();
        for result in [http1(&[&input]), http1(&single)] {
            let end = result.map_or_else(Fault::name, |()| "ok");
            assert_eq!(end.replace(' ', "-"), expected(&name), "{name}");
        }
    }
}

#[test]
fn every_nasty_conversation_over_http2_ends_as_its_name_says() {
    for (name, input) in inputs("http2") {
        let single: Vec<_> = input.chunks(1).collect();
        for end in [http2::fate(&[&input]), http2::fate(&single)] {
            assert_eq!(end.map_or("ok", Fault::name).replace(' ', "-"), expected(&name), "{name}");
        }
    }
}
