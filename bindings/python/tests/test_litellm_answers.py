"""What callers are told, how large a request is, and settings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Dict, List

import pytest

from tokenlease.errors import ConfigError, Denied, Exhausted, NeverFits, Unavailable
from tokenlease.litellm import Settings, _answers, _estimate


def test_a_denial_is_openai_s_429() -> None:
    error = _answers.denial("g", Exhausted("no", "exhausted", 1.2341, "requests"))
    assert (error.status_code, error.type, error.code) == (429, "requests", "rate_limit_exceeded")  # type: ignore[attr-defined]
    assert error.headers == {"retry-after": "2", "retry-after-ms": "1235"}  # type: ignore[attr-defined]
    assert error.num_retries == 0 and _answers.is_ours(error)  # type: ignore[attr-defined]
    error.num_retries = 2  # type: ignore[attr-defined]
    assert error.num_retries == 0, "LiteLLM sets it on the way"  # type: ignore[attr-defined]


def test_a_denial_for_the_day_says_nothing_of_the_minute() -> None:
    usage = SimpleNamespace(limit_tokens=100, remaining_tokens=90, limit_requests=None, remaining_requests=None)
    for wait_s, has_usage, per in ((60.0, True, "per min"), (7_200.0, False, "over a longer period")):
        denied = Exhausted("no", "exhausted", wait_s, "tokens", usage=usage)  # type: ignore[arg-type]
        error = _answers.denial("g", denied)
        assert ("x-ratelimit-limit-tokens" in error.headers) is has_usage  # type: ignore[attr-defined]
        assert per in str(error) and error.headers["retry-after"] == str(int(wait_s))  # type: ignore[attr-defined]


def test_a_denial_by_the_chosen_deployment_cools_it_down_for_no_time() -> None:
    denied = Exhausted("no", "exhausted", 1.0)
    for has_others, retries in ((False, 0), (True, 3)):
        error = _answers.denial("g", denied, True, has_others)
        assert error.headers["retry-after"] == "0"  # type: ignore[attr-defined]
        assert (error.retry_after, error.num_retries) == (1.0, retries)  # type: ignore[attr-defined]
        _answers.tell_caller(error)
        assert error.headers["retry-after"] == "1", "a proxy's caller is told the time"  # type: ignore[attr-defined]
    _answers.tell_caller(ValueError("no denial"))


def test_other_denials_are_503_and_400() -> None:
    away = _answers.denial("g", Unavailable("it is away", "no_server", 0.01))
    assert (away.status_code, away.headers["retry-after"]) == (503, "1")  # type: ignore[attr-defined]
    large = _answers.denial("g", NeverFits("too large", "never_fits"))
    assert (large.status_code, large.headers) == (400, {})  # type: ignore[attr-defined]
    assert not _answers.is_ours(ValueError())


def test_a_group_says_the_least_hopeless() -> None:
    never, away = NeverFits("", "never_fits"), Unavailable("", "no_server", 0.1)
    late, soon = Exhausted("", "exhausted", 9.0), Exhausted("", "exhausted", 1.0)
    denials: List[Denied] = [never, away, late, soon]
    while len(denials) > 1:
        least = _answers.least_hopeless(denials)
        assert least is denials.pop()


MODEL = "openai/text-embedding-3-small"


def reserved(
    request: Dict[str, Any], call_type: str, output: int = 1_024, policy: str = "input_plus_max_output"
) -> int:
    return _estimate.reserved(request, call_type, output, policy, _estimate.input_tokens(request))


@pytest.mark.parametrize(
    "value, tokens",
    [
        ("hello world", 2),
        (["hello world", "hello"], 3),
        ([1, 2, 3], 3),
        ([[1, 2], [3]], 3),
        ("", 0),
        (None, 0),
    ],
)
def test_every_form_of_an_input_is_counted(value: object, tokens: int) -> None:
    assert reserved({"model": MODEL, "input": value}, "aembedding") == tokens


def test_the_output_is_reserved_for_every_choice() -> None:
    request = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
    count = lambda policy="input_plus_max_output", **more: reserved(  # noqa: E731
        {**request, **more}, "acompletion", 100, policy
    )
    text = count("input")
    assert text == 8
    assert count() == text + 100
    assert count(max_tokens=7) == text + 7
    assert count(max_tokens=7, max_completion_tokens=9) == text + 9
    assert count(max_tokens=7, n=3) == text + 21
    assert count(max_tokens=None, n=None) == text + 100
    assert count(max_tokens=1 << 64) == count(n=1 << 80) == 1 << 53, "what every number of a draw's fits"


def test_an_attached_file_counts_by_its_size() -> None:
    request = {"model": "openai/whisper-1", "file": ("a.wav", b"x" * 2_049)}
    assert reserved(request, "atranscription") == 3


def test_what_cannot_be_counted_is_a_bad_request() -> None:
    with pytest.raises(NeverFits) as denied:
        _estimate.input_tokens({"model": "openai/gpt-4o", "messages": [7]})
    error = _answers.denial("g", denied.value)
    assert (error.status_code, error.code) == (400, "request_uncountable")  # type: ignore[attr-defined]
    assert _answers.is_ours(error), "no deployment has failed"


def test_usage_that_is_not_told_is_unknown() -> None:
    assert _estimate.used({"standard_logging_object": {"total_tokens": 9}}, None) == 9
    for log in ({}, {"standard_logging_object": {"total_tokens": 0}}, {"standard_logging_object": None}):
        assert _estimate.used(log, None) is None


@pytest.mark.parametrize(
    "environment, name",
    [
        ({"QUOTA_ALONE_SHARE": "2"}, "QUOTA_ALONE_SHARE"),
        ({"QUOTA_ALONE_SHARE": "0.1"}, "QUOTA_REGISTER"),
        ({"QUOTA_ALONE_REPLICAS": "0"}, "QUOTA_ALONE_REPLICAS"),
        ({"QUOTA_DEFAULT_MAX_OUTPUT_TOKENS": "many"}, "QUOTA_DEFAULT_MAX_OUTPUT_TOKENS"),
        ({"QUOTA_PERMIT_TIMEOUT_S": "0"}, "QUOTA_PERMIT_TIMEOUT_S"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(environment: dict[str, str], name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.of_environment(environment)
