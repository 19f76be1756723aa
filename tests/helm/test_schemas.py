"""What is rendered is what Kubernetes and Prometheus' operator take."""

import copy

import jsonschema
import kubernetes_validate
import pytest

import chart
import schemas

REFUSALS = (jsonschema.ValidationError, kubernetes_validate.ValidationError)


def test_everything_fits_its_schema(objects: list[dict]):
    assert objects
    for each in objects:
        schemas.validate(each)


def test_names_are_unique(objects: list[dict]):
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", ["Service", "ServiceMonitor", "StatefulSet"])
def test_unknown_fields_are_refused(kind: str):
    rendered = chart.render(chart.SETS / "watched.yaml")
    wrong = copy.deepcopy(chart.of_kind(rendered, kind)[0])
    wrong["spec"]["selectr"] = {}
    with pytest.raises(REFUSALS):
        schemas.validate(wrong)
