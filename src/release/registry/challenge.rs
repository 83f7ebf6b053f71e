//! How a registry says what it wants to see before it lets anybody in: the header `WWW-Authenticate`.

/// What a registry wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A user and a password with every request.
    Basic,
    /// A token, which another server gives.
    Bearer {
        /// Where it is asked for.
        realm: String,
        /// For whom.
        service: Option<String>,
        /// What it allows.
        scope: Option<String>,
    },
}

/// Reads the header; none when it asks for something that no registry asks for.
pub fn parse(header: &str) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => {
            let mut parameters = parameters(rest);
            let mut take = |name: &str| {
                let at = parameters.iter().position(|(known, _)| known == name)?;
                Some(parameters.swap_remove(at).1)
            };
            Some(Challenge::Bearer { realm: take("realm")?, service: take("service"), scope: take("scope") })
        }
        _ => None,
    }
}

/// `name="value", name=value`: values in quotes may have commas in them.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        found.push((name.trim_matches([',', ' ']).to_ascii_lowercase(), value.trim().to_owned()));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            Some(Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.map(ToOwned::to_owned),
                scope: scope.map(ToOwned::to_owned),
            })
        };
        for (header, expected) in [
            (
                "Basic realm=\"https://1.dkr.ecr.eu-west-1.amazonaws.com/\",service=\"ecr.amazonaws.com\"",
                Some(Challenge::Basic),
            ),
            ("basic", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://auth.example/token\",service=\"registry\",scope=\"repository:a/b:pull,push\"",
                bearer("https://auth.example/token", Some("registry"), Some("repository:a/b:pull,push")),
            ),
            ("Bearer realm=https://auth.example, service=x", bearer("https://auth.example", Some("x"), None)),
            ("Bearer service=\"x\"", None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(parse(header), expected, "{header}");
        }
    }
}
