//! The main stack as a Terraform module: the template goes to a storage bucket, CloudFormation makes the stack from there, and
//! every id that a job needs is an output.

use std::collections::BTreeMap;

use serde_yaml::Value;

use super::{
    hcl::{Block, quoted},
    shipped::{self, Shipped},
};

/// Versions of Terraform and of its AWS provider that the module is written for.
const TERRAFORM: &str = ">= 1.5.0, < 2.0.0";
const PROVIDER: &str = ">= 5.60.0, < 7.0.0";
/// What the template is called in the module.
pub const TEMPLATE: &str = "main.template.yaml";

/// What a module is made of.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The stack's name.
    pub stack: &'a str,
    /// Its region.
    pub region: &'a str,
    /// The rendered template.
    pub template: &'a str,
    /// Values of parameters that the environment's file says.
    pub values: &'a BTreeMap<String, String>,
    /// The stack's tags.
    pub tags: &'a BTreeMap<String, String>,
    /// The release that lies in the module, if one does.
    pub shipped: Option<&'a Shipped>,
}

/// The files of the module, by name.
///
/// # Errors
/// When the template cannot be read.
pub fn module(source: &Source<'_>) -> Result<BTreeMap<&'static str, String>, serde_yaml::Error> {
    let template: Value = serde_yaml::from_str(source.template)?;
    let mut files: BTreeMap<&'static str, String> = [
        (TEMPLATE, source.template.to_owned()),
        ("versions.tf", versions()),
        ("variables.tf", variables(source, &template)),
        ("main.tf", main(source, &template)),
        ("outputs.tf", outputs(&template)),
    ]
    .into();
    files.extend(source.shipped.map(|shipped| (shipped::FOUNDATION, shipped.foundation.clone())));
    Ok(files)
}

/// The entries of a section, in the template's order.
fn section<'a>(template: &'a Value, name: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let entries = template.get(name).and_then(Value::as_mapping);
    entries.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str()?, value)))
}

fn versions() -> String {
    let provider = vec![("source".to_owned(), quoted("hashicorp/aws")), ("version".to_owned(), quoted(PROVIDER))];
    let providers = Block::new("required_providers").map("aws", provider);
    Block::new("terraform").with("required_version", quoted(TERRAFORM)).inside(providers).text()
}

/// A variable for each parameter, under its name, and one for the bucket; none for what the module itself knows. What the environment's file says is the default.
fn variables(source: &Source<'_>, template: &Value) -> String {
    let bucket = Block::new("variable \"StorageBucket\"")
        .with("type", "string")
        .with("description", quoted("A bucket of this region that CloudFormation may read the template from."));
    let known = |name: &str| source.shipped.is_some_and(|shipped| shipped.parameter(name).is_some());
    let parameters = section(template, "Parameters").filter(|(name, _)| !known(name)).map(|(name, parameter)| {
        let text = |key: &str| parameter.get(key).and_then(Value::as_str);
        let block = Block::new(format!("variable {}", quoted(name)))
            .with("type", "string")
            .with("description", quoted(text("Description").unwrap_or(name)));
        match source.values.get(name).map(String::as_str).or_else(|| text("Default")) {
            Some(default) => block.with("default", quoted(default)),
            None => block,
        }
    });
    // A module with a release makes its bucket itself.
    let bucket = source.shipped.is_none().then_some(bucket);
    let blocks: Vec<String> = bucket.into_iter().chain(parameters).map(|block| block.text()).collect();
    blocks.join("\n")
}

fn main(source: &Source<'_>, template: &Value) -> String {
    let file = format!("${{path.module}}/{TEMPLATE}");
    let key = format!("{}/${{filemd5(\"{file}\")}}.template.yaml", source.stack);
    let bucket = source.shipped.map_or("var.StorageBucket", |_| shipped::BUCKET);
    let object = Block::new("resource \"aws_s3_object\" \"template\"")
        .with("bucket", bucket)
        .with("key", format!("\"{key}\""))
        .with("source", format!("\"{file}\""))
        .with("content_type", quoted("application/yaml"));
    let url = "\"https://${aws_s3_object.template.bucket}.s3.${data.aws_region.here.name}.${data.aws_partition.here.dns_suffix}/${aws_s3_object.template.key}\"";
    let value = |name: &str| source.shipped.and_then(|shipped| shipped.parameter(name));
    let given = |name: &str| (name.to_owned(), value(name).unwrap_or_else(|| format!("var.{name}")));
    let parameters = section(template, "Parameters").map(|(name, _)| given(name)).collect();
    let stack = Block::new("resource \"aws_cloudformation_stack\" \"main\"")
        .with("name", quoted(source.stack))
        .with("template_url", url)
        .with("capabilities", "[\"CAPABILITY_NAMED_IAM\"]")
        .map("parameters", parameters);
    let tags: Vec<(String, String)> = source.tags.iter().map(|(key, value)| (quoted(key), quoted(value))).collect();
    let stack = if tags.is_empty() { stack } else { stack.map("tags", tags.clone()) };
    let stack = match source.shipped {
        Some(shipped) => stack.with("depends_on", shipped.before_main()),
        None => stack,
    };
    let before = source.shipped.map(|shipped| shipped.resources(source.stack, &tags)).unwrap_or_default();
    let here = ["aws_region", "aws_partition"].map(|kind| format!("data \"{kind}\" \"here\" {{}}\n"));
    // A key that names the content makes a new template a new address, which CloudFormation notices.
    let head = format!(
        "# The environment `{}` for {}, as `dlt export terraform` wrote it; another export replaces this file.\n",
        source.stack, source.region
    );
    let resources = before.into_iter().chain([object.text(), stack.text()]);
    [head, here.join("\n")].into_iter().chain(resources).collect::<Vec<_>>().join("\n")
}

/// Every output of the template; one that a condition left out is null.
fn outputs(template: &Value) -> String {
    let blocks = section(template, "Outputs").map(|(name, output)| {
        let description = output.get("Description").and_then(Value::as_str).unwrap_or(name);
        Block::new(format!("output {}", quoted(name)))
            .with("description", quoted(description))
            .with("value", format!("try(aws_cloudformation_stack.main.outputs[{}], null)", quoted(name)))
            .text()
    });
    blocks.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_a_variable_of_the_same_name_and_an_output_is_an_output() {
        let template = "Parameters:\n  Size: {Type: String, Description: 'How ${large}.', Default: small}\n  Name: {Type: String}\n\
                        Outputs:\n  Id: {Description: The id., Value: !Ref Thing}\n";
        let (values, tags) =
            ([("Name".to_owned(), "shop".to_owned())].into(), [("team".to_owned(), "a".to_owned())].into());
        let source =
            Source { stack: "dlt-shop", region: "eu-west-1", template, values: &values, tags: &tags, shipped: None };
        let files = module(&source).expect("a template");
        assert_eq!(files[TEMPLATE], template);
        insta::assert_snapshot!(
            [&*files["variables.tf"], &files["main.tf"], &files["outputs.tf"], &files["versions.tf"]].join("\n")
        );
    }
}
