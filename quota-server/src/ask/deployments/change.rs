use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use quota_api::{DeploymentSpec, LeasePolicy, Refused, Reservation, Settlement, WindowKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::limit::LimitChange;

/// What is to be different of a deployment. What is not named stays as it is.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "settings")]
pub struct Change {
    /// Tokens a window, or `none`
    #[arg(long, value_name = "TOKENS")]
    tpm: Option<OptionalValue<u64>>,
    /// Requests a window, or `none`
    #[arg(long, value_name = "REQUESTS")]
    rpm: Option<OptionalValue<u64>>,
    /// A limit over a longer period, as in `tokens/day=5_000_000`, `requests/day@-08:00=10_000` (by
    /// a calendar so far ahead of UTC) or `tokens/24h=none` (no more than so much in any 24 hours;
    /// taken away). Can be given more than once
    #[arg(long = "limit", value_name = "UNIT/PERIOD=MOST")]
    limits: Vec<LimitChange>,
    /// The period that the limits count over; fixed once something was granted
    #[arg(long, value_name = "KIND", value_parser = word::<WindowKind>(["minute", "rolling"]))]
    window: Option<WindowKind>,
    /// The model group that it belongs to, or `none`
    #[arg(long, value_name = "GROUP")]
    model_group: Option<OptionalValue<String>>,
    /// How long its leases last, or `none` for the window's default
    #[arg(long, value_name = "MS")]
    life_ms: Option<OptionalValue<u64>>,
    /// How long before its window's end a lease ends at the latest, or `none` for the default
    #[arg(long, value_name = "MS")]
    guard_ms: Option<OptionalValue<u64>>,
    /// What is reserved for a request before it is sent
    #[arg(long, value_name = "POLICY", value_parser =
          word::<Reservation>(["input_plus_max_output", "input_plus_learned_output", "input"]))]
    reservation: Option<Reservation>,
    /// Whether an unused reservation comes back
    #[arg(long, value_name = "POLICY", value_parser = word::<Settlement>(["refund", "none"]))]
    settlement: Option<Settlement>,
    /// What comes back of a request that the provider refused
    #[arg(long, value_name = "POLICY", value_parser = word::<Refused>(["refund_tokens", "refund", "none"]))]
    refused: Option<Refused>,
    /// A label; without a value it is taken away. Can be given more than once
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<Label>,
}

impl Change {
    /// The changed settings.
    pub(super) fn of(&self, spec: DeploymentSpec) -> DeploymentSpec {
        let mut labels = spec.labels;
        for Label { name, value } in &self.labels {
            match value {
                Some(value) => labels.insert(name.clone(), value.clone()),
                None => labels.remove(name),
            };
        }
        let mut limits = spec.limits;
        self.limits.iter().for_each(|limit| limit.apply(&mut limits));
        DeploymentSpec {
            limits,
            tpm_limit: OptionalValue::over(self.tpm.as_ref(), spec.tpm_limit),
            rpm_limit: OptionalValue::over(self.rpm.as_ref(), spec.rpm_limit),
            model_group: OptionalValue::over(self.model_group.as_ref(), spec.model_group),
            window: self.window.unwrap_or(spec.window),
            lease: LeasePolicy {
                life_ms: OptionalValue::over(self.life_ms.as_ref(), spec.lease.life_ms),
                guard_ms: OptionalValue::over(self.guard_ms.as_ref(), spec.lease.guard_ms),
            },
            reservation: self.reservation.unwrap_or(spec.reservation),
            settlement: self.settlement.unwrap_or(spec.settlement),
            refused: self.refused.unwrap_or(spec.refused),
            labels,
        }
    }
}

/// A value, or none of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OptionalValue<T>(Option<T>);

impl<T: Clone> OptionalValue<T> {
    fn over(named: Option<&Self>, was: Option<T>) -> Option<T> {
        named.map_or(was, |Self(value)| value.clone())
    }
}

impl FromStr for OptionalValue<u64> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let digits = text.replace('_', "");
        let number = digits.parse().map_err(|_| "it must be a whole number, or `none`".to_owned());
        number.map(|number| Self(Some(number)))
    }
}

impl FromStr for OptionalValue<String> {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self((text != "none").then(|| text.to_owned())))
    }
}

#[derive(Debug, Clone)]
struct Label {
    name: String,
    value: Option<String>,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("it must be `name=value` or `name=`")?;
        let value = (!value.is_empty()).then(|| value.to_owned());
        Ok(Self { name: name.to_owned(), value })
    }
}

/// One of the API's words. The words stand here too, so that help and completion show them.
fn word<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    words: impl IntoIterator<Item = &'static str>,
) -> impl TypedValueParser<Value = T> {
    let read = |word: String| serde_json::from_value(Value::String(word));
    PossibleValuesParser::new(words).try_map(read)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        change: Change,
    }

    fn changed(line: &str, spec: DeploymentSpec) -> DeploymentSpec {
        let words = ["set"].into_iter().chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().change.of(spec)
    }

    fn spec() -> DeploymentSpec {
        changed(
            "--tpm 1_000 --rpm 5 --limit tokens/day=9 --window rolling --model-group g --life-ms 500 --guard-ms 7 \
             --reservation input --settlement none --refused refund --label a=1 --label b=2=3",
            DeploymentSpec::default(),
        )
    }

    #[test]
    fn every_setting_can_be_named() {
        let shown = serde_json::to_value(spec()).unwrap();
        let expected = serde_json::json!({
            "tpm_limit": 1_000, "rpm_limit": 5,
            "limits": [{"unit": "tokens", "per": "day", "kind": "aligned", "most": 9}], "window": "rolling", "model_group": "g",
            "lease": {"life_ms": 500, "guard_ms": 7}, "reservation": "input",
            "settlement": "none", "refused": "refund", "labels": {"a": "1", "b": "2=3"},
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        assert_eq!(changed("", spec()), spec());
        let one = changed("--tpm 7", spec());
        assert_eq!(one, DeploymentSpec { tpm_limit: Some(7), ..spec() });
    }

    #[test]
    fn none_takes_a_setting_away() {
        let bare = "--rpm none --model-group none --life-ms none --guard-ms none --label a=";
        let bare = changed(bare, spec());
        assert_eq!((bare.rpm_limit, bare.model_group.as_deref()), (None, None));
        assert_eq!(bare.lease, LeasePolicy::default());
        assert_eq!(bare.labels.keys().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for line in ["--tpm -1", "--tpm 1.5", "--rpm many", "--window day", "--label a"] {
            let words = ["set"].into_iter().chain(line.split_whitespace());
            assert!(Line::try_parse_from(words).is_err(), "{line}");
        }
    }
}
