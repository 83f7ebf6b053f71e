//! Where the lines are, and what is new in them.

use std::collections::BTreeMap;

use dlt_model::id::Region;
use futures::future::try_join_all;

use super::line::{self, Line};
use crate::{
    cloud::{Clients, Cloud, CloudError, Doing, Kind},
    config::Config,
    deploy::{holdings::LOG_GROUP, joining, stacks},
};

/// How many lines are fetched at once at most; whoever wants more asks for a shorter time.
pub const MOST_LINES: usize = 50_000;
/// How much older than the last one a line may be that was not there yet, in milliseconds.
const LATE_MS: i64 = 15_000;

/// A log group of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where it is.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// Which part writes into it.
    pub source: String,
}

/// The log groups of an environment's stacks, by source and region.
///
/// # Errors
/// A refusal of AWS.
pub async fn groups(cloud: &Cloud, config: &Config) -> Result<Vec<Group>, CloudError> {
    let present = joining::present(cloud, &joining::stacks_of_environment(config)).await?;
    let looks = present.iter().map(|(stack, _)| async move {
        let resources = stacks::resources(&cloud.at(&stack.region).cloudformation, &stack.name).await?;
        let is_there = |it: &stacks::StackResource| {
            it.kind == LOG_GROUP && !it.physical_id.is_empty() && it.status != "DELETE_COMPLETE"
        };
        let of = |it: stacks::StackResource| Group {
            region: stack.region.clone(),
            source: line::source(&it.physical_id, config.stack.as_str()),
            name: it.physical_id,
        };
        Ok::<_, CloudError>(resources.into_iter().filter(is_there).map(of).collect::<Vec<_>>())
    });
    let mut groups: Vec<Group> = try_join_all(looks).await?.into_iter().flatten().collect();
    groups
        .sort_by(|one, other| (&one.source, &one.region, &one.name).cmp(&(&other.source, &other.region, &other.name)));
    Ok(groups)
}

/// Reads groups again and again, and tells every line once.
#[derive(Debug)]
pub struct Tail {
    groups: Vec<Group>,
    since_ms: i64,
    /// Lines that were told and may come again, and when they were written.
    told: BTreeMap<String, i64>,
}

/// What a look brought.
#[derive(Debug)]
pub struct Look {
    /// New lines in the order of their times.
    pub lines: Vec<Line>,
    /// Whether there were more than can be fetched at once.
    pub is_cut: bool,
}

impl Tail {
    /// From an instant on.
    pub fn new(groups: Vec<Group>, since_ms: i64) -> Self {
        Self { groups, since_ms, told: BTreeMap::new() }
    }

    /// What was written since the last look.
    ///
    /// # Errors
    /// A refusal of AWS.
    pub async fn look(&mut self, cloud: &Cloud) -> Result<Look, CloudError> {
        let reads = self.groups.iter().map(|group| lines(cloud.at(&group.region), group, self.since_ms));
        let read = try_join_all(reads).await?;
        let is_cut = read.iter().any(|lines| lines.len() >= MOST_LINES);
        Ok(Look { lines: self.unheard(read.into_iter().flatten()), is_cut })
    }

    /// The lines that were not told before, in the order of their times.
    fn unheard(&mut self, lines: impl Iterator<Item = Line>) -> Vec<Line> {
        let mut new: Vec<Line> = lines.filter(|line| !self.told.contains_key(&line.id)).collect();
        new.sort_by(|one, other| (one.at_ms, &one.id).cmp(&(other.at_ms, &other.id)));
        self.told.extend(new.iter().map(|line| (line.id.clone(), line.at_ms)));
        if let Some(last) = new.last() {
            self.since_ms = self.since_ms.max(last.at_ms - LATE_MS);
        }
        self.told.retain(|_, at_ms| *at_ms >= self.since_ms);
        new
    }
}

async fn lines(clients: &Clients, group: &Group, since_ms: i64) -> Result<Vec<Line>, CloudError> {
    let (mut lines, mut next) = (Vec::new(), None);
    loop {
        let request = clients.logs.filter_log_events().log_group_name(&group.name).start_time(since_ms);
        let page = request.set_next_token(next).send().await;
        let page = match page.doing(format!("read the log group `{}` in {}", group.name, group.region)) {
            // It went with its stack, or somebody removed it.
            Err(error) if error.kind == Kind::Absent => return Ok(lines),
            page => page?,
        };
        lines.extend(page.events().iter().map(|event| Line {
            id: event.event_id().unwrap_or_default().to_owned(),
            at_ms: event.timestamp().unwrap_or_default(),
            region: group.region.clone(),
            source: group.source.clone(),
            group: group.name.clone(),
            stream: event.log_stream_name().unwrap_or_default().to_owned(),
            message: event.message().unwrap_or_default().to_owned(),
        }));
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() || lines.len() >= MOST_LINES {
            return Ok(lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::line::tests::line;

    #[test]
    fn every_line_is_told_once_and_late_ones_are_not_lost() {
        let mut tail = Tail::new(Vec::new(), 0);
        let at = |lines: &[Line]| lines.iter().map(|line| line.at_ms).collect::<Vec<_>>();
        let first = [line(20_000, "api", "b"), line(10_000, "workers", "a")];
        assert_eq!(at(&tail.unheard(first.clone().into_iter())), [10_000, 20_000]);
        let late = line(15_000, "live", "late");
        assert_eq!(at(&tail.unheard(first.clone().into_iter().chain([late]))), [15_000]);
        assert_eq!(tail.since_ms, 5_000);
        assert_eq!(at(&tail.unheard([line(90_000, "api", "c")].into_iter())), [90_000]);
        assert_eq!((tail.since_ms, tail.told.len()), (75_000, 1), "what cannot come again is forgotten");
    }
}
