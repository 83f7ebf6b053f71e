//! What `dlt drift` is not to count: each entry with a reason, and with a day after which it counts again.

use dlt_model::{document::Node, fields::Fields, problem::Problem};
use jiff::civil::Date;

/// How long a reason may be.
const MAX_REASON: usize = 300;

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// The stack, by name; every stack of the environment when it is not given.
    pub stack: Option<String>,
    /// The resource, by its name in the template; or a stray thing, by its name.
    pub resource: String,
    /// The property, with everything in it; the whole resource when it is not given.
    pub property: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Date,
    /// Where it stands in the file.
    pub line: usize,
}

impl Ignore {
    /// Whether it is about this resource of this stack.
    pub fn names(&self, stack: &str, resource: &str) -> bool {
        self.stack.as_deref().is_none_or(|wanted| wanted == stack) && self.resource == resource
    }

    /// Whether it is about this place in a resource, or about the whole of it.
    pub fn covers(&self, path: &str) -> bool {
        self.property.as_deref().is_none_or(|property| {
            path.strip_prefix(property).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }
}

/// Reads `drift.ignore`.
pub(super) fn read(fields: &mut Fields<'_>) -> Vec<Ignore> {
    let Some(node) = fields.optional("drift") else { return Vec::new() };
    let Some(mut drift) = Fields::of(node, "drift", fields.problems()) else { return Vec::new() };
    let entries = drift.optional_list("ignore");
    let read = entries.into_iter().filter_map(|(path, node)| entry(node, &path, drift.problems())).collect();
    drift.finish();
    read
}

fn entry(node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<Ignore> {
    let mut fields = Fields::of(node, path, problems)?;
    let stack = fields.optional_text("stack");
    let resource = said(&mut fields, "resource", true, "the resource's name in the template");
    let property = said(&mut fields, "property", false, "the path of a property, such as `RetentionInDays`");
    let reason = said(&mut fields, "reason", true, "a reason");
    let until = until(&mut fields);
    fields.finish();
    let line = node.place.line;
    Some(Ignore { stack, resource: resource?, property, reason: reason?, until: until?, line })
}

/// Text that says something.
fn said(fields: &mut Fields<'_>, key: &'static str, required: bool, expected: &str) -> Option<String> {
    let node = if required { fields.required(key)? } else { fields.optional(key)? };
    let text = fields.optional_text(key)?;
    let length = text.trim().chars().count();
    if (1..=MAX_REASON).contains(&length) {
        return Some(text.trim().to_owned());
    }
    fields.reject(key, node, format!("expected {expected}, 1 to {MAX_REASON} characters"));
    None
}

fn until(fields: &mut Fields<'_>) -> Option<Date> {
    let node = fields.required("until")?;
    let text = fields.optional_text("until")?;
    match text.parse::<Date>() {
        Ok(date) if date.to_string() == text => Some(date),
        _ => {
            fields.reject("until", node, format!("expected a day such as `2027-01-31`, found `{text}`"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Layers};

    fn config(list: &str) -> Result<Config, String> {
        let text = format!(
            "stack: shop\nregion: eu-west-1\nadmin: {{name: chief, email: chief@example.com}}\ndrift:\n  ignore:\n{list}"
        );
        Config::read(&text, &Layers::default()).map_err(|problems| problems.to_string())
    }

    #[test]
    fn an_entry_has_a_resource_a_reason_and_a_last_day() {
        let list = "    - {resource: WorkerLogs, property: RetentionInDays, reason: audit, until: 2026-12-31}\n";
        let ignored = config(list).unwrap().ignored;
        assert_eq!((&*ignored[0].resource, &*ignored[0].reason, ignored[0].line), ("WorkerLogs", "audit", 6));
        assert_eq!(ignored[0].until.to_string(), "2026-12-31");
    }

    #[test]
    fn an_entry_without_reason_or_end_is_refused_with_its_place() {
        let problems =
            config("    - {resource: WorkerLogs}\n    - {resource: A, reason: ' ', until: soon}\n").unwrap_err();
        assert_eq!(
            problems,
            "6:7: drift.ignore[0].reason: `reason` is required\n6:7: drift.ignore[0].until: `until` is required\n\
             7:29: drift.ignore[1].reason: expected a reason, 1 to 300 characters\n\
             7:41: drift.ignore[1].until: expected a day such as `2027-01-31`, found `soon`"
        );
    }

    #[test]
    fn an_entry_is_about_one_resource_and_about_what_is_in_its_property() {
        let list = "    - {stack: shop, resource: Table, property: Tags, reason: r, until: 2026-12-31}\n";
        let ignore = &config(list).unwrap().ignored[0];
        assert!(
            ignore.names("shop", "Table") && !ignore.names("shop-regional", "Table") && !ignore.names("shop", "Tables")
        );
        for (path, expected) in [("Tags", true), ("Tags[0].Value", true), ("Tags.a", true), ("TagsToo", false)] {
            assert_eq!(ignore.covers(path), expected, "{path}");
        }
    }
}
