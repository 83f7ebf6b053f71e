//! Where the load comes from: `workers` and `regions`, and who of them gets how many virtual users.

use super::values::{optional, required};
use crate::{
    document::{Node, Value},
    fields::Fields,
    id::Region,
    problem::{Place, Problem},
    scenario::{
        RegionLoad, Warning,
        limits::{self, MAX_VIRTUAL_USERS_PER_WORKER, MAX_WORKERS},
    },
    segment::Segment,
};

/// How many workers stand in which region; `None` with a problem noted.
pub(super) fn read(fields: &mut Fields<'_>, default_region: Option<&Region>) -> Option<Vec<(Region, u32)>> {
    let most = u64::from(MAX_WORKERS);
    let workers = fields.optional("workers").is_some();
    let count = optional(fields, "workers", |text| limits::number(text, 1, most));
    let Some(regions) = fields.optional("regions") else {
        let count = if workers { count? } else { 1 };
        let Some(region) = default_region else {
            let problem =
                Problem::at(fields.place(), "regions", "no region is named").hint("write `regions: [eu-west-1]`");
            fields.problems().push(problem);
            return None;
        };
        return Some(vec![(region.clone(), u32::try_from(count).expect("at most MAX_WORKERS"))]);
    };
    if workers {
        fields.reject("workers", regions, "give either `workers` or `regions`, not both");
    }
    let mut read: Vec<(Region, u32)> = Vec::new();
    for (path, node) in fields.optional_list("regions") {
        let Some((region, workers)) = read_region(node, &path, fields.problems()) else { continue };
        if read.iter().any(|(known, _)| *known == region) {
            fields.problems().push(Problem::at(node.place, path, format!("`{region}` is given twice")));
            continue;
        }
        read.push((region, workers));
    }
    if regions.items().is_empty() && matches!(regions.value, Value::Sequence(_)) {
        fields.reject("regions", regions, "name at least one region");
    }
    (!read.is_empty()).then_some(read)
}

fn read_region(node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<(Region, u32)> {
    let parse = |text: &str| text.parse::<Region>().map_err(|error| error.to_string());
    if let Some(text) = node.text() {
        return parse(text)
            .map_err(|why| problems.push(Problem::at(node.place, path, why)))
            .ok()
            .map(|region| (region, 1));
    }
    let mut fields = Fields::of(node, path, problems)?;
    let region = required(&mut fields, "region", parse);
    let given = fields.optional("workers").is_some();
    let workers = optional(&mut fields, "workers", |text| limits::number(text, 1, u64::from(MAX_WORKERS)));
    fields.finish();
    let workers = if given { workers? } else { 1 };
    Some((region?, u32::try_from(workers).expect("at most MAX_WORKERS")))
}

/// Gives each region its exact share of the virtual users, in proportion to its workers.
pub(super) fn share(
    virtual_users: u64,
    workers: &[(Region, u32)],
    place: Place,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) -> Vec<RegionLoad> {
    let total: u64 = workers.iter().map(|(_, count)| u64::from(*count)).sum();
    if total > u64::from(MAX_WORKERS) {
        problems.push(Problem::at(
            place,
            "regions",
            format!("expected at most {MAX_WORKERS} workers in all, found {total}"),
        ));
        return Vec::new();
    }
    if virtual_users.div_ceil(total) > MAX_VIRTUAL_USERS_PER_WORKER {
        let needed = virtual_users.div_ceil(MAX_VIRTUAL_USERS_PER_WORKER);
        let message = format!(
            "a worker runs at most {MAX_VIRTUAL_USERS_PER_WORKER} virtual users; {virtual_users} need {needed} workers"
        );
        problems.push(Problem::at(place, "workers", message));
        return Vec::new();
    }
    let shares: Vec<u64> = Segment::split(u32::try_from(total).expect("at most MAX_WORKERS"))
        .map(|segment| segment.share_of(virtual_users))
        .collect();
    let mut next = 0;
    let mut fleet = Vec::new();
    for (region, count) in workers {
        let end = next + usize::try_from(*count).expect("at most MAX_WORKERS");
        let users = shares[next..end].iter().sum();
        next = end;
        let needed = u32::try_from(users).unwrap_or(u32::MAX).min(*count);
        if users == 0 {
            let message = format!("`{region}` gets none of {virtual_users} virtual users and is left out");
            warnings.push(Problem::at(place, "regions", message));
            continue;
        }
        if needed < *count {
            let message =
                format!("{count} workers for {users} virtual users in `{region}`: {needed} are enough, one user each");
            warnings.push(Problem::at(place, "workers", message));
        }
        fleet.push(RegionLoad { region: region.clone(), workers: needed, virtual_users: users });
    }
    fleet
}
