//! The commented environment file that `dlt init` writes.

use super::StackName;

const STARTER: &str = include_str!("starter.yaml");
/// The name that the file's own text uses.
const EXAMPLE: &str = "dlt-example";

/// A commented environment file for stacks of this name.
pub fn text(stack: &StackName) -> String {
    STARTER.replacen(EXAMPLE, stack.as_str(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Layers, table};

    fn read(text: &str) -> Config {
        Config::read(text, &Layers::default()).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }

    #[test]
    fn the_starter_is_valid_as_it_is() {
        let stack: StackName = "shop-dev".parse().unwrap();
        assert_eq!(read(&text(&stack)).stack, stack);
    }

    #[test]
    fn what_is_commented_out_is_valid_too_and_names_every_setting() {
        // A key after a comment mark; sentences are left alone.
        let uncommented = |line: &str| -> String {
            let Some((indent, rest)) = line.split_once("# ") else { return line.to_owned() };
            let key = rest.trim_start().split_once(':').map(|(key, _)| key).unwrap_or(" ");
            let is_key = !key.contains(' ')
                && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
            if is_key { format!("{indent}{rest}") } else { line.to_owned() }
        };
        let all: Vec<String> = STARTER.lines().skip(1).map(uncommented).collect();
        let all = all.join("\n");
        for field in table::FIELDS {
            let key = field.key.rsplit('.').next().unwrap();
            assert!(
                all.lines().any(|line| line.trim_start().starts_with(&format!("{key}:"))),
                "{} is not mentioned",
                field.key
            );
        }
        // A file holds one of the two networks, and an existing one belongs to one region.
        let (new, existing) = (all.find("network:\n  vpc_cidr").unwrap(), all.find("network:\n  existing").unwrap());
        let after = existing + all[existing..].find("\n\n").unwrap();
        read(&format!("{}{}", &all[..existing], &all[after..]));
        read(&format!("{}{}", &all[..new], &all[existing..]).replace(", ap-southeast-2]", "]"));
    }
}
