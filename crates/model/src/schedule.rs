//! When a scenario starts by itself: once, by a line of crontab, or again and again from a first time on.
//!
//! Times are those of a clock on a wall in a time zone. A time that the clock skips in spring counts as the one that it
//! skips to, and a time that it shows twice in autumn counts once.

use std::str::FromStr;

use cronexpr::{Crontab, MakeTimestamp};
use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

/// The time zone of a schedule that names none.
pub const DEFAULT_ZONE: &str = "UTC";
/// How many fields a line of crontab has: minute, hour, day of the month, month, day of the week.
const CRON_FIELDS: usize = 5;

/// A schedule as people write it: one of `at`, `cron` and `every` with `from`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wish {
    /// The only time: `2026-12-01T02:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// A line of crontab: `0 2 * * MON-FRI`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// How often: `daily`, `weekly`, `biweekly` or `monthly`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// The first time of `every`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The last day: `2027-01-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The time zone of all of these, by its IANA name; UTC if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Whether it rests: nothing starts until it goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// A part of a [`Wish`], so that whoever reads it from elsewhere can say where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The only time.
    At,
    /// A line of crontab.
    Cron,
    /// How often.
    Every,
    /// The first time.
    From,
    /// The last day.
    Until,
    /// The time zone.
    Timezone,
}

/// What is wrong with a part of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub part: Part,
    /// What, and what was expected.
    pub message: String,
}

/// A schedule that makes sense.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Wish", into = "Wish")]
pub struct Schedule {
    wish: Wish,
    rhythm: Rhythm,
    zone: TimeZone,
    until: Option<Date>,
}

#[derive(Clone, Debug)]
enum Rhythm {
    Once(DateTime),
    Cron(Box<Crontab>),
    Every(Period, DateTime),
}

/// From one time to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Days(i64),
    Month,
}

impl Part {
    /// Its name in a [`Wish`].
    pub fn name(self) -> &'static str {
        match self {
            Self::At => "at",
            Self::Cron => "cron",
            Self::Every => "every",
            Self::From => "from",
            Self::Until => "until",
            Self::Timezone => "timezone",
        }
    }
}

impl Schedule {
    /// A schedule from what somebody wrote.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn new(wish: Wish) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let zone = kept(&mut mistakes, Part::Timezone, zone(wish.timezone.as_deref()));
        let until = wish.until.as_deref().and_then(|text| kept(&mut mistakes, Part::Until, date(text)));
        let rhythm = rhythm(&wish, &mut mistakes);
        match (rhythm, zone) {
            (Some(rhythm), Some(zone)) if mistakes.is_empty() => Ok(Self { wish, rhythm, zone, until }),
            _ => Err(mistakes),
        }
    }

    /// As it was written.
    pub fn wish(&self) -> &Wish {
        &self.wish
    }

    /// The name of its time zone.
    pub fn zone(&self) -> &str {
        self.wish.timezone.as_deref().unwrap_or(DEFAULT_ZONE)
    }

    /// Whether it rests.
    pub fn is_paused(&self) -> bool {
        self.wish.paused
    }

    /// The first of its times after an instant, whether or not it rests.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut civil = after.to_zoned(self.zone.clone()).datetime();
        loop {
            civil = self.next_civil(civil)?;
            if self.until.is_some_and(|until| civil.date() > until) {
                return None;
            }
            // The clock may have shown this time before: then it was its turn then.
            let at = civil.to_zoned(self.zone.clone()).ok()?.timestamp();
            if at > after {
                return Some(at);
            }
        }
    }

    /// Its times after an instant.
    pub fn times_after(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        std::iter::successors(self.next_after(after), |&last| self.next_after(last))
    }

    /// An instant as its clock shows it: `2026-12-01 02:00:00`.
    pub fn local(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn next_civil(&self, after: DateTime) -> Option<DateTime> {
        match &self.rhythm {
            Rhythm::Once(at) => Some(*at).filter(|at| *at > after),
            Rhythm::Cron(line) => {
                let after = after.to_zoned(TimeZone::UTC).ok()?.timestamp();
                line.find_next(MakeTimestamp(after)).ok().map(|next| next.datetime())
            }
            Rhythm::Every(_, first) if *first > after => Some(*first),
            Rhythm::Every(period, first) => {
                let passed = period.whole_between(*first, after);
                (passed..).find_map(|count| {
                    match period.times(count).and_then(|span| first.checked_add(span).ok()) {
                        Some(next) if next > after => Some(Some(next)),
                        Some(_) => None,
                        None => Some(None),
                    }
                })?
            }
        }
    }
}

impl Period {
    /// No more periods than have passed from `first` to `after`.
    fn whole_between(self, first: DateTime, after: DateTime) -> i64 {
        let days = i64::from(after.date().since(first.date()).map_or(0, |span| span.get_days()));
        match self {
            Self::Days(length) => days / length,
            Self::Month => days / 31,
        }
    }

    fn times(self, count: i64) -> Option<Span> {
        match self {
            Self::Days(length) => Span::new().try_days(count.checked_mul(length)?).ok(),
            Self::Month => Span::new().try_months(count).ok(),
        }
    }
}

impl PartialEq for Schedule {
    /// All the rest follows from the wish.
    fn eq(&self, other: &Self) -> bool {
        self.wish == other.wish
    }
}

impl From<Schedule> for Wish {
    fn from(schedule: Schedule) -> Self {
        schedule.wish
    }
}

impl TryFrom<Wish> for Schedule {
    type Error = String;

    fn try_from(wish: Wish) -> Result<Self, String> {
        let said = |mistake: &Mistake| format!("{}: {}", mistake.part.name(), mistake.message);
        Self::new(wish).map_err(|mistakes| mistakes.iter().map(said).collect::<Vec<_>>().join("; "))
    }
}

/// What was read, or one mistake more.
fn kept<T>(mistakes: &mut Vec<Mistake>, part: Part, read: Result<T, String>) -> Option<T> {
    read.map_err(|message| mistakes.push(Mistake { part, message })).ok()
}

fn rhythm(wish: &Wish, mistakes: &mut Vec<Mistake>) -> Option<Rhythm> {
    let mut wrong = |part, message: &str| mistakes.push(Mistake { part, message: message.to_owned() });
    match (&wish.at, &wish.cron, &wish.every) {
        (None, None, None) => wrong(Part::At, "a schedule has a time, a line of crontab, or how often it comes"),
        (Some(_), Some(_), _) => wrong(Part::Cron, "there is a single time beside it; only one of the two can be"),
        (Some(_), None, Some(_)) | (None, Some(_), Some(_)) => {
            wrong(Part::Every, "there is another way of saying when beside it; only one can be");
        }
        _ => {}
    }
    match (&wish.every, &wish.from) {
        (Some(_), None) => wrong(Part::From, "is missing: the first time, like 2026-12-01T02:00"),
        (None, Some(_)) => wrong(Part::From, "a first time belongs to how often it comes"),
        _ => {}
    }
    if wish.at.is_some() && wish.until.is_some() {
        wrong(Part::Until, "a schedule with a single time needs no last day");
    }
    let at = wish.at.as_deref().and_then(|text| kept(mistakes, Part::At, instant(text)));
    let line = wish.cron.as_deref().and_then(|text| kept(mistakes, Part::Cron, crontab(text)));
    let every = wish.every.as_deref().and_then(|text| kept(mistakes, Part::Every, period(text)));
    let from = wish.from.as_deref().and_then(|text| kept(mistakes, Part::From, instant(text)));
    match (at, line, every.zip(from)) {
        (Some(at), ..) => Some(Rhythm::Once(at)),
        (_, Some(line), _) => Some(Rhythm::Cron(Box::new(line))),
        (_, _, Some((period, first))) => Some(Rhythm::Every(period, first)),
        _ => None,
    }
}

fn zone(name: Option<&str>) -> Result<TimeZone, String> {
    let name = name.unwrap_or(DEFAULT_ZONE);
    TimeZone::get(name).map_err(|_| format!("there is no time zone `{name}`; names are like Europe/Berlin"))
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("expected a day like 2027-01-31, found `{text}`"))
}

/// `2026-12-01T02:00` or `2026-12-01 02:00:00`: a time on the clock, so without an offset of its own.
fn instant(text: &str) -> Result<DateTime, String> {
    let wrong = || format!("expected a day and a time like 2026-12-01T02:00, found `{text}`");
    let (day, time) = text.split_once(['T', ' ']).ok_or_else(wrong)?;
    let day = Date::from_str(day).map_err(|_| wrong())?;
    let is_plain = time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let time = Time::from_str(time).ok().filter(|_| is_plain).ok_or_else(wrong)?;
    Ok(DateTime::from_parts(day, time))
}

fn crontab(text: &str) -> Result<Crontab, String> {
    let fields = text.split_whitespace().count();
    if fields != CRON_FIELDS {
        return Err(format!(
            "expected five fields (minute, hour, day of the month, month, day of the week) like `0 2 * * MON-FRI`, found \
             {fields} in `{text}`"
        ));
    }
    cronexpr::parse_crontab(&format!("{text} UTC")).map_err(|error| {
        // The library points into the text over several lines; what it says about it stands in the last one.
        let told = error.to_string();
        let why = told.lines().last().unwrap_or_default().trim_start_matches([' ', '^', '-']).to_owned();
        format!("`{text}` is no line of crontab: {why}")
    })
}

fn period(text: &str) -> Result<Period, String> {
    match text {
        "daily" => Ok(Period::Days(1)),
        "weekly" => Ok(Period::Days(7)),
        "biweekly" => Ok(Period::Days(14)),
        "monthly" => Ok(Period::Month),
        other => Err(format!("expected daily, weekly, biweekly or monthly, found `{other}`")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cron(line: &str, zone: &str) -> Wish {
        Wish { cron: Some(line.to_owned()), timezone: Some(zone.to_owned()), ..Wish::default() }
    }

    fn every(period: &str, from: &str) -> Wish {
        Wish { every: Some(period.to_owned()), from: Some(from.to_owned()), ..Wish::default() }
    }

    fn schedule(wish: Wish) -> Schedule {
        Schedule::new(wish).expect("a schedule")
    }

    fn times(wish: Wish, after: &str, count: usize) -> Vec<String> {
        let schedule = schedule(wish);
        schedule.times_after(after.parse().expect("an instant")).take(count).map(|at| at.to_string()).collect()
    }

    #[test]
    fn a_single_time_comes_once_at_the_clock_of_its_zone() {
        let wish = Wish {
            at: Some("2026-12-01T02:00".to_owned()),
            timezone: Some("Europe/Berlin".to_owned()),
            ..Wish::default()
        };
        assert_eq!(times(wish.clone(), "2026-11-23T00:00:00Z", 3), ["2026-12-01T01:00:00Z"]);
        assert!(times(wish, "2026-12-01T01:00:00Z", 3).is_empty());
    }

    #[test]
    fn a_line_of_crontab_goes_on_beyond_the_year_and_knows_lists_ranges_and_both_days() {
        let next = |line, count| times(cron(line, "UTC"), "2026-12-30T12:00:00Z", count);
        assert_eq!(
            next("0 2 * * MON-FRI", 3),
            ["2026-12-31T02:00:00Z", "2027-01-01T02:00:00Z", "2027-01-04T02:00:00Z"]
        );
        assert_eq!(
            next("*/20,5 0 1 1,7 *", 3),
            ["2027-01-01T00:00:00Z", "2027-01-01T00:05:00Z", "2027-01-01T00:20:00Z"]
        );
        // Either day will do when both are said, as with every cron.
        assert_eq!(next("0 0 1 * SUN", 2), ["2027-01-01T00:00:00Z", "2027-01-03T00:00:00Z"]);
    }

    #[test]
    fn a_time_that_the_clock_skips_is_the_one_after_it_and_one_that_it_shows_twice_comes_once() {
        let spring = times(cron("30 2 * * *", "Europe/Berlin"), "2026-03-28T12:00:00Z", 2);
        assert_eq!(spring, ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"], "03:30, then 02:30 in summer");
        let autumn = times(cron("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z", 2);
        assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn what_comes_every_month_keeps_its_day_where_the_month_has_it() {
        let monthly = times(every("monthly", "2027-01-31T08:00"), "2026-12-01T00:00:00Z", 4);
        assert_eq!(
            monthly,
            ["2027-01-31T08:00:00Z", "2027-02-28T08:00:00Z", "2027-03-31T08:00:00Z", "2027-04-30T08:00:00Z"]
        );
        let biweekly = times(every("biweekly", "2026-12-24T08:00"), "2027-03-04T08:00:00Z", 1);
        assert_eq!(biweekly, ["2027-03-18T08:00:00Z"]);
    }

    #[test]
    fn the_last_day_is_the_last_day_of_its_zone() {
        let wish = Wish { until: Some("2026-12-02".to_owned()), ..cron("0 23 * * *", "America/New_York") };
        assert_eq!(
            times(wish, "2026-12-01T00:00:00Z", 9),
            ["2026-12-01T04:00:00Z", "2026-12-02T04:00:00Z", "2026-12-03T04:00:00Z"]
        );
    }

    #[test]
    fn a_day_that_never_comes_is_never() {
        assert!(times(cron("0 0 31 2 *", "UTC"), "2026-12-01T00:00:00Z", 1).is_empty());
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let wish = Wish {
            cron: Some("0 2 * *".to_owned()),
            every: Some("hourly".to_owned()),
            until: Some("tomorrow".to_owned()),
            timezone: Some("Mars/Olympus".to_owned()),
            ..Wish::default()
        };
        let mistakes = Schedule::new(wish).expect_err("five mistakes");
        let parts: Vec<Part> = mistakes.iter().map(|mistake| mistake.part).collect();
        assert_eq!(parts, [Part::Timezone, Part::Until, Part::Every, Part::From, Part::Cron, Part::Every]);
        assert_eq!(Schedule::new(Wish::default()).expect_err("nothing").len(), 1);
    }

    #[test]
    fn a_line_that_is_no_crontab_is_told_by_what_is_wrong_with_it() {
        let said = |line| Schedule::new(cron(line, "UTC")).expect_err("no line").remove(0).message;
        assert_one_line(&said("61 2 * * *"), "`61 2 * * *` is no line of crontab: ");
        assert_one_line(&said("0 2 ? * MON-FRI *"), "expected five fields");
        assert_one_line(&said("0 25 * * *"), "`0 25 * * *` is no line of crontab: ");
    }

    fn assert_one_line(said: &str, begins: &str) {
        assert!(said.starts_with(begins) && said.len() > begins.len(), "{said}");
        assert!(!said.contains('\n'), "{said}");
    }

    #[test]
    fn a_time_with_an_offset_of_its_own_or_without_a_clock_is_none() {
        for text in ["2026-12-01T02:00Z", "2026-12-01T02:00+01:00", "2026-12-01", "02:00", "2026-13-01T02:00"] {
            assert!(instant(text).is_err(), "{text}");
        }
        assert_eq!(instant("2026-12-01 02:00:30"), Ok("2026-12-01T02:00:30".parse().expect("a time")));
    }

    #[test]
    fn a_schedule_is_kept_as_it_was_written() {
        let wish = Wish { paused: true, ..cron("0 2 * * 1", "Europe/Berlin") };
        let text = serde_json::to_string(&schedule(wish.clone())).expect("JSON");
        assert_eq!(text, r#"{"cron":"0 2 * * 1","timezone":"Europe/Berlin","paused":true}"#);
        assert_eq!(serde_json::from_str::<Schedule>(&text).expect("the same").wish(), &wish);
        assert!(serde_json::from_str::<Schedule>(r#"{"cron":"x"}"#).is_err());
    }

    proptest! {
        #[test]
        fn times_only_go_forward_and_none_is_left_out(
            minute in 0..60_u8, hour in 0..24_u8, start in 0_i64..2_000_000_000, step in 1_i64..5_000_000,
            zone in prop_oneof![Just("Europe/Berlin"), Just("America/New_York"), Just("Australia/Lord_Howe"), Just("UTC")],
        ) {
            let daily = schedule(cron(&format!("{minute} {hour} * * *"), zone));
            let after = Timestamp::from_second(start).expect("an instant");
            let next = daily.next_after(after).expect("every day has one");
            prop_assert!(next > after);
            // Whoever looks from any instant in between sees the same one.
            let between = after.as_second() + step % (next.as_second() - after.as_second()).max(1);
            let between = Timestamp::from_second(between).expect("an instant");
            prop_assert_eq!(daily.next_after(between), Some(next));
            let gap = daily.next_after(next).expect("another").as_second() - next.as_second();
            prop_assert!((22 * 3_600..=26 * 3_600).contains(&gap), "{gap} s");
        }
    }
}
