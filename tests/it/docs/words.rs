//! Words in pages and comments, where nothing else looks: files that they name exist, and comments
//! are no wider than code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::file;

/// What is looked into, and what a name in it may be of.
const READ: &[&str] = &["md", "rs", "lua", "sh", "py", "js", "toml"];
const NAMED: &[&str] = &["rs", "lua", "sql", "sh", "py", "js", "toml", "md", "tpl"];

/// Made or fetched, or of somebody else.
const SKIPPED: &[&str] = &["target", "node_modules", "corpus", "artifacts"];

/// All files below `folder`, relative to the repository, with `/` between.
fn collect(folder: &Path, name: &str, files: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let own = entry.file_name().into_string().unwrap();
        if own.starts_with('.') || SKIPPED.contains(&&*own) {
            continue;
        }
        let name = if name.is_empty() { own } else { format!("{name}/{own}") };
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &name, files);
        } else {
            files.insert(name);
        }
    }
}

fn has_extension(name: &str, of: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| of.contains(&extension))
}

/// What stands between backquotes in words: all of a page, and the comments of a program.
fn quoted<'a>(name: &str, text: &'a str) -> Vec<&'a str> {
    let is_page = has_extension(name, &["md"]);
    let words = text.lines().filter_map(|line| {
        let comment = || ["//", "-- ", "# "].iter().filter_map(|mark| line.find(mark)).min();
        if is_page { Some(line) } else { comment().map(|at| &line[at..]) }
    });
    words.flat_map(|words| words.split('`').skip(1).step_by(2)).collect()
}

/// Whether it names a file of this repository, by its path or the end of one.
fn is_name(quoted: &str) -> bool {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let is_pattern = quoted.contains("NNNN") || quoted.contains("VERSION");
    has_extension(quoted, NAMED)
        && !quoted.starts_with(['/', '.'])
        && quoted.chars().all(is_path)
        && !is_pattern
}

#[test]
fn files_that_are_named_in_words_exist() {
    let mut files = BTreeSet::new();
    collect(&file("."), "", &mut files);
    let ends: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| {
            let parts = file.match_indices('/').map(|(at, _)| &file[at + 1..]);
            parts.chain([&**file])
        })
        .collect();
    let mut looked_at = 0;
    let mut missing = Vec::new();
    for name in files.iter().filter(|name| has_extension(name, READ) && *name != "CHANGELOG.md") {
        let text = fs::read_to_string(file(name)).unwrap();
        for named in quoted(name, &text).into_iter().filter(|quoted| is_name(quoted)) {
            looked_at += 1;
            if !ends.contains(named) {
                missing.push(format!("{name}: {named}"));
            }
        }
    }
    assert!(looked_at > 200, "{looked_at}");
    assert_eq!(missing, [""; 0]);
}

/// rustfmt leaves comments as they are, however wide.
#[test]
fn comments_are_no_wider_than_code() {
    let mut files = BTreeSet::new();
    collect(&file("."), "", &mut files);
    let mut wide = Vec::new();
    for name in files.iter().filter(|name| has_extension(name, &["rs"])) {
        let text = fs::read_to_string(file(name)).unwrap();
        let is_wide = |line: &str| {
            line.chars().count() > 100
                && line.trim_start().starts_with("//")
                && !line.contains("://")
        };
        let lines = (1..).zip(text.lines()).filter(|(_, line)| is_wide(line));
        wide.extend(lines.map(|(at, _)| format!("{name}:{at}")));
    }
    assert_eq!(wide, [""; 0]);
}

#[test]
fn what_is_a_name_is_told_from_other_words() {
    let text = "see `turn.rs` and `a/b.lua`, not `x.y()`, `.toml`, `/openapi.md` or `{id}.md`";
    let names: Vec<_> = quoted("a.md", text).into_iter().filter(|it| is_name(it)).collect();
    assert_eq!(names, ["turn.rs", "a/b.lua"]);
    let line = format!("let x = `a.rs`; /{} `b.rs`", "/ as");
    assert_eq!(quoted("a.rs", &line), ["b.rs"]);
}
