//! A template as a value: short tags written out, parameters put in, conditions decided. Only for reading; what is
//! deployed is always the rendered text itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A template that can be compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    root: Map<String, Value>,
}

impl Template {
    /// Reads a template, in YAML or JSON.
    pub fn parse(text: &str) -> Result<Self, String> {
        let yaml: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        match written_out(yaml) {
            Value::Object(root) => Ok(Self { root }),
            _ => Err("a template is a mapping".to_owned()),
        }
    }

    /// A section, such as `Outputs`.
    pub fn section(&self, name: &str) -> Option<&Value> {
        self.root.get(name)
    }

    /// The values of all its parameters: what is given, else the default.
    pub fn values(&self, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let declared = self.root.get("Parameters").and_then(Value::as_object);
        let value_of = |name: &String, parameter: &Value| {
            given.get(name).cloned().or_else(|| parameter.get("Default").map(plain)).unwrap_or_default()
        };
        declared.into_iter().flatten().map(|(name, parameter)| (name.clone(), value_of(name, parameter))).collect()
    }

    /// The resources that exist under these parameter values, with parameters put in.
    pub fn resources(&self, values: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
        let reader = Reader { values, conditions: self.root.get("Conditions").and_then(Value::as_object) };
        let all = self.root.get("Resources").and_then(Value::as_object);
        all.into_iter()
            .flatten()
            .filter(|(_, resource)| match resource.get("Condition").and_then(Value::as_str) {
                Some(condition) => reader.holds(condition, DEEPEST) != Some(false),
                None => true,
            })
            .map(|(name, resource)| (name.clone(), reader.resolve(resource).unwrap_or(Value::Null)))
            .collect()
    }
}

/// How many conditions may build on one another before we stop believing that they end.
const DEEPEST: usize = 32;

struct Reader<'a> {
    values: &'a BTreeMap<String, String>,
    conditions: Option<&'a Map<String, Value>>,
}

impl Reader<'_> {
    /// The value with everything put in that is known before deploying. Nothing for `AWS::NoValue`.
    fn resolve(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Object(object) => match single(object) {
                Some(("Ref", Value::String(name))) if name == "AWS::NoValue" => None,
                Some(("Ref", Value::String(name))) => {
                    Some(self.values.get(name).map_or_else(|| value.clone(), |known| json!(known)))
                }
                Some(("Fn::If", Value::Array(parts))) if parts.len() == 3 => self.choose(value, parts),
                Some(("Fn::Sub", Value::String(text))) => Some(self.substitute(text)),
                _ => Some(Value::Object(
                    object.iter().filter_map(|(key, inner)| Some((key.clone(), self.resolve(inner)?))).collect(),
                )),
            },
            Value::Array(items) => Some(items.iter().filter_map(|item| self.resolve(item)).collect()),
            other => Some(other.clone()),
        }
    }

    fn choose(&self, whole: &Value, parts: &[Value]) -> Option<Value> {
        match parts[0].as_str().and_then(|condition| self.holds(condition, DEEPEST)) {
            Some(true) => self.resolve(&parts[1]),
            Some(false) => self.resolve(&parts[2]),
            None => Some(whole.clone()),
        }
    }

    fn substitute(&self, text: &str) -> Value {
        let mut text = text.to_owned();
        for (name, value) in self.values {
            text = text.replace(&format!("${{{name}}}"), value);
        }
        if text.contains("${") { json!({ "Fn::Sub": text }) } else { json!(text) }
    }

    /// Whether a condition holds, where that can be told.
    fn holds(&self, condition: &str, depth: usize) -> Option<bool> {
        self.decide(self.conditions?.get(condition)?, depth.checked_sub(1)?)
    }

    fn decide(&self, expression: &Value, depth: usize) -> Option<bool> {
        let (function, argument) = single(expression.as_object()?)?;
        match (function, argument) {
            ("Condition", Value::String(name)) => self.holds(name, depth),
            ("Fn::Not", Value::Array(parts)) => self.decide(parts.first()?, depth).map(|held| !held),
            ("Fn::And", Value::Array(parts)) => self.every(parts, depth, false),
            ("Fn::Or", Value::Array(parts)) => self.every(parts, depth, true),
            ("Fn::Equals", Value::Array(parts)) => {
                let (left, right) = (self.resolve(parts.first()?)?, self.resolve(parts.get(1)?)?);
                (!left.is_object() && !right.is_object()).then(|| plain(&left) == plain(&right))
            }
            _ => None,
        }
    }

    /// "And" when `wanted` is false, "or" when it is true: one part that is as wanted decides.
    fn every(&self, parts: &[Value], depth: usize, wanted: bool) -> Option<bool> {
        let decided: Vec<Option<bool>> = parts.iter().map(|part| self.decide(part, depth)).collect();
        if decided.contains(&Some(wanted)) {
            return Some(wanted);
        }
        decided.into_iter().collect::<Option<Vec<_>>>().map(|_| !wanted)
    }
}

fn single(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    match object.len() {
        1 => object.iter().next().map(|(key, value)| (key.as_str(), value)),
        _ => None,
    }
}

/// A scalar as CloudFormation sees parameter values: as text.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// YAML with short tags as JSON with function names.
fn written_out(yaml: serde_yaml::Value) -> Value {
    use serde_yaml::Value as Yaml;
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => json!(flag),
        Yaml::Number(number) => serde_json::to_value(number).unwrap_or(Value::Null),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => items.into_iter().map(written_out).collect(),
        Yaml::Mapping(mapping) => Value::Object(
            mapping.into_iter().map(|(key, value)| (plain(&written_out(key)), written_out(value))).collect(),
        ),
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            function(tag.trim_start_matches('!'), written_out(tagged.value))
        }
    }
}

fn function(tag: &str, argument: Value) -> Value {
    match (tag, argument) {
        ("Ref" | "Condition", argument) => json!({ tag: argument }),
        ("GetAtt", Value::String(path)) => match path.split_once('.') {
            Some((resource, attribute)) => json!({ "Fn::GetAtt": [resource, attribute] }),
            None => json!({ "Fn::GetAtt": [path] }),
        },
        (tag, argument) => json!({ format!("Fn::{tag}"): argument }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r"
Parameters:
  Size: { Type: String, Default: small }
  Code: { Type: String }
Conditions:
  Big: !Equals [!Ref Size, big]
  Small: !Not [!Condition Big]
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Role: !GetAtt Role.Arn
      Code: { S3Key: !Ref Code }
      Name: !Sub ${Size}-${AWS::Region}
      Memory: !If [Big, 1024, !Ref AWS::NoValue]
  Extra: { Type: AWS::SNS::Topic, Condition: Big }
";

    fn resources(size: &str) -> BTreeMap<String, Value> {
        let template = Template::parse(TEXT).unwrap();
        let given = BTreeMap::from([("Code".to_owned(), "k".to_owned()), ("Size".to_owned(), size.to_owned())]);
        template.resources(&template.values(&given))
    }

    #[test]
    fn parameters_are_put_in_and_what_only_aws_knows_stays() {
        let properties = &resources("small")["Function"]["Properties"];
        assert_eq!(properties["Code"]["S3Key"], "k");
        assert_eq!(properties["Name"], json!({"Fn::Sub": "small-${AWS::Region}"}));
        assert_eq!(properties["Role"], json!({"Fn::GetAtt": ["Role", "Arn"]}));
        assert_eq!(properties.get("Memory"), None);
    }

    #[test]
    fn conditions_decide_which_resources_and_values_there_are() {
        assert!(!resources("small").contains_key("Extra"));
        assert!(resources("big").contains_key("Extra"));
        assert_eq!(resources("big")["Function"]["Properties"]["Memory"], 1024);
    }

    #[test]
    fn a_parameter_that_is_not_given_has_its_default() {
        let template = Template::parse(TEXT).unwrap();
        assert_eq!(template.values(&BTreeMap::new())["Size"], "small");
    }

    #[test]
    fn conditions_that_chase_each_other_end() {
        let text = "Conditions: {A: !Not [!Condition B], B: !Not [!Condition A]}\nResources: {R: {Condition: A}}";
        assert!(Template::parse(text).unwrap().resources(&BTreeMap::new()).contains_key("R"));
    }

    #[test]
    fn what_is_no_template_is_an_error() {
        assert!(Template::parse("- 1").is_err());
        assert!(Template::parse("a: [").is_err());
    }
}
