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

/// How many lines are the status that `curl -w '%{http_code}\n'` prints, by itself or after a JSON
/// body. A header whose value ends with the same digits, as `retry-after-ms: 59429`, is none.
fn answers(out: &str, status: &str) -> usize {
    let is_status = |before: &str| before.is_empty() || before.ends_with(['}', ']']);
    out.lines()
        .filter_map(|line| line.strip_suffix(status))
        .filter(|before| is_status(before))
        .count()
}

#[test]
fn a_header_is_no_status() {
    let out = "{\"windows\":[]}200\n200\n429\nretry-after-ms: 59429\r\n";
    assert_eq!((answers(out, "200"), answers(out, "429")), (2, 1));
}

#[tokio::test]
async fn the_readme_shows_what_happens() {
    let ran = tried("README.md").await;
    let out = &ran.out;
    assert!(out.contains(r#""tokens":60,"requests":2"#), "given back: {ran:?}");
    assert_eq!((answers(out, "200"), answers(out, "429")), (5, 5), "{ran:?}");
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
