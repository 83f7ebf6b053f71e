//! What the checker has to say: one thing wrong, where it stands, and what to write instead.

use dlt_model::problem::Place;
use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The template must not be deployed like this.
    Error,
    /// Probably a mistake.
    Warning,
    /// Good to know; never counted.
    Note,
}

impl Severity {
    /// The word that a person reads.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that the checker found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Its stable name, such as `DLT101`.
    pub code: &'static str,
    /// Where it stands in the checked text.
    pub place: Place,
    /// The keys that lead there, as `Resources.Table.Properties.KeySchema`; empty for the whole template.
    pub path: String,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// The logical id of the resource in which it was found.
    pub fn resource(&self) -> Option<&str> {
        self.path.strip_prefix("Resources.").and_then(|rest| rest.split(['.', '[']).next())
    }
}

/// Findings while they are being made.
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Something that must not be deployed.
    pub fn error(
        &mut self,
        code: &'static str,
        place: Place,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(Severity::Error, code, place, path.into(), message.into())
    }

    /// Something that is probably a mistake.
    pub fn warning(
        &mut self,
        code: &'static str,
        place: Place,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(Severity::Warning, code, place, path.into(), message.into())
    }

    /// Something good to know.
    pub fn note(
        &mut self,
        code: &'static str,
        place: Place,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(Severity::Note, code, place, path.into(), message.into())
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        place: Place,
        path: String,
        message: String,
    ) -> &mut Finding {
        self.list.push(Finding { severity, code, place, path, message, hint: None });
        self.list.last_mut().expect("one was pushed just now")
    }

    /// All of them, in the order of the text.
    pub fn into_vec(mut self) -> Vec<Finding> {
        self.list.sort_by(|a, b| (a.place, a.code, &a.path).cmp(&(b.place, b.code, &b.path)));
        self.list.dedup();
        self.list
    }

    /// Keeps only those that the judge keeps.
    pub fn retain(&mut self, judge: impl FnMut(&Finding) -> bool) {
        self.list.retain(judge);
    }
}

impl Finding {
    /// Adds what to try.
    pub fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }

    /// Adds what to try, when there is something.
    pub fn maybe(&mut self, hint: Option<String>) {
        self.hint = hint;
    }
}

/// The known word that a person probably meant, as a question.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().min(word.len()) / 3).max(1))
        .min()
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}
