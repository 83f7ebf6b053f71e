//! Which variables there are, and who asks for them: a name that nothing sets is a slip, told where it stands.

use std::collections::{BTreeMap, BTreeSet};

use super::{request::Defaults, values::text_of};
use crate::{
    condition::Condition,
    document::Node,
    expression::Function,
    problem::{Place, Problem, suggest},
    program::MetricKind,
    scenario::sources::Files,
    template::Template,
};

/// Characters of a variable's name.
const MAX_VARIABLE_LENGTH: usize = 100;

/// What is known while a scenario is read.
pub(super) struct Scope<'a> {
    /// Files beside the scenario.
    pub files: Files<'a>,
    /// What requests share.
    pub defaults: Defaults,
    /// Whether URLs have labels of their own.
    pub url_groups: bool,
    /// Steps so far, over all flows.
    pub steps: usize,
    globals: BTreeSet<String>,
    shared: Vec<Use>,
    set: BTreeSet<String>,
    inside: Vec<String>,
    uses: Vec<Use>,
    metrics: BTreeMap<String, MetricKind>,
}

/// A place that asks for a variable.
#[derive(Clone)]
struct Use {
    place: Place,
    path: String,
    name: String,
}

impl<'a> Scope<'a> {
    pub(super) fn new(files: Files<'a>) -> Self {
        Self {
            files,
            defaults: Defaults::default(),
            url_groups: false,
            steps: 0,
            globals: BTreeSet::new(),
            shared: Vec::new(),
            set: BTreeSet::new(),
            inside: Vec::new(),
            uses: Vec::new(),
            metrics: BTreeMap::new(),
        }
    }

    /// Text with holes, and what the check says to it.
    pub(super) fn template_at(
        &mut self,
        node: &Node,
        path: &str,
        problems: &mut Vec<Problem>,
        check: impl FnOnce(&Template) -> Result<(), String>,
    ) -> Option<Template> {
        let read = text_of(node).and_then(|text| self.template(text, node.place, path));
        let read = read.and_then(|template| check(&template).map(|()| template));
        read.map_err(|why| problems.push(problem(node.place, path, why))).ok()
    }

    /// Text with holes; who it asks for is remembered.
    pub(super) fn template(&mut self, text: &str, place: Place, path: &str) -> Result<Template, String> {
        let template: Template = text.parse()?;
        for name in template.variables() {
            self.note(name, place, path);
        }
        Ok(template)
    }

    /// A condition; who it asks for is remembered.
    pub(super) fn condition(&mut self, node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<Condition> {
        // Holes are so usual elsewhere that a condition in braces is understood.
        let bare = |text: &str| {
            let inside = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
            inside.filter(|inside| !inside.contains("{{")).unwrap_or(text).parse::<Condition>()
        };
        match text_of(node).and_then(bare) {
            Ok(condition) => {
                condition.variables().into_iter().for_each(|name| self.note(name, node.place, path));
                Some(condition)
            }
            Err(why) => {
                let problem = Problem::at(node.place, path, format!("not a condition: {why}"));
                let braces = node.text().is_some_and(|text| text.contains("{{"));
                let hint = "variables of a condition are written without braces, as `status == 200`";
                problems.push(if braces { problem.hint(hint) } else { problem });
                None
            }
        }
    }

    /// Somebody asks for a variable.
    pub(super) fn note(&mut self, name: &str, place: Place, path: &str) {
        if !self.inside.iter().any(|known| known == name) {
            self.uses.push(Use { place, path: path.to_owned(), name: name.to_owned() });
        }
    }

    /// A step sets this variable.
    pub(super) fn set(&mut self, name: &str) {
        self.set.insert(name.to_owned());
    }

    /// From here to the matching [`Scope::leave`] there is this variable.
    pub(super) fn enter(&mut self, name: &str) {
        self.inside.push(name.to_owned());
    }

    pub(super) fn leave(&mut self) {
        self.inside.pop();
    }

    /// A metric of this kind; the other kind when there is one of this name already.
    pub(super) fn metric(&mut self, name: &str, kind: MetricKind) -> Option<MetricKind> {
        let known = *self.metrics.entry(name.to_owned()).or_insert(kind);
        (known != kind).then_some(known)
    }

    /// A variable of every flow; `false` when there is one of this name already.
    pub(super) fn declare(&mut self, name: &str) -> bool {
        self.globals.insert(name.to_owned())
    }

    /// Tells what asks in vain, once all variables of every flow are known.
    pub(super) fn end_globals(&mut self, problems: &mut Vec<Problem>) {
        let uses = std::mem::take(&mut self.uses);
        self.tell(&uses, None, problems);
    }

    /// What asked so far is asked by every flow.
    pub(super) fn end_defaults(&mut self) {
        self.shared = std::mem::take(&mut self.uses);
    }

    /// Tells what asks in vain in a flow, and begins the next.
    pub(super) fn end_flow(&mut self, flow: Option<&str>, problems: &mut Vec<Problem>) {
        let uses = std::mem::take(&mut self.uses);
        self.tell(&uses, None, problems);
        self.tell(&self.shared, flow, problems);
        self.set.clear();
    }

    fn tell(&self, uses: &[Use], flow: Option<&str>, problems: &mut Vec<Problem>) {
        let missing = uses.iter().filter(|used| !self.globals.contains(&used.name) && !self.set.contains(&used.name));
        for Use { place, path, name } in missing {
            let flow = flow.map_or_else(String::new, |flow| format!(" in `{flow}`"));
            let problem = Problem::at(*place, path, format!("nothing sets the variable `{name}`{flow}"));
            let problem = problem.hint(self.cure(name));
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }

    fn cure(&self, name: &str) -> String {
        if Function::names().any(|function| function == name) {
            return format!("the function is written `{name}(…)`");
        }
        if name == "index" {
            return "`index` counts inside a `loop`".to_owned();
        }
        match suggest(name, self.globals.iter().chain(&self.set).map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "set it by `variables`, `data`, `secrets`, `set` or `extract`".to_owned(),
        }
    }
}

/// A problem of a template; what other tools would have understood gets its cure.
fn problem(place: Place, path: &str, why: String) -> Problem {
    let dollar = why.contains("found `$`");
    let problem = Problem::at(place, path, why);
    if dollar { problem.hint("functions and variables are written without `$`, as `{{ uuid() }}`") } else { problem }
}

/// A name as expressions read it, or what is wrong with it.
pub(super) fn variable(text: &str) -> Result<String, String> {
    let begins = text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let goes_on = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if begins && goes_on && text.chars().count() <= MAX_VARIABLE_LENGTH {
        return Ok(text.to_owned());
    }
    let shown: String = text.chars().take(MAX_VARIABLE_LENGTH).flat_map(char::escape_debug).collect();
    Err(format!(
        "`{shown}` cannot be a variable: expected a letter, then at most {} letters, digits, `_`, `-` and `.`",
        MAX_VARIABLE_LENGTH - 1
    ))
}
