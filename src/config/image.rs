//! The name of an image of somebody's own, by its digest: what a task definition may say.

use std::{fmt, str::FromStr};

/// An image with its digest and without a tag, as ECS takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    text: String,
    /// Where the digest's `@` is.
    at: usize,
}

/// A repository in ECR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcrRepository<'a> {
    /// Whose it is.
    pub account: &'a str,
    /// Where it is.
    pub region: &'a str,
    /// What it is called.
    pub name: &'a str,
}

impl ImageName {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `sha256:…`.
    pub fn digest(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The repository of an account, when it is one: `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`.
    pub fn in_ecr(&self) -> Option<EcrRepository<'_>> {
        let (host, name) = self.text[..self.at].split_once('/')?;
        let (account, region) = ecr_host(host)?;
        Some(EcrRepository { account, region, name })
    }
}

/// Account and region of a registry in ECR, by its host.
pub fn ecr_host(host: &str) -> Option<(&str, &str)> {
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let region = rest.strip_suffix(".amazonaws.com")?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (is_account && !region.contains('.')).then_some((account, region))
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ImageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "such as `registry.example/team/worker@sha256:…`";
        let Some((place, digest)) = text.split_once('@') else {
            return Err(format!("expected an image by its digest, {EXAMPLE}, found `{text}`: a tag may move"));
        };
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
            return Err(format!("expected `sha256:` and 64 hexadecimal digits behind the `@`, found `{digest}`"));
        }
        let (host, path) = place.split_once('/').unwrap_or(("", place));
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(legal);
        let is_host = host.is_empty()
            || is_part(host)
            || host.split_once(':').is_some_and(|(name, port)| is_part(name) && port.parse::<u16>().is_ok());
        if !is_host || !path.split('/').all(is_part) {
            let why = "a repository is lower-case letters and digits, and has no tag beside its digest";
            return Err(format!("expected an image by its digest, {EXAMPLE}, found `{text}`: {why}"));
        }
        Ok(Self { text: text.to_owned(), at: place.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(place: &str) -> Result<ImageName, String> {
        format!("{place}@sha256:{}", "a".repeat(64)).parse()
    }

    #[test]
    fn an_image_is_named_by_its_digest_and_by_nothing_that_may_move() {
        for good in ["registry.example/team/worker", "registry.example:5000/worker", "grafana/k6", "busybox"] {
            assert_eq!(named(good).unwrap().digest(), format!("sha256:{}", "a".repeat(64)), "{good}");
        }
        for bad in ["registry.example/worker:1", "registry.example/Worker", "registry.example//worker", "", "a b/c"] {
            assert!(named(bad).is_err(), "{bad}");
        }
        for (bad, why) in [("registry.example/worker:1", "a tag may move"), ("x@sha256:12", "64 hexadecimal")] {
            assert!(bad.parse::<ImageName>().unwrap_err().contains(why), "{bad}");
        }
    }

    #[test]
    fn a_repository_in_ecr_says_whose_and_where_it_is() {
        let image = named("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/worker-full").unwrap();
        let expected = EcrRepository { account: "123456789012", region: "eu-west-1", name: "shop/worker-full" };
        assert_eq!(image.in_ecr(), Some(expected));
        for other in ["public.ecr.aws/shop/worker", "1234.dkr.ecr.eu-west-1.amazonaws.com/a", "busybox"] {
            assert_eq!(named(other).unwrap().in_ecr(), None, "{other}");
        }
    }
}
