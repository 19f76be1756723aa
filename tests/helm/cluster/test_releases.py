"""What the API server says to releases: installed, changed, rolled back, removed."""

import pytest

import chart

from .api import Refused
from .conftest import of
from .release import Release

# What an operator may change in the running, in one go: settings, limits, the image, labels of everything.
CHANGES = ("config.http.drain_ms=7000", "deployments.new.tpm_limit=5", "image.tag=9.9.9", "commonLabels.changed=yes")


def workload(release: Release) -> dict:
    """The servers, as they are stored."""
    kinds = ("StatefulSet", "Deployment")
    server = "app.kubernetes.io/component"
    (found,) = [
        each
        for each in release.manifest()
        if each["kind"] in kinds and each["metadata"]["labels"][server] == "server"
    ]
    return release.stored(found)


def stays(thing: dict) -> bool:
    """What outlives its release, as an audit log must."""
    return (thing["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == "keep"


@of()
def test_a_release_lives(release: Release):
    release.install()
    first, made = workload(release), release.manifest()
    assert all(release.stored(each) for each in made)
    for each in chart.workloads(chart.render(release.values)):
        release.admit(each)
    checks = chart.of_kind(chart.render(release.values), "Pod")
    assert release.test() == [each["metadata"]["name"] for each in checks]
    release.upgrade(*CHANGES)
    second = workload(release)
    assert second["metadata"]["uid"] == first["metadata"]["uid"], "it was changed, not made anew"
    assert second["metadata"]["labels"]["changed"] == "yes"
    assert second["spec"]["template"] != first["spec"]["template"]
    release.rollback(1)
    third = workload(release)
    assert third["spec"] == first["spec"]
    assert release.history() == ["superseded", "superseded", "deployed"]
    release.uninstall()
    assert [each for each in made if release.stored(each)] == [each for each in made if stays(each)]


@of("default")
def test_pods_with_more_rights_are_not_admitted(release: Release):
    """So that it means something that the others are."""
    release.install()
    (server,) = chart.of_kind(chart.render(release.values), "StatefulSet")
    server["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {}
    with pytest.raises(Refused, match="violates PodSecurity"):
        release.admit(server)


@of("gateways", "watched-pods")
def test_generated_tokens_stay(release: Release):
    def tokens() -> dict:
        (secret,) = chart.of_kind(release.manifest(), "Secret")
        return release.stored(secret)["data"]

    release.install()
    first = tokens()
    release.upgrade(*CHANGES)
    assert tokens() == first
    release.rollback(1)
    assert tokens() == first


@of("redis")
def test_a_changed_secret_restarts_who_must_read_it(release: Release):
    secrets = f"/api/v1/namespaces/{release.namespace}/secrets"
    for name, data in (("quota-db", {"url": "Zmlyc3Q=", "password": ""}), ("quota-tokens", {"tokens.toml": ""})):
        release.api.ask("POST", secrets, {"metadata": {"name": name}, "data": data})
    release.install()
    before = workload(release)["spec"]["template"]
    # Servers read their tokens and passwords again by themselves.
    release.api.merge(f"{secrets}/quota-tokens", {"data": {"tokens.toml": "bmV3"}})
    release.api.merge(f"{secrets}/quota-db", {"data": {"password": "bmV3"}})
    release.upgrade()
    assert workload(release)["spec"]["template"] == before
    release.api.merge(f"{secrets}/quota-db", {"data": {"url": "bmV3"}})
    release.upgrade()
    assert workload(release)["spec"]["template"] != before
    release.upgrade("restartOnSecretChange=false")
    assert "checksum/secrets" not in workload(release)["spec"]["template"]["metadata"]["annotations"]


@of("postgres", "redis-ipv6")
def test_the_database_is_migrated_before_each_version(release: Release):
    job = f"{chart.RELEASE}-tokenlease-migrate"
    assert release.install() == [job]
    assert release.upgrade(*CHANGES) == [job]


@of("embedded")
def test_a_release_climbs_the_ladder(release: Release):
    release.install()
    assert workload(release)["kind"] == "StatefulSet"
    before = release.manifest()
    release.upgrade(
        "ledger.kind=postgres",
        "ledger.postgres.url=postgres://quota@db/quota",
        "ledger.embedded.backup.enabled=false",
    )
    assert workload(release)["kind"] == "Deployment"
    (old,) = chart.of_kind(before, "StatefulSet")
    assert release.stored(old) is None
    release.rollback(1)
    assert workload(release)["kind"] == "StatefulSet"
