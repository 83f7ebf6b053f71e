//! Texts with holes, compiled: variables are numbered, what never changes is filled in already.

use dlt_model::expression::Function;
use rand::rngs::SmallRng;

use super::functions;

/// A variable's number.
pub type Slot = usize;

/// What a hole is filled with.
pub enum Value {
    Literal(Box<str>),
    Variable(Slot),
    Call(Function, Box<[Value]>),
}

/// A text with holes.
pub struct Text(Box<[Piece]>);

enum Piece {
    Literal(Box<str>),
    Hole(Value),
}

/// What a virtual user knows when something is filled in.
pub struct Scope<'a> {
    pub variables: &'a [String],
    pub random: &'a mut SmallRng,
    /// The number of the user over all workers, from 1.
    pub user: u64,
    /// From 0.
    pub iteration: u64,
    pub worker: u32,
}

impl Value {
    /// Writes what it is now.
    pub fn write(&self, scope: &mut Scope<'_>, out: &mut String) {
        match self {
            Self::Literal(text) => out.push_str(text),
            Self::Variable(slot) => out.push_str(&scope.variables[*slot]),
            Self::Call(function, arguments) => {
                let arguments: Vec<String> = arguments.iter().map(|argument| argument.get(scope)).collect();
                functions::call(*function, &arguments, scope, out);
            }
        }
    }

    /// What it is now.
    pub fn get(&self, scope: &mut Scope<'_>) -> String {
        let mut text = String::new();
        self.write(scope, &mut text);
        text
    }
}

impl Text {
    /// A text of these values, one after the other.
    pub fn of(values: impl IntoIterator<Item = Value>) -> Self {
        let mut pieces: Vec<Piece> = Vec::new();
        for value in values {
            match (pieces.last_mut(), value) {
                (_, Value::Literal(text)) if text.is_empty() => {}
                (Some(Piece::Literal(before)), Value::Literal(text)) => *before = format!("{before}{text}").into(),
                (_, Value::Literal(text)) => pieces.push(Piece::Literal(text)),
                (_, other) => pieces.push(Piece::Hole(other)),
            }
        }
        Self(pieces.into())
    }

    /// The text of one that has no holes.
    pub fn as_literal(&self) -> Option<&str> {
        match &*self.0 {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Writes what it is now.
    pub fn write(&self, scope: &mut Scope<'_>, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Hole(value) => value.write(scope, out),
            }
        }
    }

    /// What it is now.
    pub fn get(&self, scope: &mut Scope<'_>) -> String {
        let mut text = String::new();
        self.write(scope, &mut text);
        text
    }
}
