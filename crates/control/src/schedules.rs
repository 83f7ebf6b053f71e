//! Scenarios that start by themselves: told when, looked over every so often, started when it is time.
//!
//! Times are kept next to the scenarios and looked over by whoever has a clock: a rule of EventBridge every minute, or a
//! timer on this machine. So both places mean the same by a schedule, nothing outlives the table, and nobody needs the
//! right to make rules or pass roles.

use dlt_model::{
    id::TestId,
    problem::{Problem, Problems},
    schedule::{Schedule, Wish},
};
use jiff::Timestamp;

use crate::{
    error::ControlError,
    plane::ControlPlane,
    ports::{Expect, RunKey, StoreError},
    record::{LastStart, Pending, ScheduleRecord, StartOutcome},
    records::{self, SCHEDULES},
    scenarios::CLAIM_PATIENCE_MS,
};

/// How late a start may be, in milliseconds. What is later has been missed: a nightly test does not begin at noon because a
/// machine was off.
pub const LATENESS_MS: u64 = 5 * 60_000;

/// What a look at a schedule comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is not time.
    Rest,
    /// It is time, and this is what was due.
    Start(Pending),
    /// Whoever took this on has not told the end of it.
    StartAgain(Pending),
    /// Its time has gone by, and nobody was there.
    Miss(u64),
    /// Its time has gone by while something was in the way.
    GiveUp(u64),
}

impl ControlPlane {
    /// Has a scenario start by itself from now on. What was said before about its starts no longer holds.
    ///
    /// # Errors
    /// When there is no such scenario, or the store fails.
    pub async fn set_schedule(&self, test: &TestId, schedule: &Schedule) -> Result<ScheduleRecord, ControlError> {
        self.scenario(test).await?;
        let next_at_ms = next_after(schedule, self.now_ms());
        for _ in 0..3 {
            let found = self.records.get::<ScheduleRecord>(&records::schedule_key(test)).await?;
            let (last, expect) = match found {
                None => (None, Expect::Absent),
                Some((before, version)) => (before.last, Expect::Version(version)),
            };
            let record =
                ScheduleRecord { test_id: test.clone(), schedule: schedule.clone(), next_at_ms, pending: None, last };
            match self.records.put(&record, expect).await {
                Err(StoreError::Conflict) => {}
                written => return Ok(written.map(|_| record)?),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// A schedule that makes sense and has a time yet to come.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check_schedule(&self, wish: Wish) -> Result<Schedule, ControlError> {
        readable(wish, self.now_ms())
    }

    /// When a scenario starts by itself.
    ///
    /// # Errors
    /// When there is no such scenario, or it does not start by itself.
    pub async fn schedule(&self, test: &TestId) -> Result<ScheduleRecord, ControlError> {
        self.scenario(test).await?;
        self.schedule_if_any(test).await?.ok_or_else(|| ControlError::NoSchedule(test.clone()))
    }

    /// When a scenario starts by itself, if it does.
    pub(crate) async fn schedule_if_any(&self, test: &TestId) -> Result<Option<ScheduleRecord>, ControlError> {
        let found = self.records.get::<ScheduleRecord>(&records::schedule_key(test)).await?;
        Ok(found.map(|(record, _)| record))
    }

    /// Every schedule.
    pub(crate) async fn all_schedules(&self) -> Result<Vec<ScheduleRecord>, ControlError> {
        self.records.all(SCHEDULES).await
    }

    /// Has a scenario no longer start by itself.
    ///
    /// # Errors
    /// When there is no such scenario, it does not start by itself, or the store fails.
    pub async fn remove_schedule(&self, test: &TestId) -> Result<(), ControlError> {
        self.scenario(test).await?;
        match self.forget_schedule(test).await? {
            true => Ok(()),
            false => Err(ControlError::NoSchedule(test.clone())),
        }
    }

    /// Whether there was one.
    pub(crate) async fn forget_schedule(&self, test: &TestId) -> Result<bool, ControlError> {
        let key = records::schedule_key(test);
        for _ in 0..3 {
            let Some((_, version)) = self.records.get::<ScheduleRecord>(&key).await? else { return Ok(false) };
            match self.records.delete(&key, version).await {
                Err(StoreError::Conflict) => {}
                deleted => return Ok(deleted.map(|()| true)?),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Looks over all schedules and starts what is due; answers what came of it. Called twice at once it starts nothing
    /// twice, and called late it starts what is not too late.
    ///
    /// # Errors
    /// When the schedules cannot be read. What goes wrong with one of them keeps none of the others.
    pub async fn start_what_is_due(&self) -> Result<Vec<(TestId, LastStart)>, ControlError> {
        let mut told = Vec::new();
        for record in self.all_schedules().await? {
            if step(&record, self.now_ms()) == Step::Rest {
                continue;
            }
            match self.see_to(&record.test_id).await {
                Ok(Some(last)) => told.push((record.test_id, last)),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(test = %record.test_id, %error, "a scheduled start was put off; trying again");
                }
            }
        }
        Ok(told)
    }

    /// Takes a due start on, makes it, and writes down what came of it. `None` when somebody else does.
    async fn see_to(&self, test: &TestId) -> Result<Option<LastStart>, ControlError> {
        let key = records::schedule_key(test);
        let now_ms = self.now_ms();
        let take = |record: &mut ScheduleRecord| {
            let step = step(record, now_ms);
            match step {
                Step::Rest => {}
                Step::Start(pending) | Step::StartAgain(pending) => {
                    record.pending = Some(Pending { since_ms: now_ms, ..pending });
                    record.next_at_ms = next_after(&record.schedule, now_ms);
                }
                Step::Miss(due_at_ms) => {
                    record.last = Some(LastStart { due_at_ms, outcome: StartOutcome::Missed });
                    record.next_at_ms = next_after(&record.schedule, now_ms);
                }
                Step::GiveUp(due_at_ms) => {
                    record.pending = None;
                    record.last = Some(LastStart { due_at_ms, outcome: given_up() });
                }
            }
            Ok(step)
        };
        let (due_at_ms, outcome) = match self.records.change(&key, take).await? {
            None | Some((_, Step::Rest)) => return Ok(None),
            Some((record, Step::Miss(_) | Step::GiveUp(_))) => return Ok(record.last),
            Some((_, Step::Start(pending))) => (pending.due_at_ms, self.start_scheduled(test).await?),
            Some((_, Step::StartAgain(pending))) => {
                (pending.due_at_ms, self.finish_scheduled(test, pending.due_at_ms).await?)
            }
        };
        let Some(outcome) = outcome else {
            self.forget_schedule(test).await?;
            return Ok(None);
        };
        let last = LastStart { due_at_ms, outcome };
        let tell = |record: &mut ScheduleRecord| {
            if record.pending.is_some_and(|pending| pending.due_at_ms == due_at_ms) {
                record.pending = None;
                record.last = Some(last.clone());
            }
        };
        self.records.update(&key, tell).await?;
        Ok(Some(last))
    }

    /// What came of it; `None` when the scenario is gone. Fails with what may pass, so that it is tried again.
    async fn start_scheduled(&self, test: &TestId) -> Result<Option<StartOutcome>, ControlError> {
        match self.start_run(test).await {
            Ok(run) => Ok(Some(StartOutcome::Started { run_id: run.run_id })),
            Err(ControlError::Running(_)) => Ok(Some(StartOutcome::Overlapped)),
            Err(ControlError::TestNotFound(_)) => Ok(None),
            Err(error @ (ControlError::Invalid(_) | ControlError::Corrupt(_))) => {
                Ok(Some(StartOutcome::Failed { reason: error.to_string() }))
            }
            Err(error) => Err(error),
        }
    }

    /// The same after somebody tried before, who may have come as far as the start and not as far as having it driven.
    async fn finish_scheduled(&self, test: &TestId, due_at_ms: u64) -> Result<Option<StartOutcome>, ControlError> {
        let latest = match self.scenario(test).await {
            Err(ControlError::TestNotFound(_)) => return Ok(None),
            found => found?.latest,
        };
        let Some(started) = latest.filter(|latest| latest.started_at_ms >= due_at_ms) else {
            return self.start_scheduled(test).await;
        };
        let run = RunKey { test_id: test.clone(), run_id: started.run_id };
        self.ports.driver.drive(&run).await?;
        Ok(Some(StartOutcome::Started { run_id: run.run_id }))
    }
}

fn given_up() -> StartOutcome {
    let reason = "what was in the way did not pass within five minutes; the log says what it was";
    StartOutcome::Failed { reason: reason.to_owned() }
}

/// What is to be done about a schedule now.
fn step(record: &ScheduleRecord, now_ms: u64) -> Step {
    let oldest_ms = now_ms.saturating_sub(LATENESS_MS);
    if let Some(pending) = record.pending {
        let is_seen_to = now_ms < pending.since_ms + CLAIM_PATIENCE_MS;
        return match pending.due_at_ms >= oldest_ms {
            _ if is_seen_to => Step::Rest,
            true => Step::StartAgain(pending),
            false => Step::GiveUp(pending.due_at_ms),
        };
    }
    let Some(due_at_ms) = record.next_at_ms.filter(|at| *at <= now_ms && !record.schedule.is_paused()) else {
        return Step::Rest;
    };
    // Of several that have come due meanwhile, one is made good: the first that is not too late.
    let first = match due_at_ms >= oldest_ms {
        true => Some(due_at_ms),
        false => next_after(&record.schedule, oldest_ms).filter(|at| *at <= now_ms),
    };
    first.map_or(Step::Miss(due_at_ms), |due_at_ms| Step::Start(Pending { due_at_ms, since_ms: now_ms }))
}

/// A schedule that has a time yet to come.
fn readable(wish: Wish, now_ms: u64) -> Result<Schedule, ControlError> {
    let schedule = Schedule::new(wish).map_err(|mistakes| {
        let problems = mistakes.into_iter().map(|mistake| Problem::of(mistake.part.name(), mistake.message));
        let all = Problems::unless_empty(problems.collect(), ());
        ControlError::Invalid(all.expect_err("what is refused has mistakes"))
    })?;
    if next_after(&schedule, now_ms).is_none() {
        let now = timestamp(now_ms).map(|now| schedule.local(now)).unwrap_or_default();
        let problem = Problem::of("", "no time of this schedule is yet to come")
            .hint(format!("it is {now} in {}", schedule.zone()));
        return Err(ControlError::Invalid(Problems::unless_empty(vec![problem], ()).expect_err("there is one")));
    }
    Ok(schedule)
}

/// The next time that something starts; none while the schedule rests.
pub(crate) fn next_start(record: &ScheduleRecord) -> Option<Timestamp> {
    record.next_at_ms.filter(|_| !record.schedule.is_paused()).and_then(timestamp)
}

pub(crate) fn timestamp(at_ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()
}

fn next_after(schedule: &Schedule, after_ms: u64) -> Option<u64> {
    let next = schedule.next_after(timestamp(after_ms)?)?;
    u64::try_from(next.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: u64 = 60_000;

    fn every_ten_minutes(next_at_ms: u64) -> ScheduleRecord {
        let wish = Wish { cron: Some("*/10 * * * *".to_owned()), ..Wish::default() };
        let schedule = Schedule::new(wish).expect("a schedule");
        let test_id = "abc".parse().expect("an id");
        ScheduleRecord { test_id, schedule, next_at_ms: Some(next_at_ms), pending: None, last: None }
    }

    #[test]
    fn a_start_is_made_at_its_time_and_a_little_later_and_not_before() {
        let record = every_ten_minutes(10 * MINUTE_MS);
        let due = |now_ms| Step::Start(Pending { due_at_ms: 10 * MINUTE_MS, since_ms: now_ms });
        assert_eq!(step(&record, 10 * MINUTE_MS - 1), Step::Rest);
        for now_ms in [10 * MINUTE_MS, 15 * MINUTE_MS] {
            assert_eq!(step(&record, now_ms), due(now_ms));
        }
        assert_eq!(step(&record, 15 * MINUTE_MS + 1), Step::Miss(10 * MINUTE_MS));
    }

    #[test]
    fn of_many_that_were_slept_through_only_one_that_is_not_too_late_is_made_good() {
        let record = every_ten_minutes(10 * MINUTE_MS);
        let now_ms = 73 * MINUTE_MS;
        assert_eq!(step(&record, now_ms), Step::Start(Pending { due_at_ms: 70 * MINUTE_MS, since_ms: now_ms }));
        assert_eq!(step(&record, 78 * MINUTE_MS), Step::Miss(10 * MINUTE_MS));
    }

    #[test]
    fn a_start_that_somebody_has_taken_on_is_left_to_them_for_a_while() {
        let pending = Pending { due_at_ms: 10 * MINUTE_MS, since_ms: 10 * MINUTE_MS };
        let record = ScheduleRecord { pending: Some(pending), ..every_ten_minutes(20 * MINUTE_MS) };
        assert_eq!(step(&record, 11 * MINUTE_MS - 1), Step::Rest);
        assert_eq!(step(&record, 11 * MINUTE_MS), Step::StartAgain(pending));
        assert_eq!(step(&record, 16 * MINUTE_MS), Step::GiveUp(10 * MINUTE_MS));
    }

    #[test]
    fn a_schedule_that_rests_starts_nothing() {
        let mut record = every_ten_minutes(10 * MINUTE_MS);
        let resting = Wish { paused: true, ..record.schedule.wish().clone() };
        record.schedule = Schedule::new(resting).expect("a schedule");
        assert_eq!(step(&record, 10 * MINUTE_MS), Step::Rest);
    }
}
