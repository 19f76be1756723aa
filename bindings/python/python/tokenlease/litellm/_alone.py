from __future__ import annotations

import math
import time
from typing import Callable, Optional

from ..errors import Denied, Exhausted

_MINUTE_S = 60


class Alone:
    """What one process may use of a deployment without the quota server: its share of each minute of the wall clock,
    kept out of what the server grants. It counts what is reserved and gives nothing back. Nothing is left of the minute
    that it begins in: a process before may have used the share, and the server granted by limits that had it."""

    def __init__(
        self,
        tokens: Optional[int],
        requests: Optional[int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._most_tokens, self._most_requests = tokens, requests
        self._clock = clock
        self._minute = int(clock() // _MINUTE_S)
        self._is_over = True
        self._tokens = self._requests = 0

    def draw(self, tokens: int) -> Spent:
        """Takes a request out of this minute's share. Raises `Exhausted` if it does not fit."""
        denied = self.denial(tokens)
        if denied is not None:
            raise denied
        self._tokens += tokens
        self._requests += 1
        return Spent()

    def denial(self, tokens: int) -> Optional[Denied]:
        """Why a request does not fit into what is left of this minute's share."""
        now = self._clock()
        minute = int(now // _MINUTE_S)
        # A clock that was set back opens no second share.
        if minute > self._minute:
            self._minute, self._tokens, self._requests = minute, 0, 0
            self._is_over = False
        left_s = max(0.001, (self._minute + 1) * _MINUTE_S - now)
        text = "the share of this process without the quota server is used up"
        if self._is_over:
            return Exhausted(text, "no_server", left_s)
        if self._most_tokens is not None and self._tokens + tokens > self._most_tokens:
            return Exhausted(text, "no_server", left_s, "tokens")
        if self._most_requests is not None and self._requests + 1 > self._most_requests:
            return Exhausted(text, "no_server", left_s, "requests")
        return None


class Spent:
    """In the place of a permit."""

    def settle(self, tokens: int, requests: Optional[int] = None) -> None:
        """Nothing comes back."""

    def cancel(self) -> None:
        """Nothing comes back."""

    def charge(self) -> None:
        """It is."""


def granted(limit: Optional[int], share: float) -> Optional[int]:
    """What the server may grant of a limit of which a share is kept for replicas alone."""
    return None if limit is None else limit - math.floor(limit * share)


def per_process(limit: Optional[int], share: float, processes: int) -> Optional[int]:
    """What one process may use alone."""
    return None if limit is None else math.floor(limit * share) // processes
