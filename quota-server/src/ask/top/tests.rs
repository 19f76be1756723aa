//! What stands on the screen.

use quota_api::{
    DeploymentOverview, LedgerKind, Overview, ServerInfo, ServerRole, State, Usage, UsagePair,
    WindowKind,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::draw::draw;
use super::sort::Sort;
use super::view::{Key, View};

fn deployment(id: &str, state: State, outstanding: u64, denied: u64) -> DeploymentOverview {
    let tokens = UsagePair { limit: Some(500), outstanding, overrun: 0 };
    let requests = UsagePair { limit: None, outstanding: 3, overrun: 0 };
    DeploymentOverview {
        limits: Vec::new(),
        id: id.to_owned(),
        model_group: None,
        labels: Default::default(),
        version: 1,
        window: WindowKind::Minute,
        drift: Vec::new(),
        state,
        usage: Usage { tokens, requests },
        granted: Default::default(),
        given_back: Default::default(),
        used: Default::default(),
        held: Default::default(),
        burnt: Default::default(),
        denied: quota_api::Amount { tokens: denied, requests: 0 },
        leases: 2,
        holders: 1,
    }
}

fn overview(deployments: Vec<DeploymentOverview>) -> Overview {
    let server = ServerInfo {
        version: "1.2.3".to_owned(),
        uptime_ms: 61_000,
        role: ServerRole::Active,
        ledger: LedgerKind::Embedded,
        writable: true,
        warnings: Vec::new(),
    };
    Overview { server, minute_ends_in_ms: 33_400, fresh_for_ms: 500, deployments }
}

fn three() -> Overview {
    overview(vec![
        deployment("a-quiet-one", State::Ok, 50, 0),
        deployment("full", State::Exhausted, 500, 7),
        deployment("half", State::Ok, 250, 90),
    ])
}

fn screen(view: &View, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view)).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = buffer.content.chunks(usize::from(width));
    lines.map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>()).collect()
}

#[test]
fn forty_columns_show_what_matters() {
    let view = View::new(Sort::Fill, three());
    let shown = screen(&view, 40, 7);
    let expected = [
        "minute ends in 34 s; embedded, active, u",
        "3 deployments: 1 exhausted, 2 ok        ",
        "DEPLOYMENT    STATE        TOKENS   REQS",
        "full          exhausted      100%      -",
        "half          ok              50%      -",
        "a-quiet-one   ok              10%      -",
        "q quit  by fill: f fill  i id  d denied ",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_wide_terminal_shows_all() {
    let shown = screen(&View::new(Sort::Fill, three()), 160, 8);
    for title in ["OUTSTANDING", "TPM", "DENIED", "HOLDERS", "LEASES", "BURNT", "OVERRUN", "WINDOW"]
    {
        assert!(shown[2].contains(title), "{title} is not in {}", shown[2]);
    }
}

#[test]
fn no_terminal_is_too_small() {
    for (width, height) in [(1, 1), (5, 2), (3, 40), (500, 1)] {
        screen(&View::new(Sort::Fill, three()), width, height);
    }
}

#[test]
fn keys_sort_scroll_and_quit() {
    let mut view = View::new(Sort::Fill, three());
    let first = |view: &View| screen(view, 80, 6)[3].split(' ').next().unwrap().to_owned();
    assert_eq!(first(&view), "full");
    assert!(view.press(Key::Sort(Sort::Id)));
    assert_eq!(first(&view), "a-quiet-one");
    assert!(view.press(Key::Sort(Sort::Denied)));
    assert_eq!(first(&view), "half");
    assert!(view.press(Key::Scroll(1)));
    assert_eq!(first(&view), "full");
    assert!(view.press(Key::Scroll(-10)));
    assert_eq!(first(&view), "half");
    assert!(view.press(Key::End));
    assert_eq!(first(&view), "a-quiet-one");
    assert!(!view.press(Key::Quit));
}

#[test]
fn fewer_deployments_than_were_scrolled_past_are_shown() {
    let mut view = View::new(Sort::Id, three());
    view.press(Key::End);
    view.take(Ok(overview(vec![deployment("last", State::Ok, 0, 0)])));
    assert!(screen(&view, 80, 6)[3].starts_with("last"));
    view.take(Ok(overview(Vec::new())));
    assert!(screen(&view, 80, 6)[1].starts_with("no deployments"));
}

#[test]
fn what_is_old_says_so_until_there_is_an_answer() {
    let mut view = View::new(Sort::Id, three());
    view.take(Err("http://h does not answer: refused".to_owned()));
    let shown = screen(&view, 80, 6);
    assert!(shown[1].starts_with("OLD: http://h does not answer: refused"), "{}", shown[1]);
    assert!(shown[3].starts_with("a-quiet-one"));
    view.take(Ok(three()));
    assert!(screen(&view, 80, 6)[1].starts_with("3 deployments"));
}

#[test]
fn one_table_has_everything() {
    let table = super::columns::table(&View::new(Sort::Id, three()));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2 + 1 + 3);
    assert!(lines[2].starts_with("DEPLOYMENT   STATE") && lines[2].ends_with("WINDOW"));
    assert!(lines[4].starts_with("full         exhausted    100%"), "{}", lines[4]);
}
