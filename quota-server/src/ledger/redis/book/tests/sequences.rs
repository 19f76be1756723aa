//! Random sequences of steps.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Plays so many sequences of fewer than `length` steps, or `TOKENLEASE_RUNS`, and tells the
/// shortest that was found to fail.
pub(super) fn play<S: Debug>(
    cases: u32,
    length: usize,
    step: impl Strategy<Value = S>,
    mut play: impl FnMut(Vec<S>),
) {
    let runs = std::env::var("TOKENLEASE_RUNS").ok().and_then(|runs| runs.parse().ok());
    let config = ProptestConfig {
        cases: runs.unwrap_or(cases),
        failure_persistence: None,
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    };
    let play = std::cell::RefCell::new(&mut play);
    let sequences = prop::collection::vec(step, 1..length);
    let result = TestRunner::new(config).run(&sequences, |steps| {
        (play.borrow_mut())(steps);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
