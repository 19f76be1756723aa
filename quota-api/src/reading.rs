//! How answers are read that a newer server gave: what is unknown is judged by what is known of it,
//! and what cannot be read spoils nothing beside it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use crate::{
    BatchReply, Code, GivenBack, Item, Lease, Problem, State, Unit, Usage, UseRecorded, WindowKind,
};

/// Something, or what cannot be read as such.
#[derive(Deserialize)]
#[serde(untagged)]
enum Perhaps<T> {
    Read(T),
    Nonsense(IgnoredAny),
}

impl<T> Default for Perhaps<T> {
    fn default() -> Self {
        Self::Nonsense(IgnoredAny)
    }
}

impl<T> Perhaps<T> {
    fn read(self) -> Option<T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Nonsense(_) => None,
        }
    }
}

/// A problem document; what has no code is none.
#[derive(Deserialize)]
struct SaidProblem {
    #[serde(rename = "type", default)]
    kind: Perhaps<String>,
    #[serde(default)]
    title: Perhaps<String>,
    status: u16,
    #[serde(default)]
    detail: Perhaps<String>,
    code: String,
    #[serde(default)]
    retry_after_ms: Perhaps<u64>,
    #[serde(default)]
    state: Perhaps<State>,
    #[serde(default)]
    unit: Perhaps<Unit>,
    #[serde(default)]
    per: Perhaps<String>,
    #[serde(default)]
    usage: Perhaps<Usage>,
}

impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said = SaidProblem::deserialize(deserializer)?;
        let code = Code::named(&said.code, said.status);
        Ok(Self {
            kind: said.kind.read().unwrap_or_else(|| format!("/problems/{}", said.code)),
            title: said.title.read().unwrap_or_else(|| code.title().to_owned()),
            status: said.status,
            detail: said.detail.read().unwrap_or_default(),
            code,
            retry_after_ms: said.retry_after_ms.read(),
            state: said.state.read(),
            unit: said.unit.read(),
            per: said.per.read(),
            usage: said.usage.read(),
        })
    }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct SaidItem<T> {
    status: u16,
    #[serde(default)]
    body: Perhaps<T>,
    #[serde(default)]
    problem: Perhaps<Box<Problem>>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said = Perhaps::<SaidItem<T>>::deserialize(deserializer)?;
        Ok(match said.read() {
            Some(said) => {
                Self { status: said.status, body: said.body.read(), problem: said.problem.read() }
            }
            // Not even a status: whether it was done nobody knows.
            None => Self { status: Code::Internal.status(), body: None, problem: None },
        })
    }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Items<T>(#[serde(default)] Perhaps<Vec<Item<T>>>);

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self(Perhaps::default())
    }
}

#[derive(Deserialize)]
struct SaidReply {
    #[serde(default)]
    acquire: Items<Lease>,
    #[serde(default)]
    give_back: Items<GivenBack>,
    #[serde(default)]
    used: Items<UseRecorded>,
}

impl<'de> Deserialize<'de> for BatchReply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said = SaidReply::deserialize(deserializer)?;
        Ok(Self {
            acquire: said.acquire.0.read().unwrap_or_default(),
            give_back: said.give_back.0.read().unwrap_or_default(),
            used: said.used.0.read().unwrap_or_default(),
        })
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Ok(match name.as_ref() {
            "ok" => Self::Ok,
            "exhausted" => Self::Exhausted,
            "quarantined" => Self::Quarantined,
            _ => Self::Endgame,
        })
    }
}

/// Whether it is an aligned minute; of any other kind nothing is expected.
pub(crate) fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WindowKind, D::Error> {
    let said = Perhaps::<WindowKind>::deserialize(deserializer)?;
    Ok(said.read().unwrap_or(WindowKind::Rolling))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lease() -> serde_json::Value {
        json!({
            "lease_id": "l1", "deployment": "d", "tokens": 5, "requests": 1, "starts_in_ms": 0, "expires_in_ms": 9,
            "window": {"kind": "minute", "ends_in_ms": 9, "hue": 3}, "state": "ok", "colour": [1],
            "usage": {
                "tokens": {"limit": 9, "outstanding": 5, "overrun": 0, "taste": "sour"},
                "requests": {"limit": null, "outstanding": 1, "overrun": 0},
                "seconds": {},
            },
        })
    }

    fn problem(status: u16, code: &str) -> serde_json::Value {
        json!({"status": status, "problem": {
            "type": format!("/problems/{code}"), "title": "t", "status": status, "detail": "d", "code": code,
            "state": "paused", "unit": "seconds", "usage": {"of": "another shape"}, "retry_after_ms": "soon",
            "help": null,
        }})
    }

    #[test]
    fn a_batch_from_the_future_is_read_entry_by_entry() {
        let reply: BatchReply = serde_json::from_value(json!({
            "acquire": [
                problem(451, "newer"), {"status": 201, "body": lease()}, null, "nonsense", {"status": "201"},
                {"status": 201, "body": {"lease": 1}}, problem(529, "newer"), {"status": 299, "body": lease()},
                {"status": 503}, {"status": 404, "problem": {"status": 404}},
            ],
            "give_back": {"not": "a list"},
            "used": [{"status": 200, "body": [1]}, {"status": 200, "body": {}, "more": 1}],
            "weather": "fine",
        }))
        .unwrap();
        let codes: Vec<_> = reply.acquire.iter().map(Item::failure).collect();
        let (nonsense, unread) = (Some(Code::Unknown(500)), None);
        assert_eq!(
            codes,
            [
                Some(Code::Unknown(451)),
                None,
                nonsense,
                nonsense,
                nonsense,
                unread,
                Some(Code::Unknown(529)),
                None,
                Some(Code::Unknown(503)),
                Some(Code::Unknown(404)),
            ]
        );
        let read = reply.acquire.into_iter().map(Item::into_result);
        assert_eq!(read.filter(Result::is_ok).count(), 2);
        assert!(reply.give_back.is_empty());
        assert!(reply.used.iter().all(|item| item.failure().is_none()), "done, whatever it says");
    }

    #[test]
    fn what_is_unknown_is_taken_for_the_safe_one() {
        let mut newer = lease();
        newer["state"] = json!("paused");
        newer["window"]["kind"] = json!("lunar");
        let lease: Lease = serde_json::from_value(newer).unwrap();
        assert_eq!((lease.state, lease.window.kind), (State::Endgame, WindowKind::Rolling));
        let item: Item<Lease> = serde_json::from_value(problem(429, "newer")).unwrap();
        let problem = item.problem.unwrap();
        assert_eq!((problem.state, problem.unit), (Some(State::Endgame), None));
        assert_eq!((problem.usage, problem.retry_after_ms), (None, None));
        assert_eq!(problem.to_string(), "/problems/newer: d");
    }

    #[test]
    fn all_that_is_written_is_read_as_it_was() {
        for state in [State::Ok, State::Endgame, State::Exhausted, State::Quarantined] {
            let wire = serde_json::to_value(state).unwrap();
            assert_eq!(serde_json::from_value::<State>(wire).unwrap(), state);
        }
        for code in Code::ALL {
            let problem = Problem::new(*code, "d").retry_after_ms(7);
            let wire = serde_json::to_vec(&problem).unwrap();
            assert_eq!(serde_json::from_slice::<Problem>(&wire).unwrap(), problem);
        }
    }

    #[test]
    fn a_body_without_a_code_is_no_problem_document_and_half_an_answer_none() {
        assert!(
            serde_json::from_str::<Problem>(r#"{"status":502,"error":"bad gateway"}"#).is_err()
        );
        assert!(serde_json::from_str::<BatchReply>(r#"{"acquire":[{"status":201"#).is_err());
    }

    #[test]
    fn requests_stay_closed() {
        assert!(serde_json::from_str::<crate::Which>(r#""later""#).is_err());
        assert!(serde_json::from_str::<crate::Batch>(r#"{"holder":"a","more":1}"#).is_err());
        assert!(serde_json::from_str::<crate::DeploymentSpec>(r#"{"window":"lunar"}"#).is_err());
    }
}
