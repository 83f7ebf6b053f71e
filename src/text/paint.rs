//! Colours, for terminals that like them.

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// It is not.
    Plain,
    /// It is, for a terminal that likes it.
    Colour,
}

impl Paint {
    /// As the reader of the standard output likes it.
    pub fn of_stdout() -> Self {
        Self::where_welcome(console::colors_enabled())
    }

    /// As the reader of the standard error likes it.
    pub fn of_stderr() -> Self {
        Self::where_welcome(console::colors_enabled_stderr())
    }

    fn where_welcome(is_welcome: bool) -> Self {
        if is_welcome { Self::Colour } else { Self::Plain }
    }

    /// Good news.
    pub fn good(self, text: &str) -> String {
        self.with(text, |style| style.green())
    }

    /// Bad news.
    pub fn bad(self, text: &str) -> String {
        self.with(text, |style| style.red().bold())
    }

    /// What moves.
    pub fn moving(self, text: &str) -> String {
        self.with(text, |style| style.cyan())
    }

    /// What matters less.
    pub fn faint(self, text: &str) -> String {
        self.with(text, |style| style.dim())
    }

    fn with(self, text: &str, style: fn(console::Style) -> console::Style) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => style(console::Style::new().force_styling(true)).apply_to(text).to_string(),
        }
    }
}
