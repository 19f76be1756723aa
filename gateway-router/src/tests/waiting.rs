//! Requests that wait for room. There is room for one request at once.

use std::sync::Mutex;

use futures_util::FutureExt;
use tokio::task::yield_now;

use super::*;
use crate::line::LineSettings;

const LINE: LineSettings =
    LineSettings { max_wait: Duration::from_secs(30), max_requests: 3, max_tokens: 100 };

fn narrow(line: LineSettings) -> Router<usize, Paused> {
    let members = [MemberSettings { max_parallel_requests: Some(1), ..MemberSettings::default() }];
    let settings = GroupSettings { line, ..GroupSettings::default() };
    Router::new(vec![group("g", settings, &members, clock())], &RouterSettings::default()).unwrap()
}

async fn ask(router: &Router<usize, Paused>, caller: u64) -> Result<Choice<usize, Paused>, Denial> {
    let request = Request { caller, ..Request::default() };
    let group = router.find("g").unwrap();
    router.tries(group, request).next(&one, &mut Dice::new(1).roll()).await
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_room_waits_and_callers_take_turns() {
    let router = narrow(LINE);
    let served = Mutex::new(Vec::new());
    let serve = async |name, caller| {
        let _choice = ask(&router, caller).await.unwrap();
        sleep(Duration::from_secs(5)).await;
        served.lock().unwrap().push(name);
    };
    let began = Instant::now();
    let first = async {
        serve("a1", 1).await;
    };
    let others = async {
        yield_now().await;
        tokio::join!(serve("a2", 1), serve("a3", 1), serve("b1", 2));
    };
    tokio::join!(first, others);
    assert_eq!(*served.lock().unwrap(), ["a1", "a2", "b1", "a3"]);
    assert_eq!(began.elapsed().as_secs(), 20, "each began when the one before it ended");
}

#[tokio::test(start_paused = true)]
async fn without_a_line_nobody_waits() {
    let router = narrow(LineSettings::default());
    let _under_way = ask(&router, 1).await.unwrap();
    let began = Instant::now();
    assert_eq!(ask(&router, 1).await.err().unwrap().refusal, Refusal::Busy);
    assert!(began.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn one_that_finds_the_line_full_hears_its_own_denial() {
    let router = narrow(LineSettings { max_tokens: 0, ..LINE });
    let _under_way = ask(&router, 1).await.unwrap();
    assert_eq!(ask(&router, 1).await.err().unwrap().refusal, Refusal::Busy);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_denial() {
    let router = narrow(LINE);
    let _under_way = ask(&router, 1).await.unwrap();
    let began = Instant::now();
    let (first, second) = tokio::join!(ask(&router, 1), ask(&router, 2));
    assert_eq!(first.err().unwrap().refusal, Refusal::Busy);
    assert_eq!(second.err().unwrap().refusal, Refusal::Busy);
    assert_eq!(began.elapsed(), LINE.max_wait);
    assert_eq!(router.find("g").unwrap().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_more_wait_than_may() {
    let router = narrow(LINE);
    let under_way = ask(&router, 1).await.unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(ask(&router, 1))).collect();
    assert!(waiting.iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
    let began = Instant::now();
    assert_eq!(ask(&router, 2).await.err().unwrap().refusal, Refusal::Busy);
    assert!(began.elapsed().is_zero(), "it is denied at once");
    drop(waiting.remove(1));
    assert_eq!(router.find("g").unwrap().waiting(), 2, "one hung up");
    drop(under_way);
    for wait in waiting {
        drop(wait.await.unwrap());
    }
    assert!(began.elapsed() < Duration::from_secs(1), "they were woken");
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_those_who_wait() {
    let router = narrow(LINE);
    let under_way = ask(&router, 1).await.unwrap();
    let mut first = Box::pin(ask(&router, 1));
    assert!(first.as_mut().now_or_never().is_none());
    drop(under_way);
    // There is room now, and it is the first one's.
    let mut late = Box::pin(ask(&router, 2));
    assert!(late.as_mut().now_or_never().is_none());
    let first = first.await.unwrap();
    drop(first);
    late.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_answers_those_who_wait() {
    let router = narrow(LINE);
    let _under_way = ask(&router, 1).await.unwrap();
    let stop = async {
        yield_now().await;
        router.stop_waiting();
    };
    let began = Instant::now();
    let (first, second, ()) = tokio::join!(ask(&router, 1), ask(&router, 2), stop);
    for denied in [first, second, ask(&router, 3).await] {
        assert_eq!(denied.err().unwrap().refusal, Refusal::Stopping);
    }
    assert!(began.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn a_second_try_does_not_wait() {
    let router = narrow(LINE);
    let group = router.find("g").unwrap();
    let mut tries = router.tries(group, Request::default());
    let dice = Dice::new(1);
    let _under_way = tries.next(&one, &mut dice.roll()).await.unwrap();
    tries.again();
    let began = Instant::now();
    assert!(tries.next(&one, &mut dice.roll()).await.is_err());
    assert!(began.elapsed().is_zero());
}
