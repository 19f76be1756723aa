"""What the plug-in costs a request of LiteLLM's proxy: beside the same proxy without limits, and beside LiteLLM's own, on Redis.

All proxies run at once and are asked in turn, one round after another, so that what else the machine does hits all of them.
Of each: the median latency of one caller, requests a second of 16, and the CPU time of the proxy's process for a request.

    python tests/python/litellm_bench.py        # as tests/python.sh bench calls it
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings/python/tests"))

from processes import Proxy, QuotaServer, Upstream, wait_for  # noqa: E402

KEY = "sk-bench"
CALLERS = 16
TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
BODY = json.dumps({"model": "g", "max_tokens": 8, "messages": [{"role": "user", "content": "hi"}]})
HEADERS = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
#: Never reached: what it costs to keep a limit is measured, not what it costs to deny.
LIMITS = {"tpm": 1_000_000_000, "rpm": 10_000_000}

WITHOUT = "no limits"


class Redis:
    """A store of its own for LiteLLM's counters."""

    def __init__(self, folder: Path) -> None:
        program = os.environ.get("TOKENLEASE_REDIS_SERVER") or shutil.which("redis-server") or "redis-server"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        command = [program, "--port", str(self.port), "--save", "", "--dir", str(folder), "--bind", "127.0.0.1"]
        self._child = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait()


class Subject:
    """One proxy, with what it has shown so far."""

    def __init__(self, name: str, folder: Path, upstream: Upstream, environment: Dict[str, str], **more: Any) -> None:
        self.name = name
        parameters = {"model": "openai/gpt-4o", "api_base": f"{upstream.url}/v1", "api_key": name}
        parameters.update(more.pop("limits", LIMITS), max_parallel_requests=1_000)
        entry = {"model_name": "g", "litellm_params": parameters, "model_info": {"id": "g"}}
        config = {"model_list": [entry], "general_settings": {"master_key": KEY}, **more}
        place = folder / name.replace(" ", "-")
        place.mkdir()
        (place / "config.yaml").write_text(json.dumps(config))
        self.proxy = Proxy(place / "config.yaml", place / "log", environment)
        self.latencies_s: List[float] = []
        self.rates: List[float] = []
        self.cpu_s: List[float] = []

    def ask(self, connection: http.client.HTTPConnection) -> None:
        connection.request("POST", "/v1/chat/completions", BODY, HEADERS)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{self.name}: {answer.status} {said[:500]!r}")

    def one_caller(self, requests: int) -> None:
        connection = self._connection()
        for _ in range(requests):
            began = time.perf_counter()
            self.ask(connection)
            self.latencies_s.append(time.perf_counter() - began)

    def many_callers(self, requests: int) -> None:
        each = requests // CALLERS

        def caller(_: int) -> None:
            connection = self._connection()
            for _ in range(each):
                self.ask(connection)

        cpu, began = self._cpu(), time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(caller, range(CALLERS)))
        self.rates.append(CALLERS * each / (time.perf_counter() - began))
        self.cpu_s.append((self._cpu() - cpu) / (CALLERS * each))

    def row(self, floor: "Subject") -> str:
        p50, rate, cpu = self._medians()
        floor_p50, floor_rate, floor_cpu = floor._medians()
        cells = [
            self.name,
            f"{p50 * 1_000:.1f} ms",
            f"{(p50 - floor_p50) * 1_000:+.2f} ms",
            f"{rate:.0f}",
            f"{rate / floor_rate:.2f}",
            f"{cpu * 1_000:.2f} ms",
            f"{(cpu - floor_cpu) * 1_000:+.2f} ms",
        ]
        return f"| {' | '.join(cells)} |"

    def _medians(self) -> List[float]:
        return [statistics.median(of) for of in (self.latencies_s, self.rates, self.cpu_s)]

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(str(urlsplit(self.proxy.url).netloc), timeout=60)

    def _cpu(self) -> float:
        """The CPU time of its process so far, s, its threads included."""
        fields = Path(f"/proc/{self.proxy.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S


def subjects(folder: Path, upstream: Upstream, server: QuotaServer, redis: Redis) -> List[Subject]:
    shared = {"redis_host": "127.0.0.1", "redis_port": redis.port}
    keeps = {"QUOTA_URL": server.url, "QUOTA_REGISTER": "1"}
    line = {"success_callback": ["tokenlease.litellm.plugin"]}
    v2 = {"routing_strategy": "usage-based-routing-v2", **shared}
    checks = {"optional_pre_call_checks": ["enforce_model_rate_limits"], **shared}
    return [
        Subject(WITHOUT, folder, upstream, {}, limits={}),
        Subject("the plug-in", folder, upstream, keeps, litellm_settings=line),
        Subject("usage-based-routing-v2", folder, upstream, {}, router_settings=v2),
        Subject("enforce_model_rate_limits", folder, upstream, {}, router_settings=checks),
    ]


def play(all: List[Subject], rounds: int, requests: int) -> None:
    for subject in all:
        wait_for(lambda: subject.proxy.is_up(), subject.name, 900.0)
        subject.many_callers(10 * CALLERS)
        subject.latencies_s, subject.rates, subject.cpu_s = [], [], []
    for no in range(rounds):
        for subject in [*all[no % len(all) :], *all[: no % len(all)]]:
            subject.one_caller(requests // 4)
            subject.many_callers(requests)
        print(f"round {no + 1} of {rounds}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--requests", type=int, default=400, help="of 16 callers, of each proxy, in a round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        upstream, server = Upstream(), QuotaServer(folder / "data")
        redis = Redis(folder)
        all: List[Subject] = []
        try:
            all = subjects(folder, upstream, server, redis)
            play(all, options.rounds, options.requests)
        finally:
            for it in [*(subject.proxy for subject in all), redis, server, upstream]:
                it.stop()
    print("| | p50 | added | requests a second | ratio | CPU a request | added |")
    print("|---|---|---|---|---|---|---|")
    for subject in all:
        print(subject.row(all[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
