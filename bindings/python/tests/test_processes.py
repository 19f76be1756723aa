"""Forks, exits and threads, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from typing import List

from processes import PATIENCE_S, QuotaServer

BEGIN = """
import os, sys, threading, tokenlease
client = tokenlease.Client(sys.argv[1], holder="parent", max_wait=5.0)
deployment = client.deployment("d")
"""


def run(server: QuotaServer, program: str) -> List[str]:
    """The lines that the program prints; it must end by itself, and well."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", BEGIN + program, server.url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return ended.stdout.splitlines()


def used(server: QuotaServer) -> int:
    book = server.book("d")
    return book["granted"]["tokens"] - book["given_back"]["tokens"]


def test_an_exit_gives_everything_back(server: QuotaServer) -> None:
    run(server, "deployment.draw_blocking(10).settle(3)")
    assert used(server) == 3


def test_an_exit_in_the_middle_of_draws_ends(server: QuotaServer) -> None:
    program = """
import asyncio
async def main():
    for _ in range(20): asyncio.ensure_future(deployment.draw(30))
    await asyncio.sleep(0)
try:
    asyncio.run(main())
finally:
    def late():
        try: deployment.draw_blocking(900)
        except tokenlease.Unavailable: pass     # Closed in the meantime.
    threading.Thread(target=late, daemon=True).start()
"""
    run(server, program)


def test_a_child_is_a_holder_of_its_own(server: QuotaServer) -> None:
    program = """
permit = deployment.draw_blocking(10)
pid = os.fork()
if pid == 0:
    permit.settle(0)                      # Of the parent: ends nothing.
    mine = deployment.draw_blocking(20)
    mine.settle(20)
    client.close()
    os._exit(0)
_, status = os.waitpid(pid, 0)
permit.settle(7)
client.close()
print(os.waitstatus_to_exitcode(status))
"""
    assert run(server, program) == ["0"]
    assert used(server) == 27


def test_children_of_a_busy_parent_draw(server: QuotaServer) -> None:
    """Forked while other threads draw and settle, so that locks of the parent's are held."""
    server.put("d", tpm_limit=1_000_000_000)
    program = """
stop = threading.Event()
def busy():
    while not stop.is_set(): deployment.draw_blocking(10).settle(5)
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads: thread.start()
for _ in range(15):
    pid = os.fork()
    if pid == 0:
        deployment.draw_blocking(3).settle(3)
        client.close()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status))
stop.set()
for thread in threads: thread.join()
"""
    assert run(server, program) == ["0"] * 15


def test_all_threads_end_at_the_exit(server: QuotaServer) -> None:
    """What runs at the exit is called before it, to see what is left; the second call finds nothing to do."""
    program = """
deployment.draw_blocking(1).settle(1)
names = lambda: sorted(open(f"/proc/self/task/{t}/comm").read().strip() for t in os.listdir("/proc/self/task"))
assert any("tokenlease" in name for name in names()), names()
tokenlease._client._end()
print([name for name in names() if "tokenlease" in name])
"""
    assert run(server, program) == ["[]"]


def test_waiting_releases_the_interpreter(server: QuotaServer) -> None:
    """The connection is seen while the draw still waits for an answer. On a busy machine once of some times."""
    program = """
import socket
def is_seen():
    silent = socket.create_server(("127.0.0.1", 0))
    urls = "http://127.0.0.1:%d" % silent.getsockname()[1]
    late = tokenlease.Client(urls, max_wait=5.0, shutdown_timeout=0.1)
    def waits():
        try: late.deployment("d").draw_blocking(1)
        except tokenlease.Denied: pass
    thread = threading.Thread(target=waits)
    thread.start()
    silent.accept()
    is_waiting = thread.is_alive()
    thread.join()
    try: late.close()
    except tokenlease.ShutdownError: pass
    return is_waiting
print(any(is_seen() for _ in range(5)))
"""
    assert run(server, program) == ["True"]
