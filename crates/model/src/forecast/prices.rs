//! What Fargate costs, in US dollars: the on-demand prices of Linux tasks.

pub mod services;

use serde::Serialize;

use super::Size;
use crate::duration::Duration;

/// The month that these prices are known for: look there before a budget depends on them.
pub const AS_OF: &str = "2025-01";
/// What they were compared with. Of the others there is no published source at hand: they are what was remembered of AWS's
/// lists, and a region may be wrong without anything here noticing.
pub const CHECKED: &str =
    "only Fargate's prices in us-east-1 and those of Step Functions were compared with an example of AWS's";
/// Where the present ones stand.
pub const SOURCE: &str = "https://aws.amazon.com/fargate/pricing/";
/// What ARM costs compared with x86, everywhere.
const ARM: f64 = 0.8;
/// The shortest time that is billed.
const LEAST_BILLED: Duration = Duration::from_secs(60);

/// Region, price of a vCPU for an hour, price of a GB of memory for an hour; x86. Other regions are reckoned as the first,
/// and the answer names them. The first row is that of the cost table in the guide of AWS's own load-testing solution; see
/// [`CHECKED`] for the others.
const PRICES: [(&str, f64, f64); 22] = [
    ("us-east-1", 0.04048, 0.004_445),
    ("us-east-2", 0.04048, 0.004_445),
    ("us-west-1", 0.04656, 0.00511),
    ("us-west-2", 0.04048, 0.004_445),
    ("us-gov-east-1", 0.0486, 0.0053),
    ("us-gov-west-1", 0.0486, 0.0053),
    ("af-south-1", 0.0546, 0.006),
    ("ap-east-1", 0.0556, 0.0061),
    ("ap-northeast-1", 0.05056, 0.00553),
    ("ap-northeast-2", 0.04656, 0.00511),
    ("ap-south-1", 0.04256, 0.004_655),
    ("ap-southeast-1", 0.05056, 0.00553),
    ("ap-southeast-2", 0.04856, 0.00532),
    ("ca-central-1", 0.04456, 0.004_865),
    ("eu-central-1", 0.04656, 0.00511),
    ("eu-north-1", 0.0445, 0.0049),
    ("eu-south-1", 0.0486, 0.0053),
    ("eu-west-1", 0.04048, 0.004_445),
    ("eu-west-2", 0.04656, 0.00511),
    ("eu-west-3", 0.0486, 0.0053),
    ("me-south-1", 0.0526, 0.0058),
    ("sa-east-1", 0.0696, 0.0076),
];

/// What the workers of a run cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// In US dollars, without data transfer and public addresses.
    pub usd: f64,
    /// How long each worker is billed.
    pub billed: Duration,
    /// What a worker is.
    pub size: Size,
    /// Regions without a price here, which are reckoned as us-east-1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<String>,
    /// The month that the prices are known for.
    pub as_of: &'static str,
    /// Where.
    pub source: &'static str,
}

/// What so many workers in these regions cost, each billed for so long.
pub fn cost(fleet: &[(String, u32)], billed: Duration, size: Size) -> Cost {
    let billed = billed.max(LEAST_BILLED);
    #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^53 milliseconds")]
    let hours = billed.as_millis() as f64 / 3_600_000.0;
    let mut unpriced = Vec::new();
    let mut usd = 0.0;
    for (region, workers) in fleet {
        let known = PRICES.iter().find(|(name, ..)| name == region);
        // The region of this machine costs nothing more than it does anyway; what it would cost is worth knowing.
        if known.is_none() && region != "local" {
            unpriced.push(region.clone());
        }
        let (_, vcpu, gib) = known.unwrap_or(&PRICES[0]);
        usd += f64::from(*workers) * hours * (size.vcpus * vcpu + size.memory_gib * gib);
    }
    let usd = if size.arm { usd * ARM } else { usd };
    Cost { usd, billed, size, unpriced, as_of: AS_OF, source: SOURCE }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { vcpus: 2.0, memory_gib: 4.0, arm: false };

    #[test]
    fn ten_tasks_for_thirty_hours_cost_what_aws_says() {
        // The example of AWS DLT's own cost table: 10 on-demand tasks (2 vCPU, 4 GB) for 30 hours in us-east-1.
        let cost = cost(&[("us-east-1".to_owned(), 10)], Duration::from_secs(30 * 3_600), SIZE);
        assert_eq!(format!("{:.2}", cost.usd), "29.62");
    }

    #[test]
    fn a_region_is_priced_once_and_none_is_cheaper_than_the_first() {
        for (at, (name, vcpu, gib)) in PRICES.iter().enumerate() {
            assert!(PRICES[..at].iter().all(|(other, ..)| other != name), "{name}");
            assert!(*vcpu >= PRICES[0].1 && *gib >= PRICES[0].2, "{name}");
            // Memory costs a ninth of a processor everywhere; a slip of the pen would show.
            assert!((8.9..9.4).contains(&(vcpu / gib)), "{name}: {}", vcpu / gib);
        }
    }

    #[test]
    fn a_stranger_is_told_and_a_minute_is_the_least() {
        let cost = cost(&[("eu-moon-1".to_owned(), 1)], Duration::from_secs(1), SIZE);
        assert_eq!(
            (cost.unpriced.as_slice(), cost.billed),
            (["eu-moon-1".to_owned()].as_slice(), Duration::from_secs(60))
        );
    }
}
