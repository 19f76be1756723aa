"""What the scenarios with LiteLLM share: proxies beside a quota server, and an upstream that counts what reaches it. The Python that
runs them has `litellm[proxy]` and `tokenlease`, and so have the proxies. `quota-server` and `upstream` are built before, in
target/debug or where `TOKENLEASE_PROGRAMS` says."""

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings/python/tests"))

from processes import PROGRAMS, Process, Proxy, QuotaServer, Upstream  # noqa: E402, F401

KEY = "sk-town"
Entries = Callable[[str], List[Dict[str, Any]]]


def entry(group: str, id: str, model: str, base: str, **limits: int) -> Dict[str, Any]:
    """A deployment, whose key at the upstream is its id."""
    # LiteLLM derives a number of slots from limits, in each process; here only the quota is to decide.
    slots = {"max_parallel_requests": 10_000}
    parameters = {"model": model, "api_base": f"{base}/v1", "api_key": id, **slots, **limits}
    return {"model_name": group, "litellm_params": parameters, "model_info": {"id": id}}


class Town:
    def __init__(self, folder: Path, upstream_flags: List[str]) -> None:
        self.folder = folder
        self.upstream = Upstream(*upstream_flags)
        self.server = QuotaServer(folder / "data")
        self.environment = {"QUOTA_URL": self.server.url, "QUOTA_REGISTER": "1"}
        self.proxies: List[Proxy] = []

    def open_proxies(self, count: int, entries: Entries, plugin: bool) -> None:
        """Starts them, and waits until all answer."""
        config = {
            "model_list": entries(self.upstream.url),
            "litellm_settings": {"success_callback": ["tokenlease.litellm.plugin"]} if plugin else {},
            "router_settings": {"num_retries": 0},
            "general_settings": {"master_key": KEY},
        }
        path = self.folder / "config.yaml"
        path.write_text(json.dumps(config))
        for no in range(count):
            self.proxies.append(Proxy(path, self.folder / f"proxy-{no}.log", self.environment))
        for proxy in self.proxies:
            proxy.wait()

    def environment_of_child(self) -> Dict[str, str]:
        """Of a process that has the router as a library."""
        return {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", **self.environment}

    def arrived(self, key: str, first: int, minutes: int) -> List[int]:
        """How many requests with a key reached the upstream in each of these minutes."""
        by_minute = self.upstream.audit()["keys"].get(key, {"minutes": {}})["minutes"]
        return [by_minute.get(str(first + no), {"requests": 0})["requests"] for no in range(minutes)]

    def close(self) -> None:
        for it in [*self.proxies, self.server, self.upstream]:
            it.stop()


@contextlib.contextmanager
def town(*upstream_flags: str) -> Iterator[Town]:
    with tempfile.TemporaryDirectory() as folder:
        it = Town(Path(folder), list(upstream_flags))
        try:
            yield it
        finally:
            it.close()


def next_minute() -> int:
    """Waits until it has begun; its number."""
    number = int(time.time() // 60) + 1
    time.sleep(number * 60 + 0.5 - time.time())
    return number
