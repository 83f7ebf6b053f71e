//! The body of a request in AWS's query protocol: names with dots and numbers in them, and texts.

use std::collections::BTreeMap;

/// The fields of a request.
#[derive(Clone, Debug, Default)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    /// A field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A field, or nothing in it.
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// A field of its own.
    pub fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(ToOwned::to_owned)
    }

    /// Whether a field says `true`.
    pub fn says(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// A list: `Capabilities.member.1`, `Capabilities.member.2`, …
    pub fn list(&self, name: &str) -> Vec<String> {
        (1..).map_while(|number| self.0.get(&format!("{name}.member.{number}")).cloned()).collect()
    }

    /// A list of pairs: `Tags.member.1.Key` with `Tags.member.1.Value`, …
    pub fn pairs(&self, name: &str, key: &str, value: &str) -> BTreeMap<String, String> {
        let pair = |number| {
            let key = self.0.get(&format!("{name}.member.{number}.{key}"))?.clone();
            Some((key, self.text(&format!("{name}.member.{number}.{value}"))))
        };
        (1..).map_while(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lists_and_pairs_are_read_with_their_escapes() {
        let form = Form::read(
            b"Action=A&X=a%26b+c&E=&L.member.1=x&L.member.2=y&T.member.1.Key=k&T.member.1.Value=v&T.member.2.Key=e",
        );
        assert_eq!((form.get("X"), form.get("E"), form.get("N")), (Some("a&b c"), None, None));
        assert_eq!(form.list("L"), ["x", "y"]);
        let pairs = form.pairs("T", "Key", "Value").into_iter().collect::<Vec<_>>();
        assert_eq!(
            pairs,
            [("k", "v"), ("e", "")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into_iter()
                .collect::<BTreeMap<_, _>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
    }
}
