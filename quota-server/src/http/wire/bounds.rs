//! What a value may be. Out of its bounds it is refused, never clamped, and the refusal names it.

use quota_api::limits::{MAX_BATCH_ITEMS, MAX_LABELS, MAX_LIMIT, MAX_NAME_BYTES};
use quota_api::{Ask, DeploymentSpec, LimitSpec};
use quota_core::{MAX_PERIODS, PeriodLimitError, PeriodLimits};

use crate::http::Failure;
use crate::plain::is_hidden;

const LIFE_MS: std::ops::RangeInclusive<u64> = 100..=30_000;
const LONGEST_GUARD_MS: u64 = 5_000;

/// A name: something printable, not too long.
pub(in crate::http) fn name(field: &str, name: &str) -> Result<(), Failure> {
    if name.is_empty() {
        return Err(Failure::invalid(field, "must not be empty"));
    }
    text(field, name)
}

/// The id of a deployment that is to be made: one that can be asked for by its path, and that reads
/// as what it is. Those that are there keep theirs.
pub(in crate::http) fn new_id(id: &str) -> Result<(), Failure> {
    if matches!(id, "." | "..") {
        return Err(Failure::invalid("id", "must not be `.` or `..`, which no path can name"));
    }
    if id.chars().any(is_hidden) {
        return Err(Failure::invalid("id", "must have no marks of direction and no separators"));
    }
    Ok(())
}

fn text(field: &str, text: &str) -> Result<(), Failure> {
    if text.len() > MAX_NAME_BYTES {
        return Err(Failure::invalid(
            field,
            format_args!("must be at most {MAX_NAME_BYTES} bytes long"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Failure::invalid(field, "must be printable"));
    }
    Ok(())
}

/// A number of tokens or requests.
pub(in crate::http) fn number(field: &str, number: u64) -> Result<(), Failure> {
    if number > MAX_LIMIT {
        return Err(Failure::invalid(field, format_args!("must be at most {MAX_LIMIT}")));
    }
    Ok(())
}

/// What is asked for in one unit.
pub(in crate::http) fn ask(field: &str, ask: Ask) -> Result<(), Failure> {
    if ask.want < ask.min {
        return Err(Failure::invalid(&format!("{field}.want"), "must be at least `min`"));
    }
    // At most `want`, so `min` is in its bounds too.
    number(&format!("{field}.want"), ask.want)
}

/// How many entries of a kind a batch has.
pub(in crate::http) fn items(field: &str, count: usize) -> Result<(), Failure> {
    if count > MAX_BATCH_ITEMS {
        return Err(Failure::invalid(
            field,
            format_args!("must have at most {MAX_BATCH_ITEMS} entries"),
        ));
    }
    Ok(())
}

/// A deployment, as it is to be.
pub(in crate::http) fn spec(spec: &DeploymentSpec) -> Result<(), Failure> {
    if spec.tpm_limit.is_none() && spec.rpm_limit.is_none() && spec.limits.is_empty() {
        return Err(Failure::invalid("tpm_limit", "or `rpm_limit` must be given, or `limits`"));
    }
    number("tpm_limit", spec.tpm_limit.unwrap_or_default())?;
    number("rpm_limit", spec.rpm_limit.unwrap_or_default())?;
    if let Some(model_group) = &spec.model_group {
        name("model_group", model_group)?;
    }
    lease_policy(spec)?;
    labels(spec)
}

/// Limits over longer periods.
pub(super) fn limits(specs: &[LimitSpec]) -> Result<PeriodLimits, Failure> {
    if specs.len() > MAX_PERIODS {
        return Err(Failure::invalid(
            "limits",
            format_args!("must have at most {MAX_PERIODS} entries"),
        ));
    }
    let mut limits = Vec::with_capacity(specs.len());
    for (at, spec) in specs.iter().enumerate() {
        let fault = |(field, rule)| Failure::invalid(&format!("limits[{at}].{field}"), rule);
        limits.push(spec.limit().map_err(fault)?);
    }
    PeriodLimits::new(limits).map_err(|error| match error {
        PeriodLimitError::Repeated(at) => Failure::invalid(
            &format!("limits[{at}]"),
            "must be of another unit or period than those before it",
        ),
        other => Failure::invalid("limits", format_args!("cannot be: {other}")),
    })
}

fn lease_policy(spec: &DeploymentSpec) -> Result<(), Failure> {
    if spec.lease.life_ms.is_some_and(|life_ms| !LIFE_MS.contains(&life_ms)) {
        let (least, most) = (LIFE_MS.start(), LIFE_MS.end());
        return Err(Failure::invalid(
            "lease.life_ms",
            format_args!("must be from {least} to {most}"),
        ));
    }
    if spec.lease.guard_ms.is_some_and(|guard_ms| guard_ms > LONGEST_GUARD_MS) {
        return Err(Failure::invalid(
            "lease.guard_ms",
            format_args!("must be at most {LONGEST_GUARD_MS}"),
        ));
    }
    Ok(())
}

fn labels(spec: &DeploymentSpec) -> Result<(), Failure> {
    if spec.labels.len() > MAX_LABELS {
        return Err(Failure::invalid("labels", format_args!("must be at most {MAX_LABELS}")));
    }
    for (key, value) in &spec.labels {
        name("labels", key)?;
        text(&format!("labels.{key}"), value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use quota_api::LeasePolicy;

    use super::*;

    fn refused(result: Result<(), Failure>) -> Option<String> {
        result.err().map(|failure| failure.into_problem().detail)
    }

    #[test]
    fn names() {
        for good in ["a", "gpt-4o eu/1", "\u{e4}\u{f6}", &"x".repeat(MAX_NAME_BYTES)] {
            assert_eq!(refused(name("holder", good)), None, "{good}");
        }
        for bad in ["", "a\nb", "a\0", "\u{7f}", "\u{85}", &"x".repeat(MAX_NAME_BYTES + 1)] {
            let detail = refused(name("holder", bad)).unwrap();
            assert!(detail.starts_with("`holder` must"), "{detail}");
        }
    }

    #[test]
    fn new_ids() {
        for good in ["a", "...", ".a", "gpt-4o eu/1", "\u{e4}\u{f6}", "\u{5d0}"] {
            assert_eq!(refused(new_id(good)), None, "{good}");
        }
        for bad in [".", "..", "a\u{202e}b", "a\u{2028}b", "\u{200f}a", "a\u{2067}"] {
            let detail = refused(new_id(bad)).unwrap();
            assert!(detail.starts_with("`id` must"), "{detail}");
        }
    }

    #[test]
    fn asks() {
        let of = |min, want| refused(ask("tokens", Ask { min, want }));
        assert_eq!(of(0, MAX_LIMIT), None);
        assert_eq!(of(2, 1).as_deref(), Some("`tokens.want` must be at least `min`"));
        assert!(of(0, MAX_LIMIT + 1).unwrap().starts_with("`tokens.want` must be at most"));
    }

    #[test]
    fn specs() {
        let good = DeploymentSpec { tpm_limit: Some(0), ..Default::default() };
        assert_eq!(refused(spec(&good)), None);
        let lease = |life_ms, guard_ms| LeasePolicy { life_ms, guard_ms };
        let labels = |count: usize| (0..count).map(|n| (n.to_string(), String::new())).collect();
        let with = |field: &str, bad: DeploymentSpec| {
            let detail = refused(spec(&bad)).unwrap();
            assert!(detail.starts_with(&format!("`{field}`")), "{detail}");
        };
        with("tpm_limit", DeploymentSpec::default());
        with("tpm_limit", DeploymentSpec { tpm_limit: Some(MAX_LIMIT + 1), ..good.clone() });
        with("rpm_limit", DeploymentSpec { rpm_limit: Some(u64::MAX), ..good.clone() });
        with("model_group", DeploymentSpec { model_group: Some(String::new()), ..good.clone() });
        with("lease.life_ms", DeploymentSpec { lease: lease(Some(99), None), ..good.clone() });
        with("lease.life_ms", DeploymentSpec { lease: lease(Some(30_001), None), ..good.clone() });
        with("lease.guard_ms", DeploymentSpec { lease: lease(None, Some(5_001)), ..good.clone() });
        with("labels", DeploymentSpec { labels: labels(MAX_LABELS + 1), ..good.clone() });
        let long = [("k".to_owned(), "v".repeat(MAX_NAME_BYTES + 1))].into();
        with("labels.k", DeploymentSpec { labels: long, ..good });
    }
}
