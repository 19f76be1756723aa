"""How many tokens a request may use, and how many it did."""

from __future__ import annotations

import json
import os
from typing import Any, Mapping, Optional

from litellm.litellm_core_utils.token_counter import token_counter

from ..errors import NeverFits

#: Bytes of an attached file that are taken for one token, as the gateway does.
_ATTACHED_BYTES_PER_TOKEN = 1_024
#: More than any limit, and what every number of tokens is cut to.
_ENDLESS = 1 << 53
#: What of a request its input is counted by, besides its model.
INPUT = ("messages", "tools", "input", "prompt", "instructions", "system", "contents", "file")
#: What a call names the most of its output by; the first that is set counts.
_MOST = ("max_completion_tokens", "max_output_tokens", "max_tokens")
#: The calls that have an output of tokens beyond what they are sent.
_WITH_OUTPUT = frozenset(
    (
        "acompletion",
        "completion",
        "atext_completion",
        "text_completion",
        "aresponses",
        "responses",
        "anthropic_messages",
        "agenerate_content",
        "agenerate_content_stream",
    )
)


class Uncountable(NeverFits):
    """Nobody can tell how large the request is."""


def reserved(
    request: Mapping[str, Any], call_type: str, default_output: int, policy: str, input: int
) -> int:
    """What to reserve for a request of so much input, by the deployment's policy: that, and the most of its output."""
    if policy == "input" or call_type not in _WITH_OUTPUT:
        return min(input, _ENDLESS)
    most = next((request[name] for name in _MOST if _is_count(request.get(name))), default_output)
    answers = request.get("n")
    return min(input + most * (answers if _is_count(answers) and answers > 0 else 1), _ENDLESS)


def input_tokens(request: Mapping[str, Any]) -> int:
    """The tokens of a request's input. Raises `Uncountable`."""
    try:
        return _input(request)
    except Exception as why:
        raise Uncountable(f"its input cannot be counted: {why!r}"[:500], "uncountable") from why


def used(log: Mapping[str, Any], response: Any) -> Optional[int]:
    """The tokens that an answer says that it used; `None` if it says nothing."""
    payload = log.get("standard_logging_object") or {}
    total = payload.get("total_tokens")
    if not total:
        usage = getattr(response, "usage", None)
        total = getattr(usage, "total_tokens", None)
    return total if _is_count(total) and total > 0 else None


def _input(request: Mapping[str, Any]) -> int:
    model = request.get("model") or ""
    tokens = 0
    messages = request.get("messages")
    if messages:
        tools = request.get("tools")
        tokens += token_counter(
            model=model,
            messages=messages,
            tools=tools if isinstance(tools, list) else None,
            use_default_image_token_count=True,
        )
    for name in ("input", "prompt", "instructions", "system", "contents"):
        tokens += _of(request.get(name), model)
    return tokens + _attached(request.get("file"))


def _of(value: Any, model: str) -> int:
    """A text, token ids, a list of either, or something that is written as JSON."""
    if not value:
        return 0
    if isinstance(value, str):
        return int(token_counter(model=model, text=value))
    if isinstance(value, list):
        if all(isinstance(item, int) for item in value):
            return len(value)
        if all(isinstance(item, (str, list)) for item in value):
            return sum(_of(item, model) for item in value)
    return int(token_counter(model=model, text=json.dumps(value, default=str)))


def _attached(file: Any) -> int:
    """By the size: a path, bytes, an open file, or a tuple that has one of them second."""
    if isinstance(file, tuple) and len(file) > 1:
        file = file[1]
    if isinstance(file, (bytes, bytearray)):
        size = len(file)
    elif isinstance(file, (str, os.PathLike)):
        size = os.path.getsize(file) if os.path.exists(file) else 0
    elif hasattr(file, "seek") and hasattr(file, "tell"):
        here = file.tell()
        size = file.seek(0, os.SEEK_END) or file.tell()
        file.seek(here)
    else:
        size = 0
    return -(-size // _ATTACHED_BYTES_PER_TOKEN)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
