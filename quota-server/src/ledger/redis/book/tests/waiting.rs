//! Closed windows that no server stores.

use quota_core::{Amount, RequestKey, WindowKind, Wish};
use redis::cmd;

use super::world::{NOON_MS, World, policy};
use crate::ledger::redis::book::{Answer, Operation};
use crate::ledger::redis::testing::TestRedis;

/// `MOST_DUE` in `functions/history.lua`.
const MOST: u64 = 1_440;
const WINDOWS: u64 = MOST + 60;
/// The last two windows are open or kept for late returns.
const CLOSED: u64 = WINDOWS - 2;

#[tokio::test]
async fn they_wait_for_a_day_and_no_longer() {
    let redis = TestRedis::start().await;
    let mut world = World::of(&redis, 7);
    world.open(&policy(WindowKind::Minute, 100), true);
    let one = Amount::new(1, 1);
    for window in 0..WINDOWS {
        let request = RequestKey(window.into());
        let wish = Wish { request, min: one, want: one, ahead: false };
        let acquire = Operation::Acquire(wish);
        assert!(matches!(world.run(1, acquire).1, Answer::Granted(..)));
        world.wait(60_000);
    }
    let mut count = |command: &str, key: &str| -> u64 {
        cmd(command).arg(format!("tl:{{7}}:{key}")).query(&mut world.redis).unwrap()
    };
    // One is closed in the very call that makes room.
    assert!((MOST..=MOST + 1).contains(&count("ZCARD", "due")));
    assert!(count("HLEN", "closed") <= MOST + 1);
    let range = |from: i64| cmd("ZRANGE").arg("tl:{7}:due").arg(from).arg(from).take();
    let mut window = |at: i64| -> u64 {
        let windows: Vec<u64> = range(at).query(&mut world.redis).unwrap();
        windows[0] - NOON_MS / 60_000
    };
    assert_eq!(window(-1), CLOSED - 1, "the last is there");
    assert!(window(0) >= CLOSED - MOST - 1, "the first are gone");
}
