//! A journal that an earlier server wrote and left in the middle of a minute (version 0.1.0 of the
//! server, as of entry version 1). Its bytes never change.

use quota_core::{Limit, WindowKind};

use super::memory::MemoryJournal;
use super::world::{Store, World, is_denied, minute, rolling};
use crate::ledger::journaled::DeploymentRow;

/// Put `d` 100; ask for 150: never fits; put `d` 1000; take 300 and 200 of it and give 100 back;
/// put `roll` 500, rolling; take 120 of it; put `d` 700; killed.
const ENTRIES: [&str; 8] = [
    "01a4fc840299eaa20e99eaa20ee3fa8402b8a9860201b196aaf8d2caa6ce81e1a3e2cccdd7b0c4b402007f1c0bdbbba11f63",
    "01d8fd840299eaa20e99eaa20ee3fa8402b8a9860201b196aaf8d2caa6ce81e1a3e2cccdd7b0c4b4020001000301e8070000d00fc801005dc07ed15af214f5",
    "01dbfe840299eaa20e99eaa20ee3fa8402b8a9860201b196aaf8d2caa6ce81e1a3e2cccdd7b0c4b40200000109616e6f6e796d6f75730767772d312f356601000099eaa20e0001afa5ac94becc858999caf7caf4b7efc3d49703ac0201dbfe8402ab8e8502cda79a63d5f44570",
    "019083850299eaa20e99eaa20ee3fa8402b8a9860201b196aaf8d2caa6ce81e1a3e2cccdd7b0c4b4020001000099eaa20e0101a5a9bad6d5e699e2a5d782d5edd5919cbe58c8010190838502e09285027cb36d59c0ebf583",
    "01c083850299eaa20e99eaa20ee3fa8402b8a9860201b196aaf8d2caa6ce81e1a3e2cccdd7b0c4b4020001000199eaa20e006400002f523b7de0ae5d68",
    "01ad84850299eaa20e99eaa20ee3fa8402b8a9860201b196aaf8d2caa6ce81e1a3e2cccdd7b0c4b40200a5a33b1df5ffcbc7",
    "018885850299eaa20e99eaa20ee3fa8402b8a9860201b196aaf8d2caa6ce81e1a3e2cccdd7b0c4b4020001010301f4030001e807c8010001010099eaa20e000180df9392f7bad8a79fbcdddf8ee5da9cf09401780188858502f08c8502bc7a0285824df525",
    "01a885850299eaa20e99eaa20ee3fa8402b8a9860201b196aaf8d2caa6ce81e1a3e2cccdd7b0c4b4020001000301bc050000d00fc801005d0a820f9a67de9e",
];

fn journal() -> MemoryJournal {
    let journal = MemoryJournal::default();
    let policies = [("d", 0, minute(700)), ("roll", 1, rolling(500))];
    for (id, no, policy) in policies {
        let limit = Limit::new(policy.limit.tokens(), None);
        let policy = quota_core::Policy { limit, ..policy };
        let (id, details) = (id.into(), "{}".into());
        let row = DeploymentRow { no, id, policy, details, version: 3, deleted: false };
        journal.disk().deployments.insert(no, row);
    }
    journal.disk().last_deployment = Some(1);
    for (seq, entry) in (1..).zip(ENTRIES) {
        journal.disk().entries.insert(seq, hex::decode(entry).unwrap());
    }
    journal
}

#[tokio::test]
async fn a_journal_of_an_earlier_server_is_read_in_the_middle_of_a_minute() {
    let mut world = World::new(Store::Memory(vec![journal()]), 1, 64).await;
    for _ in 0..2 {
        assert!(is_denied(&world.take("d", 301).await));
        assert!(is_denied(&world.take("roll", 381).await));
        world.crash().await;
    }
    assert_eq!(world.ledger.overview().await.unwrap()[1].0.policy.kind, WindowKind::Rolling);
    world.take("d", 300).await.unwrap();
    world.take("roll", 380).await.unwrap();
    world.crash().await;
    assert!(is_denied(&world.take("d", 1).await));
    assert!(is_denied(&world.take("roll", 1).await));
}
