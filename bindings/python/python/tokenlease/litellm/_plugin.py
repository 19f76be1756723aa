from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

import litellm
from litellm._logging import verbose_logger as log
from litellm.integrations.custom_logger import CustomLogger

from .._client import Client
from ..errors import Denied, Unavailable
from . import _answers, _estimate, _start
from ._attempts import Attempt, Attempts, Spendable
from ._limits import Limits, not_kept, said_of_limits
from ._quota import Quota
from ._request import Request
from ._settings import Settings


#: A permit that was drawn so long before its request is sent may be of a minute that is over: it goes back.
_FRESH_S = 0.1


@dataclass
class _Choice:
    """What the filter leaves for the hook that follows it in the same task."""

    group: str
    has_others: bool
    request: Request
    is_limited: bool = True
    deployment: str = ""
    permit: Optional[Spendable] = None
    tokens: int = 0
    drawn_at: float = 0.0

    def take(self, deployment: str, tokens: int) -> Optional[Spendable]:
        """The permit, if it is the deployment's, fresh, and of so many tokens at least. It is given away once, or goes
        back."""
        permit, self.permit = self.permit, None
        if permit is None:
            return None
        is_fresh = time.monotonic() - self.drawn_at < _FRESH_S
        if deployment == self.deployment and tokens <= self.tokens and is_fresh:
            return permit
        permit.cancel()
        return None


#: Calls that the router makes without saying to which deployment.
_OF_NO_DEPLOYMENT = frozenset(("aspeech",))

_choice: ContextVar[Optional[_Choice]] = ContextVar("tokenlease_choice", default=None)


class Plugin(CustomLogger):
    """LiteLLM calls it in this order: `async_filter_deployments` drops the deployments that have no room, and the user's
    own strategy chooses among the rest; `async_pre_call_check` meets the one that was chosen, also where nothing was
    filtered; `async_pre_call_deployment_hook` draws from it; `async_log_success_event` settles, and the failure hooks
    do where LiteLLM calls them. See `Attempts` for where it does not."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._client: Optional[Client] = None
        self._quotas: Dict[str, Quota] = {}
        self._said: Dict[str, Tuple[Any, ...]] = {}
        """By which each was made."""
        self._attempts = Attempts(settings.permit_timeout_s)
        self._start: Optional[asyncio.Task[None]] = None

    def load(self) -> None:
        """Makes LiteLLM call it, once however often it is loaded."""
        if self not in litellm.callbacks:
            litellm.logging_callback_manager.add_litellm_callback(self)
            self._start = _start.meet_all(self._meet)

    async def async_filter_deployments(
        self,
        model: str,
        healthy_deployments: List[Dict[str, Any]],
        messages: Optional[List[Any]],
        request_kwargs: Optional[Dict[str, Any]] = None,
        parent_otel_span: Any = None,
    ) -> List[Dict[str, Any]]:
        """Those that may have room for the request. Raises the denial if none has. Where one is left there is nothing to
        choose, and it is drawn from at once: a denial here is the router's, and cools down no deployment."""
        _give_up(_choice.get())
        request = Request.of(messages, request_kwargs)
        with_room: List[Dict[str, Any]] = []
        denials: List[Denied] = []
        is_limited = False
        for deployment in healthy_deployments:
            try:
                is_limited |= await self._look(deployment, request)
                with_room.append(deployment)
            except Denied as denied:
                denials.append(denied)
        choice = _Choice(model, len(with_room) > 1, request, is_limited)
        try:
            if denials and not with_room:
                raise _answers.least_hopeless(denials)
            if len(with_room) == 1 and request.call_type:
                await self._draw_early(with_room[0], request, choice)
        except Denied as denied:
            raise _answers.denial(model, denied) from denied
        _choice.set(choice)
        return with_room

    async def async_pre_call_check(self, deployment: Dict[str, Any], parent_otel_span: Any) -> None:
        """A deployment that is called by its id, or by default, comes through no filter."""
        self._quota(deployment)

    async def async_pre_call_deployment_hook(
        self, kwargs: Dict[str, Any], call_type: Any
    ) -> Optional[Dict[str, Any]]:
        """Draws from the deployment that was chosen, just before it is asked. One that nobody told of is not asked: its
        limits are not known."""
        call = str(getattr(call_type, "value", ""))
        id = _deployment_id(kwargs)
        choice = _choice.get()
        if call in _OF_NO_DEPLOYMENT:
            return _refuse_unless_free(kwargs, choice)
        if not id:
            return None
        quota = self._quotas.get(id)
        if quota is None:
            raise _unknown(str(kwargs.get("model")), f"nobody told of the deployment {id}")
        if not await quota.is_limited():
            return None
        if choice is None:
            choice = _Choice(quota.limits.group, False, Request({}, ""))
        self._attempts.supersede(kwargs)
        try:
            tokens = self._tokens(quota, kwargs, call, choice.request)
            permit = await quota.draw_in_time(tokens, choice.take(id, tokens))
        except Denied as denied:
            raise _answers.denial(choice.group, denied, True, choice.has_others) from denied
        self._attempts.begin(kwargs, permit, quota.policy)
        return None

    async def async_log_success_event(
        self, kwargs: Dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Settles by what the answer says that it used. For a stream this comes at its end."""
        attempt = self._attempts.take_logged(kwargs)
        if attempt is None:
            return
        if kwargs.get("cache_hit") is True:
            attempt.was_not_sent()
        else:
            attempt.succeeded(_estimate.used(kwargs, response_obj))

    async def async_log_failure_event(
        self, kwargs: Dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """LiteLLM 1.83 tells only of a request's first failure."""
        error = kwargs.get("exception")
        if not _answers.is_ours(error):
            _fail(self._attempts.take_logged(kwargs), error)

    async def async_post_call_failure_deployment_hook(
        self, request_data: Mapping[str, Any], exception: Exception, call_type: Any, **_: Any
    ) -> None:
        """Newer ones tell of each."""
        if not _answers.is_ours(exception):
            _fail(self._attempts.take(request_data), exception)

    async def async_post_call_failure_hook(
        self,
        request_data: Dict[str, Any],
        original_exception: Exception,
        user_api_key_dict: Any,
        traceback_str: Optional[str] = None,
    ) -> None:
        """The proxy is about to answer: the router has done with the error."""
        _answers.tell_caller(original_exception)

    async def async_post_call_response_headers_hook(
        self,
        data: Dict[str, Any],
        user_api_key_dict: Any,
        response: Any,
        request_headers: Optional[Dict[str, str]] = None,
        litellm_call_info: Optional[Dict[str, Any]] = None,
    ) -> Optional[Dict[str, str]]:
        """How full the deployment's window is, in place of what its provider said: others spend the same quota."""
        if response is None:
            return None
        id = (litellm_call_info or {}).get("model_id") or _answered_id(response)
        quota = self._quotas.get(str(id))
        if quota is None:
            return None
        return {**_answers.headers(quota.deployment.view()), "x-tokenlease-deployment": str(id)}

    def pre_call_check(self, deployment: Dict[str, Any]) -> Optional[Dict[str, Any]]:
        """The router's blocking methods call no hook that knows the request. What cannot be counted is refused."""
        quota = self._quota(deployment)
        if quota.is_limited_blocking():
            text = "tokenlease keeps limits of LiteLLM's async methods only: call `acompletion` and its like"
            raise litellm.ServiceUnavailableError(text, llm_provider="", model=quota.limits.group)
        return None

    async def _meet(self, deployment: Dict[str, Any]) -> None:
        """Asks for its quota, and puts its limits if told to, before any request does."""
        await self._quota(deployment).is_limited()

    async def _look(self, deployment: Dict[str, Any], request: Request) -> bool:
        """Whether it is limited. Counts a request's tokens only where there is room for any. Raises `Denied`."""
        quota = self._quota(deployment)
        if not await quota.is_limited():
            return False
        quota.look(1)
        quota.look(max(1, self._size(quota, deployment, request)))
        return True

    async def _draw_early(
        self, deployment: Dict[str, Any], request: Request, choice: _Choice
    ) -> None:
        quota = self._quota(deployment)
        if await quota.is_limited():
            choice.tokens = self._size(quota, deployment, request)
            choice.permit = await quota.draw(choice.tokens)
            choice.deployment = quota.limits.id
            choice.drawn_at = time.monotonic()

    def _quota(self, deployment: Dict[str, Any]) -> Quota:
        """The same, as long as an entry of its id says the same of its limits."""
        id, said = _id_of(deployment), said_of_limits(deployment)
        quota = self._quotas.get(id)
        if quota is None or self._said[id] != said:
            limits = Limits.of(deployment)
            if quota is None or quota.limits != limits:
                if self._client is None:
                    self._client = Client()
                _warn_of_what_is_not_kept(deployment)
                quota = self._quotas[id] = Quota(self._client, limits, self._settings)
            self._said[id] = said
        return quota

    def _size(self, quota: Quota, deployment: Dict[str, Any], request: Request) -> int:
        """Of what the router will send: the entry's own fields, and over them the request's."""
        parameters = deployment.get("litellm_params") or {}
        sent = {**parameters, **request.fields, "model": parameters.get("model")}
        return self._tokens(quota, sent, request.call_type, request)

    def _tokens(
        self, quota: Quota, sent: Mapping[str, Any], call_type: str, request: Request
    ) -> int:
        most, input = self._settings.default_max_output, request.input_tokens(sent)
        return _estimate.reserved(sent, call_type, most, quota.reservation, input)


def _warn_of_what_is_not_kept(deployment: Mapping[str, Any]) -> None:
    names = not_kept(deployment)
    if names:
        text = "tokenlease: %s of %s: not kept by the quota server, only by LiteLLM, in each replica"
        log.warning(text, ", ".join(names), deployment.get("model_name"))


def _fail(attempt: Optional[Attempt], error: Any) -> None:
    if attempt is not None:
        status = getattr(error, "status_code", None)
        attempt.failed(status if isinstance(status, int) else None)


def _unknown(group: str, why: str) -> Exception:
    return _answers.denial(group, Unavailable(why, "unknown_deployment"), True)


def _refuse_unless_free(kwargs: Mapping[str, Any], choice: Optional[_Choice]) -> None:
    """A call of the router's passes only if none of its group's deployments has limits."""
    group = (kwargs.get("metadata") or {}).get("model_group")
    _give_up(choice)
    if group and (choice is None or choice.group != group or choice.is_limited):
        raise _unknown(str(group), "LiteLLM does not say which deployment this call is for")


def _give_up(choice: Optional[_Choice]) -> None:
    """The router chooses anew: what was drawn for its last choice and not sent goes back."""
    if choice is not None:
        choice.take("", 0)


def _id_of(deployment: Mapping[str, Any]) -> str:
    return str((deployment.get("model_info") or {}).get("id"))


def _deployment_id(kwargs: Mapping[str, Any]) -> str:
    """Of what a call is given; empty outside of a router."""
    return str((kwargs.get("model_info") or {}).get("id") or "")


def _answered_id(response: Any) -> Optional[str]:
    """Of an answer."""
    hidden = getattr(response, "_hidden_params", None) or {}
    return hidden.get("model_id")
