//! How wide text is on a terminal: colours have no width, and some letters have two columns.

/// How many columns a text takes.
pub fn columns(text: &str) -> usize {
    console::measure_text_width(text)
}

/// The text, cut to this many columns; the last says that something is missing.
pub fn cut(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "…").into_owned()
}

/// A text over as many lines as it needs, folded between words: the first begins with `first`, the others with `indent`. A word
/// that is wider than the page stays whole.
pub fn folded(first: &str, text: &str, indent: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut is_empty) = (Vec::new(), first.to_owned(), true);
    for word in text.split(' ') {
        let gap = if is_empty { "" } else { " " };
        let needed = columns(&line) + gap.len() + columns(word);
        if needed > width && !is_empty {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            line += word;
        } else {
            line = line + gap + word;
        }
        is_empty = false;
    }
    lines.push(line);
    lines
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

    #[test]
    fn a_text_is_folded_between_words_and_a_word_is_never_broken() {
        assert_eq!(folded("- ", "one two three", "  ", 9), ["- one two", "  three"]);
        assert_eq!(folded("", "incomprehensibilities x", "", 4), ["incomprehensibilities", "x"]);
        assert_eq!(folded("- ", "one two three", "  ", usize::MAX), ["- one two three"]);
    }
}
