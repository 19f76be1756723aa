use super::super::*;

fn mistake(text: &str) -> Mistake {
    parse(Path::new("d.yaml"), text).unwrap_err()
}

#[test]
fn entries_are_what_the_api_takes() {
    let text = "deployments:\n  a: {tpm_limit: 500}\n  b:\n    rpm_limit: 3\n    window: rolling\n";
    let puts = parse(Path::new("d.yaml"), text).unwrap();
    let limits =
        puts.iter().map(|put| (&*put.id, put.policy.limit.tokens(), put.policy.limit.requests()));
    assert_eq!(limits.collect::<Vec<_>>(), [("a", Some(500), None), ("b", None, Some(3))]);
    assert_eq!(parse(Path::new("d.yaml"), "deployments: {}").unwrap().len(), 0);
}

#[test]
fn there_may_be_very_many() {
    let entries = (0..100_000).map(|n| format!("  model-{n}: {{tpm_limit: 500, rpm_limit: 5}}\n"));
    let text = format!("deployments:\n{}", entries.collect::<String>());
    assert_eq!(parse(Path::new("d.yaml"), &text).unwrap().len(), 100_000);
}

#[test]
fn the_sample_is_one() {
    let puts = read(Path::new("samples/deployments.yaml")).unwrap().puts;
    let ids: Vec<_> = puts.iter().map(|put| &*put.id).collect();
    assert_eq!(ids, ["embeddings-eu", "gpt-4o-eu"]);
}

#[test]
fn mistakes_say_where_they_are() {
    for (text, place, what) in [
        ("deployments:\n  a:\n    tpm: 1\n", "d.yaml:3:5", "unknown field `tpm`"),
        ("deployments:\n  a:\n    tpm_limit: -1\n", "d.yaml:3:16", ""),
        ("deployments:\n  a:\n    tpm_limit: many\n", "d.yaml:3:16", ""),
        ("deployments:\n  a: {tpm_limit: 1}\n  a: {tpm_limit: 2}\n", "d.yaml:3:3", "duplicate"),
        (
            "deployments:\n  a: {}\n",
            "d.yaml: deployments.a",
            "`tpm_limit` or `rpm_limit` must be given",
        ),
        ("limits: {}\n", "d.yaml:1:1", "unknown field `limits`"),
    ] {
        let found = mistake(text);
        assert_eq!(found.place, place, "{found}");
        assert!(found.what.contains(what), "{found}");
    }
    assert!(read(Path::new("/no/such/file")).is_err());
}
