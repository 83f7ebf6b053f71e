//! The intrinsic functions of a template, whichever way they are spelled: `!Ref X`, `Ref: X`, `!Sub …`, `Fn::Sub: …`.

use dlt_model::document::{Key, Node, Value};

/// One intrinsic function and its arguments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expression<'a> {
    /// A parameter, a pseudo-parameter or a resource's id.
    Ref(&'a str),
    /// An attribute of a resource; the attribute is absent when it is itself computed.
    GetAtt(&'a str, Option<&'a str>),
    /// A text with `${…}` in it, and variables of its own.
    Sub(&'a str, &'a [(Key, Node)]),
    /// One of two values.
    If(&'a str, &'a Node, &'a Node),
    /// The value of a condition, inside another condition.
    Condition(&'a str),
    /// Whether two values are the same text.
    Equals(&'a Node, &'a Node),
    /// Whether all conditions hold.
    And(&'a [Node]),
    /// Whether any condition holds.
    Or(&'a [Node]),
    /// Whether a condition does not hold.
    Not(&'a Node),
    /// A value of a mapping: its name and two keys.
    FindInMap(&'a [Node]),
    /// Texts put together with a separator.
    Join(&'a str, &'a Node),
    /// Any other function: its full name, its argument, and whether the argument carries the function's own tag.
    Other(&'a str, &'a Node, bool),
    /// A function with arguments of the wrong shape: its name and what it takes.
    Malformed(&'a str, &'static str),
}

/// Functions that CloudFormation has and that need no closer look here.
const OTHERS: [&str; 14] = [
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::GetAZs",
    "Fn::GetStackOutput",
    "Fn::ImportValue",
    "Fn::Length",
    "Fn::RefAll",
    "Fn::Select",
    "Fn::Split",
    "Fn::ToJsonString",
    "Fn::Transform",
];

/// The function that stands at a node, if one does.
pub fn of(node: &Node) -> Option<Expression<'_>> {
    match node.tag.as_deref() {
        Some(tag) => Some(named(tag, node, true)),
        None => of_mapping(node),
    }
}

/// The function spelled as a mapping with a single key.
pub fn of_mapping(node: &Node) -> Option<Expression<'_>> {
    let [(key, argument)] = node.entries() else { return None };
    match key.text.as_str() {
        "Ref" => Some(named("Ref", argument, false)),
        "Condition" if argument.text().is_some() => Some(named("Condition", argument, false)),
        name => name
            .strip_prefix("Fn::")
            .filter(|name| !name.starts_with("ForEach"))
            .map(|short| named(short, argument, false)),
    }
}

fn named<'a>(short: &'a str, argument: &'a Node, tagged: bool) -> Expression<'a> {
    let items = argument.items();
    match short {
        "Ref" => argument.text().map_or(Expression::Malformed("Ref", "a name"), Expression::Ref),
        "Condition" => {
            argument.text().map_or(Expression::Malformed("Condition", "the name of a condition"), Expression::Condition)
        }
        "GetAtt" => get_att(argument)
            .unwrap_or(Expression::Malformed("Fn::GetAtt", "`Resource.Attribute` or a list of the two")),
        "Sub" => sub(argument).unwrap_or(Expression::Malformed("Fn::Sub", "a text, or a list of a text and a mapping")),
        "If" => match items {
            [condition, then, otherwise] if condition.text().is_some() => {
                Expression::If(condition.text().unwrap_or_default(), then, otherwise)
            }
            _ => Expression::Malformed("Fn::If", "a list of a condition and two values"),
        },
        "Equals" => match items {
            [left, right] => Expression::Equals(left, right),
            _ => Expression::Malformed("Fn::Equals", "a list of two values"),
        },
        "And" if (2..=10).contains(&items.len()) => Expression::And(items),
        "And" => Expression::Malformed("Fn::And", "a list of two to ten conditions"),
        "Or" if (2..=10).contains(&items.len()) => Expression::Or(items),
        "Or" => Expression::Malformed("Fn::Or", "a list of two to ten conditions"),
        "Not" => match items {
            [inner] => Expression::Not(inner),
            _ => Expression::Malformed("Fn::Not", "a list of one condition"),
        },
        "FindInMap" if (3..=4).contains(&items.len()) => Expression::FindInMap(items),
        "FindInMap" => Expression::Malformed("Fn::FindInMap", "a list of a mapping's name and two keys"),
        "Join" => match items {
            [separator, list] if separator.text().is_some() => {
                Expression::Join(separator.text().unwrap_or_default(), list)
            }
            _ => Expression::Malformed("Fn::Join", "a list of a separator and a list"),
        },
        other => match OTHERS.iter().find(|name| name.strip_prefix("Fn::") == Some(other)) {
            Some(name) => Expression::Other(name, argument, tagged),
            None => Expression::Malformed(other, "no such thing: CloudFormation has no function of this name"),
        },
    }
}

fn get_att(argument: &Node) -> Option<Expression<'_>> {
    match &argument.value {
        Value::Scalar { text, .. } => {
            text.split_once('.').map(|(target, attribute)| Expression::GetAtt(target, Some(attribute)))
        }
        Value::Sequence(items) => match items.as_slice() {
            [target, attribute] => {
                let known = attribute.tag.is_none().then(|| attribute.text()).flatten();
                target.text().map(|target| Expression::GetAtt(target, known))
            }
            _ => None,
        },
        Value::Mapping(_) => None,
    }
}

fn sub(argument: &Node) -> Option<Expression<'_>> {
    match &argument.value {
        Value::Scalar { text, .. } => Some(Expression::Sub(text, &[])),
        Value::Sequence(items) => match items.as_slice() {
            [text, variables] if matches!(variables.value, Value::Mapping(_)) => {
                text.text().map(|text| Expression::Sub(text, variables.entries()))
            }
            _ => None,
        },
        Value::Mapping(_) => None,
    }
}

/// A `${Name}` in a text: the name and where it starts, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placeholder<'a> {
    /// What stands between the braces.
    pub name: &'a str,
    /// The offset of its dollar sign.
    pub start: usize,
    /// The offset after its closing brace.
    pub end: usize,
}

/// The placeholders of a text; `${!Literal}` is none.
pub fn placeholders(text: &str) -> impl Iterator<Item = Placeholder<'_>> {
    let mut position = 0;
    std::iter::from_fn(move || {
        loop {
            let start = position + text[position..].find("${")?;
            let end = start + text[start..].find('}')? + 1;
            position = end;
            let name = &text[start + 2..end - 1];
            if !name.starts_with('!') {
                return Some(Placeholder { name, start, end });
            }
        }
    })
}

/// A text in which every placeholder, literal ones included, is replaced.
pub fn substituted(text: &str, with: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut position = 0;
    for Placeholder { name, start, end } in placeholders(text) {
        out.push_str(&text[position..start]);
        out.push_str(&with(name));
        position = end;
    }
    out.push_str(&text[position..]);
    out.replace("${!", "${")
}

/// The shape of a value as one text: literals stay, references become `${Name}`. Equal shapes are equal values in one stack.
pub fn shape(node: &Node) -> String {
    match of(node) {
        Some(Expression::Ref(name)) => format!("${{{name}}}"),
        Some(Expression::GetAtt(target, attribute)) => format!("${{{target}.{}}}", attribute.unwrap_or("?")),
        Some(Expression::Sub(text, variables)) => substituted(text, |name| {
            let own = variables.iter().find(|(key, _)| key.text == name);
            own.map_or_else(|| format!("${{{name}}}"), |(_, value)| shape(value))
        }),
        Some(Expression::Join(separator, list)) if list.tag.is_none() && !list.items().is_empty() => {
            list.items().iter().map(shape).collect::<Vec<_>>().join(separator)
        }
        Some(expression) => format!("${{{}}}", function_shape(expression, node)),
        None => plain_shape(node),
    }
}

fn function_shape(expression: Expression<'_>, node: &Node) -> String {
    match expression {
        Expression::If(condition, then, otherwise) => format!("If({condition},{},{})", shape(then), shape(otherwise)),
        Expression::Other(name, argument, _) => format!("{name}({})", plain_shape(argument)),
        _ => plain_shape(node),
    }
}

fn plain_shape(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, .. } => text.clone(),
        Value::Sequence(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(",")),
        Value::Mapping(entries) => {
            let parts: Vec<_> = entries.iter().map(|(key, value)| format!("{}:{}", key.text, shape(value))).collect();
            format!("{{{}}}", parts.join(","))
        }
    }
}

/// The values that a node can have: itself, or what stands in the branches of its `Fn::If`; `AWS::NoValue` is left out.
pub fn branches(node: &Node) -> Vec<&Node> {
    let mut out = Vec::new();
    collect_branches(node, &mut out);
    out
}

fn collect_branches<'a>(node: &'a Node, out: &mut Vec<&'a Node>) {
    match of(node) {
        Some(Expression::If(_, then, otherwise)) => {
            collect_branches(then, out);
            collect_branches(otherwise, out);
        }
        Some(Expression::Ref("AWS::NoValue")) => {}
        _ => out.push(node),
    }
}

/// The items of a list, or the single value that stands for a list, through every `Fn::If`.
pub fn list(node: &Node) -> Vec<&Node> {
    let mut out = Vec::new();
    for branch in branches(node) {
        match &branch.value {
            Value::Sequence(items) if branch.tag.is_none() => out.extend(items.iter().flat_map(branches)),
            _ => out.push(branch),
        }
    }
    out
}

/// The text of a node that is a literal.
pub fn literal(node: &Node) -> Option<&str> {
    node.text().filter(|_| node.tag.is_none())
}

#[cfg(test)]
mod tests {
    use dlt_model::document::parse;

    use super::*;

    #[test]
    fn both_spellings_say_the_same() {
        let short = parse("!GetAtt A.B.C").expect("yaml");
        let long = parse("Fn::GetAtt: [A, B.C]").expect("yaml");
        assert_eq!(of(&short), Some(Expression::GetAtt("A", Some("B.C"))));
        assert_eq!(of(&short), of(&long));
    }

    #[test]
    fn a_literal_placeholder_is_no_reference() {
        let names: Vec<_> = placeholders("a ${B} ${!C} ${D.E} ${").map(|found| found.name).collect();
        assert_eq!(names, ["B", "D.E"]);
        assert_eq!(substituted("${A}-${!B}", str::to_lowercase), "a-${B}");
    }

    #[test]
    fn join_and_sub_of_the_same_name_have_one_shape() {
        let join = parse("!Join ['-', [!Ref X, data]]").expect("yaml");
        let sub = parse("!Sub '${X}-data'").expect("yaml");
        assert_eq!(shape(&join), shape(&sub));
    }

    #[test]
    fn a_list_is_seen_through_its_ifs() {
        let node = parse("[a, !If [C, b, !Ref AWS::NoValue]]").expect("yaml");
        assert_eq!(list(&node).into_iter().filter_map(literal).collect::<Vec<_>>(), ["a", "b"]);
    }
}
