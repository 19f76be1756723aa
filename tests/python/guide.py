"""Pastes docs/litellm-start.md into a shell, block by block, as it stands there: but for the ports, which may be somebody
else's on this machine. Needs the wheel in target/wheels, and `quota-server` and `upstream` in PATH.

    python3 tests/python/guide.py
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/litellm-start.md"
BLOCK = re.compile(r"^<!-- run(?P<how>: within a minute)? -->\n```sh\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = ("7700", "9900", "4001", "4002", "4003", "4004", "4005")
#: What the last block must print: how many were let through, and how many not.
SAID = re.compile(r"^\s*27 200\n\s*13 429\n", re.MULTILINE)
#: Of a minute, for forty requests one after another.
ROOM_S = 45.0
TRIES = 3
MARK = "block-is-over"


def blocks(page: str) -> list[tuple[bool, str]]:
    """Each with whether it must be done within one minute."""
    return [(bool(block["how"]), block["code"]) for block in BLOCK.finditer(page)]


def moved(text: str) -> str:
    """The same at free ports."""
    free = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    numbers = {port: str(it.getsockname()[1]) for port, it in zip(PORTS, free)}
    for it in free:
        it.close()
    return re.sub("|".join(PORTS), lambda found: numbers[found[0]], text)


class Shell:
    """Bash with a folder of its own, that ends at the first command that fails, and all that it started with it."""

    def __init__(self, folder: Path) -> None:
        (folder / "target").symlink_to(ROOT / "target")
        environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        self._bash = subprocess.Popen(
            ["bash", "-euo", "pipefail"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def types(self, code: str) -> str:
        """What it prints."""
        assert self._bash.stdin is not None and self._bash.stdout is not None
        self._bash.stdin.write(f"{code}\necho {MARK}\n")
        self._bash.stdin.flush()
        said = ""
        for line in self._bash.stdout:
            if line == f"{MARK}\n":
                return said
            said += line
            print(f"    {line}", end="", flush=True)
        raise SystemExit("the shell has ended: a command failed")

    def end(self) -> None:
        os.killpg(self._bash.pid, signal.SIGTERM)
        self._bash.wait()


def within_a_minute(shell: Shell, code: str) -> str:
    """Again, if it was not: a busy machine may need more than the rest of one."""
    for _ in range(TRIES):
        left_s = 60.0 - time.time() % 60.0
        if left_s < ROOM_S:
            time.sleep(left_s + 0.1)
        minute = time.time() // 60
        said = shell.types(code)
        if time.time() // 60 == minute:
            return said
    raise SystemExit("it takes longer than a minute")


def main() -> int:
    steps = blocks(moved(PAGE.read_text()))
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder))
        said = ""
        try:
            for is_timed, code in steps:
                print(code, end="", flush=True)
                said = within_a_minute(shell, code) if is_timed else shell.types(code)
        finally:
            shell.end()
    is_true = SAID.search(said) is not None and "all add up" in said
    print("the page is true" if is_true else "that is not what the page says")
    return 0 if is_true and len(steps) == 6 else 1


if __name__ == "__main__":
    sys.exit(main())
