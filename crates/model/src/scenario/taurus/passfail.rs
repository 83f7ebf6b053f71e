//! `reporting`: Taurus's criteria, which say when a run fails, become clauses that say what must hold.

use super::reader::{Reader, join, present};
use crate::{
    document::{Node, Value},
    duration::Duration,
    gate::Clause,
};

/// Reporters that change nothing about a run.
const REPORTERS: [&str; 6] = ["final-stats", "console", "junit-xml", "blazemeter", "final_stats", "summary"];
/// Negations: a criterion fires, a clause holds.
const OPERATORS: [(&str, &str); 6] = [(">=", "<"), ("<=", ">"), ("==", ""), (">", "<="), ("<", ">="), ("=", "")];
const NEAREST: &str =
    "there are clauses for avg, stdev, p0 to p100, success_rate, error_rate, failures, samples and throughput";

/// A criterion, taken apart.
#[derive(Default)]
struct Criterion {
    subject: String,
    label: Option<String>,
    condition: String,
    threshold: String,
    /// `for`, `within` or `over`, and how long.
    window: Option<(String, String)>,
    stop: Option<bool>,
    fail: bool,
}

impl Reader<'_> {
    /// The clauses of every `passfail` reporter.
    pub fn reporting(&mut self, root: &Node, path: &str) -> Vec<Clause> {
        let Some(written) = present(root, "reporting") else { return Vec::new() };
        let path = join(path, "reporting");
        let mut clauses = Vec::new();
        for (index, item) in self.items(written).iter().enumerate() {
            let path = format!("{path}[{index}]");
            let module = item.get("module").unwrap_or(item);
            match module.text() {
                Some("passfail" | "pass-fail") => self.criteria(item, &path, &mut clauses),
                Some(text) if REPORTERS.contains(&text) => {}
                _ => {
                    let hint = "write criteria as `thresholds` of our own format, or pass them to the gate";
                    self.refuse(module, &join(&path, "module"), "this reporter is not supported by this release", hint);
                }
            }
        }
        clauses
    }

    fn criteria(&mut self, reporter: &Node, path: &str, clauses: &mut Vec<Clause>) {
        self.warn_unknown_keys(reporter, path, &["module", "criteria", "criterions", "run-at"]);
        let Some((key, criteria)) =
            ["criteria", "criterions"].iter().find_map(|key| present(reporter, key).map(|node| (*key, node)))
        else {
            return;
        };
        let path = join(path, key);
        // A mapping gives each criterion a message.
        let named = criteria.entries().iter().map(|(key, node)| (join(&path, &key.text), node));
        let listed = criteria.items().iter().enumerate().map(|(index, node)| (format!("{path}[{index}]"), node));
        let mut all: Vec<(String, &Node)> = named.chain(listed).collect();
        if criteria.text().is_some() {
            all.push((path.clone(), criteria));
        }
        for (path, node) in all {
            let read = match &node.value {
                Value::Mapping(_) => self.long(node, &path),
                _ => self.check(node, &path, short),
            };
            let Some(criterion) = read else { continue };
            match criterion.clause() {
                Ok((clause, note)) => {
                    self.warn(node.place, &path, format!("translated to `{clause}`{note}"));
                    if !clauses.contains(&clause) {
                        clauses.push(clause);
                    }
                }
                Err((why, instead)) => self.refuse(node, &path, why, instead),
            }
        }
    }

    fn long(&mut self, node: &Node, path: &str) -> Option<Criterion> {
        let known =
            ["subject", "label", "condition", "threshold", "timeframe", "logic", "fail", "stop", "message", "class"];
        self.warn_unknown_keys(node, path, &known);
        let text = |text: &str| Ok(text.to_owned());
        let subject = self.required(node, path, "subject", text);
        let condition = self.required(node, path, "condition", text);
        let threshold = self.required(node, path, "threshold", text);
        let label = self.optional(node, path, "label", text);
        let logic = self.optional(node, path, "logic", text).unwrap_or_else(|| "for".to_owned());
        let frame = self.optional(node, path, "timeframe", text);
        let fail = self.switch(node, path, "fail").unwrap_or(true);
        let stop = self.switch(node, path, "stop");
        let window = frame.filter(|frame| frame != "0" && frame != "-1").map(|frame| (logic, frame));
        Some(Criterion { subject: subject?, label, condition: condition?, threshold: threshold?, window, stop, fail })
    }
}

/// `[message:] subject [of label] condition threshold [for|within|over time][, stop|continue as failed|non-failed]`.
fn short(text: &str) -> Result<Criterion, String> {
    let wrong =
        || format!("`{text}` is not a criterion; expected one like `avg-rt of checkout>150ms for 10s, stop as failed`");
    let mut criterion = Criterion { fail: true, ..Criterion::default() };
    let (rest, action) = match text.rsplit_once(',') {
        Some((rest, action)) if action.contains("failed") => (rest, Some(action.trim())),
        _ => (text, None),
    };
    if let Some(action) = action {
        let (verb, as_what) = action.split_once(" as ").ok_or_else(wrong)?;
        criterion.stop = match verb.trim() {
            "stop" => Some(true),
            "continue" => Some(false),
            _ => return Err(wrong()),
        };
        criterion.fail = match as_what.trim() {
            "failed" => true,
            "non-failed" => false,
            _ => return Err(wrong()),
        };
    }
    let at = rest.find(['<', '>', '=']).ok_or_else(wrong)?;
    let (left, right) = rest.split_at(at);
    let (condition, _) = OPERATORS.iter().find(|(operator, _)| right.starts_with(operator)).ok_or_else(wrong)?;
    criterion.condition = (*condition).to_owned();
    let right = right[condition.len()..].trim();
    let mut words = right.split_whitespace();
    criterion.threshold = words.next().ok_or_else(wrong)?.to_owned();
    criterion.window = match (words.next(), words.next(), words.next()) {
        (None, ..) => None,
        (Some(logic @ ("for" | "within" | "over")), Some(frame), None) => Some((logic.to_owned(), frame.to_owned())),
        _ => return Err(wrong()),
    };
    let left = match left.split_once(" of ") {
        Some((left, label)) => {
            criterion.label = Some(label.trim().to_owned());
            left
        }
        None => left,
    };
    // A message may stand before the subject.
    criterion.subject = left.rsplit_once(':').map_or(left, |(_, subject)| subject).trim().to_owned();
    if criterion.subject.is_empty() { Err(wrong()) } else { Ok(criterion) }
}

impl Criterion {
    /// What must hold so that the criterion never fires, and what is not quite the same.
    fn clause(&self) -> Result<(Clause, &'static str), (String, &'static str)> {
        let window = match &self.window {
            None => None,
            Some((logic, frame)) => {
                let span: Duration = frame
                    .parse()
                    .map_err(|why: crate::duration::InvalidDuration| (why.to_string(), "write one like 10s"))?;
                Some((logic.as_str(), span)).filter(|(_, span)| !span.is_zero())
            }
        };
        let severity = match (self.fail, self.stop, window) {
            (true, Some(false), _) | (true, _, None) => "",
            (true, _, Some(_)) => "abort ",
            (false, Some(true), Some(_)) => {
                let why = "a criterion that stops a run and does not fail it has no equivalent".to_owned();
                return Err((why, "write `continue as non-failed`, or `stop as failed`"));
            }
            (false, ..) => "warn ",
        };
        if self.label.is_some() && window.is_some() {
            let why = "criteria of one label over a window have no equivalent: second by second, all requests are counted together";
            return Err((why.to_owned(), "leave out the label, or the window"));
        }
        let negated =
            OPERATORS.iter().find(|(operator, _)| *operator == self.condition).map_or("", |(_, negated)| negated);
        if negated.is_empty() {
            return Err((format!("`{}` has no equivalent: no clause says `is not`", self.condition), "use > or <"));
        }
        let seconds = window.map(|(_, span)| span.as_millis() / 1_000);
        let (subject, value) = self.measured(seconds)?;
        let of =
            self.label.as_ref().map(|label| format!(" of \"{}\"", label.replace('\\', "\\\\").replace('"', "\\\"")));
        let over = window.map(|(_, span)| format!(" over {span}")).unwrap_or_default();
        let text = format!("{severity}{subject}{} {negated} {value}{over}", of.unwrap_or_default());
        let clause = text.parse::<Clause>().map_err(|wrong| {
            let why = wrong.as_slice().first().map(|problem| problem.message.clone()).unwrap_or_default();
            (format!("`{text}` would be the clause, but: {why}"), NEAREST)
        })?;
        let note = match window {
            Some(("for", _)) => "; a window is judged as a whole, not second by second",
            _ => "",
        };
        Ok((clause, note))
    }

    /// The subject and the limit in our words.
    fn measured(&self, seconds: Option<u64>) -> Result<(String, String), (String, &'static str)> {
        let limit = self.threshold.as_str();
        let percent = limit.ends_with('%');
        let none = |what: &str| Err((format!("`{}` has no equivalent: {what}", self.subject), NEAREST));
        let subject = match self.subject.as_str() {
            "avg-rt" => "avg",
            "stdev-rt" => "stdev",
            percentile if percentile.strip_prefix('p').is_some_and(|number| number.parse::<f64>().is_ok()) => {
                percentile
            }
            "succ" | "success" if percent => return Ok(("success_rate".to_owned(), limit.to_owned())),
            "fail" | "failures" if percent => return Ok(("error_rate".to_owned(), limit.to_owned())),
            "fail" | "failures" => return Ok(("failures".to_owned(), self.count(seconds)?)),
            "hits" if seconds.is_some() && !percent => return Ok(("throughput".to_owned(), self.per_second(seconds)?)),
            "hits" if !percent => return Ok(("samples".to_owned(), limit.to_owned())),
            "succ" | "success" => return none("successes are judged in percent"),
            "avg-lt" | "avg-ct" => return none("latencies are judged as a whole"),
            "bytes" => return none("bytes are not judged"),
            "concurr" | "concurrency" => return none("the number of users is not judged"),
            code if code.starts_with("rc") => return none("statuses are judged by each request's own checks"),
            _ => return none("it is not known here"),
        };
        let span: Duration =
            limit.parse().map_err(|why: crate::duration::InvalidDuration| (why.to_string(), "write one like 150ms"))?;
        Ok((subject.to_owned(), format!("{}ms", span.as_millis())))
    }

    /// `for` looks at each second, and the others at all seconds together.
    fn per_second(&self, seconds: Option<u64>) -> Result<String, (String, &'static str)> {
        let each = matches!(&self.window, Some((logic, _)) if logic == "for");
        let parsed = self.threshold.parse::<f64>().ok().filter(|number| *number >= 0.0);
        let number =
            parsed.ok_or_else(|| (format!("`{}` is not a number of samples", self.threshold), "write one like 5"))?;
        #[expect(clippy::cast_precision_loss, reason = "windows are far below 2^53 seconds")]
        let rate = if each { number } else { number / seconds.unwrap_or(1).max(1) as f64 };
        let text = format!("{rate:.6}");
        Ok(format!("{}/s", text.trim_end_matches('0').trim_end_matches('.')))
    }

    /// `for` counts each second by itself, and a clause the whole window.
    fn count(&self, seconds: Option<u64>) -> Result<String, (String, &'static str)> {
        let number: u64 = self
            .threshold
            .parse()
            .map_err(|_| (format!("`{}` is not a number of samples", self.threshold), "write one like 5 or 5%"))?;
        match (&self.window, seconds) {
            (Some((logic, _)), Some(seconds)) if logic == "for" => {
                Ok(number.saturating_mul(seconds.max(1)).to_string())
            }
            _ => Ok(number.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(text: &str) -> Result<String, String> {
        let criterion = short(text)?;
        criterion.clause().map(|(clause, _)| clause.to_string()).map_err(|(why, _)| why)
    }

    #[test]
    fn what_fires_becomes_what_must_hold() {
        for (text, expected) in [
            ("avg-rt>150ms for 10s, stop as failed", "abort avg <= 150ms over 10s"),
            ("avg-rt of IndexPage>1.5", "avg of \"IndexPage\" <= 1500ms"),
            ("My message: p90<2s over 5s, continue as failed", "p90 >= 2s over 5s"),
            ("fail>50% within 10s", "abort error_rate <= 50% over 10s"),
            ("failures>=5 for 5s, continue as failed", "failures < 25 over 5s"),
            ("succ<99.5%", "success_rate >= 99.5%"),
            ("hits>100 for 5s, continue as non-failed", "warn throughput <= 100/s over 5s"),
            ("hits<10", "samples >= 10"),
            ("hits<10 within 5s, continue as failed", "throughput >= 2/s over 5s"),
            ("p99.9>=1m", "p99.9 < 60s"),
        ] {
            assert_eq!(clause(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_has_no_equivalent_says_so() {
        for (text, part) in [
            ("rc500>10 for 5s", "statuses"),
            ("bytes>10", "not judged"),
            ("avg-lt>1s", "as a whole"),
            ("succ>10", "in percent"),
            ("fail==5", "is not"),
            ("p90 of a>1s for 5s", "one label"),
            ("avg-rt>1s for 5s, stop as non-failed", "does not fail it"),
            ("avg-rt is bad", "not a criterion"),
            ("avg-rt>1s for ever", "not a duration"),
            ("avg-rt>1s, explode as failed", "not a criterion"),
            ("fluff>1", "not known"),
        ] {
            assert!(clause(text).expect_err(text).contains(part), "{text}: {:?}", clause(text));
        }
    }
}
