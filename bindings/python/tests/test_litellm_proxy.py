"""The plug-in in LiteLLM's proxy, on a real quota server and upstream: what the proxy does otherwise than the router
alone."""

from __future__ import annotations

import concurrent.futures
import json
from typing import Any, Dict, Iterator

import pytest

from processes import Proxy, QuotaServer, Upstream, early_in_a_minute, wait_for

KEY = "sk-proxy"
HI = [{"role": "user", "content": "hi"}]


def entry(group: str, id: str, upstream: Upstream) -> Dict[str, Any]:
    # Newer LiteLLMs derive a number of slots from limits, in each process; here only the quota is to decide.
    parameters = {
        "model": "openai/gpt-4o",
        "api_key": id,
        "api_base": f"{upstream.url}/v1",
        "max_parallel_requests": 1_000,
    }
    return {"model_name": group, "litellm_params": parameters, "model_info": {"id": id}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuotaServer]:
    server = QuotaServer(tmp_path_factory.mktemp("server"))
    for id in ("a", "b", "any"):
        server.put(id, tpm_limit=100_000)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def proxy(server: QuotaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    upstream = Upstream("--latency", "const:500ms", "--answer-tokens", "3")
    config = {
        "model_list": [entry("c", "a", upstream), entry("d", "b", upstream), entry("*", "any", upstream)],
        "litellm_settings": {"success_callback": ["tokenlease.litellm.plugin"]},
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY},
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    proxy = Proxy(folder / "config.yaml", folder / "log", {"QUOTA_URL": server.url})
    try:
        proxy.wait()
        yield proxy
    finally:
        proxy.stop()
        upstream.stop()


def is_settled(server: QuotaServer, id: str, requests: int, tokens: int) -> bool:
    book = server.book(id)
    told = book["used"]["requests"] + book["burnt"]["requests"]
    return told == requests and book["granted"]["tokens"] - book["given_back"]["tokens"] == tokens


def test_requests_with_one_call_id_are_settled_each_by_its_own_use(server: QuotaServer, proxy: Proxy) -> None:
    """The id is what the caller's header says."""
    early_in_a_minute()

    def chat(most: int) -> None:
        body = {"model": "c", "messages": HI, "max_tokens": most}
        proxy.ask("/v1/chat/completions", body, KEY, **{"x-litellm-call-id": "same"})

    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(chat, (50_000, 5)))
    wait_for(lambda: is_settled(server, "a", 2, 2 * (8 + 3)), "both settled")


@pytest.mark.parametrize("model, id", [("b", "b"), ("openai/gpt-4.1", "any")])
def test_a_deployment_that_comes_through_no_filter_is_counted(
    server: QuotaServer, proxy: Proxy, model: str, id: str
) -> None:
    """It is called by its id, or is the default one."""
    early_in_a_minute()
    proxy.ask("/v1/chat/completions", {"model": model, "messages": HI, "max_tokens": 5}, KEY)
    wait_for(lambda: is_settled(server, id, 1, 8 + 3), "it is settled")
