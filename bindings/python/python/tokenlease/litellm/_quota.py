"""A deployment of LiteLLM's with the quota that it draws from."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from litellm._logging import verbose_logger as log

from .._client import Client, Deployment
from ..errors import Denied, Exhausted, ServerAway, ServerError, Unavailable
from ._alone import Alone, per_process
from ._attempts import Policy, Spendable
from ._limits import Limits, Standing, without_limits
from ._settings import Settings

#: What an answer says of a deployment and nobody puts.
_READ_ONLY = ("id", "version", "declared")
#: The statuses by which the server says that it cannot take what it is given.
_REFUSED = (400, 422)
#: How often the server is asked about a deployment that it does not know, or cannot tell of.
_ASK_AGAIN_S = 1.0
#: How long it is taken to have no limit, where neither `model_list` nor the server has one.
_FREE_S = 10.0
#: Turns of the event loop from a draw until LiteLLM has sent the request: five on a connection that is open, and some.
_TURNS_TO_SEND = 8
#: What they are taken to need at most, seconds: a process that is slower still may send in the next minute.
_SEND_S = 30.0
_WINDOW_S = 60.0
#: How often a request draws until it is in time.
_DRAWS = 3
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

    async def draw_in_time(self, tokens: int, drawn: Optional[Spendable] = None) -> Spendable:
        """A permit for one request of so many tokens that can still be sent in the permit's minute, as far as the event loop
        lets one see: `drawn`, or another. Cancelling it gives that back. Raises `Denied`."""
        left_s = 0.0
        for _ in range(_DRAWS):
            began = self._clock()
            permit = await self.draw(tokens) if drawn is None else drawn
            try:
                late = await self._left_if_late(began)
            except BaseException:
                permit.cancel()
                raise
            if late is None:
                return permit
            permit.cancel()
            drawn, left_s = None, late
            if left_s > 0.0:
                break
        text = "this process is too busy to send the request before the minute is over"
        raise Exhausted(text, "exhausted", max(left_s, 0.001))

    async def _left_if_late(self, began: float) -> Optional[float]:
        """Seconds that are left of the minute, if a request that was drawn for since `began` is too late for it; 0 where the
        minute is over. A provider counts a request when it comes, and a loop with much to do sends it long after the draw."""
        ends_in = self._deployment.view().window_ends_in
        if ends_in is None:
            return None
        before = self._clock()
        ends_at = before + ends_in
        if began < ends_at - _WINDOW_S:
            return 0.0
        # No turn would be too long, so none is looked at.
        if ends_in > _SEND_S:
            return None
        await asyncio.sleep(0)
        now = self._clock()
        left_s = ends_at - now
        return None if left_s >= min(_TURNS_TO_SEND * (now - before), _SEND_S) else max(left_s, 0.0)

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
        """There is one only while the server is known to grant that much less."""
        share, processes = self._settings.alone_share, self._settings.alone_replicas
        if not share or not self._has_our_limits(found):
            self._alone = None
        elif why := why_no_share(found):
            log.warning("tokenlease: %s: no share without the server: %s", self.limits.id, why)
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
        """Not every ledger keeps limits of a day: where the server refuses them, those of a minute are put alone."""
        try:
            return self._put(found, self.limits)
        except ServerError as why:
            minute = self.limits.without_days()
            if why.status not in _REFUSED or minute is None:
                raise
            text = "tokenlease: %s: its limits of a day (tpd, rpd) are NOT kept, only those of a minute: %s"
            log.error(text, self.limits.id, why)
            return self._put(found, minute)

    def _put(self, found: Mapping[str, Any], limits: Limits) -> Dict[str, Any]:
        rest = {name: value for name, value in without_limits(found).items() if name not in _READ_ONLY}
        rest.setdefault("model_group", self.limits.group)
        wanted = limits.put_over(found, self._settings.alone_share)
        return self._client.put_deployment(self.limits.id, **rest, **wanted)

    def _has_our_limits(self, found: Mapping[str, Any]) -> bool:
        return not self.limits.differ_from(found, self._settings.alone_share)


def why_no_share(found: Mapping[str, Any]) -> Optional[str]:
    """Why replicas may use nothing of a deployment without the server; `None` if they may."""
    if found.get("window", "minute") != "minute":
        return "its window rolls, and any 60 s reach into two minutes"
    if found.get("limits"):
        return "it has limits over longer periods, which would not be told of it"
    return None


def _reason(error: Exception) -> str:
    """A server that does not answer, or fails, is away; one that answers otherwise refuses what was asked."""
    is_away = isinstance(error, ServerAway)
    has_failed = isinstance(error, ServerError) and error.status >= 500
    return "no_server" if is_away or has_failed else "refused"
