"""A deployment of LiteLLM's with the quota that it draws from."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from litellm._logging import verbose_logger as log

from .._client import Client, Deployment
from ..errors import Denied, ServerAway, ServerError, Unavailable
from ._alone import Alone, per_process
from ._attempts import Policy, Spendable
from ._limits import Limits, Standing
from ._settings import Settings

#: What an answer says of a deployment and nobody puts.
_READ_ONLY = ("id", "version", "declared")
#: How often the server is asked about a deployment that it does not know, or cannot tell of.
_ASK_AGAIN_S = 1.0
#: How long it is taken to have no limit, where neither `model_list` nor the server has one.
_FREE_S = 10.0
#: How long what the server said of a deployment is taken to be so: an operator may change it.
_LEARN_AGAIN_S = 60.0


class Quota:
    """What one deployment's requests draw from. Whether it is known to the server, and by which policy it is settled,
    is asked before the first draw, which waits for it, and again each minute, for which none waits. Limits are put, if
    at all, at the start, and where the server has no such deployment: what an operator changes later stays."""

    def __init__(
        self,
        client: Client,
        limits: Limits,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.policy = Policy()
        self.reservation = "input_plus_max_output"
        self._client = client
        self._settings = settings
        self._clock = clock
        self._deployment: Deployment = client.deployment(limits.id)
        self._is_free = False
        self._asked: Optional[asyncio.Task[None]] = None
        self._ask_at = self._told_at = 0.0
        self._is_answered = False
        """Whether the first ask has ended."""
        self._trouble: Optional[Tuple[str, str]] = None
        """Why no draw can be made, while nothing is known: text and reason."""
        self._is_known = False
        self._is_registered = False
        """Whether the server has had our limits once."""
        self._alone: Optional[Alone] = None

    @property
    def deployment(self) -> Deployment:
        """Whose leases are drawn from."""
        return self._deployment

    async def is_limited(self) -> bool:
        """Whether requests must draw. Raises nothing: what is not known yet is limited."""
        if self._settings.register and not self.limits.has_any():
            return False
        loop = asyncio.get_running_loop()
        asked = self._asked
        is_asked = asked is not None and not asked.done() and asked.get_loop() is loop
        if not is_asked and self._clock() >= self._ask_at:
            asked = self._asked = loop.create_task(asyncio.to_thread(self._learn))
        if asked is not None and not self._is_answered:
            await asyncio.shield(asked)
        return not self._is_free

    def is_limited_blocking(self) -> bool:
        """The same for who has no event loop. Blocks its thread while it asks the server."""
        if self.limits.has_any() or self._settings.register:
            return self.limits.has_any()
        if self._clock() >= self._ask_at:
            self._learn()
        return not self._is_free

    def look(self, tokens: int) -> None:
        """Raises `Denied` if a draw of so many tokens has no hope."""
        try:
            self._must_be_known()
            if not self._deployment.accepts(tokens):
                self._deployment.try_draw(tokens).cancel()
        except Unavailable as denied:
            refusal = self._share_for(denied).denial(tokens)
            if refusal is not None:
                raise refusal from denied

    async def draw(self, tokens: int) -> Spendable:
        """A permit for one request of so many tokens. Raises `Denied`."""
        try:
            self._must_be_known()
            return await self._deployment.draw(tokens)
        except Unavailable as denied:
            return self._share_for(denied).draw(tokens)

    def _must_be_known(self) -> None:
        """Raises anew each time: an exception keeps all that it went through."""
        trouble = self._trouble
        if trouble is not None:
            raise Unavailable(*trouble, _ASK_AGAIN_S)

    def _share_for(self, denied: Unavailable) -> Alone:
        """Raises it, unless the server is away and there is a share for that."""
        if denied.reason == "unknown_deployment":
            self._ask_at = min(self._ask_at, self._told_at + _ASK_AGAIN_S)
        if self._alone is None or denied.reason != "no_server":
            raise denied
        return self._alone

    def _learn(self) -> None:
        """Registers the limits, if told to, and reads the policy. Raises nothing."""
        try:
            self._was_told(self._register_or_read())
        except Exception as error:
            self._was_not_told(error)
        self._told_at = self._clock()
        self._is_answered = True

    def _was_not_told(self, error: Exception) -> None:
        """What was known stays; a server that refuses vouches for no share."""
        reason = _reason(error)
        if reason != "no_server":
            self._alone = None
        if not self._is_known:
            self._trouble = (str(error), reason)
        self._ask_at = self._clock() + _ASK_AGAIN_S
        log.warning("tokenlease: %s: %s", self.limits.id, error)

    def _was_told(self, found: Optional[Dict[str, Any]]) -> None:
        standing = self.limits.standing(self._settings.register, found)
        self._is_free = standing is Standing.FREE
        self._is_known = standing is not Standing.UNKNOWN
        if found is not None:
            self.policy = Policy(found.get("settlement", "refund"), found.get("refused", "refund_tokens"))
            self.reservation = found.get("reservation", self.reservation)
            self._keep_share(found)
        if self._is_known:
            self._trouble = None
            self._ask_at = self._clock() + (_FREE_S if self._is_free else _LEARN_AGAIN_S)
            return
        text = "the quota server has no such deployment: register it, or set QUOTA_REGISTER=1"
        self._trouble = (text, "unknown_deployment")
        self._ask_at = self._clock() + _ASK_AGAIN_S
        log.error("tokenlease: %s (%s): %s", self.limits.id, self.limits.group, text)

    def _keep_share(self, found: Mapping[str, Any]) -> None:
        """There is one only while the server is known to grant that much less. Of a window that rolls there is none:
        any 60 s reach into two minutes."""
        share, processes = self._settings.alone_share, self._settings.alone_replicas
        if not share or not self._has_our_limits(found):
            self._alone = None
        elif found.get("window", "minute") != "minute":
            log.warning("tokenlease: %s: no share without the server, its window rolls", self.limits.id)
            self._alone = None
        elif self._alone is None:
            tokens = per_process(self.limits.tpm, share, processes)
            self._alone = Alone(tokens, per_process(self.limits.rpm, share, processes))

    def _register_or_read(self) -> Optional[Dict[str, Any]]:
        """The deployment on the server; `None` if there is none. What else an operator set there is put again as it was
        read: what this version does not know is not, nor is what somebody changes between the two."""
        try:
            found: Optional[Dict[str, Any]] = self._client.deployment_on_server(self.limits.id)
        except ServerError as error:
            if error.code != "deployment_not_found":
                raise
            found = None
        if not self._settings.register:
            return found
        if found is None or not (self._is_registered or self._has_our_limits(found)):
            # What the server grants may have had the share in it.
            self._alone = None
            found = self._put_over(found or {})
        self._is_registered = True
        return found

    def _put_over(self, found: Mapping[str, Any]) -> Dict[str, Any]:
        wanted = self.limits.for_server(self._settings.alone_share)
        rest = {k: v for k, v in found.items() if k not in (*_READ_ONLY, *wanted)}
        rest.setdefault("model_group", self.limits.group)
        limits = {name: limit for name, limit in wanted.items() if limit is not None}
        return self._client.put_deployment(self.limits.id, **rest, **limits)

    def _has_our_limits(self, found: Mapping[str, Any]) -> bool:
        return not self.limits.differ_from(found, self._settings.alone_share)


def _reason(error: Exception) -> str:
    """A server that does not answer, or fails, is away; one that answers otherwise refuses what was asked."""
    is_away = isinstance(error, ServerAway)
    has_failed = isinstance(error, ServerError) and error.status >= 500
    return "no_server" if is_away or has_failed else "refused"
