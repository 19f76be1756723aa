"""What goes wrong around LiteLLM's proxy, with four worker processes: after each the book adds up, and no upstream minute is
over its limit."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import urllib.error
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator
from urllib.parse import urlsplit

import pytest

from processes import Proxy, QuotaServer, Upstream, early_in_a_minute, wait_for

KEY = "sk-proxy"
HI = [{"role": "user", "content": "hi"}]
#: Of `HI`, as LiteLLM and the upstream count it.
INPUT = 8
WORKERS = 4


class Place:
    """One proxy for all tests of this file: it takes long to start. Each test has a deployment of its own."""

    def __init__(self, folder: Path) -> None:
        self.server = QuotaServer(folder / "data")
        self.steady = Upstream("--latency", "const:200ms", "--chunk-gap-ms", "100")
        self.failing = Upstream("--error-rate", "0.5", "--error-status", "500", "--answer-tokens", "3")
        entries = [self._entry(id, self.steady) for id in ("burst", "hang-up", "killed")]
        config = {
            "model_list": [*entries, self._entry("retried", self.failing)],
            "litellm_settings": {"success_callback": ["tokenlease.litellm.plugin"]},
            "router_settings": {"num_retries": 3, "retry_after": 0, "disable_cooldowns": True},
            "general_settings": {"master_key": KEY},
        }
        (folder / "config.yaml").write_text(json.dumps(config))
        environment = {"QUOTA_URL": self.server.url, "QUOTA_MAX_WAIT_MS": "5000"}
        # It forks, where uvicorn alone starts programs anew, and again and again if they take more than 5 s to start.
        workers = ["--num_workers", str(WORKERS), "--run_gunicorn"]
        self.proxy = Proxy(folder / "config.yaml", folder / "log", environment, workers)

    def _entry(self, id: str, upstream: Upstream) -> Dict[str, Any]:
        parameters = {"model": "openai/gpt-4o", "api_key": id, "api_base": f"{upstream.url}/v1"}
        # Newer LiteLLMs derive a number of slots from limits, in each process; here only the quota is to decide.
        parameters["max_parallel_requests"] = 1_000
        return {"model_name": id, "litellm_params": parameters, "model_info": {"id": id}}

    def stop(self) -> None:
        for it in (self.proxy, self.steady, self.failing, self.server):
            it.stop()

    def chat(self, id: str) -> int:
        """The status of one request with a reservation of 13 tokens."""
        try:
            self.proxy.ask("/v1/chat/completions", {"model": id, "messages": HI, "max_tokens": 5}, KEY)
            return 200
        except urllib.error.HTTPError as error:
            return error.code

    def burst(self, id: str, requests: int) -> Counter[int]:
        with concurrent.futures.ThreadPoolExecutor(requests) as pool:
            return Counter(pool.map(self.chat, [id] * requests))

    def stream(self, id: str, most: int) -> http.client.HTTPConnection:
        """A stream of so many tokens, of which the first chunk has come."""
        connection = http.client.HTTPConnection(str(urlsplit(self.proxy.url).netloc), timeout=60)
        body = {"model": id, "messages": HI, "max_tokens": most, "stream": True}
        headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        answer = connection.getresponse()
        assert answer.status == 200 and answer.readline().startswith(b"data:")
        return connection

    def arrived(self, upstream: Upstream, id: str) -> Dict[str, int]:
        """All that reached the upstream, which must have been in one minute."""
        (minute,) = upstream.audit()["keys"][id]["minutes"].values()
        return minute

    def charged(self, id: str) -> Dict[str, int]:
        """What stays charged, once no lease is out; the book adds up."""
        wait_for(lambda: self.server.book(id)["held"] == {"tokens": 0, "requests": 0}, "no lease is out")
        book = self.server.book(id)
        for unit in ("tokens", "requests"):
            parts = sum(book[part][unit] for part in ("given_back", "used", "held", "burnt"))
            assert book["granted"][unit] == parts, book
        return {unit: book["granted"][unit] - book["given_back"][unit] for unit in ("tokens", "requests")}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("faults"))
    try:
        place.proxy.wait()
        yield place
    finally:
        place.stop()


def test_four_workers_keep_one_limit(place: Place) -> None:
    place.server.put("burst", rpm_limit=20, tpm_limit=100_000)
    early_in_a_minute(40.0)
    statuses = place.burst("burst", 60)
    assert statuses == {200: 20, 429: 40}
    arrived = place.arrived(place.steady, "burst")
    assert (arrived["requests"], arrived["refused"]) == (20, 0)
    assert place.charged("burst") == {"tokens": 20 * (INPUT + 5), "requests": 20}


def test_what_fails_is_charged_and_each_try_is_a_draw(place: Place) -> None:
    """The upstream may have worked on what it failed at."""
    place.server.put("retried", rpm_limit=1_000, tpm_limit=100_000)
    early_in_a_minute(40.0)
    statuses = place.burst("retried", 10)
    arrived = place.arrived(place.failing, "retried")
    tries, failed = arrived["requests"], arrived["failed"]
    assert failed > 0 and statuses[200] == tries - failed
    tokens = failed * (INPUT + 5) + statuses[200] * (INPUT + 3)
    wait_for(lambda: place.charged("retried")["tokens"] == tokens, "all is settled")
    assert place.charged("retried") == {"tokens": tokens, "requests": tries}


def test_a_client_that_hangs_up_costs_what_was_reserved(place: Place) -> None:
    """LiteLLM does not tell of its end, nor how much it has had."""
    place.server.put("hang-up", rpm_limit=1_000, tpm_limit=1_000)
    early_in_a_minute(40.0)
    for _ in range(WORKERS):
        place.stream("hang-up", 200).close()
    assert place.charged("hang-up") == {"tokens": 4 * (INPUT + 200), "requests": 4}
    assert place.chat("hang-up") == 200
    assert place.burst("hang-up", 40)[429] > 0
    arrived = place.arrived(place.steady, "hang-up")
    assert arrived["reserved_tokens"] <= 1_000 and arrived["requests"] >= 5


def test_a_proxy_that_is_killed_gives_nothing_back(place: Place) -> None:
    """The last test: nothing of the proxy is left."""
    place.server.put("killed", rpm_limit=1_000, tpm_limit=1_000)
    early_in_a_minute(40.0)
    streams = [place.stream("killed", 200) for _ in range(3)]
    place.proxy.kill()
    for stream in streams:
        stream.close()
    charged = place.charged("killed")
    assert 3 * (INPUT + 200) <= charged["tokens"] <= 1_000 and charged["requests"] >= 3
    arrived = place.arrived(place.steady, "killed")
    assert arrived["reserved_tokens"] <= charged["tokens"]
