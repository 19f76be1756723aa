"""S4 with LiteLLM's own `latency-based-routing`: one group of 20 deployments, four of a fast provider (p50 514 ms) and sixteen of a
slow one (p50 1 622 ms), of which none ever is at its limit. With the plug-in and without it, and our gateway with the same file.

LiteLLM is its router as a library, since its proxy cannot be asked 200 times a second by one core. Counted is what was asked once
every deployment had answered. Prints a table, and judges nothing: it is LiteLLM's strategy that chooses.

    python tests/python/litellm_s4.py               # as tests/python.sh latency calls it
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, List, Tuple

from litellm_town import PROGRAMS, Process, Town, entry, town

HERE = Path(__file__).resolve()
TPM = 1_000_000_000
FAST = [f"fast-{no}" for no in range(4)]
#: Asked before all: LiteLLM's first call takes seconds, which a strategy would hold against the deployments that it was for.
WARM = "warm"
SLOW = [f"slow-{no}" for no in range(16)]
LATENCIES = {"fast": "lognormal:514ms,790ms", "slow": "lognormal:1622ms,2243ms"}
#: Requests a second, and for how long, seconds.
RATES = ((3.0, 90.0), (200.0, 30.0))
BODY = {"model": "group", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 10}
STRATEGY = {"routing_strategy": "latency-based-routing"}
WITHOUT, PLUGIN, OURS = "LiteLLM", "LiteLLM with the plug-in", "our gateway"

Ask = Callable[[], Awaitable[str]]
"""Asks once; the deployment that answered."""
Sample = Tuple[float, float, str]
"""Of a request: when it was asked, how long it took, and what answered; nothing where none did. Seconds."""


def entries(base: str) -> List[Dict[str, Any]]:
    groups = {**dict.fromkeys(FAST + SLOW, "group"), WARM: WARM}
    return [entry(group, id, "openai/gpt-4o", base, tpm=TPM) for id, group in groups.items()]


async def played(ask: Ask, rate: float, seconds: float) -> List[Sample]:
    began = time.monotonic()

    async def one(no: int) -> Sample:
        await asyncio.sleep(max(0.0, no / rate - (time.monotonic() - began)))
        at = time.monotonic()
        try:
            id = await ask()
        except Exception as error:
            print(f"{type(error).__name__}: {error}"[:300], file=sys.stderr)
            id = ""
        return at - began, time.monotonic() - at, id

    return await asyncio.gather(*(one(no) for no in range(int(rate * seconds))))


async def with_router(told: Dict[str, Any]) -> List[Sample]:
    import litellm

    if told["plugin"]:
        import tokenlease.litellm  # noqa: F401, loads it
    litellm.suppress_debug_info = True
    router = litellm.Router(entries(told["base"]), num_retries=0, **STRATEGY)

    async def ask() -> str:
        return str((await router.acompletion(**BODY))._hidden_params["model_id"])

    for _ in range(3):
        await router.acompletion(**{**BODY, "model": WARM})
    return await played(ask, told["rate"], told["seconds"])


async def with_gateway(told: Dict[str, Any]) -> List[Sample]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask() -> str:
            async with session.post(f"{told['gateway']}/v1/chat/completions", json=BODY) as answer:
                answer.raise_for_status()
                await answer.read()
                return answer.headers["x-tokenlease-deployment"]

        return await played(ask, told["rate"], told["seconds"])


def row(name: str, rate: float, samples: List[Sample]) -> str:
    """Of what was asked once each deployment had answered."""
    answered: Dict[str, float] = {}
    for at, took, id in samples:
        answered[id] = min(at + took, answered.get(id, at + took))
    is_all = len(answered.keys() - {""}) == len(FAST + SLOW)
    seen_at = max(answered.values()) if is_all else 0.0
    counted = [it for it in samples if it[0] >= seen_at]
    good = [it for it in counted if it[2]]
    if len(good) < 2:
        return f"| {name} | {rate:.0f} | {len(answered)} deployments answered, the last of them at the end |"
    took = statistics.quantiles([it[1] for it in good], n=100)
    lasted = max(at + took for at, took, _ in good) - min(at for at, _, _ in good)
    cells = [
        name,
        f"{rate:.0f}",
        f"{len(good) / lasted:.1f}",
        f"{seen_at:.0f} s" if is_all else "never",
        f"{100 * sum(it[2] in FAST for it in good) / len(good):.1f} %",
        f"{took[49]:.2f} s",
        f"{took[94]:.2f} s",
        str(len(counted) - len(good)),
    ]
    return f"| {' | '.join(cells)} |"


def gateway(it: Town) -> Process:
    file = it.folder / "gateway.yaml"
    file.write_text(json.dumps({"model_list": entries(it.upstream.url), "router_settings": STRATEGY}))
    flags = ["--listen", "127.0.0.1:0", "--config", str(file), "--quota-url", it.server.url, "--holder", "gateway"]
    return Process(str(PROGRAMS / "openai-gateway"), *flags)


def play(it: Town, name: str, rate: float, seconds: float) -> str:
    """In a process of its own, which has nothing else to do."""
    told = {"base": it.upstream.url, "rate": rate, "seconds": seconds, "plugin": name == PLUGIN}
    ours = gateway(it) if name == OURS else None
    if ours is not None:
        told["gateway"] = ours.url
    try:
        command = [sys.executable, str(HERE), "--play", json.dumps(told)]
        printed = subprocess.check_output(command, env=it.environment_of_child(), text=True)
    finally:
        if ours is not None:
            ours.stop()
    return row(name, rate, json.loads(printed.splitlines()[-1]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--play", type=json.loads, help=argparse.SUPPRESS)
    told = parser.parse_args().play
    if told:
        print(json.dumps(asyncio.run((with_gateway if "gateway" in told else with_router)(told))))
        return 0
    latencies = [f"--latency-of={id}={LATENCIES[id.split('-')[0]]}" for id in FAST + SLOW]
    print("| | asked a second | answered | all seen after | of the fast ones | p50 | p95 | failed |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with town("--answer-tokens", "10", *latencies) as it:
        for id in [*FAST, *SLOW, WARM]:
            it.server.put(id, tpm_limit=TPM, model_group="group")
        for rate, seconds in RATES:
            for name in (WITHOUT, PLUGIN, OURS):
                print(play(it, name, rate, seconds), flush=True)
    print(f"load of the machine over the last 15 minutes: {os.getloadavg()[2]:.1f} on {os.cpu_count()} CPUs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
