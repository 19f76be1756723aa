"""What LiteLLM tells its callers: denials as OpenAI writes them, and how full a window is."""

from __future__ import annotations

import math
from typing import Dict, List, Optional

import httpx
import litellm

from ..errors import Denied, Exhausted, NeverFits
from .._native import Usage, View
from ._estimate import Uncountable

#: No wait for a minute's window is longer: it, and what clocks may differ by.
_MINUTE_S = 61.0
#: What is away is not asked for more often than this, seconds.
_UNAVAILABLE_PAUSE_S = 1.0


class _Told:
    """Of an exception: how often LiteLLM's router is to try again, whatever LiteLLM sets on the way."""

    retries = 0

    @property
    def num_retries(self) -> int:
        return self.retries

    @num_retries.setter
    def num_retries(self, _: object) -> None: ...


class Denial429(_Told, litellm.RateLimitError):
    """No deployment has room."""


class Passed429(_Told, litellm.RateLimitError):
    """The deployment that was chosen had no room any more; others may have."""

    retries = 3


class Denial503(_Told, litellm.ServiceUnavailableError):
    """No quota can be had."""


class Denial400(_Told, litellm.BadRequestError):
    """The request is larger than the limit itself, or of no size that can be told."""


def denial(
    group: str, denied: Denied, is_chosen: bool = False, has_others: bool = False
) -> Exception:
    """The exception that stands for a denial; its `retry_after` are seconds. LiteLLM cools down a deployment that `is_chosen`,
    unless the exception's header says that it may be asked again at once."""
    if isinstance(denied, Uncountable):
        text = f"The request to {group} cannot be sent: {denied.args[0]}."
        error: Exception = Denial400(message=text, model=group, llm_provider="")
        return _mark(error, "invalid_request_error", "request_uncountable", {}, None)
    if isinstance(denied, NeverFits):
        text = f"The request is larger than the rate limit of {group} itself: it can never fit."
        error = Denial400(message=text, model=group, llm_provider="")
        return _mark(error, "invalid_request_error", "request_too_large", {}, None)
    if isinstance(denied, Exhausted):
        kind, wait_s = denied.unit or "tokens", denied.retry_after or 0.001
        is_minute_s = wait_s <= _MINUTE_S
        per = "per min" if is_minute_s else "over a longer period"
        text = f"Rate limit reached for {group} on {kind} {per}. Please try again in {wait_s:.3f}s."
        # How full the minute is says nothing where it is the day that is full.
        headers = {**_after(wait_s), **_limits(denied.usage if is_minute_s else None, wait_s)}
        kinds, code = Passed429 if has_others else Denial429, "rate_limit_exceeded"
    else:
        wait_s = max(denied.retry_after or 0.0, _UNAVAILABLE_PAUSE_S)
        text = f"No quota can be had for {group}: {denied.args[0]}."
        headers = _after(wait_s)
        kinds, kind, code = Denial503, "service_unavailable_error", f"quota_{denied.reason}"
    if is_chosen:
        headers["retry-after"] = "0"
    status = 503 if kinds is Denial503 else 429
    error = kinds(text, llm_provider="", model=group, response=_response(status, headers))
    return _mark(error, kind, code, headers, wait_s)


def tell_caller(error: object) -> None:
    """The router has seen it: what it was told of a retry for its own sake gives way to the true time."""
    if isinstance(error, (Denial429, Passed429, Denial503)):
        error.headers.update(_after(error.retry_after))  # type: ignore[attr-defined]


def is_ours(error: object) -> bool:
    """Whether an exception is a denial: no deployment has failed."""
    return isinstance(error, _Told)


def least_hopeless(denials: List[Denied]) -> Denied:
    """What is said of a group: that which may pass first."""

    def hope(denied: Denied) -> tuple[bool, bool, float]:
        later = denied.retry_after or (0.0 if isinstance(denied, Exhausted) else math.inf)
        return isinstance(denied, NeverFits), not isinstance(denied, Exhausted), later

    return min(denials, key=hope)


def headers(view: View) -> Dict[str, str]:
    """`x-ratelimit-*`, as OpenAI writes them, by what all replicas use together."""
    return _limits(view.usage, view.window_ends_in or 0.0)


def _limits(usage: Optional[Usage], reset_s: float) -> Dict[str, str]:
    headers: Dict[str, str] = {}
    if usage is None:
        return headers
    units = {
        "tokens": (usage.limit_tokens, usage.remaining_tokens),
        "requests": (usage.limit_requests, usage.remaining_requests),
    }
    for unit, (limit, remaining) in units.items():
        if limit is not None and remaining is not None:
            headers[f"x-ratelimit-limit-{unit}"] = str(limit)
            headers[f"x-ratelimit-remaining-{unit}"] = str(remaining)
            headers[f"x-ratelimit-reset-{unit}"] = f"{reset_s:.3f}s"
    return headers


def _after(wait_s: float) -> Dict[str, str]:
    """In whole seconds, rounded up, and in ms, which OpenAI's clients look for first."""
    millis = max(1, math.ceil(wait_s * 1_000))
    return {"retry-after": str(math.ceil(millis / 1_000)), "retry-after-ms": str(millis)}


def _response(status: int, headers: Dict[str, str]) -> httpx.Response:
    return httpx.Response(status, headers=headers, request=httpx.Request("POST", "http://quota"))


def _mark(
    error: Exception, kind: str, code: str, headers: Dict[str, str], retry_after: Optional[float]
) -> Exception:
    """What no version's constructor takes is set here: 1.83 has no `headers`."""
    facts = {"type": kind, "code": code, "headers": headers, "retry_after": retry_after}
    for name, value in facts.items():
        setattr(error, name, value)
    return error
