//! `quota-server top`, in a terminal and in a pipe.

use quota_api::Lease;
use rustix::process::Signal;

use super::Person;
use super::terminal::Terminal;
use crate::support::{Caller, DEPLOYMENT, TOKENS, server};

#[tokio::test]
async fn in_a_pipe_it_is_one_table() {
    let server = server().await;
    let _: Lease = Caller::of(&server).acquire("r1", TOKENS / 2, 1).await.done(201);
    let person = Person::at(&server);
    for line in ["top", "top --once --sort denied"] {
        let ran = person.says(line).await;
        let lines: Vec<&str> = Person::done(&ran).lines().collect();
        assert!(lines[0].contains("embedded, active"), "{ran:?}");
        let cells: Vec<&str> = lines[3].split_whitespace().collect();
        assert_eq!((cells[0], cells[2], cells[3]), (DEPLOYMENT, "50%", "2%"), "{ran:?}");
    }
}

#[tokio::test]
async fn it_follows_what_happens_and_q_quits() {
    let server = server().await;
    let caller = Caller::of(&server);
    let mut terminal = Terminal::start("top --interval-ms 100", server.process.url(), 40, 12).await;
    terminal.shows("embeddings    ok               0%     0%").await;
    let _: Lease = caller.acquire("r1", TOKENS, 1).await.done(201);
    terminal.shows("exhausted      100%     2%").await;
    terminal.types("i");
    terminal.shows("q quit  by id:").await;
    terminal.types("q");
    assert_eq!(terminal.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_server_that_goes_away_is_shown_as_old() {
    let mut server = server().await;
    let mut terminal =
        Terminal::start("top --interval-ms 100", server.process.url(), 100, 12).await;
    terminal.shows(DEPLOYMENT).await;
    server.process.kill().unwrap();
    terminal.shows("OLD: http://127.0.0.1").await;
    assert!(terminal.text().contains(DEPLOYMENT), "{}", terminal.text());
    server.start_again().await.unwrap();
    terminal.shows("1 deployments: 1 ok").await;
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ended().await.code(), Some(0));
}

#[tokio::test]
async fn it_begins_only_if_the_server_answers() {
    let mut server = server().await;
    let person = Person::at(&server);
    server.process.kill().unwrap();
    let away = person.says("top").await;
    assert!(Person::refused(&away, 69).contains("does not answer"), "{away:?}");
}
