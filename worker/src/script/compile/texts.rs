//! Expressions, templates and conditions: variables get their numbers, and what never changes its value.

use dlt_model::{
    condition::{Condition, Operator},
    expression::{Expression, Function},
    template::{Part, Template},
};
use rand::{SeedableRng, rngs::SmallRng};

use super::Compiler;
use crate::script::{
    functions,
    logic::Logic,
    patterns,
    value::{Scope, Slot, Text, Value},
};

/// Expressions of any depth are refused by the reader; this many pieces are enough for any text.
const MAX_PIECES: usize = 1_000;

impl Compiler<'_> {
    pub(super) fn text(&self, template: &Template) -> Result<Text, String> {
        if template.parts().len() > MAX_PIECES {
            return Err(format!("it has more than {MAX_PIECES} holes"));
        }
        let values: Result<Vec<Value>, String> = template
            .parts()
            .iter()
            .map(|part| match part {
                Part::Text(text) => Ok(Value::Literal(text.as_str().into())),
                Part::Hole(expression) => self.value(expression),
            })
            .collect();
        values.map(Text::of)
    }

    pub(super) fn pairs(&self, pairs: &[(String, Template)]) -> Result<Vec<(String, Text)>, String> {
        let pair = |(name, value): &(String, Template)| match self.text(value) {
            Ok(text) => Ok((name.clone(), text)),
            Err(why) => Err(format!("`{name}`: {why}")),
        };
        pairs.iter().map(pair).collect()
    }

    pub(super) fn value(&self, expression: &Expression) -> Result<Value, String> {
        match expression {
            Expression::Literal(text) => Ok(Value::Literal(text.as_str().into())),
            Expression::Variable(name) => match self.secrets.get(name) {
                Some(secret) => Ok(Value::Literal(secret.expose().into())),
                None => self.slot(name).map(Value::Variable),
            },
            Expression::Call(Function::Env, arguments) => environment(arguments),
            Expression::Call(function, arguments) => {
                let arguments: Result<Box<[Value]>, String> =
                    arguments.iter().map(|argument| self.value(argument)).collect();
                call(*function, arguments?)
            }
        }
    }

    pub(super) fn slot(&self, name: &str) -> Result<Slot, String> {
        self.slots.get(name).copied().ok_or_else(|| {
            let known = self.slots.keys().copied();
            let close = known.filter(|known| known.eq_ignore_ascii_case(name)).min();
            let hint = close.map(|close| format!("; did you mean `{close}`?")).unwrap_or_default();
            format!("nothing sets the variable `{name}`{hint}")
        })
    }

    pub(super) fn logic(&self, condition: &Condition) -> Result<Logic, String> {
        let all = |parts: &[Condition]| parts.iter().map(|part| self.logic(part)).collect::<Result<Box<[Logic]>, _>>();
        Ok(match condition {
            Condition::Any(parts) => Logic::Any(all(parts)?),
            Condition::All(parts) => Logic::All(all(parts)?),
            Condition::Not(part) => Logic::Not(Box::new(self.logic(part)?)),
            Condition::Holds(expression) => Logic::Holds(self.value(expression)?),
            Condition::Compare(left, operator, right) => match (operator, self.value(left)?, self.value(right)?) {
                (Operator::Matches, left, Value::Literal(pattern)) => Logic::Matches(left, patterns::regex(&pattern)?),
                (operator, left, right) => Logic::Compare(left, *operator, right),
            },
        })
    }
}

fn environment(arguments: &[Expression]) -> Result<Value, String> {
    let text = |expression: &Expression| match expression {
        Expression::Literal(text) => Ok(text.clone()),
        other => Err(format!("`env` takes texts in quotes, found `{other}`")),
    };
    let name = arguments.first().map(text).transpose()?.unwrap_or_default();
    let default = arguments.get(1).map(text).transpose()?;
    let value = std::env::var(&name).ok().or(default);
    value
        .map(|value| Value::Literal(value.into()))
        .ok_or_else(|| format!("the worker's environment has no `{name}`; give a second argument to stand in for it"))
}

fn call(function: Function, arguments: Box<[Value]>) -> Result<Value, String> {
    let literals: Vec<Option<&str>> = arguments
        .iter()
        .map(|argument| match argument {
            Value::Literal(text) => Some(&**text),
            _ => None,
        })
        .collect();
    functions::check(function, &literals)?;
    let is_known = literals.iter().all(Option::is_some);
    let value = Value::Call(function, arguments);
    if !is_known || !functions::is_pure(function) {
        return Ok(value);
    }
    let mut random = SmallRng::seed_from_u64(0);
    let mut scope = Scope { variables: &[], random: &mut random, user: 0, iteration: 0, worker: 0 };
    Ok(Value::Literal(value.get(&mut scope).into()))
}
