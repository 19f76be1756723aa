"""What LiteLLM's file says of a deployment's limits, and what comes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ._alone import granted

#: The limits of a minute that the quota server keeps, by their names in `model_list` and in the server's API.
_OF_A_MINUTE = {"tpm": "tpm_limit", "rpm": "rpm_limit"}
#: Those of a day, by the unit that they count.
_OF_A_DAY = {"tpd": "tokens", "rpd": "requests"}
#: Limits of LiteLLM's that it does not keep: LiteLLM goes on doing what it does with them.
_NOT_KEPT = ("itpm", "otpm", "max_parallel_requests")
_READ = (*_OF_A_MINUTE, *_OF_A_DAY, "daily_reset_time")
_RESET = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


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
    """What `model_list` says. Equal are those of two entries of one id that say the same, whatever their groups are called."""

    id: str
    group: str = field(compare=False)
    tpm: Optional[int]
    rpm: Optional[int]
    tpd: Optional[int] = None
    rpd: Optional[int] = None
    offset: Optional[str] = None
    """How far ahead of UTC the calendar is by whose day `tpd` and `rpd` count, as the server writes it."""

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> Limits:
        """Raises `ValueError` or `TypeError` for a limit that is no number, or a time of day that is none."""
        id = str((deployment.get("model_info") or {}).get("id"))
        tpm, rpm, tpd, rpd = (_limit(deployment, name) for name in (*_OF_A_MINUTE, *_OF_A_DAY))
        return cls(id, str(deployment.get("model_name")), tpm, rpm, tpd, rpd, _offset(deployment))

    def has_any(self) -> bool:
        return self.tpm is not None or self.rpm is not None or self.has_day_limits()

    def has_day_limits(self) -> bool:
        return self.tpd is not None or self.rpd is not None

    def without_days(self) -> Optional[Limits]:
        """Those of a minute alone; `None` if that says nothing else, or nothing at all, or if one of a day is none that
        a server may keep."""
        days, minute = self._day_limits(), Limits(self.id, self.group, self.tpm, self.rpm)
        is_other = bool(days) and minute.has_any() and all(limit["most"] > 0 for limit in days)
        return minute if is_other else None

    def standing(self, register: bool, found: Optional[Mapping[str, Any]]) -> Standing:
        """By what the server has of the deployment, and whether these limits are put to it."""
        if register:
            return Standing.KEPT if self.has_any() else Standing.FREE
        if found is not None:
            return Standing.KEPT
        return Standing.UNKNOWN if self.has_any() else Standing.FREE

    def put_over(self, found: Mapping[str, Any], alone_share: float) -> Dict[str, Any]:
        """The limits that the server is to have, by its own names, where a share is kept for replicas alone. Those over
        other periods that somebody put there are left, and a day's of which nothing is said here."""
        put = {name: limit for name, limit in self._minute_limits(alone_share).items() if limit is not None}
        days = self._day_limits()
        mine = [limit["unit"] for limit in days]
        longer = [it for it in found.get("limits") or [] if not (_is_of_a_day(it) and it["unit"] in mine)]
        return {**put, "limits": [*longer, *days]} if longer or days else put

    def differ_from(self, found: Mapping[str, Any], alone_share: float) -> List[str]:
        """The server's names of the limits of which it has something else."""
        wanted = self._minute_limits(alone_share)
        differing = [name for name, limit in wanted.items() if found.get(name) != limit]
        kept = [{"kind": "aligned", **limit} for limit in found.get("limits") or []]
        return differing if all(limit in kept for limit in self._day_limits()) else [*differing, "limits"]

    def _minute_limits(self, alone_share: float) -> Dict[str, Optional[int]]:
        # What a replica used alone would be missing in the day's count, so there is no share beside that.
        share = 0.0 if self.has_day_limits() else alone_share
        limits = (self.tpm, self.rpm)
        return {name: granted(limit, share) for name, limit in zip(_OF_A_MINUTE.values(), limits)}

    def _day_limits(self) -> List[Dict[str, Any]]:
        offset = {"offset": self.offset} if self.offset else {}
        limits = zip(_OF_A_DAY.values(), (self.tpd, self.rpd))
        return [
            {"unit": unit, "per": "day", "kind": "aligned", "most": most, **offset}
            for unit, most in limits
            if most is not None
        ]


def without_limits(found: Mapping[str, Any]) -> Dict[str, Any]:
    """The rest of what the server has of a deployment."""
    return {name: value for name, value in found.items() if name not in (*_OF_A_MINUTE.values(), "limits")}


def said_of_limits(deployment: Mapping[str, Any]) -> Tuple[Any, ...]:
    """What `Limits.of` would read, unread: as long as it is the same, so are they."""
    parameters, info = deployment.get("litellm_params") or {}, deployment.get("model_info") or {}
    return tuple([_first(name, parameters, deployment, info) for name in _READ])


def not_kept(deployment: Mapping[str, Any]) -> List[str]:
    """Which limits of a deployment the quota server does not keep."""
    return [name for name in _NOT_KEPT if _said(deployment, name) is not None]


def _is_of_a_day(limit: Mapping[str, Any]) -> bool:
    return limit.get("per") == "day" and limit.get("kind", "aligned") == "aligned"


def _limit(deployment: Mapping[str, Any], name: str) -> Optional[int]:
    value = _said(deployment, name)
    return None if value is None else int(value)


def _said(deployment: Mapping[str, Any], name: str) -> Any:
    """LiteLLM takes `tpm` and its like from all three places."""
    parameters, info = deployment.get("litellm_params") or {}, deployment.get("model_info") or {}
    return _first(name, parameters, deployment, info)


def _first(name: str, parameters: Mapping[str, Any], deployment: Mapping[str, Any], info: Mapping[str, Any]) -> Any:
    value = parameters.get(name)
    if value is None:
        value = deployment.get(name)
    return info.get(name) if value is None else value


def _offset(deployment: Mapping[str, Any]) -> Optional[str]:
    """`daily_reset_time` is when the day begins, in UTC: at 08:00 where the calendar is eight hours behind."""
    reset = _said(deployment, "daily_reset_time")
    if reset is None:
        return None
    found = _RESET.fullmatch(str(reset))
    if found is None:
        raise ValueError(f"daily_reset_time is {reset!r}, and no HH:MM")
    return None if reset == "00:00" else f"-{reset}"
