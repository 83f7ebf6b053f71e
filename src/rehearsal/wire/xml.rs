//! XML as AWS's query protocol answers it, as far as that is needed: elements with texts or elements inside.

/// Elements that follow one another.
#[derive(Clone, Debug, Default)]
pub struct Xml(String);

impl Xml {
    /// With an element that holds a text.
    #[must_use]
    pub fn text(mut self, name: &str, text: impl AsRef<str>) -> Self {
        self.0 += &format!("<{name}>{}</{name}>", escaped(text.as_ref()));
        self
    }

    /// With an element that holds a text, if there is one.
    #[must_use]
    pub fn maybe(self, name: &str, text: Option<impl AsRef<str>>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// With an element that holds a moment, given in milliseconds since 1970.
    #[must_use]
    pub fn time(self, name: &str, ms: i64) -> Self {
        let at = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
        self.text(name, at.to_string())
    }

    /// With an element that holds elements.
    #[must_use]
    pub fn inside(mut self, name: &str, inner: &Self) -> Self {
        self.0 += &format!("<{name}>{}</{name}>", inner.0);
        self
    }

    /// With a list.
    #[must_use]
    pub fn list(self, name: &str, members: impl IntoIterator<Item = Self>) -> Self {
        let members = members.into_iter().fold(Self::default(), |list, member| list.inside("member", &member));
        self.inside(name, &members)
    }

    /// The whole answer to an action.
    pub fn answer(self, action: &str) -> String {
        format!("<{action}Response><{action}Result>{}</{action}Result></{action}Response>", self.0)
    }
}

/// An error of the query protocol.
pub fn error(code: &str, message: &str) -> String {
    let error = Xml::default().text("Type", "Sender").text("Code", code).text("Message", message);
    Xml::default().inside("ErrorResponse", &Xml::default().inside("Error", &error)).0
}

/// An element with plain fields.
pub fn leaf(name: &str, fields: &[(&str, &str)]) -> String {
    let inner = fields.iter().fold(Xml::default(), |inner, (field, text)| inner.text(field, text));
    Xml::default().inside(name, &inner).0
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '"' => escaped += "&quot;",
            '\r' => escaped += "&#13;",
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_break_out_of_their_element() {
        let list = Xml::default().list("L", [Xml::default().text("T", "<a & \"b\">")]);
        assert_eq!(list.0, "<L><member><T>&lt;a &amp; &quot;b&quot;&gt;</T></member></L>");
    }
}
