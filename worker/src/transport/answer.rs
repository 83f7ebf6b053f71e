//! What a step looks at, and what it is given.

use http::Version;

/// What a step looks at. Nothing else is copied from the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// Every header.
    pub headers: bool,
    /// The `Set-Cookie` headers, also without the others.
    pub cookies: bool,
    /// The body.
    pub body: bool,
}

impl Want {
    /// Whether a header of this name is kept.
    pub fn takes(self, name: &str) -> bool {
        self.headers || (self.cookies && name.len() == 10 && name.eq_ignore_ascii_case("set-cookie"))
    }
}

/// What the layers above want to know of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200 to 999, or 101.
    pub status: u16,
    /// The version that was spoken.
    pub version: Version,
    /// Whether it has a `Set-Cookie` header, wanted or not.
    pub sets_cookies: bool,
    /// Kept apart, since nearly all answers go through all layers without any.
    pub details: Option<Box<Details>>,
}

/// What few answers have, and what few steps look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Where a redirect leads.
    pub location: Option<String>,
    /// Those that were wanted, names as they came, values as text; trailers of HTTP/2 too.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The body without its content codings, when it was wanted.
    pub body: Vec<u8>,
}

impl Answer {
    /// Where a redirect leads.
    pub fn location(&self) -> Option<&str> {
        self.details.as_ref()?.location.as_deref()
    }

    /// The headers that were wanted.
    pub fn headers(&self) -> &[(Box<str>, Box<str>)] {
        self.details.as_ref().map_or(&[], |details| &details.headers)
    }

    /// The body, when it was wanted.
    pub fn body(&self) -> &[u8] {
        self.details.as_ref().map_or(&[], |details| &details.body)
    }
}
