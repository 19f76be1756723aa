"""Installs what a list names into an environment of its own, with pip. LiteLLM's proxy asks for packages of LiteLLM's own in one
version each, of which a registry may lack some: then what it has just before that version is taken, if it has any.

    python3 tests/python/install.py tests/python/litellm-1.110.txt target/venvs/litellm-1.110
"""

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import List

PROXY = "litellm[proxy]=="
#: What the proxy asks for, as the package that is installed says; those of LiteLLM's own apart.
ASKED = """
import json
from importlib.metadata import requires
from pip._vendor.packaging.requirements import Requirement
own, others = [], []
for it in map(Requirement, requires("litellm")):
    if it.marker and it.marker.evaluate({"extra": "proxy"}) and not it.marker.evaluate({"extra": ""}):
        it.marker = None
        (own if it.name.startswith("litellm") else others).append(str(it))
print(json.dumps([own, others]))
"""


def install(wanted: List[str], folder: Path) -> Path:
    """The Python of the environment. Raises `CalledProcessError` if something cannot be had."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    if pip(python, *wanted):
        return python
    proxies = [it for it in wanted if it.startswith(PROXY)]
    rest = [it.replace(PROXY, "litellm==") for it in wanted]
    if not proxies or not pip(python, *rest):
        raise subprocess.CalledProcessError(1, ["pip", "install", *wanted])
    own, others = json.loads(subprocess.check_output([python, "-c", ASKED]))
    if not pip(python, *others):
        raise subprocess.CalledProcessError(1, ["pip", "install", *others])
    for asked in own:
        install_near(python, asked)
    return python


def install_near(python: Path, asked: str) -> None:
    """Alone: what it asks for itself has been asked for."""
    if pip(python, "--no-deps", asked):
        return
    near = asked.replace("==", "<=")
    taken = near if pip(python, "--no-deps", near) else "nothing"
    print(f"the registry has no {asked}: {taken} is in its place", flush=True)


def pip(python: Path, *arguments: str) -> bool:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    listed, place = map(Path, sys.argv[1:])
    install(listed.read_text().split(), place)
