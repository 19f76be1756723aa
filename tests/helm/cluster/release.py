"""A release in a namespace of its own, which admits only pods of the standard `restricted`."""

import dataclasses
import json
import pathlib

import yaml

import chart

from . import hooks
from .api import Api, path_of


@dataclasses.dataclass
class Release:
    api: Api
    kubeconfig: pathlib.Path
    namespace: str
    values: pathlib.Path

    def prepare(self) -> None:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        body = {"metadata": {"name": self.namespace, "labels": labels}}
        self.api.ask("POST", "/api/v1/namespaces", body)
        # A controller makes the first. The others are named in values.
        for name in ("default", "quota"):
            accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
            self.api.ask("POST", accounts, {"metadata": {"name": name}})

    def helm(self, *args: object) -> str:
        where = ("--kubeconfig", self.kubeconfig, "--namespace", self.namespace)
        done = chart.helm(*args, *where, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self) -> list[str]:
        return self._hooked("install", chart.RELEASE, chart.CHART, "--values", self.values)

    def upgrade(self, *sets: str) -> list[str]:
        changes = [part for each in sets for part in ("--set", each)]
        return self._hooked("upgrade", chart.RELEASE, chart.CHART, "--values", self.values, *changes)

    def rollback(self, revision: int) -> list[str]:
        return self._hooked("rollback", chart.RELEASE, revision)

    def test(self) -> list[str]:
        return self._hooked("test", chart.RELEASE)

    def uninstall(self) -> list[str]:
        return self._hooked("uninstall", chart.RELEASE)

    def _hooked(self, *args: object) -> list[str]:
        with hooks.that_succeed(self.api, self.namespace) as done:
            self.helm(*args)
        return done

    def manifest(self) -> list[dict]:
        return [each for each in yaml.safe_load_all(self.helm("get", "manifest", chart.RELEASE)) if each]

    def history(self) -> list[str]:
        return [each["status"] for each in json.loads(self.helm("history", chart.RELEASE, "-o", "json"))]

    def stored(self, thing: dict) -> dict | None:
        return self.api.read(path_of(thing, self.namespace))

    def admit(self, workload: dict) -> None:
        """Asks for a pod as the workload's controller would, without making it."""
        pod = chart.pod_of(workload)
        spec = pod["spec"] | {"volumes": pod["spec"].get("volumes", []) + claimed(workload)}
        metadata = {"generateName": "x-", "labels": pod["metadata"]["labels"]}
        body = {"metadata": metadata, "spec": spec}
        how = "dryRun=All&fieldValidation=Strict"
        self.api.ask("POST", f"/api/v1/namespaces/{self.namespace}/pods?{how}", body)


def claimed(workload: dict) -> list[dict]:
    """The volumes that a stateful set's controller adds."""
    names = [claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])]
    return [{"name": name, "persistentVolumeClaim": {"claimName": f"{name}-0"}} for name in names]
