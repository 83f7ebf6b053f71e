//! How the image was made: an in-toto statement with SLSA's provenance. It is unsigned, and says nothing that the image's
//! own content does not decide.

use serde_json::{Value, json};

use super::{dependencies::Dependencies, spec::Document};
use crate::release::content::sha256_of;

/// The media type of a statement.
pub const FACTS: &str = "application/vnd.in-toto+json";

/// What a statement is made from.
#[derive(Clone, Copy, Debug)]
pub struct Making<'a> {
    /// The image's manifest.
    pub manifest: &'a Document,
    /// In the image's words, such as `amd64`.
    pub architecture: &'a str,
    /// The worker.
    pub executable: &'a [u8],
    /// Whom it trusts.
    pub certificates: &'a [u8],
    /// The image that this one stands on, with its digest.
    pub base: Option<&'a str>,
    /// How this program makes images; another way is another image.
    pub format: &'a str,
}

/// The statement about an image.
pub fn facts(making: Making<'_>) -> Vec<u8> {
    let Making { manifest, architecture, executable, certificates, base, format } = making;
    let hash = |name: &str, content: &[u8]| json!({ "name": name, "digest": { "sha256": sha256_of(content) } });
    let mut materials = vec![hash("dlt-worker", executable), hash("ca-certificates.crt", certificates)];
    materials.extend(base.map(|base| {
        let digest = base.rsplit_once("@sha256:").map(|(_, digest)| digest).unwrap_or_default();
        json!({ "uri": format!("docker://{base}"), "digest": { "sha256": digest } })
    }));
    let mut internal = json!({ "format": format });
    if let Some(rustc) = Dependencies::of(executable).and_then(|list| list.rustc) {
        internal["rustc"] = Value::from(rustc);
    }
    let digest = manifest.digest.trim_start_matches("sha256:");
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "dlt-worker", "digest": { "sha256": digest } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:dlt:worker-image",
                "externalParameters": { "platform": format!("linux/{architecture}"), "base": base },
                "internalParameters": internal,
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": { "id": "urn:dlt:cli", "version": { "dlt": env!("CARGO_PKG_VERSION") } },
            },
        },
    });
    statement.to_string().into_bytes()
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

    #[test]
    fn a_statement_names_the_image_and_all_that_went_into_it() {
        let manifest = Document::new(MANIFEST, b"{}".to_vec());
        let executable = executable(62, LIST);
        let base = format!("registry.example/k6@sha256:{}", "1".repeat(64));
        let made = facts(Making {
            manifest: &manifest,
            architecture: "amd64",
            executable: &executable,
            certificates: b"trust",
            base: Some(&base),
            format: "dlt worker image 2",
        });
        let made: Value = serde_json::from_slice(&made).unwrap();
        assert_eq!(format!("sha256:{}", made["subject"][0]["digest"]["sha256"].as_str().unwrap()), manifest.digest);
        let definition = &made["predicate"]["buildDefinition"];
        assert_eq!(definition["resolvedDependencies"][0]["digest"]["sha256"], sha256_of(&executable));
        assert_eq!(definition["resolvedDependencies"][2]["digest"]["sha256"], "1".repeat(64));
        assert_eq!(definition["internalParameters"]["rustc"], "1.95.0");
    }
}
