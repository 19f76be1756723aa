"""The plug-in in LiteLLM's proxy, on a real quota server and upstream: what the proxy does otherwise than the router
alone."""

from __future__ import annotations

import concurrent.futures
import json
import urllib.error
import urllib.request
from typing import Any, Dict, Iterator, Tuple

import pytest

from processes import Proxy, QuotaServer, Upstream, ask, early_in_a_minute, wait_for

KEY = "sk-proxy"
HI = [{"role": "user", "content": "hi"}]


TPM = 100_000
#: Each with a deployment of its name: the model, the path and the body.
KINDS: Dict[str, Tuple[str, str, Dict[str, Any]]] = {
    "embedding": ("openai/text-embedding-3-small", "/v1/embeddings", {"input": "hi"}),
    "completion": ("text-completion-openai/gpt-3.5-turbo-instruct", "/v1/completions", {"prompt": "hi", "max_tokens": 5}),
    "response": ("openai/gpt-4o", "/v1/responses", {"input": "hi", "max_output_tokens": 16}),
    "message": ("openai/gpt-4o", "/v1/messages", {"messages": HI, "max_tokens": 5}),
    "image": ("openai/dall-e-3", "/v1/images/generations", {"prompt": "a cat"}),
    "speech": ("openai/tts-1", "/v1/audio/speech", {"input": "hi", "voice": "alloy"}),
    "transcription": ("openai/whisper-1", "/v1/audio/transcriptions", {}),
}


def entry(
    group: str, id: str, upstream: Upstream, model: str = "openai/gpt-4o", **limits: int
) -> Dict[str, Any]:
    # Newer LiteLLMs derive a number of slots from limits, in each process; here only the quota is to decide.
    parameters = {
        "model": model,
        "api_key": id,
        "api_base": f"{upstream.url}/v1",
        "tpm": TPM,
        "max_parallel_requests": 1_000,
        **limits,
    }
    return {"model_name": group, "litellm_params": parameters, "model_info": {"id": id}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuotaServer]:
    server = QuotaServer(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def proxy(server: QuotaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    upstream = Upstream("--latency", "const:500ms", "--answer-tokens", "3")
    config = {
        "model_list": [
            entry("c", "a", upstream),
            entry("d", "b", upstream),
            entry("*", "any", upstream),
            entry("f", "full", upstream, rpm=1),
            *(entry(f"{kind} calls", kind, upstream, model) for kind, (model, _, _) in KINDS.items()),
        ],
        "litellm_settings": {"success_callback": ["tokenlease.litellm.plugin"]},
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY},
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    proxy = Proxy(folder / "config.yaml", folder / "log", {"QUOTA_URL": server.url, "QUOTA_REGISTER": "1"})
    try:
        proxy.wait()
        yield proxy
    finally:
        proxy.stop()
        upstream.stop()


def test_a_proxy_registers_its_limits_at_its_start(server: QuotaServer, proxy: Proxy) -> None:
    """The first test: nobody has asked it for anything."""
    ids = {"a", "b", "any", "full", *KINDS}
    wait_for(lambda: len(server.catalogue()) == len(ids), "all are registered")
    assert {it["id"]: it["tpm_limit"] for it in server.catalogue()} == dict.fromkeys(ids, TPM)


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


def test_a_denial_by_the_chosen_deployment_tells_the_caller_when_to_come_again(proxy: Proxy) -> None:
    """It is called by its id, so the draw denies and not the filter; the router is told of no wait, or it would cool it down."""
    early_in_a_minute()
    body = {"model": "full", "messages": HI, "max_tokens": 5}
    assert proxy.ask("/v1/chat/completions", body, KEY)
    with pytest.raises(urllib.error.HTTPError) as denied:
        proxy.ask("/v1/chat/completions", body, KEY)
    assert denied.value.code == 429
    assert 0 < int(denied.value.headers["retry-after"]) <= 60


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_call_is_drawn_for_or_refused(server: QuotaServer, proxy: Proxy, kind: str) -> None:
    """Whatever the upstream makes of it: some it does not know. Of speech LiteLLM does not tell where it goes."""
    _, path, body = KINDS[kind]
    early_in_a_minute()
    status = asked(proxy, path, {"model": f"{kind} calls", **body}, kind == "transcription")
    windows = ask(f"{server.url}/v1/deployments/{kind}/windows?last=2")["windows"]
    if kind == "speech":
        # 1.83's route answers 500 whatever the error says.
        assert status in (500, 503)
        return
    assert status in (200, 404) and len(windows) == 1
    book = windows[0]
    assert book["granted"]["requests"] - book["given_back"]["requests"] >= 1


def asked(proxy: Proxy, path: str, body: Dict[str, Any], has_file: bool) -> int:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    sent = json.dumps(body).encode()
    if has_file:
        headers["content-type"] = "multipart/form-data; boundary=x"
        parts = ['form-data; name="model"\r\n\r\n' + body["model"], 'form-data; name="file"; filename="a.wav"\r\n\r\nRIFF']
        sent = "".join(f"--x\r\ncontent-disposition: {part}\r\n" for part in parts).encode() + b"--x--\r\n"
    try:
        with urllib.request.urlopen(urllib.request.Request(proxy.url + path, sent, headers), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
