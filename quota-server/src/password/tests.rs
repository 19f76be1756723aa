use std::path::Path;

use super::*;

fn command(text: &str) -> PasswordSource {
    PasswordSource::Command(text.parse().unwrap())
}

async fn refused(source: &PasswordSource) -> String {
    source.password().await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_password_is_what_its_source_says_now() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "hush\n").unwrap();
    let (file, cat) =
        (PasswordSource::File(path.clone()), command(&format!("cat '{}'", path.display())));
    for source in [&file, &cat] {
        assert_eq!(source.password().await.unwrap(), "hush");
        assert!(!format!("{source:?}").contains("hush"));
        source.check().unwrap();
    }
}

#[tokio::test]
async fn a_command_is_run_again_once_its_answer_is_old_and_once_for_all_who_ask_together() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("runs");
    let counts = command(&format!("sh -c 'echo run >> \"$0\"; wc -l < \"$0\"' {}", path.display()));
    let runs = async || counts.password().await.unwrap().trim().to_owned();
    let (first, second) = tokio::join!(runs(), runs());
    assert_eq!((&*first, &*second), ("1", "1"));
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(6)).await;
    tokio::time::resume();
    assert_eq!(runs().await, "2");
}

#[tokio::test]
async fn a_command_that_is_of_no_use_says_why() {
    for (text, why) in [
        ("/no/such/program", "No such file"),
        ("true", "it prints nothing"),
        ("sh -c 'echo; echo no credentials >&2; exit 3'", "exit status: 3: no credentials"),
        ("printf '\\377'", "no text"),
        ("head -c 70000 /dev/zero", "more than 65536 bytes"),
        ("yes", "more than 65536 bytes"),
    ] {
        let said = refused(&command(text)).await;
        assert!(said.contains(why), "{text}: {said}");
        assert!(said.starts_with(text.split(' ').next().unwrap()), "{said}");
    }
    let long = refused(&command("sh -c 'head -c 9000 /dev/zero | tr \"\\0\" x >&2; exit 1'")).await;
    assert!(long.len() < 400, "{}", long.len());
}

#[tokio::test(start_paused = true)]
async fn a_command_that_hangs_is_ended() {
    // Time passes as soon as nothing but it is waited for.
    let said = refused(&command("sleep 1000")).await;
    assert!(said.contains("did not end within 10s"), "{said}");
}

#[test]
fn a_command_is_words() {
    for text in ["", "  ", "'' a", "aws 'rds"] {
        assert!(text.parse::<PasswordCommand>().is_err(), "{text}");
    }
    let missing = PasswordSource::File(Path::new("/no/such/file").to_owned());
    assert!(missing.check().is_err());
}
