//! The name of an image: `registry.example:5000/team/worker:tag@sha256:…`.

use std::fmt;

use crate::{exit::Exit, failure::Failure, release::content::is_digest};

/// Where images are that name no registry, and what answers there.
const DEFAULT_HOST: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// An image's name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The registry, with its port if it has one.
    pub host: String,
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// `sha256:…`.
    pub digest: Option<String>,
}

impl Reference {
    /// Takes a name apart. What comes before the first slash is a registry when it looks like a host, as everywhere.
    ///
    /// # Errors
    /// Says what is wrong with the name.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::new(Exit::Usage, format!("`{text}` is no name of an image: {why}"))
                .hint("such as `registry.example/team/worker:1` or `registry.example/k6@sha256:…`")
        };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) if is_digest(digest) => (rest, Some(digest.to_owned())),
            Some(_) => return Err(wrong("a digest is `sha256:` and 64 hexadecimal digits")),
            None => (text, None),
        };
        let (host, path) = match rest.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path.to_owned()),
            Some(_) => (DEFAULT_HOST.0, rest.to_owned()),
            None => (DEFAULT_HOST.0, format!("library/{rest}")),
        };
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository.to_owned(), Some(tag.to_owned())),
            None => (path, None),
        };
        if !repository.split('/').all(is_component) {
            return Err(wrong(
                "a repository is lower-case letters, digits, and single `.`, `_`, `-` and `/` between them",
            ));
        }
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("a tag is up to 128 letters, digits, `.`, `_` and `-`"));
        }
        Ok(Self { host: host.to_owned(), repository, tag, digest })
    }

    /// The host that answers for the registry.
    pub fn answering_host(&self) -> &str {
        if self.host == DEFAULT_HOST.0 { DEFAULT_HOST.1 } else { &self.host }
    }

    /// True when the registry is on this machine, where nothing is encrypted.
    pub fn is_local(&self) -> bool {
        let name = self.host.rsplit_once(':').map_or(&*self.host, |(name, _)| name);
        name == "localhost"
            || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            || name == "[::1]"
    }

    /// The repository with its registry.
    pub fn place(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }
}

fn is_component(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.bytes().all(inner) && edge(text.bytes().next()) && edge(text.bytes().last())
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_as_everywhere() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, host, repository, tag, with_digest) in [
            ("alpine", "docker.io", "library/alpine", None, false),
            ("grafana/k6:1.0", "docker.io", "grafana/k6", Some("1.0"), false),
            ("localhost/a", "localhost", "a", None, false),
            ("127.0.0.1:5000/a/b:t", "127.0.0.1:5000", "a/b", Some("t"), false),
            ("registry.example/a@D", "registry.example", "a", None, true),
            ("registry.example/a:1@D", "registry.example", "a", Some("1"), true),
        ] {
            let reference = Reference::parse(&text.replace('D', &digest)).unwrap();
            let digest = with_digest.then(|| digest.clone());
            let expected = Reference {
                host: host.to_owned(),
                repository: repository.to_owned(),
                tag: tag.map(ToOwned::to_owned),
                digest,
            };
            assert_eq!(reference, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        for (text, reason) in [
            ("registry.example/a@sha256:12", "64 hexadecimal digits"),
            ("registry.example/A", "lower-case"),
            ("registry.example/a//b", "lower-case"),
            ("registry.example/a:-x", "a tag is"),
            ("", "lower-case"),
        ] {
            let failure = Reference::parse(text).unwrap_err();
            assert!(failure.to_string().contains(reason), "{text}: {failure}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        let is_local = |text: &str| Reference::parse(text).unwrap().is_local();
        assert!(["localhost/a", "localhost:5000/a", "127.0.0.1:5000/a"].into_iter().all(is_local));
        assert!(!["registry.example/a", "10.0.0.1:5000/a", "localhost.example/a"].into_iter().any(is_local));
    }
}
