//! Everything that one part of a template says about another: who uses what, where, and under which `Fn::If`s.

use dlt_model::{
    document::{Node, Value},
    problem::Place,
};

use super::{
    block::Block,
    expression::{self, Expression},
    finding::Findings,
    template::{Entry, Template},
};

/// How a name is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Ref`.
    Ref,
    /// `Fn::GetAtt`.
    GetAtt,
    /// A placeholder of `Fn::Sub`.
    Sub,
    /// `DependsOn`.
    DependsOn,
    /// `Condition`, or the first argument of `Fn::If`.
    Condition,
    /// The first argument of `Fn::FindInMap`.
    Map,
}

/// The part of the template in which a name is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A resource.
    Resource(Part<'a>),
    /// An output.
    Output(Part<'a>),
    /// A condition.
    Condition(&'a str),
    /// A rule.
    Rule(&'a str),
}

/// The name of a part, and the condition under which it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its logical name.
    pub name: &'a str,
    /// Its condition.
    pub condition: Option<&'a str>,
}

/// One use of a name.
#[derive(Clone, Debug)]
pub struct Use<'a> {
    /// How.
    pub kind: Kind,
    /// The name.
    pub target: &'a str,
    /// The attribute, when it is a literal.
    pub attribute: Option<&'a str>,
    /// The keys of a `FindInMap` that are literals.
    pub keys: [Option<&'a str>; 2],
    /// Where.
    pub place: Place,
    /// The keys that lead there.
    pub path: String,
    /// In what.
    pub owner: Owner<'a>,
    /// The branches of `Fn::If` it stands in: each condition, and whether it holds there.
    pub guards: Vec<(&'a str, bool)>,
}

/// All uses in a template, in the order of its sections. Malformed functions are reported on the way.
pub fn collect<'a>(template: &Template<'a>, lines: &[&str], findings: &mut Findings) -> Vec<Use<'a>> {
    let mut walk =
        Walk { uses: Vec::new(), lines, findings, path: Vec::new(), guards: Vec::new(), owner: Owner::Rule("") };
    for entry in template.conditions.iter() {
        walk.part("Conditions", entry, Owner::Condition(entry.name));
    }
    for entry in template.rules.iter() {
        walk.part("Rules", entry, Owner::Rule(entry.name));
    }
    for entry in template.resources.iter() {
        walk.part("Resources", entry, Owner::Resource(Part { name: entry.name, condition: entry.condition() }));
    }
    for entry in template.outputs.iter() {
        walk.part("Outputs", entry, Owner::Output(Part { name: entry.name, condition: entry.condition() }));
    }
    walk.uses
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

struct Walk<'a, 'f> {
    uses: Vec<Use<'a>>,
    lines: &'f [&'f str],
    findings: &'f mut Findings,
    path: Vec<Step<'a>>,
    guards: Vec<(&'a str, bool)>,
    owner: Owner<'a>,
}

impl<'a> Walk<'a, '_> {
    fn part(&mut self, section: &'static str, entry: &Entry<'a>, owner: Owner<'a>) {
        self.owner = owner;
        self.path = vec![Step::Key(section), Step::Key(entry.name)];
        if matches!(owner, Owner::Condition(_) | Owner::Rule(_)) {
            return self.visit(entry.body);
        }
        for (key, node) in entry.body.entries() {
            self.path.push(Step::Key(&key.text));
            match key.text.as_str() {
                "DependsOn" => self.depends_on(node),
                "Condition" => self.named(Kind::Condition, node.text().unwrap_or_default(), node),
                _ => self.visit(node),
            }
            self.path.pop();
        }
    }

    fn depends_on(&mut self, node: &'a Node) {
        let names = if node.items().is_empty() { std::slice::from_ref(node) } else { node.items() };
        for name in names {
            match expression::literal(name) {
                Some(text) => self.named(Kind::DependsOn, text, name),
                None => self.malformed(name, "DependsOn takes names of resources, as text"),
            }
        }
    }

    fn visit(&mut self, node: &'a Node) {
        match expression::of(node) {
            Some(expression) => self.function(expression, node),
            None => self.children(node),
        }
    }

    fn children(&mut self, node: &'a Node) {
        match &node.value {
            Value::Scalar { .. } => {}
            Value::Sequence(items) => self.items(items),
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    self.path.push(Step::Key(&key.text));
                    self.visit(value);
                    self.path.pop();
                }
            }
        }
    }

    fn items(&mut self, items: &'a [Node]) {
        for (position, item) in items.iter().enumerate() {
            self.path.push(Step::Item(position));
            self.visit(item);
            self.path.pop();
        }
    }

    fn function(&mut self, expression: Expression<'a>, node: &'a Node) {
        match expression {
            Expression::Ref(name) => self.named(Kind::Ref, name, node),
            Expression::GetAtt(target, attribute) => self.attribute(Kind::GetAtt, target, attribute, node.place),
            Expression::Condition(name) => self.named(Kind::Condition, name, node),
            Expression::Sub(text, variables) => self.sub(text, variables, node),
            Expression::If(condition, then, otherwise) => self.branch(condition, then, otherwise, node),
            Expression::Equals(left, right) => [left, right].into_iter().for_each(|side| self.visit(side)),
            Expression::And(items) | Expression::Or(items) => self.items(items),
            Expression::Not(inner) => self.visit(inner),
            Expression::FindInMap(items) => self.find_in_map(items, node),
            Expression::Join(_, list) => self.visit(list),
            Expression::Other(_, argument, false) => self.visit(argument),
            Expression::Other(_, argument, true) => match expression::of_mapping(argument) {
                Some(inner) => self.function(inner, argument),
                None => self.children(argument),
            },
            Expression::Malformed(name, expected) => {
                self.malformed(node, &format!("`{name}`: {expected}"));
                self.children(node);
            }
        }
    }

    fn sub(&mut self, text: &'a str, variables: &'a [(dlt_model::document::Key, Node)], node: &'a Node) {
        let block = Block::of(self.lines, node);
        for found in
            expression::placeholders(text).filter(|found| !variables.iter().any(|(key, _)| key.text == found.name))
        {
            let place = block.at(text, found.start);
            match found.name.split_once('.') {
                Some((target, attribute)) => self.attribute(Kind::Sub, target, Some(attribute), place),
                None => self.attribute(Kind::Sub, found.name, None, place),
            }
        }
        for (key, value) in variables {
            if !expression::placeholders(text).any(|found| found.name == key.text) {
                let message = format!("the text of this `Sub` does not use its variable `{}`", key.text);
                let path = self.path();
                self.findings.warning("DLT112", key.place, path, message);
            }
            self.visit(value);
        }
    }

    fn branch(&mut self, condition: &'a str, then: &'a Node, otherwise: &'a Node, node: &'a Node) {
        self.named(Kind::Condition, condition, node);
        for (holds, value) in [(true, then), (false, otherwise)] {
            self.guards.push((condition, holds));
            self.visit(value);
            self.guards.pop();
        }
    }

    fn find_in_map(&mut self, items: &'a [Node], node: &'a Node) {
        if let Some(target) = expression::literal(&items[0]) {
            let keys = [expression::literal(&items[1]), expression::literal(&items[2])];
            self.put(Use { keys, ..self.fresh(Kind::Map, target, None, node.place) });
        }
        self.items(items);
    }

    fn named(&mut self, kind: Kind, target: &'a str, node: &'a Node) {
        self.put(self.fresh(kind, target, None, node.place));
    }

    fn attribute(&mut self, kind: Kind, target: &'a str, attribute: Option<&'a str>, place: Place) {
        self.put(self.fresh(kind, target, attribute, place));
    }

    fn fresh(&self, kind: Kind, target: &'a str, attribute: Option<&'a str>, place: Place) -> Use<'a> {
        let (owner, guards) = (self.owner, self.guards.clone());
        Use { kind, target, attribute, keys: [None; 2], place, path: self.path(), owner, guards }
    }

    fn put(&mut self, found: Use<'a>) {
        self.uses.push(found);
    }

    fn malformed(&mut self, node: &Node, message: &str) {
        let path = self.path();
        self.findings.error("DLT109", node.place, path, message);
    }

    fn path(&self) -> String {
        let mut out = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if out.is_empty() => out.push_str(key),
                Step::Key(key) => {
                    out.push('.');
                    out.push_str(key);
                }
                Step::Item(position) => out.push_str(&format!("[{position}]")),
            }
        }
        out
    }
}
