from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional
from urllib.parse import urlsplit

from . import _estimate

#: What the proxy's paths end with, and the calls that they make.
_CALLS = {
    "/chat/completions": "acompletion",
    "/completions": "atext_completion",
    "/embeddings": "aembedding",
    "/responses": "aresponses",
    "/messages": "anthropic_messages",
    "/images/generations": "aimage_generation",
}


@dataclass
class Request:
    """What the filter is told of a request: in a proxy all of its body, in a router as a library only its messages."""

    fields: Mapping[str, Any]
    call_type: str
    """LiteLLM's name of the call; empty if what is told is not all that counts."""
    inputs: Dict[Any, int] = field(default_factory=dict)
    """The tokens of its input, by the model whose tokenizer counted them."""

    @classmethod
    def of(cls, messages: Optional[List[Any]], request_kwargs: Optional[Dict[str, Any]]) -> Request:
        kwargs = request_kwargs or {}
        told = kwargs.get("proxy_server_request") or {}
        fields = {**(told.get("body") or {}), **kwargs}
        if messages:
            fields["messages"] = messages
        return cls(fields, _call_type(str(told.get("url") or ""), fields))

    def input_tokens(self, sent: Mapping[str, Any]) -> int:
        """The tokens of the input of what is sent to a deployment. What is the same as here is counted once for each
        model. Raises `Uncountable`."""
        if any(sent.get(name) != self.fields.get(name) for name in _estimate.INPUT):
            return _estimate.input_tokens(sent)
        model = sent.get("model")
        if model not in self.inputs:
            self.inputs[model] = _estimate.input_tokens(sent)
        return self.inputs[model]


def _call_type(url: str, fields: Mapping[str, Any]) -> str:
    path = urlsplit(url).path
    found = next((call for end, call in _CALLS.items() if path.endswith(end)), "")
    return found or ("acompletion" if fields.get("messages") else "")
