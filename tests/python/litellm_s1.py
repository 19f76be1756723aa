"""S1 with real LiteLLM proxies: one request of 15 tokens every 0.67 s, on all proxies in turn, against 500 tokens a minute.

Judged by the audit of the upstream: with the plug-in exactly 33 a minute pass, and each other answer is a 429 with a true
Retry-After; without it (`--without`) all pass. The Python that runs this has `litellm[proxy]` and `tokenlease`, and so have the
proxies. `quota-server` and `upstream` are built before, in target/debug or where `TOKENLEASE_PROGRAMS` says.
"""

import argparse
import collections
import concurrent.futures
import json
import sys
import tempfile
import time
import urllib.error
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings/python/tests"))

from processes import Proxy, QuotaServer, Upstream  # noqa: E402

LIMIT, TOKENS, SPACE_S = 500, 15, 0.67
TEXT = " ".join(["hello"] * TOKENS)
KEY = "sk-s1"


def ask(proxy: Proxy) -> tuple[int, str]:
    """The status of one request, and its Retry-After."""
    try:
        proxy.ask("/v1/embeddings", {"model": "embeddings", "input": TEXT}, KEY)
        return 200, ""
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("retry-after", "")


def configure(folder: Path, upstream: Upstream, plugin: bool) -> Path:
    parameters = {
        "model": "openai/text-embedding-3-small",
        "api_base": f"{upstream.url}/v1",
        "api_key": "s1",
        "tpm": LIMIT,
        "rpm": 600_000,
        "max_parallel_requests": 1_000,
    }
    entry = {"model_name": "embeddings", "litellm_params": parameters, "model_info": {"id": "s1"}}
    settings = {"success_callback": ["tokenlease.litellm.plugin"]} if plugin else {}
    config = {
        "model_list": [entry],
        "litellm_settings": settings,
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY},
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(config))
    return path


def play(proxies: list[Proxy], minutes: int) -> tuple[int, list[tuple[float, int, str]]]:
    """The first minute's number, and each request's time, status and Retry-After."""
    first = int(time.time() // 60) + 1
    time.sleep(first * 60 + 0.5 - time.time())
    began = time.monotonic()
    count = int((60 * minutes - 2) / SPACE_S)

    def send(index: int) -> tuple[float, int, str]:
        time.sleep(max(0.0, began + index * SPACE_S - time.monotonic()))
        at = time.time()
        return (at, *ask(proxies[index % len(proxies)]))

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        return first, list(pool.map(send, range(count)))


def judge(audit: dict, first: int, minutes: int, answers: list, plugin: bool) -> bool:
    by_minute = audit["keys"]["s1"]["minutes"]
    admitted = [by_minute.get(str(first + no), {"requests": 0})["requests"] for no in range(minutes)]
    statuses = collections.Counter(status for _, status, _ in answers)
    waits = [after for _, status, after in answers if status == 429]
    # A denied caller that waits as long as it was told comes into the next minute, and not much later.
    true = [after.isdigit() and 0 < int(after) <= 60 - at % 60 + 2 for at, status, after in answers if status == 429]
    print(f"admitted {admitted}, statuses {dict(statuses)}, retry-after from {min(waits, default='-')}")
    if not plugin:
        return statuses == {200: len(answers)} and sum(admitted) == len(answers)
    fitting = LIMIT // TOKENS
    return admitted == [fitting] * minutes and set(statuses) == {200, 429} and all(true)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxies", type=int, default=5)
    parser.add_argument("--minutes", type=int, default=1)
    parser.add_argument("--without", action="store_true", help="without the plug-in")
    options = parser.parse_args()
    plugin = not options.without
    with tempfile.TemporaryDirectory() as folder:
        upstream = Upstream("--latency", "const:500ms")
        server = QuotaServer(Path(folder) / "data")
        config = configure(Path(folder), upstream, plugin)
        environment = {"QUOTA_URL": server.url, "QUOTA_REGISTER": "1"}
        proxies: list[Proxy] = []
        try:
            for no in range(options.proxies):
                proxies.append(Proxy(config, Path(folder) / f"proxy-{no}.log", environment))
            for proxy in proxies:
                proxy.wait()
            first, answers = play(proxies, options.minutes)
            return 0 if judge(upstream.audit(), first, options.minutes, answers, plugin) else 1
        finally:
            for proxy in proxies:
                proxy.stop()
            server.stop()
            upstream.stop()


if __name__ == "__main__":
    sys.exit(main())
