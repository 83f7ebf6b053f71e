//! What lies over an environment file: `DLT_*` variables, and flags over those. And what lies beneath it: the region that
//! AWS's own tools would take, for a file that names none.
//!
//! Every value of a layer is put into the file's tree at a place beyond any line of a text, so the reader sees one
//! document and problems and origins still know whom to name.

use dlt_model::{
    document::{Key, Node, Value},
    problem::{Place, Problem, suggest},
};

use super::{
    origin::Origin,
    table::{self, Field, Kind},
};

/// `DLT_*` variables that are read elsewhere and say nothing about an environment.
pub const OTHER_VARIABLES: &[&str] = &[
    "DLT_ALIAS",
    "DLT_API_HOST",
    "DLT_BASELINE",
    "DLT_BASELINE_GROWTH",
    "DLT_BINARY",
    "DLT_BUCKET",
    "DLT_DEADLINE",
    "DLT_ENV",
    "DLT_HUB_REGION",
    "DLT_LIVE",
    "DLT_LOG",
    "DLT_PIPELINE_CONNECTION",
    "DLT_PIPELINE_REPOSITORY",
    "DLT_RELEASE",
    "DLT_REPORTS",
    "DLT_ROLE",
    "DLT_RUN_FOLDER",
    "DLT_STATE_MACHINE_ARN",
    "DLT_TABLE",
];

/// Lines of a text are below this, places of layers are not.
const BEYOND_LINES: usize = usize::MAX / 2;

/// Values over the file's, weakest first.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

#[derive(Clone, Debug)]
struct Entry {
    field: &'static Field,
    key: String,
    text: String,
    origin: Origin,
    beneath: bool,
}

impl Layers {
    /// The variables of an environment and the flags of a command line. Variables without the prefix `DLT_` are ignored.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>, sets: &[String]) -> Self {
        let mut layers = Self::default();
        let mut variables: Vec<_> = variables.into_iter().filter(|(name, _)| name.starts_with("DLT_")).collect();
        variables.sort();
        for (name, text) in variables {
            layers.add_variable(name, text);
        }
        for set in sets {
            layers.add_flag(set);
        }
        layers
    }

    /// The same layers with a region beneath the file.
    #[must_use]
    pub fn with_region(mut self, region: Option<(String, Origin)>) -> Self {
        let field = table::find("region").expect("it is a setting: see table::FIELDS");
        let entry =
            region.map(|(text, origin)| Entry { field, key: field.key.to_owned(), text, origin, beneath: true });
        self.entries.extend(entry);
        self
    }

    /// The same layers with a flag over them, as `key=value`.
    #[must_use]
    pub fn with_flag(mut self, set: &str) -> Self {
        self.add_flag(set);
        self
    }

    fn add_variable(&mut self, name: String, text: String) {
        if OTHER_VARIABLES.contains(&name.as_str()) {
            return;
        }
        let known: Vec<(String, &Field)> =
            table::FIELDS.iter().filter_map(|field| Some((table::variable(field)?, field))).collect();
        match known.iter().find(|(variable, _)| *variable == name) {
            Some((_, field)) => {
                let origin = Origin::Variable { name };
                self.entries.push(Entry { field, key: field.key.to_owned(), text, origin, beneath: false });
            }
            None => {
                let problem = Problem::of("", format!("unknown variable `{name}`"));
                let names = known.iter().map(|(variable, _)| variable.as_str());
                self.problems.push(hinted(problem, suggest(&name, names)));
            }
        }
    }

    fn add_flag(&mut self, set: &str) {
        let Some((key, text)) = set.split_once('=') else {
            self.problems.push(Problem::of("", format!("expected `--set key=value`, found `--set {set}`")));
            return;
        };
        match table::find(key) {
            Some(field) => {
                let (key, text, origin) = (key.to_owned(), text.to_owned(), Origin::Flag);
                self.entries.push(Entry { field, key, text, origin, beneath: false });
            }
            None => {
                let problem = Problem::of("", format!("unknown setting `{key}` given by --set"));
                let known = table::FIELDS.iter().map(|field| field.key);
                self.problems.push(hinted(problem, suggest(key, known)));
            }
        }
    }

    /// Puts the layers over a document, the strongest last.
    pub(super) fn apply(&self, root: &mut Node) {
        for (index, entry) in self.entries.iter().enumerate() {
            let place = Place { line: BEYOND_LINES + index, column: 1 };
            let path: Vec<&str> = match entry.field.kind {
                // What follows the first dot is one key, whatever is in it.
                Kind::Map => entry.key.splitn(2, '.').collect(),
                _ => entry.key.split('.').collect(),
            };
            let said = || path.iter().try_fold(&*root, |node, key| node.get(key)).is_some_and(|node| !node.is_null());
            // Nothing is put beneath what is no environment file at all.
            if !entry.beneath || !(root.entries().is_empty() || said()) {
                put(root, &path, value(entry, place));
            }
        }
    }

    /// Who gave the value that stands at a place.
    pub(super) fn origin(&self, place: Place) -> Origin {
        match place.line.checked_sub(BEYOND_LINES).and_then(|index| self.entries.get(index)) {
            Some(entry) => entry.origin.clone(),
            None => Origin::File { line: place.line },
        }
    }

    /// Problems of the layers themselves, and those of a document with the layers' places put into words.
    pub(super) fn explain(&self, found: Vec<Problem>) -> Vec<Problem> {
        let found = found.into_iter().map(|mut problem| {
            if let Some(place) = problem.place.filter(|place| place.line >= BEYOND_LINES) {
                problem.message = format!("{}, given by {}", problem.message, self.origin(place));
                problem.place = None;
            }
            problem
        });
        self.problems.iter().cloned().chain(found).collect()
    }
}

fn hinted(problem: Problem, known: Option<&str>) -> Problem {
    match known {
        Some(known) => problem.hint(format!("did you mean `{known}`?")),
        None => problem.hint("`dlt config` lists the settings"),
    }
}

fn value(entry: &Entry, place: Place) -> Node {
    let scalar = |text: &str| Node {
        place,
        tag: None,
        value: Value::Scalar { text: text.trim().to_owned(), plain: !matches!(entry.field.kind, Kind::Map) },
    };
    match entry.field.kind {
        Kind::List(..) => {
            let items = entry.text.split(',').filter(|item| !item.trim().is_empty()).map(scalar).collect();
            Node { place, tag: None, value: Value::Sequence(items) }
        }
        _ => scalar(&entry.text),
    }
}

/// Sets a value below a mapping, making the mappings on the way. What is no mapping stays: the reader will say so.
fn put(node: &mut Node, path: &[&str], leaf: Node) {
    let Some((first, rest)) = path.split_first() else {
        *node = leaf;
        return;
    };
    let place = leaf.place;
    if node.is_null() {
        node.value = Value::Mapping(Vec::new());
    }
    let Value::Mapping(entries) = &mut node.value else { return };
    let index = entries.iter().position(|(key, _)| key.text == *first).unwrap_or_else(|| {
        let empty = Node { place, tag: None, value: Value::Mapping(Vec::new()) };
        entries.push((Key { place, text: (*first).to_owned() }, empty));
        entries.len() - 1
    });
    put(&mut entries[index].1, rest, leaf);
}
