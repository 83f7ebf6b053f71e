//! A release as part of a Terraform module: what goes into the foundation's bucket and repository before the main stack is made.

use super::hcl::{Block, quoted};

/// What the foundation's template is called in the module.
pub const FOUNDATION: &str = "foundation.template.yaml";
/// The folder of the release in the module.
pub const FOLDER: &str = "release";
/// The foundation's outputs.
pub const BUCKET: &str = "aws_cloudformation_stack.foundation.outputs[\"ArtifactBucket\"]";
/// See [`BUCKET`].
const REPOSITORY: &str = "aws_cloudformation_stack.foundation.outputs[\"RepositoryUri\"]";

/// A release, as far as a module speaks of it.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// The foundation's rendered template.
    pub foundation: String,
    /// Where the functions' zip goes.
    pub code_key: String,
    /// Where the console goes, and its files with their types; none without a console.
    pub console: Option<(String, Vec<(String, &'static str)>)>,
    /// Tag and digest of the worker image; none when the environment names an image of its own.
    pub image: Option<(String, String)>,
}

impl Shipped {
    /// The foundation, and what is put into it.
    pub fn resources(&self, stack: &str, tags: &[(String, String)]) -> Vec<String> {
        let foundation = Block::new("resource \"aws_cloudformation_stack\" \"foundation\"")
            .with("name", quoted(&format!("{stack}-foundation")))
            .with("template_body", format!("file(\"${{path.module}}/{FOUNDATION}\")"));
        let foundation = if tags.is_empty() { foundation } else { foundation.map("tags", tags.to_vec()) };
        let functions = Block::new("resource \"aws_s3_object\" \"functions\"")
            .with("bucket", BUCKET)
            .with("key", quoted(&self.code_key))
            .with("source", format!("\"${{path.module}}/{FOLDER}/functions.zip\""))
            .with("content_type", quoted("application/zip"));
        let mut blocks = vec![foundation.text(), functions.text()];
        blocks.extend(self.console.as_ref().map(|(prefix, files)| console(prefix, files).text()));
        blocks.extend(self.image.as_ref().map(|(tag, digest)| image(tag, digest).text()));
        blocks
    }

    /// The parameters of the main stack that say what was put where.
    pub fn parameter(&self, name: &str) -> Option<String> {
        match name {
            "ArtifactBucket" => Some(BUCKET.to_owned()),
            "CodeKey" => Some("aws_s3_object.functions.key".to_owned()),
            "ConsolePrefix" => self.console.as_ref().map(|(prefix, _)| quoted(prefix)),
            "WorkerImage" => self.image.as_ref().map(|(_, digest)| format!("\"${{{REPOSITORY}}}@{digest}\"")),
            _ => None,
        }
    }

    /// What has to be there before the main stack, beyond what its parameters refer to.
    pub fn before_main(&self) -> String {
        let console = self.console.iter().map(|_| "aws_s3_object.console");
        let image = self.image.iter().map(|_| "terraform_data.worker_image");
        format!("[{}]", console.chain(image).collect::<Vec<_>>().join(", "))
    }
}

fn console(prefix: &str, files: &[(String, &'static str)]) -> Block {
    let types = files.iter().map(|(path, kind)| (quoted(path), quoted(kind))).collect();
    Block::new("resource \"aws_s3_object\" \"console\"")
        .map("for_each", types)
        .with("bucket", BUCKET)
        .with("key", format!("\"{prefix}/${{each.key}}\""))
        .with("source", format!("\"${{path.module}}/{FOLDER}/console/${{each.key}}\""))
        .with("content_type", "each.value")
        .with(
            "cache_control",
            "startswith(each.key, \"assets/\") ? \"public, max-age=31536000, immutable\" : \"no-cache\"",
        )
}

/// Terraform knows no images; the release's own program pushes it, by the credentials that Terraform runs with.
fn image(tag: &str, digest: &str) -> Block {
    let folder = format!("${{path.module}}/{FOLDER}");
    let command = format!("\"'{folder}/dlt' image push --release '{folder}' --to '${{{REPOSITORY}}}:{tag}'\"");
    // Quotes inside of the expression need none of their own: the whole is one template.
    Block::new("resource \"terraform_data\" \"worker_image\"")
        .with("triggers_replace", format!("[{REPOSITORY}, {}]", quoted(digest)))
        .inside(Block::new("provisioner \"local-exec\"").with("command", command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Shipped {
        Shipped {
            foundation: String::new(),
            code_key: "functions/1.zip".to_owned(),
            console: Some(("console/2".to_owned(), vec![("index.html".to_owned(), "text/html")])),
            image: Some(("content-3".to_owned(), "sha256:4".to_owned())),
        }
    }

    #[test]
    fn everything_that_is_shipped_is_there_before_the_main_stack() {
        let shipped = shipped();
        insta::assert_snapshot!(shipped.resources("dlt-shop", &[]).join("\n"));
        assert_eq!(shipped.before_main(), "[aws_s3_object.console, terraform_data.worker_image]");
        for name in ["ArtifactBucket", "CodeKey", "ConsolePrefix", "WorkerImage"] {
            assert!(shipped.parameter(name).is_some(), "{name}");
        }
        assert_eq!(shipped.parameter("AdminName"), None);
    }

    #[test]
    fn an_environment_with_an_image_of_its_own_pushes_none() {
        let own = Shipped { image: None, console: None, ..shipped() };
        assert_eq!((own.before_main(), own.parameter("WorkerImage")), ("[]".to_owned(), None));
    }
}
