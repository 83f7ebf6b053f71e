//! How wide text is on a terminal: colours have no width, and some letters have two columns.

/// How many columns a text takes.
pub fn columns(text: &str) -> usize {
    console::measure_text_width(text)
}

/// The text, cut to this many columns; the last says that something is missing.
pub fn cut(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_no_width_and_a_cut_shows() {
        assert_eq!(columns("\u{1b}[31mred\u{1b}[0m"), 3);
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
