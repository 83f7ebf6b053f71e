//! What a run on an environment will be, said before anything is started: how much load, from where, and what it costs.

use dlt_model::forecast::{ASSUMED_LATENCY, Forecast, Unit};
use serde_json::{Value, json};

use crate::{
    cost::{Load, Test},
    report::forecast,
};

/// A run that is about to be started.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Where, as in "on the environment `dev`".
    pub place: String,
    /// What it will be.
    pub forecast: Forecast,
    /// What it costs, where somebody knows what its workers are.
    pub price: Option<Price>,
}

/// What a run costs, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// All of it.
    pub usd: f64,
    /// An hour of the same load.
    pub usd_per_hour: f64,
}

impl Price {
    /// Reckons a test.
    pub fn of(load: &Load) -> Self {
        let test = Test::of(load);
        Self { usd: test.bill.usd, usd_per_hour: test.usd_per_hour }
    }
}

impl Proposal {
    /// What a person reads: what is started where, its workers with their price, and its load.
    pub fn text(&self) -> String {
        let price = self.price.map(|price| {
            let (all, hour) = (forecast::dollars(price.usd), forecast::dollars(price.usd_per_hour));
            format!(" · ≈ {all} ({hour}/h)")
        });
        let workers = forecast::brief(&self.forecast);
        let rate = forecast::short(self.forecast.peak_requests_per_second);
        let assumed = match self.assumes_latency() {
            true => format!(", if an answer takes {ASSUMED_LATENCY}"),
            false => String::new(),
        };
        let first = format!("starting `{}` {}", self.forecast.name, self.place);
        format!("{first}\n  {workers}{}\n  ≈ {rate} requests/s at the peak{assumed}", price.unwrap_or_default())
    }

    /// Whether the rate depends on the target: users who wait for answers ask as often as these come.
    fn assumes_latency(&self) -> bool {
        self.forecast.executions.iter().any(|course| course.unit == Unit::VirtualUsers)
    }

    /// What a program reads.
    pub fn json(&self) -> Value {
        json!({
            "event": "proposed", "name": self.forecast.name, "place": self.place,
            "virtualUsers": self.forecast.virtual_users, "requestsPerSecond": self.forecast.peak_requests_per_second,
            "assumedLatencyMs": self.assumes_latency().then(|| ASSUMED_LATENCY.as_millis()),
            "workers": self.forecast.workers, "regions": self.forecast.regions,
            "durationMs": self.forecast.duration.as_millis(),
            "usd": self.price.map(|price| price.usd), "usdPerHour": self.price.map(|price| price.usd_per_hour),
        })
    }
}

#[cfg(test)]
mod tests {
    use dlt_model::{
        forecast::{ASSUMED_LATENCY, Assumptions, Size},
        scenario::{Scenario, Sources},
    };

    use super::*;
    fn proposal(yaml: &str, size: Option<Size>) -> Proposal {
        let region = "eu-west-1".parse().expect("a region");
        let (scenario, _) = Scenario::read("a.yaml", yaml, &Sources::NONE, Some(&region)).expect("a scenario");
        let assumed = Size { vcpus: 2.0, memory_gib: 4.0, arm: false };
        let assumptions = Assumptions { latency: ASSUMED_LATENCY, size: assumed };
        let forecast = Forecast::new(&scenario, &assumptions).expect("a forecast");
        let price = size.map(|size| {
            Price::of(&Load {
                name: forecast.name.clone(),
                fleet: vec![("eu-west-1".to_owned(), forecast.workers)],
                public_workers: forecast.workers,
                duration: forecast.duration,
                size,
                live_data: true,
                bytes_sent: Some(forecast.bytes_sent),
            })
        });
        Proposal { place: "on the environment `qa`".to_owned(), forecast, price }
    }

    const SHOP: &str =
        "name: shop\nworkers: 2\nload: {virtual_users: 50, hold_for: 1h}\nrequests: [GET http://a.example/]\n";

    #[test]
    fn a_run_is_proposed_with_its_load_its_workers_and_its_price_in_eighty_columns() {
        let size = Size { vcpus: 2.0, memory_gib: 4.0, arm: false };
        let told = proposal(SHOP, Some(size));
        let text = told.text();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let begin = "starting `shop` on the environment `qa`\n  50 VUs · 2 workers in eu-west-1 · 1h · ≈ $0.";
        assert!(text.starts_with(begin), "{text}");
        assert!(text.ends_with("/h)\n  ≈ 500 requests/s at the peak, if an answer takes 100ms"), "{text}");
        assert!(told.json()["usdPerHour"].as_f64().is_some_and(|usd| usd > 0.1), "{:#}", told.json());
    }

    #[test]
    fn a_rate_that_was_asked_for_assumes_nothing() {
        let open =
            SHOP.replace("{virtual_users: 50,", "{executor: constant-arrival-rate, rate: 30/s, pre_allocated_vus: 5,");
        let told = proposal(&open.replace("hold_for", "duration"), None);
        assert!(told.text().ends_with("≈ 30 requests/s at the peak"), "{}", told.text());
        assert_eq!(told.json()["assumedLatencyMs"], Value::Null);
    }

    #[test]
    fn where_nobody_knows_what_a_worker_is_no_price_is_told() {
        let told = proposal(&SHOP.replace("workers: 2\n", "regions: [eu-west-1, us-east-1]\n"), None);
        assert!(!told.text().contains('$') && told.text().contains("in 2 regions"), "{}", told.text());
        assert_eq!(told.json()["usd"], Value::Null);
    }
}
