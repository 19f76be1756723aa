"""What is read of LiteLLM's file, and what is put of it to the server."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from tokenlease.litellm._limits import Limits, not_kept


def limits(**said: Any) -> Limits:
    return Limits.of({"model_name": "g", "litellm_params": said, "model_info": {"id": "d"}})


def day(unit: str, most: int, **more: str) -> Dict[str, Any]:
    return {"unit": unit, "per": "day", "kind": "aligned", "most": most, **more}


HOUR = {"unit": "tokens", "per": "hour", "kind": "aligned", "most": 7}
ANY_DAY = {"unit": "tokens", "per": "24h", "kind": "rolling", "most": 8}


@pytest.mark.parametrize("place", ["litellm_params", "model_info", None])
def test_limits_are_read_wherever_litellm_reads_them(place: Optional[str]) -> None:
    """Older versions send a `tpd` of `litellm_params` to the provider, so there it stands elsewhere."""
    said = {"tpm": 1, "rpm": 2, "tpd": 3, "rpd": 4, "daily_reset_time": "08:30", "itpm": 5, "max_parallel_requests": 6}
    entry: Dict[str, Any] = {"model_name": "g", "litellm_params": {}, "model_info": {"id": "d"}}
    (entry[place] if place else entry).update(said)
    assert Limits.of(entry) == Limits("d", "g", 1, 2, 3, 4, "-08:30")
    assert not_kept(entry) == ["itpm", "max_parallel_requests"]


@pytest.mark.parametrize("time", ["8:00", "24:00", "12:60", "noon", 800])
def test_a_time_of_day_that_is_none_is_refused(time: Any) -> None:
    with pytest.raises(ValueError, match="daily_reset_time"):
        limits(tpd=1, daily_reset_time=time)


def test_limits_of_a_day_are_put_beside_what_somebody_set() -> None:
    found = {"tpm_limit": 9, "limits": [HOUR, day("tokens", 1), ANY_DAY, day("requests", 2, offset="+01:00")]}
    put = limits(tpm=5, tpd=50, daily_reset_time="08:00").put_over(found, 0.0)
    kept = [HOUR, ANY_DAY, day("requests", 2, offset="+01:00")]
    assert put == {"tpm_limit": 5, "limits": [*kept, day("tokens", 50, offset="-08:00")]}
    assert limits(rpm=5).put_over(found, 0.0) == {"rpm_limit": 5, "limits": found["limits"]}
    assert limits(rpm=5).put_over({}, 0.0) == {"rpm_limit": 5}


@pytest.mark.parametrize(
    "found, differing",
    [
        ({"tpm_limit": 5, "limits": [HOUR, day("tokens", 50)]}, []),
        ({"tpm_limit": 5, "limits": [{"unit": "tokens", "per": "day", "most": 50}]}, []),
        ({"tpm_limit": 6, "limits": [day("tokens", 50)]}, ["tpm_limit"]),
        ({"tpm_limit": 5, "limits": [day("tokens", 51)]}, ["limits"]),
        ({"tpm_limit": 5, "limits": [day("tokens", 50, offset="-08:00")]}, ["limits"]),
        ({"tpm_limit": 5}, ["limits"]),
        ({}, ["tpm_limit", "limits"]),
    ],
)
def test_what_the_server_has_otherwise_is_told(found: Dict[str, Any], differing: List[str]) -> None:
    assert limits(tpm=5, tpd=50).differ_from(found, 0.0) == differing


def test_no_share_is_kept_of_what_has_a_day() -> None:
    """A replica alone tells nobody what it uses of the day."""
    assert limits(tpm=100).put_over({}, 0.5) == {"tpm_limit": 50}
    assert limits(tpm=100, rpd=9).put_over({}, 0.5)["tpm_limit"] == 100


def test_only_a_day_that_a_server_might_keep_is_left_out() -> None:
    assert limits(tpm=5, tpd=50).without_days() == limits(tpm=5)
    for said in ({"tpm": 5}, {"tpd": 50}, {"tpm": 5, "tpd": 0}, {}):
        assert limits(**said).without_days() is None
