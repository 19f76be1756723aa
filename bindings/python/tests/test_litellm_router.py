"""The plug-in in LiteLLM's router as a library, on a real quota server and upstream. Each in a process of its own, since
LiteLLM keeps its callbacks for the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from processes import QuotaServer, Upstream, ask

BEGIN = """
import asyncio, json, os
import litellm, tokenlease.litellm
from processes import early_in_a_minute
early_in_a_minute(30.0)             # After the imports, which take long on a busy machine.
litellm.suppress_debug_info = True
base = os.environ["UPSTREAM"] + "/v1"
def entry(group, key, model, **limits):
    # Newer LiteLLMs derive a number of slots from the limits, in each process; here only the quota is to decide.
    parameters = {"model": model, "api_key": key, "api_base": base, "max_parallel_requests": 1_000, **limits}
    return {"model_name": group, "litellm_params": parameters, "model_info": {"id": key}}
EMBEDDING, CHAT = "openai/text-embedding-3-small", "openai/gpt-4o"
async def outcome(call):
    try:
        return (await call), None
    except Exception as error:
        return None, error
async def cooled(router):
    from litellm.router_utils.cooldown_handlers import _async_get_cooldown_deployments as them
    return await them(litellm_router_instance=router, parent_otel_span=None)
async def settled():
    while len(tokenlease.litellm.plugin._attempts): await asyncio.sleep(0.02)
HI = [{"role": "user", "content": "hi"}]
"""

PATIENCE_S = 300.0


class Place:
    def __init__(self, server: QuotaServer, upstream: Upstream) -> None:
        self.server, self.upstream = server, upstream

    def run(self, program: str, **environment: str) -> Any:
        """What the program prints, as JSON."""
        settings = {
            "QUOTA_URL": self.server.url,
            "QUOTA_MAX_WAIT_MS": "5000",
            "UPSTREAM": self.upstream.url,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        ended = subprocess.run(
            [sys.executable, "-c", BEGIN + program],
            env={**os.environ, **settings, **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-4_000:]
        return json.loads(ended.stdout.splitlines()[-1])

    def admitted(self, key: str) -> Dict[str, int]:
        """What reached the upstream, by the most in a minute."""
        minutes = self.upstream.audit()["keys"].get(key, {"minutes": {}})["minutes"].values()
        return max(minutes, key=lambda minute: minute["requests"], default={"requests": 0})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    server, upstream = QuotaServer(tmp_path / "data"), Upstream("--latency", "const:100ms", "--answer-tokens", "3")
    yield Place(server, upstream)
    upstream.stop()
    server.stop()


def test_a_burst_of_embeddings_passes_as_far_as_it_fits(place: Place) -> None:
    """12 of 40 tokens fit 500. Of this call LiteLLM's filter is not told the size, so all reach the draw."""
    said = place.run(
        """
router = litellm.Router([entry("e", "emb", EMBEDDING, tpm=500)])
async def main():
    ask = lambda: outcome(router.aembedding(model="e", input=["hello " * 39 + "hello"]))
    outcomes = await asyncio.gather(*(ask() for _ in range(70)))
    errors = [error for _, error in outcomes if error]
    await settled()
    print(json.dumps({
        "statuses": sorted({error.status_code for error in errors}), "denied": len(errors),
        "waits": [min(e.retry_after for e in errors), max(e.retry_after for e in errors)],
        "cooled": await cooled(router)}))
asyncio.run(main())
""",
        QUOTA_REGISTER="1",
    )
    assert said["statuses"] == [429]
    assert 0 < said["waits"][0] <= said["waits"][1] <= 60
    assert said["cooled"] == []
    assert place.admitted("emb")["requests"] <= 12
    assert place.admitted("emb")["used_tokens"] <= 500
    assert said["denied"] == 58


def test_two_deployments_are_used_up_and_neither_cools_down(place: Place) -> None:
    said = place.run(
        """
router = litellm.Router([entry("c", key, CHAT, rpm=10) for key in ("a", "b")])
async def main():
    ask = lambda: outcome(router.acompletion(model="c", messages=HI, max_tokens=5))
    outcomes = await asyncio.gather(*(ask() for _ in range(60)))
    errors = [error for _, error in outcomes if error]
    await settled()
    print(json.dumps({"denied": [type(error).__name__ for error in errors], "cooled": await cooled(router),
                      "after": sorted({error.headers["retry-after"] != "0" for error in errors})}))
asyncio.run(main())
""",
        QUOTA_REGISTER="1",
    )
    assert said["denied"] == ["Denial429"] * 40
    assert (said["cooled"], said["after"]) == ([], [True])
    for key in ("a", "b"):
        assert place.admitted(key)["requests"] == 10
        book = place.server.book(key)
        assert (book["used"]["requests"], book["burnt"]["requests"]) == (10, 0)


def test_streams_are_settled_at_their_end_and_aborted_ones_charged(place: Place) -> None:
    place.server.put("a", tpm_limit=10_000)
    place.run(
        """
router = litellm.Router([entry("c", "a", CHAT)])
async def main():
    ask = lambda: router.acompletion(model="c", messages=HI, max_tokens=50, stream=True,
                                     stream_options={"include_usage": True})
    async for _ in await ask(): pass
    await settled()
    async for _ in await ask(): break
    print("null")
asyncio.run(main())
"""
    )
    book = place.server.book("a")
    assert book["used"]["requests"] + book["burnt"]["requests"] == 2
    tokens = book["granted"]["tokens"] - book["given_back"]["tokens"]
    assert tokens == (8 + 3) + (8 + 50)


def test_what_the_provider_refused_costs_its_request_only(place: Place, tmp_path: Path) -> None:
    failing = Upstream("--error-rate", "1", "--error-status", "429")
    place.server.put("a", tpm_limit=10_000)
    place.server.put("b", tpm_limit=10_000)
    program = """
router = litellm.Router([entry("c", "a", CHAT)], num_retries=0)
router.set_model_list([{**entry("c", "a", CHAT), "litellm_params":
    {**entry("c", "a", CHAT)["litellm_params"], "api_base": os.environ["FAILING"] + "/v1"}}])
async def main():
    _, error = await outcome(router.acompletion(model="c", messages=HI, max_tokens=50))
    await settled()
    print(json.dumps(error.status_code))
asyncio.run(main())
"""
    try:
        assert place.run(program, FAILING=failing.url) == 429
    finally:
        failing.stop()
    book = place.server.book("a")
    assert (book["used"]["tokens"], book["used"]["requests"]) == (0, 1)
    assert book["burnt"] == {"tokens": 0, "requests": 0}


AWAY = """
router = litellm.Router([entry("c", "a", CHAT, rpm=10)], num_retries=0)
async def statuses():
    outcomes = [await outcome(router.acompletion(model="c", messages=HI, max_tokens=5)) for _ in range(5)]
    return [getattr(error, "status_code", 200) for _, error in outcomes]
"""


def test_without_the_server_nothing_passes_and_no_share_that_it_was_never_told(place: Place) -> None:
    program = AWAY + "print(json.dumps(asyncio.run(statuses())))"
    away = {"QUOTA_URL": "http://127.0.0.1:9", "QUOTA_MAX_WAIT_MS": "200", "QUOTA_REGISTER": "1"}
    for share in ("0", "0.4"):
        assert place.run(program, **away, QUOTA_ALONE_SHARE=share) == [503] * 5


def test_a_share_that_the_server_was_told_passes_without_it(place: Place) -> None:
    """6 of 10 are granted by the server, and each of 2 processes has 2 of the rest, from the next minute on."""
    program = (
        AWAY
        + """
import signal, time
async def main():
    while_there = await statuses()
    os.kill(int(os.environ["SERVER"]), signal.SIGKILL)
    quota = tokenlease.litellm.plugin._quotas["a"]
    while permit := quota.deployment.draw_in_hand(1):
        permit.cancel()
        await asyncio.sleep(0.02)
    this_minute = await statuses()
    quota._alone._clock = lambda: time.time() + 60.0
    print(json.dumps([while_there, this_minute, await statuses()]))
asyncio.run(main())
"""
    )
    settings = {"QUOTA_REGISTER": "1", "QUOTA_ALONE_SHARE": "0.4", "QUOTA_ALONE_REPLICAS": "2"}
    settings.update(QUOTA_MAX_WAIT_MS="500", SERVER=str(place.server.pid))
    said = place.run(program, **settings)
    assert said == [[200] * 5, [429] * 5, [200, 200, 429, 429, 429]]


def test_a_deployment_that_the_server_does_not_know_is_closed_if_it_has_limits(
    place: Place,
) -> None:
    program = """
router = litellm.Router([entry("limited", "a", CHAT, rpm=10), entry("free", "b", CHAT)], num_retries=0)
async def main():
    _, error = await outcome(router.acompletion(model="limited", messages=HI))
    answer, _ = await outcome(router.acompletion(model="free", messages=HI))
    print(json.dumps([error.status_code, answer is not None]))
asyncio.run(main())
"""
    assert place.run(program) == [503, True]


@pytest.mark.parametrize("is_known", [False, True])
def test_blocking_calls_pass_only_where_there_are_no_limits(place: Place, is_known: bool) -> None:
    """Whether async ones were made before or not."""
    place.server.put("s", rpm_limit=10)
    program = """
groups = ["limited", "free", "limited at the server"]
router = litellm.Router([entry("limited", "a", CHAT, rpm=10), entry("free", "b", CHAT),
                         entry("limited at the server", "s", CHAT)], num_retries=0)
async def learn():
    for group in groups: await outcome(router.acompletion(model=group, messages=HI))
if os.environ["IS_KNOWN"] == "True": asyncio.run(learn())
def status(group):
    try: router.completion(model=group, messages=HI); return 200
    except Exception as refused: return getattr(refused, "status_code", None)
print(json.dumps([status(group) for group in groups]))
"""
    assert place.run(program, IS_KNOWN=str(is_known)) == [503, 200, 503]


def test_requests_with_one_call_id_are_settled_each_by_its_own_use(place: Place) -> None:
    place.server.put("a", tpm_limit=100_000)
    program = """
router = litellm.Router([entry("c", "a", CHAT)])
async def main():
    ask = lambda most: router.acompletion(model="c", messages=HI, max_tokens=most, litellm_call_id="same")
    await asyncio.gather(ask(50_000), ask(5))
    await settled()
    print("null")
asyncio.run(main())
"""
    place.run(program)
    book = place.server.book("a")
    assert (book["used"], book["burnt"]["requests"]) == ({"tokens": 2 * (8 + 3), "requests": 2}, 0)


def test_a_registered_limit_leaves_the_rest_of_the_deployment_alone(place: Place) -> None:
    place.server.put("a", rpm_limit=5, settlement="none", labels={"owner": "me"})
    program = """
router = litellm.Router([entry("c", "a", CHAT, rpm=7, tpm=900)])
async def main():
    await router.acompletion(model="c", messages=HI, max_tokens=5)
    await settled()
    print("null")
asyncio.run(main())
"""
    place.run(program, QUOTA_REGISTER="1")
    made = ask(f"{place.server.url}/v1/deployments/a")
    assert (made["rpm_limit"], made["tpm_limit"]) == (7, 900)
    assert (made["settlement"], made["labels"]) == ("none", {"owner": "me"})
    book = place.server.book("a")
    assert book["granted"]["tokens"] - book["given_back"]["tokens"] == 8 + 5, "nothing was settled"


def test_a_day_s_limit_is_kept_over_processes_and_lasts(place: Place) -> None:
    """12 of 40 tokens fit 500. In the older versions `tpd` stands in `model_info`: they would send it to the provider."""
    program = """
import time
limited = entry("e", "emb", EMBEDDING, tpm=100_000)
limited["model_info"].update(tpd=500, rpd=1_000, daily_reset_time="00:30")
router = litellm.Router([limited], num_retries=0)
async def main():
    ask = lambda: outcome(router.aembedding(model="e", input=["hello " * 39 + "hello"]))
    outcomes = await asyncio.gather(*(ask() for _ in range(20)))
    errors = [error for _, error in outcomes if error]
    await settled()
    left_s = 86_400.0 - (time.time() - 1_800.0) % 86_400.0
    print(json.dumps({"passed": sum(error is None for _, error in outcomes), "left_s": left_s,
        "statuses": [error.status_code for error in errors], "waits": [error.retry_after for error in errors],
        "cooled": await cooled(router)}))
asyncio.run(main())
"""
    said = [place.run(program, QUOTA_REGISTER="1") for _ in range(2)]
    assert [it["passed"] for it in said] == [12, 0]
    assert place.admitted("emb")["used_tokens"] == 480
    for it in said:
        assert set(it["statuses"]) == {429} and it["cooled"] == []
    # What is in leases may come back, for as long as it may; then only the next day brings more.
    assert all(0 < wait <= it["left_s"] + 60 for it in said for wait in it["waits"])
    limits = ask(f"{place.server.url}/v1/deployments/emb")["limits"]
    assert [(it["unit"], it["per"], it["most"], it["offset"]) for it in limits] == [
        ("tokens", "day", 500, "-00:30"),
        ("requests", "day", 1_000, "-00:30"),
    ]
