"""`tokenlease doctor --config`: what a file of LiteLLM's would come to, with LiteLLM's proxy beside a real server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional
from unittest.mock import patch

import pytest

from litellm.types.router import GenericLiteLLMParams

from processes import QuotaServer
from test_doctor import Guarded, codes
from tokenlease import _doctor

LINE = {"success_callback": ["tokenlease.litellm.plugin"]}
ENOUGH = {"max_parallel_requests": 1_000}


def entry(group: str, id: Optional[str], **parameters: Any) -> Dict[str, Any]:
    sent = {"model": "openai/gpt-4o", "api_key": "os.environ/PROVIDER_KEY", **parameters}
    named = {} if id is None else {"model_info": {"id": id}}
    return {"model_name": group, "litellm_params": sent, **named}


class Place:
    def __init__(self, server: QuotaServer, folder: Path) -> None:
        self.server, self.folder = server, folder

    def doctor(
        self,
        entries: List[Dict[str, Any]],
        processes: Optional[int] = None,
        env: Optional[Dict[str, str]] = None,
        **sections: Any,
    ) -> Dict[str, Any]:
        file = self.folder / "config.yaml"
        file.write_text(json.dumps({"model_list": entries, "litellm_settings": LINE, **sections}))
        environment = {"QUOTA_URL": self.server.url, "PROVIDER_KEY": "sk-secret", **(env or {})}
        # The file may set more of it.
        with patch.dict(os.environ, environment):
            report = _doctor.run(str(file), processes)
        return json.loads(json.dumps(report.as_json()))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    server = QuotaServer(tmp_path / "data")
    server.put("d", tpm_limit=1_000, rpm_limit=100)
    yield Place(server, tmp_path)
    server.stop()


def about(said: Dict[str, Any], code: str) -> List[Optional[str]]:
    return [finding["about"] for finding in said["findings"] if finding["code"] == code]


def test_each_entry_is_told_by_what_it_is_limited(place: Place) -> None:
    place.server.put("other", rpm_limit=7)
    said = place.doctor(
        [
            entry("same", "d", tpm=1_000, rpm=100, **ENOUGH),
            entry("without", "other", **ENOUGH),
            entry("free", "f"),
            entry("unknown", "u", rpm=5, **ENOUGH),
        ]
    )
    told = {it["group"]: (it["standing"], it["limits"]) for it in said["entries"]}
    assert told == {
        "same": ("kept", {"tpm_limit": 1_000, "rpm_limit": 100}),
        "without": ("kept", {"rpm_limit": 7}),
        "free": ("free", {}),
        "unknown": ("unknown", {}),
    }
    assert (said["ok"], codes(said, "error"), about(said, "deployment_unknown")) == (False, ["deployment_unknown"], ["u"])
    assert "sk-secret" not in json.dumps(said)


def test_limits_that_differ_are_told_and_which_of_them_count(place: Place) -> None:
    entries = [entry("g", "d", tpm=500, rpm=100, **ENOUGH)]
    said = place.doctor(entries)
    assert (said["ok"], about(said, "limit_differs")) == (True, ["d"])
    assert said["entries"][0]["limits"] == {"tpm_limit": 1_000, "rpm_limit": 100}
    said = place.doctor(entries, env={"QUOTA_REGISTER": "1"})
    assert (said["ok"], about(said, "limit_differs")) == (True, ["d"])
    assert said["entries"][0]["limits"] == {"tpm_limit": 500, "rpm_limit": 100}
    share = {"QUOTA_REGISTER": "1", "QUOTA_ALONE_SHARE": "0.5"}
    said = place.doctor([entry("g", "d", tpm=2_000, rpm=200, **ENOUGH)], env=share)
    assert about(said, "limit_differs") == [], "the server has what is left of the share"
    assert place.server.catalogue()[0]["version"] == 1, "nothing was put"


def test_limits_of_a_day_are_told(place: Place) -> None:
    entries = [entry("new", "n", tpm=50, **ENOUGH)]
    entries[0]["model_info"].update(tpd=500, daily_reset_time="08:00")
    env = {"QUOTA_REGISTER": "1", "QUOTA_ALONE_SHARE": "0.5"}
    said = place.doctor(entries, env=env)
    day = {"unit": "tokens", "per": "day", "kind": "aligned", "most": 500, "offset": "-08:00"}
    assert said["entries"][0]["limits"] == {"tpm_limit": 50, "limits": [day]}
    assert said["entries"][0]["text"] == "is kept at 50 tokens a minute, 500 tokens a day"
    assert about(said, "no_share") == ["n"], "there is none beside a day's"


def test_what_this_litellm_would_send_to_the_provider_is_told(place: Place) -> None:
    """The newer ones know these fields."""
    is_old = "tpd" not in GenericLiteLLMParams.model_fields
    said = place.doctor([entry("g", "d", tpm=1_000, rpm=100, tpd=5, **ENOUGH)])
    assert about(said, "sent_to_provider") == (["d"] if is_old else [])
    beside = entry("g", "d", tpm=1_000, rpm=100, **ENOUGH)
    beside["model_info"]["tpd"] = 5
    said = place.doctor([beside])
    assert (said["ok"], about(said, "limit_differs")) == (True, ["d"])


def test_what_is_registered_is_not_unknown(place: Place) -> None:
    said = place.doctor(
        [entry("new", "n", rpm=5, **ENOUGH), entry("none", "d")], env={"QUOTA_REGISTER": "1"}
    )
    assert said["ok"]
    assert [it["standing"] for it in said["entries"]] == ["kept", "free"]
    assert about(said, "limit_ignored") == ["d"]


@pytest.mark.parametrize("role, errors", [("gateway", ["credential"]), ("admin", [])])
def test_a_credential_that_may_not_register_is_told(tmp_path: Path, role: str, errors: List[str]) -> None:
    guarded = Guarded(tmp_path)
    try:
        env = {"QUOTA_REGISTER": "1", "QUOTA_TOKEN": guarded.tokens[role]}
        said = Place(guarded.server, tmp_path).doctor([entry("g", "new", rpm=5, **ENOUGH)], env=env)
    finally:
        guarded.server.stop()
    assert codes(said, "error") == errors


def test_the_file_sets_the_environment(place: Place) -> None:
    """As it does in the proxy."""
    said = place.doctor(
        [entry("new", "n", rpm=5, **ENOUGH)],
        environment_variables={"QUOTA_REGISTER": "1"},
    )
    assert (said["ok"], said["entries"][0]["standing"]) == (True, "kept")


#: Where no LiteLLM reads it: newer ones refuse the file otherwise.
NO_TIME = entry("g", "d", rpm=9, **ENOUGH)
NO_TIME["model_info"].update(rpd=9, daily_reset_time="8:00")
LIMITED = [entry("g", "d", tpm=1_000, rpm=100, **ENOUGH)]


@pytest.mark.parametrize(
    "level, code, change",
    [
        ("error", "line_missing", {"litellm_settings": {}}),
        ("error", "line_missing", {"litellm_settings": {"success_callback": "prometheus"}}),
        ("warning", "own_limits", {"router_settings": {"routing_strategy": "usage-based-routing-v2"}}),
        ("warning", "own_limits", {"router_settings": {"optional_pre_call_checks": ["enforce_model_rate_limits"]}}),
        ("warning", "slots", {"entries": [entry("g", "d", tpm=1_000, rpm=100)]}),
        ("warning", "limit_not_kept", {"entries": [entry("g", "d", tpm=1_000, rpm=100, itpm=5, **ENOUGH)]}),
        ("warning", "limit_differs", {"entries": [entry("g", "d", tpm=1_000, rpm=100, tpd=5, **ENOUGH)]}),
        ("error", "limit_unreadable", {"entries": [NO_TIME]}),
        ("note", "per_process", {}),
        ("warning", "id_missing", {"entries": [entry("g", None)]}),
        ("warning", "id_twice", {"entries": LIMITED + [entry("h", "d", tpm=2_000, rpm=100, **ENOUGH)]}),
        ("warning", "speech", {"entries": [entry("s", "s", model="openai/tts-1")]}),
        ("warning", "cools_down", {"entries": [entry("s", "s", cooldown_time=5)]}),
        ("warning", "not_seen", {"general_settings": {"pass_through_endpoints": [{"path": "/p", "target": "t"}]}}),
        ("error", "file_unreadable", {"include": ["there-is-none.yaml"]}),
        ("error", "setting", {"environment_variables": {"QUOTA_PERMIT_TIMEOUT_S": "0"}}),
        ("error", "processes", {"processes": 9, "share": "8"}),
        ("error", "processes", {"environment_variables": {"NUM_WORKERS": "9"}, "share": "8"}),
        ("warning", "no_share", {"share": "500"}),
    ],
)
def test_a_trap_is_told(place: Place, level: str, code: str, change: Dict[str, Any]) -> None:
    change = dict(change)
    entries = change.pop("entries", LIMITED)
    env = {}
    if share := change.pop("share", None):
        env = {"QUOTA_REGISTER": "1", "QUOTA_ALONE_SHARE": "0.5", "QUOTA_ALONE_REPLICAS": share}
    said = place.doctor(entries, env=env, **change)
    assert code in codes(said, level)


def test_nothing_is_told_where_nothing_is_wrong(place: Place) -> None:
    said = place.doctor(LIMITED)
    assert (said["ok"], codes(said, "error"), codes(said, "warning")) == (True, [], [])
    assert said["litellm"]
