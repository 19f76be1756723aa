"""The permits of requests that run. One request may be tried on several deployments, one after the other, and LiteLLM
does not tell the end of each. Its call id says nothing: the proxy takes it from whoever calls. So each attempt has a
token of the plug-in's own, which LiteLLM carries from the hook to what it logs; whatever is told twice counts once, and
what is never told is charged in full."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Protocol


class Spendable(Protocol):
    """A permit, or what stands for one while the quota server is away."""

    def settle(self, tokens: int, requests: Optional[int] = None) -> None: ...
    def cancel(self) -> None: ...
    def charge(self) -> None: ...


@dataclass(frozen=True)
class Policy:
    """What of a deployment's specification says how its requests are settled."""

    settlement: str = "refund"
    refused: str = "refund_tokens"


#: The statuses that say that nothing was made of a request.
_NOTHING_MADE = frozenset((400, 401, 403, 404, 413, 415, 422, 429))


@dataclass(frozen=True)
class Attempt:
    """One request at one deployment."""

    permit: Spendable
    policy: Policy
    until: float

    def succeeded(self, used: Optional[int]) -> None:
        """Settled by what it used. Unknown usage is never refunded, and nothing is where nothing is settled."""
        if used is None or self.policy.settlement == "none":
            self.permit.charge()
        else:
            self.permit.settle(used)

    def failed(self, status: Optional[int]) -> None:
        """Refunded as the policy says, if the status says that nothing was made of it. Else it may have been worked
        on."""
        is_refunded = status in _NOTHING_MADE and self.policy.settlement != "none"
        if is_refunded and self.policy.refused == "refund":
            self.permit.cancel()
        elif is_refunded and self.policy.refused == "refund_tokens":
            self.permit.settle(0)
        else:
            self.permit.charge()

    def was_not_sent(self) -> None:
        """Its answer came from a cache."""
        self.permit.cancel()


#: Under what an attempt's token is carried.
_KEY = "tokenlease_attempt"


class Attempts:
    """Those whose end is not known yet: each at most `timeout_s`, all together at most `most`."""

    def __init__(
        self, timeout_s: float, most: int = 65_536, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._timeout_s = timeout_s
        self._most = most
        self._clock = clock
        self._open: OrderedDict[str, Attempt] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, call: Dict[str, Any], permit: Spendable, policy: Policy) -> None:
        """A request is about to be sent, with what `call` has: its token goes there. The last attempt of the same
        request is over."""
        self._expire()
        self.supersede(call)
        token = uuid.uuid4().hex
        self._open[token] = Attempt(permit, policy, self._clock() + self._timeout_s)
        info = call.get("model_info")
        # Where one was carried already, the dictionary may be another attempt's.
        if not isinstance(info, dict) or _KEY in info:
            info = call["model_info"] = dict(info or {})
        info[_KEY] = token
        log = _log(call)
        if log is not None:
            log[_KEY] = token

    def supersede(self, call: Mapping[str, Any]) -> None:
        """The request is tried again: what was tried before has failed, nobody knows how."""
        log = _log(call)
        attempt = None if log is None else self._pop(log.get(_KEY))
        if attempt is not None:
            attempt.failed(None)

    def take(self, call: Mapping[str, Any]) -> Optional[Attempt]:
        """The attempt of what a call was given, if its end was not told before."""
        return self._find(_log(call) or {}, call)

    def take_logged(self, log: Mapping[str, Any]) -> Optional[Attempt]:
        """The attempt of what is logged, if its end was not told before."""
        return self._find(log, log.get("litellm_params") or {})

    def _find(self, log: Mapping[str, Any], call: Mapping[str, Any]) -> Optional[Attempt]:
        """The log has the newest. Callers' fields can stand in it too, so what is none of ours is passed over."""
        return self._pop(log.get(_KEY)) or self._pop((call.get("model_info") or {}).get(_KEY))

    def _pop(self, token: object) -> Optional[Attempt]:
        return self._open.pop(token, None) if isinstance(token, str) else None

    def _expire(self) -> None:
        now = self._clock()
        while self._open:
            first = next(iter(self._open.values()))
            if len(self._open) < self._most and first.until > now:
                return
            self._open.popitem(last=False)
            first.failed(None)


def _log(call: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """What LiteLLM will log of a call. The proxy has one for all attempts; elsewhere each has its own, made later."""
    return getattr(call.get("litellm_logging_obj"), "model_call_details", None)
