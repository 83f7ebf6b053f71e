//! Who may do what to what: differences of policies and of firewall rules as sentences.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    firewall,
    grants::{Effect, Grant},
    kind_of, policy,
};

/// A right that comes or goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Power {
    /// What becomes of it.
    pub turn: Turn,
    /// Who: a role of the template, a service, an account, an address.
    pub who: String,
    /// What: actions, or protocols and ports.
    pub what: Vec<String>,
    /// To what.
    pub on: Vec<String>,
    /// Under which condition, if under one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

/// What becomes of a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// It is given.
    Gained,
    /// A denial of it goes.
    Undenied,
    /// It is denied.
    Denied,
    /// It is taken away.
    Lost,
}

impl Power {
    /// True when more is possible than before.
    pub fn widens(&self) -> bool {
        matches!(self.turn, Turn::Gained | Turn::Undenied)
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turn = match self.turn {
            Turn::Gained => "may now",
            Turn::Undenied => "is no longer denied",
            Turn::Denied => "is now denied",
            Turn::Lost => "may no longer",
        };
        write!(f, "{} {turn} {}", quoted(&self.who), listed(&self.what))?;
        if !self.on.is_empty() {
            write!(f, " on {}", listed(&self.on))?;
        }
        self.when.iter().try_for_each(|when| write!(f, " when {when}"))
    }
}

fn listed(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ")
}

/// What is no action or name but a phrase of its own has spaces, and reads well as it is.
fn quoted(word: &str) -> String {
    if word.contains(' ') { word.to_owned() } else { format!("`{word}`") }
}

/// The rights that come and go with a change of a resource.
pub(super) fn between(logical_id: &str, old: Option<&Value>, new: Option<&Value>) -> Vec<Power> {
    let of = |side: Option<&Value>| side.map(|resource| grants(logical_id, resource)).unwrap_or_default();
    let (before, after) = (of(old), of(new));
    let mut powers = together(after.difference(&before), [Turn::Gained, Turn::Denied]);
    powers.extend(together(before.difference(&after), [Turn::Lost, Turn::Undenied]));
    powers.sort();
    powers
}

fn grants(logical_id: &str, resource: &Value) -> BTreeSet<Grant> {
    let kind = kind_of(resource);
    let properties = resource.get("Properties").unwrap_or(&Value::Null);
    policy::grants(&kind, logical_id, properties).chain(firewall::grants(&kind, logical_id, properties)).collect()
}

/// Rights that differ in their actions alone, or then in their resources alone, are one sentence.
fn together<'a>(grants: impl Iterator<Item = &'a Grant>, [allowed, denied]: [Turn; 2]) -> Vec<Power> {
    let mut powers: Vec<Power> = Vec::new();
    for grant in grants {
        let turn = if grant.effect == Effect::Allow { allowed } else { denied };
        let on: Vec<String> = grant.on.iter().cloned().collect();
        let alike = |it: &&mut Power| it.turn == turn && it.who == grant.who && it.on == on && it.when == grant.when;
        match powers.iter_mut().find(alike) {
            Some(power) => power.what.push(grant.what.clone()),
            None => powers.push(Power {
                turn,
                who: grant.who.clone(),
                what: vec![grant.what.clone()],
                on,
                when: grant.when.clone(),
            }),
        }
    }
    let mut joined: Vec<Power> = Vec::new();
    for power in powers {
        let alike = |it: &&mut Power| {
            it.turn == power.turn && it.who == power.who && it.what == power.what && it.when == power.when
        };
        match joined.iter_mut().find(alike) {
            Some(known) => known.on.extend(power.on),
            None => joined.push(power),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(statements: &Value) -> Value {
        json!({"Type": "AWS::IAM::Role", "Properties": {"Policies": [
            {"PolicyName": "p", "PolicyDocument": {"Statement": statements}}
        ]}})
    }

    fn told(old: Option<&Value>, new: Option<&Value>) -> Vec<String> {
        between("WorkerRole", old, new).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_new_action_is_told_with_what_it_is_on() {
        let on = json!({"Fn::Sub": "${DataBucket.Arn}/runs/*"});
        let old = role(&json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": on}]));
        let new = role(&json!([{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": on}]));
        let sentence = "`WorkerRole` may now `s3:PutObject` on `${DataBucket.Arn}/runs/*`";
        assert_eq!(told(Some(&old), Some(&new)), [sentence]);
        assert_eq!(told(Some(&new), Some(&old)), [sentence.replace("may now", "may no longer")]);
        assert_eq!(told(Some(&new), Some(&new)), [""; 0]);
    }

    #[test]
    fn the_same_rights_in_other_statements_are_the_same_rights() {
        let one =
            role(&json!([{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": ["a", "b"]}]));
        let two = role(&json!([
            {"Effect": "Allow", "Action": "s3:PutObject", "Resource": ["b", "a"]},
            {"Sid": "X", "Effect": "Allow", "Action": "s3:GetObject", "Resource": ["a", "b"]},
        ]));
        assert_eq!(told(Some(&one), Some(&two)), [""; 0]);
    }

    #[test]
    fn a_condition_that_goes_is_a_right_that_comes() {
        let narrow = role(&json!([{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}}]));
        let wide = role(&json!([{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]));
        assert_eq!(
            told(Some(&narrow), Some(&wide)),
            [
                "`WorkerRole` may now `iam:PassRole` on `*`",
                "`WorkerRole` may no longer `iam:PassRole` on `*` when `iam:PassedToService` StringEquals `ecs-tasks.amazonaws.com`",
            ]
        );
    }

    #[test]
    fn a_denial_is_told_as_one_and_its_end_widens() {
        let denying = role(&json!([{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]));
        let silent = role(&json!([]));
        assert_eq!(told(Some(&silent), Some(&denying)), ["`WorkerRole` is now denied `s3:*` on `*`"]);
        let undenied = between("WorkerRole", Some(&denying), Some(&silent));
        assert!(undenied[0].widens());
    }

    #[test]
    fn resources_of_the_same_right_are_one_sentence() {
        let new = role(&json!([{"Effect": "Allow", "Action": ["a:X", "a:Y"], "Resource": ["one", "two"]}]));
        assert_eq!(told(None, Some(&new)), ["`WorkerRole` may now `a:X`, `a:Y` on `one`, `two`"]);
    }
}
