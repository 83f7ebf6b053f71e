//! The name of a deployment, made of what is deployed: the same wish twice is one operation.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// How many hexadecimal digits name the content.
const CONTENT_DIGITS: usize = 24;
/// How many name what the change starts from.
const BASE_DIGITS: usize = 8;

/// Names a change set and, as its client token, the operation that executes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Token(String);

impl Token {
    /// From what is wanted and from what it is applied to: the stack's id and the time of its last change, or nothing.
    ///
    /// The base is part of it so that going back to an earlier wish is a new operation.
    pub fn new(
        template: &str,
        parameters: &BTreeMap<String, String>,
        tags: &BTreeMap<String, String>,
        base: &str,
    ) -> Self {
        let mut hash = Sha256::new();
        field(&mut hash, template);
        for values in [parameters, tags] {
            field(&mut hash, &values.len().to_string());
            for (name, value) in values {
                field(&mut hash, name);
                field(&mut hash, value);
            }
        }
        let content = hex::encode(hash.finalize());
        let base = hex::encode(Sha256::digest(base.as_bytes()));
        Self(format!("dlt-{}-{}", &content[..CONTENT_DIGITS], &base[..BASE_DIGITS]))
    }

    /// As AWS gets it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part that names what is deployed, whatever it is applied to.
    pub fn content(&self) -> &str {
        self.0.rsplit_once('-').map_or(&*self.0, |(content, _)| content)
    }

    /// True when an operation with this token deploys the same content, whatever it started from.
    pub fn same_content(&self, token: &str) -> bool {
        let content = |text: &str| text.rsplit_once('-').map(|(content, _)| content.to_owned());
        content(&self.0).is_some_and(|own| content(token) == Some(own))
    }
}

/// A length before each text keeps two texts apart from one.
fn field(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_same_wish_has_the_same_token() {
        let token = || Token::new("Resources: {}", &values(&[("A", "1")]), &values(&[("team", "qa")]), "");
        assert_eq!(token(), token());
    }

    #[test]
    fn every_difference_gives_another_token() {
        let none = values(&[]);
        let tokens = [
            Token::new("a", &none, &none, ""),
            Token::new("b", &none, &none, ""),
            Token::new("a", &values(&[("A", "1")]), &none, ""),
            Token::new("a", &none, &values(&[("A", "1")]), ""),
            Token::new("a", &values(&[("A1", "")]), &none, ""),
            Token::new("a", &none, &none, "stack"),
        ];
        let distinct: std::collections::BTreeSet<_> = tokens.iter().collect();
        assert_eq!(distinct.len(), tokens.len());
    }

    #[test]
    fn an_operation_with_the_same_content_is_recognised_whatever_it_started_from() {
        let none = values(&[]);
        let ours = Token::new("a", &none, &none, "before");
        assert!(ours.same_content(Token::new("a", &none, &none, "after").as_str()));
        assert!(!ours.same_content(Token::new("b", &none, &none, "before").as_str()));
        assert!(!ours.same_content("Console-CreateStack-1"));
        assert!(!ours.same_content(""));
    }

    #[test]
    fn aws_accepts_it_as_a_name_and_as_a_token() {
        let none = values(&[]);
        let token = Token::new("a", &none, &none, "");
        assert!(token.as_str().len() <= 128);
        assert!(token.as_str().starts_with(|first: char| first.is_ascii_alphabetic()));
        assert!(token.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }
}
