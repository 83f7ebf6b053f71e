//! How long a virtual user thinks: always as long, or by chance.

use super::values::{optional, required};
use crate::{duration::Duration, fields::Fields, program::Pause, scenario::limits};

/// `2s`, `{ min: 1s, max: 3s }`, `{ mean: 2s, deviation: 500ms }` or `{ poisson: 2s }`; `None` with a problem noted, or when
/// the key is absent.
pub(super) fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Pause> {
    let node = fields.optional(key)?;
    if node.text().is_some() {
        return optional(fields, key, limits::stage).map(|span| Pause::Constant { ms: span.as_millis() });
    }
    let path = fields.path_of(key);
    let mut inner = Fields::of(node, path, fields.problems())?;
    let mut has = |key| inner.optional(key).is_some();
    let (uniform, normal) = (has("min") || has("max"), has("mean") || has("deviation"));
    let (poisson, constant) = (has("poisson"), has("constant"));
    let mut span = |key| required(&mut inner, key, limits::stage).map(Duration::as_millis);
    let pause = match [uniform, normal, poisson, constant].iter().filter(|is| **is).count() {
        1 if uniform => span("min").zip(span("max")).map(|(min_ms, max_ms)| Pause::Uniform { min_ms, max_ms }),
        1 if normal => {
            let (mean, deviation) = (span("mean"), span("deviation"));
            mean.zip(deviation).map(|(mean_ms, deviation_ms)| Pause::Normal { mean_ms, deviation_ms })
        }
        1 if poisson => span("poisson").map(|mean_ms| Pause::Poisson { mean_ms }),
        1 => span("constant").map(|ms| Pause::Constant { ms }),
        _ => {
            inner.finish_knowing(&WORDS);
            let message = "expected a duration, `min` and `max`, `mean` and `deviation`, or `poisson`";
            fields.reject(key, node, message);
            return None;
        }
    };
    inner.finish_knowing(&WORDS);
    if let Some(Pause::Uniform { min_ms, max_ms }) = pause
        && min_ms > max_ms
    {
        fields.reject(key, node, "`min` must not be longer than `max`");
    }
    pause
}

const WORDS: [(&str, &str); 5] = [
    ("normal", "write `mean` and `deviation`"),
    ("gaussian", "write `mean` and `deviation`"),
    ("uniform", "write `min` and `max`"),
    ("exponential", "write `poisson`"),
    ("stddev", "write `deviation`"),
];
