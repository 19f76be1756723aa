import pathlib
import time
from collections.abc import Iterator

import pytest
import yaml

import chart
import schemas

from . import control_plane
from .api import Api
from .release import Release


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with control_plane.api_server(tmp_path_factory.mktemp("kubernetes")) as api:
        for path in schemas.CRDS.glob("*.yaml"):
            define(api, yaml.safe_load(path.read_text()))
        # Values sets name it, and no pod is admitted that names one that is not there.
        runtime = {"metadata": {"name": "gvisor"}, "handler": "runsc"}
        api.ask("POST", "/apis/node.k8s.io/v1/runtimeclasses", runtime)
        api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "monitoring"}})
        yield api


def define(api: Api, definition: dict) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    api.ask("POST", definitions, definition)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        stored = api.ask("GET", f"{definitions}/{definition['metadata']['name']}")
        said = {each["type"]: each["status"] for each in stored["status"]["conditions"] or []}
        if said.get("Established") == "True":
            return
        time.sleep(0.05)
    raise TimeoutError(definition["metadata"]["name"])


@pytest.fixture(scope="session")
def kubeconfig(api: Api, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    cluster = {"server": api.url, "certificate-authority": str(api.certificate)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": api.token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "current-context": "test",
    }
    path = tmp_path_factory.mktemp("kubeconfig") / "config"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def release(api: Api, kubeconfig: pathlib.Path, request: pytest.FixtureRequest) -> Release:
    """Of the values set in the test's parameter."""
    values: pathlib.Path = request.param
    name = f"{request.function.__name__}-{values.stem}".removeprefix("test_").replace("_", "-")
    release = Release(api, kubeconfig, name[:60].strip("-"), values)
    release.prepare()
    return release


def of(*names: str):
    """Releases of these values sets, one for each test."""
    paths = [chart.SETS / f"{name}.yaml" for name in names] or chart.GOOD
    return pytest.mark.parametrize("release", paths, indirect=True, ids=lambda path: path.stem)
