//! What is declared and never used: parameters, mappings, conditions.

use std::collections::HashSet;

use super::{Scope, finding::Findings, template::Section, uses::Kind};

/// Reports every parameter, mapping and condition that nothing uses.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    let used = |kinds: &[Kind]| -> HashSet<&str> {
        scope.uses.iter().filter(|found| kinds.contains(&found.kind)).map(|found| found.target).collect()
    };
    let template = scope.template;
    report(&template.parameters, "Parameters", "DLT130", &used(&[Kind::Ref, Kind::Sub]), findings);
    // A mapping whose name is computed may be any of them.
    if scope.text.contains("FindInMap") && !used(&[Kind::Map]).is_empty() || !scope.text.contains("FindInMap") {
        report(&template.mappings, "Mappings", "DLT131", &used(&[Kind::Map]), findings);
    }
    report(&template.conditions, "Conditions", "DLT132", &used(&[Kind::Condition]), findings);
}

fn report(section: &Section<'_>, title: &str, code: &'static str, used: &HashSet<&str>, findings: &mut Findings) {
    let what = title.trim_end_matches('s').to_lowercase();
    for entry in section.iter().filter(|entry| !used.contains(entry.name)) {
        let message = format!("{what} `{}` is declared but never used", entry.name);
        findings.warning(code, entry.place, format!("{title}.{}", entry.name), message);
    }
}
