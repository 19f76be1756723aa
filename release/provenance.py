"""From what a release was made: provenance.py VERSION FOLDER.

A statement of in-toto with a predicate of SLSA's provenance, version 1, about each file of the folder. It is not signed: who publishes it
does that. Times are left out, so that the same commit and tools say the same.
"""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What the parameters and the materials below mean.
BUILD_TYPE = "urn:tokenlease:release:1"
# Of whoever does not say who builds; `BUILDER_ID` names a builder.
BUILDER = "urn:tokenlease:builder:unnamed"


def statement(version: str, folder: pathlib.Path, environment: dict[str, str]) -> dict:
    """About every file there is, but itself."""
    own = f"tokenlease-{version}.intoto.json"
    subject = [{"name": file.name, "digest": {"sha256": digest(file)}} for file in sorted(folder.iterdir()) if file.name != own]
    profile = environment.get("PROFILE", "release")
    parameters = {"version": version, "profile": profile, "registry": environment.get("REGISTRY", ""), "book_url": environment.get("BOOK_URL", "")}
    definition = {
        "buildType": BUILD_TYPE,
        "externalParameters": parameters,
        "internalParameters": {"source_date_epoch": environment.get("SOURCE_DATE_EPOCH", ""), **compilers()},
        "resolvedDependencies": list(materials()),
    }
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": definition,
            "runDetails": {"builder": {"id": environment.get("BUILDER_ID", BUILDER)}},
        },
    }


def digest(file: pathlib.Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def compilers() -> dict[str, str]:
    return {"rustc": said("rustc", "--version"), "go": said("go", "env", "GOVERSION"), "python": sys.version.split()[0]}


def materials() -> Iterator[dict]:
    """The commit, what it pins, and what is taken from packages besides."""
    yield {"uri": "git+tokenlease", "digest": {"gitCommit": said("git", "rev-parse", "HEAD")}}
    for name in ("Cargo.lock", "release/requirements.txt", "tests/python/wheel.txt"):
        yield {"uri": f"file:{name}", "digest": {"sha256": digest(ROOT / name)}}
    yield from crates((ROOT / "Cargo.lock").read_text())
    yield from python_packages()
    yield from go_modules()
    yield certificates()


def certificates() -> dict:
    """What gateways in the image trust of providers."""
    file = pathlib.Path(said(sys.executable, "-m", "certifi"))
    return {"uri": "file:etc/ssl/certs/ca-certificates.crt", "digest": {"sha256": digest(file)}}


def crates(lock: str) -> Iterator[dict]:
    for crate in tomllib.loads(lock)["package"]:
        if "checksum" in crate:
            yield {"uri": f"pkg:cargo/{crate['name']}@{crate['version']}", "digest": {"sha256": crate["checksum"]}}


def python_packages() -> Iterator[dict]:
    """Tools by their version alone: what was installed of them depends on the machine."""
    for name in ("release/requirements.txt", "tests/python/wheel.txt"):
        for line in (ROOT / name).read_text().split():
            package, _, version = line.partition("==")
            yield {"uri": f"pkg:pypi/{package}@{version}"}


def go_modules() -> Iterator[dict]:
    script = (ROOT / "release/build.sh").read_text() + (ROOT / "tests/helm.sh").read_text()
    modules = {
        "UMOCI": "github.com/opencontainers/umoci",
        "ORAS": "oras.land/oras",
        "HELM": "helm.sh/helm/v4",
        "HELM_DOCS": "github.com/norwoodj/helm-docs",
    }
    for variable, module in modules.items():
        (version,) = re.findall(rf"^{variable}=(\S+)$", script, re.MULTILINE)
        yield {"uri": f"pkg:golang/{module}@{version}"}


if __name__ == "__main__":
    print(json.dumps(statement(sys.argv[1], pathlib.Path(sys.argv[2]), dict(os.environ)), indent=1))
