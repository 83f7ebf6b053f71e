//! One run, from a scenario to a verdict. What happens is said as [`Event`]s; who shows them is somebody else's affair.

mod follow;
mod screen;
pub mod seconds;

use std::path::Path;

use dlt_control::{ControlError, Draft, record::RunRecord};
use dlt_local::LocalSystem;
use dlt_model::{
    gate::{self, Clause, Judgement},
    id::Region,
    plan::LoadPlan,
    problem::{Problem, Problems},
    scenario::{Scenario, Sources, Warning},
    summary::{Slice, Summary},
};
use tokio::sync::mpsc;

pub use self::screen::{Screen, announce};
use crate::{exit::Exit, failure::Failure, sources::Beside};

/// What happens in a run, in order.
#[derive(Debug)]
pub enum Event<'a> {
    /// It was accepted.
    Accepted {
        /// Its record.
        run: &'a RunRecord,
        /// What it was planned to be.
        plan: &'a LoadPlan,
        /// Where it can be watched.
        page: &'a str,
    },
    /// The control plane moved it on.
    Status(&'a RunRecord),
    /// A second is complete: every worker's part of it is in, or a later second has begun.
    Second {
        /// From 1.
        number: u64,
        /// What was measured in it.
        slice: &'a Slice,
        /// Every second so far.
        seconds: &'a [Slice],
    },
    /// An `abort` clause is broken, and the run is stopped.
    Aborted(&'a gate::ClauseVerdict),
    /// The person asked for the end of the run.
    Interrupted,
}

/// A run that is over.
#[derive(Debug)]
pub struct Outcome {
    /// Its record.
    pub run: RunRecord,
    /// What was measured; absent when the run failed before anything was.
    pub summary: Option<Summary>,
    /// What the gate says.
    pub judgement: Judgement,
    /// Whether a person ended it.
    pub interrupted: bool,
}

impl Outcome {
    /// The exit code that it means.
    pub fn exit(&self) -> Exit {
        match &self.judgement.verdict {
            _ if self.interrupted => Exit::Interrupted,
            gate::Verdict::Passed => Exit::Done,
            gate::Verdict::Failed => Exit::GateFailed,
            gate::Verdict::Invalid(_) => Exit::RunInvalid,
        }
    }
}

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
        let (scenario, mut warnings) = read_scenario(path, text, variable, &Region::local())?;
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

/// Runs a scenario on a local system, to its end. The first interrupt cancels the run and keeps what was measured; the
/// second leaves at once.
///
/// # Errors
/// When it cannot be planned, started or followed. A run that fails is no error; its [`Outcome`] says so.
pub async fn run(
    system: &LocalSystem,
    order: &Order,
    interrupts: &mut mpsc::Receiver<()>,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<Outcome, Failure> {
    let plan = LoadPlan::new(&order.scenario).map_err(|problems| Failure::invalid("scenario", problems))?;
    let ticks = system.live().ticks();
    let plane = system.plane();
    let (record, _) = plane.create_scenario(&order.scenario, &Draft::default()).await.map_err(refused)?;
    let run = plane.start_run(&record.test_id).await.map_err(refused)?;
    observe(&Event::Accepted { run: &run, plan: &plan, page: &system.url() });
    let follower = follow::Follower { plane, clauses: &order.clauses, workers: run.workers(), run: run.key() };
    let follow::End { run, interrupted, aborted_by } =
        follower.to_the_end(ticks, interrupts, observe).await.map_err(refused)?;
    let summary = match plane.summary(&run.key()).await {
        Ok(summary) => Some(Summary { aborted_by, ..summary }),
        Err(ControlError::NoResults(..)) => None,
        Err(error) => return Err(refused(error)),
    };
    let judgement = judge(&order.clauses, summary.as_ref(), &run);
    Ok(Outcome { run, summary, judgement, interrupted })
}

fn judge(clauses: &[Clause], summary: Option<&Summary>, run: &RunRecord) -> Judgement {
    match summary {
        Some(summary) => gate::judge(clauses, summary),
        None => {
            let reason = run.error_reason.clone().unwrap_or_else(|| "the run left no results".to_owned());
            Judgement { verdict: gate::Verdict::Invalid(vec![reason]), clauses: Vec::new() }
        }
    }
}

fn refused(error: ControlError) -> Failure {
    match error {
        ControlError::Invalid(problems) => Failure::invalid("scenario", problems),
        error => Failure::from_error(Exit::Internal, "failed to run the scenario", &error),
    }
}
