//! Whether a call's message fits its type, as far as that does not depend on variables.

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value as Json};

use crate::template::Template;

/// Stands in for every variable, once the one and once the other: what differs then depends on a variable.
const PROBES: [&str; 2] = ["1", "2"];

/// Why the message cannot be of the type that the method takes; nothing when it can, or when only a run can tell.
pub fn misfit(descriptors: &[u8], method: &str, message: &Template) -> Option<String> {
    let input = input_of(descriptors, method)?;
    let [one, other] = PROBES.map(|probe| message.render(|_| probe.to_owned()).into_owned());
    let read = |text: &str| match text.trim() {
        "" => Ok(Json::Object(Map::new())),
        text => serde_json::from_str(text),
    };
    let fixed = match (read(&one), read(&other)) {
        (Ok(one), Ok(other)) => common(one, other, Some(&input))?,
        // Variables may hold more than values, such as a whole part of the message.
        (Err(error), _) if message.as_literal().is_some() => return Some(format!("it is not JSON: {error}")),
        _ => return None,
    };
    let name = input.full_name().to_owned();
    DynamicMessage::deserialize(input, fixed).err().map(|error| format!("it is no `{name}`: {error}"))
}

fn input_of(descriptors: &[u8], method: &str) -> Option<MessageDescriptor> {
    let pool = DescriptorPool::decode(descriptors).ok()?;
    let (service, name) = method.split_once('/')?;
    let service = pool.services().find(|found| found.full_name() == service)?;
    service.methods().find(|found| found.name() == name).map(|method| method.input())
}

/// What is the same in both. A field whose value is not is still named, so that its name is looked at.
fn common(one: Json, other: Json, kind: Option<&MessageDescriptor>) -> Option<Json> {
    match (one, other) {
        (Json::Object(one), Json::Object(mut other)) => {
            let is_map = kind.is_some_and(MessageDescriptor::is_map_entry);
            let both = one.into_iter().filter_map(|(name, value)| {
                let inner = kind.and_then(|kind| kind_of(kind, &name));
                match common(value, other.remove(&name)?, inner.as_ref()) {
                    Some(value) => Some((name, value)),
                    None if is_map => None,
                    None => Some((name, Json::Null)),
                }
            });
            Some(Json::Object(both.collect()))
        }
        (Json::Array(one), Json::Array(other)) => {
            Some(Json::Array(one.into_iter().zip(other).filter_map(|(one, other)| common(one, other, kind)).collect()))
        }
        (one, other) => (one == other).then_some(one),
    }
}

/// The type of a field, or of a map's values, if it is a message.
fn kind_of(kind: &MessageDescriptor, name: &str) -> Option<MessageDescriptor> {
    let field = match kind.is_map_entry() {
        true => kind.map_entry_value_field(),
        false => kind.get_field_by_json_name(name).or_else(|| kind.get_field_by_name(name))?,
    };
    field.kind().as_message().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTO: &str = r#"
        syntax = "proto3";
        package shop;
        message Line { string item = 1; int32 count = 2; }
        message Order { string customer = 1; repeated Line lines = 2; map<string, int32> marks = 3; bool is_gift = 4; }
        service Shop { rpc Place(Order) returns (Order); }
    "#;

    fn misfit_of(message: &str) -> Option<String> {
        let file = protox::file::File::from_source("shop.proto", PROTO).expect("valid");
        let set = prost_reflect::prost_types::FileDescriptorSet { file: vec![file.file_descriptor_proto().clone()] };
        let descriptors = prost_reflect::prost::Message::encode_to_vec(&set);
        misfit(&descriptors, "shop.Shop/Place", &message.parse().expect("a template"))
    }

    #[test]
    fn what_no_variable_can_change_is_held_against_the_type() {
        for (message, word) in [
            (r#"{"custommer": "Ann"}"#, "custommer"),
            (r#"{"custommer": "{{ name }}"}"#, "custommer"),
            (r#"{"lines": [{"item": "{{ item }}", "count": "many"}]}"#, "digit"),
            (r#"{"lines": [{"itemm": "{{ item }}"}]}"#, "itemm"),
            (r#"{"isGift": "yes"}"#, "yes"),
            (r#"{"customer": "Ann""#, "not JSON"),
            (r#"["Ann"]"#, "shop.Order"),
        ] {
            let why = misfit_of(message).unwrap_or_else(|| panic!("{message} is refused"));
            assert!(why.contains(word), "{message}: {why}");
        }
    }

    #[test]
    fn what_a_variable_may_hold_is_left_to_the_run() {
        for message in [
            "",
            "{}",
            r#"{"customer": "{{ name }}", "lines": [{"item": "pen", "count": {{ count }}}, {{ more }}]}"#,
            r#"{"customer": {{ name }}, "is_gift": {{ gift }}, "marks": {"{{ mark }}": 1, "sure": {{ a }}{{ b }}}}"#,
            "{{ whole }}",
            r#"{"customer": "Ann" {{ rest }}}"#,
        ] {
            assert_eq!(misfit_of(message), None, "{message}");
        }
    }
}
