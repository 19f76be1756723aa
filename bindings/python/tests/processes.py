"""Real processes for tests: the programs of this workspace, on free ports, with data of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence

ROOT = Path(__file__).resolve().parents[3]
#: The folder of the programs `quota-server` and `upstream`.
PROGRAMS = Path(os.environ.get("TOKENLEASE_PROGRAMS", ROOT / "target" / "debug"))

PATIENCE_S = 30.0


class Process:
    """A program that says where it listens in its first line, and is ended by its id."""

    def __init__(self, *command: str) -> None:
        self._command = command
        self.start()

    def start(self) -> None:
        self._child = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        assert line.startswith("listening on "), f"{self._command}: {line!r}"
        self.url = line.split()[-1]

    @property
    def pid(self) -> int:
        return self._child.pid

    def kill(self) -> None:
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(PATIENCE_S)
        if self._child.stdout is not None:
            self._child.stdout.close()


class QuotaServer(Process):
    def __init__(self, data: Path, listen: str = "127.0.0.1:0", extra: Sequence[str] = ()) -> None:
        program = str(PROGRAMS / "quota-server")
        super().__init__(program, "serve", "--listen", listen, "--data-dir", str(data), *extra)

    def put(self, deployment: str, **spec: Any) -> None:
        ask(f"{self.url}/v1/deployments/{deployment}", "PUT", spec)

    def catalogue(self) -> list[dict[str, Any]]:
        """Its deployments."""
        return ask(f"{self.url}/v1/deployments")["deployments"]

    def book(self, deployment: str) -> dict[str, Any]:
        """The last window's in which something happened: granted, given back, used, burnt, overrun, denied."""
        return ask(f"{self.url}/v1/deployments/{deployment}/windows?last=10")["windows"][0]

    def holders(self, deployment: str) -> list[str]:
        leases = ask(f"{self.url}/v1/deployments/{deployment}/leases")["leases"]
        return sorted({lease["holder"] for lease in leases})


class Upstream(Process):
    def __init__(self, *flags: str) -> None:
        super().__init__(str(PROGRAMS / "upstream"), "--listen", "127.0.0.1:0", *flags)

    def audit(self) -> dict[str, Any]:
        return ask(f"{self.url}/audit")


class Proxy:
    """A LiteLLM proxy, of the Python that runs this, with its log."""

    def __init__(
        self, config: Path, log: Path, environment: Mapping[str, str], extra: Sequence[str] = ()
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        program = Path(sys.executable).parent / "litellm"
        with log.open("w") as file:
            self._child = subprocess.Popen(
                [program, "--config", config, "--host", "127.0.0.1", "--port", str(port), *extra],
                env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def kill(self) -> None:
        """With all of its workers, at once."""
        os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def wait(self) -> None:
        """Until it answers. On a busy machine its imports take minutes."""
        wait_for(self.is_up, f"the proxy at {self.url}", 900.0)

    def ask(self, path: str, body: Any, key: str, **headers: str) -> Any:
        """What it answers; `HTTPError` where that is no success."""
        headers.update({"content-type": "application/json", "authorization": f"Bearer {key}"})
        request = urllib.request.Request(f"{self.url}{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def stop(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def is_up(self) -> bool:
        assert self._child.poll() is None, self._log.read_text()[-4_000:]
        try:
            with urllib.request.urlopen(f"{self.url}/health/liveliness", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False


def ask(url: str, method: str = "GET", body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def wait_for(condition: Callable[[], Any], what: str, patience_s: Optional[float] = None) -> Any:
    """What the condition says, once that is true."""
    until = time.monotonic() + (patience_s or PATIENCE_S)
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < until, f"waited in vain for: {what}"
        time.sleep(0.02)


def early_in_a_minute(needed_s: float = 20.0) -> None:
    """Waits for the next minute, if this one ends in less than so long: its window would end in the test."""
    left_s = 60.0 - time.time() % 60.0
    if left_s < needed_s:
        time.sleep(left_s + 0.05)
