//! What an executable says it is made of: the list that the worker's build puts into it, in cargo-auditable's form.

use std::io::Read;

use serde::Deserialize;

/// The section that the list lies in.
const SECTION: &[u8] = b".dep-v0";
/// The section of what never changes, and how glibc introduces itself there.
const CONSTANTS: &[u8] = b".rodata";
/// See [`CONSTANTS`].
const BANNER: &[u8] = b"GNU C Library (";
/// See [`CONSTANTS`].
const RELEASE: &[u8] = b") stable release version ";
/// How long the name of a C library may be.
const LONGEST_NAME: usize = 100;
/// How long the list may be once unpacked.
const LONGEST_BYTES: u64 = 8 << 20;

/// All packages of an executable, the one that it is built from among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Dependencies {
    /// Package by package; they refer to each other by their place here.
    pub packages: Vec<Package>,
    /// The compiler.
    #[serde(default)]
    pub rustc: Option<String>,
}

/// A package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is from: `crates.io`, `local`, or something else.
    pub source: String,
    /// Its licence, as it says itself.
    #[serde(default)]
    pub license: Option<String>,
    /// The places of those that it needs.
    #[serde(default)]
    pub dependencies: Vec<usize>,
    /// True for the one that the executable is built from.
    #[serde(default)]
    pub root: bool,
}

impl Dependencies {
    /// Reads the list out of an executable, if there is one.
    pub fn of(executable: &[u8]) -> Option<Self> {
        let packed = section(executable, SECTION)?;
        let mut text = Vec::new();
        flate2::read::ZlibDecoder::new(packed).take(LONGEST_BYTES).read_to_end(&mut text).ok()?;
        let list: Self = serde_json::from_slice(&text).ok()?;
        let count = list.packages.len();
        list.packages.iter().flat_map(|package| &package.dependencies).all(|&place| place < count).then_some(list)
    }
}

/// Which C library was linked in, as it says itself: `Debian GLIBC 2.36-9+deb12u14`.
pub fn c_library(executable: &[u8]) -> Option<String> {
    let constants = section(executable, CONSTANTS)?;
    let starts = constants.windows(BANNER.len()).enumerate().filter(|(_, window)| *window == BANNER);
    starts.map(|(at, _)| &constants[at + BANNER.len()..]).find_map(|said| {
        // Others, this function among them, may speak of the library too; only it has its name there and goes on like this.
        let end = said.iter().take(LONGEST_NAME).position(|byte| *byte == b')')?;
        let is_banner = end > 0 && said[end..].starts_with(RELEASE);
        is_banner.then(|| String::from_utf8(said[..end].to_vec()).ok()).flatten()
    })
}

/// The bytes of a section of a 64-bit ELF file with the low byte first.
fn section<'a>(file: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let table = offset(number::<8>(file, 0x28)?)?;
    let (size, count, names) = (number::<2>(file, 0x3A)?, number::<2>(file, 0x3C)?, number::<2>(file, 0x3E)?);
    let header = |at: u64| file.get(table.checked_add(offset(at * size)?)?..);
    let content = |header: &[u8]| {
        let (from, length) = (offset(number::<8>(header, 0x18)?)?, offset(number::<8>(header, 0x20)?)?);
        file.get(from..from.checked_add(length)?)
    };
    let names = content(header(names)?)?;
    (0..count).filter_map(header).find_map(|header| {
        let named = names.get(offset(number::<4>(header, 0)?)?..)?;
        let is_it = named.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&0));
        is_it.then(|| content(header)).flatten()
    })
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(N)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn offset(number: u64) -> Option<usize> {
    usize::try_from(number).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;

    /// The smallest executable that says what it is made of.
    pub fn executable(machine: u16, list: &str) -> Vec<u8> {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(list.as_bytes()).unwrap();
        let packed = packer.finish().unwrap();
        let names = b"\0.shstrtab\0.dep-v0\0";
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(64, 0);
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        let (names_at, packed_at) = (64, 64 + names.len());
        let table_at = packed_at + packed.len();
        file[0x28..0x30].copy_from_slice(&(table_at as u64).to_le_bytes());
        for (at, value) in [(0x3A, 64_u16), (0x3C, 2), (0x3E, 0)] {
            file[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        file.extend_from_slice(names);
        file.extend_from_slice(&packed);
        for (name, from, length) in [(1_u32, names_at, names.len()), (11, packed_at, packed.len())] {
            let mut header = [0; 64];
            header[..4].copy_from_slice(&name.to_le_bytes());
            header[0x18..0x20].copy_from_slice(&(from as u64).to_le_bytes());
            header[0x20..0x28].copy_from_slice(&(length as u64).to_le_bytes());
            file.extend_from_slice(&header);
        }
        file
    }

    pub const LIST: &str = r#"{"rustc":"1.95.0","packages":[
        {"name":"dlt-worker","version":"0.1.0","source":"local","license":"Apache-2.0","dependencies":[1],"root":true},
        {"name":"bytes","version":"1.12.0","source":"crates.io","license":"MIT"}]}"#;

    #[test]
    fn the_list_is_read_out_of_the_executable() {
        let list = Dependencies::of(&executable(62, LIST)).unwrap();
        assert_eq!(list.packages.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["dlt-worker", "bytes"]);
        assert_eq!((list.packages[0].root, &list.packages[0].dependencies[..]), (true, &[1][..]));
    }

    #[test]
    fn a_static_executable_says_which_c_library_is_in_it() {
        let this = std::fs::read("/proc/self/exe").unwrap();
        assert!(c_library(&this).is_some_and(|said| said.contains("GLIBC")), "what we build is linked with glibc");
        assert_eq!(c_library(&executable(62, LIST)), None);
    }

    #[test]
    fn what_has_no_list_or_a_broken_one_has_none_and_harms_nobody() {
        let whole = executable(62, LIST);
        for length in 0..whole.len() {
            drop(Dependencies::of(&whole[..length]));
        }
        assert_eq!(Dependencies::of(b"#!/bin/sh"), None);
        assert_eq!(Dependencies::of(&executable(62, "{}")), None);
        let lost = r#"{"packages":[{"name":"a","version":"1","source":"local","dependencies":[7]}]}"#;
        assert_eq!(Dependencies::of(&executable(62, lost)), None, "it needs what is not listed");
    }
}
