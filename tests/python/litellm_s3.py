"""S3 with LiteLLM: two deployments of 100 requests a minute in one group, and batches of 600 chat requests at once, each at one of
two gateways at random, every 10 s. In each minute exactly 200 must succeed, 100 at each deployment, by the audit of the upstream.

The gateways are two proxies, asked through OpenAI's client, or with `--routers` two processes with `litellm.Router` as a library.
"""

import argparse
import asyncio
import collections
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Counter, Dict, List

from litellm_town import KEY, Town, entry, town

GATEWAYS, REQUESTS, EVERY_S = 2, 600, 10.0
RPM = 100
IDS = ("one", "two")
HERE = Path(__file__).resolve()
#: What may become of a request: it succeeds at a deployment, or is denied.
EXPECTED = {*IDS, "denied"}


def entries(base: str) -> List[Dict[str, Any]]:
    return [entry("group", id, "openai/gpt-4o", base, rpm=RPM, tpm=1_000_000) for id in IDS]


def through_proxies(it: Town, batches: int) -> Counter[str]:
    it.open_proxies(GATEWAYS, entries, True)
    command = [sys.executable, str(HERE.with_name("s3.py")), "--model", "group", "--key", KEY, "--batches", str(batches)]
    command += ["--any-code", "--concurrency", str(REQUESTS), "--first-at-unix-ms", str(first_minute() * 60_000 + 500)]
    for proxy in it.proxies:
        command += ["--gateway", proxy.url]
    return added_up([subprocess.Popen(command, stdout=subprocess.PIPE, text=True)])


def through_routers(it: Town, batches: int) -> Counter[str]:
    """Each is told its own part of every batch."""
    chance, parts = random.Random(0), collections.Counter()  # type: ignore[var-annotated]
    for batch in range(batches):
        parts.update((batch, chance.randrange(GATEWAYS)) for _ in range(REQUESTS))
    children = []
    for no in range(GATEWAYS):
        told = {"parts": [parts[batch, no] for batch in range(batches)], "base": it.upstream.url}
        command = [sys.executable, str(HERE), "--play", json.dumps(told)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        children.append(subprocess.Popen(command, env=it.environment_of_child(), **pipes))
    # Their imports take long on a busy machine.
    for child in children:
        child.stdout.readline()
    first_at = first_minute() * 60 + 0.5
    for child in children:
        child.stdin.write(f"{first_at}\n")
        child.stdin.flush()
    return added_up(children)


def first_minute() -> int:
    """The next one that is not too near."""
    return int((time.time() + 5.0) // 60) + 1


def added_up(children: List["subprocess.Popen[str]"]) -> Counter[str]:
    """What became of all requests; each line that a child prints is of one batch."""
    outcomes: Counter[str] = collections.Counter()
    for child in children:
        printed, _ = child.communicate()
        for line in printed.splitlines():
            outcomes.update(json.loads(line)["outcomes"])
        if child.returncode:
            raise SystemExit(f"a process that asks has ended with {child.returncode}")
    return outcomes


async def play(told: Dict[str, Any]) -> None:
    """One router, in a process of its own."""
    import litellm

    import tokenlease.litellm  # noqa: F401, loads the plug-in

    litellm.suppress_debug_info = True
    router = litellm.Router(entries(told["base"]), num_retries=0)

    async def ask(no: int) -> str:
        messages = [{"role": "user", "content": f"This is a test: {no}"}]
        try:
            answer = await router.acompletion(model="group", messages=messages, max_tokens=8)
            return str(answer._hidden_params["model_id"])
        except litellm.RateLimitError as error:
            return "denied" if 0 < error.retry_after <= 60 else f"denied for {error.retry_after} s"
        except Exception as error:
            return type(error).__name__

    print("ready", flush=True)
    first_at = float(sys.stdin.readline())
    for batch, requests in enumerate(told["parts"]):
        await asyncio.sleep(max(0.0, first_at + batch * EVERY_S - time.time()))
        outcomes = collections.Counter(await asyncio.gather(*(ask(no) for no in range(requests))))
        print(json.dumps({"outcomes": outcomes}), flush=True)


def is_played(began: float, batches: int) -> bool:
    """Not as the scenario says, if the machine is too busy for it: then requests come whenever they can, and long after their draws."""
    lasted, planned = time.time() - began, EVERY_S * (batches - 1)
    print(f"it lasted {lasted:.0f} s, starts included, of which {planned:.0f} s are the scenario's", flush=True)
    return lasted < 2 * planned + 120.0


def judge(it: Town, outcomes: Counter[str]) -> bool:
    print(f"what became of {sum(outcomes.values())} requests: {dict(outcomes)}", flush=True)
    minutes = {id: it.upstream.audit()["keys"][id]["minutes"] for id in IDS}
    for id in IDS:
        print(f"{id}: {[minute['requests'] for minute in minutes[id].values()]} a minute", flush=True)
    is_exact = all(minute["requests"] == RPM for id in IDS for minute in minutes[id].values())
    is_all = len(minutes[IDS[0]]) >= 2 and all(outcomes[id] == RPM * len(minutes[id]) for id in IDS)
    return is_exact and is_all and set(outcomes) <= EXPECTED


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routers", action="store_true", help="routers as a library, in place of proxies")
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--play", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.play:
        asyncio.run(play(options.play))
        return 0
    with town("--latency", "const:100ms") as it:
        began = time.time()
        outcomes = (through_routers if options.routers else through_proxies)(it, options.batches)
        is_exact = judge(it, outcomes)
        if not is_played(began, options.batches):
            print("the machine is too busy to play it")
            return 1
        return 0 if is_exact else 1


if __name__ == "__main__":
    sys.exit(main())
