//! The pages that show commands.

use tests::clock;

use super::page::Blocks;
use super::shell::Shell;

/// More than the commands of a page take, less than a minute.
const ROOM_S: u64 = 30;
/// A busy machine may need more than the rest of one minute.
const TRIES: usize = 3;

/// What a page's commands print, within one minute.
async fn tried(path: &str) -> tests::harness::Ran {
    let blocks = Blocks::of(path);
    for _ in 0..TRIES {
        let mut shell = Shell::open().await;
        shell.start(&blocks).await;
        let minute = clock::minute_with_room(ROOM_S).await;
        let ran = shell.types(&blocks.shell).await;
        if clock::unix_minute() == minute {
            return ran;
        }
    }
    panic!("the commands of {path} take longer than a minute");
}

#[tokio::test]
async fn the_readme_shows_what_happens() {
    let ran = tried("README.md").await;
    let out = &ran.out;
    assert!(out.contains(r#""tokens":60,"requests":2"#), "given back: {ran:?}");
    let ending = |status: &str| out.lines().filter(|line| line.ends_with(status)).count();
    assert_eq!((ending("200"), ending("429")), (5, 5), "{ran:?}");
    assert!(out.contains("HTTP/1.1 429") && out.contains("retry-after: "), "{ran:?}");
}

#[tokio::test]
async fn get_started_shows_what_happens() {
    let ran = tried("docs/get-started.md").await;
    let out = &ran.out;
    assert!(out.contains("demo: made, version 1\n"), "{ran:?}");
    assert!(out.contains(r#""credited":{"tokens":60,"requests":2}"#), "{ran:?}");
    assert!(out.contains(r#""code":"exhausted""#) && out.contains("retry_after_ms"), "{ran:?}");
    assert!(out.ends_with("1 windows: all add up\n"), "{ran:?}");
}
