//! What the templates tell a Lambda function, read once and completely.

use std::str::FromStr;

use dlt_model::id::Region;

/// What a function is and where its environment lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// What the function does.
    pub role: Role,
    /// The main stack's name, from which everything regional is named.
    pub stack: String,
    /// The region that holds the records, the blobs and the live data's topic.
    pub hub_region: Region,
    /// Every region that may hold workers, the hub first.
    pub regions: Vec<Region>,
    /// Whether workers' ticks are published while a run goes on.
    pub live: bool,
}

/// What a function does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers the HTTP API.
    Api(Records),
    /// Moves runs on.
    Advance(Records),
    /// Passes workers' ticks to whoever watches.
    Live,
}

/// Where the records and blobs are, and what drives runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// The DynamoDB table.
    pub table: String,
    /// The data bucket.
    pub bucket: String,
    /// The state machine that drives runs.
    pub state_machine_arn: String,
}

/// Everything that is wrong with the variables, together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the function's environment is not complete: {}; deploy the stack again with a matching template", .0.join("; "))]
pub struct EnvironmentError(pub Vec<String>);

impl Environment {
    /// Reads the variables of this process.
    ///
    /// # Errors
    /// Every variable that is missing or has no valid value.
    pub fn from_env() -> Result<Self, EnvironmentError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads variables from anywhere.
    ///
    /// # Errors
    /// Every variable that is missing or has no valid value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let mut reader = Reader { variable, problems: Vec::new() };
        let role = reader.role();
        let stack = reader.text("DLT_STACK");
        let hub_region = reader.parsed("DLT_HUB_REGION", |text| Region::from_str(text).map_err(|e| e.to_string()));
        let regions = reader.parsed("DLT_REGIONS", regions);
        // Templates say so only where it is off.
        let live = (reader.variable)("DLT_LIVE").as_deref() != Some("off");
        match (role, stack, hub_region, regions) {
            (Some(role), Some(stack), Some(hub_region), Some(regions)) if reader.problems.is_empty() => {
                Ok(Self { role, stack, hub_region, regions, live })
            }
            _ => Err(EnvironmentError(reader.problems)),
        }
    }
}

fn regions(text: &str) -> Result<Vec<Region>, String> {
    text.split(',')
        .map(|name| name.trim().parse().map_err(|error: dlt_model::id::InvalidRegion| error.to_string()))
        .collect()
}

struct Reader<F> {
    variable: F,
    problems: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn role(&mut self) -> Option<Role> {
        match self.text("DLT_ROLE")?.as_str() {
            "api" => self.records().map(Role::Api),
            "advance" => self.records().map(Role::Advance),
            "live" => Some(Role::Live),
            other => {
                self.problems.push(format!("DLT_ROLE is `{other}`; expected api, advance or live"));
                None
            }
        }
    }

    fn records(&mut self) -> Option<Records> {
        let table = self.text("DLT_TABLE");
        let bucket = self.text("DLT_BUCKET");
        let state_machine_arn = self.text("DLT_STATE_MACHINE_ARN");
        Some(Records { table: table?, bucket: bucket?, state_machine_arn: state_machine_arn? })
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let text = (self.variable)(name).filter(|text| !text.trim().is_empty());
        if text.is_none() {
            self.problems.push(format!("{name} is not set"));
        }
        text
    }

    fn parsed<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(name)?;
        parse(&text).map_err(|problem| self.problems.push(format!("{name}: {problem}"))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    const LIVE: [(&str, &str); 4] = [
        ("DLT_ROLE", "live"),
        ("DLT_STACK", "shop"),
        ("DLT_HUB_REGION", "eu-west-1"),
        ("DLT_REGIONS", "eu-west-1, us-east-1"),
    ];

    #[test]
    fn the_live_role_needs_neither_table_nor_bucket() {
        let environment = read(&LIVE).unwrap();
        assert_eq!(environment.role, Role::Live);
        assert_eq!(environment.regions.len(), 2);
        assert!(environment.live, "unless the template says otherwise");
        assert!(!read(&[&LIVE[..], &[("DLT_LIVE", "off")]].concat()).unwrap().live);
    }

    #[test]
    fn every_missing_or_wrong_variable_is_named_at_once() {
        let problems =
            read(&[("DLT_ROLE", "advance"), ("DLT_HUB_REGION", "Ireland"), ("DLT_TABLE", " ")]).unwrap_err().0;
        for name in ["DLT_TABLE", "DLT_BUCKET", "DLT_STATE_MACHINE_ARN", "DLT_STACK", "DLT_HUB_REGION", "DLT_REGIONS"] {
            assert_eq!(problems.iter().filter(|problem| problem.starts_with(name)).count(), 1, "{name}: {problems:?}");
        }
    }

    #[test]
    fn an_unknown_role_is_refused() {
        let mut variables = LIVE;
        variables[0].1 = "canceler";
        assert_eq!(read(&variables).unwrap_err().0, ["DLT_ROLE is `canceler`; expected api, advance or live"]);
    }
}
