//! `dlt scenarios schedule`: when a stored scenario starts by itself.

use clap::builder::PossibleValuesParser;
use dlt_model::schedule::{DEFAULT_ZONE, Mistake, Schedule, Wish};
use serde_json::{Value, json};

use super::{Global, Output};
use crate::{
    exit::Exit,
    failure::Failure,
    system::{
        PlaceArgs, System,
        place::{self, given},
        stored,
    },
    terminal,
};

/// Say when a stored scenario starts by itself; without an option, show it.
///
/// The system starts it, whether or not anybody is there. A start whose run before has not ended is left out, as is one
/// that the system could not make within five minutes; `--output json` and this command's last line tell of it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt scenarios schedule checkout --cron '0 2 * * MON-FRI' --timezone Europe/Berlin --env qa\n  dlt scenarios schedule checkout --at 2026-12-24T06:00 --env qa\n  dlt scenarios schedule checkout --every biweekly --from 2026-12-01T02:00 --env qa\n  dlt scenarios schedule checkout --env qa             # when, and how it last went\n  dlt scenarios schedule checkout --off --env qa"
)]
pub struct Args {
    /// The scenario, by its id or its name.
    scenario: String,
    /// Once, at this time on the clock of the time zone: 2026-12-24T06:00.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["cron", "every"])]
    at: Option<String>,
    /// At the times of a line of crontab: minute, hour, day of the month, month, day of the week.
    #[arg(long, value_name = "LINE", conflicts_with = "every")]
    cron: Option<String>,
    /// Again and again from a first time on.
    #[arg(long, requires = "from", value_parser = PossibleValuesParser::new(["daily", "weekly", "biweekly", "monthly"]))]
    every: Option<String>,
    /// The first time of `--every`.
    #[arg(long, value_name = "TIME", requires = "every")]
    from: Option<String>,
    /// The last day on which it starts.
    #[arg(long, value_name = "DAY", conflicts_with = "at")]
    until: Option<String>,
    /// The time zone of all times, by its IANA name [default: UTC].
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Let the schedule rest; nothing starts until `--resume`.
    #[arg(long, conflicts_with_all = ["at", "cron", "every", "until", "timezone", "resume", "off"])]
    pause: bool,
    /// Let it go on after `--pause`.
    #[arg(long, conflicts_with_all = ["at", "cron", "every", "until", "timezone", "off"])]
    resume: bool,
    /// Remove the schedule; the scenario stays.
    #[arg(long, conflicts_with_all = ["at", "cron", "every", "until", "timezone"])]
    off: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Sets, changes, removes or shows it.
///
/// # Errors
/// A schedule that makes no sense, a system that cannot be asked, a scenario that is not there or has no schedule.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let wish = args.wish()?;
    let system = place::required(&args.place).await?;
    let test_id = stored::find_id(&system, &args.scenario).await?;
    let path = format!("/scenarios/{test_id}/schedule");
    if args.off {
        system.api.delete(&path).await.map_err(|error| error.failure("remove the schedule"))?;
        match global.output {
            Output::Json => terminal::print(&json!({"testId": test_id, "removed": true}).to_string()),
            Output::Text => terminal::say(&format!("{} no longer starts by itself", args.scenario)),
        }
        return Ok(Exit::Done);
    }
    let answer = match wish {
        Some(wish) => set(&system, &path, &wish).await?,
        None => {
            let found: Value = system.api.get(&path).await.map_err(|error| error.failure("read the schedule"))?;
            match args.pause || args.resume {
                true => set(&system, &path, &Wish { paused: args.pause, ..written(&found)? }).await?,
                false => found,
            }
        }
    };
    match global.output {
        Output::Json => terminal::print(&answer.to_string()),
        Output::Text => terminal::print(&page(&args.scenario, &answer)?),
    }
    Ok(Exit::Done)
}

impl Args {
    /// What the options ask for; nothing when they say no time.
    fn wish(&self) -> Result<Option<Wish>, Failure> {
        let text = |option: &Option<String>| given(option).map(ToOwned::to_owned);
        let wish = Wish {
            at: text(&self.at),
            cron: text(&self.cron),
            every: text(&self.every),
            from: text(&self.from),
            until: text(&self.until),
            timezone: text(&self.timezone),
            paused: false,
        };
        if wish == Wish::default() {
            return Ok(None);
        }
        if wish.at.is_none() && wish.cron.is_none() && wish.every.is_none() {
            return Err(Failure::new(Exit::Usage, "nothing says when: give --cron, --at, or --every with --from"));
        }
        Schedule::new(wish).map(|schedule| Some(schedule.into())).map_err(|mistakes| {
            let line = |mistake: &Mistake| format!("--{}: {}", mistake.part.name(), mistake.message);
            let lines: Vec<String> = mistakes.iter().map(line).collect();
            Failure::new(Exit::Usage, lines.join("\n")).hint("`dlt scenarios schedule --help` has examples")
        })
    }
}

async fn set(system: &System, path: &str, wish: &Wish) -> Result<Value, Failure> {
    system.api.put(path, &json!(wish)).await.map_err(|error| error.failure("schedule the scenario"))
}

/// The schedule within an answer, as it was set.
fn written(answer: &Value) -> Result<Wish, Failure> {
    let mut wish = answer.clone();
    for told in ["testId", "next", "last"] {
        wish.as_object_mut().and_then(|wish| wish.remove(told));
    }
    serde_json::from_value(wish)
        .map_err(|error| Failure::from_error(Exit::Refused, "the system's schedule cannot be understood", &error))
}

/// The schedule as a sentence, the times to come, and how the last start went.
fn page(scenario: &str, answer: &Value) -> Result<String, Failure> {
    let wish = written(answer)?;
    let zone = wish.timezone.as_deref().unwrap_or(DEFAULT_ZONE);
    let when = match (&wish.at, &wish.cron, &wish.every) {
        (Some(at), ..) => format!("once, at {at}"),
        (_, Some(line), _) => format!("by `{line}`"),
        (_, _, Some(every)) => format!("{every} from {}", wish.from.as_deref().unwrap_or_default()),
        _ => "never".to_owned(),
    };
    let until = wish.until.as_ref().map_or_else(String::new, |day| format!(", until {day}"));
    let rests = if wish.paused { " – paused" } else { "" };
    let mut lines = vec![format!("{scenario} starts {when}{until} ({zone}){rests}")];
    let next = answer["next"].as_array().into_iter().flatten();
    lines.extend(next.filter_map(|time| Some(format!("  {}", time["local"].as_str()?))));
    if lines.len() == 1 && !wish.paused {
        lines.push("  no time is yet to come".to_owned());
    }
    lines.extend(last(&answer["last"]));
    Ok(lines.join("\n"))
}

fn last(last: &Value) -> Option<String> {
    let due = last["due"].as_str()?;
    let what = match last["outcome"].as_str()? {
        "started" => format!("started the run {}", last["runId"].as_str().unwrap_or_default()),
        "overlapped" => "was left out: the run before had not ended".to_owned(),
        "missed" => "was missed: nobody was there to make it in time".to_owned(),
        "failed" => format!("failed: {}", last["reason"].as_str().unwrap_or_default()),
        other => other.to_owned(),
    };
    Some(format!("the start due at {due} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_when_what_comes_and_how_the_last_start_went() {
        let answer = json!({
            "testId": "checkout", "cron": "0 2 * * MON-FRI", "until": "2027-01-31", "timezone": "Europe/Berlin", "paused": false,
            "next": [
                {"at": "2026-11-24T01:00:00Z", "local": "2026-11-24 02:00:00"},
                {"at": "2026-11-25T01:00:00Z", "local": "2026-11-25 02:00:00"},
            ],
            "last": {"due": "2026-11-23T01:00:00Z", "outcome": "started", "runId": "01J"},
        });
        insta::assert_snapshot!(page("checkout", &answer).expect("a page"), @"
        checkout starts by `0 2 * * MON-FRI`, until 2027-01-31 (Europe/Berlin)
          2026-11-24 02:00:00
          2026-11-25 02:00:00
        the start due at 2026-11-23T01:00:00Z started the run 01J
        ");
    }

    #[test]
    fn a_schedule_that_rests_or_is_over_says_so() {
        let paused = json!({"testId": "a", "every": "daily", "from": "2026-12-01T02:00", "timezone": "UTC", "paused": true, "next": []});
        assert_eq!(page("a", &paused).expect("a page"), "a starts daily from 2026-12-01T02:00 (UTC) – paused");
        let over = json!({"testId": "a", "at": "2026-12-01T02:00", "timezone": "UTC", "paused": false, "next": [],
            "last": {"due": "2026-12-01T02:00:00Z", "outcome": "overlapped"}});
        insta::assert_snapshot!(page("a", &over).expect("a page"), @"
        a starts once, at 2026-12-01T02:00 (UTC)
          no time is yet to come
        the start due at 2026-12-01T02:00:00Z was left out: the run before had not ended
        ");
    }
}
