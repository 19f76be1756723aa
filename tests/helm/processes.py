"""Pods of the chart as processes of this machine: a kubelet's part, as far as these tests need it.

Arguments, variables, files and probes are those of the rendered pod; only what cannot be the same is another: folders
are under a temporary one, ports are free ones.
"""

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import chart
from cluster.control_plane import free_port

# Where tests/run.sh has built the programs.
BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", chart.ROOT / "target")) / "debug"
PROGRAMS = pathlib.Path(os.environ.get("TOKENLEASE_PROGRAMS", BUILT))
PATIENCE_S = 60


@dataclasses.dataclass
class Pod:
    """One container, in a folder that stands for its root."""

    objects: list[dict]
    spec: dict
    root: pathlib.Path
    port: int = dataclasses.field(default_factory=free_port)
    # Where the servers are, whose name nobody resolves here.
    servers: str = ""
    process: subprocess.Popen | None = None

    @property
    def container(self) -> dict:
        return self.spec["containers"][0]

    @property
    def program(self) -> pathlib.Path:
        return PROGRAMS / pathlib.Path(self.container["command"][0]).name

    @property
    def log(self) -> pathlib.Path:
        return self.root / "log"

    def here(self, text: str) -> str:
        """The same on this machine."""
        folders = [re.escape(place["mountPath"]) for place in self.container.get("volumeMounts", [])]
        if folders:
            text = re.sub(rf"(?<![\w/])({'|'.join(folders)})(?=/|\W|$)", rf"{self.root}\1", text)
        if self.servers:
            text = re.sub(r"https?://[a-z-]+-servers\.llm\.svc:[0-9]+", self.servers, text)
        for port in self.container.get("ports", []):
            for everywhere in ("0.0.0.0", "[::]"):
                text = text.replace(f"{everywhere}:{port['containerPort']}", f"127.0.0.1:{self.port}")
        return text

    def mount(self, secrets: dict[str, dict]) -> None:
        """Writes the files of config maps and secrets, and makes the folders of claims."""
        volumes = {volume["name"]: volume for volume in self.spec.get("volumes", [])}
        for place in self.container.get("volumeMounts", []):
            folder = pathlib.Path(self.here(place["mountPath"]))
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in self.files(volumes.get(place["name"], {}), secrets).items():
                (folder / name).write_text(self.here(text))

    def files(self, volume: dict, secrets: dict[str, dict]) -> dict[str, str]:
        if "configMap" in volume:
            return chart.named(self.objects, "ConfigMap", volume["configMap"]["name"])["data"]
        if "secret" in volume:
            data = secrets[volume["secret"]["secretName"]]
            items = volume["secret"].get("items") or [{"key": key, "path": key} for key in data]
            return {item["path"]: data[item["key"]] for item in items}
        return {}

    def variables(self, secrets: dict[str, dict]) -> dict[str, str]:
        found = {"POD_IP": "::1" if "[$(POD_IP)]" in str(self.container.get("env")) else "127.0.0.1"}
        found["POD_NAME"] = f"{self.root.name}-0"
        for each in self.container.get("env", []):
            if "value" in each:
                value = re.sub(r"\$\((POD_\w+)\)", lambda match: found[match[1]], each["value"])
                found[each["name"]] = self.here(value)
            elif "secretKeyRef" in each["valueFrom"]:
                reference = each["valueFrom"]["secretKeyRef"]
                found[each["name"]] = secrets[reference["name"]][reference["key"]]
        return found

    def start(self, secrets: dict[str, dict]) -> None:
        self.mount(secrets)
        command = [str(self.program), *map(self.here, self.container["args"])]
        folder = self.here(self.container["workingDir"]) if "workingDir" in self.container else self.root
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                command, env=self.variables(secrets), cwd=folder, stdout=output, stderr=output
            )

    def url(self) -> str:
        return f"{self.container['readinessProbe']['httpGet']['scheme'].lower()}://127.0.0.1:{self.port}"

    def ask(self, request: str | urllib.request.Request) -> http.client.HTTPResponse:
        # As a kubelet does, which knows no authorities.
        return urllib.request.urlopen(request, timeout=10, context=ssl._create_unverified_context())

    def get(self, path: str) -> str:
        with self.ask(self.url() + path) as answer:
            return answer.read().decode()

    def post(self, path: str, body: dict, headers: dict[str, str]) -> int:
        headers = {"content-type": "application/json"} | headers
        request = urllib.request.Request(self.url() + path, json.dumps(body).encode(), headers)
        try:
            with self.ask(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def probe(self, which: str) -> bool:
        try:
            with self.ask(self.url() + self.container[which]["httpGet"]["path"]) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def wait(self, what) -> None:
        """Until it is so; not for ever, nor for a process that has ended."""
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def wait_until_ready(self) -> None:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            self.wait(lambda probe=probe: self.probe(probe))

    def stop(self) -> int:
        """As a kubelet does: with a signal, and within the grace."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=self.spec["terminationGracePeriodSeconds"])

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def pod(objects: list[dict], workload: dict, root: pathlib.Path, servers: str = "") -> Pod:
    root.mkdir()
    return Pod(objects, chart.pod_of(workload)["spec"], root, servers=servers)


def closing(*pods: Pod) -> contextlib.ExitStack:
    stack = contextlib.ExitStack()
    for each in pods:
        stack.callback(each.close)
    return stack
