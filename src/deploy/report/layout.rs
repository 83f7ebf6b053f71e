//! Lines that fit: wrapped at words, cut at the edge, with a mark at the right.

use super::View;
use crate::text::measure;

impl View {
    /// A line and a mark at the right edge; where there is no edge, or no room, the mark comes two columns after the line.
    pub(super) fn marked(self, line: &str, mark: &str) -> String {
        let (length, mark_length) = (measure::columns(line), measure::columns(mark));
        if mark_length == 0 {
            return line.to_owned();
        }
        let gap = self.width.and_then(|width| width.checked_sub(length + mark_length)).filter(|gap| *gap >= 2);
        format!("{line}{}{}", " ".repeat(gap.unwrap_or(2)), self.paint.faint(mark))
    }

    /// A line no longer than the page is wide.
    pub(super) fn cut(self, line: &str) -> String {
        match self.width {
            Some(width) => measure::cut(line, width),
            None => line.to_owned(),
        }
    }

    /// A sentence over as many lines as it needs; those after the first are indented further.
    pub(super) fn wrapped(self, indent: usize, first: &str, sentence: &str) -> Vec<String> {
        let begin = format!("{}{first}", " ".repeat(indent));
        let further = " ".repeat(indent + measure::columns(first));
        measure::folded(&begin, sentence, &further, self.width.unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Paint;

    fn view(width: Option<usize>) -> View {
        View { width, paint: Paint::Plain, full: false }
    }

    #[test]
    fn a_mark_stands_at_the_right_where_there_is_room() {
        assert_eq!(view(Some(10)).marked("abc", "x"), "abc      x");
        assert_eq!(view(Some(4)).marked("abc", "x"), "abc  x");
        assert_eq!(view(None).marked("abc", "x"), "abc  x");
        assert_eq!(view(Some(10)).marked("abc", ""), "abc");
    }

    #[test]
    fn a_sentence_is_wrapped_at_words_and_a_word_is_never_broken() {
        assert_eq!(view(Some(10)).wrapped(2, "! ", "one two three"), ["  ! one", "    two", "    three"]);
        assert_eq!(view(Some(4)).wrapped(0, "", "incomprehensibilities x"), ["incomprehensibilities", "x"]);
        assert_eq!(view(None).wrapped(1, "", "one two"), [" one two"]);
    }
}
