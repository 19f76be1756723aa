"""Draws, permits and what is said of a denial."""

from __future__ import annotations

import asyncio

import pytest

import tokenlease
from processes import QuotaServer, wait_for


def used(server: QuotaServer) -> int:
    book = server.book("d")
    return book["granted"]["tokens"] - book["given_back"]["tokens"]


def test_what_is_not_used_comes_back(server: QuotaServer, client: tokenlease.Client) -> None:
    deployment = client.deployment("d")
    with deployment.draw_blocking(300) as permit:
        assert (permit.tokens, permit.requests, permit.is_open) == (300, 1, True)
        permit.settle(100)
    assert not permit.is_open
    deployment.draw_blocking(200).cancel()
    client.close()
    assert used(server) == 100
    assert server.book("d")["used"]["tokens"] == 100


def test_what_ends_without_a_word_is_charged(
    server: QuotaServer, client: tokenlease.Client
) -> None:
    deployment = client.deployment("d")
    with deployment.draw_blocking(100):
        pass
    with pytest.raises(KeyError), deployment.draw_blocking(10):
        raise KeyError
    del_me = deployment.draw_blocking(1)
    del del_me
    client.close()
    assert used(server) == 111


def test_an_overrun_is_reported(server: QuotaServer, client: tokenlease.Client) -> None:
    client.deployment("d").draw_blocking(100).settle(1_500)
    client.close()
    book = server.book("d")
    assert book["used"]["tokens"] + book["overrun"]["tokens"] == 1_500
    assert book["overrun"]["tokens"] >= 500


def test_a_permit_ends_once(client: tokenlease.Client) -> None:
    permit = client.deployment("d").draw_blocking(10)
    permit.settle(5)
    with pytest.raises(tokenlease.PermitEnded):
        permit.settle(5)
    with pytest.raises(tokenlease.PermitEnded):
        permit.cancel()
    permit.charge()


def test_try_draw_asks_in_the_background(client: tokenlease.Client) -> None:
    deployment = client.deployment("d")
    assert deployment.draw_in_hand(10) is None
    with pytest.raises(tokenlease.Exhausted) as denied:
        deployment.try_draw(10)
    assert denied.value.reason == "refilling"
    permit = wait_for(lambda: deployment.draw_in_hand(10), "the lease that was asked for")
    permit.cancel()
    deployment.try_draw(10).cancel()


def test_an_exhausted_window_says_when_and_how_full(client: tokenlease.Client) -> None:
    deployment = client.deployment("d")
    deployment.draw_blocking(990).charge()
    with pytest.raises(tokenlease.Exhausted) as denied:
        deployment.draw_blocking(100)
    assert denied.value.unit == "tokens"
    assert denied.value.retry_after is not None and 0 < denied.value.retry_after <= 60
    assert denied.value.usage is not None
    assert denied.value.usage.limit_tokens == 1_000
    assert denied.value.usage.limit_requests == 100
    view = deployment.view()
    assert view.window_ends_in is not None and view.window_ends_in <= 60
    assert view.usage is not None and view.usage.remaining_tokens is not None
    assert view.usage.remaining_tokens <= 10
    assert not deployment.accepts(100)


def test_what_can_never_be_had_is_told_apart(client: tokenlease.Client) -> None:
    for tokens, requests in ((1_001, 1), (0, 0)):
        with pytest.raises(tokenlease.NeverFits):
            client.deployment("d").draw_blocking(tokens, requests)
    with pytest.raises(tokenlease.Unavailable) as unknown:
        client.deployment("nobody made it").draw_blocking(1)
    assert unknown.value.reason == "unknown_deployment"


@pytest.mark.parametrize("tokens", [-1, 1 << 64, 1.5, "1"])
def test_other_amounts_are_refused(client: tokenlease.Client, tokens: object) -> None:
    with pytest.raises((OverflowError, TypeError)):
        client.deployment("d").try_draw(tokens)  # type: ignore[arg-type]


def test_draws_wait_without_blocking_the_loop(
    server: QuotaServer, client: tokenlease.Client
) -> None:
    async def main() -> None:
        deployment = client.deployment("d")
        permits = await asyncio.gather(*(deployment.draw(10) for _ in range(50)))
        for permit in permits:
            permit.settle(4)
        with pytest.raises(tokenlease.NeverFits):
            await deployment.draw(1_001)

    asyncio.run(main())
    client.close()
    assert used(server) == 200


def test_a_cancelled_draw_gives_back_what_it_gets(
    server: QuotaServer, client: tokenlease.Client
) -> None:
    async def main() -> None:
        deployment = client.deployment("d")
        draws = [asyncio.ensure_future(deployment.draw(10)) for _ in range(20)]
        await asyncio.sleep(0)
        for draw in draws:
            draw.cancel()
        gone = await asyncio.gather(*draws, return_exceptions=True)
        assert all(isinstance(it, asyncio.CancelledError) for it in gone)
        (await deployment.draw(7)).settle(7)

    asyncio.run(main())
    client.close()
    assert used(server) == 7


def test_a_loop_that_has_ended_gets_nothing(
    server: QuotaServer, client: tokenlease.Client
) -> None:
    loop = asyncio.new_event_loop()
    draw = loop.create_task(client.deployment("d").draw(10))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    wait_for(lambda: server.holders("d"), "the lease that nobody waits for")
    client.close()
    assert used(server) == 0
    assert not draw.done()


def test_a_loop_that_ends_before_it_hands_a_permit_on_gives_it_back(
    server: QuotaServer, client: tokenlease.Client
) -> None:
    loop = asyncio.new_event_loop()
    draw = loop.create_task(client.deployment("d").draw(10))
    loop.run_until_complete(asyncio.sleep(0))
    wait_for(lambda: len(loop._ready), "the loop is told of the permit")
    loop.close()
    client.close()
    assert used(server) == 0
    assert not draw.done()
