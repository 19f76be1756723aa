"""What release/build.sh calls, without what takes hours."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml

import chart
import changes
import provenance

ROOT = chart.ROOT
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]

TOLD = """# Changelog

## Unreleased

## 0.3.0 - 2026-12-01

### Added

- A thing.
  It has two lines.

### Changed

- Another one.

## 0.2.0

### Added

- The first.
"""


def test_changes_are_told_by_kind_those_first_that_an_upgrade_meets():
    told = changes.of_version(TOLD, "0.3.0")
    assert told == "## Changed\n\n- Another one.\n\n## Added\n\n- A thing.\n  It has two lines.\n"
    assert changes.of_version(TOLD, "0.2.0") == "## Added\n\n- The first.\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TOLD.replace("## 0.3.0", "## 0.4.0"), "0 parts"),
        (TOLD.replace("## 0.2.0", "## 0.3.0"), "2 parts"),
        (TOLD.replace("### Changed", "### Changes"), "Changes"),
        (TOLD.replace("2026-12-01\n", "2026-12-01\n\n- Of no kind.\n"), "before the first kind"),
        ("# Changelog\n\n## 0.3.0\n", "nothing is new"),
    ],
)
def test_a_changelog_that_tells_no_release_is_refused(text: str, why: str):
    with pytest.raises(changes.Unfit, match=why):
        changes.of_version(text, "0.3.0")


def test_all_parts_are_of_one_version_that_the_changelog_tells():
    about = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
    assert (about["version"], about["appVersion"]) == (VERSION, VERSION)
    assert changes.of_version((ROOT / "CHANGELOG.md").read_text(), VERSION)


def packaged(folder: pathlib.Path, **places: str) -> pathlib.Path:
    """The chart as a release has it."""
    copy = shutil.copytree(ROOT / "helm", folder / "helm")
    subprocess.run([sys.executable, ROOT / "release/places.py", copy, VERSION], env=places, check=True)
    return copy


def rendered(folder: pathlib.Path) -> str:
    done = chart.helm("template", "quota", folder, "--set", "monitoring.alerts.enabled=true")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_place_says_where_the_image_and_the_book_are(tmp_path: pathlib.Path):
    copy = packaged(tmp_path, REGISTRY="registry.example:5000/platform", BOOK_URL="https://book.example/limits")
    text = rendered(copy)
    images = set(re.findall(r"image: \"(.*)\"", text))
    assert images == {f"registry.example:5000/platform/tokenlease:{VERSION}"}
    links = set(re.findall(r"runbook_url: (.*)#", text))
    assert links == {"https://book.example/limits/runbook.html"}
    assert yaml.safe_load((copy / "Chart.yaml").read_text())["home"] == "https://book.example/limits"


def test_without_a_place_the_chart_is_as_it_lies_here(tmp_path: pathlib.Path):
    copy = packaged(tmp_path, REGISTRY="", BOOK_URL="")
    for name in ("Chart.yaml", "values.yaml"):
        assert (copy / name).read_text() == (ROOT / "helm" / name).read_text()


def test_a_registry_without_a_path_is_one(tmp_path: pathlib.Path):
    text = rendered(packaged(tmp_path, REGISTRY="registry.example"))
    assert set(re.findall(r"image: \"(.*)\"", text)) == {f"registry.example/tokenlease:{VERSION}"}


def test_a_statement_is_about_each_file_and_names_what_it_was_made_of(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "program").write_text("hello")
    (tmp_path / "tokenlease-1.intoto.json").write_text("itself")
    monkeypatch.setattr(provenance, "certificates", lambda: {"uri": "file:certificates", "digest": {"sha256": "0"}})
    told = provenance.statement("1", tmp_path, {"REGISTRY": "registry.example", "BUILDER_ID": "https://ci.example"})
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert told["subject"] == [{"name": "program", "digest": {"sha256": digest}}]
    assert told["predicate"]["runDetails"]["builder"]["id"] == "https://ci.example"
    definition = told["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["registry"] == "registry.example"
    of = {each["uri"]: each.get("digest", {}) for each in definition["resolvedDependencies"]}
    assert re.fullmatch("[0-9a-f]{40}", of["git+tokenlease"]["gitCommit"])
    assert any(uri.startswith("pkg:cargo/tokio@") and len(has["sha256"]) == 64 for uri, has in of.items())
    assert sum(uri.startswith("pkg:golang/") for uri in of) == 4
    json.dumps(told)


def test_an_unknown_step_makes_nothing():
    done = subprocess.run([ROOT / "release/build.sh", "programms"], capture_output=True, text=True)
    assert done.returncode == 1 and "unknown step 'programms'; there are programs" in done.stderr
