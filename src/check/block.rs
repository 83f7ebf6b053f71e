//! Where the lines of a text inside the template stand in the template.

use dlt_model::{document::Node, problem::Place};

use super::expression::{self, Expression};

/// Where a text inside the template begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    place: Place,
    /// How far its lines are indented, when each of them is a line of the template (`|`).
    indent: Option<usize>,
}

impl Block {
    /// Finds the beginning of a node's text; for a `Sub` with variables that is its first argument's.
    pub fn of(lines: &[&str], node: &Node) -> Self {
        let scalar = match expression::of(node) {
            Some(Expression::Sub(..)) => text_node(node),
            _ => node,
        };
        let several = scalar.text().is_some_and(|text| text.contains('\n'));
        // The reader places a tagged block at its tag, and any other at its first line.
        let first = if scalar.tag.is_some() { scalar.place.line + 1 } else { scalar.place.line };
        let head = lines.get(first.wrapping_sub(2)).copied().unwrap_or_default();
        let literal = head.split_whitespace().next_back().is_some_and(|word| word.starts_with('|'));
        if !(several && literal) {
            return Self { place: scalar.place, indent: None };
        }
        let line = lines.get(first - 1).copied().unwrap_or_default();
        let indent = line.chars().take_while(|letter| *letter == ' ').count();
        Self { place: Place { line: first, column: indent + 1 }, indent: Some(indent) }
    }

    /// The place in the template of a place in the text.
    pub fn then(self, inner: Place) -> Place {
        match self.indent {
            Some(indent) => {
                Place { line: self.place.line + inner.line.max(1) - 1, column: indent + inner.column.max(1) }
            }
            None => self.place,
        }
    }

    /// The place in the template of an offset in the text, in bytes.
    pub fn at(self, text: &str, offset: usize) -> Place {
        let before = &text[..offset];
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.then(Place { line: before.matches('\n').count() + 1, column })
    }
}

fn text_node(node: &Node) -> &Node {
    let argument =
        if node.tag.is_some() { node } else { node.entries().first().map_or(node, |(_, argument)| argument) };
    argument.items().first().unwrap_or(argument)
}

#[cfg(test)]
mod tests {
    use dlt_model::document::parse;

    use super::*;

    #[test]
    fn a_line_of_a_block_is_a_line_of_the_template() {
        for text in [
            "a: !Sub |\n  one\n  two ${X}\n",
            "a:\n  Fn::Sub: |\n    one\n    two ${X}\n",
            "a: !Sub\n  - |-\n    one\n    two ${X}\n  - {X: y}\n",
        ] {
            let root = parse(text).expect("yaml");
            let node = root.get("a").expect("a is there");
            let lines: Vec<_> = text.lines().collect();
            let place = Block::of(&lines, node).at("one\ntwo ${X}", 8);
            let line = lines[place.line - 1];
            assert_eq!(&line[place.column - 1..], "${X}", "{text}");
        }
    }

    #[test]
    fn a_quoted_text_stands_at_its_quote() {
        let root = parse("a: !Sub \"x\\ny\"\n").expect("yaml");
        let node = root.get("a").expect("a is there");
        assert_eq!(Block::of(&["a: !Sub \"x\\ny\""], node).at("x\ny", 2), node.place);
    }
}
