"""Kubernetes' API over HTTP, as far as the tests ask it."""

import dataclasses
import functools
import json
import pathlib
import ssl
import urllib.error
import urllib.request


class Refused(Exception):
    """What the API server says when it does not do what it was asked."""

    def __init__(self, status: int, message: str):
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclasses.dataclass(frozen=True)
class Api:
    url: str
    token: str
    certificate: pathlib.Path

    def ask(self, method: str, path: str, body: object = None, kind: str = "application/json") -> dict:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=trusting(self.certificate)) as answer:
                text = answer.read()
                return json.loads(text) if text.startswith(b"{") else {"text": text.decode()}
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode()) from None

    def read(self, path: str) -> dict | None:
        """`None`: it is not there."""
        try:
            return self.ask("GET", path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def merge(self, path: str, change: dict) -> dict:
        return self.ask("PATCH", path, change, "application/merge-patch+json")


@functools.cache
def trusting(certificate: pathlib.Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


# The plural names under which the API has what the chart makes.
PLURALS = {
    "Ingress": "ingresses",
    "NetworkPolicy": "networkpolicies",
    "BackendTLSPolicy": "backendtlspolicies",
}


def path_of(thing: dict, namespace: str) -> str:
    """Where the API has an object; in this namespace, if it does not say."""
    version, kind = thing["apiVersion"], thing["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = PLURALS.get(kind, kind.lower() + "s")
    metadata = thing["metadata"]
    return f"{root}/namespaces/{metadata.get('namespace', namespace)}/{plural}/{metadata['name']}"
