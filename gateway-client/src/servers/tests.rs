//! Virtual time; every choice follows from the seed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use reqwest::Url;

use super::{Outcome, ServerNo, Servers, Target};
use crate::Moment;
use crate::refill::Failure;

const THREE: &str = "http://10.0.0.1:7700,http://10.0.0.2:7700,http://10.0.0.3:7700";
const LOST: Outcome<'_> = Outcome::Lost { retry_after: None };
const MS: Duration = Duration::from_millis(1);

fn servers(urls: &str, seed: u64) -> Servers {
    Servers::new(urls, StdRng::seed_from_u64(seed)).unwrap()
}

fn at(ms: u32) -> Moment {
    Moment::START + MS * ms
}

fn url(target: &Target) -> String {
    target.origin.to_string()
}

/// A message that is answered so at once.
fn tell(servers: &mut Servers, no: ServerNo, outcome: Outcome<'_>, now: Moment) -> Option<Failure> {
    servers.heard(no, outcome, now, now)
}

/// A standby sends the message to another server.
fn send_on(servers: &mut Servers, from: &Target, to: &str, now: Moment) -> Option<Failure> {
    let asked = Url::parse(&format!("{}/v1/leases/batch", from.origin)).unwrap();
    let location = format!("{to}/v1/leases/batch");
    tell(servers, from.no, Outcome::Standby { asked: &asked, location: &location }, now)
}

#[test]
fn clients_spread_over_the_servers_and_each_stays_with_its_own() {
    let mut users = HashMap::new();
    for seed in 0..300 {
        let mut servers = servers(THREE, seed);
        let target = servers.pick(at(0));
        for ms in 0..100 {
            assert_eq!(tell(&mut servers, target.no, Outcome::Answered, at(ms)), None);
            assert_eq!(servers.pick(at(ms)), target);
        }
        *users.entry(url(&target)).or_insert(0) += 1;
    }
    assert_eq!(users.len(), 3);
    assert!(users.values().all(|count| (70..130).contains(count)), "{users:?}");
}

#[test]
fn a_failure_goes_on_to_each_other_server_once_and_then_waits() {
    let mut servers = servers(THREE, 1);
    let mut tried = Vec::new();
    let away = loop {
        let target = servers.pick(at(0));
        let failure = tell(&mut servers, target.no, LOST, at(0)).unwrap();
        tried.push(target.no);
        match failure {
            Failure::Elsewhere => {}
            Failure::Away { retry_after } => break retry_after,
            Failure::Refused => panic!("nobody refused"),
        }
    };
    tried.sort();
    assert_eq!(tried.len(), 3);
    tried.dedup();
    assert_eq!(tried.len(), 3, "each once");
    assert!((MS * 25..=MS * 50).contains(&away), "{away:?}");
    let first = servers.pick(at(0) + away);
    assert!(tried.contains(&first.no));
}

#[test]
fn a_server_that_failed_is_not_asked_while_another_works() {
    let mut servers = servers(THREE, 2);
    let lost = servers.pick(at(0));
    assert_eq!(tell(&mut servers, lost.no, LOST, at(0)), Some(Failure::Elsewhere));
    let other = servers.pick(at(0));
    tell(&mut servers, other.no, Outcome::Answered, at(1));
    assert_eq!(servers.pick(at(30_000)), other, "long after the back-off");
    tell(&mut servers, other.no, LOST, at(30_000));
    let third = servers.pick(at(30_000));
    assert!(third != other && third != lost, "the one that never failed");
}

#[test]
fn a_server_that_hung_is_left_alone_for_as_long_as_it_did() {
    let mut servers = servers("http://10.0.0.1:1,http://10.0.0.2:1", 3);
    let hung = servers.pick(at(0));
    let failure = servers.heard(hung.no, LOST, at(0), at(1_000));
    assert_eq!(failure, Some(Failure::Elsewhere));
    for ms in [1_000, 1_050, 1_990] {
        let other = servers.pick(at(ms));
        assert_ne!(other, hung);
        tell(&mut servers, other.no, LOST, at(ms));
    }
    assert_eq!(servers.pick(at(2_000)), hung);
}

#[test]
fn a_single_server_that_hung_is_asked_again_soon() {
    let mut servers = servers("http://10.0.0.1:1", 3);
    let only = servers.pick(at(0));
    let Some(Failure::Away { retry_after }) = servers.heard(only.no, LOST, at(0), at(2_000)) else {
        panic!("there is no other");
    };
    assert!(retry_after <= MS * 50, "{retry_after:?}");
}

#[test]
fn the_back_off_of_a_dead_server_grows_and_stays_below_a_second() {
    let mut servers = servers("http://10.0.0.1:1", 4);
    let mut now = at(0);
    for tries in 0..20 {
        let no = servers.pick(now).no;
        let Some(Failure::Away { retry_after }) = tell(&mut servers, no, LOST, now) else {
            panic!("there is no other");
        };
        assert!(retry_after <= MS * 800);
        assert!(tries < 5 || retry_after >= MS * 400, "{tries}: {retry_after:?}");
        now = now + retry_after;
    }
}

#[test]
fn the_active_server_that_a_standby_names_is_used_until_it_fails() {
    let mut servers = servers("http://10.0.0.1:1,http://10.0.0.2:1", 5);
    let standby = servers.pick(at(0));
    let active = "http://10.0.0.9:1";
    assert_eq!(send_on(&mut servers, &standby, active, at(0)), Some(Failure::Elsewhere));
    let target = servers.pick(at(0));
    assert_eq!(url(&target), active);
    tell(&mut servers, target.no, Outcome::Answered, at(1));
    assert_eq!(servers.poll_timeout(), Moment::NEVER, "no other would do");
    assert_eq!(tell(&mut servers, target.no, LOST, at(2)), Some(Failure::Elsewhere));
    assert_eq!(servers.pick(at(2)), standby);
    let failure = send_on(&mut servers, &standby, active, at(2));
    assert_eq!(failure, Some(Failure::Elsewhere), "the other one may know better");
    assert_ne!(servers.pick(at(2)), standby);
    assert_ne!(url(&servers.pick(at(2))), active, "it failed just now");
}

#[test]
fn servers_that_send_the_client_round_are_left() {
    let urls = ["http://10.0.0.1:1", "http://10.0.0.2:1"];
    let mut servers = servers(&urls.join(","), 6);
    for asked in 1..=20 {
        let from = servers.pick(at(0));
        let to = urls.iter().find(|to| **to != url(&from)).unwrap();
        match send_on(&mut servers, &from, to, at(0)) {
            Some(Failure::Elsewhere) => {}
            Some(Failure::Away { .. }) => return assert!(asked <= 5, "{asked}"),
            other => panic!("{other:?}"),
        }
    }
    panic!("it goes round for ever");
}

#[test]
fn hearsay_is_no_source_of_hearsay() {
    let mut servers = servers("http://10.0.0.1:1", 7);
    let configured = servers.pick(at(0));
    send_on(&mut servers, &configured, "http://10.0.0.8:1", at(0));
    let hearsay = servers.pick(at(0));
    send_on(&mut servers, &hearsay, "http://10.0.0.9:1", at(0));
    assert_eq!(servers.pick(at(0)), configured);
    send_on(&mut servers, &configured, "http://10.0.0.8:1", at(0));
    assert_eq!(servers.pick(at(0)), configured, "that one failed");
}

#[test]
fn a_standby_that_names_itself_or_nothing_has_failed() {
    for location in ["http://10.0.0.1:1", "https://10.0.0.2:1", "nowhere at all"] {
        let mut servers = servers("http://10.0.0.1:1", 8);
        let standby = servers.pick(at(0));
        let failure = send_on(&mut servers, &standby, location, at(0));
        assert!(matches!(failure, Some(Failure::Away { .. })), "{location}: {failure:?}");
    }
}

#[test]
fn a_name_is_one_server_until_it_is_looked_up() {
    let mut servers = servers("http://quota:7700", 9);
    let name = servers.pick(at(0));
    assert_eq!(url(&name), "http://quota:7700");
    let lookup = servers.poll_lookup(at(0)).unwrap();
    assert_eq!(lookup.host, "quota");
    assert_eq!(servers.poll_lookup(at(0)), None);
    servers.looked_up(lookup.no, &[]);
    assert_eq!(servers.pick(at(0)), name, "it could not be looked up");
    let addresses: [IpAddr; 2] = ["10.0.0.1".parse().unwrap(), "fd00::2".parse().unwrap()];
    servers.looked_up(lookup.no, &addresses);
    let one = servers.pick(at(0));
    assert!(one.origin.address().is_some_and(|address| addresses.contains(&address)));
    tell(&mut servers, one.no, LOST, at(0));
    let other = servers.pick(at(0));
    assert_ne!(one.origin.address(), other.origin.address());
}

#[test]
fn a_name_is_looked_up_again_when_one_of_its_servers_fails_and_now_and_then() {
    let mut servers = servers("http://quota:7700", 10);
    let no = servers.poll_lookup(at(0)).unwrap().no;
    let (one, two): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    servers.looked_up(no, &[one]);
    let target = servers.pick(at(0));
    tell(&mut servers, target.no, LOST, at(100));
    assert_eq!(servers.poll_timeout(), at(1_000), "not at once");
    assert!(servers.poll_lookup(at(999)).is_none() && servers.poll_lookup(at(1_000)).is_some());
    servers.looked_up(no, &[two]);
    assert_eq!(servers.pick(at(1_000)).origin.address(), Some(two), "the other one is gone");
    let next = servers.poll_timeout();
    assert!((at(16_000)..=at(46_000)).contains(&next), "{next:?}");
}

#[test]
fn load_spreads_again_slowly_once_a_server_is_back() {
    let (mut moved, clients) = (Vec::new(), 200);
    for seed in 0..clients {
        let mut servers = servers("http://10.0.0.1:1,http://10.0.0.2:1", seed);
        let lost = servers.pick(at(0));
        tell(&mut servers, lost.no, LOST, at(0));
        let kept = servers.pick(at(0));
        tell(&mut servers, kept.no, Outcome::Answered, at(0));
        let due = servers.poll_timeout();
        assert!((at(30_000)..=at(90_000)).contains(&due), "{due:?}");
        if let Some(target) = servers.poll_probe(due) {
            assert_eq!(servers.pick(due), kept, "looked at before it is used");
            servers.probed(target.no, false, due);
            assert_eq!(servers.pick(due), kept);
            servers.probed(target.no, true, due);
            assert_eq!(servers.pick(due), lost);
            moved.push(due);
        }
    }
    assert!((80..120).contains(&moved.len()), "half of them: {}", moved.len());
    moved.sort();
    moved.dedup();
    assert!(moved.len() > 50, "at different times");
}

#[test]
fn a_server_in_trouble_is_left_for_another_but_not_if_it_was_named() {
    let mut servers = servers(THREE, 11);
    let first = servers.pick(at(0));
    assert_eq!(tell(&mut servers, first.no, Outcome::Troubled, at(0)), None);
    let second = servers.pick(at(0));
    assert_ne!(first, second);
    let third = servers.targets().find(|it| it.no != first.no && it.no != second.no);
    let third = third.unwrap().clone();
    send_on(&mut servers, &second, &url(&third), at(0));
    assert_eq!(tell(&mut servers, third.no, Outcome::Troubled, at(0)), None);
    assert_eq!(servers.pick(at(0)), third);
}
