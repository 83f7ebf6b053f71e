//! `dlt runs compare`: whether a run is worse than an earlier one.

use dlt_model::baseline::{Comparison, Measured};
use serde_json::json;

use super::{Global, Output};
use crate::{
    exit::Exit,
    failure::Failure,
    gate::{
        baseline::{self, Baseline, DEFAULT_GROWTH_PERCENT, MAX_GROWTH_PERCENT},
        report::{figures, json::comparison},
    },
    report::summary::Paint,
    runs::kept,
    system::{PlaceArgs, System, place, stored},
    terminal,
};

/// Say whether a run is worse than an earlier one, by more than the tolerance and by more than noise.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt runs compare checkout --env qa   # the last two that proved something\n  dlt runs compare checkout 01M81BCSRAPXM929NBXY8N1H80 latest --env qa --exit-code"
)]
pub struct Args {
    /// The scenario, by its id or its name.
    scenario: String,
    /// The earlier run's id.
    #[arg(requires = "now")]
    before: Option<String>,
    /// The later run's id, or `latest`.
    now: Option<String>,
    /// By how many percent the 95th percentile may grow.
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT_GROWTH_PERCENT,
          value_parser = clap::value_parser!(u64).range(0..=MAX_GROWTH_PERCENT))]
    growth: u64,
    /// End with exit code 99 when it is worse.
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Compares them.
///
/// # Errors
/// A system that cannot be asked, a run that is not there or proved nothing.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let system = place::required(&args.place).await?;
    let test_id = stored::find_id(&system, &args.scenario).await?;
    let (before, now) = match (&args.before, &args.now) {
        (Some(before), Some(now)) => {
            (kept::run_id(&system, &test_id, before).await?, kept::run_id(&system, &test_id, now).await?)
        }
        _ => kept::last_two(&system, &test_id).await?,
    };
    let (_, earlier) = measured(&system, &test_id, &before).await?;
    let (later, _) = measured(&system, &test_id, &now).await?;
    let baseline = Baseline { name: before.clone(), measured: earlier, growth_percent: args.growth };
    let comparisons = baseline.compare(Some(&later));
    match global.output {
        Output::Json => {
            let comparisons: Vec<_> = comparisons.iter().map(comparison).collect();
            terminal::print(&json!({"before": before, "now": now, "comparisons": comparisons}).to_string());
        }
        Output::Text => tell(&before, &now, &comparisons),
    }
    let worse = comparisons.iter().any(Comparison::is_worse);
    Ok(if worse && args.exit_code { Exit::GateFailed } else { Exit::Done })
}

/// What a run measured, if it proved something.
async fn measured(
    system: &System,
    test_id: &str,
    run_id: &str,
) -> Result<(dlt_model::summary::Summary, Measured), Failure> {
    let summary = kept::run(system, test_id, run_id).await?.summary;
    let sound = summary.and_then(|summary| baseline::of_summary(&summary).map(|measured| (summary, measured)));
    sound.ok_or_else(|| {
        let failure =
            Failure::new(Exit::Usage, format!("the run {run_id} proved nothing, so nothing is compared with it"));
        failure.hint(format!("`dlt runs show {test_id} {run_id}` says why"))
    })
}

fn tell(before: &str, now: &str, comparisons: &[Comparison]) {
    let paint = Paint::new(console::colors_enabled());
    terminal::print(&format!("{now} after {before}"));
    for compared in comparisons {
        let mark = paint.sign(figures::comparison_word(compared));
        terminal::print(&format!("{mark} {}", compared.question()));
        terminal::print(&format!("  {}", compared.observed()));
        terminal::print(&format!("  {}", compared.meaning()));
    }
}
