//! Puts a list of all that the worker is made of into its executable, in the form of cargo-auditable, so that whoever has
//! the executable can tell: `dlt image`, which writes a bill of materials from it, and anybody's scanner.
//!
//! The list is what `cargo tree` says of this very build: its target, its features, and nothing that only tests need.

use std::{env, fmt::Write, fs, path::Path, process::Command};

/// The most bytes that one stored block of a deflate stream holds.
const BLOCK_BYTES: usize = 65_535;
/// The modulus of Adler-32: the largest prime below 2¹⁶.
const ADLER: u32 = 65_521;

struct Package {
    name: String,
    version: String,
    source: &'static str,
    license: String,
    dependencies: Vec<usize>,
}

fn main() {
    for path in ["build.rs", "Cargo.toml", "../Cargo.toml", "../Cargo.lock", "../crates/model/Cargo.toml"] {
        println!("cargo:rerun-if-changed={path}");
    }
    let list = json(&packages(&tree()), &rustc());
    let folder = env::var("OUT_DIR").expect("cargo says where to write");
    fs::write(Path::new(&folder).join("dependencies.zlib"), zlib(list.as_bytes()))
        .expect("cargo's folder takes a file");
}

/// What cargo says of this build, a package a line: `DEPTH|name vVERSION (where)|LICENCE`.
fn tree() -> String {
    let features: Vec<String> = env::vars()
        .filter_map(|(name, _)| name.strip_prefix("CARGO_FEATURE_").map(|name| name.to_lowercase().replace('_', "-")))
        .collect();
    let output = Command::new(env::var("CARGO").expect("cargo says which it is"))
        .args(["tree", "--package", "dlt-worker", "--edges", "normal,no-proc-macro", "--locked", "--offline"])
        .args(["--prefix", "depth", "--format", "|{p}|{l}", "--no-default-features", "--features", &features.join(",")])
        .args(["--target", &env::var("TARGET").expect("cargo says for what it builds")])
        // Lints are for what is compiled, and nothing is compiled here.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .output()
        .expect("cargo starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`cargo tree` failed:\n{told}");
    String::from_utf8(output.stdout).expect("cargo speaks UTF-8")
}

fn rustc() -> String {
    let output = Command::new(env::var("RUSTC").expect("cargo says which compiler")).arg("--version").output();
    let text = String::from_utf8(output.expect("the compiler starts").stdout).expect("it speaks UTF-8");
    text.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

/// The packages in the order in which they are first named, each with those that stand one step below it.
fn packages(tree: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = Vec::new();
    let mut above: Vec<usize> = Vec::new();
    for line in tree.lines() {
        let mut parts = line.trim_end_matches(" (*)").splitn(3, '|');
        let (depth, named, license) = (parts.next(), parts.next(), parts.next());
        let depth: usize = depth.and_then(|depth| depth.parse().ok()).expect("a line begins with its depth");
        let mut words = named.expect("a package has a name").split_whitespace();
        let name = words.next().expect("a package has a name");
        let version = words.next().and_then(|version| version.strip_prefix('v')).expect("a package has a version");
        let known = packages.iter().position(|it| it.name == name && it.version == version);
        let place = known.unwrap_or_else(|| {
            packages.push(Package {
                name: name.to_owned(),
                version: version.to_owned(),
                source: if words.next().is_some_and(|place| place.starts_with("(/")) { "local" } else { "crates.io" },
                license: license.unwrap_or_default().to_owned(),
                dependencies: Vec::new(),
            });
            packages.len() - 1
        });
        above.truncate(depth);
        let parent = above.last().map(|&parent| &mut packages[parent].dependencies);
        if let Some(needs) = parent.filter(|needs| !needs.contains(&place)) {
            needs.push(place);
        }
        above.push(place);
    }
    packages
}

fn json(packages: &[Package], rustc: &str) -> String {
    let mut text = format!("{{\"rustc\":{},\"packages\":[", quoted(rustc));
    for (place, package) in packages.iter().enumerate() {
        let Package { name, version, source, license, dependencies } = package;
        let comma = if place == 0 { "" } else { "," };
        let (name, version) = (quoted(name), quoted(version));
        write!(text, "{comma}{{\"name\":{name},\"version\":{version},\"source\":\"{source}\"").expect("a text grows");
        if !license.is_empty() {
            write!(text, ",\"license\":{}", quoted(license)).expect("a text grows");
        }
        if !dependencies.is_empty() {
            write!(text, ",\"dependencies\":{dependencies:?}").expect("a text grows");
        }
        text.push_str(if place == 0 { ",\"root\":true}" } else { "}" });
    }
    text + "]}"
}

fn quoted(text: &str) -> String {
    assert!(!text.contains(['"', '\\']) && !text.chars().any(char::is_control), "no name of a package: {text}");
    format!("\"{text}\"")
}

/// A zlib stream that stores and does not pack: layers of images are packed anyway.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = bytes.chunks(BLOCK_BYTES);
    let last = blocks.len().saturating_sub(1);
    for (place, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).expect("a block is no longer than it may be");
        stream.push(u8::from(place == last));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % ADLER;
        (low, (high + low) % ADLER)
    });
    stream.extend_from_slice(&(high << 16 | low).to_be_bytes());
    stream
}
