//! One run, from a scenario to a verdict. What happens is said as [`Event`]s; who shows them is somebody else's affair.
//!
//! `here` runs a scenario on this machine; `there` follows one that a system runs, and says the same events.

pub mod event;
mod follower;
pub mod here;
pub mod outcome;
mod pace;
pub mod proposal;
mod screen;
pub mod seconds;
pub mod stop;
pub mod there;

use std::path::Path;

use dlt_model::{
    gate::{self, Clause},
    id::Region,
    problem::{Problem, Problems},
    scenario::{Scenario, Sources, Warning},
};

pub use self::{
    event::Event,
    outcome::{Outcome, Ran},
    screen::{Screen, announce},
};
use crate::{failure::Failure, sources::Beside};

/// A scenario file and everything that is asked of its run.
#[derive(Debug)]
pub struct Order {
    /// What to run.
    pub scenario: Scenario,
    /// What to judge: the scenario's own thresholds and those asked for besides.
    pub clauses: Vec<Clause>,
    /// What was probably not meant.
    pub warnings: Vec<Warning>,
}

/// Clauses from outside the scenario file.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Asked {
    /// Clauses of the gate, joined by `;`: `success_rate >= 99.5%; p95 <= 800ms`. They add to the scenario's thresholds.
    #[arg(long, env = "GATE", value_name = "CLAUSES")]
    pub gate: Option<String>,
    /// Percent of samples that must succeed.
    #[arg(long, env = "EXPECT_SUCCESS_RATE", value_name = "PERCENT")]
    pub expect_success_rate: Option<String>,
    /// What the 95th percentile must not exceed: seconds, or with a unit (`800ms`).
    #[arg(long, env = "SUCCESS_P95", value_name = "LATENCY")]
    pub success_p95: Option<String>,
}

impl Order {
    /// Reads a scenario, in which `${NAME}` is what `variable` answers and files lie beside it, and adds the clauses asked for.
    ///
    /// # Errors
    /// Every problem of the file, or of the clauses.
    pub fn read(
        path: &Path,
        text: &str,
        asked: &Asked,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let (scenario, warnings) = read_scenario(path, text, variable, &Region::local())?;
        Self::of(scenario, warnings, asked)
    }

    /// Adds the clauses asked for to a scenario that was read with these warnings.
    ///
    /// # Errors
    /// Every problem of the clauses.
    pub fn of(scenario: Scenario, mut warnings: Vec<Warning>, asked: &Asked) -> Result<Self, Failure> {
        let (clauses, doubts) = asked.clauses().map_err(|problems| Failure::invalid("gate", problems))?;
        warnings.extend(doubts);
        let clauses = scenario.thresholds.iter().cloned().chain(clauses).collect();
        Ok(Self { scenario, clauses, warnings })
    }
}

/// Reads a scenario file of any format, in which `${NAME}` is what `variable` answers.
///
/// # Errors
/// Every problem of the file.
pub fn read_scenario(
    path: &Path,
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    default_region: &Region,
) -> Result<(Scenario, Vec<Warning>), Failure> {
    let name = path.display().to_string();
    let beside = Beside::of(path);
    let sources = Sources { variable, file: &|name| beside.read(name) };
    Scenario::read(&name, text, &sources, Some(default_region)).map_err(|problems| Failure::invalid(&name, problems))
}

impl Asked {
    /// The clauses, and what was probably not meant. What is empty is not asked.
    ///
    /// # Errors
    /// Everything that is no clause, no percentage or no latency.
    pub fn clauses(&self) -> Result<(Vec<Clause>, Vec<Warning>), Problems> {
        let mut problems: Vec<Problem> = Vec::new();
        let mut keep = |found: Result<Vec<Clause>, Problems>| {
            found.unwrap_or_else(|found| {
                problems.extend(found.into_vec());
                Vec::new()
            })
        };
        let mut warnings = Vec::new();
        let mut clauses = keep(self.clauses_given().map_or(Ok(Vec::new()), gate::parse));
        let aliases = gate::from_aliases(self.expect_success_rate.as_deref(), self.success_p95.as_deref());
        clauses.extend(keep(aliases.map(|aliases| {
            warnings = aliases.warnings;
            aliases.clauses
        })));
        Problems::unless_empty(problems, (clauses, warnings))
    }

    fn clauses_given(&self) -> Option<&str> {
        self.gate.as_deref().filter(|text| !text.trim().is_empty())
    }
}
