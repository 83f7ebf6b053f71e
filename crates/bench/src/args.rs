//! What the benchmark is asked for.

use std::path::PathBuf;

use clap::Parser;
use dlt_model::duration::Duration;

use crate::{parts::Part, tools::Tool};

/// Measures our worker and its peers in the same run, against the same servers, on pinned processors.
#[derive(Debug, Parser)]
#[command(
    name = "cargo bench --bench load --",
    after_help = "Peers that are not installed are skipped, and it is said how they would come here. An example:\n  \
                  cargo bench --bench load -- h1 tls --rounds 5 --tools dlt,wrk,h2load --markdown"
)]
pub struct Args {
    /// What to measure; everything but the soak unless told otherwise
    pub parts: Vec<Part>,
    /// Two rounds of one second with up to 1,000 users: whether it works, not how fast it is
    #[arg(long)]
    pub quick: bool,
    /// How many rounds
    #[arg(long)]
    rounds: Option<usize>,
    /// How long each tool makes load in each round, in seconds
    #[arg(long)]
    secs: Option<u64>,
    /// Nobody has longer than that because it starts slowly
    #[arg(long)]
    pub no_grace: bool,
    /// Numbers of users; lateness, stall and soak have their own
    #[arg(long, value_delimiter = ',')]
    users: Vec<u64>,
    /// Only these tools: dlt, dlt-body (which checks the body, too), wrk, wrk2, h2load, ab, hey, oha, k6, goose, locust, taurus
    #[arg(long, value_delimiter = ',', value_parser = tool)]
    tools: Vec<Vec<Tool>>,
    /// How long the soak lasts
    #[arg(long = "for", default_value = "1h")]
    pub lasts: Duration,
    /// Tables in Markdown, as in docs/benchmarks.md
    #[arg(long)]
    pub markdown: bool,
    /// An executable of the worker; it is built when none is named
    #[arg(long)]
    pub worker: Option<PathBuf>,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn tool(name: &str) -> Result<Vec<Tool>, String> {
    let found: Vec<Tool> = Tool::ALL.into_iter().filter(|tool| tool.name() == name).collect();
    let names = || Tool::ALL.map(Tool::name).join(", ");
    if found.is_empty() { Err(format!("expected one of {}", names())) } else { Ok(found) }
}

impl Args {
    pub fn parts(&self) -> Vec<Part> {
        if self.parts.is_empty() { Part::USUAL.to_vec() } else { self.parts.clone() }
    }

    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 2 } else { 5 }).max(1)
    }

    pub fn secs(&self) -> u64 {
        self.secs.unwrap_or(if self.quick { 1 } else { 5 }).max(1)
    }

    pub fn users(&self) -> Vec<u64> {
        match (self.users.is_empty(), self.quick) {
            (false, _) => self.users.clone(),
            (true, true) => vec![64, 1_000],
            (true, false) => vec![64, 1_000, 10_000],
        }
    }

    /// Whether a tool is asked for by its name.
    pub fn names(&self, tool: Tool) -> bool {
        self.tools.iter().flatten().any(|asked| *asked == tool)
    }

    /// Whether a tool takes part if it is here.
    pub fn wants(&self, tool: Tool) -> bool {
        self.tools.is_empty() || self.names(tool)
    }

    /// Those of these tools that are asked for.
    pub fn tools(&self, all: &[Tool]) -> Vec<Tool> {
        all.iter().copied().filter(|tool| self.wants(*tool)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_adds_is_understood_and_tools_are_chosen() {
        let read = |line: &str| Args::try_parse_from(line.split(' '));
        let args = read("load --bench h1 soak --quick --tools wrk,dlt").expect("valid");
        assert_eq!((args.parts(), args.rounds()), (vec![Part::H1, Part::Soak], 2));
        assert_eq!(args.tools(&Tool::ALL).iter().map(|tool| tool.name()).collect::<Vec<_>>(), ["dlt", "wrk"]);
        assert_eq!(read("load").expect("valid").parts().len(), Part::USUAL.len());
        assert!(read("load --tools wrkk").expect_err("unknown").to_string().contains("h2load"));
    }

    #[test]
    fn naming_no_tool_wants_all_and_names_none() {
        let read = |line: &str| Args::try_parse_from(line.split(' ')).expect("valid");
        let (all, some) = (read("load h1"), read("load h1 --tools dlt,goose"));
        assert!(all.wants(Tool::Goose) && !all.names(Tool::Goose));
        assert!(some.wants(Tool::Goose) && some.names(Tool::Goose));
        assert!(!some.wants(Tool::Wrk) && !some.names(Tool::Wrk));
    }
}
