//! What is in the image: a CycloneDX 1.6 bill of materials, the same to the byte for the same image.

use serde_json::{Value, json};

use super::{
    dependencies::{Dependencies, Package, c_library},
    spec::Document,
};
use crate::release::content::{name_of, sha256_of};

/// The media type of a bill.
pub const BILL: &str = "application/vnd.cyclonedx+json";

/// What a bill is made from.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// The image's manifest.
    pub manifest: &'a Document,
    /// In the image's words, such as `amd64`.
    pub architecture: &'a str,
    /// The worker.
    pub executable: &'a [u8],
    /// Whom it trusts, where the image brings its own.
    pub certificates: Option<(&'a str, &'a [u8])>,
    /// The image that this one stands on, with its digest.
    pub base: Option<&'a str>,
}

/// The bill of an image.
pub fn bill(contents: Contents<'_>) -> Vec<u8> {
    let Contents { manifest, architecture, executable, certificates, base } = contents;
    let list = Dependencies::of(executable);
    let mut components = match &list {
        Some(list) => list.packages.iter().map(|package| library(package, executable)).collect(),
        None => vec![worker(executable)],
    };
    let mut parts: Vec<Value> = components.iter().filter(|it| it["type"] == "application").map(reference).collect();
    let c_library = c_library(executable).map(|version| {
        let licenses = json!([{ "license": { "id": "LGPL-2.1-or-later" } }]);
        json!({ "type": "library", "bom-ref": "glibc", "name": "glibc", "version": version, "licenses": licenses })
    });
    components.extend(c_library.clone());
    components.extend(certificates.map(|(path, content)| file(path, content)));
    components.extend(base.map(|base| json!({ "type": "container", "bom-ref": base, "name": base })));
    let rest = components.iter().filter(|it| it["type"] == "file" || it["type"] == "container");
    parts.extend(rest.map(reference).collect::<Vec<_>>());
    let purl = format!("pkg:oci/dlt-worker@{}?arch={architecture}", manifest.digest.replace(':', "%3A"));
    let mut dependencies = vec![json!({ "ref": purl, "dependsOn": parts })];
    dependencies.extend(list.iter().flat_map(|list| edges(list, c_library.is_some())));
    // A base has parts of its own, which its own bill lists.
    let aggregate = if list.is_some() && base.is_none() { "complete" } else { "incomplete" };
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number(manifest),
        "version": 1,
        "metadata": {
            "tools": { "components": [
                { "type": "application", "name": "dlt", "version": env!("CARGO_PKG_VERSION") },
            ] },
            "component": {
                "type": "container",
                "bom-ref": purl,
                "name": "dlt-worker",
                "version": env!("CARGO_PKG_VERSION"),
                "purl": purl,
            },
        },
        "components": components,
        "dependencies": dependencies,
        "compositions": [{ "aggregate": aggregate, "assemblies": [purl] }],
    });
    bill.to_string().into_bytes()
}

fn reference(component: &Value) -> Value {
    component["bom-ref"].clone()
}

/// A UUID that follows from the image, in the form of version 8: made of whatever its maker likes.
fn serial_number(manifest: &Document) -> String {
    let name = name_of(&[b"dlt bill of materials", manifest.digest.as_bytes()]);
    format!("urn:uuid:{}-{}-8{}-8{}-{}", &name[..8], &name[8..12], &name[13..16], &name[17..20], &name[20..32])
}

/// The worker, when it does not say what it is made of.
fn worker(executable: &[u8]) -> Value {
    json!({
        "type": "application",
        "bom-ref": "dlt-worker",
        "name": "dlt-worker",
        "hashes": hashes(executable),
    })
}

fn library(package: &Package, executable: &[u8]) -> Value {
    let mut component = json!({
        "type": if package.root { "application" } else { "library" },
        "bom-ref": bom_ref(package),
        "name": package.name,
        "version": package.version,
    });
    if let Some(license) = &package.license {
        // Some packages still separate alternatives as cargo once did.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    if package.source == "crates.io" {
        component["purl"] = json!(bom_ref(package));
    }
    if package.root {
        component["hashes"] = hashes(executable);
    }
    component
}

fn bom_ref(package: &Package) -> String {
    // A plus sign stands for itself in a version and for a space in some readers of URLs.
    format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"))
}

fn file(path: &str, content: &[u8]) -> Value {
    json!({ "type": "file", "bom-ref": path, "name": path, "hashes": hashes(content) })
}

fn hashes(content: &[u8]) -> Value {
    json!([{ "alg": "SHA-256", "content": sha256_of(content) }])
}

fn edges(list: &Dependencies, has_c_library: bool) -> Vec<Value> {
    let edge = |package: &Package| {
        let mut needs: Vec<String> = package.dependencies.iter().map(|&place| bom_ref(&list.packages[place])).collect();
        needs.extend((package.root && has_c_library).then(|| "glibc".to_owned()));
        json!({ "ref": bom_ref(package), "dependsOn": needs })
    };
    list.packages.iter().map(edge).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            dependencies::tests::{LIST, executable},
            spec::MANIFEST,
        },
        *,
    };

    fn made(executable: &[u8], base: Option<&str>) -> Value {
        let manifest = Document::new(MANIFEST, b"{}".to_vec());
        let certificates = Some(("etc/ssl/certs/ca-certificates.crt", &b"trust"[..]));
        let contents = Contents { manifest: &manifest, architecture: "amd64", executable, certificates, base };
        serde_json::from_slice(&bill(contents)).unwrap()
    }

    #[test]
    fn every_package_is_listed_with_its_licence_and_what_needs_it() {
        let bill = made(&executable(62, LIST), None);
        let names: Vec<_> =
            bill["components"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["dlt-worker", "bytes", "etc/ssl/certs/ca-certificates.crt"]);
        assert_eq!(bill["components"][1]["licenses"][0]["expression"], "MIT");
        assert_eq!(bill["dependencies"][1]["dependsOn"], json!(["pkg:cargo/bytes@1.12.0"]));
        assert_eq!(bill["compositions"][0]["aggregate"], "complete");
    }

    #[test]
    fn what_is_not_known_in_full_says_so() {
        assert_eq!(made(b"a script", None)["compositions"][0]["aggregate"], "incomplete");
        let on_a_base = made(&executable(62, LIST), Some("k6@sha256:1"));
        assert_eq!(on_a_base["compositions"][0]["aggregate"], "incomplete");
        assert_eq!(on_a_base["components"].as_array().unwrap().last().unwrap()["name"], "k6@sha256:1");
    }
}
