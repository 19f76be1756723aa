//! What an answer is, and what it says of the server that gave it.

use std::time::Duration;

use quota_api::{BatchReply, Code, Item, Problem};
use reqwest::header::LOCATION;
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;

use crate::CallError;
use crate::servers::Outcome;

pub(super) async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CallError> {
    let response = request.send().await?;
    if response.status().is_success() {
        let body = response.bytes().await?;
        return serde_json::from_slice(&body).map_err(CallError::Unreadable);
    }
    Err(refusal(response).await)
}

async fn refusal(response: Response) -> CallError {
    let status = response.status().as_u16();
    let asked = response.url().clone();
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.map(str::to_owned);
    let body = response.bytes().await.unwrap_or_default();
    match (serde_json::from_slice::<Problem>(&body), location) {
        (Ok(problem), Some(location)) if problem.code == Code::Standby => {
            CallError::Standby { asked, location }
        }
        (Ok(problem), _) => CallError::Problem(Box::new(problem)),
        (Err(_), _) => CallError::Status(status),
    }
}

/// What became of a message, as far as its server is concerned.
pub(crate) fn outcome<T>(answer: &Result<T, CallError>) -> Outcome<'_> {
    match answer {
        Ok(_) => Outcome::Answered,
        Err(CallError::Standby { asked, location }) => Outcome::Standby { asked, location },
        Err(CallError::Problem(problem)) if refuses(problem.code) => Outcome::Refused,
        Err(CallError::Problem(problem)) => {
            Outcome::Lost { retry_after: problem.retry_after_ms.map(Duration::from_millis) }
        }
        Err(_) => Outcome::Lost { retry_after: None },
    }
}

/// Whether what is answered so is refused for what the client is, not for what it says.
fn refuses(code: Code) -> bool {
    let is_known =
        matches!(code, Code::Unauthenticated | Code::TooManyFailedLogins | Code::Forbidden);
    is_known || matches!(code, Code::Unknown(401 | 403))
}

/// How many entries of a batch a server could not work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    Some,
    All,
}

impl Trouble {
    pub(crate) fn of(reply: &BatchReply) -> Self {
        let acquire = reply.acquire.iter().map(is_troubled);
        let give_back = reply.give_back.iter().map(is_troubled);
        let used = reply.used.iter().map(is_troubled);
        let (mut some, mut all) = (false, true);
        for is_troubled in acquire.chain(give_back).chain(used) {
            some |= is_troubled;
            all &= is_troubled;
        }
        match (some, all) {
            (false, _) => Self::None,
            (true, false) => Self::Some,
            (true, true) => Self::All,
        }
    }
}

fn is_troubled<T>(item: &Item<T>) -> bool {
    item.failure().is_some_and(crate::refill::is_trouble)
}

#[cfg(test)]
mod tests {
    use quota_api::{Amount, GivenBack};

    use super::*;

    fn reply(codes: &[Option<Code>]) -> BatchReply {
        let done = || GivenBack {
            lease_id: String::new(),
            credited: Amount::default(),
            given_back: Amount::default(),
        };
        let item = |code: &Option<Code>| match code {
            Some(code) => Item::failed(Problem::new(*code, "no")),
            None => Item::done(200, done()),
        };
        BatchReply { give_back: codes.iter().map(item).collect(), ..BatchReply::default() }
    }

    #[test]
    fn trouble_is_what_another_server_might_not_have() {
        let trouble = |codes: &[_]| Trouble::of(&reply(codes));
        let away = Some(Code::LedgerUnavailable);
        assert_eq!(trouble(&[]), Trouble::None);
        assert_eq!(trouble(&[None]), Trouble::None);
        assert_eq!(trouble(&[Some(Code::Exhausted), Some(Code::LeaseNotFound)]), Trouble::None);
        assert_eq!(trouble(&[None, away]), Trouble::Some);
        assert_eq!(trouble(&[away, Some(Code::Exhausted)]), Trouble::Some);
        assert_eq!(trouble(&[away, Some(Code::ShuttingDown)]), Trouble::All);
    }

    #[test]
    fn what_a_problem_says_of_its_server() {
        let outcome_of = |code| {
            let problem = Problem::new(code, "no").retry_after_ms(70);
            let answer = Err::<(), _>(CallError::Problem(Box::new(problem)));
            matches!(outcome(&answer), Outcome::Lost { retry_after: Some(_) })
        };
        assert!(outcome_of(Code::LedgerUnavailable) && outcome_of(Code::Standby));
        assert!(!outcome_of(Code::Unauthenticated) && !outcome_of(Code::Forbidden));
    }
}
