"""What LiteLLM's file says of a deployment's limits, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Dict, List, Mapping, Optional

from ._alone import granted

#: The limits that the quota server keeps, by their names in `model_list` and in the server's API.
_KEPT = {"tpm": "tpm_limit", "rpm": "rpm_limit"}
#: Limits of LiteLLM's that it does not keep: LiteLLM goes on doing what it does with them.
_NOT_KEPT = ("itpm", "otpm", "tpd", "rpd", "max_parallel_requests")


class Standing(Enum):
    """What the requests of a deployment meet."""

    KEPT = "kept"
    """They draw from the quota server."""
    FREE = "free"
    """They pass: nobody says that there are limits."""
    UNKNOWN = "unknown"
    """They get 503: there are limits, and the quota server has no such deployment."""


@dataclass(frozen=True)
class Limits:
    """What `model_list` says."""

    id: str
    group: str
    tpm: Optional[int]
    rpm: Optional[int]

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> Limits:
        """Raises `ValueError` or `TypeError` for a limit that is no number."""
        parameters = deployment.get("litellm_params") or {}
        id = str((deployment.get("model_info") or {}).get("id"))
        tpm, rpm = (_limit(deployment, parameters, name) for name in _KEPT)
        return cls(id, str(deployment.get("model_name")), tpm, rpm)

    def has_any(self) -> bool:
        return self.tpm is not None or self.rpm is not None

    def are_those_of(self, other: Limits) -> bool:
        """Whether another entry of the same id, maybe in another group, says the same."""
        return (self.id, self.tpm, self.rpm) == (other.id, other.tpm, other.rpm)

    def standing(self, register: bool, found: Optional[Mapping[str, Any]]) -> Standing:
        """By what the server has of the deployment, and whether these limits are put to it."""
        if register:
            return Standing.KEPT if self.has_any() else Standing.FREE
        if found is not None:
            return Standing.KEPT
        return Standing.UNKNOWN if self.has_any() else Standing.FREE

    def for_server(self, alone_share: float) -> Dict[str, Optional[int]]:
        """What the server may grant, by its own names, where a share is kept for replicas alone."""
        return {
            "tpm_limit": granted(self.tpm, alone_share),
            "rpm_limit": granted(self.rpm, alone_share),
        }

    def differ_from(self, found: Mapping[str, Any], alone_share: float) -> List[str]:
        """The server's names of the limits of which it has something else."""
        wanted = self.for_server(alone_share)
        return [name for name, limit in wanted.items() if found.get(name) != limit]


def not_kept(deployment: Mapping[str, Any]) -> List[str]:
    """Which limits of a deployment the quota server does not keep."""
    parameters = deployment.get("litellm_params") or {}
    return [name for name in _NOT_KEPT if parameters.get(name) is not None]


def _limit(
    deployment: Mapping[str, Any], parameters: Mapping[str, Any], name: str
) -> Optional[int]:
    """LiteLLM takes them from all three places."""
    places = (parameters, deployment, deployment.get("model_info") or {})
    value = next((it[name] for it in places if it.get(name) is not None), None)
    return None if value is None else int(value)
