//! The policies of a pipeline's roles, as its template gives them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    config::Config,
    deploy::template::Template,
    exit::Exit,
    failure::Failure,
    render::{self, Stages},
};

/// The policies of every role of the template, by the role's name in it, with these values put in.
///
/// # Errors
/// A template that cannot be rendered or read, which is a fault of ours.
pub fn policies(config: &Config, stages: Stages, values: &BTreeMap<String, String>) -> Result<Value, Failure> {
    let fault = |why: String| Failure::new(Exit::Internal, format!("failed to read the pipeline template: {why}"));
    let rendered = render::render_pipeline(config, stages).map_err(|error| fault(error.to_string()))?;
    let template = Template::parse(&rendered.text).map_err(fault)?;
    // Besides the parameters there are what AWS calls the account, the region and the partition.
    let values = values.clone().into_iter().chain(template.values(values)).collect();
    let resources = template.resources(&values);
    let roles = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role");
    let one = |(name, role): (&String, &Value)| {
        let statements = role["Properties"]["Policies"].as_array().into_iter().flatten();
        let statements: Vec<&Value> =
            statements.flat_map(|it| it["PolicyDocument"]["Statement"].as_array().into_iter().flatten()).collect();
        let mut shown = json!({"Version": "2012-10-17", "Statement": statements});
        let besides = &role["Properties"]["ManagedPolicyArns"];
        if !besides.is_null() {
            shown = json!({"Policy": shown, "ManagedPolicies": besides});
        }
        (name.clone(), shown)
    };
    Ok(roles.map(one).collect::<serde_json::Map<_, _>>().into())
}
