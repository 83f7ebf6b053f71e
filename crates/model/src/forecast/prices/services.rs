//! What the services around the workers cost, in US dollars: on-demand list prices of us-east-1, without free tiers.
//!
//! Elsewhere they differ by a tenth or two; the sums that they enter are small beside Fargate's. They are what was remembered of
//! AWS's pages; only that of a transition was compared with an example of AWS's (see [`super::CHECKED`]).

/// Where the present ones stand.
pub const SOURCE: &str = "https://aws.amazon.com/pricing/";

/// A customer-managed key, for a month.
pub const KEY_MONTH: f64 = 1.0;
/// An alarm of standard resolution, for a month.
pub const ALARM_MONTH: f64 = 0.10;
/// A dashboard, for a month.
pub const DASHBOARD_MONTH: f64 = 3.0;
/// A metric of one's own, for a month; billed by the hours in which it has values.
pub const METRIC_MONTH: f64 = 0.30;
/// A pipeline of type V2, for a minute of its actions.
pub const PIPELINE_MINUTE: f64 = 0.002;
/// A GB written to CloudWatch Logs.
pub const LOGS_GB: f64 = 0.50;
/// A GB kept in CloudWatch Logs, for a month.
pub const LOGS_GB_MONTH: f64 = 0.03;
/// A GB in S3 Standard, for a month.
pub const OBJECTS_GB_MONTH: f64 = 0.023;
/// A GB in a DynamoDB table, for a month.
pub const TABLE_GB_MONTH: f64 = 0.25;
/// A GB of a table with point-in-time recovery, for a month, on top.
pub const RECOVERY_GB_MONTH: f64 = 0.20;
/// A GB of images in ECR, for a month.
pub const IMAGES_GB_MONTH: f64 = 0.10;
/// A public IPv4 address, for an hour.
pub const ADDRESS_HOUR: f64 = 0.005;
/// A million calls of functions.
pub const CALLS_MILLION: f64 = 0.20;
/// A GB of a function's memory, for a second.
pub const FUNCTION_GB_SECOND: f64 = 0.000_016_666_7;
/// A thousand transitions of a standard state machine.
pub const TRANSITIONS_THOUSAND: f64 = 0.025;
/// A million messages of IoT Core, of up to 5 KB each.
pub const MESSAGES_MILLION: f64 = 1.0;
/// A GB sent to the internet.
pub const OUT_GB: f64 = 0.09;
