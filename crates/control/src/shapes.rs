//! Our records in AWS DLT's shapes.
use dlt_model::summary::Summary;
use serde_json::{Value, json};
pub(crate) fn totals(summary: &Summary) -> Value {
    json!({"total": {"succ": summary.total.all.succeeded}})
}
