//! How often a log has a line of a run's load: every five seconds at first, every minute in the end.

/// When the next line is due.
#[derive(Debug, Default)]
pub struct Pace {
    told: u64,
}

impl Pace {
    /// Whether it is time for a line about this second; then the next one is due later.
    pub fn is_due(&mut self, second: u64) -> bool {
        let every = match second {
            0..60 => 5,
            60..600 => 15,
            _ => 60,
        };
        let due = second >= self.told + every;
        if due {
            self.told = second;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_an_hour_has_about_a_hundred_lines() {
        let mut pace = Pace::default();
        let lines = (1..=3_600).filter(|second| pace.is_due(*second)).count();
        assert!((80..=110).contains(&lines), "{lines}");
    }
}
