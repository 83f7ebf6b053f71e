//! What a stack tells when it is done: the names that its resources got, put into its outputs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Goal, Stack};

/// How much of a resource's name is random.
const RANDOM_CHARACTERS: usize = 12;

/// The name of a resource in AWS: the one that its template gives, else one with its stack's name in it.
pub(super) fn physical_id(stack: &Stack, goal: &Goal, logical_id: &str) -> String {
    goal.given_name(logical_id)
        .map_or_else(|| format!("{}-{logical_id}-{}", stack.name, random(stack, logical_id)), ToOwned::to_owned)
}

/// Letters that look random and are the same every time.
fn random(stack: &Stack, logical_id: &str) -> String {
    let digest = digest(&[&stack.id, logical_id]);
    digest.chars().take(RANDOM_CHARACTERS).collect::<String>().to_uppercase()
}

fn digest(parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(parts.join("/").as_bytes()))
}

/// The outputs of a stack whose resources are there.
pub(super) fn of(stack: &Stack, goal: &Goal) -> BTreeMap<String, String> {
    let told = goal.outputs.as_object().into_iter().flatten().filter_map(|(name, output)| {
        // Whether an output's condition holds is not worked out; what it needs is there or not.
        let value = output.get("Value")?;
        Some((name.clone(), Known { stack, goal }.text(value)?))
    });
    told.collect()
}

/// What is known about a stack when its outputs are made.
struct Known<'a> {
    stack: &'a Stack,
    goal: &'a Goal,
}

impl Known<'_> {
    /// A value as text; nothing when it is about a resource that is not there.
    fn text(&self, value: &Value) -> Option<String> {
        let Value::Object(object) = value else {
            return Some(value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned));
        };
        let (function, argument) = object.iter().next()?;
        match (function.as_str(), argument) {
            ("Ref", Value::String(name)) => self.named(name),
            ("Fn::GetAtt", Value::Array(parts)) => self.attribute(parts.first()?.as_str()?, parts.get(1)?.as_str()?),
            ("Fn::Sub", Value::String(text)) => self.filled(text),
            ("Fn::Sub", Value::Array(parts)) => self.filled(parts.first()?.as_str()?),
            ("Fn::Join", Value::Array(parts)) => {
                let items: Option<Vec<String>> = parts.get(1)?.as_array()?.iter().map(|item| self.text(item)).collect();
                Some(items?.join(parts.first()?.as_str()?))
            }
            // Either branch may be the true one; the first that can be told is taken.
            ("Fn::If", Value::Array(parts)) => parts.iter().skip(1).find_map(|part| self.text(part)),
            _ => None,
        }
    }

    fn named(&self, name: &str) -> Option<String> {
        let account = self.stack.id.split(':').nth(4).unwrap_or_default();
        Some(match name {
            "AWS::Region" => self.stack.region.to_string(),
            "AWS::AccountId" => account.to_owned(),
            "AWS::StackName" => self.stack.name.clone(),
            "AWS::StackId" => self.stack.id.clone(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            name => match self.goal.parameters.get(name) {
                Some(value) => value.clone(),
                None => self.stack.resources.get(name)?.physical_id.clone(),
            },
        })
    }

    fn attribute(&self, name: &str, attribute: &str) -> Option<String> {
        let physical_id = &self.stack.resources.get(name)?.physical_id;
        Some(match attribute {
            "Arn" => format!("arn:aws:rehearsal:{}:000000000000:{physical_id}", self.stack.region),
            attribute => format!("{physical_id}.{}", attribute.to_lowercase()),
        })
    }

    /// A text with its `${…}` filled in.
    fn filled(&self, text: &str) -> Option<String> {
        let mut pieces = text.split("${");
        let mut filled = pieces.next()?.to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}')?;
            filled += &match name.split_once('.') {
                Some((resource, attribute)) => self.attribute(resource, attribute)?,
                None => self.named(name)?,
            };
            filled += rest;
        }
        Some(filled)
    }
}
