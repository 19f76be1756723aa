//! Groups and routers of deployments without limits, in virtual time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::join_all;
use gateway_client::clock::Clock;
use gateway_client::{Amount, Moment};
use tokio::time::{Instant, sleep};

use super::*;

mod waiting;

/// Tokio's time, which stands still unless everybody waits.
#[derive(Debug, Clone, Copy)]
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Moment {
        Moment::START + self.0.elapsed()
    }
}

type Place = Group<usize, Paused>;

fn clock() -> Paused {
    Paused(Instant::now())
}

fn group(name: &str, settings: GroupSettings, members: &[MemberSettings], clock: Paused) -> Place {
    let member = |(no, settings): (usize, &MemberSettings)| Member::new(no, None, settings.clone());
    Group::new(name, members.iter().enumerate().map(member).collect(), settings, clock)
}

fn one(_: &usize) -> Amount {
    Amount::new(1, 1)
}

async fn draw(
    group: &Place,
    tried: &[usize],
    dice: &Dice,
) -> Result<Choice<usize, Paused>, Denial> {
    let drawn = group.draw(&Request::default(), &one, tried, &mut dice.roll()).await;
    drawn.map(|(_, choice)| choice)
}

fn target(choice: &Choice<usize, Paused>) -> usize {
    choice.stay.member().target
}

#[tokio::test(start_paused = true)]
async fn lower_orders_come_first_and_what_was_tried_does_not_come_again() {
    let of = |order| MemberSettings { order, ..MemberSettings::default() };
    let group = group("g", GroupSettings::default(), &[of(2), of(1), of(3)], clock());
    let dice = Dice::new(1);
    for (tried, expected) in [(&[][..], 1), (&[1], 0), (&[0, 1], 2)] {
        assert_eq!(target(&draw(&group, tried, &dice).await.unwrap()), expected);
    }
    let denial = draw(&group, &[0, 1, 2], &dice).await.err().unwrap();
    assert_eq!(denial.refusal, Refusal::NoDeployment);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_in_flight_than_may_be() {
    let bounded = MemberSettings { max_parallel_requests: Some(2), ..MemberSettings::default() };
    let group = group("g", GroupSettings::default(), &[bounded.clone(), bounded], clock());
    let dice = Dice::new(1);
    let drawn = join_all((0..10).map(|_| draw(&group, &[], &dice))).await;
    let (taken, denied): (Vec<_>, Vec<_>) = drawn.into_iter().partition(Result::is_ok);
    assert_eq!((taken.len(), denied.len()), (4, 6));
    assert!(denied.iter().all(|it| it.as_ref().is_err_and(|it| it.refusal == Refusal::Busy)));
    drop(taken);
    assert!(draw(&group, &[], &dice).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_left_alone_and_one_trial_brings_it_back() {
    let busy = GroupSettings { strategy: StrategyName::LeastBusy, ..GroupSettings::default() };
    let group = group("g", busy, &[MemberSettings::default(), MemberSettings::default()], clock());
    let dice = Dice::new(3);
    for member in [0, 1] {
        let choice = draw(&group, &[1 - member], &dice).await.unwrap();
        let told = Duration::from_secs(10 + 10 * member as u64);
        assert_eq!(choice.stay.failed(Fault::Limited(Some(told))), Some(told));
    }
    let denial = draw(&group, &[], &dice).await.err().unwrap();
    assert_eq!((denial.refusal, denial.retry_after.as_secs()), (Refusal::Cooling, 10));
    sleep(Duration::from_secs(10)).await;
    let trial = draw(&group, &[], &dice).await.unwrap();
    assert_eq!(target(&trial), 0);
    assert!(draw(&group, &[], &dice).await.is_err(), "one trial at a time");
    trial.stay.succeeded();
    drop(trial);
    assert_eq!(target(&draw(&group, &[], &dice).await.unwrap()), 0);
}

#[tokio::test(start_paused = true)]
async fn tries_go_to_siblings_and_then_to_other_groups() {
    let (clock, dice) = (clock(), Dice::new(1));
    let members = vec![MemberSettings::default(); 5];
    let of = |name| group(name, GroupSettings::default(), &members, clock);
    let settings = RouterSettings {
        fallbacks: HashMap::from([("a".to_owned(), vec!["b".to_owned()])]),
        aliases: HashMap::from([("alias".to_owned(), "a".to_owned())]),
        ..RouterSettings::default()
    };
    let router = Router::new(vec![of("a"), of("b")], &settings).unwrap();
    let mut tries = router.tries(router.find("alias").unwrap(), Request::default());
    let mut seen = Vec::new();
    loop {
        let choice = tries.next(&one, &mut dice.roll()).await.unwrap();
        seen.push((tries.group().name(), target(&choice)));
        if !tries.failed() {
            break;
        }
    }
    assert_eq!(seen.iter().map(|(name, _)| *name).collect::<String>(), "aaabbb");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 6, "none twice");
}

/// Fits one deployment alone.
struct Only(usize);

impl Size<usize> for Only {
    fn size(&self, target: &usize) -> Amount {
        one(target)
    }

    fn fits(&self, target: &usize) -> bool {
        *target == self.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_where_it_fits_and_nowhere_else() {
    let dice = Dice::new(1);
    let group = group("g", GroupSettings::default(), &vec![MemberSettings::default(); 3], clock());
    let draw = async |only| {
        let drawn = group.draw(&Request::default(), &Only(only), &[], &mut dice.roll()).await;
        drawn.map(|(_, choice)| target(&choice))
    };
    for _ in 0..20 {
        assert_eq!(draw(1).await.unwrap(), 1);
    }
    assert_eq!(draw(3).await.unwrap_err().refusal, Refusal::NoDeployment);
}

#[test]
fn a_fallback_that_is_no_group_is_a_mistake() {
    let settings = RouterSettings {
        fallbacks: HashMap::from([("a".to_owned(), vec!["b".to_owned()])]),
        ..RouterSettings::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _entered = runtime.enter();
    let only = group("a", GroupSettings::default(), &[MemberSettings::default()], clock());
    let told = Router::new(vec![only], &settings).err().unwrap().to_string();
    assert!(told.contains("fallbacks") && told.contains("\"b\""), "{told}");
}

/// LiteLLM's issue 24720: forty at once over sixteen slow and four fast deployments.
#[tokio::test(start_paused = true)]
async fn nearly_all_go_to_the_fast_ones_once_all_are_known() {
    let settings =
        GroupSettings { strategy: StrategyName::LatencyBased, ..GroupSettings::default() };
    let members = vec![MemberSettings::default(); 20];
    let group = Arc::new(group("g", settings, &members, clock()));
    let (dice, fast, slow) = (Dice::new(5), AtomicUsize::new(0), AtomicUsize::new(0));
    let ask = async || {
        let choice = draw(&group, &[], &dice).await.unwrap();
        let is_fast = target(&choice) < 4;
        if is_fast { &fast } else { &slow }.fetch_add(1, Relaxed);
        let took = Duration::from_millis(if is_fast { 583 } else { 1_588 });
        sleep(took).await;
        choice.stay.answered(took, 0);
    };
    join_all((0..40).map(|_| ask())).await;
    let known = |group: &Place| group.members().iter().all(|it| it.statistics().whole.count() > 0);
    assert!(known(&group), "forty at once see all twenty");
    fast.store(0, Relaxed);
    slow.store(0, Relaxed);
    for _ in 0..5 {
        join_all((0..40).map(|_| ask())).await;
    }
    assert_eq!((fast.load(Relaxed), slow.load(Relaxed)), (200, 0));
    let samples: u64 = group.members().iter().map(|it| it.statistics().whole.count()).sum();
    assert_eq!(samples, 240, "no sample is lost");
}
