"""The permits of requests that run. One request may be tried on several deployments, one after the other; LiteLLM gives
all attempts one call id and one dictionary of metadata, and does not tell the end of each. So a permit is kept by
its call and its deployment, whatever is told twice counts once, and what is never told is charged in full."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Callable, Dict, Optional, Protocol


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


class Attempts:
    """Those whose end is not known yet: each at most `timeout_s`, all together at most `most`."""

    def __init__(
        self, timeout_s: float, most: int = 65_536, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._timeout_s = timeout_s
        self._most = most
        self._clock = clock
        self._calls: OrderedDict[str, Dict[str, Attempt]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._calls)

    def begin(self, call: str, deployment: str, permit: Spendable, policy: Policy) -> None:
        """A request is about to be sent."""
        self._expire()
        attempt = Attempt(permit, policy, self._clock() + self._timeout_s)
        self._calls.setdefault(call, {})[deployment] = attempt
        self._calls.move_to_end(call)

    def supersede(self, call: str) -> None:
        """The request is tried again: what was tried before has failed, nobody knows how."""
        for attempt in self._calls.pop(call, {}).values():
            attempt.failed(None)

    def take(self, call: Optional[str], deployment: Optional[str]) -> Optional[Attempt]:
        """The attempt, if its end was not told before."""
        attempts = self._calls.get(call or "")
        if attempts is None:
            return None
        attempt = attempts.pop(deployment or "", None)
        if not attempts:
            del self._calls[call or ""]
        return attempt

    def _expire(self) -> None:
        now = self._clock()
        while self._calls:
            call, attempts = next(iter(self._calls.items()))
            if len(self._calls) < self._most and any(it.until > now for it in attempts.values()):
                return
            self.supersede(call)
