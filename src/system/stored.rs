//! The scenarios that a system keeps: found, named and stored.

use std::path::Path;

use dlt_model::{
    id::TestId,
    scenario::{Scenario, dlt_json::TestScenario},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{System, api::Repeat};
use crate::{exit::Exit, failure::Failure};

/// How many characters of a name's digest stand in the id of its scenario.
const ID_LENGTH: usize = 12;

/// A scenario that a deployed system knows.
#[derive(Debug)]
pub struct Stored {
    /// Its id there.
    pub test_id: String,
    /// What it says.
    pub scenario: Scenario,
}

/// Finds a stored scenario by its id, or else by its name, and reads it.
///
/// # Errors
/// When there is none, several have the name, or it cannot be read.
pub async fn find(system: &System, wanted: &str) -> Result<Stored, Failure> {
    let test_id = find_id(system, wanted).await?;
    let path = format!("/scenarios/{test_id}?history=false");
    let stored: Value = system.api.get(&path).await.map_err(|error| error.failure("read the scenario"))?;
    let submission = Scenario::from_dlt_json(&stored.to_string(), Some(&system.region))
        .map_err(|problems| Failure::invalid(wanted, problems))?;
    Ok(Stored { test_id, scenario: submission.scenario })
}

/// The id of a stored scenario that is named by its id, or else by its name.
///
/// # Errors
/// When there is none, or several have the name.
pub async fn find_id(system: &System, wanted: &str) -> Result<String, Failure> {
    let list: Value = system.api.get("/scenarios").await.map_err(|error| error.failure("list the scenarios"))?;
    let items = list["Items"].as_array().cloned().unwrap_or_default();
    let has = |key: &str| {
        items.iter().filter(|item| item[key] == *wanted).filter_map(|item| item["testId"].as_str()).collect()
    };
    let (by_id, by_name): (Vec<&str>, Vec<&str>) = (has("testId"), has("testName"));
    match (by_id.as_slice(), by_name.as_slice()) {
        ([id, ..], _) | ([], [id]) => Ok((*id).to_owned()),
        ([], []) => {
            let names = items.iter().filter_map(|item| item["testName"].as_str());
            let failure =
                Failure::new(Exit::Usage, format!("there is neither a file nor a stored scenario `{wanted}`"));
            Err(match dlt_model::problem::suggest(wanted, names) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint(format!("{} scenarios are stored {}", items.len(), system.place)),
            })
        }
        ([], several) => {
            let message = format!("{} stored scenarios are called `{wanted}`", several.len());
            Err(Failure::new(Exit::Usage, message).hint(format!("give the id of one: {}", several.join(", "))))
        }
    }
}

/// The id under which a file is stored: the one it is given, its own, or one that follows from its name, so that the runs of
/// a pipeline make one history.
///
/// # Errors
/// When the given id is none.
pub fn test_id(given: Option<&str>, path: &Path, text: &str, scenario: &Scenario) -> Result<String, Failure> {
    let own = || {
        let value: Value = serde_json::from_str(text).ok()?;
        Some(value.get("testId")?.as_str()?.to_owned())
    };
    let own = own().filter(|id| !id.is_empty());
    let from_name = || format!("gate-{}", &hex::encode(Sha256::digest(&scenario.name))[..ID_LENGTH]);
    let id = given.map(ToOwned::to_owned).or(own).unwrap_or_else(from_name);
    match id.parse::<TestId>() {
        Ok(id) => Ok(id.to_string()),
        Err(error) => {
            Err(Failure::new(Exit::Usage, format!("`{id}` cannot name the scenario of {}: {error}", path.display())))
        }
    }
}

/// Stores a scenario without starting it.
///
/// # Errors
/// When the system refuses it.
pub async fn store(system: &System, test_id: &str, scenario: &Scenario) -> Result<(), Failure> {
    let mut body = scenario.to_dlt_json(TestScenario::Object);
    body.insert("testId".to_owned(), json!(test_id));
    body.insert("saveOnly".to_owned(), json!(true));
    let stored = system.api.post("/scenarios", &Value::Object(body), Repeat::Freely).await;
    stored.map(|_| ()).map_err(|error| error.failure("store the scenario"))
}

#[cfg(test)]
mod tests {
    use dlt_model::{id::Region, scenario::Sources};

    use super::*;

    fn scenario() -> Scenario {
        let yaml = "name: shop\nload: {virtual_users: 1, hold_for: 1s}\nrequests: [GET http://127.0.0.1/]\n";
        Scenario::read("a.yaml", yaml, &Sources::NONE, Some(&Region::local())).expect("a scenario").0
    }

    #[test]
    fn a_file_is_stored_under_the_id_it_is_given_its_own_or_one_that_follows_from_its_name() {
        let scenario = scenario();
        let id = |given, text| test_id(given, Path::new("a"), text, &scenario);
        assert_eq!(id(Some("mine"), "name: shop").unwrap(), "mine");
        assert_eq!(id(None, r#"{"testId": "own-1"}"#).unwrap(), "own-1");
        let derived = id(None, r#"{"testId": ""}"#).unwrap();
        assert_eq!(derived, id(None, "name: shop").unwrap(), "the same name, the same id");
        assert!(derived.starts_with("gate-") && derived.len() == 5 + ID_LENGTH);
        assert_eq!(id(Some("not an id"), "").unwrap_err().exit, Exit::Usage);
    }
}
