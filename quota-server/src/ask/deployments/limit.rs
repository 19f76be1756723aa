//! A limit over a longer period in a word: `tokens/day=5_000_000`.

use std::str::FromStr;

use quota_api::{LimitSpec, PeriodKind, Unit};

/// A limit that is to be another, or to be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LimitChange {
    /// Which limit; what it says of the most means nothing.
    of: LimitSpec,
    most: Option<u64>,
}

impl LimitChange {
    /// Makes it so: the limit of this unit and period changes where it is, goes, or comes last.
    pub(super) fn apply(&self, limits: &mut Vec<LimitSpec>) {
        let is_it =
            |limit: &LimitSpec| LimitSpec { most: self.of.most, ..limit.clone() } == self.of;
        let known = limits.iter().position(is_it);
        match (known, self.most) {
            (Some(at), Some(most)) => limits[at].most = most,
            (Some(at), None) => _ = limits.remove(at),
            (None, Some(most)) => limits.push(LimitSpec { most, ..self.of.clone() }),
            (None, None) => {}
        }
    }
}

impl FromStr for LimitChange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "it must be `unit/period=most`, as in `tokens/day=5_000_000`, `requests/day@-08:00=none`";
        let (name, most) = text.split_once('=').ok_or(form)?;
        let (unit, period) = name.split_once('/').ok_or(form)?;
        let unit = Unit::ALL.into_iter().find(|known| known.name() == unit);
        let unit = unit.ok_or_else(|| format!("the unit must be one of {}", units()))?;
        let (per, offset) = match period.split_once('@') {
            Some((per, offset)) => (per, Some(offset.to_owned())),
            None => (period, None),
        };
        let is_span = per.starts_with(|first: char| first.is_ascii_digit());
        let kind = if is_span { PeriodKind::Rolling } else { PeriodKind::Aligned };
        let most = match most {
            "none" => None,
            most => Some(most.replace('_', "").parse().map_err(|_| form)?),
        };
        let of = LimitSpec { unit, per: per.to_owned(), kind, most: most.unwrap_or(1), offset };
        let limit = of.limit().map_err(|(field, rule)| format!("`{field}` {rule}"))?;
        // Equal limits are written alike.
        Ok(Self { of: LimitSpec { most: 1, ..(&limit).into() }, most })
    }
}

/// A limit as it is written in a command line.
pub(super) fn word(limit: &LimitSpec) -> String {
    format!("{}={}", name(limit), limit.most)
}

/// Which limit it is: `tokens/day`.
pub(super) fn name(limit: &LimitSpec) -> String {
    let LimitSpec { unit, per, offset, .. } = limit;
    let offset = offset.as_ref().map_or_else(String::new, |offset| format!("@{offset}"));
    format!("{}/{per}{offset}", unit.name())
}

fn units() -> String {
    Unit::ALL.map(|unit| format!("`{}`", unit.name())).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(limits: &[&str]) -> Vec<LimitSpec> {
        let mut changed = Vec::new();
        for limit in limits {
            limit.parse::<LimitChange>().unwrap().apply(&mut changed);
        }
        changed
    }

    #[test]
    fn a_limit_comes_changes_and_goes() {
        let day = changed(&["tokens/day=5_000_000"]);
        let shown = serde_json::to_value(&day).unwrap();
        let most = 5_000_000;
        let expected =
            serde_json::json!([{"unit": "tokens", "per": "day", "kind": "aligned", "most": most}]);
        assert_eq!(shown, expected);
        let two = changed(&["tokens/day=1", "requests/90m=3", "tokens/day@+00:00=2"]);
        let mosts: Vec<_> = two.iter().map(|limit| (limit.per.as_str(), limit.most)).collect();
        assert_eq!(mosts, [("day", 2), ("90m", 3)]);
        let words = ["requests/day@-08:00=1", "tokens/24h=2"];
        assert_eq!(changed(&words).iter().map(word).collect::<Vec<_>>(), words);
        assert_eq!(changed(&["requests/day@-08:00=1", "requests/day@-08:00=none"]), []);
        assert_eq!(changed(&["requests/day@-08:00=1", "requests/day=none"]).len(), 1);
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for text in [
            "",
            "tokens",
            "tokens/day",
            "tokens=5",
            "words/day=5",
            "tokens/year=5",
            "tokens/day=-1",
            "tokens/day=0",
            "tokens/5m=1",
            "tokens/24h@+01:00=1",
            "tokens/day@1=1",
        ] {
            assert!(text.parse::<LimitChange>().is_err(), "{text}");
        }
    }
}
