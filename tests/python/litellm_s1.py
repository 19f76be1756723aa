"""S1 with real LiteLLM proxies: one request of 15 tokens every 0.67 s, on all proxies in turn, against 500 tokens a minute. Then a
burst: 70 requests of 40 tokens within 0.3 s.

Judged by the audit of the upstream: with the plug-in exactly 33 a minute pass, and 12 of the burst; each other answer is a 429
with a true Retry-After; without it (`--without`) all pass.
"""

import argparse
import collections
import concurrent.futures
import sys
import time
import urllib.error
from typing import Any, Dict, List, Tuple

from litellm_town import KEY, Town, entry, next_minute, town

LIMIT = 500
MODEL = "openai/text-embedding-3-small"
#: Tokens of a request, and how far apart they come, seconds.
STEADY, BURST = (15, 0.67), (40, 0.3 / 70)
BURST_REQUESTS = 70
#: How often a caller of the burst waits as long as it is told until it passes.
MOST_WAITS = 3

Answer = Tuple[float, int, str]
"""When a request was sent, its status, and its Retry-After."""


def entries(base: str) -> List[Dict[str, Any]]:
    return [entry(f"{id} group", id, MODEL, base, tpm=LIMIT, rpm=600_000) for id in ("steady", "burst")]


def ask(it: Town, no: int, model: str, tokens: int) -> Answer:
    at, proxy = time.time(), it.proxies[no % len(it.proxies)]
    try:
        proxy.ask("/v1/embeddings", {"model": f"{model} group", "input": " ".join(["hello"] * tokens)}, KEY)
        return at, 200, ""
    except urllib.error.HTTPError as error:
        return at, error.code, error.headers.get("retry-after", "")


def play(it: Town, model: str, count: int, tokens: int, space_s: float) -> List[Answer]:
    """So many requests, each so long after the one before, whatever becomes of that."""
    began = time.monotonic()

    def send(no: int) -> Answer:
        time.sleep(max(0.0, began + no * space_s - time.monotonic()))
        return ask(it, no, model, tokens)

    with concurrent.futures.ThreadPoolExecutor(max(64, BURST_REQUESTS)) as pool:
        return list(pool.map(send, range(count)))


def is_true(answer: Answer) -> bool:
    """A denied caller that waits as long as it was told comes into the next minute, and not much later."""
    at, _, after = answer
    return after.isdigit() and 0 < int(after) <= 60 - at % 60 + 2


def judge(name: str, answers: List[Answer], admitted: List[int], fitting: int, plugin: bool) -> bool:
    statuses = collections.Counter(status for _, status, _ in answers)
    denied = [answer for answer in answers if answer[1] == 429]
    waits = sorted({int(after) for _, _, after in denied if after.isdigit()})
    told = f", retry-after from {waits[0]} to {waits[-1]} s" if waits else ""
    print(f"{name}: {len(answers)} requests, admitted {admitted}, answers {dict(statuses)}{told}", flush=True)
    if not plugin:
        return statuses == {200: len(answers)} and sum(admitted) == len(answers)
    is_exact = admitted == [fitting] * len(admitted) and statuses[200] == sum(admitted)
    return is_exact and set(statuses) == {200, 429} and all(map(is_true, denied))


def steady(it: Town, minutes: int, plugin: bool) -> bool:
    first = next_minute()
    answers = play(it, "steady", int((60 * minutes - 2) / STEADY[1]), *STEADY)
    return judge("steady", answers, it.arrived("steady", first, minutes), LIMIT // STEADY[0], plugin)


def burst(it: Town, plugin: bool) -> bool:
    first = next_minute()
    answers = play(it, "burst", BURST_REQUESTS, *BURST)
    is_kept = judge("burst", answers, it.arrived("burst", first, 1), LIMIT // BURST[0], plugin)
    return is_kept and (not plugin or passes_in_the_end(it, first, max((it[2] for it in answers), key=lambda after: int(after or 0))))


def passes_in_the_end(it: Town, first: int, after: str) -> bool:
    """Who waits as long as it is told. It may be told of a time at which leases may have come back, and then of the next minute:
    that brings it through."""
    waits = []
    while after.isdigit() and len(waits) < MOST_WAITS:
        time.sleep(int(after))
        waits.append(int(after))
        at, status, after = ask(it, len(waits), "burst", BURST[0])
        if status == 200:
            print(f"burst: who waits as long as it is told, {waits} s, passes", flush=True)
            return at // 60 == first + 1
    print(f"burst: who waited as long as it was told, {waits} s, has not passed", flush=True)
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxies", type=int, default=5)
    parser.add_argument("--minutes", type=int, default=1)
    parser.add_argument("--without", action="store_true", help="without the plug-in")
    options = parser.parse_args()
    plugin = not options.without
    with town("--latency", "const:500ms") as it:
        it.open_proxies(options.proxies, entries, plugin)
        return 0 if steady(it, options.minutes, plugin) & burst(it, plugin) else 1


if __name__ == "__main__":
    sys.exit(main())
