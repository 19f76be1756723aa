"""Every values set renders, and what must be rejected is, with the message that it says itself."""

import pathlib
import subprocess

import pytest
import yaml

import chart


def test_lint_finds_nothing(values: pathlib.Path):
    done = chart.helm("lint", "--strict", chart.CHART, "--values", values)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", chart.REJECTED, ids=lambda path: path.stem)
def test_what_is_wrong_is_rejected(values: pathlib.Path):
    first = values.read_text().splitlines()[0]
    assert first.startswith("# rejected: "), first
    done = chart.template(values)
    assert done.returncode != 0, "it renders"
    assert first.removeprefix("# rejected: ") in done.stderr


def test_rendering_is_repeatable(values: pathlib.Path):
    """But for tokens that are made anew: with those, `access.mode` is no `secret`."""
    first = chart.render(values)
    chart.template.cache_clear()
    second = chart.render(values)
    for objects in (first, second):
        for secret in chart.of_kind(objects, "Secret"):
            secret.pop("stringData")
    assert first == second


def test_the_readme_tells_every_value():
    docs = chart.TOOLS / "bin/helm-docs"
    command = [docs, "--dry-run", "--chart-search-root", chart.CHART, "--log-level", "error"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    how = "make it anew: target/tools/bin/helm-docs --chart-search-root helm"
    assert (chart.CHART / "README.md").read_text().strip() == told.strip(), how


def test_a_claim_s_access_mode_never_changes():
    """Kubernetes refuses the change, so what has another mode has another name."""
    claims = {}
    for ledger in ("embedded", "postgres", "redis"):
        objects = chart.render(chart.SETS / f"{ledger}.yaml", "--set", "audit.to=claim,audit.volume.existingClaim=")
        (claim,) = [each for each in chart.of_kind(objects, "PersistentVolumeClaim") if "-audit" in each["metadata"]["name"]]
        name, modes = claim["metadata"]["name"], claim["spec"]["accessModes"]
        assert claims.setdefault(name, modes) == modes
        (pod,) = [each["spec"]["template"]["spec"] for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
        (audit,) = [volume for volume in pod["volumes"] if volume["name"] == "audit"]
        assert audit["persistentVolumeClaim"]["claimName"] == name
    assert sorted(claims.values()) == [["ReadWriteMany"], ["ReadWriteOnce"]]


def test_a_scratch_volume_evicts_no_pod():
    """One with a size does, once it is full, instead of failing the write."""
    objects = chart.render(chart.SETS / "embedded.yaml", "--set", "audit.to=scratch")
    (servers,) = chart.of_kind(objects, "StatefulSet")
    volumes = servers["spec"]["template"]["spec"]["volumes"]
    assert [volume for volume in volumes if volume["name"] == "audit"] == [{"name": "audit", "emptyDir": {}}]


def test_backups_go_where_the_data_is_and_stay():
    """A volume of one node is copied on that node; names of jobs, the minute at their end, are short enough."""
    long = "r" * 53
    command = chart.helm("template", long, chart.CHART, "--values", chart.SETS / "embedded.yaml")
    objects = [each for each in yaml.safe_load_all(command.stdout) if each]
    (job,) = chart.of_kind(objects, "CronJob")
    assert len(job["metadata"]["name"]) <= 52
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (server,) = chart.of_kind(objects, "StatefulSet")
    claims = {each["name"]: each["persistentVolumeClaim"]["claimName"] for each in pod["volumes"]}
    assert claims["data"] == f"data-{server['metadata']['name']}-0"
    (term,) = pod["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    labels = server["spec"]["template"]["metadata"]["labels"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"]["matchLabels"].items() <= labels.items()
    copies = [each for each in chart.of_kind(objects, "PersistentVolumeClaim") if each["metadata"]["name"] == claims["copies"]]
    assert copies[0]["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
