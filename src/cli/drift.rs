//! `dlt drift`: what is deployed against what is described.

mod accept;
mod revert;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Global, Output, environment::EnvironmentArgs, plan::ReleaseArgs};
use crate::{
    cloud::Cloud,
    config::Config,
    drift::{
        answer::{Answer, Verdict},
        look::{self, Step},
        screen,
    },
    exit::Exit,
    failure::Failure,
    release::Release,
    terminal,
    text::Paint,
};

/// How wide text is where there is no terminal.
const WIDTH: usize = 100;

/// Show what is deployed otherwise than described: every stack, every region, property by property.
///
/// Beside what CloudFormation compares it looks at what runs (functions, worker image, console) and at what nothing in
/// the stacks needs. What could not be read ends with exit code 9 and is never called "no drift".
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  dlt drift dev\n  dlt drift dev --exit-code --output json\n  dlt drift revert dev")]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// End with exit code 20 when something differs.
    #[arg(long)]
    exit_code: bool,
    /// End with exit code 9 also when there are resources of types that CloudFormation cannot compare.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    release: ReleaseArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Revert(revert::Args),
    Accept(accept::Args),
}

/// Looks for drift.
///
/// # Errors
/// A wrong environment file, an environment that is not deployed, or a refusal of AWS to say anything at all.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    match &args.verb {
        Some(Verb::Revert(args)) => return revert::run(args, global).await,
        Some(Verb::Accept(args)) => return accept::run(args, global).await,
        None => {}
    }
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let answer = found(&cloud, &config, &args.release).await?;
    show(&answer, global.output);
    Ok(exit(&answer, args.exit_code, args.strict))
}

/// How the command ends. What could not be read outweighs what was found.
fn exit(answer: &Answer, exit_code: bool, strict: bool) -> Exit {
    match answer.verdict {
        Verdict::Incomplete => Exit::Incomplete,
        _ if strict && answer.coverage.unsupported > 0 => Exit::Incomplete,
        Verdict::Drifted if exit_code => Exit::Differences,
        Verdict::Drifted | Verdict::NothingFound | Verdict::Clean => Exit::Done,
    }
}

/// Looks, and says meanwhile what is being looked at.
async fn found(cloud: &Cloud, config: &Config, release: &ReleaseArgs) -> Result<Answer, Failure> {
    let release = Release::find(release.release.as_deref());
    let today = jiff::Zoned::now().date();
    let progress = Progress::start();
    let answer = look::look(cloud, config, release.as_ref(), today, &|step| progress.take(&step)).await;
    progress.bar.finish_and_clear();
    answer
}

fn show(answer: &Answer, output: Output) {
    let paint = Paint::of_stdout();
    let stdout = Term::stdout();
    let width = if stdout.is_term() { usize::from(stdout.size().1) } else { WIDTH };
    match output {
        Output::Text => terminal::print(&screen::text(answer, width, paint)),
        Output::Json => terminal::print(&serde_json::json!(answer).to_string()),
    }
}

/// A line that moves on a terminal, and a line for each step elsewhere.
struct Progress {
    bar: ProgressBar,
    is_live: bool,
}

impl Progress {
    fn start() -> Self {
        let is_live = Term::stderr().is_term();
        let target = if is_live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed}").expect("a constant template"));
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Self { bar, is_live }
    }

    fn take(&self, step: &Step) {
        match step {
            Step::Comparing(stacks) => {
                self.bar.set_length(stacks.len() as u64);
                self.moved(format!("comparing {}", stacks.join(", ")));
            }
            Step::Compared(stacks) => {
                self.bar.inc(1);
                for stack in stacks {
                    self.bar.suspend(|| terminal::say(&screen::done(stack)));
                }
            }
            Step::Asking(what) => self.moved(format!("asking {what}")),
        }
    }

    fn moved(&self, text: String) {
        if !self.is_live {
            terminal::say(&text);
        }
        self.bar.set_message(text);
    }
}
