"""The chart, rendered by the real `helm`."""

import functools
import json
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A package of it that is unpacked, or the one here.
CHART = pathlib.Path(os.environ.get("TOKENLEASE_CHART", ROOT / "helm"))
SETS = ROOT / "helm/ci"
TOOLS = ROOT / "target/tools"
HELM = TOOLS / "bin/helm"
# As `helm install` names it in the examples.
RELEASE = "quota"
NAMESPACE = "llm"

# What is rendered where nothing else is asked for.
GOOD = sorted(SETS.glob("*.yaml"))
REJECTED = sorted((SETS / "rejected").glob("*.yaml"))


def helm(*args: object, **more) -> subprocess.CompletedProcess:
    """Runs it, with nothing of the user's own configuration."""
    home = TOOLS / "helm-home"
    variables = {name: str(home) for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")}
    command = [str(HELM), *map(str, args)]
    return subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, **more)


@functools.cache
def template(values: pathlib.Path, *args: str) -> subprocess.CompletedProcess:
    return helm("template", RELEASE, CHART, "--namespace", NAMESPACE, "--values", values, *args)


def render(values: pathlib.Path, *args: str) -> list[dict]:
    """The objects of a values set, tests and hooks too."""
    done = template(values, *args)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@functools.cache
def schema() -> dict:
    return json.loads((CHART / "values.schema.json").read_text())


def resolved(part: dict) -> dict:
    """What a part of the schema refers to."""
    while "$ref" in part:
        part = schema()["$defs"][part["$ref"].removeprefix("#/$defs/")]
    return part


def of_kind(objects: list[dict], kind: str) -> list[dict]:
    return [each for each in objects if each["kind"] == kind]


def named(objects: list[dict], kind: str, name: str) -> dict:
    (found,) = [each for each in of_kind(objects, kind) if each["metadata"]["name"] == name]
    return found


def pod_of(workload: dict) -> dict:
    """The pod's metadata and specification, whatever makes it."""
    return workload if workload["kind"] == "Pod" else workload["spec"]["template"]


def own(workload: dict) -> dict:
    """The container of the chart's own image; others are what a values set puts beside it."""
    return pod_of(workload)["spec"]["containers"][0]


def workloads(objects: list[dict]) -> list[dict]:
    kinds = ("StatefulSet", "Deployment", "Job", "Pod")
    return [each for each in objects if each["kind"] in kinds]
