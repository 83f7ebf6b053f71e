//! A template as a value: short tags written out, parameters put in, conditions decided. Only for reading; what is
//! deployed is always the rendered text itself.

mod pseudo;
mod reader;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use self::pseudo::pseudo;
use self::reader::{Reader, plain};

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

    /// The names of the parameters whose values AWS never shows.
    pub fn unseen(&self) -> impl Iterator<Item = &String> {
        let declared = self.root.get("Parameters").and_then(Value::as_object);
        let hides = |parameter: &Value| parameter.get("NoEcho").is_some_and(|it| plain(it) == "true");
        declared.into_iter().flatten().filter(move |(_, parameter)| hides(parameter)).map(|(name, _)| name)
    }

    /// The resources that exist under these values, with parameters, mappings and conditions put in.
    ///
    /// The values are those of parameters and, where they are known, of pseudo-parameters: see [`pseudo`].
    pub fn resources(&self, values: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
        self.existing("Resources", values)
    }

    /// What exists of a section under these values, with the values put in.
    pub fn existing(&self, section: &str, values: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
        let reader = Reader::new(&self.root, values);
        let all = self.root.get(section).and_then(Value::as_object);
        all.into_iter()
            .flatten()
            .filter(|(_, resource)| match resource.get("Condition").and_then(Value::as_str) {
                Some(condition) => reader.holds(condition) != Some(false),
                None => true,
            })
            .map(|(name, resource)| (name.clone(), reader.resolve(resource).unwrap_or(Value::Null)))
            .collect()
    }
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
    fn what_aws_calls_the_account_and_the_region_is_put_in_where_it_is_known() {
        let template = Template::parse(TEXT).unwrap();
        let mut values = template.values(&BTreeMap::from([("Code".to_owned(), "k".to_owned())]));
        values.extend(pseudo("arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/0"));
        assert_eq!(template.resources(&values)["Function"]["Properties"]["Name"], "small-eu-west-1");
    }

    #[test]
    fn a_parameter_that_aws_never_shows_is_known_as_such() {
        let template =
            Template::parse("Parameters: {Key: {Type: String, NoEcho: true}, Open: {Type: String}}").unwrap();
        assert_eq!(template.unseen().collect::<Vec<_>>(), ["Key"]);
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
