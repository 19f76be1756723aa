"""A deployment of LiteLLM's with the quota that it draws from."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional

from litellm._logging import verbose_logger as log

from .._client import Client, Deployment
from ..errors import CallError, Denied, ServerError, Unavailable
from ._alone import Alone, granted, per_process
from ._attempts import Policy, Spendable
from ._settings import Settings

#: The limits that the quota server keeps, by their names in `model_list` and in the server's API.
_KEPT = {"tpm": "tpm_limit", "rpm": "rpm_limit"}
#: Limits of LiteLLM's that it does not keep: LiteLLM goes on doing what it does with them.
_NOT_KEPT = ("itpm", "otpm", "tpd", "rpd", "max_parallel_requests")
#: How often the server is asked about a deployment that it does not know, or cannot tell of.
_ASK_AGAIN_S = 1.0
#: How long it is taken to have no limit, where neither `model_list` nor the server has one.
_FREE_S = 10.0


@dataclass(frozen=True)
class Limits:
    """What `model_list` says."""

    id: str
    group: str
    tpm: Optional[int]
    rpm: Optional[int]

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> Limits:
        parameters = deployment.get("litellm_params") or {}
        id = str((deployment.get("model_info") or {}).get("id"))
        tpm, rpm = (_limit(deployment, parameters, name) for name in _KEPT)
        return cls(id, str(deployment.get("model_name")), tpm, rpm)

    def has_any(self) -> bool:
        return self.tpm is not None or self.rpm is not None


class Quota:
    """What one deployment's requests draw from. Whether it is known to the server, and by which policy it is settled,
    is asked once, before the first draw."""

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
        self._ask_at = 0.0
        self._trouble: Optional[Denied] = None
        share, processes = settings.alone_share, settings.alone_replicas
        self._alone = None
        if share:
            tokens = per_process(limits.tpm, share, processes)
            self._alone = Alone(tokens, per_process(limits.rpm, share, processes))

    @property
    def deployment(self) -> Deployment:
        """Whose leases are drawn from."""
        return self._deployment

    async def is_limited(self) -> bool:
        """Whether requests must draw. Raises nothing: what is not known yet is limited."""
        if self._settings.register and not self.limits.has_any():
            return False
        if self._clock() >= self._ask_at:
            loop = asyncio.get_running_loop()
            asked = self._asked
            if asked is None or asked.done() or asked.get_loop() is not loop:
                asked = self._asked = loop.create_task(self._learn())
            await asyncio.shield(asked)
        return not self._is_free

    def look(self, tokens: int) -> None:
        """Raises `Denied` if a draw of so many tokens has no hope."""
        trouble = self._trouble
        try:
            if trouble is not None:
                raise trouble
            if not self._deployment.accepts(tokens):
                self._deployment.try_draw(tokens).cancel()
        except Unavailable as denied:
            self._must_be_alone(denied)
            if self._alone is not None:
                refusal = self._alone.denial(tokens)
                if refusal is not None:
                    raise refusal from denied

    async def draw(self, tokens: int) -> Spendable:
        """A permit for one request of so many tokens. Raises `Denied`."""
        try:
            if self._trouble is not None:
                raise self._trouble
            return await self._deployment.draw(tokens)
        except Unavailable as denied:
            self._must_be_alone(denied)
            assert self._alone is not None
            return self._alone.draw(tokens)

    def _must_be_alone(self, denied: Unavailable) -> None:
        """Raises it, unless the server is away and there is a share for that."""
        if self._alone is None or denied.reason != "no_server":
            raise denied

    async def _learn(self) -> None:
        """Registers the limits, if told to, and reads the policy."""
        try:
            found = await asyncio.to_thread(self._register_or_read)
        except CallError as error:
            self._ask_at = self._clock() + _ASK_AGAIN_S
            if not self._is_free:
                self._trouble = Unavailable(str(error), _reason(error), _ASK_AGAIN_S)
            log.warning("tokenlease: %s: %s", self.limits.id, error)
            return
        self._trouble = None
        self._is_free = found is None and not self.limits.has_any()
        self._ask_at = float("inf")
        if found is not None:
            self.policy = Policy(found.get("settlement", "refund"), found.get("refused", "refund_tokens"))
            self.reservation = found.get("reservation", self.reservation)
        elif self._is_free:
            self._ask_at = self._clock() + _FREE_S
        else:
            self._ask_at = self._clock() + _ASK_AGAIN_S
            text = "the quota server has no such deployment: register it, or set QUOTA_REGISTER=1"
            self._trouble = Unavailable(text, "unknown_deployment", _ASK_AGAIN_S)
            log.error("tokenlease: %s (%s): %s", self.limits.id, self.limits.group, text)

    def _register_or_read(self) -> Optional[Dict[str, Any]]:
        """The deployment on the server; `None` if there is none. What else an operator set there stays."""
        try:
            found: Optional[Dict[str, Any]] = self._client.deployment_on_server(self.limits.id)
        except ServerError as error:
            if error.code != "deployment_not_found":
                raise
            found = None
        if not self._settings.register:
            return found
        wanted = self._wanted()
        if found is not None and all(found.get(name) == limit for name, limit in wanted.items()):
            return found
        rest = {k: v for k, v in (found or {}).items() if k not in ("id", "version", *wanted)}
        rest.setdefault("model_group", self.limits.group)
        limits = {name: limit for name, limit in wanted.items() if limit is not None}
        return self._client.put_deployment(self.limits.id, **rest, **limits)

    def _wanted(self) -> Dict[str, Optional[int]]:
        share = self._settings.alone_share
        return {
            "tpm_limit": granted(self.limits.tpm, share),
            "rpm_limit": granted(self.limits.rpm, share),
        }


def warn_of_what_is_not_kept(deployment: Mapping[str, Any]) -> None:
    """Says which limits of a deployment the quota server does not keep."""
    parameters = deployment.get("litellm_params") or {}
    names = [name for name in _NOT_KEPT if parameters.get(name) is not None]
    if names:
        log.warning(
            "tokenlease: %s of %s: not kept by the quota server, only by LiteLLM, in each replica",
            ", ".join(names),
            deployment.get("model_name"),
        )


def _limit(
    deployment: Mapping[str, Any], parameters: Mapping[str, Any], name: str
) -> Optional[int]:
    """LiteLLM takes them from all three places."""
    places = (parameters, deployment, deployment.get("model_info") or {})
    value = next((it[name] for it in places if it.get(name) is not None), None)
    return None if value is None else int(value)


def _reason(error: CallError) -> str:
    """A server that answers refuses this client; one that doesn't is away."""
    is_refusal = isinstance(error, ServerError) and error.status in (401, 403, 422)
    return "refused" if is_refusal else "no_server"
