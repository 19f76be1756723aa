"""What a process may use without the quota server, and when."""

from __future__ import annotations

import asyncio
import time

import pytest

from litellm_fakes import AWAY, Clock, NO_SERVER, Server, quota
from tokenlease.errors import Denied, Exhausted
from tokenlease.litellm._alone import Alone, granted, per_process
from tokenlease.litellm._quota import Quota


def test_alone_a_process_has_its_share_of_each_minute() -> None:
    now = 540.0
    alone = Alone(100, 3, clock=lambda: now)
    begun = alone.denial(1)
    assert begun is not None and begun.retry_after == 60.0, "another process may have used this minute's"
    now = 600.0
    alone.draw(60)
    denied = alone.denial(41)
    assert denied is not None and (denied.unit, denied.retry_after) == ("tokens", 60.0)
    alone.draw(40)
    alone.draw(0)
    now = 659.5
    with pytest.raises(Exhausted) as refused:
        alone.draw(0)
    assert (refused.value.unit, refused.value.retry_after) == ("requests", 0.5)
    now = 660.0
    alone.draw(100)
    now = 599.0
    with pytest.raises(Exhausted):
        alone.draw(1)


@pytest.mark.parametrize("limit", [0, 1, 7, 500, 1_500_000])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 1.0])
@pytest.mark.parametrize("processes", [1, 3, 20])
def test_the_shares_and_the_rest_are_no_more_than_the_limit(
    limit: int, share: float, processes: int
) -> None:
    server, each = granted(limit, share), per_process(limit, share, processes)
    assert server is not None and each is not None
    assert server >= 0 and server + processes * each <= limit
    assert granted(None, share) is None and per_process(None, share, processes) is None


ALONE = {"register": True, "alone_share": 0.1}


def in_a_new_minute(it: Quota) -> None:
    if it._alone is not None:
        it._alone._clock = lambda: time.time() + 60.0


async def passes_alone(it: Quota, tokens: int) -> bool:
    """Whether a draw gets its share, with the server away."""
    assert await it.is_limited()
    in_a_new_minute(it)
    try:
        await it.draw(tokens)
    except Denied:
        return False
    return True


def test_a_share_that_the_server_was_never_told_of_is_not_used() -> None:
    server = Server(AWAY)
    server.draws = NO_SERVER
    assert not asyncio.run(passes_alone(quota(server, **ALONE), 1))
    server.says = None
    registered = quota(server, **ALONE)
    assert asyncio.run(passes_alone(registered, 10))
    assert server.says["tpm_limit"] == 90
    assert not asyncio.run(passes_alone(registered, 1)), "it is used up"


def test_a_share_is_not_used_in_the_minute_that_it_begins_in() -> None:
    async def play() -> None:
        server = Server()
        server.draws = NO_SERVER
        it = quota(server, **ALONE)
        assert await it.is_limited()
        with pytest.raises(Exhausted):
            await it.draw(1)

    asyncio.run(play())


def test_a_window_that_rolls_has_no_share() -> None:
    server = Server({"tpm_limit": 90, "window": "rolling"})
    server.draws = NO_SERVER
    assert not asyncio.run(passes_alone(quota(server, **ALONE), 1))


def test_a_share_ends_once_the_server_may_grant_it() -> None:
    clock, server = Clock(), Server()
    server.draws = NO_SERVER
    it = quota(server, clock, **ALONE)
    assert asyncio.run(passes_alone(it, 1))
    server.says = {"tpm_limit": 100, "window": "minute"}
    it._learn()
    assert not asyncio.run(passes_alone(it, 1))
    assert server.says["tpm_limit"] == 100, "what an operator changes stays"
