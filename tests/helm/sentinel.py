"""A Redis and a Sentinel of a test's own, on 127.0.0.1, as charts set them up: both want a password and a certificate."""

import contextlib
import os
import pathlib
import socket
import ssl
import time
from collections.abc import Iterator

import certificates
from cluster.control_plane import free_port, process

PROGRAM = os.environ.get("TOKENLEASE_REDIS_SERVER", "redis-server")
PATIENCE_S = 60
# What docs/redis.md permits the user of the servers.
PERMITTED = "~tl:* +@all -@dangerous +info"


@contextlib.contextmanager
def guarded(folder: pathlib.Path, name: str, user: str, password: str, guard: str, guard_s: str) -> Iterator[str]:
    """Where the Sentinel is, which calls the Redis by this name. Both users, and their passwords."""
    folder.mkdir()
    for file, text in (certificates.secrets()["authority"] | certificates.secrets()["quota-tls"]).items():
        (folder / file).write_text(text)
    redis, sentinel = free_port(), free_port()
    log = folder / "log"
    own = f"requirepass administrator\nuser {user} on >{password} {PERMITTED}\nappendonly yes\nappendfsync always\n"
    watching = f"sentinel monitor {name} 127.0.0.1 {redis} 1\nsentinel auth-pass {name} administrator\n"
    watching += f"user default off\nuser {guard} on >{guard_s} +@all\n"
    with process(log, PROGRAM, written(folder, "redis", redis, own)) as first:
        answers(redis, folder, first)
        with process(log, PROGRAM, written(folder, "sentinel", sentinel, watching), "--sentinel") as second:
            answers(sentinel, folder, second)
            yield f"127.0.0.1:{sentinel}"


def written(folder: pathlib.Path, name: str, port: int, own: str) -> pathlib.Path:
    """The settings of one that speaks nothing but TLS, and wants to see a certificate."""
    (folder / name).mkdir()
    settings = f"bind 127.0.0.1\nport 0\ntls-port {port}\ntls-replication yes\ntls-auth-clients yes\ndir {folder / name}\n"
    settings += f"tls-cert-file {folder}/tls.crt\ntls-key-file {folder}/tls.key\ntls-ca-cert-file {folder}/ca.crt\n"
    path = folder / f"{name}.conf"
    path.write_text(settings + own)
    return path


def answers(port: int, folder: pathlib.Path, server) -> None:
    deadline = time.monotonic() + PATIENCE_S
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    while True:
        assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as stream:
                stream.sendall(b"PING\r\n")
                # Whatever it says: it wants to know who asks.
                if stream.recv(1):
                    return
        time.sleep(0.05)
