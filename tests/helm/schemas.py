"""Kubernetes' own schemas, strict: a field that there is not is a mistake."""

import functools
import pathlib

import jsonschema
import kubernetes_validate
import yaml

import chart

KUBERNETES = "1.36"
# From the modules of Prometheus' operator and the Gateway API, put there by tests/helm.sh.
CRDS = chart.TOOLS / "crds"
CUSTOM = ("monitoring.coreos.com/", "gateway.networking.k8s.io/")


def validate(thing: dict) -> None:
    """Raises a `ValidationError` that says where."""
    if thing["apiVersion"].startswith(CUSTOM):
        schema = custom(thing["kind"], thing["apiVersion"].split("/")[1])
        # Not `jsonschema.validate`: it checks the schema too, which has Go's regular expressions in it.
        jsonschema.Draft202012Validator(schema).validate(thing)
    else:
        kubernetes_validate.validate(thing, KUBERNETES, strict=True)


@functools.cache
def custom(kind: str, version: str) -> dict:
    for path in CRDS.glob("*.yaml"):
        definition = yaml.safe_load(pathlib.Path(path).read_text())["spec"]
        if definition["names"]["kind"] == kind:
            (found,) = [each for each in definition["versions"] if each["name"] == version]
            return closed(found["schema"]["openAPIV3Schema"], is_top=True)
    raise LookupError(kind)


def closed(schema: dict, is_top: bool = False) -> dict:
    """The schema of a custom resource lets unknown fields pass, to be dropped: this one does not."""
    schema = dict(schema)
    if "properties" in schema:
        schema["properties"] = {name: closed(each) for name, each in schema["properties"].items()}
        if is_top:
            schema["properties"]["metadata"] = {"type": "object"}
        schema.setdefault("additionalProperties", False)
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            schema[inner] = closed(schema[inner])
    return schema
