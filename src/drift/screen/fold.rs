//! Values that fit: broken at the edge of the page.

/// A text in pieces that are no wider than the room; together they are the text.
pub fn broken(text: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for character in text.chars() {
        let piece = pieces.last_mut().expect("it begins with one");
        let wide = console::measure_text_width(character.encode_utf8(&mut [0; 4]));
        if console::measure_text_width(piece) + wide > room && !piece.is_empty() {
            pieces.push(character.to_string());
        } else {
            piece.push(character);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_broken_at_the_edge_and_loses_nothing() {
        assert_eq!(broken("abcdefg", 3), ["abc", "def", "g"]);
        assert_eq!(broken("", 3), [""]);
        assert_eq!(broken("日本語", 4), ["日本", "語"]);
        assert_eq!(broken("ab", 0), ["a", "b"], "a page without room still shows it");
    }
}
