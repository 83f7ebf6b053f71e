//! Two clocks compared: AWS refuses requests whose signature is too old or too young.

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use super::finding::{Area, Finding, State};

/// What nobody notices.
const HARMLESS: SignedDuration = SignedDuration::from_secs(30);
/// Beyond it the strictest services refuse to believe a signature.
const REFUSED: SignedDuration = SignedDuration::from_secs(5 * 60);

/// What the clocks say: ours, and the `Date` of an answer of AWS.
pub fn judge(ours: Timestamp, date: Option<&str>) -> Finding {
    let finding = |state, says: String| Finding::new(Area::Account, "clock", state, says);
    let Some(theirs) = date.and_then(|date| rfc2822::parse(date).ok()) else {
        return finding(State::NotKnown, "the answer of AWS does not say what time it is there".to_owned());
    };
    let apart = ours.duration_since(theirs.timestamp());
    let (by, direction) = (apart.abs(), if apart.is_negative() { "behind" } else { "ahead of" });
    let says = format!("{} s {direction} AWS's", by.as_secs());
    if by <= HARMLESS {
        return finding(State::Ok, "as AWS's".to_owned());
    }
    let state = if by < REFUSED { State::Warn } else { State::Fail };
    finding(state, says).cure("sudo timedatectl set-ntp true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_apart_are_refused_and_seconds_are_not_worth_a_word() {
        let date = "Sun, 22 Nov 2026 06:00:00 GMT";
        let noon: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        for (seconds, state, says) in [
            (0, State::Ok, "as AWS's"),
            (-20, State::Ok, "as AWS's"),
            (90, State::Warn, "90 s ahead of AWS's"),
            (-290, State::Warn, "290 s behind AWS's"),
            (300, State::Fail, "300 s ahead of AWS's"),
        ] {
            let finding = judge(noon + SignedDuration::from_secs(seconds), Some(date));
            assert_eq!((finding.state, finding.says.as_str()), (state, says), "{seconds}");
            assert_eq!(finding.cure.is_some(), state != State::Ok);
        }
    }

    #[test]
    fn without_a_date_nothing_is_known() {
        for date in [None, Some("yesterday")] {
            assert_eq!(judge(Timestamp::UNIX_EPOCH, date).state, State::NotKnown);
        }
    }
}
