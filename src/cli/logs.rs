//! `dlt logs`: what an environment's parts wrote, of all regions together.

use std::{collections::BTreeSet, time::Duration};

use dlt_model::{duration::InvalidDuration, problem::suggest};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Global, Output, environment::EnvironmentArgs};
use crate::{
    cloud::Cloud,
    exit::Exit,
    failure::Failure,
    logs::{
        line::{Line, Weight, read},
        tail::{self, Group, MOST_LINES, Tail},
        text::Writer,
    },
    terminal,
};

/// How often new lines are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Show what an environment's parts wrote: workers, functions, runs, requests, builds, of all regions in one order.
///
/// What machines tell machines (a line a second from every worker, the start and end of every invocation) is left out unless
/// `--all` asks for it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt logs dev\n  dlt logs dev --follow --of workers --of advance\n  dlt logs dev --since 2h --match 01M81BCSRAPXM929NBXY8N1H80 --output json"
)]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// From how long ago on.
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    since: String,
    /// Go on with what is written from now on, until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
    /// Only what this part wrote, such as `workers`, `api` or `advance`; may be repeated.
    #[arg(long, value_name = "PART")]
    of: Vec<String>,
    /// Only lines with this text in them, such as a run's id.
    #[arg(long = "match", value_name = "TEXT")]
    text: Option<String>,
    /// What machines tell machines, too.
    #[arg(long)]
    all: bool,
}

/// Prints it.
///
/// # Errors
/// A wrong environment file, a part that there is not, or a refusal of AWS.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let since_ms = since(&args.since)?;
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let all = tail::groups(&cloud, &config).await?;
    if all.is_empty() {
        let failure = Failure::new(Exit::Invalid, format!("`{}` has no logs: it is not deployed", config.stack));
        return Err(failure.hint("`dlt up` deploys it"));
    }
    let groups = chosen(all, &args.of)?;
    let mut printer = Printer::new(args, global.output, &groups);
    let mut tail = Tail::new(groups, since_ms);
    loop {
        let look = tail.look(&cloud).await?;
        look.lines.iter().for_each(|line| printer.print(line));
        if look.is_cut {
            terminal::say(&format!("there are more than {MOST_LINES} lines: look at a shorter time with `--since`"));
        }
        if !args.follow {
            printer.conclude(&args.since);
            return Ok(if look.is_cut { Exit::Incomplete } else { Exit::Done });
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

/// The instant so long ago, in milliseconds since 1970.
fn since(text: &str) -> Result<i64, Failure> {
    let wrong = |error: InvalidDuration| {
        Failure::new(Exit::Usage, format!("--since: {error}")).hint("write one like `15m` or `2h`")
    };
    let ago: dlt_model::duration::Duration = text.parse().map_err(wrong)?;
    Ok(Timestamp::now().as_millisecond().saturating_sub_unsigned(ago.as_millis()))
}

/// The groups of the parts that are asked for; all of them if none is.
fn chosen(groups: Vec<Group>, wanted: &[String]) -> Result<Vec<Group>, Failure> {
    let parts: BTreeSet<&str> = groups.iter().map(|group| group.source.as_str()).collect();
    if let Some(unknown) = wanted.iter().find(|part| !parts.contains(part.as_str())) {
        let failure = Failure::new(Exit::Usage, format!("no part called `{unknown}` writes logs here"));
        let near = suggest(unknown, parts.iter().copied());
        let list = || format!("there are: {}", parts.iter().copied().collect::<Vec<_>>().join(", "));
        return Err(failure.hint(near.map_or_else(list, |near| format!("did you mean `{near}`?"))));
    }
    Ok(groups.into_iter().filter(|group| wanted.is_empty() || wanted.contains(&group.source)).collect())
}

/// Prints the lines that are asked for.
struct Printer<'a> {
    args: &'a Args,
    output: Output,
    writer: Writer,
    printed: usize,
}

impl<'a> Printer<'a> {
    fn new(args: &'a Args, output: Output, groups: &[Group]) -> Self {
        let names = groups.iter().map(|group| (group.region.as_str(), group.source.as_str()));
        let writer = Writer::new(console::colors_enabled(), super::width(), names);
        Self { args, output, writer, printed: 0 }
    }

    fn print(&mut self, line: &Line) {
        let is_for_people = self.args.all || read(line).weight != Weight::Machine;
        let is_meant = self.args.text.as_ref().is_none_or(|text| line.message.contains(text.as_str()));
        if !is_for_people || !is_meant {
            return;
        }
        self.printed += 1;
        match self.output {
            Output::Json => terminal::print(&value(line).to_string()),
            Output::Text => self.writer.write(line).iter().for_each(|line| terminal::print(line)),
        }
    }

    fn conclude(&self, since: &str) {
        if self.printed == 0 {
            terminal::say(&format!("nothing was written in the last {since}"));
        }
    }
}

/// A line for programs; what is JSON stays JSON.
fn value(line: &Line) -> Value {
    let message = serde_json::from_str(&line.message).unwrap_or_else(|_| json!(line.message.trim_end()));
    let at = Timestamp::from_millisecond(line.at_ms).unwrap_or_default();
    json!({
        "at": at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        "region": line.region,
        "part": line.source,
        "group": line.group,
        "stream": line.stream,
        "message": message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_there_is_not_is_met_with_those_that_there_are() {
        let group = |source: &str| Group {
            region: "eu-west-1".parse().expect("a region"),
            name: format!("/{source}"),
            source: source.to_owned(),
        };
        let groups = || vec![group("api"), group("workers")];
        let sources = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            chosen(groups(), &wanted).map(|groups| groups.into_iter().map(|one| one.source).collect::<Vec<_>>())
        };
        assert_eq!(sources(&[]).unwrap(), ["api", "workers"]);
        assert_eq!(sources(&["workers"]).unwrap(), ["workers"]);
        let near = sources(&["worker"]).unwrap_err();
        assert_eq!((near.exit, near.hints[0].as_str()), (Exit::Usage, "did you mean `workers`?"));
        assert_eq!(sources(&["billing"]).unwrap_err().hints[0], "there are: api, workers");
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        assert_eq!(since("soon").unwrap_err().exit, Exit::Usage);
        assert!(since("15m").is_ok());
    }
}
