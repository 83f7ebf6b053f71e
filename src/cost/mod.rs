//! What an environment costs: by the month while nobody tests, by the test, and what a plan makes of it.
//!
//! Pure, with one dated table of prices in `dlt_model::forecast::prices`; `live` alone asks AWS, and only how much is stored.

pub mod bill;
pub mod idle;
pub mod live;
pub mod page;
pub mod planned;
pub mod testing;

use dlt_model::{
    forecast::{Size, prices},
    id::Region,
};
use serde::Serialize;

pub use self::{
    bill::{Bill, Line},
    idle::difference,
    testing::{Load, Test},
};

/// What an environment costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cost {
    /// The environment's stack name.
    pub stack: String,
    /// Its regions, hub first.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub regions: Vec<Region>,
    /// A month in which nobody tests, as the environment file has it.
    pub idle: Bill,
    /// The same as it is deployed, where AWS was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Deployed>,
    /// A test.
    pub test: Test,
    /// What is not in these sums.
    pub not_counted: Vec<String>,
    /// The month that the prices are known for.
    pub as_of: &'static str,
    /// What they were compared with.
    pub checked: &'static str,
    /// Where the present ones stand: Fargate's, and the others'.
    pub sources: [&'static str; 2],
}

/// What is deployed, and what it costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Deployed {
    /// A month in which nobody tests.
    #[serde(flatten)]
    pub idle: Bill,
    /// What a worker is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::forms::Size>"))]
    pub worker: Option<Size>,
    /// An hour of the same test with such workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_usd_per_hour: Option<f64>,
}

impl Cost {
    /// The same prices for every environment.
    pub const SOURCES: [&'static str; 2] = [prices::SOURCE, prices::services::SOURCE];
}
