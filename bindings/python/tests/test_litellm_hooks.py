"""The hooks, in the order that LiteLLM calls them in."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, Dict, List, Optional

import pytest

from litellm_fakes import Server, logged, quota, sent
from tokenlease.litellm import Plugin, Settings, _answers, _estimate
from tokenlease.litellm._request import Request


HI = [{"role": "user", "content": "hi"}]
CHAT = SimpleNamespace(value="acompletion")


class Hooks:
    """A plug-in on a server that knows all deployments, and how often it counts an input."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, says: Any = None) -> None:
        self.server = Server({"tpm_limit": 100_000} if says is None else says)
        self.plugin = Plugin(Settings())
        self.plugin._client = self.server  # type: ignore[assignment]
        self.counted = 0
        count = _estimate.token_counter

        def counting(*arguments: Any, **named: Any) -> int:
            self.counted += 1
            return count(*arguments, **named)

        monkeypatch.setattr(_estimate, "token_counter", counting)

    async def filter(self, *ids: str, own: Optional[Dict[str, Any]] = None, **fields: Any) -> None:
        parameters = {"model": "openai/gpt-4o", **(own or {})}
        deployments = [
            {"model_name": "g", "litellm_params": parameters, "model_info": {"id": id}} for id in ids
        ]
        await self.plugin.async_filter_deployments("g", deployments, HI, fields)

    async def send(self, id: str, **fields: Any) -> Dict[str, Any]:
        call = sent(**{"messages": HI, "model_info": {"id": id}, **fields})
        await self.plugin.async_pre_call_deployment_hook(call, CHAT)
        return call

    @property
    def open(self) -> List[str]:
        """How much was drawn for each attempt."""
        return [attempt.permit._name for attempt in self.plugin._attempts._open.values()]  # type: ignore[attr-defined]


def test_a_header_settles_no_other_s_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        await hooks.filter("a", "b")
        large = await hooks.send("a", litellm_call_id="same", log={}, max_tokens=50_000)
        small = await hooks.send("a", litellm_call_id="same", log={}, max_tokens=5)
        assert hooks.server.ledger.ends == [], "neither is a second attempt of the other"
        for call, used in ((small, 9), (large, 20_000)):
            log = logged(call, standard_logging_object={"total_tokens": used})
            await hooks.plugin.async_log_success_event(log, None, None, None)
        assert hooks.server.ledger.ends == [("13", "settled", 9), ("50008", "settled", 20_000)]

    asyncio.run(play())


def test_an_input_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        await hooks.filter("a", "b")
        await hooks.send("a")
        assert hooks.counted == 1
        await hooks.send("a", messages=[*HI, *HI])
        assert hooks.counted == 2, "what is sent is not what was looked at"

    asyncio.run(play())


def test_no_input_is_counted_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        hooks.server.has_room = False
        with pytest.raises(_answers.Denial429):
            await hooks.filter("a", "b")
        assert hooks.counted == 0

    asyncio.run(play())


def test_an_early_draw_has_the_entry_s_own_most(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        await hooks.filter("a", own={"max_tokens": 4_000, "n": 2})
        await hooks.send("a", max_tokens=4_000, n=2)
        assert hooks.open == ["8008"]
        assert hooks.server.ledger.ends == [], "one draw was enough"

    asyncio.run(play())


def test_an_early_draw_that_is_too_small_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM has defaults that it adds after the choice."""

    async def play() -> None:
        hooks = Hooks(monkeypatch)
        await hooks.filter("a", max_tokens=5)
        await hooks.send("a", max_tokens=500)
        assert hooks.open == ["508"]
        assert hooks.server.ledger.ends == [("13", "cancelled", None)]

    asyncio.run(play())


def test_a_size_is_of_its_deployment_s_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where deployments have one model."""
    plugin, request = Hooks(monkeypatch).plugin, Request({"messages": HI}, "acompletion")
    parts = {"model_name": "g", "litellm_params": {"model": "openai/gpt-4o"}, "model_info": {"id": "d"}}
    sizes = []
    for reservation in ("input", "input_plus_max_output"):
        it = quota(Server())
        it.reservation = reservation
        sizes.append(plugin._size(it, parts, request))
    assert sizes == [8, 8 + 1_024]


@pytest.mark.parametrize("tpm, is_one", [(100, True), (200, False)])
def test_entries_of_one_id_share_a_quota_while_their_limits_are_the_same(
    monkeypatch: pytest.MonkeyPatch, tpm: int, is_one: bool
) -> None:
    """One deployment may stand in several groups. Where the limits are others, the file has changed."""
    plugin = Hooks(monkeypatch).plugin

    def entry(group: str, tpm: int) -> Dict[str, Any]:
        return {"model_name": group, "litellm_params": {"tpm": tpm}, "model_info": {"id": "d"}}

    first = plugin._quota(entry("g", 100))
    assert (plugin._quota(entry("h", tpm)) is first) is is_one


def test_a_deployment_that_no_filter_saw_is_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was called by its id, or it is the default one."""

    async def play() -> None:
        hooks = Hooks(monkeypatch)
        parts = {"model_name": "g", "litellm_params": {"model": "openai/gpt-4o"}, "model_info": {"id": "d"}}
        await hooks.plugin.async_pre_call_check(parts, None)
        await hooks.send("d")
        assert hooks.open == ["1032"]

    asyncio.run(play())


def test_a_deployment_that_nobody_told_of_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        with pytest.raises(_answers.Denial503):
            await hooks.send("d")
        assert await hooks.plugin.async_pre_call_deployment_hook({"model": "x"}, CHAT) is None, "no router's"

    asyncio.run(play())


@pytest.mark.parametrize("is_free", [True, False])
def test_speech_is_refused_where_there_are_limits(monkeypatch: pytest.MonkeyPatch, is_free: bool) -> None:
    """LiteLLM's router does not say which deployment it is for."""

    async def play() -> None:
        hooks = Hooks(monkeypatch)
        if is_free:
            hooks.server.says = None
        await hooks.filter("a")
        call = {"model": "openai/tts-1", "input": "hi", "metadata": {"model_group": "g"}}
        speech = hooks.plugin.async_pre_call_deployment_hook(call, SimpleNamespace(value="aspeech"))
        if is_free:
            assert await speech is None
            return
        with pytest.raises(_answers.Denial503):
            await speech
        assert [end[1] for end in hooks.server.ledger.ends] == ["cancelled"], "what was drawn for it"

    asyncio.run(play())


def test_a_request_that_cannot_be_counted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        await hooks.filter("a", "b")
        with pytest.raises(_answers.Denial400):
            await hooks.send("a", messages=[7])
        assert hooks.open == []

    asyncio.run(play())
