//! Minijinja with delimiters that leave CloudFormation's own alone, strict about what is undefined, writing YAML.
//!
//! `${{ … }}` writes a value, always quoted when it is text, so it fills its whole place. `#% … %#` steers and `#| … |#`
//! says something to the template's reader; both are comments to an editor of YAML.

use std::sync::LazyLock;

use dlt_model::id::Region;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, syntax::SyntaxConfig,
    value::ValueKind,
};

use super::{Part, Rendered, Stages, context, source};
use crate::config::Config;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$((concat!("templates/", $name, ".yaml.j2"), include_str!(concat!("../../templates/", $name, ".yaml.j2")))),+]
    };
}

/// Every template file by its path in the repository.
static FILES: [(&str, &str); 23] = files![
    "foundation",
    "main",
    "regional",
    "pipeline",
    "pipeline-step",
    "pipeline-events",
    "parameters",
    "network",
    "engine",
    "metrics",
    "alarms",
    "data",
    "api",
    "function",
    "records",
    "fleet",
    "orchestration",
    "events",
    "forward",
    "identity",
    "live",
    "console",
    "observability",
];

/// Every template file of this program, as it stands in the repository.
pub fn sources() -> &'static [(&'static str, &'static str)] {
    &FILES
}

/// A template that could not be rendered. The templates are part of the program, so this is a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("failed to render the {part} template at {place}")]
pub struct RenderError {
    part: &'static str,
    place: String,
    #[source]
    source: Error,
}

/// Renders a template for a region. The same configuration gives the same bytes.
///
/// # Errors
/// Only when a template refers to something that does not exist.
pub fn render(part: Part, config: &Config, region: &Region) -> Result<Rendered, RenderError> {
    rendered(part, config, region, None, Stages::default())
}

/// The same for an account that is known: names of what is kept stand in it as plain text, because CloudFormation takes
/// back what outlived an earlier stack only by such a name.
///
/// # Errors
/// Only when a template refers to something that does not exist.
pub fn render_for(account: &str, part: Part, config: &Config, region: &Region) -> Result<Rendered, RenderError> {
    rendered(part, config, region, Some(account), Stages::default())
}

/// Renders the template of a pipeline with these stages.
///
/// # Errors
/// Only when a template refers to something that does not exist.
pub fn render_pipeline(config: &Config, stages: Stages) -> Result<Rendered, RenderError> {
    rendered(Part::Pipeline, config, &config.region, None, stages)
}

fn rendered(
    part: Part,
    config: &Config,
    region: &Region,
    account: Option<&str>,
    stages: Stages,
) -> Result<Rendered, RenderError> {
    let failed = |source: Error| RenderError { part: part.word(), place: place(&source), source };
    let environment = ENVIRONMENT.as_ref().map_err(|error| failed(Error::new(error.kind(), error.to_string())))?;
    let template = environment.get_template(file(part)).map_err(failed)?;
    let marked = template.render(context::of(part, config, region, account, stages)).map_err(failed)?;
    let (text, source) = source::SourceMap::unmark(&marked, &FILES);
    Ok(Rendered { part, text, source })
}

fn file(part: Part) -> &'static str {
    match part {
        Part::Foundation => "templates/foundation.yaml.j2",
        Part::Main => "templates/main.yaml.j2",
        Part::Regional => "templates/regional.yaml.j2",
        Part::Pipeline => "templates/pipeline.yaml.j2",
    }
}

fn place(error: &Error) -> String {
    let file = error.name().unwrap_or("templates");
    error.line().map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
}

/// Parsed once; rendering only reads it.
static ENVIRONMENT: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .variable_delimiters("${{", "}}")
            .block_delimiters("#%", "%#")
            .comment_delimiters("#|", "|#")
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()?,
    );
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("yaml".into()));
    environment.set_formatter(write_yaml);
    for (index, (name, text)) in FILES.iter().enumerate() {
        environment.add_template_owned(*name, source::mark(index, text))?;
    }
    Ok(environment)
});

/// Text in JSON's quotes, which YAML reads the same way, so that no text is ever taken for a number or a boolean.
fn write_yaml(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_safe() {
        return minijinja::escape_formatter(out, state, value);
    }
    out.write_str(&yaml(value)?).map_err(|_| Error::new(ErrorKind::WriteFailure, "the text could not be written"))
}

fn yaml(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::String => Ok(serde_json::Value::from(value.as_str().unwrap_or_default()).to_string()),
        // The engine itself would write `True`.
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::Number => Ok(value.to_string()),
        ValueKind::Seq => {
            let items: Vec<String> = value.try_iter()?.map(|item| yaml(&item)).collect::<Result<_, _>>()?;
            Ok(format!("[{}]", items.join(", ")))
        }
        kind => Err(Error::new(ErrorKind::InvalidOperation, format!("{kind} has no place in a template"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_model::document;

    #[test]
    fn text_stays_the_same_text_whatever_it_looks_like() {
        for text in
            ["yes", "12:30:45", "1_000", "", "a: \"b\" #c", "two\nlines", "é\u{2028}\t", "!Ref x", "{{resolve:ssm:x}}"]
        {
            let written = yaml(&Value::from(text)).unwrap();
            let read = document::parse(&format!("key: {written}\n")).unwrap();
            assert_eq!(read.get("key").and_then(document::Node::text), Some(text), "{written}");
            assert!(written.starts_with('"'), "{written} could be read as something else");
        }
    }

    #[test]
    fn numbers_and_lists_are_written_as_yaml_and_nothing_is_an_error() {
        assert_eq!(yaml(&Value::from(90)).unwrap(), "90");
        assert_eq!(yaml(&Value::from(true)).unwrap(), "true");
        assert_eq!(yaml(&Value::from(vec!["a", "b"])).unwrap(), "[\"a\", \"b\"]");
        assert!(yaml(&Value::from(())).is_err());
    }
}
